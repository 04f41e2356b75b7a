// The same requests to moldau and to Apache Kafka, and the answers compared: Differential MOLDAU_PORT KAFKA_PORT [API ..]
//
// A request is written as lenient JSON; fields left out have their defaults. In strings '%' is a number of its own for each
// request, '$name' a value kept from an earlier answer of the same broker, '$id:topic' the id of a topic there, '@name'
// a record set. A case runs in every version that has its fields.
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.*;
import java.io.*;
import java.lang.reflect.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.util.*;
import java.util.zip.CRC32;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.record.internal.*;

public class Differential {
    static final ObjectMapper JSON = JsonMapper.builder().enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
        .enable(JsonReadFeature.ALLOW_SINGLE_QUOTES).build();
    static final int TIMEOUT_MS = 30000, SILENCE_MS = 3000;
    static final long T0 = System.currentTimeMillis() - 60000;

    // ---- Differences that stay: an exact case, the last name of the field's path, and why.
    record Kept(String api, String name, String field, String why) {}
    static final List<Kept> EXCEPTIONS = new ArrayList<>();
    static void except(String api, String name, String field, String why) { EXCEPTIONS.add(new Kept(api, name, field, why)); }
    static {
        except("AlterConfigs", "one resource twice", "", "Kafka never answers");
        for (String f : new String[] {"errorCode", "errorMessage"})
            except("IncrementalAlterConfigs", "nine threads", f, "Kafka's thread pools grow to twice their size at most; moldau has none");
        except("ListConfigResources", "after op 0 32,'gr~p',0,'consumer.session.timeout.ms','50000~'", "configResources",
            "Kafka's broker trips over a number that is not trimmed, and forgets the group");
        except("DescribeQuorum", "of [{topicName:'__cluster_metadata',partitions:[{partitionIndex:0}]}]", "listeners",
            "this node listens to no other controllers");
        except("Produce", "null records", "", "Kafka never answers");
        for (String k : new String[] {"of ", "synonyms of "})
            except("DescribeConfigs", k + "{resourceType:8,resourceName:'1',configurationKeys:null}", "configs", "the loggers of Kafka's Java process");
        except("ListOffsets", "newest deleted at -3", "offset", "the newest record that is there; Kafka answers an offset below the start of the log");
        for (String f : new String[] {"offset", "timestamp", "leaderEpoch"})
            except("ListOffsets", "all deleted at -3", f, "moldau frees the disk at once; Kafka answers an offset below the start of the log");
        for (String r : Cases.ODD) {
            String why = r.contains("raw") ? "Kafka stores offsets that belong to other batches" : r.endsWith("after") ? "Kafka skips bytes after the compressed records, not every client does"
                : "Kafka stores a record whose length is wrong, which no consumer can read";
            for (String f : new String[] {"baseOffset", "errorCode"}) except("Produce", "odd " + r, f, why);
        }
    }
    static final Set<String> reported = new HashSet<>();
    static final Set<Kept> used = new LinkedHashSet<>();

    // ---- One broker.
    static class Side {
        final String name; final int port;
        Socket socket, idle; DataInputStream in, idleIn; int correlation, idleCorrelation;
        final Map<String, JsonNode> vars = new HashMap<>();
        JsonNode last = NullNode.instance;
        Side(String name, int port) { this.name = name; this.port = port; }

        void connect() throws IOException {
            if (socket != null && !socket.isClosed()) return;
            socket = new Socket("localhost", port);
            socket.setTcpNoDelay(true);
            in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        }
        // The other of two connections.
        void swap() {
            Socket s = socket; DataInputStream i = in; int c = correlation;
            socket = idle; in = idleIn; correlation = idleCorrelation;
            idle = s; idleIn = i; idleCorrelation = c;
        }
        void drop() throws IOException { if (socket != null) socket.close(); }

