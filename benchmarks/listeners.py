"""Cases of listeners: libmoldau-listen and moldau listen beside Spring Kafka and a bare program on librdkafka, which
read the same topic of moldau, one after the other. Each prints a table; nothing fails because of a figure."""
import json
import os
import subprocess
import time

import install
from wire import batch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = ROOT + "/build/bench/listeners/"
CASE_NAMES = ["modes", "workers", "handlers", "idle", "leave"]
MODES = ["RECORD", "BATCH", "TIME", "COUNT", "COUNT_TIME", "MANUAL", "MANUAL_IMMEDIATE"]
groups = 0


def group():
    global groups
    groups += 1
    return "g%d" % groups


def fill(s, topic, records):
    """How many records of 100 bytes a new topic of one partition has: about so many."""
    s.create({topic: 1})
    return s.program(ROOT + "/build/bench/fill", topic=topic, mb=max(1, records * 107 // 1000000), value=100)["records"]


def run(cmd, s, **keys):
    cmd = cmd + ["127.0.0.1:%d" % s.port] + ["%s=%s" % (k.replace("_", "-"), v) for k, v in keys.items()]
    p = subprocess.run(cmd, capture_output=True, text=True, timeout=300)
    if p.returncode or not p.stdout.startswith("{"):
        raise SystemExit("%s: %s%s" % (" ".join(cmd), p.stdout, p.stderr))
    return json.loads(p.stdout)


def ratio(a, b):
    return "%5.2f" % (a / b) if a and b else "    -"


def modes(System, quick, java):
    """A listener that does nothing, by acknowledgement mode. All read whole topics, so that what is fetched ahead is used.
    The first half of them warms Java up and is not counted there; the others' starts are. Best of two runs, which
    alternate."""
    programs = {"bare": [BIN + "bare"], "moldau": [BIN + "library"]}
    if java:
        programs["spring"] = install.spring_bench()
    s = System("moldau")
    many, few = ((t, fill(s, t, n)) for t, n in (("many", 300000 if quick else 1000000), ("few", 18000)))
    got = {}
    for turn in range(1 if quick else 2):
        for i, mode in enumerate(MODES):
            topic, n = few if mode in ("RECORD", "MANUAL_IMMEDIATE") else many
            for name, cmd in programs.items():
                r = run(cmd, s, topic=topic, group=group(), records=n, warm=n // 2 if name == "spring" else 0, ack=i)
                best = got.setdefault((mode, name), [0, 0])
                got[mode, name] = [max(best[0], r["records"] / r["cpu_s"]), max(best[1], r["records"] / r["seconds"])]
    s.stop()
    for title, k in (("records a CPU second of the consumer", 0), ("records a second", 1)):
        print("\na listener that does nothing (%s)" % title)
        print("%-44s %10s %10s %10s   %s" % ("", "bare", "moldau", "spring", "x"))
        for mode in MODES:
            v = {name: got.get((mode, name), [None, None])[k] for name in ("bare", "moldau", "spring")}
            cells = ["%10.0f" % v[n] if v[n] else "         -" for n in v]
            print("%-44s %s   %s bare, %s spring" % (mode, " ".join(cells), ratio(v["moldau"], v["bare"]),
                                                    ratio(v["moldau"], v["spring"])))


def workers(System, quick, java):
    """Records of one partition, each with 10 ms of work, through 1 and 8 workers."""
    seconds = 2 if quick else 5
    got = {}
    s = System("moldau")
    fill(s, "t", 20000)
    for n in (1, 8):
        r = run([BIN + "library"], s, topic="t", group=group(), records=50 + 100 * seconds * n, warm=50, work_us=10000, workers=n)
        got[n] = r["records"] / r["seconds"]
    s.stop()
    print("\n1 partition, 10 ms of work (records a second)")
    print("%-44s %10.1f\n%-44s %10.1f   %s one worker" % ("1 worker", got[1], "8 workers", got[8], ratio(got[8], got[1])))


def cpu_seconds(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listen(s, *options):
    return subprocess.Popen([ROOT + "/build/moldau", "listen", "--bootstrap-server", "127.0.0.1:%d" % s.port, "--topic", "t",
                             "--group", group(), "--from-beginning"] + list(options), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def handlers(System, quick, java):
    """moldau listen with long-lived workers in C that do nothing but answer. Start and end are taken off by two runs of
    different length."""
    few, many = (20000, 120000) if quick else (50000, 550000)
    rows = []
    s = System("moldau")
    fill(s, "t", many * 2)
    for workers, in_flight in ((1, 100), (2, 100), (1, 1)):
        used = []
        for n in (few, many):
            at, before = time.perf_counter(), os.times()
            p = listen(s, "--workers", "json", "--concurrency", str(workers), "--in-flight", str(in_flight), "--max-records",
                       str(n), "--quiet", "--", BIN + "worker")
            out = p.communicate(timeout=300)[0]
            if p.returncode:
                raise SystemExit("moldau listen: " + out)
            after = os.times()
            used.append((time.perf_counter() - at, after.children_user + after.children_system - before.children_user -
                         before.children_system))
        rows.append(("%d worker%s, %d in flight" % (workers, "s" if workers > 1 else "", in_flight),
                     (many - few) / (used[1][0] - used[0][0]), (many - few) / (used[1][1] - used[0][1])))
    s.stop()
    print("\nmoldau listen with long-lived workers")
    print("%-44s %14s %22s" % ("", "records a second", "a CPU second, workers'"))
    for label, wall, cpu in rows:
        print("%-44s %14.0f %22.0f" % (label, wall, cpu))


def resident_mb(pid):
    return next(int(x.split()[1]) for x in open("/proc/%d/status" % pid) if x.startswith("VmRSS")) / 1024


def family_mb(pid):
    kids = open("/proc/%d/task/%d/children" % (pid, pid)).read().split()
    return resident_mb(pid) + sum(family_mb(int(k)) for k in kids)


def until_line(p, text):
    for line in p.stdout:
        if text in line:
            return
    raise SystemExit("it ended before it said '%s'" % text)


def end(p, signal=15):
    """Seconds until it was gone."""
    at = time.perf_counter()
    p.send_signal(signal)
    p.wait(60)
    p.stdout.close()
    return time.perf_counter() - at


def program(cmd):
    return subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def at_rest(System):
    """A broker with an empty topic t."""
    s = System("moldau", group_initial_rebalance_delay_ms=0)
    s.create({"t": 1})
    return s


def idle(System, quick, java):
    """Resident memory of consumers and of the web applications that wait."""
    s = at_rest(System)
    boot = "127.0.0.1:%d" % s.port
    rows = []
    for name, cmd, says in (
            ("moldau app consumer", [ROOT + "/build/moldau", "app", "consumer", "--bootstrap-server", boot, "--host", "127.0.0.1",
                                     "--port", "0"], None),
            ("moldau app producer", [ROOT + "/build/moldau", "app", "producer", "--bootstrap-server", boot, "--host", "127.0.0.1",
                                     "--port", "0"], None),
            ("a program on the library", [BIN + "library", boot, "topic=t", "group=" + group(), "records=0"], "assigned"),
            ("a program on librdkafka alone", [BIN + "bare", boot, "topic=t", "group=" + group(), "records=1"], None)):
        p = program(cmd)
        if says:
            until_line(p, says)
        time.sleep(2)
        if p.poll() is not None:
            raise SystemExit("%s ended: %s" % (name, p.stdout.read()))
        rows.append((name, resident_mb(p.pid)))
        end(p, 9 if "alone" in name else 15)
    p = listen(s, "--", "true")
    until_line(p, "assigned")
    time.sleep(2)
    rows.insert(2, ("moldau listen", resident_mb(p.pid)))
    end(p)
    s.stop()
    print("\nidle (MB resident)")
    for name, mb in rows:
        print("%-44s %10.1f" % (name, mb))


def leave(System, quick, java):
    """From SIGTERM until the process is gone, its group left, everything committed. The record runs when it comes."""
    needs = 300
    work = "work-us=%d" % (needs * 1000)
    s = at_rest(System)
    boot = "127.0.0.1:%d" % s.port

    def library(*options):
        return program([BIN + "library", boot, "topic=t", "group=" + group(), "records=0"] + list(options))
    cases = (("a program on the library", lambda: library(), 0), ("the same, while a record runs", lambda: library(work), needs),
             ("with 8 workers", lambda: library("workers=8"), 0), ("the same, while a record runs", lambda: library("workers=8", work), needs),
             ("moldau listen", lambda: listen(s, "--", "true"), 0),
             ("the same, while a record runs", lambda: listen(s, "--", "sh", "-c", "echo began >&2; sleep %g" % (needs / 1000)), needs))
    rows = []
    for name, start, ms in cases:
        took = []
        for _ in range(2 if quick else 5):
            with s.wire() as w:
                w.delete(["t"])
            s.create({"t": 1})
            p = start()
            until_line(p, "assigned")
            time.sleep(0.5)
            if ms:
                with s.wire() as w:
                    w.produce({"t": [0]}, batch([b"x"], int(time.time() * 1000)), acks=1)
                until_line(p, "began")
            took.append(end(p) * 1000 - ms)
        rows.append((name, sorted(took)))
    s.stop()
    print("\nSIGTERM to the end, beyond what the running record needs (ms)")
    print("%-44s %10s %10s" % ("", "median", "worst"))
    for name, took in rows:
        print("%-44s %10.0f %10.0f" % (name, took[len(took) // 2], took[-1]))
