/* What the clients of a run do, and what they hold the broker to.
 *
 *   producers   idempotent with acks=all (exactly once, never lost) and plain with acks=1 (a prefix survives)
 *   readers     read every partition from its start, over and over: offsets without gaps, the same bytes
 * every time keeper      writes keys to a compacted topic; the newest value of each key that was answered is
 * there at the end committer   commits growing offsets; a commit that was answered is never forgotten admin
 * creates and deletes topics; what was answered stays so, over every crash
 *   mover       moves partitions between log directories
 *   fate        kills, power losses, clean stops, clock steps, broken connections, a full disk
 *   damage      in some runs bits flip and files vanish. Of indexes, snapshots and checkpoints there must be
 * no sign. Of one partition's records, the victim's, no wrong byte may be served and no record skipped; what
 * is lost must be named in the log. A damaged metadata log is refused at the start, and then restored. */
#include "work.h"
#include "client.h"
#include "base/hash.h"
#include "base/logline.h"
#include "kp/batch.h"
#include "kp/alter_replica_log_dirs.h"
#include "kp/create_topics.h"
#include "kp/delete_topics.h"
#include "kp/fetch.h"
#include "kp/init_producer_id.h"
#include "kp/metadata.h"
#include "kp/offset_commit.h"
#include "kp/offset_fetch.h"
#include "kp/produce.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTITIONS 3
#define PRODUCERS 4
#define READERS 2
#define BATCH_RECORDS_MAX 6
#define TOPIC "log"

/* ---- what is known of the log ---- */
struct cell {
    uint32_t producer; /* 0: nothing known */
    uint64_t counter;
    int32_t losses; /* power losses before it was last seen */
    bool durable;   /* acknowledged with acks=all, or seen so */
};
static struct {
    struct cell *cells;
    int64_t n, cap;
    int64_t durable_end; /* one past the last durable cell */
} model[PARTITIONS];
static int32_t losses;

/* ---- damage ---- */
static struct {
    bool on;
    int victim;  /* the partition whose records it may strike */
    bool done;   /* it has */
    bool sealed; /* and a segment that is closed, which the scrub reads */
    bool scrub;
    bool named;   /* and the log says so */
    bool refused; /* a client's checksum did */
    bool offsets; /* the records of committed offsets were struck */
    struct damage metadata;
} damage;
static bool struck(int p)
{
    return damage.done && p == damage.victim;
}
static void see_line(const char *p, size_t n)
{
    char line[1100], dir[40], open[60];
    snprintf(line, sizeof line, "%.*s", (int)n, p);
    snprintf(dir, sizeof dir, "/log-%d: ", damage.victim);
    snprintf(open, sizeof open, " log: cannot open partition %d ", damage.victim);
    bool told = strstr(line, "damage") || strstr(line, "recovery cut") || strstr(line, "recovery removed") ||
                strstr(line, "records are missing");
    if ((strstr(line, dir) && told) || (strstr(line, open) && strstr(line, "damage"))) damage.named = true;
}

static struct cell *cell_at(int p, int64_t offset)
{
    if (offset >= model[p].cap) {
        int64_t cap = max_i64(1024, max_i64(offset + 1, model[p].cap * 2));
        model[p].cells = xrealloc(model[p].cells, (size_t)cap * sizeof(struct cell));
        memset(model[p].cells + model[p].cap, 0, (size_t)(cap - model[p].cap) * sizeof(struct cell));
        model[p].cap = cap;
    }
    model[p].n = max_i64(model[p].n, offset + 1);
    return &model[p].cells[offset];
}
/* at: the number of power losses when the request was sent; its answer may have left before a later one. */
static void learn(int p, int64_t offset, uint32_t producer, uint64_t counter, bool durable, int32_t at,
                  const char *how)
{
    struct cell *c = cell_at(p, offset);
    bool same = c->producer == producer && c->counter == counter;
    if (!same && !durable && at < losses) return; /* what it tells of may be gone */
    if (c->producer && !same && (c->durable || c->losses == losses) && !struck(p)) {
        world_fail("partition %d offset %lld: %s record %u/%llu, but it held %u/%llu%s", p, (long long)offset,
                   how, producer, (unsigned long long)counter, c->producer, (unsigned long long)c->counter,
                   c->durable ? ", which was acknowledged" : "");
        return;
    }
    c->durable = durable || (same && c->durable);
    c->producer = producer;
    c->counter = counter;
    c->losses = at;
    if (c->durable) model[p].durable_end = max_i64(model[p].durable_end, offset + 1);
}

/* A record's value says who wrote it, and the rest follows from that. */
static size_t make_value(uint8_t *v, uint32_t producer, uint64_t counter)
{
    struct prng r;
    prng_init(&r, counter * 64 + producer);
    size_t n = 12 + (size_t)prng_below(&r, 300);
    store_be32(v, producer);
    store_be64(v + 4, counter);
    for (size_t i = 12; i < n; i++) v[i] = (uint8_t)(prng_next(&r) & 15);
    return n;
}

static struct machine *machine;
static struct conf conf;
static bool quiet; /* the end: no faults, no new work */
static bool topic_made;
static bool apart; /* acks=1 has a partition of its own */

static bool may_retry(int code)
{
    return kafka_error_retriable(code);
}

