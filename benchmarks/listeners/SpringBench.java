import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.AcknowledgingMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListener;

/** The same listener in Spring Kafka: does nothing, counts. BOOTSTRAP and name=value arguments, as library.c takes them. */
public class SpringBench {
    static final Map<String, String> args = new HashMap<>();
    static final OperatingSystemMXBean os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    static long records, warm, done, began, cpu;

    static void one() {
        done++;
        if (done == warm) {
            began = System.nanoTime();
            cpu = os.getProcessCpuTime();
        } else if (done == records) {
            System.out.printf("{\"records\": %d, \"seconds\": %.6f, \"cpu_s\": %.6f}%n", records - warm,
                (System.nanoTime() - began) / 1e9, (os.getProcessCpuTime() - cpu) / 1e9);
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    public static void main(String[] argv) throws Exception {
        for (String a : argv)
            if (a.contains("=")) args.put(a.substring(0, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
        records = Long.parseLong(args.get("records"));
        warm = Long.parseLong(args.get("warm"));
        Map<String, Object> c = new HashMap<>();
        c.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, argv[0]);
        c.put(ConsumerConfig.GROUP_ID_CONFIG, args.get("group"));
        c.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        c.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        c.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        ContainerProperties p = new ContainerProperties(args.get("topic"));
        ContainerProperties.AckMode[] modes = {ContainerProperties.AckMode.RECORD, ContainerProperties.AckMode.BATCH,
            ContainerProperties.AckMode.TIME, ContainerProperties.AckMode.COUNT, ContainerProperties.AckMode.COUNT_TIME,
            ContainerProperties.AckMode.MANUAL, ContainerProperties.AckMode.MANUAL_IMMEDIATE};
        p.setAckMode(modes[Integer.parseInt(args.get("ack"))]);
        p.setAckCount(Integer.parseInt(args.getOrDefault("ack-count", "100")));
        p.setAckTime(Long.parseLong(args.getOrDefault("ack-time-ms", "1000")));
        if (Integer.parseInt(args.get("ack")) >= 5)
            p.setMessageListener((AcknowledgingMessageListener<byte[], byte[]>) (r, ack) -> {
                ack.acknowledge();
                one();
            });
        else p.setMessageListener((MessageListener<byte[], byte[]>) (ConsumerRecord<byte[], byte[]> r) -> one());
        new ConcurrentMessageListenerContainer<>(new DefaultKafkaConsumerFactory<byte[], byte[]>(c), p).start();
        Thread.currentThread().join();
    }
}
