/* What dump-log prints of a record's key and value: as text, or as the JSON of the message that the log
 * stores. */
#include "cli/dump_log.h"
#include "kp/consumer_protocol_assignment.h"
#include "kp/consumer_protocol_subscription.h"
#include "kp/end_txn_marker.h"
#include "kp/group_metadata_record.h"
#include "kp/kraft_version_record.h"
#include "kp/leader_change_message.h"
#include "kp/snapshot_footer_record.h"
#include "kp/snapshot_header_record.h"
#include "kp/voters_record.h"

#define MEM_MAX ((size_t)256 << 20)

/* ---- text ---- */
/* How many bytes at p are a character (ok) or belong to one broken place, which Java replaces by one U+FFFD.
 */
static size_t utf8_step(const uint8_t *p, size_t n, bool *ok)
{
    uint8_t c = p[0];
    size_t want = c < 0x80                ? 1
                  : c >= 0xc2 && c < 0xe0 ? 2
                  : c >= 0xe0 && c < 0xf0 ? 3
                  : c >= 0xf0 && c < 0xf5 ? 4
                                          : 0;
    *ok = want == 1;
    if (want < 2) return 1;
    uint8_t low = c == 0xe0   ? 0xa0
                  : c == 0xf0 ? 0x90
                              : 0x80,
            high = c == 0xed   ? 0x9f
                   : c == 0xf4 ? 0x8f
                               : 0xbf;
    size_t i = 1;
    while (i < want && i < n && p[i] >= low && p[i] <= high) {
        low = 0x80;
        high = 0xbf;
        i++;
    }
    *ok = i == want;
    return i;
}

void dump_utf8(struct strbuf *out, struct slice s)
{
    for (size_t i = 0; i < s.n;) {
        bool ok;
        size_t n = utf8_step(s.p + i, s.n - i, &ok);
        if (ok) strbuf_add(out, s.p + i, n);
        else strbuf_add_cstr(out, "\xef\xbf\xbd");
        i += n;
    }
}

static int put_text(struct dump *d, enum dump_class how, struct slice s, struct strbuf *out)
{
    size_t need = how == DUMP_INTEGER ? 4 : how == DUMP_LONG ? 8 : 0;
    if (s.n < need) return dump_throw(d, "java.nio.BufferUnderflowException", "%s", "");
    if (how == DUMP_INTEGER) strbuf_printf(out, "%d", (int32_t)load_be32(s.p));
    else if (how == DUMP_LONG) strbuf_printf(out, "%lld", (long long)load_be64(s.p));
    else dump_utf8(out, s);
    return 0;
}

/* ---- messages ---- */
/* Reads one message and prints it; false: why says what Java's reader would. */
typedef void print_cb(struct strbuf *out, int16_t version, const struct kp_message *m, const void *in);

static void print_plain(struct strbuf *out, int16_t version, const struct kp_message *m, const void *in)
{
    kp_print(out, version, m->shape, in);
}

static bool print_message(struct strbuf *out, struct slice bytes, const struct kp_message *m, int16_t version,
                          print_cb *print, struct strbuf *why)
{
    struct kp_reader in = kp_reader_of(bytes);
    struct arena a;
    in.mem_max = min_size(64 * bytes.n + 65536, MEM_MAX);
    if (version < m->version_min || version > m->version_max) {
        strbuf_printf(why, "Can't read version %d of %s", version, m->shape->name);
        return false;
    }
    arena_init(&a);
    void *message = arena_zalloc(&a, 1, m->shape->size);
    int rc = m->read(&in, &a, version, message);
    if (rc == 0) print(out, version, m, message);
    else strbuf_add_cstr(why, rc == ERR_EOF ? "null" : "the record does not follow its format");
    arena_fini(&a);
    return rc == 0;
}

/* A group's members carry the consumer protocol's own messages. */
static bool print_protocol(struct strbuf *out, struct slice bytes, const struct kp_message *m)
{
    struct strbuf json, why;
    bool ok = false;
    if (!bytes.p || bytes.n < 2) return false;
    strbuf_init(&json);
    strbuf_init(&why);
    if (print_message(&json, slice_of(bytes.p + 2, bytes.n - 2), m, (int16_t)load_be16(bytes.p), print_plain,
                      &why)) {
        strbuf_add(out, json.s, json.n);
        ok = true;
    }
    strbuf_fini(&json);
    strbuf_fini(&why);
    return ok;
}