/* ---- producers ---- */
struct writer {
    struct client client;
    uint32_t id;
    bool all; /* acks=all, idempotent */
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence[PARTITIONS];
    uint64_t next; /* counter */
    /* the batch under way */
    bool pending;
    int partition, records;
    uint64_t first;
    int codec;
    int32_t losses; /* when it was sent */
};
static struct writer producers[PRODUCERS];
static void producer_go(void *arg, uint64_t tag);

static void producer_soon(struct writer *p, int64_t ns)
{
    world_at(world.now_ns + ns, producer_go, p, 0);
}
static int64_t pace = 1; /* a run of weeks has the same number of events as one of minutes */
static int64_t pause_ns(void)
{
    if (pace > 1 && world_below(8) == 0) return (int64_t)world_below((uint64_t)(pace * SIM_S));
    /* Mostly busy, sometimes idle for minutes, so that timers of every size get their turn. */
    return world_below(40) ? (int64_t)world_below(20 * SIM_MS)
                           : (int64_t)world_below(world_below(10) ? 10 * SIM_S : 300 * SIM_S);
}
static void produced(struct client *c, const void *resp)
{
    struct writer *p = c->arg;
    const struct kp_produce_response *r = resp;
    if (!r) {
        producer_soon(p, 100 * SIM_MS);
        return;
    }
    if (r->responses_n != 1 || r->responses[0].partition_responses_n != 1) {
        world_fail("a produce request for one partition was answered for another number");
        return;
    }
    const struct kp_produce_response_partition_produce_response *o = &r->responses[0].partition_responses[0];
    int err = o->error_code;
    world_trace(10 + p->id, (uint64_t)o->base_offset);
    if (err == 0) {
        for (int i = 0; i < p->records; i++)
            learn(p->partition, o->base_offset + i, p->id, p->first + (uint64_t)i, p->all, p->losses,
                  "acknowledged");
        if (p->all) p->sequence[p->partition] += p->records;
        p->pending = false;
        if (!quiet) producer_soon(p, pause_ns());
        return;
    }
    if (may_retry(err)) {
        producer_soon(p, 100 * SIM_MS);
        return;
    }
    if (struck(p->partition)) { /* what it was told has been cut; it begins anew */
        p->producer_id = -1;
        memset(p->sequence, 0, sizeof p->sequence);
        producer_soon(p, 100 * SIM_MS);
        return;
    }
    world_fail("producer %u (%s): partition %d answered error %d to records from %llu", p->id,
               p->all ? "idempotent, acks=all" : "acks=1", p->partition, o->error_code,
               (unsigned long long)p->first);
}
static void got_producer_id(struct client *c, const void *resp)
{
    struct writer *p = c->arg;
    const struct kp_init_producer_id_response *r = resp;
    if (r && r->error_code == 0) {
        p->producer_id = r->producer_id;
        p->epoch = r->producer_epoch;
    } else if (r && !may_retry(r->error_code)) world_fail("InitProducerId: error %d", r->error_code);
    producer_soon(p, 10 * SIM_MS);
}
static void producer_go(void *arg, uint64_t tag)
{
    (void)tag;
    struct writer *p = arg;
    if (p->client.busy || world.failed) return;
    if (!topic_made) {
        producer_soon(p, 100 * SIM_MS);
        return;
    }
    if (p->all && p->producer_id < 0) {
        struct kp_init_producer_id_request q;
        kp_init_producer_id_request_init(&q);
        q.transactional_id = (struct slice){0};
        q.producer_id = -1;
        q.producer_epoch = -1;
        client_call(&p->client, 22, 4, &q, got_producer_id);
        return;
    }
    if (!p->pending) {
        if (quiet) return;
        p->pending = true;
        /* In some runs nobody asks for syncs in the last partition. */
        p->partition = (int)world_below((uint64_t)(p->all && apart ? PARTITIONS - 1 : PARTITIONS));
        if (!p->all && apart) p->partition = PARTITIONS - 1;
        p->records = 1 + (int)world_below(BATCH_RECORDS_MAX);
        p->first = p->next;
        p->codec = world_below(3) ? 0 : (int)world_below(5);
        p->next += (uint64_t)p->records;
    } else if (!p->all && world_below(2)) {
        /* Not idempotent: whether the lost answer's records are there is not known; leave them. */
        p->pending = false;
        producer_soon(p, 1 * SIM_MS);
        return;
    }
    struct batch_builder b;
    struct kp_writer w;
    uint8_t v[512];
    batch_builder_init(&b);
    b.codec = p->codec;
    if (p->all) {
        b.producer_id = p->producer_id;
        b.producer_epoch = p->epoch;
        b.base_sequence = p->sequence[p->partition];
    }
    for (int i = 0; i < p->records; i++) {
        size_t n = make_value(v, p->id, p->first + (uint64_t)i);
        batch_add(&b, os_wall_ms(NULL), (struct slice){0}, slice_of(v, n), NULL, 0);
    }
    kp_writer_init(&w, 1024);
    ASSERT(batch_finish(&b, &w) == 0);
    struct kp_produce_request q;
    struct kp_produce_request_topic_produce_data t;
    struct kp_produce_request_partition_produce_data d;
    kp_produce_request_init(&q);
    kp_produce_request_topic_produce_data_init(&t);
    kp_produce_request_partition_produce_data_init(&d);
    q.transactional_id = (struct slice){0};
    q.acks = p->all ? -1 : 1;
    q.timeout_ms = 30000;
    q.topic_data = &t;
    q.topic_data_n = 1;
    t.name = slice_cstr(TOPIC);
    t.partition_data = &d;
    t.partition_data_n = 1;
    d.index = p->partition;
    d.records.s = kp_writer_slice(&w);
    p->losses = losses;
    client_call(&p->client, 0, 8, &q, produced);
    kp_writer_fini(&w);
    batch_builder_fini(&b);
}

