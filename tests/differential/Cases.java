// The cases; see Differential.java for the notation.
import java.util.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.*;

class Cases extends Differential {
    // What Kafka takes and should not.
    static final Set<String> ODD = new TreeSet<>(List.of("made raw gap", "made raw from one", "made gzip junk after", "made lz4 junk after"));
    static {
        for (String c : List.of("gzip", "snappy", "lz4", "zstd")) for (String l : List.of("long", "short", "negative")) ODD.add("made " + c + " " + l);
    }

    static String produce(String topic, int partition, String records, int acks) {
        return "{acks:" + acks + ",timeoutMs:5000,topicData:[{name:'" + topic + "',topicId:'$id:" + topic + "',partitionData:[{index:"
            + partition + ",records:" + (records == null ? "null" : "'@" + records + "'") + "}]}]}";
    }
    static String fetchTopic(String topic, int partition, long offset, String more) {
        return "{topic:'" + topic + "',topicId:'$id:" + topic + "',partitions:[{partition:" + partition + ",fetchOffset:" + offset
            + ",partitionMaxBytes:1048576,logStartOffset:-1" + more + "}]}";
    }
    static String fetch(String more, String... topics) {
        return "{maxWaitMs:10,minBytes:0,maxBytes:10485760,replicaState:{replicaId:-1}" + more + ",topics:[" + String.join(",", topics) + "]}";
    }
    static String fetchPlain(String more, String... topics) {
        return "{maxWaitMs:10,minBytes:0,maxBytes:10485760" + more + ",topics:[" + String.join(",", topics) + "]}";
    }
    static void create(String name, int partitions, String configs) throws Exception {
        top("CreateTopics", "setup of " + name, "{timeoutMs:10000,topics:[{name:'" + name + "',numPartitions:" + partitions + ",replicationFactor:1,configs:[" + configs + "]}]}");
        for (int p = 0; p < partitions; p++) top("ListOffsets", "setup of " + name, offsetOf(name, p, -1));
    }
    static String offsetOf(String topic, int partition, long time) {
        return "{replicaId:-1,topics:[{name:'" + topic + "',partitions:[{partitionIndex:" + partition + ",timestamp:" + time + "}]}]}";
    }

    static void run() throws Exception {
        makeRecords();
        create("full", 2, "");
        create("empty", 1, "");
        create("small", 1, "{name:'max.message.bytes',value:'200'}");
        create("compact", 1, "{name:'cleanup.policy',value:'compact'}");
        create("odd", 1, "");
        create("packed", 1, "{name:'compression.type',value:'zstd'}");
        create("fair", 3, "");
        for (int p = 0; p < 3; p++) top("Produce", "setup", produce("fair", p, "three", -1));
        create("bounded", 1, "{name:'message.timestamp.before.max.ms',value:'86400000'}");
        create("stamped", 1, "{name:'message.timestamp.type',value:'LogAppendTime'}");
        for (String b : List.of("three", "gzip", "lz4")) top("Produce", "setup", produce("full", 0, b, -1));
        guard("metadata", Cases::metadata);
        guard("topics", Cases::topics);
        guard("configs", Cases::configs);
        guard("zero bytes", Cases::zeroBytes);
        guard("offsets", Cases::offsets);
        guard("producing", Cases::producing);
        guard("odd records", Cases::odd);
        guard("fetching", Cases::fetching);
        guard("sessions", Cases::sessions);
        guard("groups", Cases::groups);
        guard("pairs", Cases::pairs);
        guard("commits", Cases::commits);
        guard("rest", Cases::rest);
        guard("markers", Cases::markers);
        guard("moves", Cases::moves);
        guard("consoles", Cases::consoles);
        guard("features", Cases::features);
        guard("limits", Cases::limits);
        guard("deletion", Cases::deletion);
        guard("versions", Cases::unknownVersions);
    }
    interface Part { void run() throws Exception; }
    static void guard(String name, Part p) {
        try { p.run(); } catch (Throwable e) { failed++; System.out.println("FAIL " + name + ": " + e); e.printStackTrace(System.out); }
    }

    // One record of few bytes, its fields in order: every length is a single byte.
    static byte[] record(long time, int delta, String key, String value, int headers) throws Exception {
        var b = new java.io.ByteArrayOutputStream();
        var d = new java.io.DataOutputStream(b);
        d.writeByte(0);
        org.apache.kafka.common.utils.ByteUtils.writeVarlong(time, d);
        for (Object o : new Object[] {delta, key, value, headers}) {
            if (o instanceof Integer) org.apache.kafka.common.utils.ByteUtils.writeVarint((Integer) o, d);
            else {
                org.apache.kafka.common.utils.ByteUtils.writeVarint(o == null ? -1 : ((String) o).length(), d);
                if (o != null) d.writeBytes((String) o);
            }
        }
        var whole = new java.io.ByteArrayOutputStream();
        org.apache.kafka.common.utils.ByteUtils.writeVarint(b.size(), new java.io.DataOutputStream(whole));
        whole.write(b.toByteArray());
        return whole.toByteArray();
    }
    static byte[] fill(int n, int v) { byte[] b = new byte[n]; Arrays.fill(b, (byte) v); return b; }
    // A batch whose head is right and whose body is this.
    static byte[] made(Compression c, int count, byte[] body) throws Exception {
        var out = new org.apache.kafka.common.utils.ByteBufferOutputStream(512);
        try (var packer = c.wrapForOutput(out, (byte) 2)) { packer.write(body); }
        byte[] packed = new byte[out.position()];
        out.buffer().flip().get(packed);
        byte[] head = Arrays.copyOf(records.get("one"), 61);
        head = poke(poke(poke(head, 22, c.type().id), 26, count - 1), 60, count);
        return length(join(head, packed));
    }
    static byte[] length(byte[] b) {
        b = b.clone();
        java.nio.ByteBuffer.wrap(b).putInt(8, b.length - 12);
        return crc(b);
    }

