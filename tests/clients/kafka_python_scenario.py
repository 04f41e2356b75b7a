"""kafka-python: prints one "ok STEP" or "FAIL STEP: why" a line."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import InvalidTopicError, TopicAlreadyExistsError

bootstrap, prefix = sys.argv[1], sys.argv[2]
topic = prefix + "-kafkapython"
CODECS = (None, "gzip", "snappy", "lz4", "zstd")


def step(name):
    def wrap(f):
        try:
            f()
            print("ok " + name, flush=True)
        except Exception as e:
            print("FAIL %s: %r" % (name, e), flush=True)
    return wrap


admin = KafkaAdminClient(bootstrap_servers=bootstrap)


@step("create")
def _():
    admin.create_topics([NewTopic(topic, 3, 1)])


@step("create again and an invalid name are refused")
def _():
    for name, error in ((topic, TopicAlreadyExistsError), ("bad name!", InvalidTopicError)):
        try:
            r = admin.create_topics([NewTopic(name, 1, 1)])
        except error:
            continue
        raise AssertionError("accepted %s: %r" % (name, r))


for codec in CODECS:
    @step("produce %s" % (codec or "none"))
    def _():
        p = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=5)
        futures = [p.send(topic, key=b"k%d" % i, value=b"%s-%d" % ((codec or "none").encode(), i)) for i in range(200)]
        for f in futures:
            f.get(30)
        p.close()


@step("consume by group and commit")
def _():
    c = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=prefix + "-kp", auto_offset_reset="earliest",
                      enable_auto_commit=False, consumer_timeout_ms=20000)
    got = []
    for m in c:
        got.append(m)
        if len(got) == 1000:
            break
    assert len(got) == 1000, len(got)
    c.commit()
    c.close()


@step("resume after the commit")
def _():
    p = KafkaProducer(bootstrap_servers=bootstrap)
    p.send(topic, value=b"late").get(30)
    p.close()
    c = KafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=prefix + "-kp", auto_offset_reset="earliest",
                      consumer_timeout_ms=20000)
    m = next(c)
    assert m.value == b"late", m
    c.close()


@step("offsets")
def _():
    c = KafkaConsumer(bootstrap_servers=bootstrap)
    parts = [TopicPartition(topic, i) for i in range(3)]
    assert sum(c.end_offsets(parts).values()) == 1001
    assert set(c.beginning_offsets(parts).values()) == {0}
    c.close()


@step("list and describe")
def _():
    assert topic in admin.list_topics()
    assert prefix + "-kp" in str(admin.list_groups() if hasattr(admin, "list_groups") else admin.list_consumer_groups())


@step("delete")
def _():
    admin.delete_topics([topic])
    assert topic not in admin.list_topics()
