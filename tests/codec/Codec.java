import com.fasterxml.jackson.databind.JsonNode;

import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Holds the lines of tests/codec/emit.c against Apache Kafka's classes: same bytes, same JSON, same tables. */
public class Codec {
    static final String[] PACKAGES = {
        "org.apache.kafka.common.message.",
        "org.apache.kafka.common.metadata.",
        "org.apache.kafka.coordinator.group.generated.",
        "org.apache.kafka.coordinator.transaction.generated.",
        "org.apache.kafka.coordinator.share.generated.",
        "org.apache.kafka.raft.generated.",
        "org.apache.kafka.server.log.remote.metadata.storage.generated.",
    };
    /** The class of a message with its converter. */
    static final Map<String, Class<?>> classes = new HashMap<>();
    static final Map<String, Method> converters = new HashMap<>();
    /** (message, version) or table row, and whether all its lines held. */
    static final Map<String, Boolean> results = new TreeMap<>();

    static Class<?> classOf(String name) throws Exception {
        Class<?> known = classes.get(name);
        if (known != null) return known;
        for (String p : PACKAGES)
            for (String suffix : new String[] {"Data", ""})
                try {
                    Class<?> c = Class.forName(p + name + suffix);
                    if (!Message.class.isAssignableFrom(c)) continue;
                    classes.put(name, c);
                    converters.put(name, Class.forName(p + name + suffix + "JsonConverter")
                        .getMethod("write", c, short.class, boolean.class));
                    return c;
                } catch (ClassNotFoundException e) {
                    // the next package
                }
        throw new ClassNotFoundException(name);
    }

    static Message create(String name) throws Exception {
        return (Message) classOf(name).getConstructor().newInstance();
    }

    static byte[] bytes(Message m, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(m.size(cache, version));
        m.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException("size() and write() differ");
        return buffer.array();
    }

    static String json(String name, Message m, short version) throws Exception {
        try {
            return ((JsonNode) converters.get(name).invoke(null, m, version, false)).toString();
        } catch (InvocationTargetException e) {
            throw (Exception) e.getCause();
        }
    }

    static String compare(String what, String ours, String theirs) {
        return ours.equals(theirs) ? null : what + "\n  ours  " + ours + "\n  Kafka " + theirs;
    }

    static String checkMessage(String name, short version, String hex, String json) throws Exception {
        Message m = create(name);
        if (version < m.lowestSupportedVersion() || version > m.highestSupportedVersion()) return "no such version";
        ByteBuffer in = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
        m.read(new ByteBufferAccessor(in), version);
        if (in.hasRemaining()) return in.remaining() + " bytes left";
        String failure = compare("bytes", hex, HexFormat.of().formatHex(bytes(m, version)));
        if (failure == null) failure = compare("JSON", json, json(name, m, version));
        return failure;
    }

    static String checkDefault(String name, short version, String hex, String json) throws Exception {
        Message m = create(name);
        String failure = compare("default bytes", hex, HexFormat.of().formatHex(bytes(m, version)));
        return failure == null ? compare("default JSON", json, json(name, m, version)) : failure;
    }

    static String checkVersions(String name, Set<Short> versions) throws Exception {
        Message m = create(name);
        for (short v = m.lowestSupportedVersion(); v <= m.highestSupportedVersion(); v++)
            if (!versions.contains(v)) return name + " lacks version " + v;
        return null;
    }

    static String checkApi(String[] f) {
        ApiKeys key = ApiKeys.forId(Integer.parseInt(f[1]));
        ApiMessageType type = key.messageType;
        int listeners = 0;
        if (type.listeners().contains(ApiMessageType.ListenerType.BROKER)) listeners |= 1;
        if (type.listeners().contains(ApiMessageType.ListenerType.CONTROLLER)) listeners |= 2;
        StringBuilder request = new StringBuilder(), response = new StringBuilder();
        for (short v = key.oldestVersion(); v <= key.latestVersion(true); v++) {
            request.append(key.requestHeaderVersion(v));
            response.append(key.responseHeaderVersion(v));
        }
        int advertised = key == ApiKeys.PRODUCE ? ApiKeys.PRODUCE_API_VERSIONS_RESPONSE_MIN_VERSION : key.oldestVersion();
        String theirs = String.join("\t", "api", "" + key.id, key.name, "" + key.oldestVersion(),
            "" + key.latestVersion(true), "" + key.latestVersion(false), "" + advertised, "" + listeners,
            key.clusterAction ? "1" : "0", key.forwardable ? "1" : "0", request, response);
        return compare("API", String.join("\t", f), theirs);
    }

    static String checkRecord(String log, short type, String name) throws Exception {
        String theirs;
        if (log.equals("metadata"))
            theirs = org.apache.kafka.common.metadata.MetadataRecordType.fromId(type).newMetadataRecord().getClass()
                .getSimpleName();
        else if (log.equals("remote"))
            theirs = org.apache.kafka.server.log.remote.metadata.storage.generated.MetadataRecordType.fromId(type)
                .newMetadataRecord().getClass().getSimpleName();
        else {
            String p = Map.of("group", "group", "txn", "transaction", "share", "share").get(log);
            Class<?> types = Class.forName("org.apache.kafka.coordinator." + p + ".generated.CoordinatorRecordType");
            Object t = types.getMethod("fromId", short.class).invoke(null, type);
            theirs = types.getMethod("newRecordKey").invoke(t).getClass().getSimpleName().replaceAll("Key$", "");
        }
        return compare("record", name, theirs);
    }

    static void result(String key, String failure) {
        results.merge(key, failure == null, Boolean::logicalAnd);
        if (failure != null) System.out.println("FAIL " + key + ": " + failure);
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Map<String, Set<Short>> versions = new HashMap<>();
        Set<Integer> apis = new HashSet<>();
        long lines = 0;
        for (String line = in.readLine(); line != null; line = in.readLine(), lines++) {
            String[] f = line.split("\t", -1);
            String key = f[0] + " " + f[1];
            String failure;
            try {
                switch (f[0]) {
                    case "api":
                        key = "api " + f[2];
                        apis.add(Integer.parseInt(f[1]));
                        failure = checkApi(f);
                        break;
                    case "record":
                        key = f[1] + " record " + f[2];
                        failure = checkRecord(f[1], Short.parseShort(f[2]), f[3]);
                        break;
                    default:
                        key = f[1] + " version " + f[2];
                        short version = Short.parseShort(f[2]);
                        versions.computeIfAbsent(f[1], k -> new HashSet<>()).add(version);
                        failure = f[0].equals("default") ? checkDefault(f[1], version, f[3], f[4])
                            : checkMessage(f[1], version, f[3], f[4]);
                }
            } catch (Exception e) {
                failure = e + (f.length > 4 ? "\n  " + f[3] + "\n  " + f[4] : "");
            }
            result(key, failure);
        }
        for (ApiKeys k : ApiKeys.values())
            if (k.hasValidVersion() && !apis.contains((int) k.id)) result("api " + k.name, "missing");
        for (Map.Entry<String, Set<Short>> e : versions.entrySet())
            result("versions of " + e.getKey(), checkVersions(e.getKey(), e.getValue()));
        long passed = results.values().stream().filter(ok -> ok).count();
        System.out.println(lines + " lines compared with Apache Kafka " +
            org.apache.kafka.common.utils.AppInfoParser.getVersion());
        System.out.println(passed + " passed, " + (results.size() - passed) + " failed");
        System.exit(passed == results.size() ? 0 : 1);
    }
}