/* ---- readers ---- */
struct reader {
    struct client client;
    int partition;
    int64_t position;
    bool to_the_end;              /* the last reading: stops at the high watermark */
    bool done, stuck;             /* stuck: before a batch that its checksum refuses */
    uint64_t last[PRODUCERS + 1]; /* counters seen of each producer, for order; + 1 */
    int32_t losses_seen;
};
static struct reader readers[READERS], last_readers[PARTITIONS];
static void reader_go(void *arg, uint64_t tag);

static void reader_restart(struct reader *r, int partition)
{
    r->partition = partition;
    r->position = 0;
    r->losses_seen = losses;
    memset(r->last, 0, sizeof r->last);
}
static void take_batch(struct reader *r, const uint8_t *b, const struct batch_head *h)
{
    struct kp_writer scratch;
    struct slice body;
    struct record_iter it;
    struct record rec;
    uint8_t v[512];
    if (!batch_crc_ok(b, h->bytes) && struck(r->partition)) {
        damage.refused = true;
        r->stuck = true;
        return;
    }
    if (!batch_crc_ok(b, h->bytes)) {
        world_fail("partition %d offset %lld: a batch with a wrong checksum was served", r->partition,
                   (long long)h->base_offset);
        return;
    }
    kp_writer_init(&scratch, 0);
    if (batch_body(b, h, 1 << 20, &scratch, &body))
        world_fail("partition %d: a batch does not decompress", r->partition);
    else {
        record_iter_init(&it, h, body);
        while (record_next(&it, &rec)) {
            if (rec.offset < r->position) continue;
            if (rec.offset != r->position) {
                world_fail("partition %d: offset %lld follows where %lld was due", r->partition,
                           (long long)rec.offset, (long long)r->position);
                break;
            }
            r->position++;
            uint32_t who = rec.value.n >= 12 ? load_be32(rec.value.p) : 0;
            uint64_t counter = rec.value.n >= 12 ? load_be64((const uint8_t *)rec.value.p + 4) : 0;
            if (who < 1 || who > PRODUCERS || make_value(v, who, counter) != rec.value.n ||
                memcmp(v, rec.value.p, rec.value.n) != 0) {
                world_fail("partition %d offset %lld: a record that nobody wrote", r->partition,
                           (long long)rec.offset);
                break;
            }
            learn(r->partition, rec.offset, who, counter, false, r->losses_seen, "read");
            if (producers[who - 1].all && r->losses_seen == losses && !struck(r->partition)) {
                if (counter + 1 <= r->last[who]) {
                    world_fail("partition %d offset %lld: record %u/%llu of an idempotent producer is there "
                               "twice or out of order",
                               r->partition, (long long)rec.offset, who, (unsigned long long)counter);
                    break;
                }
                r->last[who] = counter + 1;
            }
        }
    }
    kp_writer_fini(&scratch);
}
static void fetched(struct client *c, const void *resp)
{
    struct reader *r = c->arg;
    const struct kp_fetch_response *f = resp;
    if (!f || f->error_code || f->responses_n != 1 || f->responses[0].partitions_n != 1) {
        if (f && f->error_code) world_fail("Fetch: error %d", f->error_code);
        world_at(world.now_ns + 100 * SIM_MS, reader_go, r, 0);
        return;
    }
    const struct kp_fetch_response_partition_data *d = &f->responses[0].partitions[0];
    int err = d->error_code;
    world_trace(20, (uint64_t)d->records.s.n);
    if (struck(r->partition) && r->to_the_end && err) {
        r->done = true; /* that it is damaged was told */
        return;
    }
    if (err == KERR_OFFSET_OUT_OF_RANGE && struck(r->partition)) reader_restart(r, r->partition);
    else if (err == KERR_OFFSET_OUT_OF_RANGE) {
        if (r->position <= model[r->partition].durable_end)
            world_fail("partition %d: offset %lld is out of range, but %lld records were acknowledged",
                       r->partition, (long long)r->position, (long long)model[r->partition].durable_end);
        if (r->losses_seen == losses)
            world_fail("partition %d: offset %lld vanished without a loss of power", r->partition,
                       (long long)r->position);
        reader_restart(r, r->partition);
    } else if (err && !may_retry(err))
        world_fail("Fetch of partition %d at %lld: error %d", r->partition, (long long)r->position,
                   d->error_code);
    if (err == 0) {
        struct slice s = d->records.s;
        while (s.n && !world.failed) {
            struct batch_head h;
            int rc = batch_head_parse(s, &h);
            if (rc) {
                if (rc == ERR_FORMAT && struck(r->partition)) damage.refused = r->stuck = true;
                else if (rc == ERR_FORMAT)
                    world_fail("partition %d: what follows offset %lld is not a batch", r->partition,
                               (long long)r->position);
                break;
            }
            if ((int64_t)s.n < h.bytes) { /* cut by the limit, or a length that lies */
                if (struck(r->partition) && (int64_t)s.n < (int64_t)d->records.s.n + 1 && r->to_the_end &&
                    s.p == d->records.s.p)
                    damage.refused = r->stuck = true;
                break;
            }
            take_batch(r, s.p, &h);
            if (r->stuck) break;
            s = slice_of((const uint8_t *)s.p + h.bytes, s.n - (size_t)h.bytes);
        }
        if (r->to_the_end && (r->stuck || r->position >= d->high_watermark)) {
            r->done = true;
            return;
        }
        if (r->stuck) reader_restart(r, (int)world_below(PARTITIONS));
        r->stuck = false;
        if (!r->to_the_end && world_below(30) == 0) reader_restart(r, (int)world_below(PARTITIONS));
    }
    world_at(world.now_ns +
                 (int64_t)world_below((uint64_t)((err ? 200 : 20) * SIM_MS)) * (r->to_the_end ? 1 : pace),
             reader_go, r, 0);
}
static void reader_go(void *arg, uint64_t tag)
{
    (void)tag;
    struct reader *r = arg;
    if (r->client.busy || world.failed || (quiet && !r->to_the_end)) return;
    if (r->losses_seen != losses) reader_restart(r, r->partition);
    struct kp_fetch_request q;
    struct kp_fetch_request_fetch_topic t;
    struct kp_fetch_request_fetch_partition p;
    kp_fetch_request_init(&q);
    memset(&t, 0, sizeof t);
    memset(&p, 0, sizeof p);
    q.replica_id = -1;
    q.max_wait_ms = (int32_t)world_below(2000);
    q.min_bytes = 1;
    q.max_bytes = world_below(2) ? 1 << 20 : 1 + (int32_t)world_below(5000);
    q.session_epoch = -1;
    q.topics = &t;
    q.topics_n = 1;
    t.topic = slice_cstr(TOPIC);
    t.partitions = &p;
    t.partitions_n = 1;
    p.partition = r->partition;
    p.current_leader_epoch = -1;
    p.fetch_offset = r->position;
    p.log_start_offset = -1;
    p.partition_max_bytes = q.max_bytes;
    client_call(&r->client, 1, 11, &q, fetched);
}

