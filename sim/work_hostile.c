/* A client that follows no protocol: messages made up at random, whose fields are drawn towards what may have
 * an effect, then bytes of the frame changed. Connections break in the midst of all that. Whatever it sends,
 * the others' promises are kept.
 *
 *   hostile_go -> frame_write (kp_random, steer) -> frame_change -> harmless -> wire_send
 *
 * It has dice of its own, so that runs without it are what they were.
 *
 *  1. No frame names what the others work on, nor changes the settings of the broker: harmless() reads each
 * as the broker will.
 *  2. A frame whose length is wrong is the last one of its connection: what follows would be read from its
 *     middle. */
#include "work_int.h"
#include "kp/batch_head.h"
#include "kp/header.h"
#include "kp/random.h"

#include <stdlib.h>

#define CONNS 3
#define FRAME_BYTES_MAX 20000
#define PARTITIONS_SMALL 4

static struct {
    struct prng prng;
    struct wire *wires[CONNS];
} hostile;

static uint64_t below(uint64_t n)
{
    return prng_below(&hostile.prng, n);
}

/* ---- what is sent ---- */
static const char *const topics[] = {"hostile", "hostile-2", "hostile.3", "hostile_3", "", "bad name!"},
                         *const groups[] = {"hostile-group", "hostile-group-2", "hostile-3", ""},
                         *const settings[] = {"retention.ms",
                                              "retention.bytes",
                                              "cleanup.policy",
                                              "segment.ms",
                                              "segment.bytes",
                                              "compression.type",
                                              "max.message.bytes",
                                              "message.timestamp.type",
                                              "min.cleanable.dirty.ratio",
                                              "delete.retention.ms",
                                              "message.timestamp.before.max.ms",
                                              "flush.messages",
                                              "consumer.session.timeout.ms"},
                         *const values[] = {"0",
                                            "1",
                                            "-1",
                                            "-2",
                                            "9223372036854775807",
                                            "1e9",
                                            "0.5",
                                            "compact",
                                            "delete",
                                            "compact,delete",
                                            "gzip",
                                            "zstd",
                                            "producer",
                                            "CreateTime",
                                            "LogAppendTime",
                                            "",
                                            "2147483647",
                                            "-9223372036854775808"},
                         *const words[] = {"consumer", "range", "hostile-group", "hostile", "User:a",
                                           "/d1",      "/d2"};
#define DRAWN(list) slice_cstr((list)[below(NELEMS(list))])

static struct slice steer_string(const char *field, struct slice was)
{
    if (below(5) == 0) return was;
    if (strstr(field, "Group") || strcmp(field, "CoordinatorKeys") == 0 || strcmp(field, "Key") == 0)
        return DRAWN(groups);
    if (strcmp(field, "Value") == 0) return DRAWN(values);
    if (strcmp(field, "Name") == 0 && below(2)) return DRAWN(settings);
    if (strstr(field, "Topic") || strstr(field, "Name")) return DRAWN(topics);
    return below(2) ? DRAWN(words) : was;
}

static struct slice some_batch(struct arena *a)
{
    struct batch_builder b;
    struct kp_writer w;
    batch_builder_init(&b);
    b.attributes = below(8) ? 0 : (uint16_t)below(128) & 0xfff8;
    if (below(3) == 0) {
        b.producer_id = (int64_t)below(5);
        b.producer_epoch = (int16_t)below(3);
        b.base_sequence = (int32_t)below(4);
    }
    for (uint64_t i = 1 + below(4); i; i--)
        batch_add(&b, (int64_t)below(1u << 20), below(2) ? DRAWN(words) : (struct slice){0}, DRAWN(words),
                  NULL, 0);
    kp_writer_init(&w, 256);
    ASSERT(batch_finish(&b, &w) == 0);
    struct slice s = arena_slice_dup(a, kp_writer_slice(&w));
    kp_writer_fini(&w);
    batch_builder_fini(&b);
    return s;
}

static size_t value_bytes(const struct kp_field *f)
{
    static const uint8_t bytes[] = {[KP_BOOL] = 1, [KP_I8] = 1,  [KP_I16] = 2,
                                    [KP_U16] = 2,  [KP_I32] = 4, [KP_U32] = 4,
                                    [KP_I64] = 8,  [KP_F64] = 8, [KP_UUID] = sizeof(struct uuid)};
    return f->type == KP_STRUCT                        ? f->sub->size
           : f->type == KP_RECORDS                     ? sizeof(struct kp_records)
           : f->type < NELEMS(bytes) && bytes[f->type] ? bytes[f->type]
                                                       : sizeof(struct slice);
}

