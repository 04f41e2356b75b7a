"""Builds and runs every test: unit programs under ASan and UBSan, and the end-to-end tests (tests/*.test; the fuzz
targets are one of them). A test prints its own lines and ends with "N passed, N failed[, N skipped]".

  ./test [NAME...]    NAME is a part of a test's name as --list prints it; "unit" is every unit program"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TEST_SECONDS = 900
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
        args = ["make", "-s", "-j%d" % (os.cpu_count() or 1)] + t
        if subprocess.call(args, cwd=ROOT, stdout=subprocess.DEVNULL) != 0:
            print("FAIL " + " ".join(args))
            print("0 passed, 1 failed")
            sys.exit(1)


def wanted(name, names):
    return not names or any(n in name for n in names)


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
    for name, cmd, seconds in jobs:
        if not wanted(name, names):
            continue
        t = time.time()
        out, code = run(cmd, seconds)
        last = LAST.match(out.rstrip().rsplit("\n", 1)[-1]) if out.strip() else None
        if last:
            p, f, s = (int(x or 0) for x in last.groups())
            if code != 0 and f == 0:
                f = 1
        else:
            p, f, s = 0, 1, 0
        passed, failed, skipped = passed + p, failed + f, skipped + s
        print("%s %s: %d passed, %d failed%s (%.1f s)" % ("ok  " if f == 0 else "FAIL", name, p, f,
                                                        ", %d skipped" % s if s else "", time.time() - t), flush=True)
        if f or s:
            show = out if f else "\n".join(x for x in out.split("\n") if "skip" in x.lower())
            print("".join("    " + x + "\n" for x in show.rstrip().split("\n")[-60:]), end="", flush=True)
            if f and not last:
                print("    exit code %s" % code)
    print("all in %.0f s" % (time.time() - started))
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    sys.exit(1 if failed or passed == 0 else 0)


main()
