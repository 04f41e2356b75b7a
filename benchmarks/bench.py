"""Drives benchmarks/load against the floor, moldau and Apache Kafka, one after the other for every case, and prints
ratios. Nothing here fails because of a figure."""
import atexit
import glob
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOAD = ROOT + "/build/bench/load"
FILL = ROOT + "/build/bench/fill"
LOOKUP = ROOT + "/build/bench/lookup"
sys.path.insert(0, ROOT + "/tests/lib")
from broker import free_port
from wire import Wire, batch, text

import listeners
CASE_NAMES = ["produce", "latency", "fetch", "start", "memory", "tools", "compaction", "recovery", "many", "times", "cold"]
CASE_NAMES += listeners.CASE_NAMES
USAGE = "usage: ./bench [--quick] [--no-kafka] [--scale=N] [CASE...]\ncases: %s" % " ".join(CASE_NAMES)
for a in sys.argv[1:]:
    if a in ("--help", "-h"):
        sys.exit(print(USAGE))
    if a not in CASE_NAMES and a not in ("--quick", "--no-kafka") and not a.startswith("--scale="):
        sys.exit("%s is not a case or an option\n%s" % (a, USAGE))
QUICK = "--quick" in sys.argv
SCALE = float(next((a[8:] for a in sys.argv if a.startswith("--scale=")), 0.02 if QUICK else 1))
NO_KAFKA = "--no-kafka" in sys.argv
CASES = [a for a in sys.argv[1:] if not a.startswith("--")] or CASE_NAMES
SECONDS = 2 if QUICK else 5
PARTITIONS = 8


