"""Foreign clients, installed once from their registries at pinned versions into a cache."""
import fcntl
import os
import shutil
import subprocess
import sys

from broker import ROOT, sh

CACHE = os.environ.get("MOLDAU_CACHE", os.path.expanduser("~/.cache/moldau"))
HERE = ROOT + "/tests/clients"
PYTHON = ["confluent-kafka==2.11.1", "kafka-python==2.2.15", "lz4==4.4.4", "python-snappy==0.7.3", "zstandard==0.23.0", "crc32c==2.7.1"]


def once(name, key, install):
    """Runs install(dir) unless dir holds the result of the same key."""
    d = os.path.join(CACHE, name)
    stamp = d + "/.installed"
    os.makedirs(CACHE, exist_ok=True)
    with open(d + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not (os.path.exists(stamp) and open(stamp).read() == key):
            shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
            install(d)
            open(stamp, "w").write(key)
    return d


def python():
    """A Python with confluent-kafka and kafka-python."""
    def install(d):
        sh(sys.executable, "-m", "venv", d, timeout=120)
        sh(d + "/bin/pip", "install", "-q", "--disable-pip-version-check", *PYTHON, timeout=600)
    return once("python", repr(PYTHON), install) + "/bin/python3"


def read(*names):
    return "".join(open(HERE + "/" + n).read() for n in names)


def node():
    """A folder whose node_modules has kafkajs and @confluentinc/kafka-javascript."""
    def install(d):
        shutil.copy(HERE + "/js/package.json", d)
        # The binary is built here: prebuilt ones are not in the registry.
        sh("npm", "install", "--no-audit", "--no-fund", "--prefix", d, timeout=900, env={"CKJS_LINKING": "dynamic"})
    return once("js", read("js/package.json"), install)


def axe():
    """The text of axe-core, which looks for what keeps people from using a page."""
    package = ROOT + "/tests/pages/package.json"

    def install(d):
        shutil.copy(package, d)
        sh("npm", "install", "--no-audit", "--no-fund", "--prefix", d, timeout=300)
    with open(package) as f:
        d = once("pages", f.read(), install)
    with open(d + "/node_modules/axe-core/axe.min.js") as f:
        return f.read()


def go():
    def install(d):
        for f in ("go.mod", "main.go"):
            shutil.copy(HERE + "/go/" + f, d)
        subprocess.run(["go", "mod", "tidy"], cwd=d, check=True, capture_output=True, timeout=600)
        subprocess.run(["go", "build", "-o", "scenario", "."], cwd=d, check=True, capture_output=True, timeout=600)
    return once("go", read("go/go.mod", "go/main.go"), install)


def java_libs():
    sh(ROOT + "/tests/peer/kafka-peer", "install", timeout=900)
    return CACHE + "/kafka-4.3.1/libs"


def java():
    libs = java_libs()

    def install(d):
        sh("javac", "-d", d, "-cp", libs + "/*", HERE + "/java/Scenario.java", timeout=120)
    return once("java", read("java/Scenario.java"), install)


def spring():
    """The command that plays scripts through real Spring Kafka."""
    here = ROOT + "/tests/spring"

    def install(d):
        sh("mvn", "-q", "-B", "-f", here + "/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory=" + d + "/libs", timeout=900)
        sh("javac", "-d", d + "/classes", "-cp", d + "/libs/*", here + "/SpringScript.java", timeout=120)
    key = open(here + "/pom.xml").read() + open(here + "/SpringScript.java").read()
    d = once("spring", key, install)
    return ["java", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", d + "/classes:" + d + "/libs/*", "SpringScript"]


def spring_bench():
    """The command that consumes with a listener of Spring Kafka that does nothing."""
    spring()
    source = ROOT + "/benchmarks/listeners/SpringBench.java"
    libs = CACHE + "/spring/libs/*"

    def install(d):
        sh("javac", "-d", d, "-cp", libs, source, timeout=120)
    d = once("spring-bench", open(source).read(), install)
    return ["java", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", d + ":" + libs, "SpringBench"]


def family():
    """The class path of tests/family: programs in Java on the client library of the tutorials."""
    here = ROOT + "/tests/family"
    sources = sorted(here + "/" + n for n in os.listdir(here) if n.endswith(".java"))

    def install(d):
        sh("mvn", "-q", "-B", "-f", here + "/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory=" + d + "/libs", timeout=900)
        sh("javac", "-d", d, "-cp", d + "/libs/*", *sources, timeout=120)
    d = once("family", "".join(open(n).read() for n in sources + [here + "/pom.xml"]), install)
    return d + ":" + d + "/libs/*"