    static void makeRecords() throws Exception {
        byte[] one = bytes(MemoryRecords.withRecords(Compression.NONE, recs(0, 1)));
        byte[] three = bytes(MemoryRecords.withRecords(Compression.NONE, recs(0, 3)));
        records.put("one", one);
        records.put("three", three);
        records.put("two", join(one, one));
        records.put("gzip", bytes(MemoryRecords.withRecords(Compression.gzip().build(), recs(3, 3))));
        records.put("snappy", bytes(MemoryRecords.withRecords(Compression.snappy().build(), recs(3, 3))));
        records.put("lz4", bytes(MemoryRecords.withRecords(Compression.lz4().build(), recs(6, 3))));
        records.put("zstd", bytes(MemoryRecords.withRecords(Compression.zstd().build(), recs(6, 3))));
        records.put("none", new byte[0]);
        records.put("badcrc", poke(one, one.length - 1, 'X'));
        records.put("cut", Arrays.copyOf(three, three.length - 5));
        records.put("tail", join(one, new byte[7]));
        records.put("short", Arrays.copyOf(one, 30));
        records.put("magic1", bytes(MemoryRecords.withRecords((byte) 1, Compression.NONE, recs(0, 1))));
        records.put("magic0", bytes(MemoryRecords.withRecords((byte) 0, Compression.NONE, new SimpleRecord(-1L, "k".getBytes(), "v".getBytes()))));
        records.put("magic9", poke(one, 16, 9));
        records.put("count", crc(poke(three, 60, 2)));
        records.put("countmore", crc(poke(three, 60, 9)));
        records.put("countzero", crc(poke(three, 60, 0)));
        records.put("delta", crc(poke(three, 26, 7)));
        records.put("codec5", crc(poke(three, 22, 5)));
        records.put("gziplie", crc(poke(three, 22, 1)));
        records.put("control", bytes(MemoryRecords.withEndTransactionMarker(77, (short) 0, new EndTransactionMarker(ControlRecordType.COMMIT, 0))));
        records.put("txn", bytes(MemoryRecords.withTransactionalRecords(Compression.NONE, 78, (short) 0, 0, recs(0, 1))));
        records.put("baseoffset", bytes(MemoryRecords.withRecords(100L, Compression.NONE, recs(0, 2))));
        records.put("epoch", poke(one, 15, 7));
        records.put("big", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T0, null, new byte[500]))));
        records.put("bigdefault", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T0, null, new byte[1100000]))));
        records.put("nokey", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T0, null, "v".getBytes()))));
        records.put("nullvalue", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T0, "k".getBytes(), null))));
        records.put("notime", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(-1L, "k".getBytes(), "v".getBytes()))));
        records.put("future", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(T0 + 7200000L, "k".getBytes(), "v".getBytes()))));
        records.put("past", bytes(MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(1000L, "k".getBytes(), "v".getBytes()))));
        records.put("appendtime", bytes(MemoryRecords.withRecords((byte) 2, 0L, Compression.NONE, org.apache.kafka.common.record.TimestampType.LOG_APPEND_TIME, recs(0, 1))));
        records.put("tail20", join(one, new byte[20]));
        records.put("tailcut", join(one, Arrays.copyOf(three, three.length - 5)));
        records.put("tailmagic", join(one, poke(one, 16, 9)));
        records.put("lastdeltaneg", crc(poke(three, 23, 255)));
        records.put("basenegative", poke(one, 0, 255));
        records.put("tiny", poke(poke(Arrays.copyOf(one, 26), 11, 14), 9, 0));
        records.put("head50", crc(poke(poke(Arrays.copyOf(one, 50), 11, 38), 10, 0)));
        for (int n : new int[] {51, 53, 56, 57}) records.put("head" + n, crc(poke(poke(Arrays.copyOf(one, n), 11, n - 12), 10, 0)));
        records.put("head60", crc(poke(poke(Arrays.copyOf(one, 60), 11, 48), 10, 0)));
        records.put("tinylength", poke(one, 11, 13));
        records.put("lengthnegative", poke(one, 8, 255));
        records.put("txnbad", poke(records.get("txn"), 16, 1));
        records.put("controlplain", crc(poke(one, 22, 32)));
        records.put("sequenceonly", crc(poke(poke(poke(poke(one, 53, 0), 54, 0), 55, 0), 56, 0)));
        records.put("maxtime", crc(poke(three, 42, 0)));
        records.put("producernosequence", crc(poke(poke(poke(poke(poke(poke(poke(poke(one, 43, 0), 44, 0), 45, 0), 46, 0), 47, 0), 48, 0), 49, 0), 50, 9)));
        records.put("highattributes", crc(poke(one, 21, 0x7f)));
        records.put("horizon", crc(poke(one, 22, 64)));
        byte[] good = record(0, 0, "k", "v", 0), second = record(0, 1, "k", "v", 0), key = record(0, 0, null, "v", 0);
        for (var c : Map.of("raw", Compression.NONE, "gzip", Compression.gzip().build(), "snappy", Compression.snappy().build(), "lz4", Compression.lz4().build(), "zstd", Compression.zstd().build()).entrySet()) {
            String n = "made " + c.getKey() + " ";
            Compression k = c.getValue();
            records.put(n + "good", made(k, 2, join(good, second)));
            records.put(n + "gap", made(k, 2, join(good, record(0, 5, "k", "v", 0))));
            records.put(n + "from one", made(k, 1, second));
            records.put(n + "repeats", made(k, 2, join(good, good)));
            records.put(n + "backwards", made(k, 2, join(second, good)));
            records.put(n + "long delta", made(k, 1, new byte[] {26, 0, 0, (byte) 128, (byte) 128, (byte) 128, (byte) 128, (byte) 128, 0, 2, 'k', 2, 'v', 0}));
            records.put(n + "too few", made(k, 2, good));
            records.put(n + "too many", made(k, 1, join(good, second)));
            records.put(n + "bytes after", made(k, 1, join(good, new byte[3])));
            records.put(n + "nothing", made(k, 1, new byte[0]));
            records.put(n + "long", made(k, 1, poke(good, 0, 100)));
            records.put(n + "short", made(k, 1, poke(good, 0, 6)));
            records.put(n + "negative", made(k, 1, poke(good, 0, 1)));
            records.put(n + "key too long", made(k, 1, poke(good, 4, 80)));
            records.put(n + "key length -2", made(k, 1, poke(good, 4, 3)));
            records.put(n + "value too long", made(k, 1, poke(good, 6, 80)));
            records.put(n + "header count", made(k, 1, poke(good, 8, 8)));
            records.put(n + "header count -1", made(k, 1, poke(good, 8, 1)));
            records.put(n + "endless number", made(k, 1, join(new byte[] {40}, fill(20, 255))));
            records.put(n + "no key", made(k, 1, key));
            records.put(n + "record attributes", made(k, 1, poke(good, 1, 3)));
            records.put(n + "old", made(k, 1, record(-T0 + 1000, 0, "k", "v", 0)));
            records.put(n + "future", made(k, 1, record(7200000, 0, "k", "v", 0)));
            records.put(n + "zero time", made(k, 1, record(-T0 - 1, 0, "k", "v", 0)));
            if (k == Compression.NONE) continue;
            byte[] packed = made(k, 2, join(good, second));
            records.put(n + "cut", length(Arrays.copyOf(packed, packed.length - 6)));
            records.put(n + "cut early", length(Arrays.copyOf(packed, 64)));
            records.put(n + "no bytes", length(Arrays.copyOf(packed, 61)));
            if (k.type() != org.apache.kafka.common.record.internal.CompressionType.SNAPPY) // it has no checksum
                records.put(n + "damaged", crc(poke(packed, packed.length - 9, packed[packed.length - 9] ^ 0x55)));
            records.put(n + "damaged head", crc(poke(packed, 62, 0x55)));
            records.put(n + "junk after", length(join(packed, new byte[5])));
            records.put(n + "not at all", crc(poke(made(Compression.NONE, 2, join(good, second)), 22, k.type().id)));
        }
        records.put("junk", "this is not a batch of records, but it is long enough to look like one, or is it not?".getBytes());
    }

    static void metadata() throws Exception {
        String api = "Metadata";
        all(api, "all", "{topics:null}");
        all(api, "none", "{topics:[]}");
        all(api, "one", "{topics:[{name:'full'}]}");
        all(api, "two and unknown", "{topics:[{name:'full'},{name:'empty'},{name:'unknown'}]}");
        all(api, "twice", "{topics:[{name:'full'},{name:'full'}]}");
        all(api, "unknown, creation allowed", "{topics:[{name:'unknown'}],allowAutoTopicCreation:true}");
        all(api, "unknown, creation not allowed", "{topics:[{name:'unknown'}],allowAutoTopicCreation:false}");
        all(api, "bad name", "{topics:[{name:'a b'}]}");
        all(api, "empty name", "{topics:[{name:''}]}");
        all(api, "dots", "{topics:[{name:'..'}]}");
        all(api, "internal", "{topics:[{name:'__consumer_offsets'}]}");
        all(api, "operations of the topic", "{topics:[{name:'full'}],includeTopicAuthorizedOperations:true}");
        all(api, "operations of the cluster", "{topics:[],includeClusterAuthorizedOperations:true}");
        all(api, "by id", "{topics:[{name:null,topicId:'$id:full'}]}");
        all(api, "by unknown id", "{topics:[{name:null,topicId:'AAAAAAAAAAAAAAAAAAAAAQ'}]}");
        all(api, "by id and name", "{topics:[{name:'full',topicId:'$id:full'}]}");
        all(api, "by zero id", "{topics:[{name:null}]}");
        all(api, "by id and by name", "{topics:[{name:null,topicId:'$id:full'},{name:'empty'}]}");
        all(api, "by id twice", "{topics:[{name:null,topicId:'$id:full'},{name:null,topicId:'$id:full'},{name:null,topicId:'AAAAAAAAAAAAAAAAAAAAAQ'},{name:null,topicId:'AAAAAAAAAAAAAAAAAAAAAQ'}]}");
        all(api, "unknown names twice", "{topics:[{name:'unknown'},{name:'unknown'},{name:'a b'},{name:'a b'}]}");
        all(api, "by id of one and name of another", "{topics:[{name:'empty',topicId:'$id:full'}]}");
        all(api, "operations of unknown ones", "{topics:[{name:'unknown'},{name:'a b'},{name:'full'}],includeTopicAuthorizedOperations:true}");
        all(api, "operations of unknown ids", "{topics:[{name:null,topicId:'AAAAAAAAAAAAAAAAAAAAAQ'},{name:null,topicId:'$id:full'}],includeTopicAuthorizedOperations:true}");
        all(api, "zero ids twice", "{topics:[{name:null},{name:null}]}");
        api = "DescribeCluster";
        all(api, "brokers", "{}");
        all(api, "operations", "{includeClusterAuthorizedOperations:true}");
        all(api, "controllers", "{endpointType:2}");
        all(api, "bad endpoint type", "{endpointType:3}");
        all(api, "fenced", "{includeFencedBrokers:true}");
        api = "DescribeTopicPartitions";
        all(api, "all", "{topics:[]}");
        all(api, "named", "{topics:[{name:'small'},{name:'full'}]}");
        all(api, "twice", "{topics:[{name:'full'},{name:'full'}]}");
        all(api, "unknown", "{topics:[{name:'unknown'},{name:'full'}]}");
        all(api, "bad name", "{topics:[{name:'a b'}]}");
        all(api, "limit 1", "{topics:[{name:'full'},{name:'empty'}],responsePartitionLimit:1}");
        all(api, "limit 2", "{topics:[{name:'full'},{name:'empty'}],responsePartitionLimit:2}");
        all(api, "limit 3", "{topics:[{name:'full'},{name:'empty'},{name:'small'}],responsePartitionLimit:3}");
        all(api, "limit 0", "{topics:[{name:'full'}],responsePartitionLimit:0}");
        all(api, "limit -1", "{topics:[{name:'full'}],responsePartitionLimit:-1}");
        all(api, "limit 5000", "{topics:[{name:'full'}],responsePartitionLimit:5000}");
        all(api, "cursor", "{topics:[{name:'full'},{name:'empty'},{name:'small'}],cursor:{topicName:'full',partitionIndex:1}}");
        all(api, "cursor to the end", "{topics:[{name:'full'}],cursor:{topicName:'full',partitionIndex:2}}");
        all(api, "cursor beyond", "{topics:[{name:'full'},{name:'small'}],cursor:{topicName:'full',partitionIndex:20}}");
        all(api, "cursor negative", "{topics:[{name:'full'}],cursor:{topicName:'full',partitionIndex:-1}}");
        all(api, "cursor of an unknown topic", "{topics:[{name:'full'},{name:'empty'}],cursor:{topicName:'f',partitionIndex:1}}");
        all(api, "cursor between", "{topics:[{name:'full'},{name:'empty'}],cursor:{topicName:'ff',partitionIndex:0}}");
        all(api, "cursor negative among all", "{topics:[],cursor:{topicName:'full',partitionIndex:-1}}");
        all(api, "cursor unknown among all", "{topics:[],cursor:{topicName:'fulk',partitionIndex:3}}");
        all(api, "cursor of another topic", "{topics:[{name:'full'}],cursor:{topicName:'small',partitionIndex:0}}");
        all(api, "cursor of an earlier topic", "{topics:[{name:'full'}],cursor:{topicName:'empty',partitionIndex:0}}");
        all(api, "cursor among all", "{topics:[],cursor:{topicName:'full',partitionIndex:1},responsePartitionLimit:1}");
        all(api, "cursor unknown in the list", "{topics:[{name:'small'},{name:'unknown'}],cursor:{topicName:'unknown',partitionIndex:0}}");
    }

    static void topics() throws Exception {
        String api = "CreateTopics", t = "{timeoutMs:10000,topics:[{name:'c-%'";
        all(api, "one", t + ",numPartitions:2,replicationFactor:1}]}");
        all(api, "defaults", t + ",numPartitions:-1,replicationFactor:-1}]}");
        all(api, "with configs", t + ",numPartitions:1,replicationFactor:1,configs:[{name:'retention.ms',value:'1000'},{name:'cleanup.policy',value:'compact,delete'}]}]}");
        all(api, "validate only", "{validateOnly:true" + "," + t.substring(1) + ",numPartitions:2,replicationFactor:1}]}");
        all(api, "validate only, existing", "{validateOnly:true,timeoutMs:10000,topics:[{name:'full',numPartitions:1,replicationFactor:1}]}");
        all(api, "existing", "{timeoutMs:10000,topics:[{name:'full',numPartitions:1,replicationFactor:1}]}");
        all(api, "existing and new", "{timeoutMs:10000,topics:[{name:'full',numPartitions:1,replicationFactor:1},{name:'c-%',numPartitions:1,replicationFactor:1}]}");
        all(api, "twice", "{timeoutMs:10000,topics:[{name:'c-%',numPartitions:1,replicationFactor:1},{name:'c-%',numPartitions:2,replicationFactor:1},{name:'d-%',numPartitions:2,replicationFactor:1}]}");
        all(api, "none", "{timeoutMs:10000,topics:[]}");
        for (String bad : List.of("", ".", "..", "a b", "a/b", "é", "x".repeat(250)))
            all(api, "name " + (bad.length() > 9 ? "too long" : bad), "{timeoutMs:10000,topics:[{name:'" + bad + "',numPartitions:1,replicationFactor:1}]}");
        all(api, "longest name", "{timeoutMs:10000,validateOnly:true,topics:[{name:'" + "x".repeat(249) + "',numPartitions:1,replicationFactor:1}]}");
        all(api, "internal name", "{timeoutMs:10000,topics:[{name:'__consumer_offsets',numPartitions:1,replicationFactor:1}]}");
        all(api, "metadata name", "{timeoutMs:10000,topics:[{name:'__cluster_metadata',numPartitions:1,replicationFactor:1}]}");
        all(api, "collision", "{timeoutMs:10000,topics:[{name:'q.a-%',numPartitions:1,replicationFactor:1},{name:'q_a-%',numPartitions:1,replicationFactor:1}]}");
        create("under_score", 1, "");
        all(api, "collision with existing", "{timeoutMs:10000,topics:[{name:'under.score',numPartitions:1,replicationFactor:1}]}");
        for (int n : new int[] {0, -2, 100001}) all(api, n + " partitions", t + ",numPartitions:" + n + ",replicationFactor:1}]}");
        for (int n : new int[] {0, -2, 2, 3}) all(api, "replication factor " + n, t + ",numPartitions:1,replicationFactor:" + n + "}]}");
        for (String c : List.of("nope:1", "retention.ms:x", "retention.ms:-2", "retention.ms:", "cleanup.policy:foo", "compression.type:foo", "min.insync.replicas:0",
                "min.insync.replicas:2", "segment.bytes:1", "max.message.bytes:-1", "message.timestamp.type:foo", "unclean.leader.election.enable:maybe", "unclean.leader.election.enable:TRUE", "local.retention.ms:5",
                "remote.storage.enable:true", "leader.replication.throttled.replicas:x", "leader.replication.throttled.replicas:0:1", "preallocate:1", "flush.ms: 5 ",
                "cleanup.policy:compact,compact", "cleanup.policy:", "message.format.version:2.0", "min.cleanable.dirty.ratio:1.5", "min.cleanable.dirty.ratio:0.7",
                "segment.ms:99999999999999999999", "compression.gzip.level:10", "index.interval.bytes:-1", "max.compaction.lag.ms:0", "min.compaction.lag.ms:9223372036854775807",
                "min.compaction.lag.ms:-1", "segment.bytes:2147483648", "delete.retention.ms:0x10", "delete.retention.ms:+5")) {
            int at = c.indexOf(':');
            all(api, "config " + c, t + ",numPartitions:1,replicationFactor:1,configs:[{name:'" + c.substring(0, at) + "',value:'" + c.substring(at + 1) + "'}]}]}");
        }
        all(api, "config null", t + ",numPartitions:1,replicationFactor:1,configs:[{name:'retention.ms',value:null}]}]}");
        all(api, "config of the broker", t + ",numPartitions:1,replicationFactor:1,configs:[{name:'log.retention.ms',value:'5'}]}]}");
        String as = t + ",numPartitions:-1,replicationFactor:-1,assignments:";
        all(api, "assigned", as + "[{partitionIndex:0,brokerIds:[1]},{partitionIndex:1,brokerIds:[1]}]}]}");
        all(api, "assigned with counts", t + ",numPartitions:1,replicationFactor:1,assignments:[{partitionIndex:0,brokerIds:[1]}]}]}");
        all(api, "assigned with partitions", t + ",numPartitions:1,replicationFactor:-1,assignments:[{partitionIndex:0,brokerIds:[1]}]}]}");
        all(api, "assigned with a factor", t + ",numPartitions:-1,replicationFactor:1,assignments:[{partitionIndex:0,brokerIds:[1]}]}]}");
        all(api, "assigned to nobody", as + "[{partitionIndex:0,brokerIds:[9]}]}]}");
        all(api, "assigned to none", as + "[{partitionIndex:0,brokerIds:[]}]}]}");
        all(api, "assigned twice", as + "[{partitionIndex:0,brokerIds:[1,1]}]}]}");
        all(api, "assigned with a gap", as + "[{partitionIndex:0,brokerIds:[1]},{partitionIndex:2,brokerIds:[1]}]}]}");
        all(api, "assigned from 1", as + "[{partitionIndex:1,brokerIds:[1]}]}]}");
        all(api, "assigned negative", as + "[{partitionIndex:-1,brokerIds:[1]}]}]}");
        all(api, "assigned to unequal", as + "[{partitionIndex:0,brokerIds:[1]},{partitionIndex:1,brokerIds:[1,1]}]}]}");
        all("Metadata", "after creation", "{topics:null}");

        api = "CreatePartitions";
        each(api, v -> create("cp" + v, 2, ""));
        each(api, v -> {
            String n = "{timeoutMs:10000,topics:[{name:'cp" + v + "',count:", p = "CreatePartitions";
            one(p, v, "validate only", "{validateOnly:true," + n.substring(1) + "3,assignments:null}]}");
            one(p, v, "to 3", n + "3,assignments:null}]}");
            one(p, v, "to 3 again", n + "3,assignments:null}]}");
            one(p, v, "to 1", n + "1,assignments:null}]}");
            one(p, v, "to 0", n + "0,assignments:null}]}");
            one(p, v, "to -1", n + "-1,assignments:null}]}");
            one(p, v, "assigned", n + "4,assignments:[{brokerIds:[1]}]}]}");
            one(p, v, "assigned too few", n + "6,assignments:[{brokerIds:[1]}]}]}");
            one(p, v, "assigned too many", n + "5,assignments:[{brokerIds:[1]},{brokerIds:[1]}]}]}");
            one(p, v, "assigned none", n + "5,assignments:[]}]}");
            one(p, v, "assigned to nobody", n + "5,assignments:[{brokerIds:[9]}]}]}");
            one(p, v, "assigned to two", n + "5,assignments:[{brokerIds:[1,9]}]}]}");
            one(p, v, "assigned twice", n + "5,assignments:[{brokerIds:[1,1]}]}]}");
            one(p, v, "assigned empty", n + "5,assignments:[{brokerIds:[]}]}]}");
            one(p, v, "unknown", "{timeoutMs:10000,topics:[{name:'unknown',count:3,assignments:null}]}");
            one(p, v, "bad name", "{timeoutMs:10000,topics:[{name:'a b',count:3,assignments:null}]}");
            one(p, v, "twice", "{timeoutMs:10000,topics:[{name:'cp" + v + "',count:7,assignments:null},{name:'cp" + v + "',count:8,assignments:null}]}");
            one(p, v, "none", "{timeoutMs:10000,topics:[]}");
        });
    }

    static void configs() throws Exception {
        String api = "DescribeConfigs";
        String[] resources = {"{resourceType:2,resourceName:'full',configurationKeys:null}", "{resourceType:2,resourceName:'small',configurationKeys:null}",
            "{resourceType:2,resourceName:'full',configurationKeys:['retention.ms','cleanup.policy']}", "{resourceType:2,resourceName:'full',configurationKeys:['nope']}",
            "{resourceType:2,resourceName:'full',configurationKeys:[]}", "{resourceType:2,resourceName:'unknown',configurationKeys:null}",
            "{resourceType:2,resourceName:'',configurationKeys:null}", "{resourceType:2,resourceName:'a b',configurationKeys:null}",
            "{resourceType:2,resourceName:'full',configurationKeys:['retention.ms']},{resourceType:2,resourceName:'full',configurationKeys:['retention.ms']}",
            "{resourceType:4,resourceName:'9',configurationKeys:null}", "{resourceType:4,resourceName:'x',configurationKeys:null}",
            "{resourceType:4,resourceName:'1',configurationKeys:['log.retention.hours','num.io.threads','nope']}", "{resourceType:4,resourceName:'',configurationKeys:null}",
            "{resourceType:0,resourceName:'x',configurationKeys:null}", "{resourceType:99,resourceName:'x',configurationKeys:null}",
            "{resourceType:8,resourceName:'1',configurationKeys:null}", "{resourceType:8,resourceName:'x',configurationKeys:null}",
            "{resourceType:16,resourceName:'sub',configurationKeys:null}", "{resourceType:16,resourceName:'',configurationKeys:null}",
            "{resourceType:32,resourceName:'grp',configurationKeys:null}", "{resourceType:32,resourceName:'',configurationKeys:null}"};
        for (String r : resources) {
            all(api, "of " + r, "{resources:[" + r + "]}");
            all(api, "synonyms of " + r, "{includeSynonyms:true,resources:[" + r + "]}");
        }
        create("written", 1, "{name:'unclean.leader.election.enable',value:'TRUE'},{name:'flush.ms',value:' 5 '},{name:'cleanup.policy',value:'compact,compact'},{name:'delete.retention.ms',value:'+5'},{name:'min.cleanable.dirty.ratio',value:'0.70'},{name:'compression.type',value:' gzip '}");
        all(api, "as written", "{includeSynonyms:true,resources:[{resourceType:2,resourceName:'written',configurationKeys:null}]}");
        all(api, "documented", "{includeDocumentation:true,resources:[" + resources[0] + "]}");
        all(api, "none", "{resources:[]}");
        api = "ListConfigResources";
        all(api, "default", "{}");
        for (int n : new int[] {0, 2, 4, 8, 16, 32, 64, 99}) all(api, "type " + n, "{resourceTypes:[" + n + "]}");
        all(api, "two types", "{resourceTypes:[2,4]}");
        all(api, "a good and a bad type", "{resourceTypes:[2,99]}");

        api = "IncrementalAlterConfigs";
        create("alt", 1, "{name:'flush.ms',value:'77'}");
        String[] changes = {"2,'alt',0,'retention.ms','5000'", "2,'alt',1,'retention.ms',null", "2,'alt',1,'retention.ms','5'", "2,'alt',1,'nope',null", "2,'alt',0,'nope','1'", "2,'alt',0,'retention.ms','x'",
            "2,'alt',0,'retention.ms',null", "2,'alt',2,'cleanup.policy','compact'", "2,'alt',2,'cleanup.policy','compact'", "2,'alt',3,'cleanup.policy','delete'", "2,'alt',3,'cleanup.policy','delete'", "2,'alt',3,'cleanup.policy','compact'",
            "2,'alt',1,'cleanup.policy',null", "2,'alt',2,'cleanup.policy','foo'", "2,'alt',2,'retention.ms','5'", "2,'alt',3,'retention.ms','5'", "2,'unknown',0,'retention.ms','5'", "2,'',0,'retention.ms','5'",
            "2,'a b',0,'retention.ms','5'", "4,'9',0,'log.cleaner.threads','2'", "4,'x',0,'log.cleaner.threads','2'", "4,'1',0,'log.dirs','/x'", "4,'1',0,'nope','1'", "4,'',0,'nope','1'", "4,'',1,'nope',null", "4,'1',1,'nope',null", "4,'',0,'num.io.threads','x'", "4,'1',0,'num.io.threads','x'",
            "4,'',0,'listeners','x'", "0,'x',0,'a','b'", "99,'x',0,'a','b'", "8,'1',0,'kafka.server','INFO'", "8,'1',0,'nope','INFO'", "32,'g',0,'consumer.session.timeout.ms','x'", "32,'g',0,'nope','x'", "32,'',0,'consumer.session.timeout.ms','50000'", "16,'m',0,'nope','x'",
            "16,'m',0,'interval.ms','x'", "16,'',0,'interval.ms','1000'"};
        for (String c : changes) {
            String[] f = c.split(",");
            String r = "resources:[{resourceType:" + f[0] + ",resourceName:" + f[1] + ",configs:[{name:" + f[3] + ",configOperation:" + f[2] + ",value:" + f[4] + "}]}]}";
            all(api, "validate " + c, "{validateOnly:true," + r);
            all(api, "do " + c, "{" + r);
        }
        // Kafka's controller falls over this one and is back a second later.
        top(api, "an unknown operation", "{validateOnly:true,resources:[{resourceType:2,resourceName:'alt',configs:[{name:'retention.ms',configOperation:4,value:'5'}]}]}");
        all(api, "one name twice", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'retention.ms',configOperation:0,value:'5'},{name:'retention.ms',configOperation:1,value:null}]}]}");
        all(api, "one resource twice", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'retention.ms',configOperation:0,value:'5'}]},{resourceType:2,resourceName:'alt',configs:[{name:'flush.ms',configOperation:0,value:'5'}]}]}");
        all(api, "no configs", "{resources:[{resourceType:2,resourceName:'alt',configs:[]}]}");
        all(api, "nothing", "{resources:[]}");
        all(api, "good and bad", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'flush.ms',configOperation:0,value:'9'}]},{resourceType:2,resourceName:'unknown',configs:[{name:'flush.ms',configOperation:0,value:'5'}]}]}");
        all(api, "good and bad in one", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'flush.ms',configOperation:0,value:'10'},{name:'retention.ms',configOperation:0,value:'x'}]}]}");
        all("DescribeConfigs", "after changes", "{includeSynonyms:true,resources:[{resourceType:2,resourceName:'alt',configurationKeys:null}]}");
        for (String c : List.of("32,'g1','consumer.session.timeout.ms','50000'", "16,'m1','interval.ms','2000'", "16,'m1','metrics','a,b'", "4,'','log.cleaner.threads','2'", "4,'1','log.cleaner.threads','2'", "4,'','log.retention.ms','123456789'")) {
            String[] f = c.split(",(?=')");
            String of = "{resourceType:" + f[0] + ",resourceName:" + f[1], keys = f[0].equals("4") ? "['log.cleaner.threads','log.retention.ms','log.retention.hours']" : "null";
            for (String op : List.of("0", "1")) {
                top(api, "op " + op + " " + c, "{resources:[" + of + ",configs:[{name:" + f[2] + ",configOperation:" + op + ",value:" + (op.equals("1") ? "null" : f[3]) + "}]}]}");
                top("DescribeConfigs", "after op " + op + " " + c, "{includeSynonyms:true,resources:[" + of + ",configurationKeys:" + keys + "}]}");
                top("DescribeConfigs", "of a topic after op " + op + " " + c, "{includeSynonyms:true,resources:[{resourceType:2,resourceName:'full',configurationKeys:['retention.ms']}]}");
                top("ListConfigResources", "after op " + op + " " + c, "{}");
            }
        }
        top(api, "nine threads", "{validateOnly:true,resources:[{resourceType:4,resourceName:'1',configs:[{name:'log.cleaner.threads',value:'9'}]}]}");
        api = "AlterConfigs";
        for (String c : List.of("2,'alt','retention.ms','6000'", "2,'alt','nope','1'", "2,'alt','retention.ms',null", "2,'unknown','retention.ms','1'", "4,'9','log.cleaner.threads','2'", "0,'x','a','b'", "8,'1','kafka','INFO'",
                "2,'alt','retention.ms','x'", "2,'alt','','1'", "2,'','retention.ms','1'", "2,'a b','retention.ms','1'", "4,'x','log.cleaner.threads','2'", "4,'1','log.dirs','/x'", "4,'1','num.io.threads','x'", "4,'','num.io.threads','x'", "4,'','nope','1'", "4,'1','nope','1'",
                "99,'x','a','b'", "8,'x','kafka','INFO'", "16,'m','interval.ms','x'", "16,'m','nope','1'", "16,'','interval.ms','1000'", "32,'g','consumer.session.timeout.ms','x'", "32,'g','nope','1'", "32,'','consumer.session.timeout.ms','50000'", "2,'alt','cleanup.policy','compact'")) {
            String[] f = c.split(",");
            String r = "resources:[{resourceType:" + f[0] + ",resourceName:" + f[1] + ",configs:[{name:" + f[2] + ",value:" + f[3] + "}]}]}";
            all(api, "validate " + c, "{validateOnly:true," + r);
            all(api, "do " + c, "{" + r);
        }
        all(api, "one name twice", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'retention.ms',value:'7'},{name:'retention.ms',value:'8'}]}]}");
        all("DescribeConfigs", "after one name twice", "{resources:[{resourceType:2,resourceName:'alt',configurationKeys:null}]}");
        kafka.timeoutMs = SILENCE_MS;
        top(api, "one resource twice", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'retention.ms',value:'5'}]},{resourceType:2,resourceName:'alt',configs:[{name:'flush.ms',value:'5'}]}]}");
        kafka.timeoutMs = TIMEOUT_MS;
        all("DescribeConfigs", "after one resource twice", "{resources:[{resourceType:2,resourceName:'alt',configurationKeys:null}]}");
        all(api, "good and bad", "{resources:[{resourceType:2,resourceName:'alt',configs:[{name:'flush.ms',value:'9'}]},{resourceType:2,resourceName:'unknown',configs:[{name:'flush.ms',value:'5'}]}]}");
        all(api, "nothing", "{resources:[]}");
        all(api, "empty", "{resources:[{resourceType:2,resourceName:'alt',configs:[]}]}");
        all("DescribeConfigs", "after replacing", "{resources:[{resourceType:2,resourceName:'alt',configurationKeys:null}]}");
    }

    // Requests that ask for very much, and for one thing often.
    static String times(int n, java.util.function.IntFunction<String> item) {
        var b = new StringBuilder();
        for (int i = 0; i < n; i++) b.append(i == 0 ? "" : ",").append(item.apply(i));
        return "[" + b + "]";
    }
    static void limits() throws Exception {
        String api = "CreateTopics", head = "{timeoutMs:10000,validateOnly:true,topics:", factor = ",replicationFactor:1}";
        top(api, "many in all", head + "[{name:'many-a',numPartitions:5000" + factor + ",{name:'many-b',numPartitions:5001" + factor + "]}");
        top(api, "many for real", "{timeoutMs:10000,topics:" + times(101, i -> "{name:'many-" + i + "',numPartitions:100" + factor) + "}");
        top(api, "many by default", head + times(3334, i -> "{name:'many-" + i + "',numPartitions:-1" + factor) + "}");
        top(api, "many assigned", head + "[{name:'many',numPartitions:-1,replicationFactor:-1,assignments:" + times(10001, i -> "{partitionIndex:" + i + ",brokerIds:[1]}") + "}]}");
        top(api, "many of a bad name", head + "[{name:'a b',numPartitions:10001" + factor + ",{name:'many-b',numPartitions:1" + factor + "]}");
        top(api, "many of what is there", head + "[{name:'full',numPartitions:10001" + factor + ",{name:'many-b',numPartitions:1" + factor + "]}");
        top(api, "many of duplicates", head + "[{name:'many-a',numPartitions:5000" + factor + ",{name:'many-a',numPartitions:5001" + factor + ",{name:'many-b',numPartitions:1" + factor + "]}");
        all("Metadata", "after many", "{topics:[{name:'many-1'},{name:'many-b'}]}");
        api = "IncrementalAlterConfigs";
        for (int n : new int[] {10000, 10001})
            top(api, n + " settings", "{validateOnly:true,resources:[{resourceType:4,resourceName:'',configs:" + times(n, i -> "{name:'k" + i + "',value:'1'}") + "}]}");
        top(api, "10001 settings for real", "{resources:[{resourceType:4,resourceName:'',configs:" + times(10001, i -> "{name:'k" + i + "',value:'1'}") + "}]}");
        top(api, "a setting of each of 10001 groups", "{resources:" + times(10001, i -> "{resourceType:32,resourceName:'many-" + i + "',configs:[{name:'consumer.session.timeout.ms',value:'50000'}]}") + "}");
        all("DescribeGroups", "one often", "{groups:" + times(1200, i -> i % 3 == 0 ? "'g" + i + "'" : "'often'") + "}");
        all("DeleteGroups", "one often", "{groupsNames:" + times(1200, i -> i % 3 == 0 ? "'g" + i + "'" : "'often'") + "}");
        all("ListGroups", "states often", "{statesFilter:" + times(500, i -> i % 2 == 0 ? "'nope" + i + "'" : "'EMPTY'") + "}");
        all("ListGroups", "states that there are not", "{statesFilter:" + times(500, i -> "'nope" + i + "'") + "}");
        all("DescribeConfigs", "keys often", "{resources:[{resourceType:2,resourceName:'full',configurationKeys:" + times(100, i -> i % 2 == 0 ? "'k" + i + "'" : "'retention.ms'") + "}]}");
        all("DescribeConfigs", "one often", "{resources:" + times(200, i -> "{resourceType:2,resourceName:'full',configurationKeys:null}") + "}");
    }

    // Strings are lengths and bytes: "~" stands for a zero byte.
    static String zero(String s) { return s.replace("~", "\\u0000"); }
    static void zeroBytes() throws Exception {
        String api = "IncrementalAlterConfigs";
        create("zero", 1, zero("{name:'flush.ms',value:'77~'},{name:'compression.type',value:'~gzip'}"));
        top("CreateTopics", "a name with a zero", zero("{timeoutMs:10000,topics:[{name:'ze~ro',numPartitions:1,replicationFactor:1}]}"));
        top("CreateTopics", "a setting with a zero", zero("{timeoutMs:10000,topics:[{name:'zero2',numPartitions:1,replicationFactor:1,configs:[{name:'flush.ms~',value:'1'}]}]}"));
        top("CreateTopics", "a value with a zero", zero("{timeoutMs:10000,topics:[{name:'zero2',numPartitions:1,replicationFactor:1,configs:[{name:'flush.ms',value:'1~1'}]}]}"));
        top("Metadata", "a name with a zero", zero("{topics:[{name:'ze~ro'},{name:'zero~'}],allowAutoTopicCreation:true}"));
        for (String c : List.of("2,'zero',0,'retention.ms','4000~'", "2,'zero',0,'retention.ms','40~00'", "2,'zero',0,'retention.ms~','4000'", "2,'zero',0,'compression.type','lz4~'", "2,'zero',0,'compression.type','l~z4'",
                "2,'zero',0,'cleanup.policy','compact~'", "2,'zero',0,'cleanup.policy','compact,~delete'", "2,'zero',2,'cleanup.policy','delete~'", "2,'zero',0,'leader.replication.throttled.replicas','0:1~'",
                "2,'zero',0,'leader.replication.throttled.replicas','0:~1'", "2,'zero',0,'min.cleanable.dirty.ratio','0.25~'", "2,'zero~',0,'retention.ms','4000'", "2,'zero',0,'preallocate','true~'",
                "4,'1',0,'log.cleaner.threads','2~'", "4,'',0,'log.retention.ms','123456789~'", "4,'',0,'log.retention.ms','~123456789'", "4,'1~',0,'log.cleaner.threads','2'", "4,'1',0,'log.cleaner.threads~','2'",
                "4,'1',0,'log.cleaner.threads','~'", "32,'gr~p',0,'consumer.session.timeout.ms','50000~'", "32,'grp~',0,'share.isolation.level','read_committed~'", "32,'gr~p',0,'share.isolation.level','read~committed'",
                "32,'~',0,'consumer.heartbeat.interval.ms','6000'", "32,'grp',0,'consumer.heartbeat.interval.ms~','6000'", "16,'m~m',0,'interval.ms','2000~'", "16,'m~m',0,'metrics','a~b,~c~'", "16,'m~m',0,'match','client_id=a~b'",
                "16,'m',0,'metr~ics','a'")) {
            String[] f = zero(c).split(",", 5);
            for (int op : new int[] {Integer.parseInt(f[2]), 1}) {
                String of = "{resourceType:" + f[0] + ",resourceName:" + f[1], n = "op " + op + " " + c;
                top(api, n, "{resources:[" + of + ",configs:[{name:" + f[3] + ",configOperation:" + op + ",value:" + (op == 1 ? "null" : f[4]) + "}]}]}");
                top("DescribeConfigs", "after " + n, "{includeSynonyms:true,resources:[" + of + ",configurationKeys:"
                    + (f[0].equals("4") ? "['log.cleaner.threads','log.retention.ms']" : "null") + "}]}");
                top("ListConfigResources", "after " + n, "{}");
            }
        }
        top("AlterConfigs", "a value with a zero", zero("{resources:[{resourceType:2,resourceName:'zero',configs:[{name:'retention.ms',value:'6000~'}]}]}"));
        top("DescribeConfigs", "after AlterConfigs with a zero", "{includeSynonyms:true,resources:[{resourceType:2,resourceName:'zero',configurationKeys:null}]}");
        for (String g : List.of("zer~o", "zer", "~")) {
            top("OffsetCommit", "group " + g, zero("{groupId:'" + g + "',generationIdOrMemberEpoch:-1,memberId:'',topics:[{name:'zero',topicId:'$id:zero',partitions:[{partitionIndex:0,committedOffset:5,committedMetadata:'m~" + g + "'}]}]}"));
            top("OffsetFetch", "group " + g, zero("{groups:[{groupId:'" + g + "',topics:null}]}"));
            all("DescribeGroups", "group " + g, zero("{groups:['" + g + "']}"));
        }
        top("ListGroups", "with zeros", "{}");
        top("DeleteGroups", "with zeros", zero("{groupsNames:['zer~o','zer','~','z~']}"));
        top("ListGroups", "after zeros", "{}");
    }

    static void offsets() throws Exception {
        String api = "ListOffsets";
        for (String topic : List.of("full", "empty"))
            for (long ts : new long[] {-1, -2, -3, -4, -5, -6, -7, 0, 1, T0 - 1, T0, T0 + 1, T0 + 2500, T0 + 4000, T0 + 8000, T0 + 8001, T0 + 99999, Long.MAX_VALUE, Long.MIN_VALUE})
                for (int iso : new int[] {0, 1}) {
                    String label = ts > 2 && ts < Long.MAX_VALUE ? "T0+" + (ts - T0) : "" + ts;
                    all(api, topic + " at " + label + " isolation " + iso, "{replicaId:-1,timeoutMs:5000,isolationLevel:" + iso + ",topics:[{name:'" + topic + "',partitions:[{partitionIndex:0,timestamp:" + ts + "}]}]}");
                }
        all(api, "unknown topic", "{replicaId:-1,topics:[{name:'unknown',partitions:[{partitionIndex:0,timestamp:-1}]}]}");
        all(api, "bad name", "{replicaId:-1,topics:[{name:'a b',partitions:[{partitionIndex:0,timestamp:-1}]}]}");
        all(api, "unknown partition", "{replicaId:-1,topics:[{name:'full',partitions:[{partitionIndex:7,timestamp:-1},{partitionIndex:-1,timestamp:-1},{partitionIndex:1,timestamp:-1}]}]}");
        all(api, "twice", "{replicaId:-1,topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1},{partitionIndex:0,timestamp:-2}]}]}");
        for (int e : new int[] {0, 1, 99, -2}) all(api, "epoch " + e, "{replicaId:-1,topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1,currentLeaderEpoch:" + e + "}]}]}");
        for (int r : new int[] {-2, 1, 5}) all(api, "replica " + r, "{replicaId:" + r + ",topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1}]}]}");
        all(api, "isolation 2", "{replicaId:-1,isolationLevel:2,topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1}]}]}");
        all(api, "isolation 2 of all kinds", "{replicaId:-1,isolationLevel:2,topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1},{partitionIndex:0,timestamp:-1},{partitionIndex:9,timestamp:-1}]},{name:'unknown',partitions:[{partitionIndex:0,timestamp:-1}]}]}");
        all(api, "a topic twice", "{replicaId:-1,topics:[{name:'full',partitions:[{partitionIndex:0,timestamp:-1}]},{name:'full',partitions:[{partitionIndex:1,timestamp:-1}]}]}");
        all(api, "unknown ones twice", "{replicaId:-1,topics:[{name:'unknown',partitions:[{partitionIndex:0,timestamp:-1},{partitionIndex:0,timestamp:-2}]},{name:'full',partitions:[{partitionIndex:9,timestamp:-1},{partitionIndex:9,timestamp:-2}]}]}");
        all(api, "a topic without partitions", "{replicaId:-1,topics:[{name:'full',partitions:[]},{name:'unknown',partitions:[]}]}");
        all(api, "none", "{replicaId:-1,topics:[]}");

        api = "OffsetForLeaderEpoch";
        for (int current : new int[] {-1, 0, 1})
            for (int e : new int[] {-1, 0, 1, 5, -2})
                for (String p : List.of("'full',0", "'empty',0", "'full',9", "'unknown',0")) {
                    String[] f = p.split(",");
                    all(api, p + " current " + current + " epoch " + e, "{replicaId:-1,topics:[{topic:" + f[0] + ",partitions:[{partition:" + f[1] + ",currentLeaderEpoch:" + current + ",leaderEpoch:" + e + "}]}]}");
                }
        all(api, "none", "{replicaId:-1,topics:[]}");
        all(api, "a topic twice", "{replicaId:-1,topics:[{topic:'full',partitions:[{partition:0,leaderEpoch:0},{partition:0,leaderEpoch:0}]},{topic:'full',partitions:[{partition:1,leaderEpoch:0}]}]}");
        all(api, "without partitions", "{replicaId:-1,topics:[{topic:'full',partitions:[]},{topic:'unknown',partitions:[]}]}");
        all(api, "older consumers", "{replicaId:-2,topics:[{topic:'full',partitions:[{partition:0,leaderEpoch:0}]}]}");

        api = "DeleteRecords";
        each(api, v -> { create("dr" + v, 2, ""); top("Produce", "setup", produce("dr" + v, 0, "three", -1)); top("Produce", "setup", produce("dr" + v, 0, "three", -1)); });
        each(api, v -> {
            for (long o : new long[] {2, 1, 2, 0, 3, 5, 99, -2, -7, 6, 6, -1, 7}) {
                one("DeleteRecords", v, "to " + o, "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:0,offset:" + o + "}]}]}");
                top("ListOffsets", "after deletion to " + o, offsetOf("dr" + v, 0, -2));
                if (o == 2 || o == 3) for (long t : new long[] {-3, T0, T0 + 1500, T0 + 2500}) top("ListOffsets", (o == 3 && t == -3 ? "newest deleted" : "after deletion to " + o) + " at " + (t < 0 ? t : t - T0), offsetOf("dr" + v, 0, t));
            }
            one("DeleteRecords", v, "empty partition", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:1,offset:-1}]}]}");
            one("DeleteRecords", v, "empty partition to 0", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:1,offset:0}]}]}");
            one("DeleteRecords", v, "unknown partition", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:7,offset:0}]}]}");
            one("DeleteRecords", v, "twice", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:0,offset:0},{partitionIndex:0,offset:-1}]}]}");
            one("DeleteRecords", v, "without partitions", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[]},{name:'unknown',partitions:[]}]}");
            one("DeleteRecords", v, "a topic twice", "{timeoutMs:5000,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:0,offset:0}]},{name:'dr" + v + "',partitions:[{partitionIndex:1,offset:0}]}]}");
            for (long ts : new long[] {-1, -2, -3, -4, -5, 0, T0})
                top("ListOffsets", "all deleted at " + (ts == T0 ? "T0" : ts), "{replicaId:-1,topics:[{name:'dr" + v + "',partitions:[{partitionIndex:0,timestamp:" + ts + "}]}]}");
            top("OffsetForLeaderEpoch", "all deleted", "{replicaId:-1,topics:[{topic:'dr" + v + "',partitions:[{partition:0,leaderEpoch:0}]}]}");
        });
        all(api, "unknown topic", "{timeoutMs:5000,topics:[{name:'unknown',partitions:[{partitionIndex:0,offset:0}]}]}");
        all(api, "compacted", "{timeoutMs:5000,topics:[{name:'compact',partitions:[{partitionIndex:0,offset:0}]}]}");
        all(api, "internal", "{timeoutMs:5000,topics:[{name:'__consumer_offsets',partitions:[{partitionIndex:0,offset:0}]}]}");
        all(api, "none", "{timeoutMs:5000,topics:[]}");
    }

    // What moldau refuses and Kafka stores: Kafka's own consumer cannot read it.
    static void odd() {
        for (String r : ODD) {
            if (r.contains("raw") || r.endsWith("after")) continue;
            try {
                for (var x : MemoryRecords.readableRecords(java.nio.ByteBuffer.wrap(records.get(r))).records()) x.offset();
                failed++;
                System.out.println("FAIL a consumer reads " + r);
            } catch (org.apache.kafka.common.KafkaException e) {
                passed++;
            }
        }
    }
    static String two(int v, String first, String second) {
        return "{acks:-1,timeoutMs:5000,topicData:[{name:'p" + v + "',topicId:'$id:p" + v + "',partitionData:[{index:0,records:'@" + first + "'},{index:1,records:'@" + second + "'}]}]}";
    }
    static void producing() throws Exception {
        String api = "Produce";
        each(api, v -> {
            create("p" + v, 2, "");
            for (String r : new TreeSet<>(records.keySet()))
                if (ODD.contains(r)) {
                    if (v == 6 || v == 8 || v == 13) one("Produce", v, "odd " + r, produce("odd", 0, r, -1));
                } else if (!r.startsWith("i") && (!r.startsWith("made") || v == 6 || v == 13)) one("Produce", v, "records " + r, produce("p" + v, 0, r, -1));
            for (String r : records.keySet())
                if (r.startsWith("made") && !ODD.contains(r) && (v == 8 || v == 13)) {
                    one("Produce", v, "compacted " + r, produce("compact", 0, r, -1));
                    one("Produce", v, "stamped " + r, produce("stamped", 0, r, -1));
                    one("Produce", v, "bounded " + r, produce("bounded", 0, r, -1));
                }
            for (String r : List.of("made raw repeats", "made raw backwards")) one("Produce", v, "packed " + r, produce("packed", 0, r, -1));
            for (String r : List.of("one", "appendtime", "notime", "gzip", "past", "future", "maxtime")) one("Produce", v, "stamped " + r, produce("stamped", 0, r, -1));
            for (String r : List.of("badcrc", "magic9", "magic1", "txn", "codec5", "cut", "tail20", "baseoffset", "control", "controlplain", "head50", "head57", "tiny")) {
                one("Produce", v, "good and " + r, two(v, "one", r));
                one("Produce", v, r + " and good", two(v, r, "one"));
            }
            one("Produce", v, "txn and bad magic", two(v, "txn", "magic9"));
            one("Produce", v, "bad magic and txn", two(v, "magic9", "txn"));
            one("Produce", v, "two acks and errors", two(v, "one", "cut").replace("acks:-1", "acks:2"));
            one("Produce", v, "two acks and an unknown partition", produce("p" + v, 9, "one", 2));
            one("Produce", v, "two acks and internal", produce("__consumer_offsets", 0, "one", 2));
            one("Produce", v, "no partitions", "{acks:-1,topicData:[{name:'p" + v + "',topicId:'$id:p" + v + "',partitionData:[]}]}");
            String topic = "{name:'p" + v + "',topicId:'$id:p" + v + "',partitionData:[{index:";
            one("Produce", v, "a topic twice", "{acks:-1,topicData:[" + topic + "0,records:'@one'}]}," + topic + "1,records:'@one'}]}]}");
            one("Produce", v, "a topic and its partition twice", "{acks:-1,topicData:[" + topic + "0,records:'@one'}]}," + topic + "0,records:'@three'}]}]}");
            one("Produce", v, "good, then bad for one partition", "{acks:-1,topicData:[" + topic + "0,records:'@one'},{index:0,records:'@badcrc'}]}]}");
            one("Produce", v, "an unknown partition twice", "{acks:-1,topicData:[" + topic + "9,records:'@one'},{index:9,records:'@badcrc'}]}]}");
            if (v == 13) {
                kafka.timeoutMs = SILENCE_MS;
                one("Produce", v, "null records", produce("p" + v, 0, null, -1));
                kafka.timeoutMs = TIMEOUT_MS;
            }
            for (String r : List.of("one", "nokey", "nullvalue", "gzip", "notime")) one("Produce", v, "compacted " + r, produce("compact", 0, r, 1));
            for (String r : List.of("one", "big", "two")) one("Produce", v, "small " + r, produce("small", 0, r, 1));
            for (int acks : new int[] {1, -1, 2, -2, 100}) one("Produce", v, "acks " + acks, produce("p" + v, 0, "one", acks));
            silent("Produce", v, "acks 0", produce("p" + v, 0, "one", 0));
            silent("Produce", v, "acks 0 and an error", produce("p" + v, 0, "badcrc", 0));
            reconnect();
            silent("Produce", v, "acks 0 to an unknown partition", produce("p" + v, 9, "one", 0));
            reconnect();
            one("Produce", v, "unknown partition", produce("p" + v, 9, "one", -1));
            one("Produce", v, "negative partition", produce("p" + v, -1, "one", -1));
            one("Produce", v, "unknown topic", "{acks:-1,timeoutMs:5000,topicData:[{name:'unknown',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitionData:[{index:0,records:'@one'}]}]}");
            one("Produce", v, "zero id", "{acks:-1,timeoutMs:5000,topicData:[{name:'',partitionData:[{index:0,records:'@one'}]}]}");
            one("Produce", v, "bad name", "{acks:-1,timeoutMs:5000,topicData:[{name:'a b',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitionData:[{index:0,records:'@one'}]}]}");
            one("Produce", v, "internal", produce("__consumer_offsets", 0, "one", -1));
            one("Produce", v, "none", "{acks:-1,timeoutMs:5000,topicData:[]}");
            one("Produce", v, "good and bad", "{acks:-1,timeoutMs:5000,topicData:[{name:'p" + v + "',topicId:'$id:p" + v + "',partitionData:[{index:0,records:'@one'},{index:1,records:'@badcrc'},{index:5,records:'@one'}]}]}");
            one("Produce", v, "one partition twice", "{acks:-1,timeoutMs:5000,topicData:[{name:'p" + v + "',topicId:'$id:p" + v + "',partitionData:[{index:0,records:'@one'},{index:0,records:'@three'}]}]}");
            one("Produce", v, "transactional id", "{transactionalId:'t'," + produce("p" + v, 0, "one", -1).substring(1));
            // Idempotent: producer, epoch, sequence, count.
            long pid = 9000 + v;
            int[][] steps = {{0, 0, 2}, {0, 0, 2}, {0, 2, 1}, {0, 0, 2}, {0, 5, 1}, {0, 1, 1}, {0, 3, 1}, {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, {0, 7, 1}, {0, 0, 2}, {1, 3, 1}, {1, 0, 1}, {0, 8, 1}, {1, 1, 1}, {-1, 2, 1}};
            for (int[] s : steps) {
                String name = "i" + s[0] + "." + s[1] + "." + s[2];
                if (s[0] < 0) continue;
                idempotent(name, pid, s[0], s[1], s[2]);
                one("Produce", v, "idempotent " + name, produce("p" + v, 1, name, -1));
            }
            idempotent("inew", pid + 500, 0, 5, 1);
            one("Produce", v, "idempotent, new with a sequence", produce("p" + v, 1, "inew", -1));
            idempotent("iwrap", pid + 600, 0, Integer.MAX_VALUE, 2);
            one("Produce", v, "idempotent at the wrap", produce("p" + v, 1, "iwrap", -1));
            idempotent("iwrap", pid + 600, 0, 1, 1);
            one("Produce", v, "idempotent after the wrap", produce("p" + v, 1, "iwrap", -1));
            int[][] epochs = {{0, -1, 9}, {800, -1, 0}, {800, -1, 1}, {800, 0, 5}, {810, -2, 0}, {820, -1, -1}, {830, Short.MIN_VALUE, 0}};
            for (int[] e : epochs) {
                idempotent("a", pid + e[0], 0, Math.max(e[2], 0), 1);
                byte[] b = poke(poke(records.get("a"), 51, e[1] >> 8), 52, e[1]);
                if (e[2] < 0) for (int i = 53; i < 57; i++) b = poke(b, i, 255);
                records.put("iepoch", crc(b));
                one("Produce", v, "idempotent, producer " + e[0] + " with epoch " + e[1] + " and sequence " + e[2], produce("p" + v, 1, "iepoch", -1));
            }
            idempotent("a", pid + 700, 0, 0, 1);
            records.put("idouble", join(records.get("a"), records.get("a")));
            records.remove("a");
            records.remove("iepoch");
            one("Produce", v, "idempotent, two batches", produce("p" + v, 1, "idouble", -1));
            top("DescribeProducers", "of p" + v, "{topics:[{name:'p" + v + "',partitionIndexes:[0,1]}]}");
            for (int p = 0; p < 2; p++) {
                top("Fetch", "what was produced", fetch("", fetchTopic("p" + v, p, 0, "")));
                for (int t : new int[] {-3, 0, -1}) top("ListOffsets", "what was produced", offsetOf("p" + v, p, t));
            }
        });
        api = "DescribeProducers";
        all(api, "unknown", "{topics:[{name:'unknown',partitionIndexes:[0]},{name:'full',partitionIndexes:[0,9,-1]},{name:'a b',partitionIndexes:[0]}]}");
        all(api, "none", "{topics:[]}");
        all(api, "twice", "{topics:[{name:'full',partitionIndexes:[0,0]},{name:'full',partitionIndexes:[1]}]}");
        all(api, "without partitions", "{topics:[{name:'full',partitionIndexes:[]},{name:'unknown',partitionIndexes:[]}]}");
        api = "InitProducerId";
        all(api, "plain", "{transactionalId:null,transactionTimeoutMs:1000}");
        all(api, "no timeout", "{transactionalId:null}");
        all(api, "empty transactional id", "{transactionalId:'',transactionTimeoutMs:1000}");
        all(api, "with an id", "{transactionalId:null,transactionTimeoutMs:1000,producerId:5,producerEpoch:3}");
        all(api, "with an id and no epoch", "{transactionalId:null,transactionTimeoutMs:1000,producerId:5}");
        all(api, "with an epoch and no id", "{transactionalId:null,transactionTimeoutMs:1000,producerEpoch:5}");
    }

    static void fetching() throws Exception {
        String api = "Fetch";
        for (String rep : List.of("v15", "old")) {
            // replicaState replaces replicaId in v15; a request with either is the same.
            for (long o : new long[] {0, 1, 2, 3, 5, 8, 9, 10, 99, -1, -2}) all(api, rep + " offset " + o, f(rep, "", fetchTopic("full", 0, o, "")));
            all(api, rep + " empty", f(rep, "", fetchTopic("empty", 0, 0, "")));
            all(api, rep + " empty, beyond", f(rep, "", fetchTopic("empty", 0, 1, "")));
            all(api, rep + " committed", f(rep, ",isolationLevel:1", fetchTopic("full", 0, 0, "")));
            all(api, rep + " committed, empty", f(rep, ",isolationLevel:1", fetchTopic("empty", 0, 0, "")));
            all(api, rep + " committed, beyond", f(rep, ",isolationLevel:1", fetchTopic("full", 0, 99, "")));
            all(api, rep + " isolation 2", f(rep, ",isolationLevel:2", fetchTopic("full", 0, 0, "")));
            all(api, rep + " unknown partition", f(rep, "", fetchTopic("full", 9, 0, "")));
            all(api, rep + " negative partition", f(rep, "", fetchTopic("full", -1, 0, "")));
            all(api, rep + " unknown topic", f(rep, "", "{topic:'unknown',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
            all(api, rep + " zero id", f(rep, "", "{topic:'',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
            all(api, rep + " bad name", f(rep, "", "{topic:'a b',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
            all(api, rep + " two and unknown", f(rep, "", fetchTopic("full", 0, 0, ""), fetchTopic("empty", 0, 0, ""), "{topic:'unknown',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
            for (int e : new int[] {0, 1, 9, -2}) all(api, rep + " epoch " + e, f(rep, "", fetchTopic("full", 0, 0, ",currentLeaderEpoch:" + e)));
            for (int e : new int[] {0, 1, 9, -2}) all(api, rep + " last epoch " + e, f(rep, "", fetchTopic("full", 0, 3, ",lastFetchedEpoch:" + e)));
            all(api, rep + " last epoch, beyond", f(rep, "", fetchTopic("full", 0, 99, ",lastFetchedEpoch:0")));
            for (int n : new int[] {0, 1, 100, 300}) {
                all(api, rep + " partition limit " + n, f(rep, "", fetchTopic("full", 0, 0, "").replace("partitionMaxBytes:1048576", "partitionMaxBytes:" + n)));
                all(api, rep + " limit " + n, f(rep, "", fetchTopic("full", 0, 0, "")).replace("maxBytes:10485760", "maxBytes:" + n));
            }
            all(api, rep + " deleted records", f(rep, "", fetchTopic("dr0", 0, 1, "")));
            all(api, rep + " two, limit 100", f(rep, "", fetchTopic("full", 0, 0, ""), fetchTopic("dr0", 0, 6, ""), fetchTopic("p5", 0, 0, "")).replace("maxBytes:10485760", "maxBytes:100"));
            all(api, rep + " two, partition limit 10", f(rep, "", fetchTopic("full", 0, 0, ""), fetchTopic("p5", 0, 0, "")).replace("partitionMaxBytes:1048576", "partitionMaxBytes:10"));
            all(api, rep + " two, partition limit 100", f(rep, "", fetchTopic("full", 0, 0, ""), fetchTopic("p5", 0, 0, "")).replace("partitionMaxBytes:1048576", "partitionMaxBytes:100"));
            all(api, rep + " a topic twice", f(rep, "", fetchTopic("full", 0, 0, ""), fetchTopic("empty", 0, 0, ""), fetchTopic("full", 1, 0, "")));
            all(api, rep + " negative limits", f(rep, "", fetchTopic("full", 0, 0, "").replace("partitionMaxBytes:1048576", "partitionMaxBytes:-1")).replace("maxBytes:10485760", "maxBytes:-1"));
            all(api, rep + " rack", f(rep, ",rackId:'a'", fetchTopic("full", 0, 0, "")));
            all(api, rep + " none", f(rep, ""));
            all(api, rep + " twice", f(rep, "", "{topic:'full',topicId:'$id:full',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000},{partition:0,fetchOffset:3,partitionMaxBytes:1000}]}"));
            all(api, rep + " without a session", f(rep, ",sessionEpoch:-1", fetchTopic("full", 0, 0, "")));
        }
    }
    static String f(String rep, String more, String... topics) {
        return rep.equals("old") ? fetchPlain(more + ",replicaId:-1", topics).replace(",replicaId:-1", "") : fetch(more, topics);
    }

    static void sessions() throws Exception {
        each("Fetch", v -> {
            if (v < 7) return;
            String p = "full0";
            one("Fetch", v, "session: full", fetchPlain(",sessionId:0,sessionEpoch:0", fetchTopic("full", 0, 0, ""), fetchTopic("empty", 0, 0, "")));
            keep("s", "/sessionId");
            String s = ",sessionId:'$s',sessionEpoch:";
            one("Fetch", v, "session: incremental, same offset", fetchPlain(s + "1"));
            one("Fetch", v, "session: moved", fetchPlain(s + "2", fetchTopic("full", 0, 9, "")));
            one("Fetch", v, "session: nothing new", fetchPlain(s + "3"));
            one("Fetch", v, "session: added", fetchPlain(s + "4", fetchTopic("full", 1, 0, "")));
            one("Fetch", v, "session: unknown partition", fetchPlain(s + "5", fetchTopic("full", 9, 0, "")));
            one("Fetch", v, "session: still unknown partition", fetchPlain(s + "6"));
            one("Fetch", v, "session: wrong epoch", fetchPlain(s + "6", fetchTopic("full", 0, 0, "")));
            one("Fetch", v, "session: epoch ahead", fetchPlain(s + "9"));
            one("Fetch", v, "session: forgotten", fetchPlain(s + "7,forgottenTopicsData:[{topic:'full',topicId:'$id:full',partitions:[9,0]}]"));
            one("Fetch", v, "session: out of range", fetchPlain(s + "8", fetchTopic("full", 0, 99, "")));
            one("Fetch", v, "session: still out of range", fetchPlain(s + "9"));
            one("Fetch", v, "session: back in range", fetchPlain(s + "10", fetchTopic("full", 0, 3, "")));
            one("Fetch", v, "session: unknown topic", fetchPlain(s + "11", "{topic:'unknown',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
            one("Fetch", v, "session: still unknown topic", fetchPlain(s + "12"));
            one("Fetch", v, "session: epoch 0 with an id", fetchPlain(s + "0", fetchTopic("full", 0, 0, "")));
            keep("s2", "/sessionId");
            one("Fetch", v, "session: the old one is gone", fetchPlain(s + "13"));
            one("Fetch", v, "session: closed", fetchPlain(",sessionId:'$s2',sessionEpoch:-1", fetchTopic("full", 0, 3, "")));
            one("Fetch", v, "session: after closing", fetchPlain(",sessionId:'$s2',sessionEpoch:1"));
            // room for one partition at a time: those that were served wait behind the others
            String little = "{maxWaitMs:10,minBytes:0,maxBytes:1,sessionId:'$s3',sessionEpoch:";
            one("Fetch", v, "session: full, little room", "{maxWaitMs:10,minBytes:0,maxBytes:1,sessionId:0,sessionEpoch:0,topics:["
                + fetchTopic("fair", 0, 0, "") + "," + fetchTopic("empty", 0, 0, "") + "," + fetchTopic("fair", 1, 0, "") + "," + fetchTopic("fair", 2, 0, "") + "]}");
            keep("s3", "/sessionId");
            for (int i = 1; i < 6; i++) one("Fetch", v, "session: little room " + i, little + i + ",topics:[]}");
            one("Fetch", v, "session: much room", fetchPlain(",sessionId:'$s3',sessionEpoch:6"));
            one("Fetch", v, "session: little room after much", little + "7,topics:[]}");
            one("Fetch", v, "session: little room, one moved on", little + "8,topics:[" + fetchTopic("fair", 1, 3, "") + "]}");
            one("Fetch", v, "session: little room, the next", little + "9,topics:[]}");
            one("Fetch", v, "session: unknown id", fetchPlain(",sessionId:12345,sessionEpoch:1"));
            one("Fetch", v, "session: no id, an epoch", fetchPlain(",sessionId:0,sessionEpoch:5", fetchTopic("full", 0, 0, "")));
            one("Fetch", v, "session: full with nothing", fetchPlain(",sessionId:0,sessionEpoch:0"));
            one("Fetch", v, "session: full, an unknown topic", fetchPlain(",sessionId:0,sessionEpoch:0", "{topic:'unknown',topicId:'AAAAAAAAAAAAAAAAAAAAAQ',partitions:[{partition:0,fetchOffset:0,partitionMaxBytes:1000}]}"));
        });
    }

    static void groups() throws Exception {
        String api = "FindCoordinator";
        for (int t : new int[] {0, 3, 5, -1}) {
            all(api, "type " + t, "{key:'g',keyType:" + t + "}");
            all(api, "types " + t, "{keyType:" + t + ",coordinatorKeys:['g','h']}");
        }
        all(api, "empty", "{key:''}");
        all(api, "empties", "{coordinatorKeys:['']}");
        all(api, "none", "{coordinatorKeys:[]}");
        all(api, "twice", "{coordinatorKeys:['g','g']}");
        for (String k : List.of("g", "", ":", "g:AAAAAAAAAAAAAAAAAAAAAQ", "g:AAAAAAAAAAAAAAAAAAAAAQ:", "g:AAAAAAAAAAAAAAAAAAAAAQ:x", "g:x:1", ":AAAAAAAAAAAAAAAAAAAAAQ:1", "g:AAAAAAAAAAAAAAAAAAAAAQ:1:2"))
            all(api, "share " + k, "{keyType:2,coordinatorKeys:['" + k + "']}");
        all(api, "key and keys", "{key:'g',coordinatorKeys:['h']}");

        String proto = "protocolType:'consumer',protocols:[{name:'range',metadata:'abc'}]";
        api = "JoinGroup";
        all(api, "empty group", "{groupId:'',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:''," + proto + "}");
        all(api, "short session", "{groupId:'j%',sessionTimeoutMs:10,rebalanceTimeoutMs:10000,memberId:''," + proto + "}");
        all(api, "long session", "{groupId:'j%',sessionTimeoutMs:100000000,rebalanceTimeoutMs:10000,memberId:''," + proto + "}");
        all(api, "unknown member", "{groupId:'j%',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:'nobody'," + proto + "}");
        all(api, "no protocols", "{groupId:'j%',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:'',protocolType:'consumer',protocols:[]}");
        all(api, "no protocol type", "{groupId:'j%',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:'',protocolType:'',protocols:[{name:'range',metadata:'abc'}]}");
        all(api, "a bad instance", "{groupId:'j%',groupInstanceId:'a b',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:''," + proto + "}");
        all(api, "an empty instance", "{groupId:'j%',groupInstanceId:'',sessionTimeoutMs:10000,rebalanceTimeoutMs:10000,memberId:''," + proto + "}");
        for (String x : List.of("Heartbeat", "SyncGroup"))
            for (String g : List.of("", "none")) {
                all(x, "group '" + g + "'", "{groupId:'" + g + "',generationId:1,memberId:'m'}");
                all(x, "group '" + g + "' no member", "{groupId:'" + g + "',generationId:-1,memberId:''}");
                all(x, "group '" + g + "' instance", "{groupId:'" + g + "',generationId:1,memberId:'m',groupInstanceId:'i'}");
            }
        for (String g : List.of("", "none")) {
            all("LeaveGroup", "group '" + g + "'", "{groupId:'" + g + "',memberId:'m'}");
            all("LeaveGroup", "group '" + g + "' members", "{groupId:'" + g + "',members:[{memberId:'m'},{memberId:'n',groupInstanceId:'i'}]}");
            all("LeaveGroup", "group '" + g + "' no members", "{groupId:'" + g + "',members:[]}");
        }
        for (boolean fixed : new boolean[] {false, true}) each("JoinGroup", v -> {
            if (fixed && v < 5) return;
            String g = (fixed ? "static" : "life") + v, kind = fixed ? "static " : "", inst = fixed ? ",groupInstanceId:'i1'" : "";
            String join = "{groupId:'" + g + "',sessionTimeoutMs:30000,rebalanceTimeoutMs:10000," + proto + inst + ",memberId:";
            one("JoinGroup", v, kind + "join", join + "''}");
            keep("m", "/memberId");
            if (v >= 4 && !fixed) {
                top("DescribeGroups", "a pending member", "{groups:['" + g + "']}");
                one("JoinGroup", v, kind + "join with the id", join + "'$m'}");
            }
            keep("m", "/memberId");
            int sv = Math.min(v, 5), hv = Math.min(v, 4), gv = Math.min(v, 6);
            one("DescribeGroups", gv, kind + "completing", "{groups:['" + g + "'],includeAuthorizedOperations:true}");
            one("Heartbeat", hv, kind + "completing", "{groupId:'" + g + "',generationId:1,memberId:'$m'" + (hv >= 3 ? inst : "") + "}");
            String sync = "{groupId:'" + g + "'" + (sv >= 3 ? inst : "") + ",memberId:'$m',assignments:[{memberId:'$m',assignment:'xyz'}],generationId:";
            one("SyncGroup", sv, kind + "wrong generation", sync + "7}");
            if (sv == 5) {
                one("SyncGroup", sv, kind + "wrong protocol", sync + "1,protocolType:'consumer',protocolName:'roundrobin'}");
                one("SyncGroup", sv, kind + "wrong type", sync + "1,protocolType:'connect',protocolName:'range'}");
                one("SyncGroup", sv, kind + "right type", sync + "1,protocolType:'consumer',protocolName:'range'}");
            }
            one("SyncGroup", sv, kind + "sync", sync + "1}");
            one("SyncGroup", sv, kind + "sync again", sync + "1}");
            one("SyncGroup", sv, kind + "sync of another", sync.replace("$m',assign", "other',assign") + "1}");
            one("Heartbeat", hv, kind + "stable", "{groupId:'" + g + "',generationId:1,memberId:'$m'}");
            one("Heartbeat", hv, kind + "wrong generation", "{groupId:'" + g + "',generationId:2,memberId:'$m'}");
            one("Heartbeat", hv, kind + "wrong member", "{groupId:'" + g + "',generationId:1,memberId:'x'}");
            if (hv >= 3) one("Heartbeat", hv, kind + "wrong instance", "{groupId:'" + g + "',generationId:1,memberId:'$m',groupInstanceId:'zz'}");
            if (hv >= 3 && fixed) one("Heartbeat", hv, kind + "fenced", "{groupId:'" + g + "',generationId:1,memberId:'x',groupInstanceId:'i1'}");
            one("JoinGroup", v, kind + "other protocol type", join.replace("'consumer'", "'connect'") + "''}");
            one("JoinGroup", v, kind + "no common protocol", join.replace("'range'", "'mine'").replace("'i1'", "'i2'") + "''}");
            if (fixed) one("JoinGroup", v, kind + "fenced", join + "'zzz'}");
            one("DescribeGroups", gv, kind + "stable", "{groups:['" + g + "','none','']}");
            all("ListGroups", kind + "in life " + v, "{}");
            one("OffsetCommit", 2, kind + "by the member", commit(g, ",generationIdOrMemberEpoch:1,memberId:'$m'", "full", 0, 5, "'m'"));
            one("OffsetCommit", 9, kind + "by the member", commit(g, ",generationIdOrMemberEpoch:1,memberId:'$m'", "full", 0, 5, "'m'"));
            one("OffsetCommit", 9, kind + "wrong generation", commit(g, ",generationIdOrMemberEpoch:2,memberId:'$m'", "full", 0, 5, "'m'"));
            one("OffsetCommit", 9, kind + "wrong member", commit(g, ",generationIdOrMemberEpoch:1,memberId:'x'", "full", 0, 5, "'m'"));
            one("OffsetCommit", 9, kind + "no generation", commit(g, ",generationIdOrMemberEpoch:-1,memberId:''", "full", 0, 5, "'m'"));
            one("OffsetCommit", 9, kind + "wrong instance", commit(g, ",generationIdOrMemberEpoch:1,memberId:'$m',groupInstanceId:'zz'", "full", 0, 5, "'m'"));
            top("OffsetDelete", "of an active group", "{groupId:'" + g + "',topics:[{name:'full',partitions:[{partitionIndex:0}]},{name:'unknown',partitions:[{partitionIndex:0}]}]}");
            top("DeleteGroups", "active", "{groupsNames:['" + g + "','none','']}");
            if (!fixed) {
                one("JoinGroup", v, "rejoin of the leader", join + "'$m'}");
                one("SyncGroup", sv, "after the rejoin", sync + "2}");
            }
            if (sv <= 2) one("LeaveGroup", sv, kind + "leave", "{groupId:'" + g + "',memberId:'$m'}");
            else {
                one("LeaveGroup", sv, kind + "leave, unknown instance", "{groupId:'" + g + "',members:[{memberId:'',groupInstanceId:'zz'}]}");
                if (fixed) one("LeaveGroup", sv, kind + "leave, fenced", "{groupId:'" + g + "',members:[{memberId:'zz',groupInstanceId:'i1'}]}");
                one("LeaveGroup", sv, kind + "leave", "{groupId:'" + g + "',members:[{memberId:'nobody'},{memberId:'" + (fixed ? "" : "$m") + "'" + inst + "}]}");
            }
            one("DescribeGroups", gv, kind + "empty", "{groups:['" + g + "']}");
            one("Heartbeat", hv, kind + "after leaving", "{groupId:'" + g + "',generationId:1,memberId:'$m'}");
        });
        api = "ListGroups";
        all(api, "all", "{}");
        for (String s : List.of("Empty", "empty", "Stable", "Dead", "Nonsense", "PreparingRebalance", "")) all(api, "state " + s, "{statesFilter:['" + s + "']}");
        for (String s : List.of("classic", "Classic", "consumer", "share", "nonsense", "")) all(api, "type " + s, "{typesFilter:['" + s + "']}");
        all(api, "two states", "{statesFilter:['Empty','Nonsense']}");
        all("DescribeGroups", "unknown", "{groups:['none','','none']}");
        all("DescribeGroups", "nothing", "{groups:[]}");
        all("DescribeGroups", "unknown, operations", "{groups:['none'],includeAuthorizedOperations:true}");
    }

    // Two members of a group, each with its connection.
    static void pairs() throws Exception {
        each("JoinGroup", v -> {
            String g = "pair" + v, assign = ",assignments:[{memberId:'$a',assignment:'x'},{memberId:'$b',assignment:'yy'}]";
            String join = "{groupId:'" + g + "',sessionTimeoutMs:30000,rebalanceTimeoutMs:30000,protocolType:'consumer',protocols:[{name:'range',metadata:'m1'},{name:'rr',metadata:'m2'}],memberId:";
            int hv = Math.min(v, 4), sv = Math.min(v, 5), lv = Math.min(v, 2), gv = Math.min(v, 6);
            String beat = "{groupId:'" + g + "',generationId:%g,memberId:'%m'}", sync = "{groupId:'" + g + "',generationId:%g,memberId:'%m'%a" + (sv >= 5 ? ",protocolType:'consumer',protocolName:'rr'" : "") + "}";
            if (v >= 4) { one("JoinGroup", v, "pair: id of the first", join + "''}"); keep("a", "/memberId"); }
            one("JoinGroup", v, "pair: the first", join + (v >= 4 ? "'$a'}" : "''}"));
            keep("a", "/memberId");
            one("SyncGroup", sv, "pair: the first alone", sync.replace("%g", "1").replace("%m", "$a").replace("%a", ",assignments:[{memberId:'$a',assignment:'x'}]").replace("'rr'", "'range'"));
            String second = join.replace("'range'", "'own'");
            other();
            if (v >= 4) { one("JoinGroup", v, "pair: id of the second", second + "''}"); keep("b", "/memberId"); }
            ask("JoinGroup", v, second + (v >= 4 ? "'$b'}" : "''}"));
            other();
            until("Heartbeat", hv, "pair: rebalancing", beat.replace("%g", "1").replace("%m", "$a"), 27);
            one("OffsetCommit", 9, "pair: commit while rebalancing", commit(g, ",generationIdOrMemberEpoch:1,memberId:'$a'", "full", 0, 5, "'m'"));
            one("SyncGroup", sv, "pair: sync while rebalancing", sync.replace("%g", "1").replace("%m", "$a").replace("%a", "").replace("'rr'", "'range'"));
            one("DescribeGroups", gv, "pair: rebalancing", "{groups:['" + g + "']}");
            one("JoinGroup", v, "pair: the first again", join + "'$a'}");
            other();
            answered("JoinGroup", v, "pair: the second");
            keep("b", "/memberId");
            other();
            one("Heartbeat", hv, "pair: completing", beat.replace("%g", "2").replace("%m", "$a"));
            one("OffsetCommit", 9, "pair: commit while completing", commit(g, ",generationIdOrMemberEpoch:2,memberId:'$a'", "full", 0, 5, "'m'"));
            one("SyncGroup", sv, "pair: the leader", sync.replace("%g", "2").replace("%m", "$a").replace("%a", assign));
            other();
            one("SyncGroup", sv, "pair: the follower", sync.replace("%g", "2").replace("%m", "$b").replace("%a", ""));
            one("Heartbeat", hv, "pair: stable", beat.replace("%g", "2").replace("%m", "$b"));
            one("DescribeGroups", gv, "pair: stable", "{groups:['" + g + "']}");
            one("JoinGroup", v, "pair: the follower again, unchanged", second + "'$b'}");
            one("LeaveGroup", lv, "pair: the follower leaves", "{groupId:'" + g + "',memberId:'$b'}");
            other();
            until("Heartbeat", hv, "pair: alone again", beat.replace("%g", "2").replace("%m", "$a"), 27);
            one("JoinGroup", v, "pair: the leader alone", join + "'$a'}");
            one("LeaveGroup", lv, "pair: the leader leaves", "{groupId:'" + g + "',memberId:'$a'}");
            one("DescribeGroups", gv, "pair: empty", "{groups:['" + g + "']}");
            one("OffsetFetch", 9, "pair: what was committed", "{groups:[{groupId:'" + g + "',topics:null}]}");
        });
    }

    static String commit(String group, String more, String topic, int partition, long offset, String metadata) {
        return "{groupId:'" + group + "'" + more + ",topics:[{name:'" + topic + "',topicId:'" + (topic.equals("unknown") || topic.equals("a b") ? "AAAAAAAAAAAAAAAAAAAAAQ" : "$id:" + topic)
            + "',partitions:[{partitionIndex:" + partition + ",committedOffset:" + offset + ",committedMetadata:" + metadata + "}]}]}";
    }
    static void commits() throws Exception {
        String api = "OffsetCommit";
        all(api, "simple", commit("simple", "", "full", 0, 3, "'note'"));
        all(api, "null metadata", commit("simple", "", "full", 1, 4, "null"));
        all(api, "long metadata", commit("simple", "", "full", 1, 4, "'" + "x".repeat(4097) + "'"));
        all(api, "longest metadata", commit("simple", "", "empty", 0, 4, "'" + "x".repeat(4096) + "'"));
        all(api, "unknown topic", commit("simple", "", "unknown", 0, 3, "''"));
        all(api, "bad name", commit("simple", "", "a b", 0, 3, "''"));
        all(api, "unknown partition", commit("simple", "", "full", 9, 3, "''"));
        all(api, "negative partition", commit("simple", "", "full", -1, 3, "''"));
        all(api, "negative offset", commit("simple", "", "full", 0, -5, "''"));
        all(api, "offset beyond", commit("beyond", "", "full", 0, 5000, "''"));
        all(api, "empty group", commit("", "", "full", 0, 3, "''"));
        all(api, "unknown group with a generation", commit("nogroup%", ",generationIdOrMemberEpoch:3,memberId:'m'", "full", 0, 3, "''"));
        all(api, "a member without a generation", commit("nogroup%", ",generationIdOrMemberEpoch:-1,memberId:'m'", "full", 0, 3, "''"));
        all(api, "a generation without a member", commit("simple", ",generationIdOrMemberEpoch:3", "full", 0, 3, "''"));
        all(api, "an instance", commit("simple", ",groupInstanceId:'i'", "full", 0, 3, "''"));
        all(api, "retention", commit("simple", ",retentionTimeMs:100000", "full", 0, 3, "''"));
        all(api, "epoch", commit("simple", "", "full", 0, 3, "'',committedLeaderEpoch:0"));
        all(api, "nothing", "{groupId:'simple',topics:[]}");
        all(api, "nothing, unknown group", "{groupId:'nogroup%',topics:[]}");
        all(api, "zero id", "{groupId:'simple',topics:[{name:'',partitions:[{partitionIndex:0,committedOffset:1,committedMetadata:''}]}]}");
        all(api, "internal", commit("simple", "", "__consumer_offsets", 0, 3, "''"));
        all(api, "one twice", "{groupId:'twice',topics:[{name:'full',topicId:'$id:full',partitions:[{partitionIndex:0,committedOffset:1,committedMetadata:''},{partitionIndex:0,committedOffset:2,committedMetadata:''}]}]}");
        api = "OffsetFetch";
        String[] topics = {"[{name:'full',@I'$id:full',partitionIndexes:[0,1,9]}]", "null", "[]", "[{name:'unknown',@I'AAAAAAAAAAAAAAAAAAAAAQ',partitionIndexes:[0]}]", "[{name:'empty',@I'$id:empty',partitionIndexes:[]}]",
            "[{name:'empty',@I'$id:empty',partitionIndexes:[0,0]}]", "[{name:'full',@I'$id:full',partitionIndexes:[-1]},{name:'a b',@I'AAAAAAAAAAAAAAAAAAAAAQ',partitionIndexes:[0]}]"};
        for (String g : List.of("simple", "none", "", "life0", "twice"))
            for (String t : topics) {
                all(api, "old '" + g + "' " + t, "{groupId:'" + g + "',topics:" + t.replaceAll("@I'[^']*',", "") + "}");
                each("OffsetFetch", v -> { if (v >= 8) {
                    one("OffsetFetch", v, "'" + g + "' " + t, "{groups:[{groupId:'" + g + "',topics:" + t.replace("@I", "topicId:") + "}]}");
                    one("OffsetFetch", v, "stable '" + g + "' " + t, "{requireStable:true,groups:[{groupId:'" + g + "',topics:" + t.replace("@I", "topicId:") + "}]}");
                    if (v >= 9) one("OffsetFetch", v, "member of '" + g + "' " + t, "{groups:[{groupId:'" + g + "',memberId:'m',memberEpoch:1,topics:" + t.replace("@I", "topicId:") + "}]}");
                } });
            }
        each(api, v -> { if (v >= 8) {
            one("OffsetFetch", v, "groups", "{groups:[{groupId:'simple',topics:null},{groupId:'none',topics:null},{groupId:'twice',topics:null}]}");
            one("OffsetFetch", v, "one group twice", "{groups:[{groupId:'simple',topics:null},{groupId:'simple',topics:null}]}");
            one("OffsetFetch", v, "no groups", "{groups:[]}");
            if (v >= 10) one("OffsetFetch", v, "zero id", "{groups:[{groupId:'simple',topics:[{partitionIndexes:[0]}]}]}");
        } });
        api = "OffsetDelete";
        all(api, "empty group", "{groupId:'',topics:[{name:'full',partitions:[{partitionIndex:0}]}]}");
        all(api, "unknown group", "{groupId:'none',topics:[{name:'full',partitions:[{partitionIndex:0}]}]}");
        all(api, "simple", "{groupId:'simple',topics:[{name:'full',partitions:[{partitionIndex:0},{partitionIndex:9}]},{name:'unknown',partitions:[{partitionIndex:0}]},{name:'a b',partitions:[{partitionIndex:0}]}]}");
        all(api, "again", "{groupId:'simple',topics:[{name:'full',partitions:[{partitionIndex:0}]}]}");
        all(api, "nothing", "{groupId:'simple',topics:[]}");
        all("OffsetFetch", "after deletion", "{groups:[{groupId:'simple',topics:null}]}");
        all("OffsetFetch", "after deletion, old", "{groupId:'simple',topics:null}");
        api = "DeleteGroups";
        each(api, v -> {
            one("DeleteGroups", v, "several", "{groupsNames:['life" + v + "','none','','life" + v + "']}");
            one("DeleteGroups", v, "again", "{groupsNames:['life" + v + "']}");
            one("DeleteGroups", v, "nothing", "{groupsNames:[]}");
        });
        top(api, "simple", "{groupsNames:['simple']}");
        all("ListGroups", "after deletion", "{}");
        all("OffsetFetch", "after deletion of the group", "{groups:[{groupId:'simple',topics:null}]}");
    }

    static void rest() throws Exception {
        String api = "DescribeLogDirs";
        all(api, "one", "{topics:[{topic:'full',partitions:[0,1]}]}");
        all(api, "empty", "{topics:[{topic:'empty',partitions:[0]}]}");
        all(api, "unknown", "{topics:[{topic:'unknown',partitions:[0]},{topic:'full',partitions:[9]}]}");
        all(api, "none", "{topics:[]}");
        all(api, "no partitions", "{topics:[{topic:'full',partitions:[]}]}");
        all(api, "twice", "{topics:[{topic:'full',partitions:[0,0]},{topic:'full',partitions:[1]}]}");
        all(api, "bad name", "{topics:[{topic:'a b',partitions:[0]},{topic:'',partitions:[0]}]}");
        all(api, "negative", "{topics:[{topic:'full',partitions:[-1]}]}");
        all(api, "all of a known size", "{topics:[{topic:'full',partitions:[0,1]},{topic:'empty',partitions:[0]},{topic:'small',partitions:[0]}]}");
        api = "ApiVersions";
        all(api, "plain", "{clientSoftwareName:'a-b.1',clientSoftwareVersion:'1.0'}");
        for (String n : List.of("-a", "a-", ".a", "a", "a--b", "a_b", "é", "1")) all(api, "software " + n, "{clientSoftwareName:'" + n + "',clientSoftwareVersion:'" + n + "'}");
        all(api, "bad software", "{clientSoftwareName:'a b',clientSoftwareVersion:'1'}");
        all(api, "empty software", "{clientSoftwareName:'',clientSoftwareVersion:''}");
    }

    static String marker(int producer, int epoch, boolean commit, String topic, String partitions, int coordinatorEpoch, String more) {
        return "{producerId:" + producer + ",producerEpoch:" + epoch + ",transactionResult:" + commit + ",topics:[{name:'" + topic + "',partitionIndexes:["
            + partitions + "]}],coordinatorEpoch:" + coordinatorEpoch + more + "}";
    }
    static void markers() throws Exception {
        String api = "WriteTxnMarkers", later = ",transactionVersion:2";
        create("marked", 2, "");
        each(api, v -> {
            String n = "v" + v + " ";
            int p = 500 + 10 * v;
            one(api, v, n + "commit", "{markers:[" + marker(p, 0, true, "marked", "0,1", 3, "") + "]}");
            one(api, v, n + "older coordinator", "{markers:[" + marker(p, 0, true, "marked", "0", 2, "") + "]}");
            one(api, v, n + "abort", "{markers:[" + marker(p, 0, false, "marked", "0", 3, "") + "]}");
            if (v >= 2) {
                one(api, v, n + "same epoch", "{markers:[" + marker(p, 0, false, "marked", "0", 3, later) + "]}");
                one(api, v, n + "next epoch", "{markers:[" + marker(p, 1, false, "marked", "0", 4, later) + "]}");
                one(api, v, n + "epoch before", "{markers:[" + marker(p, 0, false, "marked", "0", 4, later) + "]}");
            }
            one(api, v, n + "epoch 2", "{markers:[" + marker(p, 2, true, "marked", "0", 4, "") + "]}");
            one(api, v, n + "epoch 1 after 2", "{markers:[" + marker(p, 1, true, "marked", "0", 4, "") + "]}");
            one(api, v, n + "no producer", "{markers:[" + marker(-1, 0, true, "marked", "0", 1, "") + "]}");
            one(api, v, n + "no epoch", "{markers:[" + marker(p + 1, -1, true, "marked", "0", 1, "") + "]}");
            // Beside a partition that is known Kafka never answers.
            one(api, v, n + "unknown", "{markers:[" + marker(p + 1, 0, true, "unknown", "0", 1, "") + "]}");
            one(api, v, n + "unknown partition", "{markers:[" + marker(p + 1, 0, true, "marked", "7", 1, "") + "]}");
            one(api, v, n + "two producers", "{markers:[" + marker(p + 3, 0, true, "marked", "0", 1, "") + "," + marker(p + 4, 0, false, "marked", "1", 1, "") + "]}");
            one(api, v, n + "none", "{markers:[]}");
            one("ListOffsets", (short) 7, n + "marked", offsetOf("marked", 0, -1));
        });
    }
    static String move(String path, String topic, String partitions) {
        return "{path:'" + path + "',topics:[{name:'" + topic + "',partitions:[" + partitions + "]}]}";
    }
    static void moves() throws Exception {
        String api = "AlterReplicaLogDirs", tooLong = "l".repeat(230);
        create("moved", 1, "");
        top("DescribeLogDirs", "setup of moves", "{topics:[{topic:'moved',partitions:[0]}]}");
        keep("dir", "/results/0/logDir");
        all(api, "where it is", "{dirs:[" + move("$dir", "moved", "0") + "]}");
        all(api, "nowhere", "{dirs:[" + move("/nowhere", "moved", "0") + "]}");
        all(api, "unknown", "{dirs:[" + move("$dir", "moved", "9,-1") + "," + move("$dir", "unknown", "0") + "]}");
        all(api, "unknown and nowhere", "{dirs:[" + move("/nowhere", "unknown", "0") + "]}");
        all(api, "name too long", "{dirs:[" + move("$dir", tooLong, "0") + "]}");
        all(api, "name too long and nowhere", "{dirs:[" + move("/nowhere", tooLong, "0") + "]}");
        all(api, "none", "{dirs:[]}");
        all(api, "no topics", "{dirs:[{path:'$dir',topics:[]}]}");
        all(api, "no partitions", "{dirs:[" + move("$dir", "moved", "") + "]}");
    }

    // What consoles and scanners ask.
    static void consoles() throws Exception {
        String acl = "{resourceTypeFilter:%d,resourceNameFilter:%s,patternTypeFilter:%d,principalFilter:%s,hostFilter:null,operation:%d,permissionType:%d}";
        all("DescribeAcls", "any", acl.formatted(1, "null", 1, "null", 1, 1));
        all("DescribeAcls", "a topic", acl.formatted(2, "'full'", 3, "'User:a'", 3, 3));
        all("DescribeAcls", "unknown", acl.formatted(0, "null", 0, "null", 0, 0));
        for (int k = 0; k < 4; k++) for (int word : new int[] {0, 2, 4, 5, 7, 8, 14, 15, 16, -1}) {
            int[] w = {1, 1, 1, 1};
            w[k] = word;
            all("DescribeAcls", "words " + Arrays.toString(w), acl.formatted(w[0], "null", w[1], "null", w[2], w[3]));
            all("DeleteAcls", "words " + Arrays.toString(w), "{filters:[" + acl.formatted(w[0], "null", w[1], "null", w[2], w[3]) + "]}");
            all("CreateAcls", "words " + Arrays.toString(w), "{creations:[{resourceType:" + w[0] + ",resourceName:'x',resourcePatternType:" + w[1] + ",principal:'User:a',host:'*',operation:" + w[2] + ",permissionType:" + w[3] + "}]}");
        }
        String creation = "{resourceType:2,resourceName:'full',resourcePatternType:3,principal:'User:a',host:'*',operation:3,permissionType:3}";
        for (String c : List.of("", creation, creation + "," + creation, creation.replace("'full'", "''"))) all("CreateAcls", "of [" + c + "]", "{creations:[" + c + "]}");
        for (String f : List.of("", acl.formatted(1, "null", 1, "null", 1, 1), acl.formatted(2, "'full'", 3, "null", 1, 1) + "," + acl.formatted(3, "'g'", 3, "null", 1, 1)))
            all("DeleteAcls", "of [" + f + "]", "{filters:[" + f + "]}");

        preset();
        String api = "DescribeClientQuotas";
        String[] match = {"0,'a'", "0,null", "1,null", "1,'a'", "2,null", "2,'a'", "3,null", "-1,'a'"};
        for (boolean strict : new boolean[] {false, true}) {
            all(api, "all, strict " + strict, "{components:[],strict:" + strict + "}");
            for (String t : List.of("user", "client-id", "ip", "", "nope", "User")) for (String m : match)
                all(api, t + " " + m + ", strict " + strict, "{components:[" + component(t, m) + "],strict:" + strict + "}");
            for (String t : List.of("user,client-id", "user,ip", "ip,client-id", "user,user", "nope,user", "user,nope", "user,client-id,user"))
                for (String m : List.of("0,'a'", "1,null", "2,null")) {
                    String c = "";
                    for (String x : t.split(",")) c += (c.isEmpty() ? "" : ",") + component(x, m);
                    all(api, t + " " + m + ", strict " + strict, "{components:[" + c + "],strict:" + strict + "}");
                }
        }
        api = "DescribeUserScramCredentials";
        for (String u : List.of("null", "[]", "[{name:'a'}]", "[{name:'b'},{name:'nobody'}]", "[{name:'a'},{name:'a'}]", "[{name:''}]", "[{name:'nobody'},{name:'a'},{name:'nobody'}]", zero("[{name:'a~'}]")))
            all(api, "of " + u, "{users:" + u + "}");
        api = "ListPartitionReassignments";
        for (String t : List.of("null", "[]", "[{name:'full',partitionIndexes:[0,1]}]", "[{name:'unknown',partitionIndexes:[0]}]", "[{name:'full',partitionIndexes:[9,-1]}]", "[{name:'full',partitionIndexes:[]}]")) all(api, "of " + t, "{topics:" + t + "}");
        api = "DescribeQuorum";
        for (String t : List.of("{topicName:'__cluster_metadata',partitions:[{partitionIndex:0}]}", "{topicName:'__cluster_metadata',partitions:[{partitionIndex:1}]}", "{topicName:'__cluster_metadata',partitions:[{partitionIndex:0},{partitionIndex:0}]}",
                "{topicName:'full',partitions:[{partitionIndex:0},{partitionIndex:1}]}", "", "{topicName:'__cluster_metadata',partitions:[]}", "{topicName:'__cluster_metadata',partitions:[{partitionIndex:0}]},{topicName:'full',partitions:[{partitionIndex:0}]}"))
            all(api, "of [" + t + "]", "{topics:[" + t + "]}");
        api = "ElectLeaders";
        for (int type : new int[] {0, 1, 2, -1}) for (String t : List.of("null", "[]", "[{topic:'full',partitions:[0,1]}]", "[{topic:'full',partitions:[0,0,9,-1]},{topic:'unknown',partitions:[0]}]", "[{topic:'full',partitions:[]}]", "[{topic:'',partitions:[0]}]")) {
            all(api, "type " + type + " of " + t, "{electionType:" + type + ",topicPartitions:" + t + "}");
            if (type == 0) all(api, "of " + t, "{topicPartitions:" + t + "}");
        }
        api = "ListTransactions";
        for (String f : List.of("", "stateFilters:['Ongoing','Dead','nope','ongoing','Empty','PrepareEpochFence']", "producerIdFilters:[1,2]", "durationFilter:1000", "stateFilters:['nope','nope'],durationFilter:-5",
                "transactionalIdPattern:null", "transactionalIdPattern:''", "transactionalIdPattern:'a.*'", "transactionalIdPattern:'(['", "transactionalIdPattern:'*a'", "transactionalIdPattern:'a)'", "transactionalIdPattern:'(?i)a|[]]b'", "transactionalIdPattern:'a\\\\'", "transactionalIdPattern:'[a'"))
            all(api, "of " + f, "{" + f + "}");
        for (String t : List.of("", "'x'", "'x','x'", "''", "'x','','y'")) all("DescribeTransactions", "of [" + t + "]", "{transactionalIds:[" + t + "]}");
        for (int b : new int[] {0, 99, -1}) all("UnregisterBroker", "broker " + b, "{brokerId:" + b + "}");
    }
    // What differential.test gives to moldau.
    static void preset() throws Exception {
        String[][] quotas = {{"user", "a", "producer_byte_rate", "1024"}, {"user", "a", "consumer_byte_rate", "2"}, {"user", null, "request_percentage", "50"}, {"client-id", "a", "producer_byte_rate", "3"},
            {"client-id", "a", "user", "a", "producer_byte_rate", "4"}, {"user", "a", "client-id", null, "producer_byte_rate", "5"}, {"user", null, "client-id", null, "producer_byte_rate", "6"},
            {"user", "z~", "producer_byte_rate", "7"}, {"ip", "127.0.0.1", "connection_creation_rate", "8"}, {"ip", null, "connection_creation_rate", "9"}};
        for (String[] q : quotas) {
            String entity = "";
            for (int i = 0; i + 2 < q.length; i += 2) entity += (i > 0 ? "," : "") + "{entityType:'" + q[i] + "',entityName:" + (q[i + 1] == null ? "null" : "'" + q[i + 1] + "'") + "}";
            theirs("AlterClientQuotas", zero("{entries:[{entity:[" + entity + "],ops:[{key:'" + q[q.length - 2] + "',value:" + q[q.length - 1] + "}]}]}"));
        }
        for (String[] s : new String[][] {{"a", "1", "4096"}, {"a", "2", "8192"}, {"b", "2", "5000"}})
            theirs("AlterUserScramCredentials", "{upsertions:[{name:'" + s[0] + "',mechanism:" + s[1] + ",iterations:" + s[2] + ",salt:'salt',saltedPassword:'secret'}]}");
    }
    static void theirs(String api, String spec) throws Exception {
        var type = type(api);
        var a = kafka.exchange(type, type.highestSupportedVersion(false), (org.apache.kafka.common.protocol.Message) fill(type.newRequest(), JSON.readTree(spec), kafka, ""));
        if (a.findValue("errorCode").asInt() != 0) throw new IllegalStateException(api + " " + spec + ": " + a);
    }
    static String component(String type, String match) {
        String[] m = match.split(",");
        return "{entityType:'" + type + "',matchType:" + m[0] + ",match:" + m[1] + "}";
    }
    static String feature(String name, int level, int type) {
        return "{feature:'" + name + "',maxVersionLevel:" + level + (type == 1 ? "" : ",upgradeType:" + type) + "}";
    }
    static void features() throws Exception {
        String api = "UpdateFeatures";
        for (String validate : List.of(",validateOnly:true", "")) {
            all(api, "nothing" + validate, "{featureUpdates:[]" + validate + "}");
            for (String name : List.of("metadata.version", "group.version", "transaction.version", "eligible.leader.replicas.version", "share.version", "streams.version", "nope", ""))
                for (int type = 0; type <= 4; type++) {
                    for (int level : new int[] {-1, 31, 99, 6, 2000}) all(api, name + " " + level + " by " + type + validate, "{featureUpdates:[" + feature(name, level, type) + "]" + validate + "}");
                    int now = name.equals("metadata.version") ? 30 : name.equals("transaction.version") ? 2 : 1;
                    all(api, name + " as it is by " + type + validate, "{featureUpdates:[" + feature(name, now, type) + "]" + validate + "}");
                    if (now == 30) for (int level : new int[] {29, 17, 7}) all(api, name + " " + level + " by " + type + validate, "{featureUpdates:[" + feature(name, level, type) + "]" + validate + "}");
                }
        }
        all(api, "downgrade by the old flag", "{featureUpdates:[{feature:'transaction.version',maxVersionLevel:1,allowDowngrade:true}],validateOnly:true}");
        for (int type : new int[] {1, 2, 3}) for (String name : List.of("group.version", "share.version", "streams.version", "eligible.leader.replicas.version", "transaction.version", "kraft.version"))
            all(api, name + " 0 only checked, by " + type, "{featureUpdates:[" + feature(name, 0, type) + "],validateOnly:true}");
        all(api, "one good, one bad", "{featureUpdates:[" + feature("group.version", 1, 1) + "," + feature("nope", 1, 1) + "]}");
        all(api, "a feature down", "{featureUpdates:[" + feature("streams.version", 0, 2) + "]}");
        all("ApiVersions", "after a feature went down", "{clientSoftwareName:'a',clientSoftwareVersion:'1.0'}");
        all(api, "and up again", "{featureUpdates:[" + feature("streams.version", 1, 1) + "]}");
        all("ApiVersions", "after a feature went up", "{clientSoftwareName:'a',clientSoftwareVersion:'1.0'}");
    }

    static void deletion() throws Exception {
        String api = "DeleteTopics";
        each(api, v -> { for (String s : List.of("a", "b", "c", "d")) create("del" + v + s, 1, ""); });
        each(api, v -> {
            String n = "del" + v;
            if (v < 6) {
                one("DeleteTopics", v, "one", "{timeoutMs:10000,topicNames:['" + n + "a']}");
                one("DeleteTopics", v, "again", "{timeoutMs:10000,topicNames:['" + n + "a']}");
                one("DeleteTopics", v, "twice", "{timeoutMs:10000,topicNames:['" + n + "b','" + n + "b','" + n + "c']}");
                one("DeleteTopics", v, "known and unknown", "{timeoutMs:10000,topicNames:['" + n + "d','unknown']}");
                one("DeleteTopics", v, "bad names", "{timeoutMs:10000,topicNames:['','a b','..']}");
                one("DeleteTopics", v, "none", "{timeoutMs:10000,topicNames:[]}");
            } else {
                one("DeleteTopics", v, "by name", "{timeoutMs:10000,topics:[{name:'" + n + "a'}]}");
                one("DeleteTopics", v, "again", "{timeoutMs:10000,topics:[{name:'" + n + "a'}]}");
                one("DeleteTopics", v, "by id", "{timeoutMs:10000,topics:[{name:null,topicId:'$id:" + n + "b'}]}");
                one("DeleteTopics", v, "by id again", "{timeoutMs:10000,topics:[{name:null,topicId:'$id:" + n + "b'}]}");
                one("DeleteTopics", v, "by id twice", "{timeoutMs:10000,topics:[{name:null,topicId:'$id:" + n + "c'},{name:null,topicId:'$id:" + n + "c'}]}");
                one("DeleteTopics", v, "by id and name", "{timeoutMs:10000,topics:[{name:null,topicId:'$id:" + n + "c'},{name:'" + n + "c'}]}");
                one("DeleteTopics", v, "name twice", "{timeoutMs:10000,topics:[{name:'" + n + "d'},{name:'" + n + "d'}]}");
                one("DeleteTopics", v, "id and name in one", "{timeoutMs:10000,topics:[{name:'" + n + "d',topicId:'$id:" + n + "d'}]}");
                one("DeleteTopics", v, "neither", "{timeoutMs:10000,topics:[{name:null}]}");
                one("DeleteTopics", v, "unknown id", "{timeoutMs:10000,topics:[{name:null,topicId:'AAAAAAAAAAAAAAAAAAAAAQ'},{name:'unknown'},{name:'a b'}]}");
                one("DeleteTopics", v, "none", "{timeoutMs:10000,topics:[]}");
            }
        });
        all("Metadata", "after deletion", "{topics:null}");
    }

    // A version above the last one.
    static void unknownVersions() throws Exception {
        for (Map.Entry<Short, short[]> e : new TreeMap<>(versions).entrySet()) {
            var type = org.apache.kafka.common.message.ApiMessageType.fromApiKey(e.getKey());
            if (!wanted(type.name)) continue;
            for (int v : new int[] {e.getValue()[1] + 50, -1}) {
                var results = new com.fasterxml.jackson.databind.JsonNode[2];
                for (Side s : List.of(moldau, kafka)) {
                    s.connect();
                    java.nio.ByteBuffer h = java.nio.ByteBuffer.allocate(11);
                    h.putShort(e.getKey()).putShort((short) v).putInt(++s.correlation).putShort((short) -1).put((byte) 0).flip();
                    s.write(h, java.nio.ByteBuffer.allocate(0));
                    results[s == moldau ? 0 : 1] = s.answer(type, (short) 0);
                    s.drop();
                }
                verdict(type.name, v, "version " + (v < 0 ? "-1" : "too new"), masked(type.name, "", results[0]), masked(type.name, "", results[1]));
            }
        }
    }
}
