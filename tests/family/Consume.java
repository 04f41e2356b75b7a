import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The small consumers of Kafka tutorials, as they are written in Java: what moldau app consume is compared with.
 * Consume BOOTSTRAP TOPIC GROUP STYLE THREADS PROCESS_MS [NAME=VALUE ...]; THREADS 0 is the program with one
 * consumer. METRICS as a style consumes without committing and prints the metrics when a line comes in.
 */
public class Consume {
    static String topic, style;
    static long processMs;
    static final Properties config = new Properties();

    static class Worker implements Runnable, ConsumerRebalanceListener {
        final String name;
        final KafkaConsumer<String, String> consumer = new KafkaConsumer<>(config);
        final Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        volatile boolean metricsWanted;

        Worker(String name) {
            this.name = name;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            System.out.println("Assigned partitions.");
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            System.out.println("Lost partitions.");
            if (style.equals("sync-record") || style.equals("sync-offsets")) consumer.commitSync(done);
        }

        static OffsetAndMetadata after(ConsumerRecord<?, ?> r) {
            return new OffsetAndMetadata(r.offset() + 1, null);
        }

        void process(ConsumerRecord<String, String> r) {
            if (!style.equals("metrics"))
                System.out.println(name == null ? r.value() : name + " >> " + r.value());
            try {
                Thread.sleep(processMs);
            } catch (InterruptedException e) {
                throw new RuntimeException(e);
            }
            TopicPartition at = new TopicPartition(r.topic(), r.partition());
            done.put(at, after(r));
            if (style.equals("sync-record")) consumer.commitSync(Collections.singletonMap(at, after(r)));
        }

        void afterPoll() {
            if (style.equals("sync-poll")) consumer.commitSync();
            if (style.equals("sync-offsets") && !done.isEmpty()) consumer.commitSync(done);
            if (style.startsWith("async"))
                consumer.commitAsync((offsets, e) -> {
                    if (e != null) System.err.println("commit failed");
                });
        }

        @Override
        public void run() {
            consumer.subscribe(Collections.singletonList(topic), this);
            try {
                while (true) {
                    ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(1));
                    try {
                        for (ConsumerRecord<String, String> r : records) process(r);
                        afterPoll();
                    } catch (CommitFailedException e) {
                        System.err.println("commit failed");
                    }
                    if (metricsWanted) printMetrics();
                }
            } catch (WakeupException e) {
                System.out.println((name == null ? "poll() method" : name) + " trigger WakeupException");
            } finally {
                if (style.equals("sync-poll") || style.equals("async-then-sync")) consumer.commitSync();
                consumer.close();
            }
        }

        void printMetrics() {
            metricsWanted = false;
            Map<String, Object> lines = new TreeMap<>();
            for (Map.Entry<MetricName, ? extends Metric> m : consumer.metrics().entrySet()) {
                if (!m.getKey().group().equals("consumer-fetch-manager-metrics")) continue;
                Map<String, String> tags = m.getKey().tags();
                String of = (tags.containsKey("topic") ? " " + tags.get("topic") : "")
                    + (tags.containsKey("partition") ? "-" + tags.get("partition") : "");
                lines.put(m.getKey().name() + of, m.getValue().metricValue());
            }
            for (Map.Entry<String, Object> l : lines.entrySet()) System.out.println(l.getKey() + " is " + l.getValue());
            System.out.println("end of metrics");
        }
    }

    public static void main(String[] args) throws Exception {
        topic = args[1];
        style = args[3];
        int threads = Integer.parseInt(args[4]);
        processMs = Long.parseLong(args[5]);
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        config.put(ConsumerConfig.GROUP_ID_CONFIG, args[2]);
        config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class.getName());
        config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class.getName());
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "10000");
        config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, "3000");
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, style.equals("auto") ? "true" : "false");
        config.put(ConsumerConfig.AUTO_COMMIT_INTERVAL_MS_CONFIG, "60000");
        for (int i = 6; i < args.length; i++) config.put(args[i].split("=", 2)[0], args[i].split("=", 2)[1]);

        List<Worker> workers = new ArrayList<>();
        List<Thread> running = new ArrayList<>();
        for (int i = 0; i < Math.max(threads, 1); i++) workers.add(new Worker(threads == 0 ? null : "consumer-thread-" + i));
        for (Worker w : workers) running.add(new Thread(w));
        if (!style.equals("auto"))
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                if (threads > 0) System.out.println("Bye");
                for (Worker w : workers) w.consumer.wakeup();
                try {
                    for (Thread t : running) t.join();
                } catch (InterruptedException e) {
                    throw new RuntimeException(e);
                }
            }));
        for (Thread t : running) t.start();
        while (style.equals("metrics") && System.in.read() >= 0) workers.get(0).metricsWanted = true;
        for (Thread t : running) t.join();
    }
}
