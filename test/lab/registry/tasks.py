"""tasks - pulls by tasks, and registries of ours that break, lie and redirect, through the agent, with both command lines."""
import os
import threading
import time

from fake_registry import TokenServer, digest
from harness import case, equal, holds, ok, run_cases, serving, wait_for
from host import BUSYBOX, COMMAND, open_host, put_program, trust
from scene import authority, plain, secure

agent = open_host()
create, remove = agent.create, agent.remove


@case
def tasks_of_one_image_share_one_pull():
    registry = plain()
    with serving(registry):
        _, blob = put_program(registry)
        gate = threading.Event()
        registry.rule("/blobs/" + digest(blob), times=1)(lambda handler: not gate.wait(300) and False)
        create("many", registry.authority + "/lab/x:1", "--replicas", "5")
        wait_for(lambda: agent.tasks("many").count("Preparing") == 5)
        equal("while the image is on its way they are all preparing", agent.tasks("many").count("Preparing"), 5)
        gate.set()
        agent.runs("many", 5)
        equal("the layer was fetched once", len(registry.asked(digest(blob))), 1)
        remove("many")


@case
def what_nobody_wants_is_not_waited_for():
    registry = plain()
    with serving(registry):
        _, blob = put_program(registry)
        gate = threading.Event()
        registry.rule("/blobs/" + digest(blob))(lambda handler: not gate.wait(300) and False)
        create("gone", registry.authority + "/lab/x:1")
        wait_for(lambda: registry.asked(digest(blob)))
        agent.sb("service", "update", "-d", "-q", "--replicas", "0", "gone")
        ok("a task whose image is on its way goes at once", wait_for(lambda: not agent.tasks("gone"), 5), agent.tasks("gone"))
        agent.sb("service", "rm", "gone")
        ok("nothing of the pull is left", wait_for(lambda: not os.listdir(agent.data + "/images/staging"), 10))
        registry.forget()
        registry.rule("/blobs/" + digest(blob))(lambda handler: not gate.wait(300) and False)
        create("gone", registry.authority + "/lab/x:1")
        wait_for(lambda: registry.asked(digest(blob)))
        start = time.monotonic()
        agent.end()
        ok("the agent ends without waiting for it", time.monotonic() - start < 60, time.monotonic() - start)
        registry.forget()
        gate.set()
        agent.start()
        agent.runs("gone")
        ok("and begins anew when it is back", registry.asked(digest(blob)))
        remove("gone")


@case
def an_agent_that_is_killed_in_the_middle():
    registry = plain()
    with serving(registry):
        _, blob = put_program(registry)
        gate = threading.Event()
        registry.rule("/blobs/" + digest(blob), times=1)(lambda handler: not gate.wait(300) and False)
        create("killed", registry.authority + "/lab/x:1", "--replicas", "2")
        wait_for(lambda: registry.asked(digest(blob)))
        agent.end(hard=True)
        agent.start()
        agent.runs("killed", 2)
        gate.set()
        ok("of the first pull nothing is left", wait_for(lambda: not os.listdir(agent.data + "/images/staging")))
        remove("killed")


@case
def the_restart_policy_tries_again():
    registry = plain()
    put_program(registry)
    registry.stop()
    create("late", registry.authority + "/lab/x:1", "--no-resolve-image", "--restart-delay", "500ms")
    agent.says("a registry that is away rejects the task", "late", "connect: connection refused")
    ok("another one tries again", wait_for(lambda: agent.tasks("late").count("Rejected") >= 2, 20), agent.tasks("late"))
    registry.start()
    agent.runs("late")
    registry.stop()
    agent.sb("service", "scale", "-d", "late=3")
    agent.runs("late", 3)
    ok("an image that is here is not asked for", True)
    remove("late")
    create("never", registry.authority + "/lab/x:1", "--no-resolve-image", "--restart-condition", "none")
    agent.says("without a policy it stays so", "never", "Rejected")
    remove("never")


def refused(what, registry, part, *options):
    """A pull by hand and one by a task, both refused for the same reason."""
    for who, program in (("docker", agent.docker), ("swarmbox", agent.sb)):
        done = program("pull", registry.authority + "/lab/x:1")
        holds("%s: %s" % (who, what), done.stderr, part)
        equal("%s: in one line" % who, done.stderr.count("\n"), 1)
    create("bad", registry.authority + "/lab/x:1", "--no-resolve-image", "--restart-condition", "none", *options)
    agent.says("a task: " + what, "bad", part)
    equal("nothing of it is here", agent.say("images", "-q", registry.authority + "/lab/x"), "")
    remove("bad")


@case
def a_registry_that_lies():
    registry = plain()
    with serving(registry):
        _, blob = put_program(registry)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.answer(200, bytes([blob[0] ^ 1]) + blob[1:]))
        refused("another content under a layer's digest", registry, "verification failed for digest " + digest(blob))
        registry.forget()
        registry.rule("/manifests/")(lambda handler: handler.answer(200, registry.manifests["lab/x", "1"][1], [
            ("Docker-Content-Digest", "sha256:" + "0" * 64)], "application/vnd.oci.image.manifest.v1+json"))
        refused("a digest that is not the manifest's", registry, "the registry says that the manifest is sha256:" + "0" * 64)


@case
def redirects():
    registry, cdn, open_cdn = secure(), secure("cdn.test"), plain()
    open_cdn.stop()
    for one in (registry, cdn):
        trust(one.authority, authority.ca)
    with serving(registry, cdn):
        registry.auth = ("basic", "ann", "pw")
        equal("login", agent.sb("login", "-u", "ann", "-p", "pw", registry.authority).returncode, 0)
        _, blob = put_program(registry)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect(cdn.url + "/stored"))
        cdn.rule("/stored")(lambda handler: handler.answer(200, blob))
        create("far", registry.authority + "/lab/x:1", "--with-registry-auth")
        agent.runs("far")
        ok("a layer at another host: it was got there", cdn.log)
        ok("and no credentials went along", not any("Authorization" in seen.headers for seen in cdn.log), cdn.log)
        ok("which the registry had", any("Authorization" in seen.headers for seen in registry.log))
        remove("far")
        registry.forget()
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect(open_cdn.url + "/stored"))
        refused("a redirect to plain http", registry, "redirect from https to plain http refused: " + open_cdn.url, "--with-registry-auth")


@case
def tokens_that_expire():
    registry = plain()
    tokens = TokenServer(registry, {"ann": "pw"}, good_for=3, host="127.0.0.1")
    with serving(registry, tokens):
        registry.put_image("lab/x", "1", [{"bin/busybox": BUSYBOX}] + [{"f%d" % i: b"%d" % i} for i in range(8)], command=COMMAND)
        for program in (agent.docker, agent.sb):
            equal("login", program("login", "-u", "ann", "-p", "pw", registry.authority).returncode, 0)
            equal("a pull that needs several", program("pull", "-q", registry.authority + "/lab/x:1").returncode, 0)
            agent.forget_images()
        tokens.given = 0
        create("many-tokens", registry.authority + "/lab/x:1", "--with-registry-auth")
        agent.runs("many-tokens")
        ok("a task gets new ones too", tokens.given > 2, tokens.given)
        remove("many-tokens")
        tokens.good_for = 0
        refused("one that is never good", registry, "unauthorized: authentication required", "--with-registry-auth")
        tokens.good_for, tokens.accounts, tokens.refresh = None, {"ann": "changed"}, {}
        refused("a password that was changed", registry, "unauthorized: in", "--with-registry-auth")


@case
def the_end():
    agent.purge()


run_cases()
