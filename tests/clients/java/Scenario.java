// Apache Kafka's Java clients: prints one "ok STEP" or "FAIL STEP: why" a line.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Scenario {
    interface Step { void run() throws Exception; }
    static String bootstrap, prefix, topic;

    static void step(String name, Step s) {
        try {
            s.run();
            System.out.println("ok " + name);
        } catch (Throwable e) {
            System.out.println("FAIL " + name + ": " + e);
        }
    }
    static void check(boolean c, Object what) { if (!c) throw new AssertionError(what); }

    static Map<String, Object> conf(Object... kv) {
        Map<String, Object> m = new HashMap<>();
        m.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < kv.length; i += 2) m.put((String) kv[i], kv[i + 1]);
        return m;
    }
    static Class<?> causeOf(Step s) throws Exception {
        try { s.run(); } catch (ExecutionException e) { return e.getCause().getClass(); }
        return null;
    }
    static List<ConsumerRecord<String, String>> consume(Consumer<String, String> c, int n) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        long end = System.currentTimeMillis() + 30000;
        while (got.size() < n && System.currentTimeMillis() < end)
            for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(500))) got.add(r);
        return got;
    }
    static KafkaConsumer<String, String> consumer(String group, Object... kv) {
        Map<String, Object> m = conf(kv);
        m.put("group.id", group);
        m.put("auto.offset.reset", "earliest");
        m.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(m, new StringDeserializer(), new StringDeserializer());
    }

    public static void main(String[] a) throws Exception {
        bootstrap = a[0];
        prefix = a[1];
        topic = prefix + "-java";
        Admin admin = Admin.create(conf());
        step("create", () -> admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "3600000")))).all().get());
        step("create again is refused", () -> check(causeOf(() -> admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get()) == TopicExistsException.class, "other error"));
        step("a replication factor of 2 is refused", () -> check(causeOf(() -> admin.createTopics(List.of(new NewTopic(topic + "2", 3, (short) 2))).all().get()) == InvalidReplicationFactorException.class, "other error"));
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd"))
            step("produce " + codec, () -> {
                try (Producer<String, String> p = new KafkaProducer<>(conf("compression.type", codec, "linger.ms", 5), new StringSerializer(), new StringSerializer())) {
                    List<java.util.concurrent.Future<RecordMetadata>> all = new ArrayList<>();
                    for (int i = 0; i < 200; i++) {
                        ProducerRecord<String, String> r = new ProducerRecord<>(topic, "k" + i, codec + "-" + i);
                        r.headers().add("h", codec.getBytes());
                        all.add(p.send(r));
                    }
                    for (var f : all) f.get();
                }
            });
        step("a record that is too large is refused", () -> {
            try (Producer<String, String> p = new KafkaProducer<>(conf("max.request.size", 5000000), new StringSerializer(), new StringSerializer())) {
                check(causeOf(() -> p.send(new ProducerRecord<>(topic, "x".repeat(3000000))).get()) == RecordTooLargeException.class, "accepted");
            }
        });
        step("consume by group and commit", () -> {
            try (KafkaConsumer<String, String> c = consumer(prefix + "-jg")) {
                c.subscribe(List.of(topic));
                var got = consume(c, 1000);
                check(got.size() == 1000, got.size());
                Map<Integer, Long> last = new HashMap<>();
                for (var r : got) {
                    check(r.offset() == last.getOrDefault(r.partition(), -1L) + 1, r);
                    last.put(r.partition(), r.offset());
                }
                c.commitSync();
            }
        });
        step("resume after the commit", () -> {
            try (Producer<String, String> p = new KafkaProducer<>(conf(), new StringSerializer(), new StringSerializer())) {
                p.send(new ProducerRecord<>(topic, "late")).get();
            }
            try (KafkaConsumer<String, String> c = consumer(prefix + "-jg")) {
                c.subscribe(List.of(topic));
                var got = consume(c, 1);
                check(got.size() == 1 && got.get(0).value().equals("late"), got);
            }
        });
        step("two members share, one static", () -> {
            try (KafkaConsumer<String, String> c = consumer(prefix + "-two", "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
                 KafkaConsumer<String, String> d = consumer(prefix + "-two", "partition.assignment.strategy", CooperativeStickyAssignor.class.getName(), "group.instance.id", "s1")) {
                c.subscribe(List.of(topic));
                d.subscribe(List.of(topic));
                long end = System.currentTimeMillis() + 40000;
                while ((c.assignment().size() + d.assignment().size() != 3 || c.assignment().isEmpty() || d.assignment().isEmpty()) && System.currentTimeMillis() < end) {
                    c.poll(Duration.ofMillis(200));
                    d.poll(Duration.ofMillis(200));
                }
                check(c.assignment().size() + d.assignment().size() == 3 && !c.assignment().isEmpty() && !d.assignment().isEmpty(), c.assignment() + " " + d.assignment());
                var description = admin.describeConsumerGroups(List.of(prefix + "-two")).all().get().get(prefix + "-two");
                check(description.members().size() == 2, description);
            }
        });
        step("offsets by time", () -> {
            try (KafkaConsumer<String, String> c = consumer(prefix + "-x")) {
                List<TopicPartition> parts = new ArrayList<>();
                for (int i = 0; i < 3; i++) parts.add(new TopicPartition(topic, i));
                check(c.endOffsets(parts).values().stream().mapToLong(x -> x).sum() == 1001, c.endOffsets(parts));
                Map<TopicPartition, Long> times = new HashMap<>();
                for (TopicPartition p : parts) times.put(p, 1L);
                check(c.offsetsForTimes(times).values().stream().allMatch(o -> o.offset() == 0), "not 0");
                for (TopicPartition p : parts) times.put(p, System.currentTimeMillis() + 1000000);
                check(c.offsetsForTimes(times).values().stream().allMatch(Objects::isNull), "not null");
            }
            var max = admin.listOffsets(Map.of(new TopicPartition(topic, 0), OffsetSpec.maxTimestamp())).all().get();
            check(max.get(new TopicPartition(topic, 0)).offset() >= 0, max);
        });
        step("list, describe", () -> {
            check(admin.listTopics().names().get().contains(topic), "no topic");
            check(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 3, "partitions");
            check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(prefix + "-jg")), "no group");
            check(admin.describeCluster().nodes().get().size() == 1, "nodes");
            check(!admin.describeLogDirs(List.of(1)).allDescriptions().get().isEmpty(), "no log dirs");
        });
        step("configs", () -> {
            ConfigResource r = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
                                                        new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE)))).all().get();
            Config c = admin.describeConfigs(List.of(r)).all().get().get(r);
            check(c.get("cleanup.policy").value().equals("delete,compact"), c.get("cleanup.policy"));
            check(c.get("retention.ms").source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG, c.get("retention.ms"));
            check(causeOf(() -> admin.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "x"), AlterConfigOp.OpType.SET)))).all().get()) == InvalidConfigurationException.class, "accepted");
        });
        step("a keyless record on a compacted topic is refused by record", () -> {
            try (Producer<String, String> p = new KafkaProducer<>(conf(), new StringSerializer(), new StringSerializer())) {
                check(causeOf(() -> p.send(new ProducerRecord<>(topic, "no key")).get()) == InvalidRecordException.class, "accepted");
            }
        });
        step("delete records", () -> {
            TopicPartition p = new TopicPartition(topic, 0);
            ConfigResource r = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry("cleanup.policy", ""), AlterConfigOp.OpType.DELETE)))).all().get();
            check(admin.deleteRecords(Map.of(p, RecordsToDelete.beforeOffset(10))).lowWatermarks().get(p).get().lowWatermark() == 10, "low watermark");
            check(admin.listOffsets(Map.of(p, OffsetSpec.earliest())).all().get().get(p).offset() == 10, "earliest");
        });
        step("alter and delete group offsets", () -> {
            TopicPartition p = new TopicPartition(topic, 0);
            admin.alterConsumerGroupOffsets(prefix + "-jg", Map.of(p, new OffsetAndMetadata(12, "m"))).all().get();
            check(admin.listConsumerGroupOffsets(prefix + "-jg").partitionsToOffsetAndMetadata().get().get(p).metadata().equals("m"), "metadata");
            admin.deleteConsumerGroupOffsets(prefix + "-jg", Set.of(p)).all().get();
            check(admin.listConsumerGroupOffsets(prefix + "-jg").partitionsToOffsetAndMetadata().get().get(p) == null, "still there");
            admin.deleteConsumerGroups(List.of(prefix + "-jg")).all().get();
        });
        step("add partitions, delete", () -> {
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            check(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5, "partitions");
            admin.deleteTopics(List.of(topic)).all().get();
            check(!admin.listTopics().names().get().contains(topic), "still there");
        });
        admin.close();
        System.exit(0);
    }
}
