"""debian - Debian's docker-registry with TLS and a password, pushed to by skopeo: pulls by people and by tasks, with both command lines."""
import base64
import json
import os
import re
import threading
import time

import harness
from harness import case, equal, holds, ok, run, run_cases, wait_for
from host import DebianRegistry, open_host, put_program, trust, write_layout
from scene import authority, plain

PASSWORD = "s3cret:with:colons"

agent = open_host()
create, remove = agent.create, agent.remove

debian = DebianRegistry(authority, "ann", PASSWORD)
trust(debian.authority, authority.ca)
makes = plain()
single, _ = put_program(makes)
other, _ = put_program(makes, "other")
big, big_blob = put_program(makes, "big", 30000000)
foreign, _ = put_program(makes, "arm", architecture="arm64")
index = makes.put_list("lab/x", "multi", [(foreign, "arm64", None), (single, "amd64", None)])
makes.stop()
write_layout(makes, harness.lab + "/layout", {"1": single, "2": other, "big": big, "multi": index})


def debian_name(tag):
    return "%s/lab/app:%s" % (debian.authority, tag)


@case
def skopeo_pushes():
    for tag in ("1", "2", "big", "multi"):
        run("skopeo", "copy", "--insecure-policy", "-q", "--all", "--preserve-digests", "--dest-creds", "ann:" + PASSWORD,
            "oci:%s/layout:%s" % (harness.lab, tag), "docker://" + debian_name(tag))
    ok("skopeo has pushed four images", True)


@case
def without_a_password():
    for who, program in (("docker", agent.docker), ("swarmbox", agent.sb)):
        done = program("pull", debian_name("1"))
        holds("%s: a pull without a password" % who, done.stderr, "no basic auth credentials")
        equal("%s: is a failure" % who, done.returncode, 1)
        done = program("login", "-u", "ann", "--password-stdin", debian.authority, input="wrong")
        holds("%s: a login with a wrong one" % who, done.stderr, "login attempt to https://%s/v2/ failed with status: 401 Unauthorized" % debian.authority)
        equal("%s: is a failure too" % who, done.returncode, 1)
    done = create("shut", debian_name("1"), "--restart-condition", "none")
    holds("a service without: that its digest is not recorded is said", done.stderr, "image %s could not be accessed on a registry to record\n"
          "its digest. Each node will access %s independently,\npossibly leading to different nodes running different\nversions of the image.\n"
          % (debian_name("1"), debian_name("1")))
    agent.says("its task is rejected, and says why", "shut", "Rejected")
    tasks = agent.tasks("shut")
    ok("in words that begin with Docker's", re.search("^Rejected .*: \"?No such image: %s: .*no basic auth credentials" % re.escape(debian_name("1")), tasks, re.M),
       tasks)


@case
def with_the_password():
    for who, program in (("docker", agent.docker), ("swarmbox", agent.sb)):
        done = program("login", "-u", "ann", "--password-stdin", debian.authority, input=PASSWORD)
        holds("%s: login" % who, done.stdout, "Login Succeeded")
        done = program("pull", debian_name("1"))
        holds("%s: a pull by tag" % who, done.stdout, "Status: Downloaded newer image for " + debian_name("1"))
        holds("%s: tells the digest that was pushed" % who, done.stdout, "Digest: " + single)
        agent.forget_images()
        done = program("pull", "-q", "%s/lab/app@%s" % (debian.authority, other))
        equal("%s: a pull by digest" % who, done.stdout.strip(), "%s/lab/app@%s" % (debian.authority, other))
        equal("%s: is known by it" % who, agent.say("images", "--digests", "--format", "{{.Tag}} {{.Digest}}", debian.authority + "/lab/app"), "<none> " + other)
        agent.forget_images()
        for platform, wanted in (("linux/arm64", "arm64"), ("", "amd64")):
            done = program("pull", "-q", *(["--platform", platform] if platform else []), debian_name("multi"))
            equal("%s: of several makes that for %s" % (who, wanted), agent.say("image", "inspect", "--format", "{{.Architecture}}", debian_name("multi")), wanted)
        agent.forget_images()
    done = agent.sb("service", "update", "-d", "-q", "--with-registry-auth", "shut")
    equal("a service that could not start gets the password", (done.returncode, done.stderr), (0, ""))
    agent.runs("shut")
    remove("shut")


@case
def services_with_the_password():
    for name, tag, program in (("one", "1", agent.sb), ("two", "multi", agent.docker)):
        done = create(name, debian_name(tag), "--with-registry-auth", program=program)
        equal("a service --with-registry-auth is made", (done.returncode, done.stderr), (0, ""))
        agent.runs(name)
        image = agent.say("service", "inspect", "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}", name)
        equal("it is pinned to what its registry has", image, "%s@%s" % (debian_name(tag), single if tag == "1" else index))
    done = agent.sb("service", "update", "-d", "-q", "--image", debian_name("2"), "one")
    holds("another image, looked up without", done.stderr, "could not be accessed on a registry")
    ok("comes with the password that the service keeps", wait_for(lambda: "Running" in agent.say(
        "service", "ps", "--no-trunc", "--filter", "desired-state=running", "--format", "{{.Image}} {{.CurrentState}}", "one").replace("\n", " ")
        and debian_name("2") in agent.say("ps", "--format", "{{.Image}}")), agent.tasks("one"))
    agent.runs("one")


@case
def nobody_is_told_the_password():
    told = [agent.say("service", "inspect", "one", "two"), agent.say("inspect", *agent.say("service", "ps", "-q", "one", "two").split()),
            agent.say("inspect", *agent.say("ps", "-q").split()),
            agent.say("system", "events", "--since", "1h", "--until", "0s", "--format", "json"), agent.words(),
            agent.docker("service", "inspect", "one", "two").stdout]
    pair = base64.b64encode(("ann:" + PASSWORD).encode()).decode()
    secrets = [PASSWORD, pair, json.dumps(PASSWORD)[1:-1], "RegistryAuth", base64.urlsafe_b64encode(b'{"username":"ann"').decode()[:20]]
    ok("there is something to look at", all(len(text) > 200 for text in told), [len(text) for text in told])
    equal("it is in no answer, no event and no log", [secret for secret in secrets for text in told if secret in text], [])
    files = [os.path.join(folder, name) for folder, _, names in os.walk(agent.data) for name in names]
    ok("state.db is one of them", any(name.endswith("state.db") for name in files), files[:3])
    needles = [secret.encode() for secret in secrets if secret != "RegistryAuth"]
    equal("it is in no file of the agent", [name for name in files if os.path.isfile(name)
                                            and any(needle in open(name, "rb").read() for needle in needles)], [])
    remove("one", "two")


@case
def a_registry_that_is_killed_in_the_middle():
    back = threading.Event()

    def die():
        debian.end()

        def again():
            time.sleep(1)       # how long it is away: part of the story, nothing waits for it
            debian.after(1 << 40, None)
            debian.start()
            back.set()
        threading.Thread(target=again, daemon=True).start()
    debian.after(12000000, die)
    create("big", debian_name("big"), "--with-registry-auth")
    ok("it was killed after a part of the layer", back.wait(120))
    agent.runs("big")
    ok("the pull went on where it was", 10000000 < debian.sent < len(big_blob) - 8000000, (debian.sent, len(big_blob)))
    remove("big")


@case
def the_end():
    agent.purge()
    debian.end()


run_cases()
