/* Producers and readers of one topic, and what is known of its log.
 *
 *   producers   idempotent with acks=all (exactly once, never lost) and plain with acks=1 (a prefix survives)
 *   readers     read every partition from its start, over and over: offsets without gaps, the same bytes
 *               every time */
#include "work_int.h"
#include "kp/fetch.h"
#include "kp/init_producer_id.h"
#include "kp/produce.h"

#include <stdio.h>
#include <stdlib.h>

#define PRODUCERS 4
#define READERS 2
#define BATCH_RECORDS_MAX 6

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
    if (!same && !durable && at < run.losses) return; /* what it tells of may be gone */
    if (c->producer && !same && (c->durable || c->losses == run.losses) && !struck(p)) {
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
        if (!run.quiet) producer_soon(p, pause_ns());
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
    if (!run.topic_made) {
        producer_soon(p, 100 * SIM_MS);
        return;
    }
    if (p->all && p->producer_id < 0) {
        ask_producer_id(&p->client, got_producer_id);
        return;
    }
    if (!p->pending) {
        if (run.quiet) return;
        p->pending = true;
        /* In some runs nobody asks for syncs in the last partition. */
        p->partition = (int)world_below((uint64_t)(p->all && run.apart ? PARTITIONS - 1 : PARTITIONS));
        if (!p->all && run.apart) p->partition = PARTITIONS - 1;
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
    p->losses = run.losses;
    ask_produce(&p->client, TOPIC, p->partition, p->all ? -1 : 1, &b, produced);
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
    r->losses_seen = run.losses;
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
            if (producers[who - 1].all && r->losses_seen == run.losses && !struck(r->partition)) {
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
        if (r->losses_seen == run.losses)
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
                 (int64_t)world_below((uint64_t)((err ? 200 : 20) * SIM_MS)) * (r->to_the_end ? 1 : run.pace),
             reader_go, r, 0);
}
static void reader_go(void *arg, uint64_t tag)
{
    (void)tag;
    struct reader *r = arg;
    if (r->client.busy || world.failed || (run.quiet && !r->to_the_end)) return;
    if (r->losses_seen != run.losses) reader_restart(r, r->partition);
    int32_t wait_ms = (int32_t)world_below(2000);
    int32_t bytes_max = world_below(2) ? 1 << 20 : 1 + (int32_t)world_below(5000);
    ask_fetch(&r->client, TOPIC, r->partition, r->position, wait_ms, bytes_max, fetched);
}

/* ---- their part of a run ---- */
void traffic_start(void)
{
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct writer){.id = (uint32_t)i + 1, .all = i < PRODUCERS - 1, .producer_id = -1};
        client_init(&producers[i].client, run.machine, &producers[i]);
        producer_soon(&producers[i], SIM_S);
    }
    for (int i = 0; i < READERS; i++) {
        client_init(&readers[i].client, run.machine, &readers[i]);
        world_at(world.now_ns + 2 * SIM_S, reader_go, &readers[i], 0);
    }
}
void traffic_quiet(void)
{
    for (int i = 0; i < PRODUCERS; i++) producer_soon(&producers[i], SIM_S);
}
bool traffic_settled(void)
{
    for (int i = 0; i < PRODUCERS; i++)
        if ((producers[i].pending || producers[i].client.busy) && !struck(producers[i].partition))
            return false;
    for (int i = 0; i < READERS; i++)
        if (readers[i].client.busy) return false;
    return true;
}
void traffic_tell(char *to, size_t n)
{
    snprintf(to, n, "producers %d%d%d%d", producers[0].pending, producers[1].pending, producers[2].pending,
             producers[3].pending);
}
void traffic_read(void)
{
    for (int i = 0; i < PARTITIONS && !world.failed; i++) {
        struct reader *r = &last_readers[i];
        *r = (struct reader){.to_the_end = true};
        client_init(&r->client, run.machine, r);
        reader_restart(r, i);
        reader_go(r, 0);
    }
}
bool traffic_all_read(void)
{
    for (int i = 0; i < PARTITIONS; i++)
        if (!last_readers[i].done) return false;
    return true;
}
void traffic_check(void)
{
    for (int p = 0; p < PARTITIONS && !world.failed; p++)
        if (last_readers[p].position < model[p].durable_end &&
            !(struck(p) && (damage.named || damage.refused)))
            world_fail("partition %d ends at %lld, but %lld records were acknowledged", p,
                       (long long)last_readers[p].position, (long long)model[p].durable_end);
}
int64_t traffic_end(int partition)
{
    return last_readers[partition].position;
}
int64_t traffic_durable_end(int partition)
{
    return model[partition].durable_end;
}
