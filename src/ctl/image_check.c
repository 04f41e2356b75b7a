/* Judging a record of the metadata log: what it must be for the image to take it. The same functions judge
 * what the controller is about to write, what a start replays and what a snapshot holds, so what was written
 * can be read.
 *
 * A draft is an image and what the records judged so far would add to it: only what a later record may depend
 * on is noted, so a batch costs as much as it is long. */
#include "ctl/ctl.h"
#include "base/grow.h"
#include "ctl/feature.h"
#include "ctl/image_int.h"

#include <stdio.h>
#include <stdlib.h>

struct draft_topic {
    struct uuid id;
    struct slice name; /* of the record, or of the image's topic */
    int32_t parts_n;
    bool gone;
};
struct draft_part {
    struct uuid topic_id;
    int32_t index, replicas_n;
};
struct draft_broker {
    int32_t id;
    bool gone;
};

void image_draft_init(struct image_draft *d, const struct image *im)
{
    *d = (struct image_draft){.im = im, .in_transaction = im->in_transaction};
    map_init(&d->by_id);
    map_init(&d->by_name);
    map_init(&d->parts);
    arena_init(&d->arena);
}

void image_draft_fini(struct image_draft *d)
{
    map_fini(&d->by_id);
    map_fini(&d->by_name);
    map_fini(&d->parts);
    arena_fini(&d->arena);
    free(d->brokers);
    free(d->held);
}

void image_draft_hold(struct image_draft *d, struct slice record)
{
    d->held = grown(d->held, d->held_n, &d->held_cap, sizeof *d->held);
    d->held[d->held_n++] = record;
}

/* ---- what there is ---- */
static bool eq_id(const void *v, const void *k)
{
    return uuid_eq(((const struct draft_topic *)v)->id, *(const struct uuid *)k);
}
static bool eq_name(const void *v, const void *k)
{
    return slice_eq(((const struct draft_topic *)v)->name, *(const struct slice *)k);
}
static bool eq_part(const void *v, const void *k)
{
    const struct draft_part *p = v, *want = k;
    return p->index == want->index && uuid_eq(p->topic_id, want->topic_id);
}
static uint64_t hash_part(struct uuid id, int32_t index)
{
    return image_hash_id(id) + (uint64_t)(uint32_t)index * 0x9e3779b97f4a7c15;
}

static bool topic_by_id(const struct image_draft *d, struct uuid id, struct draft_topic *out)
{
    const struct draft_topic *t = map_get(&d->by_id, image_hash_id(id), &id, eq_id);
    const struct image_topic *it = t ? NULL : image_topic_by_id(d->im, id);
    if (t) *out = *t;
    else if (it) *out = (struct draft_topic){id, slice_cstr(it->name), it->parts_n, false};
    return t ? !t->gone : it != NULL;
}

static bool has_topic(const struct image_draft *d, struct slice name)
{
    const struct draft_topic *t = map_get(&d->by_name, image_hash_name(name), &name, eq_name);
    return t ? !t->gone : image_topic(d->im, name) != NULL;
}

/* index is one of the topic's. */
static int32_t replicas_of(const struct image_draft *d, struct uuid id, int32_t index)
{
    struct draft_part want = {id, index, 0};
    const struct draft_part *p = map_get(&d->parts, hash_part(id, index), &want, eq_part);
    const struct image_topic *t = p ? NULL : image_topic_by_id(d->im, id);
    return p ? p->replicas_n : t && index < t->parts_n ? t->parts[index].replicas_n : 0;
}

static bool has_broker(const struct image_draft *d, int32_t id)
{
    for (int i = d->brokers_n; i-- > 0;)
        if (d->brokers[i].id == id) return !d->brokers[i].gone;
    return image_broker(d->im, id) != NULL;
}