        // The answer as JSON, or a text: "closed", "no answer", "unreadable: why".
        JsonNode exchange(ApiMessageType type, short version, Message request) throws Exception {
            ask(type, version, request);
            return answer(type, version);
        }
        void ask(ApiMessageType type, short version, Message request) throws Exception {
            RequestHeaderData header = new RequestHeaderData().setRequestApiKey(type.apiKey()).setRequestApiVersion(version)
                .setCorrelationId(++correlation).setClientId("differential");
            write(MessageUtil.toByteBufferAccessor(header, type.requestHeaderVersion(version)).buffer(), MessageUtil.toByteBufferAccessor(request, version).buffer());
        }
        void write(ByteBuffer h, ByteBuffer b) throws IOException {
            connect();
            ByteArrayOutputStream o = new ByteArrayOutputStream();
            DataOutputStream d = new DataOutputStream(o);
            d.writeInt(h.remaining() + b.remaining());
            d.write(h.array(), h.arrayOffset() + h.position(), h.remaining());
            d.write(b.array(), b.arrayOffset() + b.position(), b.remaining());
            try {
                socket.getOutputStream().write(o.toByteArray());
            } catch (IOException e) {
                drop(); // the answer to come is "closed"
            }
        }
        int timeoutMs = TIMEOUT_MS;
        JsonNode answer(ApiMessageType type, short version) throws Exception {
            byte[] frame;
            try {
                socket.setSoTimeout(timeoutMs);
                frame = new byte[in.readInt()];
                in.readFully(frame);
            } catch (SocketTimeoutException e) {
                drop();
                return TextNode.valueOf("no answer");
            } catch (IOException e) {
                drop();
                return TextNode.valueOf("closed");
            }
            ByteBufferAccessor a = new ByteBufferAccessor(ByteBuffer.wrap(frame));
            try {
                ResponseHeaderData rh = new ResponseHeaderData(a, type.responseHeaderVersion(version));
                if (rh.correlationId() != correlation) return TextNode.valueOf("correlation id " + rh.correlationId());
                ApiMessage response = type.newResponse();
                response.read(a, version);
                if (a.remaining() != 0) return TextNode.valueOf("unreadable: " + a.remaining() + " bytes too many");
                Class<?> c = Class.forName(response.getClass().getName() + "JsonConverter");
                JsonNode n;
                if (response instanceof FetchResponseData) {
                    n = FetchResponseDataJsonConverter.write((FetchResponseData) response, version, false);
                    sums((FetchResponseData) response, n);
                } else
                    n = (JsonNode) c.getMethod("write", response.getClass(), short.class).invoke(null, response, version);
                if (response instanceof ApiVersionsResponseData) common(n);
                return n;
            } catch (Exception e) {
                return TextNode.valueOf("unreadable: " + e);
            }
        }
        // What moldau has no part of is not compared.
        static void common(JsonNode n) {
            for (String list : new String[] {"apiKeys", "supportedFeatures", "finalizedFeatures"})
                for (Iterator<JsonNode> i = n.path(list).iterator(); i.hasNext();) {
                    JsonNode e = i.next();
                    if (list.equals("apiKeys") ? !versions.isEmpty() && !versions.containsKey((short) e.get("apiKey").asInt()) : !FEATURES.contains(e.get("name").asText())) i.remove();
                }
        }
        // What the records are, not only how many bytes.
        static void sums(FetchResponseData r, JsonNode n) {
            for (int t = 0; t < r.responses().size(); t++)
                for (int p = 0; p < r.responses().get(t).partitions().size(); p++) {
                    BaseRecords records = r.responses().get(t).partitions().get(p).records();
                    if (!(records instanceof MemoryRecords)) continue;
                    CRC32 crc = new CRC32();
                    int bytes = 0;
                    // Kafka may cut the last batch where the room ends; what is cut is no use to anybody.
                    for (RecordBatch b : ((MemoryRecords) records).batches()) bytes += b.sizeInBytes();
                    ByteBuffer whole = ((MemoryRecords) records).buffer().duplicate();
                    whole.limit(whole.position() + bytes);
                    crc.update(whole);
                    ((ObjectNode) n.get("responses").get(t).get("partitions").get(p)).put("recordsSizeInBytes", bytes).put("recordsCrc", crc.getValue());
                }
        }
        JsonNode topicId(String topic) throws Exception {
            JsonNode known = vars.get("id:" + topic);
            if (known != null) return known;
            MetadataRequestData m = new MetadataRequestData().setTopics(List.of(new MetadataRequestData.MetadataRequestTopic().setName(topic)));
            for (int i = 0; i < 50; i++) {
                JsonNode id = exchange(ApiMessageType.METADATA, (short) 12, m).at("/topics/0/topicId");
                if (id.isTextual() && !id.asText().equals(Uuid.ZERO_UUID.toString())) {
                    vars.put("id:" + topic, id);
                    return id;
                }
                Thread.sleep(50);
            }
            throw new IllegalStateException("no id of " + topic);
        }
    }