static void cut(struct strbuf *b, size_t n)
{
    b->n -= n;
    b->s[b->n] = 0;
}

static void print_member(struct strbuf *out, int16_t version, const struct kp_shape *shape,
                         struct kp_group_metadata_value_member_metadata m)
{
    static const char end[] = "\"subscription\":\"\",\"assignment\":\"\"}";
    struct kp_group_metadata_value_member_metadata bare = m, one = m;
    struct strbuf text;
    bare.subscription = bare.assignment = KP_EMPTY;
    kp_print(out, version, shape, &bare);
    cut(out, sizeof end - 1);
    strbuf_init(&text);
    strbuf_add_cstr(out, "\"subscription\":");
    one.assignment = KP_EMPTY;
    if (!print_protocol(out, m.subscription, &kp_consumer_protocol_subscription_message)) {
        kp_print(&text, version, shape, &one); /* base64, as it is printed anyway */
        char *at = strstr(text.s, "\"subscription\":");
        while (at && strstr(at + 1, "\"subscription\":")) at = strstr(at + 1, "\"subscription\":");
        if (at)
            strbuf_add(out, at + 15, text.n - (size_t)(at + 15 - text.s) - strlen(",\"assignment\":\"\"}"));
    }
    strbuf_add_cstr(out, ",\"assignment\":");
    strbuf_reset(&text);
    if (!print_protocol(out, m.assignment, &kp_consumer_protocol_assignment_message)) {
        one = m;
        one.subscription = KP_EMPTY;
        kp_print(&text, version, shape, &one);
        char *at = text.s + text.n;
        while (at > text.s && strncmp(at, "\"assignment\":", 13) != 0) at--;
        strbuf_add(out, at + 13, text.n - (size_t)(at + 13 - text.s) - 1);
    }
    strbuf_add_char(out, '}');
    strbuf_fini(&text);
}

static void print_group(struct strbuf *out, int16_t version, const struct kp_message *m, const void *in)
{
    const struct kp_group_metadata_value *g = in;
    struct kp_group_metadata_value bare = *g;
    if (!slice_eq_cstr(g->protocol_type, "consumer") || g->members_n < 0) {
        print_plain(out, version, m, in);
        return;
    }
    bare.members_n = 0;
    kp_print(out, version, m->shape, &bare);
    cut(out, 2); /* "]}" */
    const struct kp_shape *shape = NULL;
    for (unsigned i = 0; i < m->shape->fields_n; i++)
        if (strcmp(m->shape->fields[i].name, "members") == 0) shape = m->shape->fields[i].sub;
    ASSERT(shape);
    for (int32_t i = 0; i < g->members_n; i++) {
        if (i) strbuf_add_char(out, ',');
        print_member(out, version, shape, g->members[i]);
    }
    strbuf_add_cstr(out, "]}");
}

/* ---- coordinators: the key begins with the record's type, the value with its version ---- */
static bool put_part(struct strbuf *out, struct slice bytes, const struct kp_message *m, bool is_key,
                     struct strbuf *why)
{
    const char *name = is_key ? "key" : "value";
    if (bytes.n < 2) {
        strbuf_printf(why, "Could not read version from %s's buffer.", name);
        return false;
    }
    int16_t word = (int16_t)load_be16(bytes.p), version = is_key ? 0 : word;
    struct strbuf reason;
    strbuf_init(&reason);
    if (is_key) strbuf_printf(out, "{\"type\":\"%d\",\"data\":", word);
    else strbuf_printf(out, "{\"version\":\"%d\",\"data\":", word);
    bool group = m == &kp_group_metadata_value_message;
    bool ok = print_message(out, slice_of(bytes.p + 2, bytes.n - 2), m, version,
                            group ? print_group : print_plain, &reason);
    if (!ok)
        strbuf_printf(why, "Could not read record with version %d from %s's buffer due to: %s.", version,
                      name, strbuf_cstr(&reason));
    strbuf_add_char(out, '}');
    strbuf_fini(&reason);
    return ok;
}

