"""A headless Chromium, driven over its DevTools pipe. Standard library only."""
import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

SECONDS = 60


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="moldau-chromium-")
        commands, self.to = os.pipe()
        self.answers, answers = os.pipe()

        def pipes():  # 3 is what it reads, 4 what it writes
            a, b = os.dup(commands), os.dup(answers)
            os.dup2(a, 3)
            os.dup2(b, 4)
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             "--user-data-dir=" + self.folder, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pipes, close_fds=False,
            env=dict(os.environ, HOME=self.folder))
        os.close(commands)
        os.close(answers)
        self.rest, self.n, self.events = b"", 0, []

    def read(self, end):
        """The next message, or None when it is too late."""
        while b"\0" not in self.rest:
            if not select.select([self.answers], [], [], max(0, end - time.time()))[0]:
                return None
            x = os.read(self.answers, 1 << 20)
            assert x, "Chromium ended"
            self.rest += x
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.n += 1
        m = {"id": self.n, "method": method, "params": params}
        if session:
            m["sessionId"] = session
        data = json.dumps(m).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        end = time.time() + SECONDS
        while True:
            m = self.read(end)
            assert m, "no answer to " + method
            if m.get("id") == self.n:
                assert "error" not in m, (method, m.get("error"))
                return m["result"]
            if "method" in m:
                self.events.append(m)

    def page(self, width=1280, height=900, dark=False, scripts=True):
        return Page(self, width, height, dark, scripts)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.answers)
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """One tab; ends with its `with`."""

    def __init__(self, browser, width, height, dark, scripts):
        self.b = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def call(self, method, **params):
        return self.b.call(method, self.session, **params)

    def events(self, method):
        return [e["params"] for e in self.b.events if e["method"] == method and e.get("sessionId") == self.session]

    def wait(self, what, check):
        end = time.time() + SECONDS
        while True:
            got = check()
            if got:
                return got
            assert time.time() < end, "waited in vain for " + what
            m = self.b.read(time.time() + 0.05)
            if m and "method" in m:
                self.b.events.append(m)

    def open(self, url):
        loads = len(self.events("Page.loadEventFired"))
        self.call("Page.navigate", url=url)
        self.wait("the page", lambda: len(self.events("Page.loadEventFired")) > loads)

    def eval(self, expression):
        """The value of a JavaScript expression, a promise's included."""
        r = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in r, r["exceptionDetails"]
        return r["result"].get("value")

    def until(self, expression):
        return self.wait(expression, lambda: self.eval(expression))

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, name, code, text="", modifiers=0):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, modifiers=modifiers, **more)

    def tab(self):
        self.key("Tab", 9)

    def enter(self):
        self.key("Enter", 13, "\r")

    def requests(self):
        return [e["request"]["url"] for e in self.events("Network.requestWillBeSent")]

    def complaints(self):
        """What the console would show: errors, and what a policy forbids."""
        said = [e["entry"]["text"] for e in self.events("Log.entryAdded") if e["entry"]["level"] == "error"]
        return said + [str(e["exceptionDetails"]) for e in self.events("Runtime.exceptionThrown")]

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        with contextlib.suppress(AssertionError, OSError):
            self.b.call("Target.closeTarget", targetId=self.target)