/* Calls each for every value of the message, those of arrays and inner structs too. */
typedef void each_value(struct arena *a, int16_t version, const struct kp_field *f, uint8_t *at);
static void walk(struct arena *a, int16_t version, const struct kp_shape *shape, void *message,
                 each_value *each)
{
    for (unsigned i = 0; i < shape->fields_n; i++) {
        const struct kp_field *f = &shape->fields[i];
        uint8_t *at = (uint8_t *)message + f->offset, *values_at = at;
        int32_t n = 1;
        if (version < f->since || version > f->until) continue;
        if (f->flags & KP_F_ARRAY) {
            values_at = *(uint8_t **)(void *)at;
            n = *(int32_t *)(void *)((uint8_t *)message + f->offset_n);
        } else if (f->flags & KP_F_POINTER) {
            values_at = *(uint8_t **)(void *)at;
            n = values_at != NULL;
        }
        for (int32_t k = 0; k < n; k++) {
            uint8_t *value = values_at + (size_t)k * value_bytes(f);
            if (f->type == KP_STRUCT) walk(a, version, f->sub, value, each);
            else each(a, version, f, value);
        }
    }
}

/* Towards numbers that are something here. */
static void steer_value(struct arena *a, int16_t version, const struct kp_field *f, uint8_t *at)
{
    bool as_it_is = below(4) == 0;
    (void)version;
    if (f->type == KP_STRING)
        *(struct slice *)(void *)at = steer_string(f->name, *(struct slice *)(void *)at);
    else if (f->type == KP_RECORDS && !as_it_is) ((struct kp_records *)(void *)at)->s = some_batch(a);
    else if (strcmp(f->name, "NumPartitions") == 0 || strcmp(f->name, "Count") == 0) {
        int32_t v = (int32_t)below(PARTITIONS_SMALL + 2) - 1;
        memcpy(at, &v, 4);
    } else if (strcmp(f->name, "ResourceType") == 0 && f->type == KP_I8) *at = below(4) ? 2 : 32;
    else if (as_it_is) return;
    else if (f->type == KP_I8) *(int8_t *)at = (int8_t)(below(5) - 1);
    else if (f->type == KP_I16 || f->type == KP_I32 || f->type == KP_I64) {
        int64_t v = below(3) ? (int64_t)below(4) - 1 : (int64_t)below(5000);
        memcpy(at, &v, value_bytes(f)); /* little-endian, as everything that moldau runs on */
    }
}

/* A frame without its length; the API is one of those that the broker may answer. */
static void frame_write(struct kp_writer *w)
{
    static const int16_t often[] = {0, 1, 8, 9, 11, 19, 20, 21, 22, 37, 42, 44, 47};
    const struct kp_api *api =
        below(3) ? kp_api_find(often[below(NELEMS(often))]) : &kp_apis[below(KP_APIS_N)];
    int16_t version =
        (int16_t)(api->version_min + (int64_t)below((uint64_t)(api->version_max - api->version_min + 1)));
    struct kp_request_header h;
    struct arena a;
    arena_init(&a);
    void *message = arena_zalloc(&a, 1, api->request->shape->size);
    kp_request_header_init(&h);
    h.request_api_key = api->key;
    h.request_api_version = version;
    h.correlation_id = (int32_t)below(1u << 31);
    h.client_id = below(8) ? slice_cstr("hostile") : (struct slice){0};
    kp_request_header_put(w, &h);
    kp_random(&hostile.prng, &a, version, api->request->shape, message);
    walk(&a, version, api->request->shape, message, steer_value);
    api->request->write(w, version, message);
    arena_fini(&a);
}

