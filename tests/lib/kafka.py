"""Apache Kafka, the reference, as a broker under the same tests."""
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile

from broker import ROOT, sh, until

PEER = ROOT + "/tests/peer/kafka-peer"


def port_pair():
    """Two neighbours that are free, below those that the system gives to connections: until the Java process binds them
    a second goes by, in which the tests beside this one open hundreds."""
    while True:
        port = random.randrange(15000, 30000)
        try:
            for p in (port, port + 1):
                with contextlib.closing(socket.socket()) as s:
                    s.bind(("127.0.0.1", p))
            return port
        except OSError:
            continue


class Kafka:
    """One broker and controller; a transaction's and a group's topics need no other."""

    def __init__(self, **settings):
        self.folder = tempfile.mkdtemp(prefix="moldau-peer-")
        sh(PEER, "install", timeout=900)
        self.port = port_pair()  # the controller listens behind it
        self.bootstrap = "127.0.0.1:%d" % self.port
        self.settings = dict({"offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
                              "transaction.state.log.min.isr": 1, "offsets.topic.num.partitions": 1, "transaction.state.log.num.partitions": 1,
                              "group.initial.rebalance.delay.ms": 0}, **{k.replace("_", "."): v for k, v in settings.items()})
        self.log = open(self.folder + "/log", "w")
        self.start()

    def start(self):
        self.process = subprocess.Popen([PEER, "single", str(self.port), self.folder + "/k"] + ["%s=%s" % s for s in self.settings.items()],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        until("Apache Kafka", lambda: self.process.poll() is not None or
              sh("kcat", "-b", self.bootstrap, "-L", "-m", "2", check=False).returncode == 0, 120)
        assert self.process.poll() is None, open(self.folder + "/log").read()[-3000:]

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
