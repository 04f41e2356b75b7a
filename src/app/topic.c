#include "app/topic.h"
#include "cli/rk_tool.h"
#include "os/blocking.h"

#define AGAIN_MS 1000
#define REQUEST_MS 10000

void topic_init(struct topic *t, rd_kafka_t *rk, const char *name, int32_t partitions, int32_t replication,
                int event)
{
    static const uint64_t one = 1;
    *t = (struct topic){.rk = rk, .name = name, .partitions = partitions, .replication = replication};
    strbuf_init(&t->told);
    t->queue = rd_kafka_queue_new(rk);
    if (event >= 0) rd_kafka_queue_io_event_enable(t->queue, event, &one, sizeof one);
}

static void topic_done(struct topic *t)
{
    rd_kafka_queue_destroy(t->queue);
    t->queue = NULL;
}

void topic_fini(struct topic *t)
{
    if (t->queue) topic_done(t);
    strbuf_fini(&t->told);
}

static void topic_ask(struct topic *t)
{
    char error[256];
    rd_kafka_NewTopic_t *new =
        rd_kafka_NewTopic_new(t->name, t->partitions, t->replication, error, sizeof error);
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(t->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    if (!new) {
        rk_say("ERROR", "topic %s: %s", t->name, error);
        topic_done(t);
    } else {
        rd_kafka_AdminOptions_set_request_timeout(o, REQUEST_MS, error, sizeof error);
        rd_kafka_CreateTopics(t->rk, &new, 1, o, t->queue);
        rd_kafka_NewTopic_destroy(new);
        t->asked = true;
    }
    rd_kafka_AdminOptions_destroy(o);
}

/* Says a failure once. */
static void topic_failed(struct topic *t, const char *why)
{
    if (strcmp(strbuf_cstr(&t->told), why) != 0)
        rk_say("WARN", "topic %s cannot be made yet: %s; trying again", t->name, why);
    strbuf_reset(&t->told);
    strbuf_add_cstr(&t->told, why);
    t->asked = false;
    t->again_ms = os_now_mono_ms() + AGAIN_MS;
}

static void topic_answered(struct topic *t, rd_kafka_event_t *ev)
{
    size_t n = 0;
    const rd_kafka_CreateTopics_result_t *r = rd_kafka_event_CreateTopics_result(ev);
    const rd_kafka_topic_result_t **of = r ? rd_kafka_CreateTopics_result_topics(r, &n) : NULL;
    if (rd_kafka_event_error(ev) || n != 1) {
        topic_failed(t, rd_kafka_event_error_string(ev));
        return;
    }
    rd_kafka_resp_err_t err = rd_kafka_topic_result_error(of[0]);
    const char *why = rd_kafka_topic_result_error_string(of[0]);
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        rk_say("INFO", "made topic %s with %d partitions", t->name, (int)t->partitions);
        topic_done(t);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        topic_done(t);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        rk_say("WARN", "topic %s cannot be made here: %s", t->name, why ? why : rd_kafka_err2str(err));
        topic_done(t);
        break;
    default:
        topic_failed(t, why ? why : rd_kafka_err2str(err));
    }
}

bool topic_ready(struct topic *t)
{
    rd_kafka_event_t *ev;
    if (t->queue && !t->asked && os_now_mono_ms() >= t->again_ms) topic_ask(t);
    while (t->queue && (ev = rd_kafka_queue_poll(t->queue, 0)) != NULL) {
        topic_answered(t, ev);
        rd_kafka_event_destroy(ev);
    }
    return !t->queue;
}
