"""Writes docs/COMPATIBILITY.md from what a running broker advertises and what the client matrix saw."""
import glob
import os
import re

from broker import ROOT
from wire import Wire


def advertised(port):
    """{key: (min, max)} from ApiVersions v0."""
    with Wire(port) as w:
        r = w.ask(18, 0, b"")
    r.take("h")
    return {k: (lo, hi) for k, lo, hi in (r.take("hhh") for _ in r.each())}


def kafka():
    """{key: (name, versions, broker?)} from the schemas."""
    out = {}
    for path in glob.glob(ROOT + "/proto/api/*.kp"):
        text = open(path).read()
        m = re.search(r"^api (\d+) (\w+) on (.*)$", text, re.M)
        v = re.search(r"^request (\S+)(.*)$", text, re.M)
        if m and v:
            lo, _, hi = v[1].partition("-")
            unstable = re.search(r"unstable (\d+)", v[2])
            hi = int(hi or lo)
            if unstable:
                hi = int(unstable[1]) - 1
            adv = re.search(r"advertise (\d+)", m[3])
            out[int(m[1])] = (m[2], (int(adv[1]) if adv else int(lo), hi), "broker" in m[3].split())
    return out


def write(port, matrix):
    have, want = advertised(port), kafka()
    out = ["# Compatibility", "", "Written by `./test clients`; not by hand.", "", "## APIs", "",
           "Versions that this broker answers, beside those of Apache Kafka 4.3.1. What is missing is not advertised.", "",
           "| key | API | moldau | Apache Kafka 4.3.1 |", "|---|---|---|---|"]
    for key in sorted(want):
        name, (lo, hi), on_broker = want[key]
        if not on_broker or hi < lo:
            continue
        mine = "%d-%d" % have[key] if key in have else "–"
        out.append("| %d | %s | %s | %d-%d |" % (key, name, mine, lo, hi))
    out += ["", "## Clients", "", "The same scenario through clients that nobody here wrote; a step that failed is marked.", ""]
    for name in matrix:
        out += ["### " + name, ""]
        for step in matrix[name]:
            ok, _, what = step.partition(" ")
            out.append("- %s%s" % (what.split(":")[0], "" if ok == "ok" else " **fails**"))
        out.append("")
    text = "\n".join(out)
    path = ROOT + "/docs/COMPATIBILITY.md"
    if not os.path.exists(path) or open(path).read() != text:
        open(path, "w").write(text)
