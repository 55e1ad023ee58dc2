#!/usr/bin/env python3
"""story.py - tells stories to the daemon behind $DOCKER_HOST, and keeps or compares what it answers.

    story.py record [TOPIC...]              rewrites the outputs in TOPIC.txt
    story.py clients                        rewrites the file `clients`: the commands that this client, another than the one of the
                                            transcripts, answers otherwise by itself, talking to the same daemon
    story.py compare CLIENT [TOPIC...]      CLIENT: docker or own, as the file `departures` calls them

TOPIC is part of a name. `docker` in PATH is the client, $DOCKER_HOST the daemon. Ends with `N passed, N failed`.
"""
import difflib, os, re, subprocess, sys, time

sys.dont_write_bytecode = True
import routes, transcript

HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND_S, UNTIL_S = 300, 120       # no bounds of speed: others use this machine as well

def run(command, env):
    return subprocess.run(["timeout", "-k", "2", str(COMMAND_S), "sh", "-c", command], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace")

def until(command, env):
    deadline = time.monotonic() + UNTIL_S
    while run(command, env).returncode:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True

def machine_words():
    """What is told of this machine and differs on the next one, as each command tells it."""
    memory = int(re.search(r"MemTotal: *(\d+)", open("/proc/meminfo").read()).group(1)) * 1024
    system = re.search(r'^PRETTY_NAME="?(.*?)"?$', open("/etc/os-release").read(), re.M).group(1)
    cpus = os.cpu_count()
    return {
        '"MemoryBytes": %d' % memory: '"MemoryBytes": MEMORY', '"NanoCPUs": %d' % (cpus * 10**9): '"NanoCPUs": CPUS',
        "\n Memory:\t\t%.2fGiB" % (memory / 2**30): "\n Memory:\t\tMEMORY", "\n CPUs:\t\t\t%d\n" % cpus: "\n CPUs:\t\t\tCPUS\n",
        "\n Total Memory: %.2fGiB" % (memory / 2**30): "\n Total Memory: MEMORY", "\n CPUs: %d\n" % cpus: "\n CPUs: CPUS\n",
        os.uname().release: "KERNEL", system: "SYSTEM", os.environ["STORY_ROOT"]: "ROOT",
    }

class Story:
    def __init__(self, topic):
        self.topic, self.path = topic, os.path.join(HERE, topic + ".txt")
        self.steps = transcript.parse(open(self.path).read())
        self.env, self.normaliser, self.is_sorted = dict(os.environ), transcript.Normaliser(machine_words()), False
        self.pairing = transcript.Pairing()
    def prepare(self, step):
        """A directive; what went wrong, or None."""
        word, _, rest = step.text.partition(" ")
        if word == "sorted":
            self.is_sorted = True
        elif word == "until":
            if not until(rest, self.env):
                return "did not come true within %d s" % UNTIL_S
        elif word == "let":
            name, _, command = rest.partition(" ")
            self.env[name] = run(command, self.env).stdout.strip()
            self.normaliser.lines(self.env[name])
        else:
            return "is no directive"
        return None
    def answer(self, step):
        done = run(step.text, self.env)
        out, err = done.stdout.rstrip("\n"), done.stderr.rstrip("\n")
        lines = self.normaliser.lines(out) if out else []
        if self.is_sorted:
            lines, self.is_sorted = sorted(lines, key=transcript.skeleton), False
        lines += ["! " + line if line else "!" for line in (self.normaliser.lines(err) if err else [])]
        return lines + (["[exit %d]" % done.returncode] if done.returncode else [])

def begin(topics):
    """What a topic stands on: the swarm and the images that the first ones make."""
    if topics[0] < "05":
        return
    one = ["docker import -m 'first words' -c 'CMD [\"/bin/app\"]'"] + [
        "-c '%s'" % change for change in ("ENV A=1 B=\"two words\"", "LABEL size=small", "WORKDIR /tmp", "EXPOSE 80",
                                         "VOLUME /data", "STOPSIGNAL SIGTERM", "USER 0")] + ["one.tar one:1"]
    for command in ("docker swarm init --advertise-addr 10.77.0.1", " ".join(one), "docker import -c 'CMD [\"/bin/app\"]' two.tar two:1"):
        done = run(command, dict(os.environ))
        if done.returncode:
            sys.exit("%s: %s" % (command, done.stderr))

HEAD = "# recorded with docker "

def client_version():
    return re.match(r"Docker version ([^,+]*)", run("docker --version", dict(os.environ)).stdout).group(1)

def set_head(steps):
    if steps and steps[0].text.startswith(HEAD):
        steps.pop(0)
    versions = run("docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})'", dict(os.environ)).stdout.strip()
    steps.insert(0, transcript.Step("comment", "%s%s from dockerd %s" % (HEAD, client_version(), versions), 0))

def record(topics):
    failed = 0
    for topic in topics:
        story, start = Story(topic), time.monotonic()
        set_head(story.steps)
        for step in story.steps:
            if step.kind == "run":
                step.output = story.answer(step)
            elif step.kind == "do":
                trouble = story.prepare(step)
                if trouble:
                    print("FAIL: %s:%d: %% %s: %s" % (topic, step.line, step.text, trouble))
                    failed += 1
        open(story.path, "w").write(transcript.form(story.steps))
        print("recorded %s, %.1f s" % (topic, time.monotonic() - start), flush=True)
    print("%d passed, %d failed" % (len(topics), failed))
    return failed

def tell(story, told, skips=()):
    """Tells the story; told(step, answer, None) for each command, told(step, None, trouble) for a directive that failed."""
    for step in story.steps:
        skip = [skip for skip in skips if step.kind == "run" and skip.command.fullmatch(step.text)]
        if skip:
            skip[0].used = True
            continue
        if step.kind == "do":
            trouble = story.prepare(step)
            if trouble:
                told(step, None, trouble)
        elif step.kind == "run":
            told(step, story.answer(step), None)

def clients(topics):
    """Commands whose words are the client's own."""
    lines, troubles = ["# written by story.py clients: what docker %s answers otherwise than the client of the transcripts" % client_version()], []
    for topic in topics:
        story = Story(topic)
        def told(step, answer, trouble):
            if trouble:
                troubles.append("FAIL: %s:%d: %s" % (topic, step.line, trouble))
            elif not story.pairing.fits(step.output, answer):
                lines.append("%s: %s" % (topic, step.text))
        tell(story, told)
    open(os.path.join(HERE, "clients"), "w").write("\n".join(lines) + "\n")
    print("\n".join(troubles + ["%d passed, %d failed" % (len(topics), len(troubles))]))
    return len(troubles)

def clients_own(topics):
    """What another client than that of the transcripts says by itself and is not compared; nothing when it is the same."""
    heads = {open(os.path.join(HERE, topic + ".txt")).readline().split(" from ")[0] for topic in topics}
    if heads == {HEAD + client_version()}:
        return set()
    return {line for line in open(os.path.join(HERE, "clients")).read().splitlines() if not line.startswith("#")}

def builtin_words():
    """The image that is always there, and is no other than the binary."""
    identity = run("docker image inspect swarmbox:latest --format '{{.Id}}'", dict(os.environ)).stdout.strip()
    return {identity: "sha256:BUILTIN", identity[7:19]: "BUILTIN"}

def judge(story, step, departures, answer, is_clients_own):
    """What is wrong with an answer, or None."""
    want, got = step.output, answer
    for departure in departures:
        want, got = departure.wanted(want), departure.told(got)
    if is_clients_own or story.pairing.fits(want, got):
        return None
    lines = difflib.unified_diff(want, story.pairing.renamed(got), "docker", "swarmbox", n=1, lineterm="")
    return "\n".join("    " + line for line in list(lines)[2:])

def compare(client, topics, all_topics):
    words = {"VERSION": os.environ["SWARMBOX_VERSION"], "BUILD": os.environ["SWARMBOX_BUILD"],
             "YEARS": str(int(time.time() / 86400 / 365))}
    departures = transcript.parse_departures(open(os.path.join(HERE, "departures")).read(), words)
    builtin = builtin_words()
    own_words = clients_own(topics) if client == "docker" else set()
    reached = routes.Reached(open(os.path.join(HERE, "../../../core/api/routes.c")).read(), os.path.join(os.environ["STORY_ROOT"], "daemon.log"))
    results = []
    for topic in topics:
        story = Story(topic)
        story.normaliser.words.update(builtin)
        def told(step, answer, trouble):
            reached.look("%s: %s" % (topic, step.text))
            mine = [d for d in departures if d.fits(client, step.text)]
            results.append(trouble or judge(story, step, mine, answer, "%s: %s" % (topic, step.text) in own_words))
            if results[-1]:
                print("FAIL: %s, %s:%d: %s" % (client, topic, step.line, step.text), results[-1], sep="\n", flush=True)
        tell(story, told, [d for d in departures if d.skips and client in d.clients])
    if topics == all_topics:
        for departure in departures:
            if client in departure.clients and not departure.used and not own_words:
                results.append("unused")
                print("FAIL: %s, departures:%d: nothing departs here any more: %s" % (client, departure.line, departure.pattern))
    if topics == all_topics and client == "docker" and not own_words:
        for wrong in reached.missing(open(os.path.join(HERE, "unreached")).read()):
            results.append(wrong)
            print("FAIL: routes: %s" % wrong)
        print("each of %d routes, and the first command that reaches it:" % len(reached.routes))
        for route in sorted(reached.reached):
            print("    %s %s    %s" % (*route, reached.reached[route]))
    failed = sum(1 for result in results if result)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return failed

def main(args):
    verb, rest = args[0], args[1:]
    client = rest.pop(0) if verb == "compare" else None
    every = sorted(name[:-4] for name in os.listdir(HERE) if name.endswith(".txt"))
    topics = [topic for topic in every if not rest or any(part in topic for part in rest)]
    begin(topics)
    failed = {"record": record, "clients": clients}[verb](topics) if client is None else compare(client, topics, every)
    return 1 if failed else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