    // ---- Requests from JSON.
    static final Map<String, byte[]> records = new HashMap<>();

    static Object value(Type type, JsonNode n, Side side, String unique) throws Exception {
        if (n.isTextual()) {
            String s = n.asText().replace("%", unique);
            if (s.startsWith("$id:")) return value(type, side.topicId(s.substring(4)), side, unique);
            if (s.startsWith("$")) {
                JsonNode v = side.vars.get(s.substring(1));
                if (v == null) throw new IllegalStateException(side.name + " gave no " + s);
                return value(type, v, side, unique);
            }
            if (s.startsWith("@")) return MemoryRecords.readableRecords(ByteBuffer.wrap(records.get(s.substring(1))));
            if (type == Uuid.class) return Uuid.fromString(s);
            if (type == byte[].class) return s.getBytes();
            return s;
        }
        if (n.isNull()) return null;
        if (type == byte.class || type == Byte.class) return (byte) n.asInt();
        if (type == short.class || type == Short.class) return (short) n.asInt();
        if (type == int.class || type == Integer.class) return n.asInt();
        if (type == long.class || type == Long.class) return n.asLong();
        if (type == double.class) return n.asDouble();
        if (type == boolean.class) return n.asBoolean();
        if (n.isArray()) {
            Collection<Object> c;
            Type element;
            if (type instanceof ParameterizedType) {
                element = ((ParameterizedType) type).getActualTypeArguments()[0];
                c = new ArrayList<>();
            } else {
                @SuppressWarnings("unchecked")
                Collection<Object> made = (Collection<Object>) ((Class<?>) type).getConstructor().newInstance();
                c = made;
                element = ((ParameterizedType) ((Class<?>) type).getGenericSuperclass()).getActualTypeArguments()[0];
            }
            for (JsonNode e : n) c.add(value(element, e, side, unique));
            return c;
        }
        if (type instanceof ParameterizedType) throw new IllegalArgumentException(type + " from " + n);
        return fill(((Class<?>) type).getConstructor().newInstance(), n, side, unique);
    }
    static Object fill(Object o, JsonNode n, Side side, String unique) throws Exception {
        for (Iterator<Map.Entry<String, JsonNode>> i = n.fields(); i.hasNext();) {
            Map.Entry<String, JsonNode> e = i.next();
            String setter = "set" + Character.toUpperCase(e.getKey().charAt(0)) + e.getKey().substring(1);
            Method m = null;
            for (Method x : o.getClass().getMethods()) if (x.getName().equals(setter)) m = x;
            if (m == null) throw new IllegalArgumentException(o.getClass() + " has no " + e.getKey());
            m.invoke(o, value(m.getGenericParameterTypes()[0], e.getValue(), side, unique));
        }
        return o;
    }

    // ---- What must differ.
    static final Set<String> MASKED = Set.of("throttleTimeMs", "host", "port", "logDir", "totalBytes", "usableBytes",
        "lastTimestamp", "brokerEpoch", "finalizedFeaturesEpoch");
    static final Set<String> FEATURES = Set.of("metadata.version");
    static final Set<String> SIGN_ONLY = Set.of("producerId", "sessionId", "logAppendTimeMs");
    // Each metadata log has its own course.
    static final Set<String> OWN_COURSE = Set.of("leaderEpoch", "highWatermark", "logEndOffset", "lastFetchTimestamp", "lastCaughtUpTimestamp");
    static final Set<String> PRESENCE = Set.of("errorMessage", "memberId", "leader", "topicId", "documentation", "batchIndexErrorMessage", "clusterId");

