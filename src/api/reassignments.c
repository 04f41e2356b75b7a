/* ListPartitionReassignments: what the image tells of partitions that gain or lose replicas. One node moves
 * none; another cluster's log, taken over, may hold some that never ended. */
#include "api/handlers.h"
#include "api/seen.h"
#include "kp/list_partition_reassignments.h"

#define MOVING(f) kp_list_partition_reassignments_response_ongoing_topic_reassignment##f
#define MOVE(f) kp_list_partition_reassignments_response_ongoing_partition_reassignment##f

static bool moves(const struct image_part *p)
{
    return p->adding_n > 0 || p->removing_n > 0;
}

static void add_part(struct MOVING() * to, const struct image_topic *t, int32_t index)
{
    const struct image_part *p = &t->parts[index];
    struct MOVE() *m = &to->partitions[to->partitions_n++];
    MOVE(_init)(m);
    m->partition_index = index;
    m->replicas = p->replicas, m->replicas_n = p->replicas_n;
    m->adding_replicas = p->adding, m->adding_replicas_n = p->adding_n;
    m->removing_replicas = p->removing, m->removing_replicas_n = p->removing_n;
}

/* indexes NULL: every partition. */
static void add_topic(struct req *r, struct kp_list_partition_reassignments_response *out,
                      const struct image_topic *t, const int32_t *indexes, int32_t n)
{
    int32_t moving = 0;
    if (!indexes) n = t->parts_n;
    for (int32_t i = 0; i < n; i++) {
        int32_t index = indexes ? indexes[i] : i;
        moving += index >= 0 && index < t->parts_n && moves(&t->parts[index]);
    }
    if (!moving) return;
    struct MOVING() *to = &out->topics[out->topics_n++];
    MOVING(_init)(to);
    to->name = slice_cstr(t->name);
    to->partitions = arena_zalloc(&r->arena, (size_t)moving, sizeof *to->partitions);
    for (int32_t i = 0; i < n; i++) {
        int32_t index = indexes ? indexes[i] : i;
        if (index >= 0 && index < t->parts_n && moves(&t->parts[index])) add_part(to, t, index);
    }
}

void api_list_partition_reassignments(struct req *r)
{
    struct broker *b = req_broker(r);
    struct kp_list_partition_reassignments_request in;
    struct kp_list_partition_reassignments_response out;
    int n = 0;
    if (!API_READ(r, list_partition_reassignments, &in)) return;
    kp_list_partition_reassignments_response_init(&out);
    out.error_message = (struct slice){0};
    if (in.topics_n < 0) {
        struct image_topic **t = image_sorted(&b->image, &n);
        out.topics = arena_zalloc(&r->arena, (size_t)n, sizeof *out.topics);
        for (int i = 0; i < n; i++) add_topic(r, &out, t[i], NULL, 0);
    } else {
        out.topics = arena_zalloc(&r->arena, (size_t)in.topics_n, sizeof *out.topics);
        for (int32_t i = 0; i < in.topics_n; i++) {
            const struct image_topic *t = image_topic(&b->image, in.topics[i].name);
            static const int32_t none;
            const int32_t *v = in.topics[i].partition_indexes_n ? in.topics[i].partition_indexes : &none;
            if (t) add_topic(r, &out, t, v, in.topics[i].partition_indexes_n);
        }
    }
    API_REPLY(r, list_partition_reassignments, &out);
}
