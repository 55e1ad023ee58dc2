"""harness - verdicts, names and certificates for the stories about registries, and the fetching child as the agent would run it."""
import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BINARY = os.path.abspath(os.environ.get("BINARY") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../build/swarmbox"))
IS_SANITIZED = BINARY.endswith("-san")
# What stands in /etc/hosts while a story runs: each name has an address of its own, so that hosts are told apart.
NAMES = {"reg.test": "10.77.0.1", "cdn.test": "10.77.0.2", "auth.test": "10.77.0.3", "mirror.test": "10.77.0.4", "proxy.test": "10.77.0.5",
         "registry-1.docker.io": "10.77.0.6", "plain.test": "10.77.0.7"}

lab = tempfile.mkdtemp(prefix="swarmbox-lab.")
atexit.register(shutil.rmtree, lab, True)
passed = failed = 0
covered = []        # files of the host that the story laid its own over


def ok(what, good, got=None):
    global passed, failed
    if good:
        passed += 1
        print("ok:", what, flush=True)
    else:
        failed += 1
        print("FAIL: %s: got: %s" % (what, got), flush=True)


def equal(what, got, wanted):
    ok(what, got == wanted, "%r, wanted %r" % (got, wanted))


def holds(what, got, part):
    ok(what, part in (got or ""), "%r, wanted %r" % (got, part))


cases = []


def case(function):
    cases.append(function)
    return function


def run_cases():
    for function in cases:
        if sys.argv[1:] and not any(part in function.__name__ for part in sys.argv[1:]):
            continue
        try:
            function()
        except Exception:
            ok(function.__name__ + " runs to its end", False, traceback.format_exc())
    for path in covered:
        run("umount", path)
    shutil.rmtree(lab, True)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    os._exit(1 if failed else 0)    # servers' threads may still wait for somebody


def run(*words, **rest):
    return subprocess.run(words, check=True, capture_output=True, text=True, **rest).stdout


def set_up_network():
    """In the network and mount namespaces that the story was given."""
    for address in NAMES.values():
        run("ip", "address", "replace", address + "/32", "dev", "lo")
    hosts, resolv = os.path.join(lab, "hosts"), os.path.join(lab, "resolv.conf")
    with open(hosts, "w") as file:
        file.write("127.0.0.1 localhost\n" + "".join("%s %s\n" % (address, name) for name, address in NAMES.items()))
    with open(resolv, "w") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    for path, instead in (("/etc/hosts", hosts), ("/etc/resolv.conf", resolv)):
        run("mount", "--bind", instead, path)
        covered.append(path)


class Certificates:
    """An authority of our own and what it has signed."""

    def __init__(self, name="ca"):
        self.dir = os.path.join(lab, name)
        os.mkdir(self.dir)
        self.ca, self.ca_key = self.path("ca.crt"), self.path("ca.key")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.ca_key)
        run("openssl", "req", "-x509", "-new", "-key", self.ca_key, "-subj", "/CN=Lab " + name, "-days", "30", "-out", self.ca,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        with open(self.path("ca.conf"), "w") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nserial=%s\nnew_certs_dir=%s\npolicy=p\ndefault_md=sha256\nunique_subject=no\n"
                       "[p]\ncommonName=supplied\n" % (self.path("index.txt"), self.path("serial"), self.dir))
        open(self.path("index.txt"), "w").close()
        with open(self.path("serial"), "w") as file:
            file.write("01\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def sign(self, stem, common_name, names=(), start="20200101000000Z", end="20991231235959Z", rsa=False):
        key, request, certificate, extra = (self.path(stem + ending) for ending in (".key", ".csr", ".crt", ".ext"))
        if rsa:
            run("openssl", "genrsa", "-out", key, "2048")
        else:
            run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "req", "-new", "-key", key, "-subj", "/CN=" + common_name, "-out", request)
        with open(extra, "w") as file:
            file.write("basicConstraints=CA:FALSE\n")
            if names:
                file.write("subjectAltName=" + ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names) + "\n")
        run("openssl", "ca", "-batch", "-config", self.path("ca.conf"), "-in", request, "-cert", self.ca, "-keyfile", self.ca_key, "-out",
            certificate, "-startdate", start, "-enddate", end, "-extfile", extra, "-notext")
        return certificate, key


class Child:
    """`swarmbox fetch` with a job; the events come one by one."""

    def __init__(self, job, pull=True):
        self.dir = tempfile.mkdtemp(dir=lab) if pull else None
        ours, theirs = socket.socketpair()
        self.noise = os.path.join(lab, "child.log")
        with open(self.noise, "a") as noise:
            self.process = subprocess.Popen([BINARY, "fetch"] + ([self.dir] if pull else []), stdin=theirs, stdout=theirs, stderr=noise,
                                            cwd="/", env={})
        theirs.close()
        self.socket, self.rest, self.events = ours, b"", []
        job = dict({"domain": "reg.test", "repository": "lab/x", "tag": "1", "platform": "linux/amd64", "user_agent": "swarmbox/lab (linux)",
                    "ca_file": "/dev/null", "stall_ms": 20000, "retry_ms": 100}, **job)
        self.socket.sendall(json.dumps(job).encode() + b"\n")

    def next(self, timeout=60):
        self.socket.settimeout(timeout)
        while b"\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                return {"what": "silence", "text": "the child ended without a word"}
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        event = json.loads(line)
        self.events.append(event)
        return event

    def until(self, *kinds):
        while True:
            event = self.next()
            if event["what"] in kinds + ("silence",):
                return event

    def order(self, digests):
        self.socket.sendall(json.dumps({"want": [d.split(":")[-1] for d in digests]}).encode() + b"\n")

    def end(self):
        self.socket.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "killed"

    def file(self, digest):
        with open(os.path.join(self.dir, digest.split(":")[-1]), "rb") as file:
            return file.read()

    def files(self):
        return sorted(name for name in os.listdir(self.dir) if name != "part")


def pull(job, want=None):
    """A whole pull; want: which layers, None: all of the manifest. Returns the child and its last event."""
    child = Child(job)
    event = child.until("image", "failed")
    if event["what"] == "image":
        manifest = json.loads(child.file(event["digest"]))
        child.order([layer["digest"] for layer in manifest["layers"]] if want is None else want)
        event = child.until("done", "failed")
    code = child.end()
    if code not in (0, 1):
        ok("the child ends well", False, code)
    return child, event


def ask(job):
    """A job that writes no files; returns its last event."""
    child = Child(job, pull=False)
    event = child.until("resolved", "logged_in", "failed")
    child.end()
    return event


@contextlib.contextmanager
def serving(*registries):
    try:
        yield
    finally:
        for registry in registries:
            registry.stop()


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + max(seconds, 60)     # a busy machine, not a bound
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    return condition()