    static JsonNode masked(String api, String name, JsonNode n) {
        if (MASKED.contains(name)) return TextNode.valueOf("*");
        if (api.equals("DescribeQuorum") && OWN_COURSE.contains(name)) return TextNode.valueOf(n.asLong() > 0 ? "+" : n.asText());
        if (SIGN_ONLY.contains(name) && n.isNumber()) return TextNode.valueOf(n.asLong() > 0 || name.equals("producerId") && n.asLong() == 0 ? "+" : n.asText());
        if (PRESENCE.contains(name)) {
            if (n.isNull()) return n;
            if (name.equals("leader") && !n.isTextual()) return n;
            String s = n.asText();
            return TextNode.valueOf(s.isEmpty() || s.equals(Uuid.ZERO_UUID.toString()) ? s : "*");
        }
        if (n.isObject()) {
            ObjectNode o = JSON.createObjectNode();
            TreeMap<String, JsonNode> sorted = new TreeMap<>();
            n.fields().forEachRemaining(e -> sorted.put(e.getKey(), masked(api, e.getKey(), e.getValue())));
            sorted.forEach(o::set);
            return o;
        }
        if (n.isArray()) {
            List<JsonNode> l = new ArrayList<>();
            // Kafka's ELR sets min.insync.replicas for the whole cluster; moldau has no such record.
            n.forEach(e -> { if (!e.path("name").asText().equals("min.insync.replicas")) l.add(masked(api, "", e)); });
            // The order of a hash table is not part of the protocol.
            if (!api.equals("DescribeTopicPartitions")) l.sort(Comparator.comparing(Differential::identity).thenComparing(JsonNode::toString));
            return JSON.createArrayNode().addAll(l);
        }
        return n;
    }
    static String identity(JsonNode n) {
        StringBuilder b = new StringBuilder();
        for (String f : new String[] {"name", "topic", "resourceName", "groupId", "key", "partitionIndex", "index", "partition", "topicId"}) b.append(n.path(f).asText()).append(' ');
        return b.toString();
    }
    static void difference(String path, JsonNode m, JsonNode k, List<String> out) {
        if (m.equals(k) || out.size() > 5) return;
        if (m.isObject() && k.isObject()) {
            Set<String> names = new TreeSet<>();
            m.fieldNames().forEachRemaining(names::add);
            k.fieldNames().forEachRemaining(names::add);
            for (String s : names) difference(path + "/" + s, m.path(s), k.path(s), out);
        } else if (m.isArray() && k.isArray() && m.size() == k.size()) {
            for (int i = 0; i < m.size(); i++) difference(path + "/" + i, m.get(i), k.get(i), out);
        } else
            out.add(path + ": moldau " + cut(m) + ", Kafka " + cut(k));
    }
    static String cut(JsonNode n) { String s = n.toString(); return s.length() > 300 ? s.substring(0, 300) + ".." : s; }

    // ---- Running cases.
    static Side moldau, kafka;
    static Map<Short, short[]> versions = new HashMap<>();
    static Set<String> chosen = new HashSet<>();
    static int passed, failed, excepted, counter;
    // What a broker of Kafka's answers from its copy of the metadata, which is a little later than the controller's.
    static final Set<String> READS = Set.of("Metadata", "DescribeConfigs", "ListOffsets", "DescribeTopicPartitions", "DescribeCluster",
        "OffsetForLeaderEpoch", "DescribeLogDirs", "DescribeProducers", "ListConfigResources", "DescribeClientQuotas", "DescribeUserScramCredentials", "ApiVersions", "OffsetFetch", "DescribeGroups", "ListGroups");
    static int attempts() { return failed > 10 ? 20 : 500; }
    static final long[] spent = new long[1000];

