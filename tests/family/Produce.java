import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The small producers of Kafka tutorials, as they are written in Java: what moldau app produce is compared with.
 * Produce BOOTSTRAP TOPIC simple|keys|partition=N|callback|transactional COUNT [NAME=VALUE ...]
 */
public class Produce {
    static void print(RecordMetadata m) {
        System.out.println(m.hasOffset() ? m.toString() : m.topic() + "-" + m.partition());
    }

    public static void main(String[] args) throws Exception {
        String topic = args[1], kind = args[2];
        int count = Integer.parseInt(args[3]);
        Properties config = new Properties();
        config.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        config.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
        config.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class.getName());
        if (kind.equals("transactional")) config.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, UUID.randomUUID().toString());
        for (int i = 4; i < args.length; i++) config.put(args[i].split("=", 2)[0], args[i].split("=", 2)[1]);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(config)) {
            if (kind.equals("transactional")) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            for (int i = 0; i < count; i++) {
                String text = Integer.toString(i);
                Integer partition = kind.startsWith("partition=") ? Integer.valueOf(kind.substring(10)) : null;
                ProducerRecord<String, String> record = new ProducerRecord<>(topic, partition, kind.equals("keys") ? text : null, text);
                if (kind.equals("callback"))
                    producer.send(record, (m, e) -> {
                        if (e == null) print(m);
                        else System.err.println(e.getMessage());
                    });
                else print(producer.send(record).get());
            }
            producer.flush();
            if (kind.equals("transactional")) producer.commitTransaction();
        } catch (Exception e) {
            Throwable why = e;
            while (why.getCause() != null) why = why.getCause();
            System.err.println(why.getMessage());
            System.exit(1);
        }
    }
}
