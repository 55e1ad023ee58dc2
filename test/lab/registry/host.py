"""host - an agent with roots of its own, both command lines, and Debian's docker-registry, for the stories that need the whole."""
import json
import os
import shutil
import socket
import subprocess
import threading

import harness
from harness import BINARY, NAMES, ok, run, wait_for

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
DOCKER = run(os.path.join(TOP, "test/golden/docker/client")).strip()
REGISTRY = os.path.join(TOP, "build/lab/registry/usr/bin/docker-registry")


COMMAND = ("/bin/busybox", "sleep", "100000")
BUSYBOX = open("/bin/busybox", "rb").read()


def put_program(registry, tag="1", bulk=100000, repository="lab/x", **rest):
    """An image that runs. Returns its digest and the blob of its bulky layer."""
    top, blobs = registry.put_image(repository, tag, [{"bin/busybox": BUSYBOX}, {"bulk": os.urandom(bulk)}], command=COMMAND, **rest)
    return top, blobs[1]


def open_host():
    """An agent in a swarm, on a host whose /etc may be written to."""
    private_etc()
    agent = Agent()
    agent.start()
    agent.sb("swarm", "init", "--advertise-addr", "127.0.0.1")
    return agent


def private_etc():
    """What is written below /etc from here on is the story's alone."""
    copy = os.path.join(harness.lab, "etc")
    run("cp", "-a", "/etc", copy)
    run("mount", "--bind", copy, "/etc")
    harness.covered.insert(0, "/etc")


def trust(authority, certificate):
    folder = "/etc/docker/certs.d/" + authority
    os.makedirs(folder, exist_ok=True)
    shutil.copy(certificate, folder + "/ca.crt")


class Agent:
    def __init__(self):
        self.data, self.run, self.log = (os.path.join(harness.lab, name) for name in ("data", "run", "agent.log"))
        self.env = {"PATH": os.environ["PATH"], "HOME": harness.lab, "DOCKER_CONFIG": os.path.join(harness.lab, "config"),
                    "SWARMBOX_HOST": "unix://%s/swarmbox.sock" % self.run, "DOCKER_HOST": "unix://%s/swarmbox.sock" % self.run,
                    "DOCKER_CLI_HINTS": "0"}
        self.process = None

    def roots(self):
        return ["--data-root", self.data, "--run-root", self.run]

    def start(self, *options):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([BINARY, "agent", *self.roots(), "--log-level", "info", *options], stdout=log, stderr=log,
                                            env={"PATH": os.environ["PATH"]})
        if not wait_for(lambda: self.sb("version").returncode == 0):
            ok("the agent starts", False, self.words())

    def end(self, hard=False):
        self.process.kill() if hard else self.process.terminate()
        return self.process.wait(30)

    def words(self):
        with open(self.log) as log:
            return log.read()

    def purge(self):
        code = self.end()
        ok("the agent ends well", code == 0 and "Sanitizer" not in self.words(), (code, self.words()[-3000:]))
        done = subprocess.run([BINARY, "agent", *self.roots(), "--log-level", "error", "--purge"], capture_output=True, text=True, timeout=60)
        ok("purge removes everything", done.returncode == 0, (done.returncode, done.stdout, done.stderr))

    def call(self, program, *words, **rest):
        return subprocess.run([program, *words], capture_output=True, text=True, env=self.env, timeout=120, **rest)

    def sb(self, *words, **rest):
        return self.call(BINARY, *words, **rest)

    def docker(self, *words, **rest):
        return self.call(DOCKER, *words, **rest)

    def say(self, *words):
        """What our command line prints, both streams."""
        done = self.sb(*words)
        return (done.stdout + done.stderr).strip()

    def runs(self, service, count=1, seconds=40):
        """Waits until so many of its tasks run."""
        wanted = "%d/%d" % (count, count)
        shown = wait_for(lambda: self.say("service", "ls", "--filter", "name=" + service, "--format", "{{.Replicas}}") == wanted, seconds)
        ok("%s runs" % service, shown, self.tasks(service))

    def tasks(self, service):
        return self.say("service", "ps", "--no-trunc", "--format", "{{.CurrentState}}: {{.Error}}", service)

    def says(self, what, service, part, seconds=30):
        ok(what, wait_for(lambda: part in self.tasks(service), seconds), self.tasks(service))

    def create(self, name, image, *options, program=None):
        return (program or self.sb)("service", "create", "-d", "-q", "--name", name, *options, image)

    def remove(self, *names):
        self.sb("service", "rm", *names)
        if not wait_for(lambda: not self.say("ps", "-aq")):
            ok("their containers go", False, self.say("ps", "-a"))
        self.forget_images()

    def forget_images(self):
        names = self.say("images", "-q", "--no-trunc").split()
        mine = self.say("images", "-q", "--no-trunc", "swarmbox").split()
        self.sb("rmi", "-f", *[name for name in names if name not in mine])