static int coordinator_contents(struct dump *d, const struct dump_record *r, enum kp_log log,
                                const char *prefix)
{
    struct strbuf key, value, why;
    const struct kp_record *record;
    if (!r->key.p)
        return dump_throw(
            d, "java.lang.RuntimeException",
            "Failed to decode message at offset %lld using the specified decoder (message had a missing key)",
            (long long)r->offset);
    strbuf_init(&key);
    strbuf_init(&value);
    strbuf_init(&why);
    int16_t type = r->key.n < 2 ? 0 : (int16_t)load_be16(r->key.p);
    record = kp_record_find(log, type);
    if (r->key.n < 2) strbuf_add_cstr(&why, "Could not read version from key's buffer.");
    else if (record && put_part(&key, r->key, record->key, true, &why)) {
        if (r->value.p) (void)put_part(&value, r->value, record->value, false, &why);
        else strbuf_add_cstr(&value, "<DELETE>");
    }
    if (r->key.n >= 2 && !record)
        strbuf_printf(&d->out, "%skey: Unknown record type %d at offset %lld, skipping.", prefix, type,
                      (long long)r->offset);
    else if (why.n)
        strbuf_printf(&d->out, "%skey: Error at offset %lld, skipping. %s", prefix, (long long)r->offset,
                      strbuf_cstr(&why));
    else strbuf_printf(&d->out, "%skey: %s payload: %s", prefix, strbuf_cstr(&key), strbuf_cstr(&value));
    strbuf_fini(&key);
    strbuf_fini(&value);
    strbuf_fini(&why);
    return 0;
}

/* ---- metadata: a frame of uvarints, frame version 1, type, version ---- */
static void put_type(struct strbuf *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        if (p > name && *p >= 'A' && *p <= 'Z') strbuf_add_char(out, '_');
        strbuf_add_char(out, (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p));
    }
}

static bool metadata_json(struct strbuf *out, struct slice value, struct strbuf *why)
{
    struct kp_reader in = kp_reader_of(value);
    uint32_t frame = kp_read_uvarint(&in);
    if (in.err) strbuf_add_cstr(why, "Error while reading frame version");
    else if (frame == 0)
        strbuf_add_cstr(why, "Could not deserialize metadata record with frame version 0. Note that upgrades "
                             "from the preview release of KRaft in 2.8 to newer "
                             "versions are not supported.");
    else if (frame != 1)
        strbuf_printf(why,
                      "Could not deserialize metadata record due to unknown frame version %u(only frame "
                      "version 1 is supported)",
                      frame);
    if (why->n) return false;
    uint32_t type = kp_read_uvarint(&in);
    if (in.err) strbuf_add_cstr(why, "Error while reading type");
    uint32_t version = in.err ? 0 : kp_read_uvarint(&in);
    if (in.err && !why->n) strbuf_add_cstr(why, "Error while reading version");
    if (why->n) return false;
    const struct kp_record *record =
        type <= INT16_MAX ? kp_record_find(KP_LOG_METADATA, (int16_t)type) : NULL;
    if (!record) strbuf_printf(why, "Unknown metadata id %u", type);
    if (!record || version > INT16_MAX) return false;
    strbuf_add_cstr(out, "{\"type\":\"");
    put_type(out, record->value->name);
    strbuf_printf(out, "\",\"version\":%u,\"data\":", version);
    bool ok =
        print_message(out, slice_of(in.p, kp_left(&in)), record->value, (int16_t)version, print_plain, why);
    strbuf_add_char(out, '}');
    return ok;
}

static void metadata_contents(struct dump *d, const struct dump_record *r, const char *prefix)
{
    struct strbuf json, why;
    strbuf_init(&json);
    strbuf_init(&why);
    if (metadata_json(&json, r->value, &why))
        strbuf_printf(&d->out, "%spayload: %s", prefix, strbuf_cstr(&json));
    else
        strbuf_printf(&d->out, "%spayload: Error at %lld, skipping. %s", prefix, (long long)r->offset,
                      strbuf_cstr(&why));
    strbuf_fini(&json);
    strbuf_fini(&why);
}