/* ---- the keeper of a compacted topic ---- */
#define KEYS 12
#define KEPT "kept"
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
    if (!quiet || keeper.pending) keeper_soon(keeper.pending ? 100 * SIM_MS : pause_ns());
}
static void keeper_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (keeper.client.busy || world.failed || (quiet && !keeper.pending)) return;
    if (!keeper.made) {
        static const char *const settings[][2] = {{"cleanup.policy", "compact"},
                                                  {"min.cleanable.dirty.ratio", "0.01"},
                                                  {"delete.retention.ms", "2000"}};
        struct kp_create_topics_request_creatable_topic_config configs[NELEMS(settings)];
        struct kp_create_topics_request_creatable_topic t;
        struct kp_create_topics_request q;
        kp_create_topics_request_init(&q);
        memset(&t, 0, sizeof t);
        for (size_t i = 0; i < NELEMS(settings); i++) {
            configs[i].name = slice_cstr(settings[i][0]);
            configs[i].value = slice_cstr(settings[i][1]);
        }
        t.name = slice_cstr(KEPT);
        t.num_partitions = 1;
        t.replication_factor = 1;
        t.configs = configs;
        t.configs_n = NELEMS(settings);
        q.topics = &t;
        q.topics_n = 1;
        q.timeout_ms = 10000;
        client_call(&keeper.client, 19, 4, &q, kept_made);
        return;
    }
    if (keeper.producer_id < 0) {
        struct kp_init_producer_id_request q;
        kp_init_producer_id_request_init(&q);
        q.transactional_id = (struct slice){0};
        q.producer_id = -1;
        q.producer_epoch = -1;
        client_call(&keeper.client, 22, 4, &q, kept_id);
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
    struct kp_writer w;
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
    kp_writer_init(&w, 512);
    ASSERT(batch_finish(&b, &w) == 0);
    struct kp_produce_request q;
    struct kp_produce_request_topic_produce_data t;
    struct kp_produce_request_partition_produce_data d;
    kp_produce_request_init(&q);
    kp_produce_request_topic_produce_data_init(&t);
    kp_produce_request_partition_produce_data_init(&d);
    q.transactional_id = (struct slice){0};
    q.acks = -1;
    q.timeout_ms = 30000;
    q.topic_data = &t;
    q.topic_data_n = 1;
    t.name = slice_cstr(KEPT);
    t.partition_data = &d;
    t.partition_data_n = 1;
    d.records.s = kp_writer_slice(&w);
    client_call(&keeper.client, 0, 8, &q, kept_written);
    kp_writer_fini(&w);
    batch_builder_fini(&b);
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
static void kept_read(struct client *c, const void *resp)
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
    struct kp_fetch_request q;
    struct kp_fetch_request_fetch_topic t;
    struct kp_fetch_request_fetch_partition p;
    kp_fetch_request_init(&q);
    memset(&t, 0, sizeof t);
    memset(&p, 0, sizeof p);
    q.replica_id = -1;
    q.max_wait_ms = 100;
    q.min_bytes = 1;
    q.max_bytes = 20000;
    q.session_epoch = -1;
    q.topics = &t;
    q.topics_n = 1;
    t.topic = slice_cstr(KEPT);
    t.partitions = &p;
    t.partitions_n = 1;
    p.current_leader_epoch = -1;
    p.fetch_offset = keeper.position;
    p.log_start_offset = -1;
    p.partition_max_bytes = q.max_bytes;
    client_call(&keeper.client, 1, 11, &q, kept_read);
}
static bool kept_done(void)
{
    return keeper.done;
}
static void kept_check(void)
{
    for (int k = 0; k < KEYS; k++) {
        bool gone = keeper.acked[k] & 1 && keeper.seen[k] < keeper.acked[k];
        if (keeper.seen[k] != keeper.acked[k] && !(gone && keeper.seen[k] == 0))
            world_fail("key %d of the compacted topic ends at %llu, but %llu was acknowledged", k,
                       (unsigned long long)keeper.seen[k], (unsigned long long)keeper.acked[k]);
    }
}

