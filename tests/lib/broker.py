"""A broker under test, and small helpers for end-to-end tests. Standard library only."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOLDAU = os.environ.get("MOLDAU", ROOT + "/build/moldau")
MOLDAU_ASAN = ROOT + "/build/asan/moldau"


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """Starts when made; wait-free for the caller once `is ready` was logged."""

    def __init__(self, binary=None, data=None, port=None, file=None, env=None, **settings):
        self.binary = binary or MOLDAU
        self.temp = None if data else tempfile.mkdtemp(prefix="moldau-test-")
        self.data = data or self.temp
        self.port = port or free_port()
        self.settings = {k.replace("_", "."): v for k, v in settings.items()}
        self.log_path = self.data.rstrip("/") + ".log"
        self.process = None
        self.env = env
        self.start()

    @property
    def bootstrap(self):
        return "127.0.0.1:%d" % self.port

    def start(self):
        cmd = [self.binary, "server", "--override", "log.dirs=" + self.data,
               "--override", "listeners=PLAINTEXT://127.0.0.1:%d" % self.port]
        for k, v in self.settings.items():
            cmd += ["--override", "%s=%s" % (k, v)]
        self.log = open(self.log_path, "a+")
        at = os.path.getsize(self.log_path)
        self.process = subprocess.Popen(cmd, stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL,
                                        env=dict(os.environ, **self.env) if self.env else None)
        end = time.time() + 60
        while time.time() < end:
            text = self.log_text(at)
            if " is ready" in text:
                return
            if self.process.poll() is not None:
                raise RuntimeError("the broker ended at start:\n" + text)
            time.sleep(0.005)
        raise RuntimeError("the broker did not get ready:\n" + self.log_text(at))

    def log_text(self, at=0):
        with open(self.log_path, errors="replace") as f:
            f.seek(at)
            return f.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if exc[0] and exc[0] is not SystemExit:
            sys.stdout.write("    | " + self.log_text()[-3000:].replace("\n", "\n    | ") + "\n")
        if self.temp:
            shutil.rmtree(self.temp, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(self.log_path)


def sh(*cmd, stdin=None, timeout=120, check=True, env=None):
    """Runs a command; its output as text. stdin is text or None."""
    p = subprocess.run(cmd, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=timeout, text=True, errors="replace",
                       env=dict(os.environ, **env) if env else None)
    if check and p.returncode != 0:
        raise AssertionError("%s gave %d\n%s%s" % (" ".join(cmd), p.returncode, p.stdout[-2000:], p.stderr[-2000:]))
    return p.stdout if check else p


def until(what, check, seconds=120):
    """Looks again and again until there is something to see, and gives that."""
    end = time.time() + seconds
    while True:
        got = check()
        if got:
            return got
        assert time.time() < end, "waited in vain for " + what
        time.sleep(0.02)


class Suite:
    """@suite.test on functions in order; suite.main() runs them (or those named on the command line)."""

    def __init__(self):
        self.tests = []
        self.skips = []

    def test(self, f):
        self.tests.append(f)
        return f

    def main(self):
        passed = failed = 0
        for f in self.tests:
            if len(sys.argv) > 1 and not any(a in f.__name__ for a in sys.argv[1:]):
                continue
            try:
                f()
                passed += 1
                print("ok " + f.__name__, flush=True)
            except Exception:
                failed += 1
                print("FAIL %s\n    %s" % (f.__name__, traceback.format_exc().rstrip().replace("\n", "\n    ")), flush=True)
        for s in self.skips:
            print("skipped: " + s)
        print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % len(self.skips) if self.skips else ""))
        sys.exit(1 if failed else 0)


def equal(a, b, what=""):
    if a != b:
        raise AssertionError("%s: %r is not %r" % (what or "value", str(a)[:600], str(b)[:600]))
