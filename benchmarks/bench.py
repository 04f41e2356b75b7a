"""Drives benchmarks/load against the floor, moldau and Apache Kafka, one after the other for every case, and prints
ratios. Nothing here fails because of a figure."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOAD = ROOT + "/build/bench/load"
QUICK = "--quick" in sys.argv
NO_KAFKA = "--no-kafka" in sys.argv
CASES = [a for a in sys.argv[1:] if not a.startswith("--")] or ["produce", "latency", "fetch", "start", "memory", "tools"]
SECONDS = 2 if QUICK else 5
PARTITIONS = 8


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def resident_mb(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def descendant(pid):
    """The process that does the work: a launcher script execs or forks it."""
    kids = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
    return descendant(int(kids[0])) if kids else pid


class System:
    def __init__(self, name):
        self.name, self.dir, self.port = name, tempfile.mkdtemp(prefix="moldau-bench-"), free_port()
        self.log = open(self.dir + "/log", "w")
        self.started = time.perf_counter()
        if name in ("floor", "floor-sync"):
            cmd = [ROOT + "/build/bench/floor", str(self.port), self.dir + "/data"] + (["sync"] if "-" in name else [])
        elif name in ("moldau", "moldau-unsynced"):
            cmd = [ROOT + "/build/moldau", "server", "--override", "log.dirs=" + self.dir + "/data", "--override",
                   "listeners=PLAINTEXT://127.0.0.1:%d" % self.port, "--override", "num.partitions=%d" % PARTITIONS,
                   "--override", "log.retention.bytes=1073741824"]
            cmd += ["--override", "moldau.ack.sync=never"] if "-" in name else []
        else:
            cmd = [ROOT + "/tests/peer/kafka-peer", "single", str(self.port), self.dir, "num.partitions=%d" % PARTITIONS]
        self.process = subprocess.Popen(cmd, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env=dict(os.environ, HEAP="-Xmx1g"))
        self.first_answer = self.wait()
        self.pid = descendant(self.process.pid)

    def metadata(self, topic=None):
        """A Metadata v1 round trip."""
        name = topic.encode() if topic else b""
        body = b"\x00\x03\x00\x01\x00\x00\x00\x01\x00\x05bench"
        body += b"\x00\x00\x00\x01" + len(name).to_bytes(2, "big") + name if topic else b"\x00\x00\x00\x00"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
            s.settimeout(30)
            s.sendall(len(body).to_bytes(4, "big") + body)
            n = int.from_bytes(s.recv(4, socket.MSG_WAITALL), "big")
            return s.recv(n, socket.MSG_WAITALL) if n else b""

    def wait(self):
        end = time.time() + 60
        while time.time() < end:
            try:
                if self.name.startswith("floor"):
                    socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                    return time.perf_counter() - self.started
                if len(self.metadata()) > 20:
                    return time.perf_counter() - self.started
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit("%s ended at start; see %s/log" % (self.name, self.dir))
            time.sleep(0.0005)
        raise SystemExit(self.name + " did not start")

    def topic(self, name):
        if not self.name.startswith("floor"):
            for _ in range(100):
                r = self.metadata(name)
                if r.count(b"\x00\x00\x00\x00\x00") and len(r) > 150:
                    break
                time.sleep(0.1)
            time.sleep(0.5)

    def load(self, mode, **keys):
        cmd = [LOAD, "127.0.0.1:%d" % self.port, mode, "pid=%d" % self.pid, "partitions=%d" % PARTITIONS,
               "floor=%d" % self.name.startswith("floor")] + ["%s=%s" % kv for kv in keys.items()]
        p = subprocess.run(cmd, capture_output=True, text=True, timeout=300)
        if p.returncode:
            return None
        return json.loads(p.stdout)

    def stop(self):
        for pid in {self.pid, self.process.pid}:
            try:
                os.kill(pid, 15)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def systems(floor=True):
    return (["floor"] if floor else []) + ["moldau"] + ([] if NO_KAFKA else ["kafka"])


def ratio(a, b):
    return "%5.2f" % (a / b) if a and b else "    -"


def table(title, unit, rows, names, better="x"):
    print("\n%s (%s)" % (title, unit))
    print("%-42s %10s %10s %10s   %s" % ("", *(n for n in ("floor", "moldau", "kafka")), better))
    for label, got in rows:
        cells = ["%10.2f" % got[n] if got.get(n) is not None else "         -" for n in ("floor", "moldau", "kafka")]
        print("%-42s %s   %s floor, %s kafka" % (label, " ".join(cells), ratio(got.get("moldau"), got.get("floor")),
                                                  ratio(got.get("moldau"), got.get("kafka"))), flush=True)


def produce():
    """acks=1 against the floor; acks=all once as we answer it (synced, against a floor that syncs) and once as Apache
    Kafka does with one replica (unsynced, against the plain floor)."""
    sizes = [(batch, conns) for batch in (1024, 16384, 262144) for conns in (1, 4, 64)]
    if QUICK:
        sizes = [(b, 4) for b in (1024, 16384, 262144)]
    kinds = {"acks=1": (1, "floor", "moldau"), "acks=all": (-1, "floor-sync", "moldau"),
             "acks=all, unsynced": (-1, "floor", "moldau-unsynced")}
    if QUICK:
        del kinds["acks=all, unsynced"]
    wanted = {}
    for acks, floor, ours in kinds.values():
        for name in (floor, ours) + (() if NO_KAFKA else ("kafka",)):
            for size in sizes:
                wanted.setdefault(name, {})[(1 if name == "floor" else acks,) + size] = None
    for name, cases in wanted.items():
        s = System(name)
        s.topic("t")
        if name == "kafka":
            s.load("produce", topic="t", batch=16384, seconds=5)  # the JIT warms up
        for case in cases:
            cases[case] = s.load("produce", topic="t", acks=case[0], batch=case[1], conns=case[2], seconds=SECONDS)
        if not name.startswith("floor"):
            print("%s: resident after load %.0f MB" % (name, resident_mb(s.pid)), flush=True)
        s.stop()

    def rows(key):
        out = []
        for kind, (acks, floor, ours) in kinds.items():
            for size in sizes:
                got = {"floor": wanted[floor][(1 if floor == "floor" else acks,) + size], "moldau": wanted[ours][(acks,) + size],
                       "kafka": wanted.get("kafka", {}).get((acks,) + size)}
                out.append(("%s, %d KB, %d connections" % (kind, size[0] // 1024, size[1]), {n: (g or {}).get(key) for n, g in got.items()}))
        return out
    table("produce: CPU", "seconds of the broker a GB", rows("cpu_s_gb"), systems())
    table("produce: throughput", "MB/s", rows("mb_s"), systems())


def latency():
    got = {}
    for name in systems():
        s = System(name)
        s.topic("t")
        if name == "kafka":
            s.load("produce", topic="t", batch=16384, seconds=5)
        got[name] = s.load("rate", topic="t", batch=16384, mb=20, seconds=SECONDS * 2)
        s.stop()
    table("open loop, 20 MB/s, 16 KB, acks=1", "ms", [
        (q, {n: (got.get(n) or {}).get(q) for n in systems()}) for q in ("p50_ms", "p99_ms", "p999_ms")], systems())


def fetch():
    got = {}
    for name in systems():
        s = System(name)
        s.topic("t")
        s.load("produce", topic="t", batch=16384, seconds=2, conns=8)
        if name == "kafka":
            s.load("fetch", topic="t", batch=16384, seconds=3)
        got[name] = s.load("fetch", topic="t", batch=16384, seconds=SECONDS)
        s.stop()
    table("fetch of cached data, 1 MB", "", [
        (k, {n: (got.get(n) or {}).get(k) for n in systems()}) for k in ("cpu_s_gb", "mb_s")], systems())


def start():
    got = {}
    for name in systems(floor=False):
        s = System(name)
        got[name] = s.first_answer * 1000
        s.stop()
    table("start to first Metadata answer, empty directory", "ms", [("", got)], systems(False))


def memory():
    idle, thousand, conns = {}, {}, {}
    for name in systems(floor=False):
        s = System(name)
        time.sleep(1)
        idle[name] = resident_mb(s.pid)
        open_conns = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(500)]
        time.sleep(0.5)
        conns[name] = (resident_mb(s.pid) - idle[name]) * 1024 / 500
        for c in open_conns:
            c.close()
        for i in range(1000 // PARTITIONS):
            s.metadata("m%d" % i)
        time.sleep(2)
        thousand[name] = resident_mb(s.pid)
        s.stop()
    table("resident memory", "MB; KB a connection", [("idle", idle), ("with 1,000 partitions", thousand),
                                                     ("an idle connection (KB)", conns)], systems(False))


def tools():
    got = {}
    for name in systems(floor=False):
        s = System(name)
        s.topic("t")
        tool = ROOT + ("/bin/kafka-topics.sh" if name == "moldau" else "/tests/peer/kafka-peer")
        cmd = [tool] + ([] if name == "moldau" else ["topics"]) + ["--bootstrap-server", "127.0.0.1:%d" % s.port, "--describe"]
        times = []
        for _ in range(20 if name == "moldau" else 3):
            at = time.perf_counter()
            subprocess.run(cmd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.append((time.perf_counter() - at) * 1000)
        got[name] = sorted(times)[len(times) // 2]
        s.stop()
    table("kafka-topics.sh --describe", "ms", [("", got)], systems(False))


for case in CASES:
    globals()[case]()