int dump_contents(struct dump *d, const struct dump_record *r)
{
    const char *prefix = d->skip_metadata ? "| " : " ";
    int rc = 0;
    switch (d->decoder) {
    case DUMP_OFFSETS:
        return coordinator_contents(d, r, KP_LOG_GROUP, prefix);
    case DUMP_TRANSACTIONS:
        return coordinator_contents(d, r, KP_LOG_TXN, prefix);
    case DUMP_SHARE:
        return coordinator_contents(d, r, KP_LOG_SHARE, prefix);
    case DUMP_METADATA:
        metadata_contents(d, r, prefix);
        return 0;
    case DUMP_TEXT:
        break;
    }
    struct strbuf key, value;
    strbuf_init(&key);
    strbuf_init(&value);
    if (r->key.p) rc = put_text(d, d->key_class, r->key, &key);
    if (r->value.p && rc == 0) rc = put_text(d, d->value_class, r->value, &value);
    if (r->key.p && rc == 0) {
        strbuf_printf(&d->out, "%skey: ", prefix);
        strbuf_add(&d->out, strbuf_cstr(&key), key.n);
        prefix = " ";
    }
    if (r->value.p && rc == 0) {
        strbuf_printf(&d->out, "%spayload: ", prefix);
        strbuf_add(&d->out, strbuf_cstr(&value), value.n);
    }
    strbuf_fini(&key);
    strbuf_fini(&value);
    return rc;
}

/* ---- control records: the key is a version and a type ---- */
static int put_marker(struct dump *d, int16_t type, struct slice value)
{
    struct kp_end_txn_marker m;
    struct kp_reader in = kp_reader_of(value);
    struct arena a;
    int16_t version = kp_read_i16(&in);
    arena_init(&a);
    int rc = in.err || version < 0 ? ERR_FORMAT : kp_end_txn_marker_read(&in, &a, 0, &m);
    if (rc)
        rc = dump_throw(d, "org.apache.kafka.common.InvalidRecordException",
                        "Invalid end transaction marker at version %d", version);
    else
        strbuf_printf(&d->out, " endTxnMarker: %s coordinatorEpoch: %d", type ? "COMMIT" : "ABORT",
                      m.coordinator_epoch);
    arena_fini(&a);
    return rc;
}

int dump_control(struct dump *d, const struct dump_record *r)
{
    static const struct {
        const char *title;
        const struct kp_message *m;
    } kinds[] = {{NULL, NULL},
                 {NULL, NULL},
                 {" LeaderChange: ", &kp_leader_change_message_message},
                 {" SnapshotHeader ", &kp_snapshot_header_record_message},
                 {" SnapshotFooter ", &kp_snapshot_footer_record_message},
                 {" KRaftVersion ", &kp_kraft_version_record_message},
                 {" KRaftVoters ", &kp_voters_record_message}};
    struct strbuf why;
    static const char invalid[] = "org.apache.kafka.common.InvalidRecordException";
    if (r->key.n < 4)
        return dump_throw(d, invalid,
                          "Invalid value size found for end control record key. Must have at least 4 bytes, "
                          "but found only %zu",
                          r->key.n);
    int16_t version = (int16_t)load_be16(r->key.p), type = (int16_t)load_be16(r->key.p + 2);
    if (version < 0)
        return dump_throw(d, invalid,
                          "Invalid version found for control record: %d. May indicate data corruption",
                          version);
    if (type < 0 || type >= (int)NELEMS(kinds)) {
        strbuf_printf(&d->out, " controlType: UNKNOWN(%d)", type);
        return 0;
    }
    if (type < 2) return put_marker(d, type, r->value);
    int16_t message_version =
        r->value.n < 2 ? 0 : (int16_t)load_be16(r->value.p); /* the record's first field is its version */
    if (message_version > kinds[type].m->version_max) message_version = kinds[type].m->version_max;
    strbuf_init(&why);
    strbuf_add_cstr(&d->out, kinds[type].title);
    bool ok = print_message(&d->out, r->value, kinds[type].m, message_version, print_plain, &why);
    int rc = ok ? 0 : dump_throw(d, "java.lang.RuntimeException", "%s", strbuf_cstr(&why));
    strbuf_fini(&why);
    return rc;
}