/* ---- what a record would add ---- */
static void note_topic(struct image_draft *d, struct draft_topic t)
{
    struct draft_topic *to = map_get(&d->by_id, image_hash_id(t.id), &t.id, eq_id);
    if (!to) {
        to = arena_alloc(&d->arena, sizeof *to);
        *to = t;
        map_put(&d->by_id, image_hash_id(t.id), to);
    }
    *to = t;
    (void)map_del(&d->by_name, image_hash_name(t.name), &t.name, eq_name);
    map_put(&d->by_name, image_hash_name(t.name), to);
}

static void note_part(struct image_draft *d, struct uuid id, int32_t index, int32_t replicas_n)
{
    struct draft_part want = {id, index, replicas_n};
    struct draft_part *p = map_get(&d->parts, hash_part(id, index), &want, eq_part);
    if (!p) {
        p = arena_alloc(&d->arena, sizeof *p);
        map_put(&d->parts, hash_part(id, index), p);
    }
    *p = want;
}

void image_note_topic(struct image_draft *d, const struct kp_topic_record *r)
{
    struct draft_topic t;
    if (!topic_by_id(d, r->topic_id, &t)) note_topic(d, (struct draft_topic){r->topic_id, r->name, 0, false});
}

void image_note_partition(struct image_draft *d, const struct kp_partition_record *r)
{
    struct draft_topic t;
    bool there = topic_by_id(d, r->topic_id, &t);
    ASSERT(there); /* it was judged */
    note_part(d, r->topic_id, r->partition_id, r->replicas_n > 0 ? r->replicas_n : 0);
    if (r->partition_id < t.parts_n) return;
    t.parts_n++;
    note_topic(d, t);
}

void image_note_partition_change(struct image_draft *d, const struct kp_partition_change_record *r)
{
    if (r->replicas_n >= 0) note_part(d, r->topic_id, r->partition_id, r->replicas_n);
}

void image_note_remove_topic(struct image_draft *d, const struct kp_remove_topic_record *r)
{
    struct draft_topic t;
    if (!topic_by_id(d, r->topic_id, &t)) return;
    t.gone = true;
    note_topic(d, t);
}

void image_note_broker(struct image_draft *d, int32_t id, bool gone)
{
    d->brokers = xrealloc(d->brokers, (size_t)(d->brokers_n + 1) * sizeof *d->brokers);
    d->brokers[d->brokers_n++] = (struct draft_broker){id, gone};
}

/* ---- judging ---- */
int image_check_topic(const struct image_draft *d, const struct kp_topic_record *r)
{
    struct strbuf why;
    struct draft_topic t;
    if (topic_by_id(d, r->topic_id, &t)) return slice_eq(r->name, t.name) ? 0 : ERR_FORMAT;
    strbuf_init(&why);
    int rc = ctl_topic_name_check(r->name, &why); /* it becomes the name of directories */
    strbuf_fini(&why);
    return rc || has_topic(d, r->name) ? ERR_FORMAT : 0;
}

int image_check_partition(const struct image_draft *d, const struct kp_partition_record *r)
{
    struct draft_topic t;
    if (!topic_by_id(d, r->topic_id, &t) || r->partition_id < 0 || r->partition_id > t.parts_n)
        return ERR_FORMAT;
    return r->directories_n > 0 && r->directories_n != r->replicas_n ? ERR_FORMAT : 0;
}

int image_check_partition_change(const struct image_draft *d, const struct kp_partition_change_record *r)
{
    struct draft_topic t;
    if (!topic_by_id(d, r->topic_id, &t) || r->partition_id < 0 || r->partition_id >= t.parts_n)
        return ERR_FORMAT;
    int32_t n = r->replicas_n >= 0 ? r->replicas_n : replicas_of(d, r->topic_id, r->partition_id);
    return r->directories_n > 0 && r->directories_n != n ? ERR_FORMAT : 0;
}

int image_check_clear_elr(const struct image_draft *d, const struct kp_clear_elr_record *r)
{
    return !r->topic_name.n || has_topic(d, r->topic_name) ? 0 : ERR_FORMAT;
}

int image_check_broker(const struct image_draft *d, int32_t id)
{
    return has_broker(d, id) ? 0 : ERR_FORMAT;
}