/* ---- bytes changed ---- */
static void splice(struct kp_writer *w, size_t at, size_t cut, const uint8_t *p, size_t n)
{
    struct kp_writer out;
    kp_writer_init(&out, w->n + n + 1);
    memcpy(kp_put(&out, at), w->p, at);
    memcpy(kp_put(&out, n), p, n);
    memcpy(kp_put(&out, w->n - at - cut), w->p + at + cut, w->n - at - cut);
    kp_writer_fini(w);
    *w = out;
}
static void frame_change(struct kp_writer *w)
{
    static const uint8_t runs[4][16] = {
        {0},
        {127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127},
        {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
        {128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128}};
    static const uint8_t ends[][8] = {{127, 255, 255, 255, 255, 255, 255, 255},
                                      {128},
                                      {0, 0, 0, 0, 0, 0, 0, 1},
                                      {255, 255, 255, 255, 15},
                                      {255, 255, 255, 254},
                                      {0, 0, 39, 16}};
    if (w->n < 10) return;
    size_t at = below(6) ? 8 + below(w->n - 8) : below(w->n), n = min_size(1 + below(16), w->n - at);
    uint8_t part[64];
    switch (below(8)) {
    case 0:
        w->p[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        w->p[at] = (uint8_t)below(256);
        break;
    case 2:
        memcpy(w->p + at, runs[below(4)], n);
        break;
    case 3:
        memcpy(w->p + at, ends[below(NELEMS(ends))], min_size(below(3) ? 4 : 8, w->n - at));
        break;
    case 4:
        splice(w, at, 0, runs[below(4)], 1 + below(4));
        break;
    case 5:
        memcpy(part, w->p + at, n);
        splice(w, at, 0, part, n);
        break;
    case 6:
        if (w->n - n >= 10) splice(w, at, n, part, 0);
        break;
    default:
        store_be16(w->p + 2, (uint16_t)below(20));
        break;
    }
}
/* With the checksums that its batches should have, so that what was changed is looked at. */
static void frame_sum(struct kp_writer *w)
{
    for (size_t at = 8; at + BATCH_HEAD_BYTES <= w->n; at++) {
        uint32_t n = load_be32(w->p + at + 8);
        if (w->p[at + 16] == 2 && n >= BATCH_HEAD_BYTES - 12 && n <= w->n - at - 12)
            batch_set_crc(w->p + at, n + 12);
    }
}

/* ---- what is kept back ---- */
static bool touches;
static void look(struct arena *a, int16_t version, const struct kp_field *f, uint8_t *at)
{
    static const char *const others[] = {TOPIC, KEPT, "g", "together"};
    (void)a;
    (void)version;
    if (f->type == KP_STRING) {
        struct slice s = *(struct slice *)(void *)at;
        for (size_t i = 0; i < NELEMS(others); i++) touches |= slice_eq_cstr(s, others[i]);
        touches |= s.n >= 2 && memcmp(s.p, "__", 2) == 0;
        touches |= s.n >= 6 && memcmp(s.p, "topic-", 6) == 0;
    }
    /* A topic of a thousand partitions is nobody's harm, but takes the time that the run is for. */
    if (strcmp(f->name, "NumPartitions") == 0 || strcmp(f->name, "Count") == 0) {
        int32_t v;
        memcpy(&v, at, 4);
        touches |= v > PARTITIONS_SMALL && v < 100000;
    }
    if (strcmp(f->name, "ResourceType") == 0 && f->type == KP_I8) touches |= *at != 2 && *at != 32;
}
static bool harmless(const struct kp_writer *w)
{
    static const int16_t of_the_cluster[] = {KP_API_ALTER_CLIENT_QUOTAS, KP_API_UPDATE_FEATURES,
                                             KP_API_UNREGISTER_BROKER};
    struct kp_reader r = kp_reader_of(kp_writer_slice(w));
    struct kp_request_header h;
    struct arena a;
    if (w->n > FRAME_BYTES_MAX) return false;
    if (kp_request_header_parse(&r, &h)) return true;
    for (size_t i = 0; i < NELEMS(of_the_cluster); i++)
        if (h.request_api_key == of_the_cluster[i]) return false;
    const struct kp_message *m = kp_api_find(h.request_api_key)->request;
    arena_init(&a);
    void *message = arena_zalloc(&a, 1, m->shape->size);
    touches = false;
    if (m->read(&r, &a, h.request_api_version, message) == 0)
        walk(&a, h.request_api_version, m->shape, message, look);
    arena_fini(&a);
    return !touches;
}

/* ---- its connections ---- */
static void on_data(void *arg, const uint8_t *p, size_t n)
{
    (void)arg;
    (void)p;
    world_trace(50, n);
}
static void on_closed(void *arg)
{
    *(struct wire **)arg = NULL;
}
static void hang_up(int i)
{
    if (hostile.wires[i]) wire_close(hostile.wires[i]);
    hostile.wires[i] = NULL;
}
static void frame_send(int i)
{
    struct kp_writer w;
    kp_writer_init(&w, 512);
    frame_write(&w);
    for (uint64_t n = below(2) ? 0 : 1 + below(3); n; n--) frame_change(&w);
    frame_sum(&w);
    if (harmless(&w)) {
        uint8_t length[4];
        store_be32(length, (uint32_t)w.n);
        splice(&w, 0, 0, length, 4);
        bool last = below(20) == 0;
        if (last && below(2)) store_be32(w.p, (uint32_t)below(1ull << 32) >> below(32));
        wire_send(hostile.wires[i], w.p, last ? 1 + below(w.n) : w.n);
        if (last) hang_up(i);
    }
    kp_writer_fini(&w);
}
static void hostile_go(void *arg, uint64_t tag);
static void hostile_soon(void)
{
    int64_t ns = below(100) ? (int64_t)below(40 * SIM_MS) : (int64_t)below(10 * SIM_S);
    if (!run.quiet) world_at(world.now_ns + ns * run.pace, hostile_go, NULL, 0);
}
static void hostile_go(void *arg, uint64_t tag)
{
    int i = (int)below(CONNS);
    struct wire_client ends = {on_data, on_closed, &hostile.wires[i]};
    (void)arg;
    (void)tag;
    if (run.quiet || world.failed) return;
    if (!hostile.wires[i]) hostile.wires[i] = wire_connect(run.machine, SIM_PORT, &ends);
    for (uint64_t n = 1 + below(4); n && hostile.wires[i]; n--) frame_send(i);
    if (below(10) == 0) hang_up(i);
    hostile_soon();
}

void hostile_start(void)
{
    prng_init(&hostile.prng, world.seed ^ 0x686f7374696c65);
    if (below(3) == 0) hostile_soon();
}
void hostile_quiet(void)
{
    for (int i = 0; i < CONNS; i++) hang_up(i);
}
