/* Partitions of this shard come and go with the image's topics.
 *
 *   image changes -> changes -> change_some, a few a turn -> open_part | remove_part
 *                                   \--none is left--> after_changes goes home
 *
 * Making and renaming directories takes a tenth of a millisecond each, so a topic of thousands of partitions
 * is opened in slices, and others are served between. What waits for them is told when all are done. At a
 * start they are opened at once: nobody is served yet.
 *
 * Invariants
 * 1. changes are done in the order of the image's: a directory has its other name before a new topic needs
 * this one.
 * 2. A partition that is neither open, nor in unopened, nor in changes is not of this shard. */
#include "broker/broker.h"
#include "broker/checkpoint.h"
#include "broker/groups.h"
#include "broker/unopened.h"
#include "base/hash.h"
#include "ctl/feature.h"

#include <stdio.h>
#include <stdlib.h>

#define REOPEN_MS 2000
#define CHECKPOINT_SOON_MS 100 /* once for many topics */
#define CHANGES_PER_TURN 16

int broker_part_shard(const struct broker *b, struct uuid topic_id, int32_t index)
{
    return (int)((hash_bytes(0, topic_id.b, 16) + (uint64_t)index) % (uint64_t)b->shard->n);
}

/* The log directory that the partition's record names; where it names none (before metadata.version 17), the
 * one that has the partition, else one by its hash. -1: it is not there. */
static int choose_dir(struct broker *b, const struct image_topic *t, int32_t index)
{
    const struct node *node = b->node;
    const struct image_part *p = &t->parts[index];
    char path[4096];
    struct os_stat st;
    for (int32_t k = 0; p->dirs && k < p->replicas_n; k++)
        for (int i = 0; p->replicas[k] == node->id && i < node->dirs_n; i++)
            if (node->dirs[i].online && uuid_eq(node->dirs[i].id, p->dirs[k])) return i;
    if (p->dirs && image_metadata_version(&b->image) >= MV_DIRECTORIES) return -1;
    for (int i = 0; node->dirs_n > 1 && i < node->dirs_n; i++) {
        snprintf(path, sizeof path, "%s/%s-%d", node->dirs[i].path, t->name, index);
        if (node->dirs[i].online && os_stat(b->shard->os, path, &st) == 0) return i;
    }
    uint64_t h = hash_bytes(1, t->name, strlen(t->name)) + (uint64_t)index;
    for (int i = 0; i < node->dirs_n; i++) {
        int k = (int)((h + (uint64_t)i) % (uint64_t)node->dirs_n);
        if (node->dirs[k].online) return k;
    }
    return -1;
}

/* What an earlier run's checkpoints, or an earlier try, know of its files. */
static void recall(struct unopened *u, const struct checkpoints *cp, const struct unopened *before)
{
    if (cp) {
        u->recovery_point = max_i64(checkpoint_get(&cp->recovery, u->topic, u->index), 0);
        u->start_offset = checkpoint_get(&cp->start, u->topic, u->index);
        u->clean_offset = checkpoint_get(&cp->clean, u->topic, u->index);
        const struct i64s *txns = checkpoint_txns(&cp->txns, u->topic, u->index);
        if (txns) u->txns = *txns;
    } else if (before) {
        u->recovery_point = before->recovery_point;
        u->start_offset = before->start_offset;
        u->clean_offset = before->clean_offset;
        u->txns = before->txns;
    }
}

static void stays_unopened(struct broker *b, struct unopened *u, const struct unopened *before, int rc,
                           const char *cut)
{
    u->no_room = err_passes(rc);
    u->reason = rc == ERR_NOFILES  ? "no_files"
                : u->no_room       ? "disk_full"
                : rc == ERR_FORMAT ? "damaged"
                                   : "open_error";
    if (!before || before->no_room != u->no_room)
        logline(LOG_ERROR, u->topic, "cannot open partition %d in %s: %s; it stays offline%s", u->index,
                b->node->dirs[u->dir].path, rc == ERR_FORMAT && cut[0] ? cut : os_why(),
                u->no_room ? " until there is room" : "");
    unopened_put(&b->unopened, u);
    if (u->no_room) timer_set_ms(b->shard, &b->reopen, REOPEN_MS);
}

static int open_part(struct broker *b, struct image_topic *t, int32_t index, const struct checkpoints *cp)
{
    struct conf_topic cfg;
    struct part *p;
    struct unopened *before = unopened_find(&b->unopened, t->id, index);
    struct unopened u = {.topic_id = t->id,
                         .topic = t->name,
                         .index = index,
                         .reason = "directory_missing",
                         .start_offset = -1,
                         .clean_offset = -1};
    if (t->parts[index].leader != b->node->id) return 0; /* another broker's, or offline */
    u.dir = choose_dir(b, t, index);
    if (u.dir < 0) {
        unopened_put(&b->unopened, &u);
        logline(LOG_ERROR, t->name,
                "partition %d lies in a log directory that is not there; it stays offline", index);
        return ERR_IO;
    }
    broker_topic_conf(b, t, &cfg);
    recall(&u, cp, before);
    struct log_open_opts o = {.clean = b->node->dirs[u.dir].clean,
                              .recovery_point = u.recovery_point,
                              .start_offset = u.start_offset,
                              .txns = &u.txns};
    int rc = part_open(&b->parts, b->node->dirs[u.dir].path, u.dir, t->id, t->name, index, &cfg,
                       t->parts[index].leader_epoch, &o, &p);
    if (rc == 0 && (cp || before) && (rc = part_restore(p, b->journal)) != 0) part_remove(p, 0, -1);
    if (rc) {
        stays_unopened(b, &u, before, rc, o.cut);
        return rc;
    }
    if (u.clean_offset >= 0) p->clean_offset = p->log->compacted_below = u.clean_offset;
    if (before) {
        unopened_free(before);
        logline(LOG_INFO, t->name, "partition %d is open: there is room again", index);
    }
    if (b->groups && strcmp(t->name, GROUPS_TOPIC) == 0) groups_partition_opened(b->groups, p);
    return 0;
}