    static ApiMessageType type(String api) {
        for (ApiMessageType t : ApiMessageType.values()) if (t.name.equals(api) || t.name.equals(api + "Request")) return t;
        throw new IllegalArgumentException(api);
    }
    static Kept exception(String api, String name, String difference) {
        String path = difference.substring(0, difference.indexOf(": "));
        for (Kept e : EXCEPTIONS)
            if (e.api.equals(api) && e.name.equals(name) && path.substring(path.lastIndexOf('/') + 1).equals(e.field)) return e;
        return null;
    }
    static void verdict(String api, int version, String name, JsonNode m, JsonNode k) {
        List<String> out = new ArrayList<>();
        difference("", m, k, out);
        if (out.isEmpty()) { passed++; return; }
        List<String> left = new ArrayList<>();
        for (String s : out) {
            Kept e = exception(api, name, s);
            if (e == null) left.add(s);
            else used.add(e);
        }
        if (left.isEmpty()) { excepted++; passed++; return; }
        failed++;
        if (reported.add(api + " " + name + left.get(0).replaceAll("[0-9]", ""))) {
            System.out.println("FAIL " + api + " v" + version + " " + name);
            for (String s : left) System.out.println("    " + s);
        } else
            System.out.println("FAIL " + api + " v" + version + " " + name + ", likewise");
    }
    static boolean settled(String api, String name, JsonNode m, JsonNode k) {
        List<String> out = new ArrayList<>();
        difference("", m, k, out);
        for (String s : out) if (exception(api, name, s) == null) return false;
        return true;
    }
    static void one(String api, int v, String name, String spec) throws Exception {
        ApiMessageType type = type(api);
        JsonNode n = JSON.readTree(spec);
        String unique = Integer.toString(++counter);
        long start = System.nanoTime();
        JsonNode m = null, k = null;
        for (int attempt = 0; attempt < (READS.contains(api) ? attempts() : 1); attempt++) {
            if (attempt > 0) Thread.sleep(10);
            Map<Side, Message> requests = new LinkedHashMap<>();
            for (Side s : List.of(kafka, moldau)) {
                Message request = (Message) fill(type.newRequest(), n, s, unique);
                try {
                    MessageUtil.toByteBufferAccessor(request, (short) v);
                } catch (UnsupportedVersionException | NullPointerException e) {
                    return;
                }
                requests.put(s, request);
            }
            for (Side s : requests.keySet()) s.ask(type, (short) v, requests.get(s));
            for (Side s : requests.keySet()) s.last = s.answer(type, (short) v);
            m = masked(api, "", moldau.last);
            k = masked(api, "", kafka.last);
            if (settled(api, name, m, k)) break;
        }
        long took = System.nanoTime() - start;
        if (System.getenv("TIMES") != null && took > 200_000_000) System.out.println("slow: " + api + " v" + v + " " + name + ", " + took / 1000000 + " ms");
        spent[type.apiKey()] += took;
        verdict(api, v, name, m, k);
    }
    // A produce request with acks=0: the next answer on the connection is that of another request, or there is none.
    static void silent(String api, int v, String name, String spec) throws Exception {
        ApiMessageType type = type(api), probe = ApiMessageType.API_VERSIONS;
        JsonNode n = JSON.readTree(spec);
        JsonNode[] r = new JsonNode[2];
        for (Side s : List.of(moldau, kafka)) {
            s.ask(type, (short) v, (Message) fill(type.newRequest(), n, s, ""));
            s.ask(probe, (short) 0, new ApiVersionsRequestData());
            JsonNode a = s.answer(probe, (short) 0);
            r[s == moldau ? 0 : 1] = a.isObject() ? TextNode.valueOf("open") : a;
        }
        verdict(api, v, name, r[0], r[1]);
    }
    static void other() { moldau.swap(); kafka.swap(); }
    // A request whose answer comes later: see answered.
    static void ask(String api, int v, String spec) throws Exception {
        for (Side s : List.of(kafka, moldau)) s.ask(type(api), (short) v, (Message) fill(type(api).newRequest(), JSON.readTree(spec), s, ""));
    }
    static void answered(String api, int v, String name) throws Exception {
        for (Side s : List.of(kafka, moldau)) s.last = s.answer(type(api), (short) v);
        verdict(api, v, name, masked(api, "", moldau.last), masked(api, "", kafka.last));
    }
    // Asks each until its error is this one, which depends on what goes on in another connection.
    static void until(String api, int v, String name, String spec, int error) throws Exception {
        for (Side s : List.of(kafka, moldau))
            for (int i = 0; i < 500; i++) {
                s.last = s.exchange(type(api), (short) v, (Message) fill(type(api).newRequest(), JSON.readTree(spec), s, ""));
                if (s.last.path("errorCode").asInt() == error) break;
                Thread.sleep(10);
            }
        verdict(api, v, name, masked(api, "", moldau.last), masked(api, "", kafka.last));
    }
    interface Body { void run(int version) throws Exception; }
    static boolean wanted(String api) { return chosen.isEmpty() || chosen.contains(api); }
    static void each(String api, Body b) throws Exception {
        short[] r = versions.get(type(api).apiKey());
        if (r == null) { System.out.println("FAIL " + api + " is not advertised"); failed++; return; }
        if (wanted(api)) for (int v = r[0]; v <= r[1]; v++) b.run(v);
    }
    // A case in all versions.
    static void all(String api, String name, String spec) throws Exception { each(api, v -> one(api, v, name, spec)); }
    static void top(String api, String name, String spec) throws Exception {
        one(api, versions.get(type(api).apiKey())[1], name, spec);
    }
    static void keep(String name, String pointer) {
        for (Side s : List.of(moldau, kafka)) s.vars.put(name, s.last.at(pointer));
    }
    static void reconnect() throws Exception { moldau.drop(); kafka.drop(); }