/* ---- the committer ---- */
static struct {
    struct client client;
    int64_t tried, acked;
    bool looking;
} committer;
static void commit_go(void *arg, uint64_t tag);
static void commit_soon(void)
{
    if (!quiet) world_at(world.now_ns + pause_ns() + 10 * SIM_MS, commit_go, NULL, 0);
}
static void committed(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_offset_commit_response *r = resp;
    if (r) {
        int err = r->topics[0].partitions[0].error_code;
        if (err == 0) committer.acked = committer.tried;
        else if (!may_retry(err)) world_fail("OffsetCommit: error %d", r->topics[0].partitions[0].error_code);
    }
    commit_soon();
}
static void looked(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_offset_fetch_response *r = resp;
    if (r && r->error_code == 0 && r->topics_n == 1) {
        int64_t got = r->topics[0].partitions[0].committed_offset;
        if ((got < committer.acked && !damage.offsets) || got > committer.tried)
            world_fail(
                "the group's offset is %lld, but %lld was acknowledged and %lld the last that was sent",
                (long long)got, (long long)committer.acked, (long long)committer.tried);
    } else if (r && r->error_code && !may_retry(r->error_code))
        world_fail("OffsetFetch: error %d", r->error_code);
    commit_soon();
}
static void commit_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (committer.client.busy || world.failed || quiet) return;
    if (!topic_made) {
        commit_soon();
        return;
    }
    if (committer.acked && world_below(3) == 0) {
        struct kp_offset_fetch_request q;
        struct kp_offset_fetch_request_offset_fetch_request_topic t;
        int32_t zero = 0;
        kp_offset_fetch_request_init(&q);
        memset(&t, 0, sizeof t);
        q.group_id = slice_cstr("g");
        q.topics = &t;
        q.topics_n = 1;
        t.name = slice_cstr(TOPIC);
        t.partition_indexes = &zero;
        t.partition_indexes_n = 1;
        client_call(&committer.client, 9, 5, &q, looked);
        return;
    }
    struct kp_offset_commit_request q;
    struct kp_offset_commit_request_offset_commit_request_topic t;
    struct kp_offset_commit_request_offset_commit_request_partition p;
    kp_offset_commit_request_init(&q);
    memset(&t, 0, sizeof t);
    memset(&p, 0, sizeof p);
    q.group_id = slice_cstr("g");
    q.generation_id_or_member_epoch = -1;
    q.member_id = slice_cstr("");
    q.topics = &t;
    q.topics_n = 1;
    t.name = slice_cstr(TOPIC);
    t.partitions = &p;
    t.partitions_n = 1;
    p.committed_offset = ++committer.tried;
    p.committed_leader_epoch = -1;
    p.committed_metadata = slice_cstr("");
    client_call(&committer.client, 8, 7, &q, committed);
}

