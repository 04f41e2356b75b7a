import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchAcknowledgingConsumerAwareMessageListener;
import org.springframework.kafka.listener.BatchListenerFailedException;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ConsumerAwareRebalanceListener;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.AcknowledgingConsumerAwareMessageListener;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.util.backoff.FixedBackOff;

/** Plays scripts through real Spring Kafka and prints what happens, an event a line. A script is a line of name=value. */
public class SpringScript {
    static String boot;
    static final Map<String, SpringScript> plays = new ConcurrentHashMap<>();
    final Map<String, String> script = new HashMap<>();
    final Map<String, Integer> fails = new HashMap<>(), nacks = new HashMap<>(), sleeps = new HashMap<>(), failsBatch = new HashMap<>();
    final Map<String, String> ackWith = new HashMap<>();
    final Map<String, Acknowledgment> held = new HashMap<>();
    final Set<String> noAck = new HashSet<>(), dead = new HashSet<>();
    final StringBuilder out = new StringBuilder();
    int delivered;
    long last;

    synchronized void say(String text) {
        last = System.currentTimeMillis();
        out.append(Thread.currentThread().getName().startsWith("second") ? "2 " : "").append(text).append('\n');
    }

    synchronized boolean done(int until, long quiet) {
        return delivered >= until && System.currentTimeMillis() > last + quiet;
    }

