#include "app/look.h"
#include "app/inbox.h"
#include "base/grow.h"
#include "os/blocking.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_MS 1000 /* the longest wait for an answer */
#define GROUP_MS 10000
#define GROUP_WAIT_MS 300 /* what comes later is for the next look */
#define FRESH_MS 500      /* what is so old is shown again */
#define SLEEP_MS 10000    /* nothing is due; an event wakes */
#define PARTS_MAX 10000
#define MARK "<!--state-->"

/* What the group last said of a partition. */
struct group_part {
    int64_t committed;
    char owner[sizeof(((struct view_part *)NULL)->owner)];
};
struct look {
    const char *group, *topic;
    const struct pages *pages;
    struct inbox inbox;
    int event;
    struct os_thread *thread;
    atomic_bool ending;
    pthread_mutex_t lock; /* what follows; never held for long */
    rd_kafka_t *consumer; /* knows what is assigned and where it reads; NULL: there is none yet */
    struct view_work *works;
    int works_n, works_cap;
    int64_t done_n, dead_n;
    char state[160];
    /* the look thread's own */
    rd_kafka_t *admin;
    rd_kafka_queue_t *answers; /* to what is asked about the group */
    int waiting;               /* for so many of them */
    struct group_part *group_parts;
    int group_n;
    struct view view;
    bool silent; /* the cluster did not answer the last time */
    int64_t asked_ms;
};
struct question {
    struct inbox_item in_inbox;
    struct web_request *q;
    bool whole;
};

/* ---- the topic ---- */
/* As many partitions as the topic has; false: nobody tells. */
static bool ask_parts(struct look *l)
{
    const struct rd_kafka_metadata *m;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(l->admin, l->topic, NULL);
    bool ok = rd_kafka_metadata(l->admin, 0, rkt, &m, ASK_MS) == 0;
    rd_kafka_topic_destroy(rkt);
    if (!ok) return false;
    int n = m->topic_cnt == 1 ? (int)min_i64(m->topics[0].partition_cnt, PARTS_MAX) : 0;
    rd_kafka_metadata_destroy(m);
    struct view *v = &l->view;
    v->parts = xrealloc(v->parts, (size_t)max_i64(n, 1) * sizeof *v->parts);
    for (v->parts_n = 0; v->parts_n < n; v->parts_n++)
        v->parts[v->parts_n] = (struct view_part){.partition = v->parts_n,
                                                  .end = VIEW_UNKNOWN,
                                                  .position = VIEW_UNKNOWN,
                                                  .committed = VIEW_UNKNOWN};
    return true;
}

static rd_kafka_topic_partition_list_t *all_parts(const struct look *l, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(l->view.parts_n);
    for (int i = 0; i < l->view.parts_n; i++)
        rd_kafka_topic_partition_list_add(list, l->topic, i)->offset = offset;
    return list;
}

static void ask_ends(struct look *l)
{
    rd_kafka_topic_partition_list_t *list = all_parts(l, RD_KAFKA_OFFSET_END);
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(l->admin, list, ASK_MS);
    for (int i = 0; i < list->cnt && (!err || err == RD_KAFKA_RESP_ERR__TIMED_OUT); i++)
        if (!list->elems[i].err && list->elems[i].offset >= 0) l->view.parts[i].end = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- the group: asked for beside the rest, because its broker may be another one ---- */
static struct group_part *group_part_of(struct look *l, const char *topic, int32_t partition)
{
    bool known = strcmp(topic, l->topic) == 0 && partition >= 0 && partition < l->group_n;
    return known ? &l->group_parts[partition] : NULL;
}

static void take_committed(struct look *l, rd_kafka_event_t *ev)
{
    size_t n = 0;
    const rd_kafka_ListConsumerGroupOffsets_result_t *r = rd_kafka_event_ListConsumerGroupOffsets_result(ev);
    const rd_kafka_group_result_t **of = r ? rd_kafka_ListConsumerGroupOffsets_result_groups(r, &n) : NULL;
    if (n != 1 || rd_kafka_group_result_error(of[0])) return;
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(of[0]);
    for (int i = 0; i < l->group_n; i++) l->group_parts[i].committed = VIEW_UNKNOWN;
    for (int i = 0; list && i < list->cnt; i++) {
        struct group_part *p = group_part_of(l, list->elems[i].topic, list->elems[i].partition);
        if (p && list->elems[i].offset >= 0) p->committed = list->elems[i].offset;
    }
}

static void take_member(struct look *l, const rd_kafka_MemberDescription_t *m)
{
    char name[sizeof l->view.consumer];
    const rd_kafka_MemberAssignment_t *a = rd_kafka_MemberDescription_assignment(m);
    const rd_kafka_topic_partition_list_t *list = a ? rd_kafka_MemberAssignment_partitions(a) : NULL;
    view_member(name, rd_kafka_MemberDescription_client_id(m), rd_kafka_MemberDescription_consumer_id(m));
    for (int i = 0; list && i < list->cnt; i++) {
        struct group_part *p = group_part_of(l, list->elems[i].topic, list->elems[i].partition);
        if (p) memcpy(p->owner, name, sizeof p->owner);
    }
}

static void take_members(struct look *l, rd_kafka_event_t *ev)
{
    size_t n = 0;
    const rd_kafka_DescribeConsumerGroups_result_t *r = rd_kafka_event_DescribeConsumerGroups_result(ev);
    const rd_kafka_ConsumerGroupDescription_t **of =
        r ? rd_kafka_DescribeConsumerGroups_result_groups(r, &n) : NULL;
    if (n != 1 || rd_kafka_ConsumerGroupDescription_error(of[0])) return;
    for (int i = 0; i < l->group_n; i++) l->group_parts[i].owner[0] = 0;
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(of[0]); i++)
        take_member(l, rd_kafka_ConsumerGroupDescription_member(of[0], i));
}

