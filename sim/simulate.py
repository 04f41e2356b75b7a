"""Runs the simulator.

  ./simulate SEED [SECONDS]            one run, with its log
  ./simulate --seeds N [--from S]      N seeds, each run twice: the two traces must be the same
  ./simulate --minutes M               new seeds until M minutes are over
  ./simulate --mutants [NAME...]       plants each bug of sim/mutants.py and shows that it is found
  ./simulate --seconds S               broker time under faults in each run (300); two weeks are 1209600

A failing seed is printed with the line that runs it again."""
import concurrent.futures
import os
import random
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = ROOT + "/build/verify"
SIM = BUILD + "/sim/sim"
CORES = os.cpu_count() or 1
RUN_LIMIT = 600  # seconds of ours, against a simulator that hangs


def make(*targets):
    r = subprocess.run(["make", "-s", "-j%d" % CORES, "-C", ROOT, "V=verify", *targets], stdout=subprocess.DEVNULL)
    if r.returncode:
        sys.exit("make %s failed" % " ".join(targets))


def run(program, seed, seconds):
    try:
        p = subprocess.run([program, str(seed), str(seconds)], capture_output=True, text=True, timeout=RUN_LIMIT)
    except subprocess.TimeoutExpired:
        return "FAIL %d: did not end" % seed
    out = p.stdout.strip().rsplit("\n", 1)[-1]
    if p.returncode not in (0, 1) or not out:
        return "FAIL %d: ended by %d: %s" % (seed, p.returncode, p.stderr.strip()[-300:])
    return out


def twice(seed, seconds):
    a, b = run(SIM, seed, seconds), run(SIM, seed, seconds)
    return a if a == b else "FAIL %d: two runs differ: %s / %s" % (seed, a, b)


def campaign(seeds, seconds, until=None):
    """(passed, failed); seeds may be endless when until is given."""
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        pending = set()
        seeds = iter(seeds)
        more = True
        while more or pending:
            while more and len(pending) < 2 * CORES:
                seed = next(seeds, None)
                if seed is None or (until and time.time() > until):
                    more = False
                else:
                    pending.add(pool.submit(twice, seed, seconds))
            done, pending = concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED) if pending else (set(), set())
            for f in done:
                out = f.result()
                if out.startswith("ok"):
                    passed += 1
                else:
                    failed += 1
                    print("%s\n    again: ./simulate %s %d" % (out, out.split()[1].rstrip(":"), seconds), flush=True)
    return passed, failed


def planted(name, path, old, new):
    """The simulator with this bug; None if its text is not there exactly once."""
    text = open(ROOT + "/" + path).read()
    if text.count(old) != 1:
        return None
    base = BUILD + "/mutants/" + name
    os.makedirs(os.path.dirname(base), exist_ok=True)
    source = "#line 1 \"%s\"\n" % path + text.replace(old, new)
    if not os.path.exists(base + ".c") or open(base + ".c").read() != source:
        with open(base + ".c", "w") as f:
            f.write(source)
    make("build/verify/mutants/" + name)
    return base


def mutants(names, seconds):
    sys.path.insert(0, ROOT + "/sim")
    from mutants import MUTANTS
    passed = failed = 0
    for name, path, old, new, limit in MUTANTS:
        if names and name not in names:
            continue
        program = planted(name, path, old, new)
        found = None
        if program:
            with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
                for first in range(1, limit + 1, 8):
                    outs = list(pool.map(lambda s: run(program, s, seconds), range(first, min(first + 8, limit + 1))))
                    found = next((o for o in outs if not o.startswith("ok")), None)
                    if found:
                        break
        if found and "ended by -11" in found:  # a planted bug breaks promises; a crash is another one of ours
            failed += 1
            print("FAIL %s: %s" % (name, found), flush=True)
        elif found:
            passed += 1
            print("ok %s: %s" % (name, found), flush=True)
        else:
            failed += 1
            print("FAIL %s: %s" % (name, "not found within %d seeds" % limit if program else "its text is not in %s once" % path), flush=True)
    return passed, failed


def main(args):
    seconds = 300
    if "--seconds" in args:
        i = args.index("--seconds")
        seconds = int(args[i + 1])
        del args[i:i + 2]
    if not args or args[0] in ("--help", "-h"):
        print(__doc__)
        return 0 if args else 2
    make("sim")
    if args[0] == "--mutants":
        passed, failed = mutants(args[1:], seconds)
    elif args[0] == "--seeds":
        first = int(args[args.index("--from") + 1]) if "--from" in args else 1
        passed, failed = campaign(range(first, first + int(args[1])), seconds)
    elif args[0] == "--minutes":
        start = random.SystemRandom().randrange(1 << 32)
        print("seeds from %d on" % start, flush=True)
        passed, failed = campaign(range(start, 1 << 62), seconds, time.time() + 60 * float(args[1]))
    else:
        return subprocess.call([SIM, args[0], args[1] if len(args) > 1 else str(seconds), "-v"])
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