    public static void main(String[] a) throws Exception {
        moldau = new Side("moldau", Integer.parseInt(a[0]));
        kafka = new Side("Kafka", Integer.parseInt(a[1]));
        for (int i = 2; i < a.length; i++) chosen.add(a[i]);
        start();
        Cases.run();
        for (Kept e : EXCEPTIONS)
            if (!used.contains(e) && chosen.isEmpty()) { failed++; System.out.println("FAIL the exception \"" + e + "\" has no difference any more"); }
        for (Kept e : used) System.out.println("exception: " + e.api + " " + e.name + ", " + e.field + ": " + e.why);
        if (System.getenv("TIMES") != null)
            for (ApiMessageType t : ApiMessageType.values()) if (spent[t.apiKey()] > 0) System.out.println("time: " + t.name + " " + spent[t.apiKey()] / 1000000 + " ms");
        System.out.println((passed - excepted) + " answers equal, " + excepted + " under an exception");
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed > 0 || passed == 0 ? 1 : 0);
    }

    static void start() throws Exception {
        long end = System.currentTimeMillis() + 90000;
        for (Side s : List.of(kafka, moldau))
            while (true) {
                try {
                    JsonNode r = s.exchange(ApiMessageType.FIND_COORDINATOR, (short) 2, new FindCoordinatorRequestData().setKey("g"));
                    if (r.path("errorCode").asInt(-1) == 0) break;
                } catch (IOException e) {
                    s.socket = null;
                }
                if (System.currentTimeMillis() > end) throw new IllegalStateException(s.name + " did not start");
                Thread.sleep(100);
            }
        for (JsonNode k : moldau.exchange(ApiMessageType.API_VERSIONS, (short) 2, new ApiVersionsRequestData()).get("apiKeys"))
            versions.put((short) k.get("apiKey").asInt(), new short[] {(short) k.get("minVersion").asInt(), (short) k.get("maxVersion").asInt()});
        versions.get((short) 0)[0] = 3; // Produce v0 to v2 are advertised, and refused
        for (Side s : List.of(kafka, moldau)) // its first block of producer ids
            while (s.exchange(ApiMessageType.INIT_PRODUCER_ID, (short) 4, new InitProducerIdRequestData().setTransactionalId(null)).path("errorCode").asInt(-1) != 0) Thread.sleep(20);
        // Each broker has all its partitions of __consumer_offsets when this group can be read.
        for (Side s : List.of(kafka, moldau))
            for (int i = 0; i < 200; i++) {
                JsonNode r = s.exchange(ApiMessageType.HEARTBEAT, (short) 0, new HeartbeatRequestData().setGroupId("g" + i % 2).setMemberId("x"));
                if (r.path("errorCode").asInt() == 25 && i > 3) break;
                Thread.sleep(50);
            }
    }

    // ---- Record sets.
    static byte[] bytes(MemoryRecords r) {
        byte[] b = new byte[r.buffer().remaining()];
        r.buffer().duplicate().get(b);
        return b;
    }
    static SimpleRecord rec(int i) { return new SimpleRecord(T0 + 1000L * i, ("k" + i).getBytes(), ("v" + i).getBytes()); }
    static SimpleRecord[] recs(int from, int n) {
        SimpleRecord[] r = new SimpleRecord[n];
        for (int i = 0; i < n; i++) r[i] = rec(from + i);
        return r;
    }
    static byte[] join(byte[] x, byte[] y) {
        byte[] z = Arrays.copyOf(x, x.length + y.length);
        System.arraycopy(y, 0, z, x.length, y.length);
        return z;
    }
    static byte[] poke(byte[] b, int at, int v) { b = b.clone(); b[at] = (byte) v; return b; }
    static byte[] crc(byte[] b) { // after a poke
        long c = org.apache.kafka.common.utils.Crc32C.compute(b, 21, b.length - 21);
        b = b.clone();
        ByteBuffer.wrap(b).putInt(17, (int) c);
        return b;
    }
    static void idempotent(String name, long pid, int epoch, int sequence, int n) {
        records.put(name, bytes(MemoryRecords.withIdempotentRecords(Compression.NONE, pid, (short) epoch, sequence, recs(0, n))));
    }
}
