#!/usr/bin/env python3
"""b4.py - three managers: joining, what they need at rest, and writes a second beside etcd. Prints one line a figure.

Usage: b4.py BINARY [join idle write]. Three hosts are made as network namespaces on one bridge (the caller, test/bench/run, made one for
all of it), each with an agent; where etcd is installed, an etcd stands on each host as well, with its data on the same disk. Both are asked
in turn, BENCH_ROUNDS times (5) for BENCH_SECONDS (3), over HTTP connections that stay open: swarmbox by its API on the leader's socket, etcd by
its JSON gateway on its leader's port, which costs it a part of what it could do by gRPC. Every write is some 200 bytes and is answered when a
majority has it on the disk."""
import http.client, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

BINARY, PARTS = sys.argv[1], sys.argv[2:] or ["join", "idle", "write"]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = os.environ.get("BENCH_SECONDS", "3")
LOAD = os.path.join(os.path.dirname(BINARY), "test", "bench-write")
HOSTS = ["b1", "b2", "b3"]
ADDRESS = {name: "10.77.0.%d" % (i + 1) for i, name in enumerate(HOSTS)}


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("bench", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("waited %d s in vain" % seconds)
        time.sleep(0.002)


def say(what, figures, unit, note=""):
    print("%-52s %9.4g  (%.4g-%.4g) %s  n=%d %s" % (what, statistics.median(figures), min(figures), max(figures), unit, len(figures), note), flush=True)


def make_hosts():
    run("mount", "-t", "tmpfs", "none", "/run")
    os.mkdir("/run/netns")
    run("ip", "link", "add", "wire", "type", "bridge")
    run("ip", "link", "set", "wire", "up")
    for name in HOSTS:
        run("ip", "netns", "add", name)
        run("ip", "link", "add", "to-" + name, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", "to-" + name, "master", "wire", "up")
        run("ip", "-n", name, "address", "add", ADDRESS[name] + "/24", "dev", "eth0")
        for device in "lo", "eth0":
            run("ip", "-n", name, "link", "set", device, "up")


class Cluster:
    """One agent a host."""

    def __init__(self, folder):
        self.folder, self.agents = folder, {}
        for name in HOSTS:
            self.start(name)

    def options(self, name):
        return ["--data-root", "%s/%s/data" % (self.folder, name), "--run-root", "%s/%s/run" % (self.folder, name), "--log-level", "warn"]

    def socket(self, name):
        return "%s/%s/run/swarmbox.sock" % (self.folder, name)

    def start(self, name):
        self.agents[name] = subprocess.Popen(
            ["nsenter", "--net=/run/netns/" + name, "unshare", "--uts", "--mount", "--propagation", "private", "sh", "-c", 'hostname "$0" && exec "$@"',
             name, BINARY, "agent"] + self.options(name), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: os.path.exists(self.socket(name)) and self.answers(name))

    def answers(self, name):
        try:
            return self.call(name, "GET", "/_ping") is not None
        except OSError:
            return False

    def call(self, name, method, path, body=None):
        connection = Unix(self.socket(name))
        connection.request(method, "/v1.41" + path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError("%s %s: %d %s" % (method, path, answer.status, text.decode()))
        return json.loads(text) if text[:1] in (b"{", b"[", b'"') else text

    def command(self, name, *words):
        return run(BINARY, "-H", "unix://" + self.socket(name), *words)

    def is_ready(self, name):
        return any(n["Description"]["Hostname"] == name and n["Status"]["State"] == "ready" for n in self.call(HOSTS[0], "GET", "/nodes"))

    def join(self, name):
        """Seconds from the command to Ready, of a manager that others can reach, in the leader's list."""
        token = self.call(HOSTS[0], "GET", "/swarm")["JoinTokens"]["Manager"]
        start = time.monotonic()
        self.command(name, "swarm", "join", "--token", token, "--advertise-addr", ADDRESS[name], ADDRESS[HOSTS[0]] + ":2377")
        until(lambda: self.is_ready(name))
        return time.monotonic() - start

    def members(self):
        return [n for n in self.call(HOSTS[0], "GET", "/nodes") if n.get("ManagerStatus")]

    def leader(self):
        return next(n["Description"]["Hostname"] for n in self.members() if n["ManagerStatus"].get("Leader"))

    def part(self, name):
        """It leaves, and is forgotten."""
        node = next(n["ID"] for n in self.call(HOSTS[0], "GET", "/nodes") if n["Description"]["Hostname"] == name and n["Status"]["State"] == "ready")
        self.command(HOSTS[0], "node", "demote", node)
        until(lambda: all(n["ID"] != node for n in self.members()))
        self.command(name, "swarm", "leave", "--force")
        self.command(HOSTS[0], "node", "rm", "--force", node)

    def close(self):
        for agent in self.agents.values():
            agent.terminate()
        for name, agent in self.agents.items():
            agent.wait(30)
            run("nsenter", "--net=/run/netns/" + name, BINARY, "agent", *self.options(name), "--purge")


class Etcd:
    """One member a host."""

    def __init__(self, folder):
        peers = ",".join("%s=http://%s:2380" % (name, ADDRESS[name]) for name in HOSTS)
        self.members = [subprocess.Popen(
            ["nsenter", "--net=/run/netns/" + name, "etcd", "--name", name, "--data-dir", "%s/etcd-%s" % (folder, name), "--listen-client-urls",
             "http://%s:2379" % ADDRESS[name], "--advertise-client-urls", "http://%s:2379" % ADDRESS[name], "--listen-peer-urls",
             "http://%s:2380" % ADDRESS[name], "--initial-advertise-peer-urls", "http://%s:2380" % ADDRESS[name], "--initial-cluster", peers,
             "--logger", "zap", "--log-level", "error"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for name in HOSTS]
        until(self.leader)

    def status(self, name):
        text = subprocess.run(["nsenter", "--net=/run/netns/" + name, "etcdctl", "--endpoints", ADDRESS[name] + ":2379", "endpoint", "status", "-w",
                               "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ, ETCDCTL_API="3")).stdout
        return json.loads(text)[0]["Status"] if text.strip() else None

    def leader(self):
        for name in HOSTS:
            status = self.status(name)
            if status and status["leader"] and status["leader"] == status["header"]["member_id"]:
                return name
        return None

    def close(self):
        for member in self.members:
            member.kill()
            member.wait()


def load(host, address, clients, path, body):
    """(answers a second, median in ms)"""
    words = run("nsenter", "--net=/run/netns/" + host, LOAD, address, str(clients), SECONDS, path, body).split(None, 4)
    if words[3] != "0":
        raise RuntimeError("%s of the writes to %s were refused: %s" % (words[3], address, " ".join(words[4:])))
    return float(words[0]), float(words[1]) / 1000


def join(cluster):
    figures = []
    for _ in range(ROUNDS):
        figures.append(cluster.join(HOSTS[1]))
        cluster.part(HOSTS[1])
    say("a second manager: join -> Ready", figures, "s")


def processor(pid):
    words = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def memory(pid):
    return sum(int(line.split()[1]) for line in open("/proc/%d/smaps_rollup" % pid) if line.startswith("Pss:")) / 1024


def idle(cluster):
    span = 20 if ROUNDS > 1 else 5
    leader = cluster.leader()
    time.sleep(3)
    before = {name: processor(agent.pid) for name, agent in cluster.agents.items()}
    time.sleep(span)
    used = {name: (processor(agent.pid) - before[name]) * 100 / span / os.sysconf("SC_CLK_TCK") for name, agent in cluster.agents.items()}
    say("idle, the leader of three", [used[leader]], "% of a core")
    say("idle, its followers", [used[name] for name in HOSTS if name != leader], "% of a core")
    say("memory of a manager, PSS", [memory(agent.pid) for agent in cluster.agents.values()], "MiB")


def write(cluster, etcd):
    leader = cluster.leader()
    follower = next(name for name in HOSTS if name != leader)
    create = ("/v1.41/configs/create", '{"Name":"bench-#","Data":"%s"}' % ("eHh4" * 50))
    put = ("/v3/kv/put", '{"key":"#","value":"%s"}' % ("eHh4" * 50))
    for clients in 1, 16, 64:
        ours, theirs, through = [], [], []
        for _ in range(ROUNDS):
            ours.append(load(leader, cluster.socket(leader), clients, *create))
            if etcd:
                name = etcd.leader()
                theirs.append(load(name, ADDRESS[name] + ":2379", clients, *put))
            through.append(load(follower, cluster.socket(follower), clients, *create))
        median = lambda figures: "median %.2f ms" % statistics.median(f[1] for f in figures)
        say("writes by %d clients at the leader" % clients, [f[0] for f in ours], "1/s", median(ours))
        say("writes by %d clients at a follower" % clients, [f[0] for f in through], "1/s", median(through))
        if theirs:
            say("etcd, puts by %d clients at its leader" % clients, [f[0] for f in theirs], "1/s", median(theirs))
            say("    ratio to etcd, round by round", [a[0] / b[0] for a, b in zip(ours, theirs)], "")


def main():
    folder = tempfile.mkdtemp(prefix="swarmbox-bench.", dir=os.environ.get("BENCH_DIR"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    make_hosts()
    cluster, etcd = Cluster(folder), None
    try:
        cluster.command(HOSTS[0], "swarm", "init", "--advertise-addr", ADDRESS[HOSTS[0]])
        if "join" in PARTS:
            join(cluster)
        for name in HOSTS[1:]:
            cluster.join(name)
        if "idle" in PARTS:
            idle(cluster)
        if "write" in PARTS:
            etcd = Etcd(folder) if shutil.which("etcd") and shutil.which("etcdctl") else None
            write(cluster, etcd)
    finally:
        if etcd:
            etcd.close()
        cluster.close()
        shutil.rmtree(folder)


main()
