/* A consumer that polls every partition of TOPIC with one fetch session (KIP-227), over two connections in
 * turn, and waits long for little. Its connections break while they wait. A session that was answered for is
 * there for the next poll, whichever connection that takes. */
#include "work_int.h"
#include "kp/fetch.h"

#define CONNS 2

static struct {
    struct client clients[CONNS];
    int at; /* the one that polls */
    int32_t id, epoch;
    bool sure;     /* the broker must have it */
    uint64_t life, asked; /* of the machine, when it was made and when the poll was sent */
    int64_t offset[PARTITIONS];
    int64_t told[PARTITIONS]; /* the offset that the session knows; -1: none */
} poller;

static void poll_go(void *arg, uint64_t tag);
static void poll_soon(int64_t ns)
{
    if (!run.quiet) world_at(world.now_ns + ns * run.pace, poll_go, NULL, 0);
}

static void begin_anew(void)
{
    poller.epoch = 0;
    poller.sure = false;
    for (int p = 0; p < PARTITIONS; p++) poller.told[p] = -1;
}

static void take(const struct kp_fetch_response_partition_data *d)
{
    int p = d->partition_index;
    if (p < 0 || p >= PARTITIONS) {
        world_fail("a session's answer names partition %d", p);
        return;
    }
    if (d->error_code == KERR_OFFSET_OUT_OF_RANGE) poller.offset[p] = 0;
    else if (d->error_code && !may_retry(d->error_code))
        world_fail("Fetch with a session, partition %d: error %d", p, d->error_code);
    else if (!d->error_code) poller.offset[p] = d->high_watermark;
}

static void polled(struct client *c, const void *resp)
{
    (void)c;
    const struct kp_fetch_response *f = resp;
    bool there = poller.sure && poller.life == run.machine->life;
    poller.at = (int)world_below(CONNS);
    if (!f) begin_anew();
    else if (f->error_code) {
        if (f->error_code != KERR_FETCH_SESSION_ID_NOT_FOUND &&
            f->error_code != KERR_INVALID_FETCH_SESSION_EPOCH)
            world_fail("Fetch with a session: error %d", f->error_code);
        if (there) world_fail("the broker does not know a session that it answered for: %d", f->error_code);
        begin_anew();
    } else {
        if (poller.epoch == 0) poller.id = f->session_id;
        else if (poller.id != f->session_id) world_fail("session %d answers as %d", poller.id, f->session_id);
        poller.epoch++;
        poller.sure = poller.id != 0;
        poller.life = poller.asked;
        for (int32_t t = 0; t < f->responses_n; t++)
            for (int32_t i = 0; i < f->responses[t].partitions_n; i++) take(&f->responses[t].partitions[i]);
        if (!poller.id) begin_anew();
    }
    /* A run of weeks polls as often as one of minutes, and its waits are short beside its pauses. */
    poll_soon((int64_t)world_below(f && !f->error_code && run.pace == 1 ? 2 * SIM_MS : 100 * SIM_MS));
}

static void cut(void *arg, uint64_t tag)
{
    struct client *c = arg;
    if (c->busy && (uint64_t)c->correlation == tag) client_drop(c);
}

static void poll_go(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    struct client *c = &poller.clients[poller.at];
    struct kp_fetch_request q;
    struct kp_fetch_request_fetch_topic t = {.topic = slice_cstr(TOPIC)};
    struct kp_fetch_request_fetch_partition parts[PARTITIONS];
    if (c->busy || world.failed || run.quiet) return;
    poller.asked = run.machine->life;
    if (!run.topic_made) {
        poll_soon(100 * SIM_MS);
        return;
    }
    kp_fetch_request_init(&q);
    q.replica_id = -1;
    q.max_wait_ms = (int32_t)world_below(world_below(4) ? 60 : 2000);
    q.min_bytes = world_below(2) ? 1 : 1 << 20;
    q.max_bytes = world_below(4) ? 1 << 20 : 1000;
    q.session_id = poller.epoch ? poller.id : 0;
    q.session_epoch = poller.epoch;
    for (int p = 0; p < PARTITIONS; p++) {
        if (poller.epoch && poller.told[p] == poller.offset[p]) continue;
        parts[t.partitions_n++] = (struct kp_fetch_request_fetch_partition){.partition = p,
                                                                            .current_leader_epoch = -1,
                                                                            .fetch_offset = poller.offset[p],
                                                                            .last_fetched_epoch = -1,
                                                                            .log_start_offset = -1,
                                                                            .partition_max_bytes = 1 << 20};
        poller.told[p] = poller.offset[p];
    }
    t.partitions = parts;
    q.topics = &t;
    q.topics_n = t.partitions_n > 0;
    client_call(c, 1, 12, &q, polled);
    if (world_below(20) == 0)
        world_at(world.now_ns + (int64_t)world_below((uint64_t)q.max_wait_ms + 1) * SIM_MS, cut, c,
                 (uint64_t)c->correlation);
}

void session_start(void)
{
    for (int i = 0; i < CONNS; i++) client_init(&poller.clients[i], run.machine, NULL);
    begin_anew();
    poll_soon(2 * SIM_S);
}