static void reopen(struct timer *timer, struct shard *s)
{
    struct broker *b = s->broker;
    int n = 0;
    LIST_FOREACH(l, &b->unopened) n++;
    for (int i = 0; i < n; i++) { /* what fails again goes to the end */
        struct unopened *u = LIST_ENTRY(b->unopened.next, struct unopened, link);
        struct image_topic *t = u->no_room ? image_topic_by_id(&b->image, u->topic_id) : NULL;
        list_remove(&u->link);
        list_push_back(&b->unopened, &u->link);
        if (t) (void)!open_part(b, t, u->index, NULL);
    }
    LIST_FOREACH(l, &b->unopened)
    if (LIST_ENTRY(l, struct unopened, link)->no_room) timer_set_ms(s, timer, REOPEN_MS);
}

static void remove_part(struct broker *b, struct uuid topic_id, int32_t index)
{
    int64_t delay_ms = conf_i64(&b->conf, CONF_LOG_SEGMENT_DELETE_DELAY_MS);
    struct part *p = parts_find(&b->parts, topic_id, index);
    struct unopened *u = unopened_find(&b->unopened, topic_id, index);
    if (u && u->dir >= 0) part_discard(&b->parts, b->node->dirs[u->dir].path, u->topic, u->index, delay_ms);
    if (u) unopened_free(u);
    if (!p) return;
    groups_partition_closing(b->groups, p);
    part_remove(p, ERR_UNKNOWN_TOPIC_OR_PARTITION, delay_ms);
}

/* ---- changes of the image ---- */
struct change {
    struct list link;
    struct uuid topic_id;
    int32_t index;
    bool remove;
};

static void note_change(struct broker *b, const struct image_topic *t, int32_t index, bool removed)
{
    if (broker_part_shard(b, t->id, index) != b->shard->id) return;
    struct change *c = xcalloc(1, sizeof *c);
    *c = (struct change){.topic_id = t->id, .index = index, .remove = removed};
    list_push_back(&b->changes, &c->link);
}

static void change_some(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct broker *b = s->broker;
    struct list *l;
    for (int i = 0; i < CHANGES_PER_TURN && (l = list_pop_front(&b->changes)) != NULL; i++) {
        struct change *c = LIST_ENTRY(l, struct change, link);
        struct image_topic *t = image_topic_by_id(&b->image, c->topic_id);
        if (c->remove) remove_part(b, c->topic_id, c->index);
        else if (t) (void)!open_part(b, t, c->index, NULL);
        free(c);
    }
    if (!list_empty(&b->changes)) {
        os_cut_turn(s->os);
        os_post(s->os, s->os, m);
        return;
    }
    struct os_msg *home = b->after_changes;
    b->after_changes = NULL;
    shard_send(s, 0, home);
}

void broker_after_changes(struct broker *b, struct os_msg *home)
{
    ASSERT(!b->after_changes);
    b->after_changes = home;
    b->changes_msg.run = change_some;
    change_some(&b->changes_msg, b->shard);
}

static void topic_grew(void *arg, struct image_topic *t, int32_t old_n)
{
    struct broker *b = arg;
    for (int32_t i = old_n; b->serving && i < t->parts_n; i++) note_change(b, t, i, false);
}

static void topic_removed(void *arg, struct image_topic *t)
{
    struct broker *b = arg;
    if (!b->serving) return;
    for (int32_t i = 0; i < t->parts_n; i++) note_change(b, t, i, true);
    groups_topic_removed(b->groups, t);
    /* A new topic of this name must not meet the old one's offsets at the next start. */
    if (!timer_armed(&b->checkpoint_soon)) timer_set_ms(b->shard, &b->checkpoint_soon, CHECKPOINT_SOON_MS);
}

void broker_init_partitions(struct broker *b)
{
    list_init(&b->unopened);
    list_init(&b->changes);
    b->reopen.fire = reopen;
    b->image.topic_grew = topic_grew;
    b->image.topic_removed = topic_removed;
}

int broker_open_all(struct broker *b, const struct checkpoints *cp)
{
    int n, failed = 0;
    struct image_topic **topics = image_sorted(&b->image, &n);
    for (int i = 0; i < n; i++)
        for (int32_t k = 0; k < topics[i]->parts_n; k++)
            if (broker_part_shard(b, topics[i]->id, k) == b->shard->id && open_part(b, topics[i], k, cp))
                failed++;
    return failed;
}
