"""Builds and runs every test: unit programs under ASan and UBSan, and the end-to-end tests (tests/*.test; the fuzz
targets are one of them). A test prints its own lines and ends with "N passed, N failed[, N skipped]".

  ./test [NAME...]    NAME is a part of a test's name as --list prints it; "unit" is every unit program

As many run at once as there are cores (TEST_JOBS=1: one after the other), those that took longest the last time first."""
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CORES = os.cpu_count() or 1
SECONDS = ROOT + "/build/test-seconds.json"
TEST_SECONDS = 1200
# What tests build for themselves, built before any runs: two makes at once in one folder would meet.
BUILDS = {"simulate.test": [["V=verify", "sim"]], "fuzz.test": [["V=fuzz", "fuzz"], ["tests"]], "codec.test": [["tests"]], "faults.test": [["tests"]],
          "library.test": [["lib"], ["tests"]], "spring.test": [["lib"], ["tests"]], "examples.test": [["lib"]], "programs.test": [["lib"]]}
LAST = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def run(cmd, seconds, env=None):
    """Output and exit code; a test that does not end in time is ended with all it started."""
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        p = subprocess.Popen(cmd, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
                             stdin=subprocess.DEVNULL, env=env)
        try:
            code = p.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            p.wait()
            code = "not ended after %d s" % seconds
        out.seek(0)
        return out.read(), code


def make(*targets):
    for t in targets:
        args = ["make", "-s", "-j%d" % CORES] + t
        if subprocess.call(args, cwd=ROOT, stdout=subprocess.DEVNULL) != 0:
            print("FAIL " + " ".join(args))
            print("0 passed, 1 failed")
            sys.exit(1)


def wanted(name, names):
    return not names or any(n in name for n in names)


def seconds_before():
    try:
        with open(SECONDS) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def timed(name, cmd, seconds):
    t = time.time()
    out, code = run(cmd, seconds)
    return name, out, code, time.time() - t


def tell(name, out, code, spent):
    """Prints the line of a test, and its own if it failed; gives what it counted."""
    last = LAST.match(out.rstrip().rsplit("\n", 1)[-1]) if out.strip() else None
    p, f, s = (int(x or 0) for x in last.groups()) if last else (0, 1, 0)
    if last and code != 0 and f == 0:
        f = 1
    print("%s %s: %d passed, %d failed%s (%.1f s)" % ("ok  " if f == 0 else "FAIL", name, p, f,
                                                    ", %d skipped" % s if s else "", spent), flush=True)
    if f or s:
        show = out if f else "\n".join(x for x in out.split("\n") if "skip" in x.lower())
        print("".join("    " + x + "\n" for x in show.rstrip().split("\n")[-60:]), end="", flush=True)
        if f and not last:
            print("    exit code %s" % code)
    return p, f, s


def main():
    names = sys.argv[1:]
    passed = failed = skipped = 0
    started = time.time()
    make(["all"], ["V=asan", "all"], ["V=asan", "unit"])
    jobs = []
    for f in sorted(glob.glob(ROOT + "/build/asan/unit/**/*_test", recursive=True)):
        jobs.append(("unit " + os.path.relpath(f, ROOT + "/build/asan/unit"), [f], 300))
    for f in sorted(glob.glob(ROOT + "/tests/*.test")):
        jobs.append((os.path.basename(f), [f], TEST_SECONDS))
    if "--list" in names or "--help" in names:
        print("\n".join([__doc__] * ("--help" in names) + [j[0] for j in jobs]))
        return
    for n in names:
        if not any(n in j[0] for j in jobs):
            print("no test's name contains %s; ./test --list prints them\n0 passed, 1 failed" % n)
            sys.exit(1)
    jobs = [j for j in jobs if wanted(j[0], names)]
    make(*(t for j in jobs for t in BUILDS.get(j[0], [])))
    took = seconds_before()
    jobs.sort(key=lambda j: -took.get(j[0], 0))
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("TEST_JOBS", CORES))) as pool:
        for done in concurrent.futures.as_completed([pool.submit(timed, *j) for j in jobs]):
            name, out, code, spent = done.result()
            took[name] = round(spent, 1)
            p, f, s = tell(name, out, code, spent)
            passed, failed, skipped = passed + p, failed + f, skipped + s
    with open(SECONDS, "w") as f:
        json.dump(took, f)
    print("all in %.0f s" % (time.time() - started))
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    sys.exit(1 if failed or passed == 0 else 0)


main()
