/* What a record of the metadata log is about, in the words of a log line: read for its own sake, whatever the
 * image thinks of it. */
#include "ctl/image.h"
#include "kp/kp_api.h"
#include "kp/metadata_records.h"

static void say(struct strbuf *out, const char *what, struct slice name)
{
    strbuf_printf(out, " %s", what);
    if (*what) strbuf_add_char(out, ' ');
    strbuf_add_json(out, slice_of(name.p, min_size(name.n, 60)));
}

static void say_id(struct strbuf *out, const char *what, struct uuid id)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    strbuf_printf(out, " %s %s", what, text);
}

static const char *resource_word(int8_t type)
{
    return type == 2    ? "of topic"
           : type == 4  ? "of broker"
           : type == 16 ? "of client metrics"
           : type == 32 ? "of group"
                        : "of";
}

#define ABOUT(name, X, what)                                                                                 \
    case X##_KEY: {                                                                                          \
        struct kp_##name r;                                                                                  \
        if (kp_##name##_read(in, a, (int16_t)version, &r) == 0) what;                                        \
        break;                                                                                               \
    }

static void say_fields(uint32_t type, uint32_t version, struct kp_reader *in, struct arena *a,
                       struct strbuf *out)
{
    switch (type) {
        ABOUT(topic_record, KP_TOPIC_RECORD, say(out, "topic", r.name))
        ABOUT(partition_record, KP_PARTITION_RECORD,
              (strbuf_printf(out, " partition %d", r.partition_id), say_id(out, "of topic id", r.topic_id)))
        ABOUT(partition_change_record, KP_PARTITION_CHANGE_RECORD,
              (strbuf_printf(out, " partition %d", r.partition_id), say_id(out, "of topic id", r.topic_id)))
        ABOUT(remove_topic_record, KP_REMOVE_TOPIC_RECORD, say_id(out, "topic id", r.topic_id))
        ABOUT(clear_elr_record, KP_CLEAR_ELR_RECORD, say(out, "topic", r.topic_name))
        ABOUT(config_record, KP_CONFIG_RECORD,
              (say(out, "setting", r.name), say(out, resource_word(r.resource_type), r.resource_name)))
        ABOUT(register_broker_record, KP_REGISTER_BROKER_RECORD,
              strbuf_printf(out, " broker %d", r.broker_id))
        ABOUT(broker_registration_change_record, KP_BROKER_REGISTRATION_CHANGE_RECORD,
              strbuf_printf(out, " broker %d", r.broker_id))
        ABOUT(fence_broker_record, KP_FENCE_BROKER_RECORD, strbuf_printf(out, " broker %d", r.id))
        ABOUT(unfence_broker_record, KP_UNFENCE_BROKER_RECORD, strbuf_printf(out, " broker %d", r.id))
        ABOUT(feature_level_record, KP_FEATURE_LEVEL_RECORD, say(out, "feature", r.name))
        ABOUT(access_control_entry_record, KP_ACCESS_CONTROL_ENTRY_RECORD, say(out, "for", r.principal))
        ABOUT(user_scram_credential_record, KP_USER_SCRAM_CREDENTIAL_RECORD, say(out, "user", r.name))
    default:
        break;
    }
}

void image_subject(struct slice record, struct strbuf *out)
{
    struct kp_reader in = kp_reader_of(record);
    struct arena a;
    (void)kp_read_uvarint(&in);
    uint32_t type = kp_read_uvarint(&in), version = kp_read_uvarint(&in);
    const struct kp_record *known = type <= INT16_MAX ? kp_record_find(KP_LOG_METADATA, (int16_t)type) : NULL;
    if (in.err || !known) return;
    strbuf_add_cstr(out, known->value->name);
    if (version > (uint32_t)known->value->version_max) return;
    in.mem_max = 64 * record.n + 65536;
    arena_init(&a);
    say_fields(type, version, &in, &a, out);
    arena_fini(&a);
}
