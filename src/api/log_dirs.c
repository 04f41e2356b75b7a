/* DescribeLogDirs, and AlterReplicaLogDirs (KIP-113): a partition moves to another directory of this node. */
#include "api/handlers.h"
#include "api/seen.h"
#include "api/spread.h"
#include "ctl/feature.h"
#include "kp/alter_replica_log_dirs.h"
#include "kp/describe_log_dirs.h"
#include "part/dir.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- DescribeLogDirs ---- */
struct size_row {
    const char *topic; /* of the shard's image; copied before the answer: topics may go */
    int32_t index;
    int dir;
    int64_t bytes, offset_lag;
    bool future; /* a copy on its way to this directory */
};
struct shard_sizes {
    struct size_row *rows;
    size_t n;
};
struct dirs {
    struct spread spread;
    struct kp_describe_log_dirs_request in;
    struct shard_sizes *sizes; /* [shards] */
};

static int cmp_row(const void *a, const void *b)
{
    const struct size_row *x = a, *y = b;
    int d = strcmp(x->topic, y->topic);
    return d ? d : (x->index > y->index) - (x->index < y->index);
}

static void dirs_visit(struct spread_part *x, struct part *none, struct broker *there)
{
    (void)none;
    struct shard_sizes *o = x->out;
    o->rows = xcalloc(there->parts.map.n * 2, sizeof *o->rows);
    MAP_FOREACH(it, struct part, p, &there->parts.map)
    {
        struct size_row move = {.future = true};
        if (p->log->faulted) continue;
        o->rows[o->n++] = (struct size_row){xstrdup(p->topic), p->index, p->dir, log_bytes(p->log), 0, false};
        if (!mover_progress(p, &move.dir, &move.bytes, &move.offset_lag)) continue;
        move.topic = xstrdup(p->topic);
        move.index = p->index;
        o->rows[o->n++] = move;
    }
}

/* What was asked for; topics_n < 0: all of it. */
static void dirs_wanted(const struct kp_describe_log_dirs_request *in, struct req *r, struct seen *wanted)
{
    size_t n = 0;
    for (int32_t i = 0; i < in->topics_n; i++) n += (size_t)in->topics[i].partitions_n;
    seen_init(wanted, &r->arena, n, prng_next(&req_broker(r)->prng));
    for (int32_t i = 0; i < in->topics_n; i++)
        for (int32_t k = 0; k < in->topics[i].partitions_n; k++)
            seen_note(wanted, in->topics[i].topic, in->topics[i].partitions[k], i);
}

static void dirs_done(struct spread *s)
{
    struct dirs *d = CONTAINER_OF(s, struct dirs, spread);
    struct req *r = s->r;
    struct broker *b = req_broker(r);
    struct kp_describe_log_dirs_response out;
    size_t n = 0;
    for (int i = 0; i < b->shard->n; i++) n += d->sizes[i].n;
    struct size_row *rows = arena_zalloc(&r->arena, n, sizeof *rows);
    n = 0;
    for (int i = 0; i < b->shard->n; i++)
        for (size_t k = 0; k < d->sizes[i].n; k++) rows[n++] = d->sizes[i].rows[k];
    qsort(rows, n, sizeof *rows, cmp_row);
    struct seen wanted;
    dirs_wanted(&d->in, r, &wanted);
    kp_describe_log_dirs_response_init(&out);
    out.results = arena_zalloc(&r->arena, (size_t)b->node->dirs_n, sizeof *out.results);
    out.results_n = b->node->dirs_n;
    for (int i = 0; i < b->node->dirs_n; i++) {
        struct kp_describe_log_dirs_response_describe_log_dirs_result *o = &out.results[i];
        kp_describe_log_dirs_response_describe_log_dirs_result_init(o);
        o->log_dir = slice_cstr(b->node->dirs[i].path);
        if (os_disk_usage(b->shard->os, b->node->dirs[i].path, &o->total_bytes, &o->usable_bytes))
            o->total_bytes = o->usable_bytes = -1;
        o->topics = arena_zalloc(&r->arena, n, sizeof *o->topics);
        struct kp_describe_log_dirs_response_describe_log_dirs_partition *parts =
            arena_zalloc(&r->arena, n, sizeof *parts);
        for (size_t k = 0; k < n; k++) {
            if (rows[k].dir != i) continue;
            if (d->in.topics_n >= 0 && seen_find(&wanted, slice_cstr(rows[k].topic), rows[k].index) < 0)
                continue;
            struct kp_describe_log_dirs_response_describe_log_dirs_topic *t =
                o->topics_n ? &o->topics[o->topics_n - 1] : NULL;
            if (!t || !slice_eq_cstr(t->name, rows[k].topic)) {
                t = &o->topics[o->topics_n++];
                t->name = slice_cstr(rows[k].topic);
                t->partitions = parts;
            }
            *parts++ = (struct kp_describe_log_dirs_response_describe_log_dirs_partition){
                rows[k].index, rows[k].bytes, rows[k].offset_lag, rows[k].future};
            t->partitions_n++;
        }
    }
    req_begin(r);
    kp_describe_log_dirs_response_write(&r->out, r->version, &out);
    for (size_t k = 0; k < n; k++) {
        char *name;
        memcpy(&name, &rows[k].topic, sizeof name);
        free(name);
    }
    for (int i = 0; i < b->shard->n; i++) free(d->sizes[i].rows);
    req_reply(r);
}

