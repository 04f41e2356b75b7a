/* Writes what tests/codec/Codec.java compares with Apache Kafka's own classes. One line each, fields between
 * tabs: api      key name version_min version_max version_max_stable advertise_min listeners cluster_action
 * forwardable request header versions and response header versions from version_min on, one digit each record
 * log type name default  message version hex json      a message with nothing but defaults message  message
 * version hex json      a random one Usage: emit ROUNDS SEED */
#include "base/prng.h"
#include "kp/kp_api.h"
#include "kp/random.h"

#include <stdio.h>
#include <stdlib.h>

static void put_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) printf("%02x", s.p[i]);
}

static void emit(const char *kind, const struct kp_message *m, int16_t version, const void *value)
{
    struct kp_writer w;
    struct strbuf json;
    kp_writer_init(&w, 0);
    strbuf_init(&json);
    m->write(&w, version, value);
    kp_print(&json, version, m->shape, value);
    printf("%s\t%s\t%d\t", kind, m->name, version);
    put_hex(kp_writer_slice(&w));
    printf("\t%s\n", strbuf_cstr(&json));
    strbuf_fini(&json);
    kp_writer_fini(&w);
}

static void emit_messages(int rounds, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (const struct kp_message *const *at = kp_messages; *at; at++) {
        const struct kp_message *m = *at;
        for (int16_t version = m->version_min; version <= m->version_max; version++)
            for (int i = 0; i <= rounds; i++) {
                struct arena a;
                arena_init(&a);
                void *value = arena_zalloc(&a, 1, m->shape->size);
                if (i == 0) m->shape->init(value);
                else kp_random(&prng, &a, version, m->shape, value);
                emit(i == 0 ? "default" : "message", m, version, value);
                arena_fini(&a);
            }
    }
}

static void emit_apis(void)
{
    for (size_t i = 0; i < KP_APIS_N; i++) {
        const struct kp_api *api = &kp_apis[i];
        printf("api\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", api->key, api->name, api->version_min,
               api->version_max, api->version_max_stable, api->advertise_min, api->on, api->cluster_action,
               api->forwardable);
        for (int16_t v = api->version_min; v <= api->version_max; v++)
            printf("%d", kp_request_header_version(api, v));
        printf("\t");
        for (int16_t v = api->version_min; v <= api->version_max; v++)
            printf("%d", kp_response_header_version(api, v));
        printf("\n");
    }
}

static void emit_records(void)
{
    static const struct {
        enum kp_log log;
        const char *name;
    } logs[] = {{KP_LOG_METADATA, "metadata"},
                {KP_LOG_GROUP, "group"},
                {KP_LOG_TXN, "txn"},
                {KP_LOG_SHARE, "share"},
                {KP_LOG_REMOTE, "remote"}};
    for (size_t i = 0; i < NELEMS(logs); i++)
        for (int16_t type = 0; type < 1000; type++) {
            const struct kp_record *r = kp_record_find(logs[i].log, type);
            if (r) printf("record\t%s\t%d\t%s\n", logs[i].name, type, r->name);
        }
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    emit_apis();
    emit_records();
    emit_messages(atoi(argv[1]), strtoull(argv[2], NULL, 10));
    return 0;
}
