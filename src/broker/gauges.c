/* Names and labels are those of Amazon MSK's open monitoring, that is of Prometheus' JMX exporter in front of
 * Apache Kafka; what Kafka has no name for begins with moldau_. */
#include "broker/gauges.h"
#include "broker/unopened.h"

static void add_fenced(struct strbuf *b, const char *topic, int32_t index, const char *reason)
{
    strbuf_printf(b, "moldau_partition_fenced{topic=\"%s\",partition=\"%d\",reason=\"%s\",} 1.0\n", topic,
                  index, reason);
}

static void put(struct strbuf *b, const char *name, const char *label, int64_t value)
{
    strbuf_printf(b, "%s{name=\"%s\",} %lld.0\n", name, label, (long long)value);
}

static void head(struct strbuf *b, const char *name, const char *type, const char *help)
{
    strbuf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* On shard 0, when all have told. */
static void write(struct broker *b, struct gauges *g)
{
    struct strbuf *t = g->text;
    static const char manager[] = "kafka_server_ReplicaManager_Value", log[] = "kafka_log_LogManager_Value",
                      controller[] = "kafka_controller_KafkaController_Value",
                      rates[] = "kafka_server_BrokerTopicMetrics_Count";
    int64_t all = 0, leaderless = 0, offline_dirs = 0;
    int n;
    struct image_topic **topics = image_sorted(&b->image, &n);
    for (int i = 0; i < n; i++) {
        all += topics[i]->parts_n;
        for (int32_t k = 0; k < topics[i]->parts_n; k++) leaderless += topics[i]->parts[k].leader < 0;
    }
    for (int i = 0; i < b->node->dirs_n; i++) offline_dirs += !b->node->dirs[i].online;
    head(t, manager, "untyped", "kafka.server:name=None,type=ReplicaManager,attribute=Value");
    put(t, manager, "PartitionCount", g->partitions);
    put(t, manager, "LeaderCount", g->leaders);
    put(t, manager, "OfflineReplicaCount", g->offline + leaderless);
    put(t, manager, "UnderReplicatedPartitions", 0);
    head(t, log, "untyped", "kafka.log:name=None,type=LogManager,attribute=Value");
    put(t, log, "OfflineLogDirectoryCount", offline_dirs);
    head(t, controller, "untyped", "kafka.controller:name=None,type=KafkaController,attribute=Value");
    put(t, controller, "ActiveControllerCount", 1);
    put(t, controller, "ActiveBrokerCount", 1);
    put(t, controller, "FencedBrokerCount", 0);
    put(t, controller, "GlobalTopicCount", n);
    put(t, controller, "GlobalPartitionCount", all);
    put(t, controller, "OfflinePartitionsCount", g->offline + leaderless);
    head(t, rates, "untyped", "kafka.server:name=None,type=BrokerTopicMetrics,attribute=Count");
    put(t, rates, "MessagesInPerSec", g->messages_in);
    put(t, rates, "BytesInPerSec", g->bytes_in);
    put(t, rates, "BytesOutPerSec", g->bytes_out);
    head(t, "moldau_partition_fenced", "gauge",
         "Partitions that answer KAFKA_STORAGE_ERROR to some or all requests, and why; the log names the "
         "place.");
    if (g->fenced.n) strbuf_add(t, g->fenced.s, g->fenced.n);
    head(t, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    strbuf_printf(t, "process_resident_memory_bytes %lld.0\n", (long long)os_resident_bytes());
}

static void finish(struct os_msg *m, void *owner)
{
    struct gauges *g = CONTAINER_OF(m, struct gauges, msg);
    write(((struct shard *)owner)->broker, g);
    strbuf_fini(&g->fenced);
    g->done(g);
}

static void visit(struct os_msg *m, void *owner)
{
    struct shard *s = owner;
    struct broker *b = s->broker;
    struct gauges *g = CONTAINER_OF(m, struct gauges, msg);
    MAP_FOREACH(it, struct part, p, &b->parts.map)
    {
        g->partitions++;
        if (p->log->faulted) g->offline++;
        else g->leaders++;
        if (part_fenced(p)) add_fenced(&g->fenced, p->topic, p->index, part_fenced(p));
    }
    LIST_FOREACH(l, &b->unopened)
    {
        const struct unopened *u = LIST_ENTRY(l, struct unopened, link);
        g->partitions++;
        g->offline++;
        add_fenced(&g->fenced, u->topic, u->index, u->reason);
    }
    g->messages_in += b->parts.messages_in;
    g->bytes_in += b->parts.bytes_in;
    g->bytes_out += b->bytes_out;
    int next = s->id + 1 < s->n ? s->id + 1 : 0;
    if (next == 0) m->run = finish;
    shard_send(s, next, m);
}

void gauges_ask(struct os *zero, struct gauges *g)
{
    strbuf_init(&g->fenced);
    g->msg.run = visit;
    os_post_any(zero, &g->msg);
}