void api_describe_log_dirs(struct req *r)
{
    struct dirs *d = arena_zalloc(&r->arena, 1, sizeof *d);
    struct shard *home = req_broker(r)->shard;
    if (!API_READ(r, describe_log_dirs, &d->in)) return;
    d->sizes = arena_zalloc(&r->arena, (size_t)home->n, sizeof *d->sizes);
    spread_begin(&d->spread, r, dirs_done);
    for (int i = 0; i < home->n; i++) spread_to_shard(&d->spread, i, dirs_visit, &d->sizes[i]);
    spread_end(&d->spread);
}

/* ---- AlterReplicaLogDirs ---- */
#define NAME_BYTES_MAX 255

struct alteration {
    struct spread spread;
    struct kp_alter_replica_log_dirs_request in;
    struct kp_alter_replica_log_dirs_response out;
};

static int dir_of(const struct node *node, struct slice path)
{
    for (int i = 0; i < node->dirs_n; i++)
        if (slice_eq_cstr(path, node->dirs[i].path)) return i;
    return -1;
}

static void alter_visit(struct spread_part *x, struct part *p, struct broker *there)
{
    const struct kp_alter_replica_log_dirs_request_alter_replica_log_dir *to = x->in;
    struct kp_alter_replica_log_dirs_response_alter_replica_log_dir_partition_result *o = x->out;
    int dir = dir_of(there->node, to->path);
    if (p) mover_request(&there->mover, p, dir, there->node->dirs[dir].path);
    else o->error_code = KERR_KAFKA_STORAGE_ERROR;
}

static void alter_done(struct spread *s)
{
    API_REPLY(s->r, alter_replica_log_dirs, &CONTAINER_OF(s, struct alteration, spread)->out);
}

static int16_t check_move(const struct broker *b, const struct image_topic *t, struct slice name,
                          int32_t index, struct slice path)
{
    int dir = dir_of(b->node, path);
    int digits = snprintf(NULL, 0, "-%d", index);
    if (name.n + (size_t)digits + PART_DIR_TAIL_BYTES > NAME_BYTES_MAX) return KERR_INVALID_TOPIC_EXCEPTION;
    if (dir < 0) return KERR_LOG_DIR_NOT_FOUND;
    if (!b->node->dirs[dir].online) return KERR_KAFKA_STORAGE_ERROR;
    if (!t || index < 0 || index >= t->parts_n) return KERR_UNKNOWN_TOPIC_OR_PARTITION;
    /* Without directories in the metadata log a crash could bring the old copy back. */
    return image_metadata_version(&b->image) < MV_DIRECTORIES ? KERR_UNSUPPORTED_VERSION : 0;
}

void api_alter_replica_log_dirs(struct req *r)
{
    struct alteration *al = arena_zalloc(&r->arena, 1, sizeof *al);
    struct broker *b = req_broker(r);
    struct asked q;
    size_t topics = 0, n = 0;
    if (!API_READ(r, alter_replica_log_dirs, &al->in)) return;
    kp_alter_replica_log_dirs_response_init(&al->out);
    for (int32_t d = 0; d < al->in.dirs_n; d++)
        for (int32_t i = 0; i < al->in.dirs[d].topics_n; i++, topics++)
            n += (size_t)al->in.dirs[d].topics[i].partitions_n;
    asked_init(&q, &r->arena, topics, n, prng_next(&b->prng));
    struct slice *names = arena_zalloc(&r->arena, topics, sizeof *names);
    int32_t at = 0;
    for (int32_t d = 0; d < al->in.dirs_n; d++)
        for (int32_t i = 0; i < al->in.dirs[d].topics_n; i++, at++) {
            names[at] = al->in.dirs[d].topics[i].name;
            for (int32_t k = 0; k < al->in.dirs[d].topics[i].partitions_n; k++)
                asked_add(&q, names[at], at, al->in.dirs[d].topics[i].partitions[k], &al->in.dirs[d]);
        }
    al->out.results_n = q.topics_n;
    al->out.results = arena_zalloc(&r->arena, (size_t)q.topics_n, sizeof *al->out.results);
    for (int32_t i = 0; i < q.topics_n; i++) {
        al->out.results[i].topic_name = names[q.topics[i].first];
        al->out.results[i].partitions =
            arena_zalloc(&r->arena, (size_t)q.topics[i].parts_n, sizeof *al->out.results[i].partitions);
    }
    spread_begin(&al->spread, r, alter_done);
    for (int32_t i = 0; i < q.parts_n; i++) {
        struct kp_alter_replica_log_dirs_response_alter_replica_log_dir_topic_result *to =
            &al->out.results[q.parts[i].topic];
        struct kp_alter_replica_log_dirs_response_alter_replica_log_dir_partition_result *o =
            &to->partitions[to->partitions_n++];
        const struct kp_alter_replica_log_dirs_request_alter_replica_log_dir *in = q.parts[i].in;
        struct image_topic *t = image_topic(&b->image, to->topic_name);
        o->partition_index = q.parts[i].index;
        o->error_code = check_move(b, t, to->topic_name, o->partition_index, in->path);
        if (!o->error_code) spread_to(&al->spread, t, o->partition_index, alter_visit, in, o);
    }
    spread_end(&al->spread);
}