static rd_kafka_AdminOptions_t *group_options(struct look *l, rd_kafka_admin_op_t op)
{
    char error[256];
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(l->admin, op);
    rd_kafka_AdminOptions_set_request_timeout(o, GROUP_MS, error, sizeof error);
    return o;
}

static void ask_members(struct look *l)
{
    const char *group = l->group;
    rd_kafka_AdminOptions_t *o = group_options(l, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    rd_kafka_DescribeConsumerGroups(l->admin, &group, 1, o, l->answers);
    rd_kafka_AdminOptions_destroy(o);
}

static void ask_committed(struct look *l)
{
    rd_kafka_topic_partition_list_t *list = all_parts(l, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_ListConsumerGroupOffsets_t *of = rd_kafka_ListConsumerGroupOffsets_new(l->group, list);
    rd_kafka_AdminOptions_t *o = group_options(l, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets(l->admin, &of, 1, o, l->answers);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_ListConsumerGroupOffsets_destroy(of);
    rd_kafka_topic_partition_list_destroy(list);
}

static void group_room(struct look *l)
{
    if (l->group_n == l->view.parts_n) return;
    l->group_n = l->view.parts_n;
    l->group_parts = xrealloc(l->group_parts, (size_t)max_i64(l->group_n, 1) * sizeof *l->group_parts);
    for (int i = 0; i < l->group_n; i++) l->group_parts[i] = (struct group_part){.committed = VIEW_UNKNOWN};
}

static void ask_group(struct look *l)
{
    rd_kafka_event_t *ev;
    group_room(l);
    if (!l->answers) l->answers = rd_kafka_queue_new(l->admin);
    if (!l->waiting) {
        ask_committed(l);
        ask_members(l);
        l->waiting = 2;
    }
    while (l->waiting && (ev = rd_kafka_queue_poll(l->answers, GROUP_WAIT_MS)) != NULL) {
        if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT) take_members(l, ev);
        else take_committed(l, ev);
        rd_kafka_event_destroy(ev);
        l->waiting--;
    }
    for (int i = 0; i < l->group_n; i++) l->view.parts[i].committed = l->group_parts[i].committed;
}

/* ---- the consumer: asks nobody ---- */
/* What was committed is where a partition is read from as long as no record came. */
static void take_positions(struct look *l, rd_kafka_t *consumer)
{
    rd_kafka_topic_partition_list_t *list;
    if (rd_kafka_assignment(consumer, &list)) return;
    (void)rd_kafka_position(consumer, list);
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        if (strcmp(list->elems[i].topic, l->topic) != 0 || partition >= l->view.parts_n) continue;
        struct view_part *p = &l->view.parts[partition];
        p->ours = true;
        p->position = list->elems[i].offset >= 0 ? list->elems[i].offset : p->committed;
        if (p->position < 0 && p->end == 0) p->position = 0;
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void take_name(struct look *l, rd_kafka_t *consumer)
{
    char *id = rd_kafka_memberid(consumer), client[64];
    const char *name = rd_kafka_name(consumer), *end = strstr(name, "#");
    snprintf(client, sizeof client, "%.*s", (int)(end ? end - name : 63), name);
    view_member(l->view.consumer, client, id ? id : "");
    if (id) rd_kafka_mem_free(consumer, id);
}

/* Of our own we know, whatever the group says. */
static void name_owners(struct look *l)
{
    for (int i = 0; i < l->view.parts_n; i++) {
        struct view_part *p = &l->view.parts[i];
        const char *owner = l->group_parts[i].owner;
        if (p->ours) memcpy(p->owner, l->view.consumer, sizeof p->owner);
        else if (strcmp(owner, l->view.consumer) != 0) memcpy(p->owner, owner, sizeof p->owner);
    }
}

static void look_ask(struct look *l)
{
    if (os_now_mono_ms() - l->asked_ms < FRESH_MS) return;
    pthread_mutex_lock(&l->lock);
    rd_kafka_t *consumer = l->consumer;
    pthread_mutex_unlock(&l->lock);
    if (consumer) take_name(l, consumer);
    l->silent = !ask_parts(l);
    if (!l->silent && l->view.parts_n) {
        ask_ends(l);
        ask_group(l);
        if (consumer) take_positions(l, consumer);
        name_owners(l);
    }
    l->asked_ms = os_now_mono_ms();
}

/* ---- answers ---- */
static void look_take(struct look *l)
{
    struct view *v = &l->view;
    pthread_mutex_lock(&l->lock);
    v->works = xrealloc(v->works, (size_t)max_i64(l->works_n, 1) * sizeof *v->works);
    if (l->works_n) memcpy(v->works, l->works, (size_t)l->works_n * sizeof *v->works);
    v->works_n = l->works_n;
    v->done_n = l->done_n;
    v->dead_n = l->dead_n;
    memcpy(v->state, l->state, sizeof v->state);
    pthread_mutex_unlock(&l->lock);
    if (l->silent)
        snprintf(v->state, sizeof v->state,
                 "The cluster does not answer: offsets are as they were when it last did.");
    v->now_ms = os_now_wall_ms();
}

static void question_reply(struct look *l, struct question *x, struct slice part)
{
    struct slice page = l->pages->consumer_html.bytes;
    const uint8_t *mark = memmem(page.p, page.n, MARK, strlen(MARK));
    ASSERT(mark);
    if (x->whole) strbuf_add(&x->q->text, page.p, (size_t)(mark - page.p));
    strbuf_add_slice(&x->q->text, part);
    mark += strlen(MARK);
    if (x->whole) strbuf_add(&x->q->text, mark, (size_t)(page.p + page.n - mark));
    x->q->content_type = "text/html; charset=utf-8";
    web_reply(x->q);
    free(x);
}

static void look_answer(struct look *l, struct inbox_item *item)
{
    struct strbuf part;
    if (!item) return;
    if (!atomic_load(&l->ending)) look_ask(l);
    look_take(l);
    strbuf_init(&part);
    view_html(&l->view, &part);
    for (struct inbox_item *next; item; item = next) {
        next = item->next;
        question_reply(l, CONTAINER_OF(item, struct question, in_inbox), strbuf_slice(&part));
    }
    strbuf_fini(&part);
}

static void look_run(void *arg)
{
    struct look *l = arg;
    while (!atomic_load(&l->ending)) {
        os_event_wait(l->event, SLEEP_MS);
        os_event_clear(l->event);
        look_answer(l, inbox_take(&l->inbox));
    }
    look_answer(l, inbox_close(&l->inbox));
}

static void look_question(struct look *l, struct web_request *q, bool whole)
{
    struct question *x = xcalloc(1, sizeof *x);
    x->q = q;
    x->whole = whole;
    if (inbox_push(&l->inbox, &x->in_inbox)) return;
    free(x);
    q->status = 503;
    strbuf_add_cstr(&q->text, "The application is ending.");
    web_reply(q);
}

void look_page(void *arg, struct web_request *q)
{
    look_question(arg, q, true);
}

void look_part(void *arg, struct web_request *q)
{
    look_question(arg, q, false);
}

/* ---- what the loop tells ---- */
void look_consumer(struct look *l, rd_kafka_t *rk)
{
    pthread_mutex_lock(&l->lock);
    l->consumer = rk;
    pthread_mutex_unlock(&l->lock);
}

void look_began(struct look *l, const struct view_work *w)
{
    pthread_mutex_lock(&l->lock);
    l->works = grown(l->works, l->works_n, &l->works_cap, sizeof *l->works);
    l->works[l->works_n++] = *w;
    pthread_mutex_unlock(&l->lock);
}

void look_ended(struct look *l, int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->works_n; i++)
        if (l->works[i].partition == partition && l->works[i].offset == offset) {
            memmove(&l->works[i], &l->works[i + 1], (size_t)(l->works_n - i - 1) * sizeof *l->works);
            l->works_n--;
            break;
        }
    l->done_n++;
    pthread_mutex_unlock(&l->lock);
}

void look_dead(struct look *l)
{
    pthread_mutex_lock(&l->lock);
    l->dead_n++;
    pthread_mutex_unlock(&l->lock);
}

void look_state(struct look *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    pthread_mutex_lock(&l->lock);
    vsnprintf(l->state, sizeof l->state, fmt, ap);
    pthread_mutex_unlock(&l->lock);
    va_end(ap);
}

/* ---- life ---- */
struct look *look_new(rd_kafka_t *admin, const char *group, const char *topic, const char *settings,
                      const struct pages *pages)
{
    struct look *l = xcalloc(1, sizeof *l);
    l->admin = admin;
    l->group = l->view.group = group;
    l->topic = l->view.topic = topic;
    l->view.settings = settings;
    l->pages = pages;
    l->asked_ms = INT64_MIN / 2;
    l->event = os_event_new();
    inbox_init(&l->inbox, l->event);
    pthread_mutex_init(&l->lock, NULL);
    l->thread = os_thread_start(look_run, l);
    return l;
}

void look_end(struct look *l)
{
    atomic_store(&l->ending, true);
    os_event_set(l->event);
    os_thread_join(l->thread);
    if (l->answers) rd_kafka_queue_destroy(l->answers);
    l->answers = NULL;
}

void look_free(struct look *l)
{
    pthread_mutex_destroy(&l->lock);
    os_event_free(l->event);
    view_fini(&l->view);
    free(l->works);
    free(l->group_parts);
    free(l);
}