/* ---- the admin ---- */
#define NAMES 6
enum known { UNKNOWN, THERE, GONE };
static struct {
    struct client client;
    enum known state[NAMES];
    int64_t doubt_ns[NAMES]; /* until then a request without an answer may still take effect */
    int at;
    bool deleting;
} admin;
static void admin_go(void *arg, uint64_t tag);
static void admin_soon(int64_t ns)
{
    if (!quiet || !topic_made) world_at(world.now_ns + ns, admin_go, NULL, 0);
}
static const char *name_of(int i)
{
    static char name[32];
    snprintf(name, sizeof name, "topic-%d", i);
    return name;
}
static void topic_answer(struct client *c, const void *resp)
{
    int err = 0, code = 0;
    (void)c;
    if (!resp) {
        if (admin.at >= 0) {
            admin.state[admin.at] = UNKNOWN;
            admin.doubt_ns[admin.at] = world.now_ns + 30 * SIM_S;
        }
    } else {
        if (admin.deleting) code = ((const struct kp_delete_topics_response *)resp)->responses[0].error_code;
        else code = ((const struct kp_create_topics_response *)resp)->topics[0].error_code;
        err = code;
        world_trace(30, (uint64_t)code);
        bool there_already = !admin.deleting && err == KERR_TOPIC_ALREADY_EXISTS,
             gone_already = admin.deleting && err == KERR_UNKNOWN_TOPIC_OR_PARTITION;
        if (admin.at < 0) topic_made = err == 0 || there_already;
        else if (err == 0 || there_already || gone_already) {
            enum known now = admin.deleting ? GONE : THERE;
            if ((there_already && admin.state[admin.at] == GONE) ||
                (gone_already && admin.state[admin.at] == THERE))
                world_fail("%s: the broker says that it is %s, but it was %s", name_of(admin.at),
                           admin.deleting ? "not there" : "there", admin.deleting ? "created" : "deleted");
            if (world.now_ns > admin.doubt_ns[admin.at]) admin.state[admin.at] = now;
        } else if (!may_retry(err))
            world_fail("%s: error %d", admin.deleting ? "DeleteTopics" : "CreateTopics", code);
    }
    admin_soon(100 * SIM_MS + pause_ns());
}
static void listed(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_metadata_response *m = resp;
    for (int i = 0; m && i < NAMES; i++) {
        bool there = false;
        for (int k = 0; k < m->topics_n; k++) there |= slice_eq_cstr(m->topics[k].name, name_of(i));
        if (admin.state[i] == THERE && !there) world_fail("%s was created and is not there", name_of(i));
        if (admin.state[i] == GONE && there) world_fail("%s was deleted and is there", name_of(i));
        if (world.now_ns > admin.doubt_ns[i]) admin.state[i] = there ? THERE : GONE;
    }
    admin_soon(100 * SIM_MS + pause_ns());
}
static void admin_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (admin.client.busy || world.failed || (quiet && topic_made)) return;
    admin.at = topic_made ? (int)world_below(NAMES) : -1;
    if (topic_made && world_below(3) == 0) {
        struct kp_metadata_request q;
        kp_metadata_request_init(&q);
        q.topics = NULL;
        q.topics_n = -1;
        client_call(&admin.client, 3, 8, &q, listed);
        return;
    }
    admin.deleting = topic_made && admin.state[admin.at] == THERE;
    if (admin.deleting) {
        struct kp_delete_topics_request q;
        struct slice name = slice_cstr(name_of(admin.at));
        kp_delete_topics_request_init(&q);
        q.topic_names = &name;
        q.topic_names_n = 1;
        q.timeout_ms = 10000;
        client_call(&admin.client, 20, 5, &q, topic_answer);
        return;
    }
    struct kp_create_topics_request q;
    struct kp_create_topics_request_creatable_topic t;
    kp_create_topics_request_init(&q);
    memset(&t, 0, sizeof t);
    t.name = slice_cstr(topic_made ? name_of(admin.at) : TOPIC);
    t.num_partitions = PARTITIONS;
    t.replication_factor = 1;
    q.topics = &t;
    q.topics_n = 1;
    q.timeout_ms = 10000;
    client_call(&admin.client, 19, 4, &q, topic_answer);
}

/* ---- the mover: takes partitions from one log directory to the other ---- */
static struct {
    struct client client;
} mover;
static void mover_go(void *arg, uint64_t tag);
static void mover_soon(void)
{
    if (!quiet) world_at(world.now_ns + 500 * SIM_MS + 4 * pause_ns(), mover_go, NULL, 0);
}
static void moved(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_alter_replica_log_dirs_response *m = resp;
    for (int i = 0; m && i < m->results_n; i++) {
        int err = m->results[i].partitions[0].error_code;
        world_trace(31, (uint64_t)err);
        if (err && err != KERR_REPLICA_NOT_AVAILABLE && !may_retry(err))
            world_fail("AlterReplicaLogDirs: error %d", err);
    }
    mover_soon();
}
static void mover_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    static const char *const dirs[] = {"/d1", "/d2"}, *const topics[] = {TOPIC, KEPT, "__consumer_offsets"};
    if (mover.client.busy || world.failed || quiet) return;
    struct kp_alter_replica_log_dirs_request q;
    struct kp_alter_replica_log_dirs_request_alter_replica_log_dir d;
    struct kp_alter_replica_log_dirs_request_alter_replica_log_dir_topic t;
    int32_t partition = (int32_t)world_below(PARTITIONS);
    kp_alter_replica_log_dirs_request_init(&q);
    memset(&d, 0, sizeof d);
    memset(&t, 0, sizeof t);
    t.name = slice_cstr(topics[world_below(NELEMS(topics))]);
    t.partitions = &partition;
    t.partitions_n = 1;
    d.path = slice_cstr(dirs[world_below(NELEMS(dirs))]);
    d.topics = &t;
    d.topics_n = 1;
    q.dirs = &d;
    q.dirs_n = 1;
    client_call(&mover.client, 34, 2, &q, moved);
}

