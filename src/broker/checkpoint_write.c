/* The offset checkpoints: every shard tells its partitions, shard 0 writes the files on the pool. */
#include "broker/broker.h"
#include "broker/unopened.h"

#include <stdio.h>
#include <stdlib.h>

struct cp_gather {
    struct os_job job;
    struct os *os;
    const struct node *node;
    int waiting;
    struct strbuf *text; /* [dirs_n * CP_FILES] */
    int *lines;
    int rc;
    char why[300];
    struct cp_part {
        struct os_msg msg;
        struct cp_gather *g;
    } parts[];
};

#define CP_FILES 5
#define CP_OFFSETS 4 /* the first so many are Kafka's */
static const char *const cp_names[CP_FILES] = {"recovery-point-offset-checkpoint",
                                               "log-start-offset-checkpoint", "replication-offset-checkpoint",
                                               "cleaner-offset-checkpoint", "txn-index-checkpoint"};

static void cp_lines(struct strbuf *text, int *lines, int dir, const char *topic, int32_t index,
                     const int64_t v[CP_OFFSETS])
{
    for (int k = 0; k < CP_OFFSETS; k++) {
        if (v[k] < 0) continue;
        strbuf_printf(&text[dir * CP_FILES + k], "%s %d %lld\n", topic, index, (long long)v[k]);
        lines[dir * CP_FILES + k]++;
    }
}

static void cp_txns_line(struct strbuf *text, int *lines, int dir, const char *topic, int32_t index,
                         int64_t base_offset, int64_t entries)
{
    int file = dir * CP_FILES + CP_OFFSETS;
    strbuf_printf(&text[file], "%s %d %lld %lld\n", topic, index, (long long)base_offset, (long long)entries);
    lines[file]++;
}

static void cp_add(struct broker *b, struct strbuf *text, int *lines)
{
    MAP_FOREACH(it, struct part, p, &b->parts.map)
    {
        bool files_say = p->log->segs[0]->base_offset == p->log->start_offset;
        int64_t v[CP_OFFSETS] = {log_recovery_point(p->log), files_say ? -1 : p->log->start_offset,
                                 p->high_watermark, p->clean_offset};
        cp_lines(text, lines, p->dir, p->topic, p->index, v);
        for (int i = 0; p->log->aborts_made == p->aborts_synced && i < p->log->segs_n; i++)
            if (p->log->segs[i]->txn_n)
                cp_txns_line(text, lines, p->dir, p->topic, p->index, p->log->segs[i]->base_offset,
                             p->log->segs[i]->txn_n);
    }
    LIST_FOREACH(l, &b->unopened)
    {
        /* Without its recovery point a start would take damage for a torn end, and cut. */
        const struct unopened *u = LIST_ENTRY(l, struct unopened, link);
        int64_t v[CP_OFFSETS] = {u->recovery_point, u->start_offset, u->recovery_point, u->clean_offset};
        if (u->dir < 0) continue;
        cp_lines(text, lines, u->dir, u->topic, u->index, v);
        for (int i = 0; i + 1 < u->txns.n; i += 2)
            cp_txns_line(text, lines, u->dir, u->topic, u->index, u->txns.v[i], u->txns.v[i + 1]);
    }
}

/* Every directory gets its files, whatever became of the others; the first failure is told. */
static int cp_write(struct os *os, const struct node *node, struct strbuf *text, const int *lines, char why[],
                    size_t why_n)
{
    int first = 0;
    for (int i = 0; i < node->dirs_n * CP_FILES; i++) {
        char path[4200];
        struct strbuf b;
        if (!node->dirs[i / CP_FILES].online) continue;
        strbuf_init(&b);
        strbuf_printf(&b, "0\n%d\n%s", lines[i], strbuf_cstr(&text[i]));
        snprintf(path, sizeof path, "%s/%s", node->dirs[i / CP_FILES].path, cp_names[i % CP_FILES]);
        int rc = os_write_file_atomic(os, path, b.s, b.n);
        if (rc && !first) {
            snprintf(why, why_n, "%.200s: %s", path, os_why());
            first = rc;
        }
        strbuf_fini(&b);
    }
    return first;
}

static struct cp_gather *cp_new(const struct broker *b, int shards)
{
    struct cp_gather *g = xcalloc(1, sizeof *g + (size_t)shards * sizeof g->parts[0]);
    g->os = b->shard->os;
    g->node = b->node;
    g->text = xcalloc((size_t)b->node->dirs_n * CP_FILES, sizeof *g->text);
    g->lines = xcalloc((size_t)b->node->dirs_n * CP_FILES, sizeof *g->lines);
    return g;
}

static void cp_free(struct cp_gather *g)
{
    for (int i = 0; i < g->node->dirs_n * CP_FILES; i++) strbuf_fini(&g->text[i]);
    free(g->text);
    free(g->lines);
    free(g);
}

static void cp_run(struct os_job *j)
{
    struct cp_gather *g = CONTAINER_OF(j, struct cp_gather, job);
    g->rc = cp_write(g->os, g->node, g->text, g->lines, g->why, sizeof g->why);
}
static void cp_done(struct os_job *j, void *owner)
{
    struct broker *b = ((struct shard *)owner)->broker;
    struct cp_gather *g = CONTAINER_OF(j, struct cp_gather, job);
    if (g->rc && !b->checkpoint_failed)
        logline(LOG_ERROR, "checkpoints",
                "cannot write the offset checkpoints: %s; a restart after a crash will read more", g->why);
    if (!g->rc && b->checkpoint_failed) logline(LOG_INFO, "checkpoints", "they can be written again");
    b->checkpoint_failed = g->rc;
    cp_free(g);
}
static void cp_back(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct cp_gather *g = CONTAINER_OF(m, struct cp_part, msg)->g;
    if (--g->waiting) return;
    g->job.run = cp_run;
    g->job.done = cp_done;
    os_submit(s->os, &g->job);
}
static void cp_visit(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct cp_gather *g = CONTAINER_OF(m, struct cp_part, msg)->g;
    int next = s->id + 1;
    cp_add(s->broker, g->text, g->lines); /* one shard after the other: the gatherer is never shared */
    if (next < s->n) {
        shard_send(s, next, m);
        return;
    }
    m->run = cp_back;
    shard_send(s, 0, m);
}

void broker_write_checkpoints(struct broker *b)
{
    if (b->shard->id != 0) return;
    struct cp_gather *g = cp_new(b, 1);
    g->waiting = 1;
    g->parts[0].g = g;
    g->parts[0].msg.run = cp_visit;
    shard_send(b->shard, 0, &g->parts[0].msg);
}

int brokers_write_checkpoints_now(struct broker **all, int n)
{
    struct cp_gather *g = cp_new(all[0], 0);
    for (int i = 0; i < n; i++) cp_add(all[i], g->text, g->lines);
    int rc = cp_write(g->os, g->node, g->text, g->lines, g->why, sizeof g->why);
    if (rc) logline(LOG_ERROR, "checkpoints", "cannot write the offset checkpoints: %s", g->why);
    cp_free(g);
    return rc;
}
