"""An application of `moldau app` under test, and requests to its pages. Standard library only."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import urllib.parse

from broker import MOLDAU, ROOT, free_port, until
from kafka import port_pair

# A group notices at once who comes and goes.
QUICK = ("--command-property", "session.timeout.ms=6000", "--command-property", "heartbeat.interval.ms=100")


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.text = response.status, response.headers, response.read().decode()

    def json(self):
        return json.loads(self.text)


class App:
    """Starts when made; its listener answers from then on."""

    def __init__(self, bootstrap, name, *options, binary=None, env=None, config=None):
        """config: a file that says the servers, and that the port is $PORT."""
        self.port = free_port()
        if config:
            env = dict(env or {}, PORT=str(self.port))
        self.folder = tempfile.TemporaryDirectory(prefix="moldau-app-")
        self.out_path, self.err_path = self.folder.name + "/out", self.folder.name + "/err"
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            self.process = subprocess.Popen(
                [binary or MOLDAU, "app", name, "--host", "127.0.0.1",
                 *(["--config", config] if config else ["--bootstrap-server", bootstrap, "--port", str(self.port)]),
                 *options], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(os.environ, **env) if env else None)
        until("the listener", lambda: "listening on port" in self.err() or self.process.poll() is not None)

    def out(self):
        with open(self.out_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def err(self):
        with open(self.err_path, errors="replace") as f:
            return f.read()

    def ask(self, method, path, body=None, headers=None, timeout=60):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            return Answer(c.getresponse())
        finally:
            c.close()

    def get(self, path):
        return self.ask("GET", path)

    def send(self, message, path="/msk-producer-send", **headers):
        """Posts the producer's form."""
        return self.ask("POST", path, urllib.parse.urlencode({"message": message}),
                        dict({"Content-Type": "application/x-www-form-urlencoded"}, **headers))

    def resident_kb(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(next(x for x in f if x.startswith("VmRSS")).split()[1])

    def end(self, sig=signal.SIGTERM, timeout=120):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if exc[0]:
            print("    | " + (self.out()[-1500:] + self.err()[-1500:]).replace("\n", "\n    | "))
        self.folder.cleanup()


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True


@contextlib.contextmanager
def apache_kafka():
    """The bootstrap address of an Apache Kafka that has just started."""
    with tempfile.TemporaryDirectory(prefix="moldau-peer-") as folder, open(folder + "/log", "w+") as log:
        port = port_pair()
        peer = subprocess.Popen([ROOT + "/tests/peer/kafka-peer", "single", str(port), folder + "/k"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until("Apache Kafka", lambda: answers(port) or peer.poll() is not None)
            if peer.poll() is not None:
                log.seek(0)
                raise RuntimeError("Apache Kafka ended at start:\n" + log.read()[-3000:])
            yield "127.0.0.1:%d" % port
        finally:
            peer.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                peer.wait(30)
            peer.kill()
            peer.wait()
