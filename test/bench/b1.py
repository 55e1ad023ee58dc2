#!/usr/bin/env python3
"""b1.py - one short container: create, start, wait for its end, delete; beside runc, crun, docker and the bare system calls. One line a figure.

Usage: b1.py BINARY [floor runtime api cli crun runc docker ...]. The caller, test/bench/run, makes the namespaces. Each round asks everybody once, in turn, so
that what else the machine does meets all of them; the program is busybox' `true`, the network is none. What is not installed is left out.

floor: the system calls alone (floor_bench.c). runtime: our runtime without an agent (runtime_bench.c). api: Docker's API, swarmbox behind it; docker-api:
dockerd behind it, one that is started for this. cli, docker: `run --rm`. crun, runc: `run` of a bundle. spawn: what starting any program costs here."""
import ctypes, json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
sys.argv, words = [sys.argv[0], sys.argv[1]], sys.argv[2:]
BINARY = sys.argv[1]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
TOP = tempfile.mkdtemp(prefix="swarmbox-b1.", dir=os.environ.get("TMPDIR", "/tmp"))
ROOT = TOP + "/root"
NULL = os.open("/dev/null", os.O_RDWR)
undo = [lambda: shutil.rmtree(TOP)]


def spawn(*argv, env={}):
    """The program's end, without what subprocess costs."""
    pid = os.posix_spawn(shutil.which(argv[0]), argv, dict(os.environ, **env), file_actions=[(os.POSIX_SPAWN_DUP2, NULL, 0), (os.POSIX_SPAWN_DUP2, NULL, 1)])
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise RuntimeError("failed: " + " ".join(argv))


