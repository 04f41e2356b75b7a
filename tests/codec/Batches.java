import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;

/** The other side of tests/codec/batches.c: checks its lines with Kafka's classes, and makes lines for it to check. */
public class Batches {
    static String hex(ByteBuffer b) {
        if (b == null) return "null";
        byte[] bytes = new byte[b.remaining()];
        b.duplicate().get(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    static String describe(RecordBatch b) {
        b.ensureValid();
        StringBuilder s = new StringBuilder();
        s.append(b.baseOffset()).append(',').append(b.lastOffset()).append(',').append(b.partitionLeaderEpoch())
            .append(',').append(b.compressionType().name)
            .append(',').append(b.timestampType() == TimestampType.LOG_APPEND_TIME ? 1 : 0)
            .append(',').append(b.isTransactional() ? 1 : 0).append(',').append(b.isControlBatch() ? 1 : 0)
            .append(',').append(b.deleteHorizonMs().isPresent() ? "" + b.deleteHorizonMs().getAsLong() : "-")
            .append(',').append(b.producerId()).append(',').append(b.producerEpoch()).append(',').append(b.baseSequence())
            .append(',').append(b.countOrNull()).append(',').append(b.maxTimestamp());
        for (Record r : b) {
            r.ensureValid();
            s.append('|').append(r.offset()).append(',').append(r.timestamp()).append(',').append(hex(r.key())).append(',')
                .append(hex(r.value())).append(',');
            for (Header h : r.headers())
                s.append(HexFormat.of().formatHex(h.key().getBytes(StandardCharsets.UTF_8))).append(':')
                    .append(h.value() == null ? "null" : HexFormat.of().formatHex(h.value())).append(';');
        }
        return s.toString();
    }

    static String check(String line) {
        String[] f = line.split("\t", -1);
        try {
            String text = null;
            for (MutableRecordBatch b : MemoryRecords.readableRecords(ByteBuffer.wrap(HexFormat.of().parseHex(f[0]))).batches()) {
                if (text != null) return "more than one batch";
                text = describe(b);
            }
            if (text == null) return "no batch";
            return text.equals(f[1]) ? null : "the text differs\n  ours  " + cut(f[1]) + "\n  Kafka " + cut(text);
        } catch (Exception e) {
            return e + "\n  ours  " + cut(f[1]);
        }
    }

    static String cut(String s) {
        return s.length() > 300 ? s.substring(0, 300) : s;
    }

    static byte[] bytes(Random random, int max) {
        byte[] b = new byte[random.nextInt(max)];
        if (random.nextBoolean()) random.nextBytes(b);
        return b;
    }

    static Compression compression(Random random, CompressionType type) {
        boolean level = random.nextInt(3) == 0;
        switch (type) {
            case GZIP: return level ? Compression.gzip().level(1 + random.nextInt(9)).build() : Compression.gzip().build();
            case LZ4: return level ? Compression.lz4().level(1 + random.nextInt(17)).build() : Compression.lz4().build();
            case ZSTD: return level ? Compression.zstd().level(random.nextInt(20) - 3).build() : Compression.zstd().build();
            default: return Compression.of(type).build();
        }
    }

    static MemoryRecords build(Random random, CompressionType type) {
        boolean producer = random.nextBoolean(), transactional = producer && random.nextBoolean();
        long base = random.nextInt(1 << 30) * 1000L, time = 1_600_000_000_000L + random.nextInt();
        if (type == CompressionType.NONE && random.nextInt(20) == 0)
            return MemoryRecords.withEndTransactionMarker(base, time, 7, 99, (short) 3, new EndTransactionMarker(
                random.nextBoolean() ? ControlRecordType.COMMIT : ControlRecordType.ABORT, random.nextInt(100)));
        boolean appendTime = random.nextInt(5) == 0;
        long horizon = random.nextInt(10) == 0 && !appendTime ? time + 12345 : RecordBatch.NO_TIMESTAMP;
        MemoryRecordsBuilder b = new MemoryRecordsBuilder(new ByteBufferOutputStream(1024), RecordBatch.MAGIC_VALUE_V2,
            compression(random, type), appendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, base,
            appendTime ? time : RecordBatch.NO_TIMESTAMP, producer ? random.nextInt(1 << 30) : -1,
            (short) (producer ? random.nextInt(1000) : -1), producer ? random.nextInt(1 << 30) : -1, transactional, false,
            random.nextInt(100) - 1, Integer.MAX_VALUE, horizon);
        int n = 1 + random.nextInt(random.nextInt(10) == 0 ? 500 : 20);
        for (int i = 0; i < n; i++) {
            Header[] headers = new Header[random.nextInt(3)];
            for (int k = 0; k < headers.length; k++)
                headers[k] = new RecordHeader("hé" + random.nextInt(100), random.nextInt(3) == 0 ? null : bytes(random, 20));
            base += random.nextInt(5) == 0 ? 1 : 0;
            time += random.nextInt(1000) - 300;
            b.appendWithOffset(base++, time, random.nextInt(4) == 0 ? null : bytes(random, 100),
                random.nextInt(4) == 0 ? null : bytes(random, random.nextInt(50) == 0 ? 90000 : 500), headers);
        }
        if (random.nextBoolean()) b.overrideLastOffset(base);
        return b.build();
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("emit")) {
            Random random = new Random(Long.parseLong(args[2]));
            PrintStream out = new PrintStream(System.out, false, "UTF-8");
            for (int i = 0; i < Integer.parseInt(args[1]); i++)
                for (CompressionType type : CompressionType.values()) {
                    MemoryRecords r = build(random, type);
                    out.println(hex(r.buffer()) + "\t" + describe(r.batches().iterator().next()));
                }
            out.flush();
            return;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        int passed = 0, failed = 0;
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String failure = check(line);
            if (failure == null) passed++;
            else failed++;
            if (failure != null) System.out.println("FAIL batch: " + failure);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}