def resident_mb(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def descendant(pid):
    """The process that does the work: a launcher script execs or forks it."""
    kids = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
    return descendant(int(kids[0])) if kids else pid


running = []


@atexit.register
def end_all():
    for s in list(running):
        s.end(9)
        shutil.rmtree(s.dir, ignore_errors=True)


class System:
    def __init__(self, name, dirs=1, **settings):
        self.name, self.dir, self.port = name, tempfile.mkdtemp(prefix="moldau-bench-"), free_port()
        self.log = open(self.dir + "/log", "w")
        self.data = [self.dir + "/data" + (str(i) if dirs > 1 else "") for i in range(dirs)]
        self.settings = {k.replace("_", "."): v for k, v in settings.items()}
        self.launch()

    def launch(self):
        name = self.name
        self.started = time.perf_counter()
        if name.startswith("floor"):
            cmd = [ROOT + "/build/bench/floor", str(self.port), self.dir + "/data"] + name.split("-")[1:]
        elif name in ("moldau", "moldau-unsynced"):
            cmd = [ROOT + "/build/moldau", "server", "--override", "log.dirs=" + ",".join(self.data), "--override",
                   "listeners=PLAINTEXT://127.0.0.1:%d" % self.port, "--override", "num.partitions=%d" % PARTITIONS,
                   "--override", "log.retention.bytes=1073741824"]
            cmd += ["--override", "moldau.ack.sync=never"] if "-" in name else []
            for k, v in self.settings.items():
                cmd += ["--override", "%s=%s" % (k, v)]
        elif os.path.exists(self.dir + "/server.properties"):  # a second start
            cmd = [ROOT + "/tests/peer/kafka-peer", "start", self.dir + "/server.properties"]
        else:
            cmd = [ROOT + "/tests/peer/kafka-peer", "single", str(self.port), self.dir, "num.partitions=%d" % PARTITIONS,
                   "log.dirs=" + ",".join(self.data)] + ["%s=%s" % kv for kv in self.settings.items()]
        self.pid = None
        self.process = subprocess.Popen(cmd, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env=dict(os.environ, HEAP="-Xmx1g"))
        if self not in running:
            running.append(self)
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
        end = time.time() + 300
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
            time.sleep(1.5)  # moldau's first round of upkeep is over, a second after its start; the next comes a minute later

    def load(self, mode, **keys):
        cmd = [LOAD, "127.0.0.1:%d" % self.port, mode, "pid=%d" % self.pid, "partitions=%d" % PARTITIONS,
               "floor=%d" % self.name.startswith("floor")] + ["%s=%s" % kv for kv in keys.items()]
        p = subprocess.run(cmd, capture_output=True, text=True, timeout=300)
        if p.returncode:
            return None
        return json.loads(p.stdout)

    def program(self, path, **keys):
        p = subprocess.run([path, "127.0.0.1:%d" % self.port] + ["%s=%s" % kv for kv in keys.items()], capture_output=True,
                           text=True, timeout=3600)
        if p.returncode:
            raise SystemExit("%s: %s" % (self.name, p.stderr))
        return json.loads(p.stdout)

    def wire(self):
        return Wire(self.port, timeout=300)

    def create(self, topics, **configs):
        with self.wire() as w:  # Kafka refuses 10,000 partitions in one request
            bad = {t: e for topic, n in topics.items() for t, e in w.create({topic: n}, **configs).items() if e}
        if bad:
            raise SystemExit("%s: topics were not created: %s" % (self.name, bad))
        self.answers_all({t: range(n) for t, n in topics.items()})  # Kafka answers before every leader is there

    def answers_all(self, topics):
        """Seconds from the start until every partition tells where it ends, with no error, and how many records all have."""
        pause, end = 0.005, time.time() + 1800
        while time.time() < end:
            try:
                with self.wire() as w:
                    got = w.offsets(topics)
                if len(got) == sum(map(len, topics.values())) and not any(v[0] for v in got.values()):
                    return time.perf_counter() - self.started, sum(v[2] for v in got.values())
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit("%s ended; see %s/log" % (self.name, self.dir))
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        raise SystemExit("%s: not every partition answers; see %s/log" % (self.name, self.dir))

    def end(self, signal):
        """Seconds until the process was gone."""
        at = time.perf_counter()
        for pid in {self.pid or self.process.pid, self.process.pid}:
            try:
                os.kill(pid, signal)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(300)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.perf_counter() - at

    def stop(self):
        self.end(15)
        running.remove(self)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def systems(floor=True):
    return (["floor"] if floor else []) + ["moldau"] + ([] if NO_KAFKA else ["kafka"])


def ratio(a, b):
    return "%5.2f" % (a / b) if a and b else "    -"


def table(title, unit, rows, names, better="x"):
    print("\n%s (%s)" % (title, unit))
    print("%-44s %10s %10s %10s   %s" % ("", *(n for n in ("floor", "moldau", "kafka")), better))
    for label, got in rows:
        cells = ["%10.2f" % got[n] if got.get(n) is not None else "         -" for n in ("floor", "moldau", "kafka")]
        print("%-44s %s   %s floor, %s kafka" % (label, " ".join(cells), ratio(got.get("moldau"), got.get("floor")),
                                                  ratio(got.get("moldau"), got.get("kafka"))), flush=True)


def produce():
    """acks=1 against the floor; acks=all as Apache Kafka does with one replica (unsynced, against the plain floor), and as we
    answer it: synced, against a floor that syncs one file for each partition, as Kafka's format wants, and against one that
    has a single file. Each figure is the best of two runs, or of three where much is copied and it matters which pages the
    kernel gives; they alternate between the systems and begin on clean pages."""
    sizes = [(batch, conns) for batch in (1024, 16384, 262144) for conns in (1, 4, 64)]
    if QUICK:
        sizes = [(b, 4) for b in (1024, 16384, 262144)]
    kinds = {"acks=1": (1, "floor", "moldau"), "acks=all, unsynced": (-1, "floor", "moldau-unsynced"),
             "acks=all": (-1, "floor-files", "moldau"), "acks=all, one file": (-1, "floor-sync", "moldau")}
    runs = [("floor", 1), ("moldau", 1), ("moldau-unsynced", -1), ("moldau", -1), ("floor-files", -1), ("floor-sync", -1)]
    runs += [] if NO_KAFKA else [("kafka", 1), ("kafka", -1)]
    kafka = None if NO_KAFKA else System("kafka", log_segment_delete_delay_ms=1000)
    resident, got = {}, {}

    def run(name, acks, size, turn):
        topic = "t%d-%d-%d-%d" % (turn, acks, *size)
        s = kafka if name == "kafka" else System(name)
        s.topic(topic)
        if name == "kafka" and not resident.get(name):
            s.load("produce", topic=topic, batch=16384, seconds=5)  # the JIT warms up
        os.sync()
        # not so much that the kernel makes writers wait for the disk, which is another benchmark
        r = s.load("produce", topic=topic, acks=acks, batch=size[0], conns=size[1], seconds=1 if QUICK else 3, limit=2000) or {}
        if size[1] == 64 or name not in resident:
            time.sleep(1)  # after the load, not in the middle of the last connections' end
            resident[name] = max(resident.get(name, 0), resident_mb(s.pid))
        if name == "kafka":
            with s.wire() as w:
                w.delete([topic])
        else:
            s.stop()
        best = got.setdefault((name, acks, size), r)
        if r:
            best["cpu_s_gb"] = min(best.get("cpu_s_gb", r["cpu_s_gb"]), r["cpu_s_gb"])
            best["mb_s"] = max(best.get("mb_s", r["mb_s"]), r["mb_s"])

    for size in sizes:
        for turn in range(1 if QUICK else 3 if size[0] > 100000 else 2):
            for name, acks in runs:
                run(name, acks, size, turn)
    if kafka:
        kafka.stop()

    def rows(key):
        out = []
        for kind, (acks, floor, ours) in kinds.items():
            for size in sizes:
                cells = {"floor": got[floor, 1 if floor == "floor" else -1, size], "moldau": got[ours, acks, size],
                         "kafka": got.get(("kafka", acks, size), {})}
                out.append(("%s, %d KB, %d connections" % (kind, size[0] // 1024, size[1]), {n: g.get(key) for n, g in cells.items()}))
        return out
    table("produce: CPU", "seconds of the broker a GB", rows("cpu_s_gb"), systems())
    table("produce: throughput", "MB/s", rows("mb_s"), systems())
    table("resident after load", "MB", [("", {"moldau": max(resident["moldau"], resident["moldau-unsynced"]),
                                              "kafka": resident.get("kafka")})], systems(False))


def latency():
    got = {}
    for name in systems():
        s = System(name)
        s.topic("t")
        if name == "kafka":
            s.load("produce", topic="t", batch=16384, seconds=5)
        os.sync()  # what the case before left to be written would be measured too
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


# ---- storage ----
def cpu_seconds(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    return next(int(x.split()[1]) for x in open("/proc/%d/status" % pid) if x.startswith("VmHWM")) / 1024


def scaled(n, least=1):
    return max(least, int(n * SCALE))


def logs_of(s, topic, partition=0):
    return sorted(f for d in s.data for f in glob.glob("%s/%s-%d/*.log" % (d, topic, partition)))


def set_topic(s, topic, name, value):
    """IncrementalAlterConfigs v0."""
    with s.wire() as w:
        r = w.ask(44, 0, struct.pack(">ib", 1, 2) + text(topic) + struct.pack(">i", 1) + text(name) + b"\0" + text(value) + b"\0")
        r.take("ii")
        if r.take("h"):
            raise SystemExit("%s: cannot set %s" % (s.name, name))


def cleaned_up_to(s, topic):
    for d in s.data:
        try:
            for line in open(d + "/cleaner-offset-checkpoint"):
                if line.startswith(topic + " 0 "):
                    return int(line.split()[2])
        except OSError:
            pass
    return 0


def compaction():
    rate, memory, seconds = {}, {}, {}
    for name in systems(floor=False):
        s = System(name, log_cleaner_backoff_ms=500, log_flush_offset_checkpoint_interval_ms=1000)
        s.create({"c": 1}, segment_bytes=max(1 << 20, scaled(100 << 20)), cleanup_policy="delete", retention_bytes=-1,
                 min_cleanable_dirty_ratio=0.01)
        s.program(FILL, topic="c", mb=scaled(2000), keys=scaled(1000000), value=200, batch=65536)
        last = int(os.path.basename(logs_of(s, "c")[-1])[:20])
        size = sum(map(os.path.getsize, logs_of(s, "c")[:-1]))
        time.sleep(2)
        open("/proc/%d/clear_refs" % s.pid, "w").write("5")  # the peak begins anew
        cpu, at = cpu_seconds(s.pid), time.perf_counter()
        set_topic(s, "c", "cleanup.policy", "compact")
        while cleaned_up_to(s, "c") < last:
            time.sleep(0.02)
        cpu = cpu_seconds(s.pid) - cpu
        seconds[name], rate[name], memory[name] = time.perf_counter() - at, size / 1e6 / max(cpu, 0.01), peak_mb(s.pid)
        s.stop()
    table("compaction of %d MB with %d keys" % (scaled(2000), scaled(1000000)), "", [
        ("MB a CPU second", rate), ("peak resident memory (MB)", memory), ("seconds, looks included", seconds)], systems(False))


def bare_read(dirs):
    """Seconds to read every log and check its batches' CRCs in one thread."""
    at = time.perf_counter()
    subprocess.run([ROOT + "/build/bench/floor", "scan"] + [f for d in dirs for f in glob.glob(d + "/*/*.log")], check=True)
    return time.perf_counter() - at


def recovery():
    partitions = scaled(1000)
    topics, got, cpu = {"r": range(partitions)}, {}, {}
    for name in systems(floor=False):
        s = System(name)
        s.create({"r": partitions})
        filled = s.program(FILL, topic="r", partitions=partitions, mb=scaled(10000), batch=262144, value=1000)
        s.end(9)
        if name == "moldau":
            got["floor"] = bare_read(s.data)
        s.launch()
        got[name], records = s.answers_all(topics)
        cpu[name] = cpu_seconds(s.pid)
        if records != filled["records"]:
            print("%s: %d records of %d are there" % (name, records, filled["records"]))
        s.stop()
    table("recovery after kill -9: %d MB in %d partitions" % (scaled(10000), partitions), "", [
        ("seconds until all partitions answer", got), ("CPU seconds", cpu)], systems())


def many():
    n = scaled(10000, 100)
    topics = {"many-%d" % i: range(min(1000, n - i)) for i in range(0, n, 1000)}
    rows = {k: {} for k in ("creating them (s)", "one record to each, acks=1 (s)", "stop (ms)", "start after a clean stop (ms)",
                            "resident, idle (MB)", "open files", "start after kill -9 (ms)")}
    for name in systems(floor=False):
        s = System(name, dirs=3)
        def note(key, value):
            rows[key][name] = value
        at = time.perf_counter()
        s.create({t: len(indexes) for t, indexes in topics.items()})
        note("creating them (s)", time.perf_counter() - at)
        at = time.perf_counter()
        with s.wire() as w:
            bad = [v for v in w.produce(topics, batch([b"x" * 100], int(time.time() * 1000)), acks=1).values() if v[0]]
        note("one record to each, acks=1 (s)", time.perf_counter() - at)
        if bad:
            print("%s: %d partitions refused a record" % (name, len(bad)))
        note("stop (ms)", s.end(15) * 1000)
        s.launch()
        note("start after a clean stop (ms)", s.answers_all(topics)[0] * 1000)
        time.sleep(5)
        note("resident, idle (MB)", resident_mb(s.pid))
        note("open files", len(os.listdir("/proc/%d/fd" % s.pid)))
        s.end(9)
        s.launch()
        note("start after kill -9 (ms)", s.answers_all(topics)[0] * 1000)
        s.stop()
    table("%d partitions in 3 log directories" % n, "", list(rows.items()), systems(False))


def times():
    rows = {k: {} for k in ("seconds", "cpu_s", "p50_ms", "p99_ms")}
    records = scaled(1000000, 10000)
    for name in systems(floor=False):
        s = System(name)
        s.create({"t": 1}, segment_bytes=max(1 << 20, scaled(200 << 20)), retention_bytes=-1)
        filled = s.program(FILL, topic="t", mb=scaled(1000), value=100)
        keys = dict(topic="t", first_ms=filled["first_ms"], last_ms=filled["last_ms"], pid=s.pid)
        if name == "kafka":
            s.program(LOOKUP, records=records // 2, **keys)
        got = s.program(LOOKUP, records=records, **keys)
        for k, row in rows.items():
            row[name] = got[k]
        s.stop()
    table("%d records read by look-ups of random times in %d MB" % (records, scaled(1000)), "", list(rows.items()), systems(False))


def evict(files):
    for f in files:
        with open(f, "rb") as g:
            os.fsync(g.fileno())
            os.posix_fadvise(g.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold():
    """A producer at full rate to one topic, alone and beside consumers of another whose oldest segments are not in the page cache."""
    rows = {k: {} for k in ("p99 of the producer alone (ms)", "p99 beside cold fetches (ms)", "times as long", "cold MB/s", "producer MB/s alone",
                            "producer MB/s beside")}
    seconds = max(2, int(20 * min(SCALE, 1)))
    for name in systems(floor=False):
        s = System(name, log_retention_check_interval_ms=5000, log_segment_delete_delay_ms=1000)
        for topic in ("old", "new"):
            s.create({topic: PARTITIONS}, segment_bytes=max(8 << 20, scaled(64 << 20)), retention_bytes=1 << 30)
        while sum(os.path.getsize(f) for p in range(PARTITIONS) for f in logs_of(s, "old", p)) < scaled(4 << 30):
            s.load("produce", topic="old", batch=16384, seconds=1, conns=4)
        oldest = [f for p in range(PARTITIONS) for f in logs_of(s, "old", p)[:-1]]
        s.load("produce", topic="new", batch=16384, seconds=seconds)
        alone = s.load("produce", topic="new", batch=16384, seconds=seconds)
        evict(oldest)
        reader = subprocess.Popen([LOAD, "127.0.0.1:%d" % s.port, "fetch", "topic=old", "batch=16384", "partitions=%d" % PARTITIONS,
                                   "conns=%d" % PARTITIONS, "seconds=%d" % (seconds + 1)], stdout=subprocess.PIPE, text=True)
        stop = threading.Event()
        def keep_cold():
            while not stop.wait(0.5):
                evict(oldest)
        evicter = threading.Thread(target=keep_cold)
        evicter.start()
        beside = s.load("produce", topic="new", batch=16384, seconds=seconds)
        read = json.loads(reader.communicate()[0] or "{}")
        stop.set()
        evicter.join()
        if alone and beside:
            for k, v in zip(rows, (alone["p99_ms"], beside["p99_ms"], beside["p99_ms"] / alone["p99_ms"], read.get("mb_s"),
                                   alone["mb_s"], beside["mb_s"])):
                rows[k][name] = v
        s.stop()
    table("fetch of cold data while producing at full rate", "", list(rows.items()), systems(False))


sys.stdout.reconfigure(line_buffering=True)  # each table as it is there
for case in CASES:
    if case in listeners.CASE_NAMES:
        getattr(listeners, case)(System, QUICK, not NO_KAFKA)
    else:
        globals()[case]()