/* ---- fate ---- */
static int64_t mean_fault_ns;
static void fate(void *arg, uint64_t tag);
static void rise_soon(void);
static void strike(void)
{
    struct disk *d = machine->disk;
    struct damage x;
    char folder[32];
    bool hit = false;
    snprintf(folder, sizeof folder, "log-%d", (int)world_below(PARTITIONS));
    switch (world_below(12)) {
    case 0:
        hit = disk_flip(d, folder, ".index", FLIP_ANY, &x);
        break;
    case 1:
        hit = disk_flip(d, folder, ".timeindex", FLIP_ANY, &x);
        break;
    case 2:
        hit = disk_flip(d, folder, ".snapshot", FLIP_ANY, &x);
        break;
    case 3:
        hit = disk_flip(d, NULL, "-offset-checkpoint", FLIP_TEXT, &x);
        break;
    case 4:
        hit = disk_lose_file(d, folder, world_below(2) ? ".index" : ".timeindex", true, &x);
        break;
    case 5:
        hit = disk_lose_file(d, folder, ".snapshot", true, &x);
        break;
    case 6:
        hit = disk_lose_file(d, NULL, "-offset-checkpoint", true, &x);
        break;
    case 7:
        if (damage.metadata.file) break;
        hit = disk_flip(d, "__cluster_metadata-0", ".log", FLIP_OLD, &x);
        if (hit) damage.metadata = x;
        break;
    case 8:
        if (damage.metadata.file) break;
        hit = disk_flip(d, "__cluster_metadata-0", ".checkpoint", FLIP_ANY, &x);
        if (hit) damage.metadata = x;
        break;
    case 9:
        hit = disk_flip(d, world_below(2) ? "__consumer_offsets-0" : "__consumer_offsets-1", ".log", FLIP_LOG,
                        &x);
        damage.offsets |= hit;
        break;
    default:
        if (damage.done) break;
        snprintf(folder, sizeof folder, "log-%d", damage.victim);
        hit = world_below(4) ? disk_flip(d, folder, ".log", FLIP_LOG, &x)
                             : disk_lose_file(d, folder, ".log", false, &x);
        damage.done = hit;
        break;
    }
    if (hit) logline(LOG_INFO, "sim", "damage: %s, byte %lld", x.path, (long long)x.pos);
}
/* The same to old records of a broker that runs. */
static void strike_running(void)
{
    struct damage x;
    char folder[32];
    snprintf(folder, sizeof folder, "log-%d", damage.victim);
    if (damage.done || !disk_flip(machine->disk, folder, ".log", FLIP_SEALED, &x)) return;
    damage.done = damage.sealed = true;
    logline(LOG_INFO, "sim", "damage to a running broker: %s, byte %lld", x.path, (long long)x.pos);
}
static void rise(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (machine->run || world.failed) return;
    static uint64_t sync_errors;
    if (world.sync_errors != sync_errors) losses++; /* what a failed sync left in the page cache may go now */
    sync_errors = world.sync_errors;
    if (damage.on && !quiet) strike();
    if (machine_start(machine, &conf)) return;
    if (damage.metadata.file && strstr(machine->why, "__cluster_metadata-0")) {
        disk_flip_back(&damage.metadata); /* it was refused, and somebody restores it */
        damage.metadata.file = NULL;
        rise_soon();
        return;
    }
    if (world.faults.sync_error || world.faults.write_error || world.faults.read_error ||
        world.faults.short_disk || world.now_ns < world.full_until_ns)
        rise_soon(); /* it was told that the disk fails */
    else world_fail("the broker does not start: %s", machine->why);
}
static void rise_soon(void)
{
    world_at(world.now_ns + (int64_t)world_below(3 * SIM_S), rise, NULL, 0);
}
static void fate_soon(void)
{
    world_at(world.now_ns + (int64_t)world_below((uint64_t)(2 * mean_fault_ns)), fate, NULL, 0);
}
static void watch(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (!machine->run) rise(NULL, 0); /* it went down by itself: a clean stop came to its end */
    world_at(world.now_ns + 5 * SIM_S, watch, NULL, 0);
}
static void fate(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    if (quiet) return;
    static const char *const names[] = {
        "kill -9",    "kill -9", "kill -9",    "power loss",         "power loss", "power loss",
        "power loss", "stop",    "clock step", "broken connections", "a full disk"};
    uint64_t what = world_below(world.faults.short_disk ? 11 : 10);
    if (damage.on && world_below(8) == 0) strike_running();
    logline(LOG_INFO, "sim", "%.3f s: %s", (double)world.now_ns / 1e9, names[what]);
    switch (what) {
    case 0:
    case 1:
    case 2:
        machine_kill(machine, false);
        rise_soon();
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        machine_kill(machine, true);
        losses++;
        rise_soon();
        break;
    case 7:
        machine_stop(machine);
        break;
    case 8:
        world.wall_offset_ms += (int64_t)world_below(7200000) - 3600000;
        break;
    case 9:
        wires_cut_clients(machine);
        break;
    case 10:
        world.full_until_ns = world.now_ns + (int64_t)world_below(30 * SIM_S);
        break;
    }
    fate_soon();
}

/* ---- a run ---- */
static bool settled(void)
{
    for (int i = 0; i < PRODUCERS; i++)
        if ((producers[i].pending || producers[i].client.busy) && !struck(producers[i].partition))
            return false;
    for (int i = 0; i < READERS; i++)
        if (readers[i].client.busy) return false;
    if (keeper.pending || keeper.client.busy) return false;
    return !committer.client.busy && !admin.client.busy && !mover.client.busy && topic_made;
}
static bool all_read(void)
{
    for (int i = 0; i < PARTITIONS; i++)
        if (!last_readers[i].done) return false;
    return true;
}
static void run_until(int64_t ns, bool (*enough)(void))
{
    while (world.now_ns < ns && !world.failed && !(enough && enough()))
        if (!world_step()) world_fail("nothing is left to happen");
}