    public static class Watch implements ConsumerInterceptor<String, String> {
        SpringScript play;
        public ConsumerRecords<String, String> onConsume(ConsumerRecords<String, String> r) { return r; }
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
            Map<Integer, Long> sorted = new TreeMap<>();
            offsets.forEach((p, o) -> sorted.put(p.partition(), o.offset()));
            if (!sorted.isEmpty())
                play.say("commit " + sorted.entrySet().stream().map(e -> e.getKey() + "@" + e.getValue()).collect(Collectors.joining(" ")));
        }
        public void close() {}
        public void configure(Map<String, ?> c) { play = plays.get(c.get("group.id")); }
    }

    void counts(String name, Map<String, Integer> to) {
        String text = script.getOrDefault(name, "");
        for (String part : text.split(","))
            if (!part.isEmpty()) to.put(part.split(":")[0], Integer.parseInt(part.split(":")[1]));
    }

    boolean uses(Map<String, Integer> counts, String value) {
        Integer n = counts.get(value);
        if (n == null || n == 0) return false;
        counts.put(value, n - 1);
        return true;
    }

    void ackOf(String value, Acknowledgment ack) {
        if (ack == null) return;
        if (ackWith.containsKey(value)) held.put(value, ack);
        else if (!noAck.contains(value)) ack.acknowledge();
        for (Map.Entry<String, String> e : ackWith.entrySet())
            if (e.getValue().equals(value) && held.containsKey(e.getKey())) held.remove(e.getKey()).acknowledge();
    }

    void one(ConsumerRecord<String, String> r, Acknowledgment ack) {
        delivered++;
        say("deliver " + r.partition() + "@" + r.offset() + " " + r.value());
        if (sleeps.containsKey(r.value())) LockSupport.parkNanos(sleeps.get(r.value()) * 1_000_000L);
        if (dead.contains(r.value())) throw new ClassCastException("dead " + r.value());
        if (uses(fails, r.value())) throw new IllegalStateException("failed " + r.value());
        if (ack != null && uses(nacks, r.value())) {
            ack.nack(java.time.Duration.ofMillis(10));
            return;
        }
        ackOf(r.value(), ack);
    }

    void many(List<ConsumerRecord<String, String>> list, Acknowledgment ack) {
        delivered++;
        say("batch " + list.stream().map(r -> r.partition() + "@" + r.offset()).collect(Collectors.joining(" ")));
        for (int i = 0; i < list.size(); i++) {
            String v = list.get(i).value();
            if (dead.contains(v)) throw new BatchListenerFailedException("dead", new ClassCastException(v), i);
            if (uses(fails, v)) throw new BatchListenerFailedException("failed " + v, i);
            if (uses(failsBatch, v)) throw new IllegalStateException("failed " + v);
            if (ack != null && uses(nacks, v)) {
                ack.nack(i, java.time.Duration.ofMillis(10));
                return;
            }
        }
        if (ack != null && !noAck.contains(list.get(0).value())) ack.acknowledge();
    }

    void play() {
        counts("fail", fails);
        counts("failbatch", failsBatch);
        counts("nack", nacks);
        counts("sleep", sleeps);
        for (String p : script.getOrDefault("ackwith", "").split(",")) if (!p.isEmpty()) ackWith.put(p.split(":")[0], p.split(":")[1]);
        noAck.addAll(Arrays.asList(script.getOrDefault("noack", "").split(",")));
        dead.addAll(Arrays.asList(script.getOrDefault("dead", "").split(",")));
        Map<String, Object> props = new HashMap<>(Map.of("bootstrap.servers", boot, "group.id", script.get("group"), "auto.offset.reset", script.getOrDefault("reset", "earliest"),
                "max.poll.records", script.getOrDefault("poll", "500"), "enable.auto.commit", "false", "interceptor.classes", Watch.class.getName(), "group.protocol", "classic"));
        ContainerProperties c = new ContainerProperties(script.get("topic"));
        String ack = script.getOrDefault("ack", "BATCH");
        boolean manual = ack.startsWith("MANUAL");
        c.setAckMode(ContainerProperties.AckMode.valueOf(ack));
        c.setAckCount(Integer.parseInt(script.getOrDefault("count", "1")));
        c.setAckTime(Long.parseLong(script.getOrDefault("time", "5000")));
        c.setAsyncAcks(script.containsKey("asyncacks"));
        c.setPollTimeout(1000);
        c.setClientId("spring");
        boolean batch = script.getOrDefault("type", "record").equals("batch");
        if (batch && manual) c.setMessageListener((BatchAcknowledgingConsumerAwareMessageListener<String, String>) (l, a, k) -> many(l, a));
        else if (batch) c.setMessageListener((BatchMessageListener<String, String>) l -> many(l, null));
        else if (manual) c.setMessageListener((AcknowledgingConsumerAwareMessageListener<String, String>) (r, a, k) -> one(r, a));
        else c.setMessageListener((MessageListener<String, String>) r -> one(r, null));
        c.setConsumerRebalanceListener(new ConsumerAwareRebalanceListener() {
            String parts(Collection<TopicPartition> p) { return p.stream().map(x -> x.partition()).sorted().map(String::valueOf).collect(Collectors.joining(" ")); }
            public void onPartitionsRevokedBeforeCommit(Consumer<?, ?> k, Collection<TopicPartition> p) { if (!p.isEmpty()) say("revoked-before " + parts(p)); }
            public void onPartitionsRevokedAfterCommit(Consumer<?, ?> k, Collection<TopicPartition> p) { if (!p.isEmpty()) say("revoked-after " + parts(p)); }
            public void onPartitionsAssigned(Consumer<?, ?> k, Collection<TopicPartition> p) { say("assigned " + parts(p)); }
            public void onPartitionsLost(Consumer<?, ?> k, Collection<TopicPartition> p) { say("lost " + parts(p)); }
        });
        var container = new ConcurrentMessageListenerContainer<String, String>(
                new DefaultKafkaConsumerFactory<>(props, new StringDeserializer(), new StringDeserializer()), c);
        FixedBackOff backOff = new FixedBackOff(Long.parseLong(script.getOrDefault("backoff", "0")), Long.parseLong(script.getOrDefault("attempts", "10")) - 1);
        DefaultKafkaProducerFactory<String, String> pf = null;
        DefaultErrorHandler handler;
        if (script.containsKey("dlt")) {
            pf = new DefaultKafkaProducerFactory<>(Map.of("bootstrap.servers", boot), new StringSerializer(), new StringSerializer());
            var recoverer = new DeadLetterPublishingRecoverer(new KafkaTemplate<>(pf));
            handler = new DefaultErrorHandler((r, e) -> { recoverer.accept(r, e); say("given-up " + r.partition() + "@" + r.offset()); }, backOff);
        } else handler = new DefaultErrorHandler((r, e) -> say("given-up " + r.partition() + "@" + r.offset()), backOff);
        handler.setLogLevel(org.springframework.kafka.KafkaException.Level.DEBUG);
        if (script.containsKey("commitrecovered")) handler.setCommitRecovered(true);
        container.setCommonErrorHandler(handler);
        var second = new ConcurrentMessageListenerContainer<String, String>(
                new DefaultKafkaConsumerFactory<>(props, new StringDeserializer(), new StringDeserializer()), c);
        second.setCommonErrorHandler(handler);
        second.setBeanName("second"); // its threads, and so its lines, can be told
        container.setBeanName("first");
        container.getContainerProperties().setClientId("a");
        second.getContainerProperties().setClientId("b");
        container.start();
        int until = Integer.parseInt(script.get("until"));
        long deadline = System.currentTimeMillis() + 60000, quiet = Long.parseLong(script.getOrDefault("quiet", "1600"));
        last = System.currentTimeMillis();
        int joins = Integer.parseInt(script.getOrDefault("second", "0"));
        while (System.currentTimeMillis() < deadline && !done(until, quiet)) {
            if (joins > 0 && done(joins, 300)) {
                joins = 0;
                last = System.currentTimeMillis();
                second.start();
            }
            LockSupport.parkNanos(10_000_000);
        }
        say("stop");
        if (second.isRunning()) second.stop();
        container.stop();
        if (pf != null) pf.destroy();
    }

    public static void main(String[] a) throws Exception {
        boot = a[0];
        Scanner in = new Scanner(System.in);
        List<Thread> threads = new ArrayList<>();
        List<SpringScript> all = new ArrayList<>();
        while (in.hasNextLine()) {
            SpringScript s = new SpringScript();
            for (String word : in.nextLine().split(" "))
                if (word.contains("=")) s.script.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
            plays.put(s.script.get("group"), s);
            all.add(s);
            threads.add(new Thread(s::play));
        }
        for (Thread t : threads) t.start();
        for (int i = 0; i < all.size(); i++) {
            threads.get(i).join();
            System.out.print(all.get(i).out + "end\n");
        }
        System.exit(0);
    }
}
