"""confluent-kafka (librdkafka, newest): prints one "ok STEP" or "FAIL STEP: why" a line."""
import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

bootstrap, prefix = sys.argv[1], sys.argv[2]
admin = AdminClient({"bootstrap.servers": bootstrap})
topic = prefix + "-confluent"


def step(name):
    def wrap(f):
        try:
            f()
            print("ok " + name, flush=True)
        except Exception as e:
            print("FAIL %s: %r" % (name, e), flush=True)
    return wrap


def result(futures):
    return {k: f.result(30) for k, f in futures.items()}


@step("create")
def _():
    result(admin.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "3600000"})]))


@step("create again is refused")
def _():
    try:
        result(admin.create_topics([NewTopic(topic, 3, 1)]))
    except KafkaException as e:
        assert e.args[0].name() == "TOPIC_ALREADY_EXISTS", e
        return
    raise AssertionError("accepted")


@step("an invalid name is refused")
def _():
    try:
        result(admin.create_topics([NewTopic("bad name!", 1, 1)]))
    except KafkaException as e:
        assert e.args[0].name() == "TOPIC_EXCEPTION", e
        return
    raise AssertionError("accepted")


for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    @step("produce " + codec)
    def _():
        errors = []
        p = Producer({"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": codec in ("none", "zstd"),
                      "linger.ms": 5})
        for i in range(200):
            p.produce(topic, key="k%d" % i, value="%s-%d" % (codec, i), headers={"h": codec},
                      on_delivery=lambda e, m: e and errors.append(e))
        assert p.flush(30) == 0 and not errors, errors


@step("a record that is too large is refused")
def _():
    errors = []
    p = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 5000000})
    p.produce(topic, value=b"x" * 3000000, on_delivery=lambda e, m: errors.append(e))
    p.flush(30)
    assert errors and errors[0] and errors[0].name() == "MSG_SIZE_TOO_LARGE", errors


def consume(group, n, **conf):
    c = Consumer(dict({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                       "enable.auto.commit": False}, **conf))
    c.subscribe([topic])
    got, empty = [], 0
    while len(got) < n and empty < 60:
        m = c.poll(0.5)
        if m is None:
            empty += 1
        elif m.error():
            raise KafkaException(m.error())
        else:
            got.append(m)
    return c, got


@step("consume by group and commit")
def _():
    c, got = consume(prefix + "-g", 1000)
    assert len(got) == 1000, len(got)
    assert sorted(m.value() for m in got) == sorted(("%s-%d" % (codec, i)).encode() for codec in
                                                    ("none", "gzip", "snappy", "lz4", "zstd") for i in range(200))
    assert all(m.headers() for m in got)
    last = {}
    for m in got:
        assert m.offset() == last.get(m.partition(), -1) + 1, (m.partition(), m.offset())
        last[m.partition()] = m.offset()
    c.commit(asynchronous=False)
    c.close()


@step("resume after the commit")
def _():
    p = Producer({"bootstrap.servers": bootstrap})
    p.produce(topic, value="late")
    p.flush(30)
    c, got = consume(prefix + "-g", 1)
    c.close()
    assert [m.value() for m in got] == [b"late"], got


@step("cooperative-sticky group")
def _():
    c, got = consume(prefix + "-coop", 1001, **{"partition.assignment.strategy": "cooperative-sticky"})
    c.close()
    assert len(got) == 1001, len(got)


@step("offsets by time and watermarks")
def _():
    c = Consumer({"bootstrap.servers": bootstrap, "group.id": prefix + "-x"})
    total = sum(c.get_watermark_offsets(TopicPartition(topic, i))[1] for i in range(3))
    assert total == 1001, total
    r = c.offsets_for_times([TopicPartition(topic, i, 1000) for i in range(3)])
    assert all(t.offset == 0 for t in r), r
    c.close()


@step("list and describe")
def _():
    md = admin.list_topics(timeout=10)
    assert len(md.topics[topic].partitions) == 3
    groups = admin.list_consumer_groups().result(30)
    assert prefix + "-g" in [g.group_id for g in groups.valid]
    d = result(admin.describe_consumer_groups([prefix + "-g"]))[prefix + "-g"]
    assert d.state.name == "EMPTY", d.state


@step("describe and alter configs")
def _():
    r = ConfigResource("topic", topic)
    assert list(result(admin.describe_configs([r])).values())[0]["retention.ms"].value == "3600000"


@step("add partitions")
def _():
    result(admin.create_partitions([NewPartitions(topic, 5)]))
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 5


@step("delete group and topic")
def _():
    result(admin.delete_consumer_groups([prefix + "-g"]))
    result(admin.delete_topics([topic]))
    assert topic not in admin.list_topics(timeout=10).topics