void work_run(const struct work *w)
{
    struct strbuf errors, warnings;
    strbuf_init(&errors);
    strbuf_init(&warnings);
    conf_init(&conf);
    static const char *const settings[][2] = {
        {"listeners", "PLAINTEXT://sim:9092"},
        {"log.dirs", "/d1,/d2"},
        {"log.index.size.max.bytes", "256"},
        {"log.index.interval.bytes", "512"},
        {"log.roll.ms", "3600000"},
        {"offsets.topic.num.partitions", "2"},
        {"num.partitions", "1"},
        {"log.retention.ms", "-1"},
        {"log.flush.offset.checkpoint.interval.ms", "20000"},
        {"metadata.log.max.record.bytes.between.snapshots", "4000"},
        {"metadata.log.segment.bytes", "8388608"},
        {"file.delete.delay.ms", "5000"},
        {"log.cleaner.backoff.ms", "1000"},
    };
    for (size_t i = 0; i < NELEMS(settings); i++)
        if (conf_set(&conf, slice_cstr(settings[i][0]), slice_cstr(settings[i][1]), CONF_LAYER_STATIC,
                     &errors))
            break;
    if (errors.n || conf_finish(&conf, &errors, &warnings)) {
        world_fail("settings: %s", strbuf_cstr(&errors));
        return;
    }
    damage.on = world_below(3) == 0;
    damage.victim = (int)world_below(PARTITIONS);
    damage.scrub = world_below(2);
    if (damage.scrub && conf_set(&conf, slice_cstr("moldau.scrub.bytes.per.second"), slice_cstr("200000"),
                                 CONF_LAYER_STATIC, &errors))
        world_fail("settings: %s", strbuf_cstr(&errors));
    machine = machine_new();
    world.faults.cold_read = world_below(2) ? 50000 : 0;
    world.faults.drop_conn = world_below(2) ? 2000 : 0;
    world.faults.sync_error = world_below(3) ? 0 : 1000;
    world.faults.write_error = world_below(4) ? 0 : 300;
    world.faults.read_error = world_below(5) ? 0 : 300;
    world.faults.short_disk = world_below(3) ? 0 : world_below(2) ? 300 : 20000;
    apart = world_below(3) == 0;
    world.line = see_line;
    pace = max_i64(1, w->seconds / 600);
    mean_fault_ns = (int64_t)(2 * SIM_S << world_below(6)) * pace;
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct writer){.id = (uint32_t)i + 1, .all = i < PRODUCERS - 1, .producer_id = -1};
        client_init(&producers[i].client, machine, &producers[i]);
        producer_soon(&producers[i], SIM_S);
    }
    for (int i = 0; i < READERS; i++) {
        client_init(&readers[i].client, machine, &readers[i]);
        world_at(world.now_ns + 2 * SIM_S, reader_go, &readers[i], 0);
    }
    client_init(&committer.client, machine, NULL);
    client_init(&admin.client, machine, NULL);
    client_init(&keeper.client, machine, NULL);
    client_init(&mover.client, machine, NULL);
    if (world_below(2)) mover_soon();
    keeper.producer_id = -1;
    keeper.seen_offset = -1;
    keeper_soon(SIM_S);
    commit_soon();
    admin_soon(SIM_S);
    rise(NULL, 0);
    watch(NULL, 0);
    fate_soon();
    run_until(world.now_ns + w->seconds * SIM_S, NULL);

    /* Liveness: with a whole machine everything that was begun comes to its end. */
    quiet = true;
    if (world.faults.sync_error || world.faults.write_error || world.faults.read_error)
        machine_kill(machine, false); /* partitions that met it come back with the next start */
    world.faults = (struct faults){0};
    world.full_until_ns = 0; /* room comes back to a broker that runs */
    int64_t limit = world.now_ns + 600 * SIM_S;
    for (int i = 0; i < PRODUCERS; i++) producer_soon(&producers[i], SIM_S);
    admin_soon(SIM_S);
    keeper_soon(SIM_S);
    run_until(world.now_ns + 400 * SIM_S, NULL);
    run_until(limit, settled);
    if (!world.failed && !settled())
        world_fail("work that was begun did not end within 10 minutes without faults: producers %d%d%d%d "
                   "keeper %d/%d commits %d admin %d/%d",
                   producers[0].pending, producers[1].pending, producers[2].pending, producers[3].pending,
                   keeper.pending, keeper.client.busy, committer.client.busy, admin.client.busy, topic_made);
    for (int i = 0; i < PARTITIONS && !world.failed; i++) {
        struct reader *r = &last_readers[i];
        *r = (struct reader){.to_the_end = true};
        client_init(&r->client, machine, r);
        reader_restart(r, i);
        reader_go(r, 0);
    }
    if (!world.failed) run_until(world.now_ns + 600 * SIM_S, all_read);
    if (!world.failed && !all_read()) world_fail("the partitions cannot be read to their ends");
    for (int p = 0; p < PARTITIONS && !world.failed; p++)
        if (last_readers[p].position < model[p].durable_end &&
            !(struck(p) && (damage.named || damage.refused)))
            world_fail("partition %d ends at %lld, but %lld records were acknowledged", p,
                       (long long)last_readers[p].position, (long long)model[p].durable_end);
    if (!world.failed && damage.sealed && damage.scrub && !damage.named)
        world_fail("the scrub did not find the damage of partition %d", damage.victim);
    if (!world.failed && keeper.made) {
        kept_read_go(NULL, 0);
        run_until(world.now_ns + 600 * SIM_S, kept_done);
        if (!world.failed && !keeper.done) world_fail("the compacted topic cannot be read to its end");
        if (!world.failed) kept_check();
    }
    for (int p = 0; p < PARTITIONS; p++) world_trace(40, (uint64_t)last_readers[p].position);
    strbuf_fini(&errors);
    strbuf_fini(&warnings);
}
