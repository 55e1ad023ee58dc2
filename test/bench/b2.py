#!/usr/bin/env python3
"""b2.py - one host: services up and down, a crash, the API, memory and idle CPU. Prints one line a figure.

Usage: b2.py BINARY [start restart api mem ...]. The agent gets a network namespace, roots and a cgroup directory of its own (the caller,
test/bench/run, makes the namespaces). Everything is asked through Docker's API on the socket, polled every 2 ms, so the same
questions can be put to dockerd: BENCH_SOCKET=/path/docker.sock uses a daemon that runs already, and IMAGE names an image it has."""
import http.client, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.parse

BINARY, PARTS = sys.argv[1], sys.argv[2:] or ["start", "restart", "api", "mem"]
IMAGE = os.environ.get("IMAGE", "swarmbox:latest")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("bench", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Daemon:
    def __init__(self):
        self.sock = os.environ.get("BENCH_SOCKET")
        self.process = self.dir = None
        if not self.sock:
            self.dir = tempfile.mkdtemp(prefix="swarmbox-bench.")
            self.sock = self.dir + "/run/swarmbox.sock"
            self.options = ["--data-root", self.dir + "/data", "--run-root", self.dir + "/run", "--log-level", "warn"]
            self.process = subprocess.Popen([BINARY, "agent"] + self.options, stdin=subprocess.DEVNULL)
            until(self.answers, 20)
        self.http = Unix(self.sock)

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(self.sock)
            return True
        except OSError:
            return False

    def call(self, method, path, body=None):
        self.http.request(method, "/v1.41" + path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        answer = self.http.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError("%s %s: %d %s" % (method, path, answer.status, text.decode()))
        return json.loads(text) if text[:1] in (b"{", b"[", b'"') else text

    def create(self, name, replicas, delay_ns=5000000000):
        return self.call("POST", "/services/create", {
            "Name": name, "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}, "RestartPolicy": {"Condition": "any", "Delay": delay_ns}},
            "Mode": {"Replicated": {"Replicas": replicas}}})["ID"]

    def running(self, name):
        query = urllib.parse.quote(json.dumps({"name": {name: True}}))
        return sum(s["ServiceStatus"]["RunningTasks"] for s in self.call("GET", "/services?status=true&filters=" + query))

    def containers(self):
        return len(self.call("GET", "/containers/json?all=1"))

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            subprocess.run([BINARY, "agent"] + self.options + ["--purge"], check=True)
            shutil.rmtree(self.dir)


def until(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("waited %d s in vain" % seconds)
        time.sleep(0.002)


def timed(act, condition):
    start = time.monotonic()
    act()
    until(condition)
    return time.monotonic() - start


def say(what, figures, unit):
    print("%-44s %9.4g  (%.4g-%.4g) %s  n=%d" % (what, statistics.median(figures), min(figures), max(figures), unit, len(figures)), flush=True)


def start(d):
    for count in (1, 10, 50, 100):
        up, down = [], []
        for _ in range(ROUNDS):
            up.append(timed(lambda: d.create("b", count), lambda: d.running("b") == count))
            time.sleep(1)      # let the programs reach their signal handlers: an early SIGTERM to a pid 1 is lost
            down.append(timed(lambda: d.call("DELETE", "/services/b"), lambda: d.containers() == 0))
        say("create -> %d running" % count, up, "s")
        say("rm -> %d containers gone" % count, down, "s")


def restart(d):
    d.create("r", 1, delay_ns=0)
    until(lambda: d.running("r") == 1)
    figures = []
    for _ in range(5 * ROUNDS):
        query = urllib.parse.quote(json.dumps({"service": {"r": True}, "desired-state": {"running": True}}))
        live = lambda: [t for t in d.call("GET", "/tasks?filters=" + query) if t["Status"]["State"] == "running"]
        until(live)
        task = live()[0]
        figures.append(timed(lambda: os.kill(task["Status"]["ContainerStatus"]["PID"], signal.SIGKILL),
                             lambda: any(t["ID"] != task["ID"] for t in live())))
    say("main process killed -> replacement runs", figures, "s")
    d.call("DELETE", "/services/r")
    until(lambda: d.containers() == 0)


def api(d):
    d.create("a", 100)
    until(lambda: d.running("a") == 100)
    for path in ("/_ping", "/services?status=true", "/tasks", "/containers/json"):
        figures = []
        for _ in range(200):
            begin = time.monotonic()
            d.call("GET", path)
            figures.append((time.monotonic() - begin) * 1000)
        say("GET %s, 100 tasks" % path, figures, "ms")
    env = dict(os.environ, SWARMBOX_HOST="unix://" + d.sock, DOCKER_HOST="unix://" + d.sock)
    figures = []
    for _ in range(20):
        begin = time.monotonic()
        subprocess.run([BINARY, "service", "ls"], env=env, stdout=subprocess.DEVNULL, check=True)
        figures.append((time.monotonic() - begin) * 1000)
    say("service ls from the shell", figures, "ms")
    d.call("DELETE", "/services/a")
    until(lambda: d.containers() == 0)


def pss(pid):
    for line in open("/proc/%d/smaps_rollup" % pid):
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0


def mem(d):
    if not d.process:
        return
    pid = d.process.pid
    cpu = lambda: sum(int(x) for x in open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    for count in (0, 100):
        if count:
            d.create("m", count)
            until(lambda: d.running("m") == count)
        before = cpu()
        time.sleep(20)          # what is measured: nothing happens for this long
        say("idle CPU, %d containers" % count, [(cpu() - before) / 20 * 100], "% of a core")
        say("agent PSS, %d containers" % count, [pss(pid)], "MiB")
        shims = [int(p) for p in os.listdir("/proc") if p.isdigit() and b"\0shim\0" in open("/proc/%s/cmdline" % p, "rb").read()]
        if shims:
            say("shim PSS each, %d containers" % len(shims), [sum(map(pss, shims)) / len(shims)], "MiB")
    d.call("DELETE", "/services/m")
    until(lambda: d.containers() == 0)


d = Daemon()
try:
    if not d.call("GET", "/info")["Swarm"]["ControlAvailable"]:
        d.call("POST", "/swarm/init", {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": "127.0.0.1"})
    for part in PARTS:
        {"start": start, "restart": restart, "api": api, "mem": mem}[part](d)
finally:
    d.close()