class DebianRegistry:
    """With TLS and one password. On an address of this host behind a relay, which knows how many bytes have left and can be told to end it."""

    def __init__(self, authority, user, password, name="reg.test", port=5000):
        self.authority, self.address = "%s:%d" % (name, port), (NAMES[name], port)
        certificate, key = authority.sign("debian", name, [name])
        salted = run("perl", "-e", "print crypt($ARGV[0], '$2y$05$lab.lab.lab.lab.lab.le')", password)
        self.dir = os.path.join(harness.lab, "docker-registry")
        os.mkdir(self.dir)
        with open(self.dir + "/htpasswd", "w") as file:
            file.write("%s:%s\n" % (user, salted))
        with open(self.dir + "/config.yml", "w") as file:
            json.dump({"version": "0.1", "log": {"level": "info", "accesslog": {"disabled": False}},
                       "storage": {"filesystem": {"rootdirectory": self.dir + "/storage"}},
                       "http": {"addr": "127.0.0.1:5001", "tls": {"certificate": certificate, "key": key}},
                       "auth": {"htpasswd": {"realm": "lab", "path": self.dir + "/htpasswd"}}}, file)
        self.sent, self.limit, self.then = 0, None, None
        self.lock = threading.Lock()
        self.start()
        self.listener = socket.create_server(self.address)
        threading.Thread(target=self.accept, daemon=True).start()

    def start(self):
        with open(self.dir + "/log", "a") as log:
            self.process = subprocess.Popen([REGISTRY, "serve", self.dir + "/config.yml"], stdout=log, stderr=log, env={})
        wait_for(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", 5001)).close()
            return True
        except OSError:
            return False

    def end(self):
        self.process.kill()
        self.process.wait()

    def words(self):
        with open(self.dir + "/log") as log:
            return log.read()

    def after(self, count, then):
        """Calls then when count more bytes have left; what is still on its way then is lost."""
        with self.lock:
            self.sent, self.limit, self.then = 0, count, then

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", 5001))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
        self.pump(server, client, True)

    def pump(self, source, target, counts):
        try:
            while data := source.recv(65536):
                if counts and self.count(len(data)):
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def count(self, bytes):
        with self.lock:
            self.sent += bytes
            is_enough = self.limit is not None and self.sent > self.limit
            if is_enough:
                self.limit = None
        if is_enough:
            self.then()
        return is_enough


def write_layout(registry, folder, names):
    """The images of one of our registries as an OCI layout: names is tag -> digest of a manifest or list."""
    blobs = os.path.join(folder, "blobs/sha256")
    os.makedirs(blobs)
    documents = {key[1]: value for key, value in registry.manifests.items() if key[1].startswith("sha256:")}
    for digest, data in list(registry.blobs.items()) + [(digest, value[1]) for digest, value in documents.items()]:
        with open(os.path.join(blobs, digest[7:]), "wb") as file:
            file.write(data)
    with open(os.path.join(folder, "oci-layout"), "w") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": documents[digest][0], "digest": digest, "size": len(documents[digest][1]),
             "annotations": {"org.opencontainers.image.ref.name": tag}} for tag, digest in names.items()]}, file)
