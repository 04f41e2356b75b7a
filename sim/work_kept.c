/* The keeper of a compacted topic: it writes keys, and the newest value of each key that was answered is
 * there at the end. */
#include "work_int.h"
#include "kp/create_topics.h"
#include "kp/fetch.h"
#include "kp/init_producer_id.h"
#include "kp/produce.h"

#define KEYS 12
static struct {
    struct client client;
    bool made;
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence;
    uint64_t next;
    bool pending;
    int key;
    uint64_t acked[KEYS]; /* counter of the last answered record; odd ones are tombstones */
    /* reading it all at the end */
    int64_t position, seen_offset;
    uint64_t seen[KEYS];
    bool done;
} keeper;
static void keeper_go(void *arg, uint64_t tag);
static void keeper_soon(int64_t ns)
{
    world_at(world.now_ns + ns, keeper_go, NULL, 0);
}
static void kept_made(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_create_topics_response *r = resp;
    int code = r ? r->topics[0].error_code : KERR_REQUEST_TIMED_OUT;
    keeper.made = code == 0 || code == KERR_TOPIC_ALREADY_EXISTS;
    if (!keeper.made && !may_retry(code)) world_fail("CreateTopics of a compacted topic: error %d", code);
    keeper_soon(100 * SIM_MS);
}
static void kept_id(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_init_producer_id_response *r = resp;
    if (r && r->error_code == 0) {
        keeper.producer_id = r->producer_id;
        keeper.epoch = r->producer_epoch;
    }
    keeper_soon(100 * SIM_MS);
}
static void kept_written(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_produce_response *r = resp;
    int code = r ? r->responses[0].partition_responses[0].error_code : KERR_REQUEST_TIMED_OUT;
    if (code == 0) {
        keeper.acked[keeper.key] = keeper.next;
        keeper.sequence++;
        keeper.pending = false;
    } else if (!may_retry(code)) world_fail("a record with a key was answered with error %d", code);
    if (!run.quiet || keeper.pending) keeper_soon(keeper.pending ? 100 * SIM_MS : pause_ns());
}
static void keeper_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (keeper.client.busy || world.failed || (run.quiet && !keeper.pending)) return;
    if (!keeper.made) {
        static const char *const settings[][2] = {{"cleanup.policy", "compact"},
                                                  {"min.cleanable.dirty.ratio", "0.01"},
                                                  {"delete.retention.ms", "2000"}};
        ask_create_topic(&keeper.client, KEPT, 1, settings, NELEMS(settings), kept_made);
        return;
    }
    if (keeper.producer_id < 0) {
        ask_producer_id(&keeper.client, kept_id);
        return;
    }
    if (!keeper.pending) {
        keeper.pending = true;
        keeper.key = (int)world_below(KEYS);
        keeper.next = (keeper.next + 2) & ~1ull;
        if (world_below(8) == 0) keeper.next++;
    }
    uint8_t key[4], value[200] = {0};
    struct batch_builder b;
    store_be32(key, (uint32_t)keeper.key);
    store_be64(value, keeper.next);
    batch_builder_init(&b);
    b.codec = (int)(keeper.next / 2 % 5);
    b.producer_id = keeper.producer_id;
    b.producer_epoch = keeper.epoch;
    b.base_sequence = keeper.sequence;
    /* A tombstone's counter stands in a header, because it has no value. */
    struct record_header head = {slice_cstr("n"), slice_of(value, 8)};
    batch_add(&b, os_wall_ms(NULL), slice_of(key, 4),
              keeper.next & 1 ? (struct slice){0} : slice_of(value, sizeof value), &head, 1);
    ask_produce(&keeper.client, KEPT, 0, -1, &b, kept_written);
}
static void kept_read_go(void *arg, uint64_t tag);
static void kept_batch(const uint8_t *b, const struct batch_head *h)
{
    struct kp_writer scratch;
    struct slice body, name, value;
    struct record_iter it;
    struct record rec;
    kp_writer_init(&scratch, 0);
    if (!batch_crc_ok(b, h->bytes) || batch_body(b, h, 1 << 20, &scratch, &body))
        world_fail("the compacted topic serves a batch that is not sound");
    else {
        record_iter_init(&it, h, body);
        while (record_next(&it, &rec)) {
            struct slice rest = rec.headers;
            if (rec.offset <= keeper.seen_offset) continue;
            keeper.seen_offset = rec.offset;
            uint32_t k = rec.key.n == 4 ? load_be32(rec.key.p) : KEYS;
            if (k >= KEYS || !record_header_next(&rest, &name, &value) || value.n != 8) {
                world_fail("compacted offset %lld: a record that nobody wrote", (long long)rec.offset);
                break;
            }
            uint64_t n = load_be64(value.p);
            if (n <= keeper.seen[k] || (n & 1) != (rec.value.p == NULL))
                world_fail("compacted offset %lld: key %u goes back to %llu", (long long)rec.offset, k,
                           (unsigned long long)n);
            keeper.seen[k] = n;
        }
    }
    keeper.position = h->last_offset + 1;
    kp_writer_fini(&scratch);
}
static void kept_fetched(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_fetch_response *f = resp;
    if (f && f->error_code == 0 && f->responses_n == 1 && f->responses[0].partitions[0].error_code == 0) {
        const struct kp_fetch_response_partition_data *d = &f->responses[0].partitions[0];
        struct slice s = d->records.s;
        struct batch_head h;
        while (s.n && !world.failed && batch_head_parse(s, &h) == 0 && (int64_t)s.n >= h.bytes) {
            kept_batch(s.p, &h);
            s = slice_of((const uint8_t *)s.p + h.bytes, s.n - (size_t)h.bytes);
        }
        if (keeper.position >= d->high_watermark) {
            keeper.done = true;
            return;
        }
    }
    world_at(world.now_ns + 10 * SIM_MS, kept_read_go, NULL, 0);
}
static void kept_read_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    ask_fetch(&keeper.client, KEPT, 0, keeper.position, 100, 20000, kept_fetched);
}
bool kept_all_read(void)
{
    return keeper.done;
}
void kept_check(void)
{
    for (int k = 0; k < KEYS; k++) {
        bool gone = keeper.acked[k] & 1 && keeper.seen[k] < keeper.acked[k];
        if (keeper.seen[k] != keeper.acked[k] && !(gone && keeper.seen[k] == 0))
            world_fail("key %d of the compacted topic ends at %llu, but %llu was acknowledged", k,
                       (unsigned long long)keeper.seen[k], (unsigned long long)keeper.acked[k]);
    }
}

/* ---- its part of a run ---- */
void kept_start(void)
{
    client_init(&keeper.client, run.machine, NULL);
    keeper.producer_id = -1;
    keeper.seen_offset = -1;
    keeper_soon(SIM_S);
}
void kept_quiet(void)
{
    keeper_soon(SIM_S);
}
bool kept_settled(void)
{
    return !keeper.pending && !keeper.client.busy;
}
bool kept_read(void)
{
    if (keeper.made) kept_read_go(NULL, 0);
    return keeper.made;
}