class Api:
    """A request is one write, a reply is read as far as its length goes."""
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.left = b""

    def __call__(self, method, path, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        self.sock.sendall(("%s /v1.41%s HTTP/1.1\r\nHost: b1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (method, path, len(text))).encode() + text)
        while b"\r\n\r\n" not in self.left:
            self.more()
        head, self.left = self.left.split(b"\r\n\r\n", 1)
        code, length, reply = int(head.split(b" ", 2)[1]), re.search(rb"(?i)content-length: (\d+)", head), b""
        if length:
            while len(self.left) < int(length[1]):
                self.more()
            reply, self.left = self.left[:int(length[1])], self.left[int(length[1]):]
        elif re.search(rb"(?i)transfer-encoding: chunked", head):
            while True:
                while b"\r\n" not in self.left:
                    self.more()
                size, rest = self.left.split(b"\r\n", 1)
                while len(rest) < int(size, 16) + 2:
                    self.more()
                    rest = self.left.split(b"\r\n", 1)[1]
                reply, self.left = reply + rest[:int(size, 16)], rest[int(size, 16) + 2:]
                if int(size, 16) == 0:
                    break
        if code >= 400:
            raise RuntimeError("%s %s: %s" % (method, path, reply.decode()))
        return json.loads(reply) if reply[:1] in (b"{", b"[") else reply

    def more(self):
        part = self.sock.recv(65536)
        if not part:
            raise RuntimeError("the daemon hung up")
        self.left += part


def container(api, image):
    id = api("POST", "/containers/create", {"Image": image, "Cmd": ["/bin/true"], "HostConfig": {"NetworkMode": "none"}})["Id"]
    api("POST", "/containers/%s/start" % id)
    if api("POST", "/containers/%s/wait" % id)["StatusCode"]:
        raise RuntimeError("the container failed")
    api("DELETE", "/containers/" + id)


def daemon(argv, path):
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(TOP + "/daemon.log", "ab"), start_new_session=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            api = Api(path)
            api("GET", "/_ping")
            return process, api
        except (OSError, RuntimeError):
            time.sleep(0.02)
    raise RuntimeError("%s does not answer:\n%s" % (argv[0], open(TOP + "/daemon.log").read()[-2000:]))


def swarmbox():
    options = ["--data-root", TOP + "/sb", "--run-root", TOP + "/sbrun", "--log-level", "warn"]
    process, api = daemon([BINARY, "agent"] + options, TOP + "/sbrun/swarmbox.sock")

    def stop():
        process.terminate()
        process.wait(20)
        subprocess.run([BINARY, "agent"] + options + ["--purge"], check=True)
    undo.append(stop)
    env = {"SWARMBOX_HOST": "unix://" + TOP + "/sbrun/swarmbox.sock"}
    subprocess.run("tar -C %s -c . | %s image import - b1:1" % (ROOT, BINARY), shell=True, check=True, env=dict(os.environ, **env), stdout=subprocess.DEVNULL)
    return {"api": lambda: container(api, "b1:1"), "cli": lambda: spawn(BINARY, "run", "--rm", "--network", "none", "b1:1", "/bin/true", env=env)}


def docker():
    path = TOP + "/docker.sock"
    env = {"DOCKER_HOST": "unix://" + path}
    process, api = daemon(["dockerd", "--data-root", TOP + "/docker", "--exec-root", TOP + "/dockerrun", "--pidfile", TOP + "/docker.pid", "-H", "unix://" + path,
                           "--bridge", "none", "--iptables=false", "--exec-opt", "native.cgroupdriver=cgroupfs", "--log-level", "error"], path)

    def stop():
        process.terminate()
        process.wait(60)
    undo.append(stop)
    subprocess.run("tar -C %s -c . | docker import - b1:1" % ROOT, shell=True, check=True, env=dict(os.environ, **env), stdout=subprocess.DEVNULL)
    return {"docker-api": lambda: container(api, "b1:1"), "docker": lambda: spawn("docker", "run", "--rm", "--network", "none", "b1:1", "/bin/true", env=env)}


def bundle(runtime):
    path = TOP + "/" + runtime
    os.mkdir(path)
    subprocess.run([runtime, "spec"], cwd=path, check=True)
    config = json.load(open(path + "/config.json"))
    config["process"].update(terminal=False, args=["/bin/true"])
    config["root"] = {"path": ROOT, "readonly": True}
    json.dump(config, open(path + "/config.json", "w"))
    return path


def enter(fd):
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x20000) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def crun():
    """It refuses hosts that have cgroup v2 beside v1: it sees none of v2."""
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; echo; exec sleep 1000000"], stdout=subprocess.PIPE)
    holder.stdout.readline()
    undo.append(lambda: (holder.kill(), holder.wait()))
    there, here, path = os.open("/proc/%d/ns/mnt" % holder.pid, os.O_RDONLY), os.open("/proc/self/ns/mnt", os.O_RDONLY), bundle("crun")

    def run():
        enter(there)
        try:
            spawn("crun", "run", "-b", path, "b1")
        finally:
            enter(here)
    return {"crun": run}


def runc():
    path = bundle("runc")
    return {"runc": lambda: spawn("runc", "run", "-b", path, "b1")}


def cpu_ms():
    """Of all that has ended below us: what waiting for other people's work does not change."""
    times = os.times()
    return (times.children_user + times.children_system) * 1000


def say(name, ms, cpu=None):
    print("%-12s %8.2f  (%.2f-%.2f) ms  n=%d%s" % (name, statistics.median(ms), min(ms), max(ms), len(ms), "  processor time %.1f ms" % cpu if cpu else ""), flush=True)


def bare(name, argv, pattern, cpu_pattern=None):
    """A program that makes 100 and counts for itself: the median of each of five runs."""
    before, texts = cpu_ms(), [subprocess.run(argv, check=True, capture_output=True, text=True, env=dict(os.environ, TMPDIR=TOP)).stdout for _ in range(5)]
    cpu = statistics.median(float(re.search(cpu_pattern, t)[1]) for t in texts) if cpu_pattern else (cpu_ms() - before) / 500
    say(name, [float(re.search(pattern, t)[1]) for t in texts], cpu)


try:
    os.makedirs(ROOT + "/bin")
    [os.mkdir(ROOT + "/" + name) for name in ("proc", "dev", "sys", "tmp", "etc")]
    shutil.copy(shutil.which("busybox"), ROOT + "/bin/busybox")
    os.symlink("busybox", ROOT + "/bin/true")
    wanted = words or ["floor", "runtime", "spawn", "api", "cli", "crun", "runc", "docker"]
    acts = {"spawn": lambda: spawn("/bin/true")} if "spawn" in wanted else {}
    if "api" in wanted or "cli" in wanted:
        acts.update(swarmbox())
    for name, make, program in (("crun", crun, "crun"), ("runc", runc, "runc"), ("docker", docker, "dockerd")):
        if name in wanted and shutil.which(program):
            acts.update(make())
    if "floor" in wanted:
        os.mkdir(TOP + "/floor")
        bare("floor", ["build/test/bench-floor", ROOT, TOP + "/floor", "100", "/bin/true"], r"^(\S+)")
    if "runtime" in wanted:
        bare("runtime", ["build/test/bench-runtime", "100", "1"], r"one container, all +median +(\S+)", r"processor time +(\S+)")
    figures, cpu = {name: [] for name in acts}, dict.fromkeys(acts, 0.0)
    for round in range(ROUNDS + 3):         # the first three are for warm caches
        for name, act in acts.items():
            begin, before = time.monotonic(), cpu_ms()
            act()
            if round >= 3:
                figures[name].append((time.monotonic() - begin) * 1000)
                cpu[name] += cpu_ms() - before
    for name in figures:
        say(name, figures[name], cpu[name] / ROUNDS if name in ("spawn", "crun", "runc") else None)
finally:
    for act in reversed(undo):
        act()
