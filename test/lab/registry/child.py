"""child - the fetching child alone: what works, who one is, and what breaks. Words behind it pick cases by part of their name."""
import os
import threading
import time

from fake_registry import INDEX, MANIFEST, TokenServer, digest
from harness import NAMES, ask, case, equal, holds, ok, pull, run_cases, serving
from scene import ANN, at, one_layer, plain, secure


# ---- what works ----

@case
def a_pull_by_tag():
    registry = plain()
    with serving(registry):
        manifest, blobs = registry.put_image("lab/x", "1", [{"a": b"one"}, {"b": os.urandom(300000)}])
        child, event = pull(at(registry))
        equal("a pull by tag ends well", event["what"], "done")
        image = next(e for e in child.events if e["what"] == "image")
        equal("its manifest is told", image["digest"], manifest[7:])
        ok("it was chosen from no list", not image.get("index"), image)
        equal("each layer is told when it is there", sorted(e["digest"] for e in child.events if e["what"] == "blob"),
              sorted(digest(b)[7:] for b in blobs))
        ok("the layers are what was served", all(child.file(digest(b)) == b for b in blobs))
        equal("manifest, config and layers lie in the folder", len(child.files()), 4)
        ok("nothing unfinished is left", not os.listdir(os.path.join(child.dir, "part")))
        progress = [e for e in child.events if e["what"] == "progress"]
        ok("progress ends at the blob's size", {e["digest"]: e["bytes"] for e in progress} == {digest(b)[7:]: len(b) for b in blobs}, progress)
        holds("the registry is told who asks", registry.log[0].headers["User-Agent"], "swarmbox/lab")
        holds("all kinds of manifests are welcome", registry.log[0].headers["Accept"], INDEX)


@case
def a_pull_by_digest():
    registry = plain()
    with serving(registry):
        manifest, _ = registry.put_image("lab/x", "1", [{"a": b"one"}])
        _, event = pull(at(registry, tag="", digest=manifest))
        equal("a pull by digest ends well", event["what"], "done")
        equal("the digest was asked for", registry.log[0].path, "/v2/lab/x/manifests/" + manifest)
        _, event = pull(at(registry, digest="sha512:" + "0" * 128))
        equal("another kind of digest is refused by name", event["text"],
              "digests of another kind than sha256 are not supported by swarmbox yet")


@case
def a_list_of_platforms():
    registry = plain()
    with serving(registry):
        entries = []
        for architecture, variant in (("amd64", None), ("arm", "v6"), ("arm", "v7"), ("arm64", "v8")):
            manifest, _ = registry.put_image("lab/x", "-", [{"a": (architecture + str(variant)).encode()}], architecture, variant)
            entries.append((manifest, architecture, variant))
        index = registry.put_list("lab/x", "1", entries)
        for platform, wanted in (("linux/amd64", 0), ("linux/arm/v7", 2), ("linux/arm/v6", 1), ("linux/arm64", 3)):
            child, event = pull(at(registry, platform=platform))
            image = next(e for e in child.events if e["what"] == "image")
            equal("%s gets its manifest" % platform, (event["what"], image["digest"]), ("done", entries[wanted][0][7:]))
            equal("%s is told of the list" % platform, image["index"], index[7:])
        _, event = pull(at(registry, platform="linux/riscv64"))
        equal("a platform that the list lacks is named", event["text"],
              "no matching manifest for linux/riscv64 in the manifest list entries")


@case
def only_what_is_wanted_comes():
    registry = plain()
    with serving(registry):
        _, blobs = registry.put_image("lab/x", "1", [{"a": b"1"}, {"b": b"2"}, {"c": b"3"}])
        _, event = pull(at(registry), [digest(blobs[1])])
        equal("one layer of three", [event["what"], len(registry.asked("/blobs/"))], ["done", 2])
        _, event = pull(at(registry), [])
        equal("no layer at all", event["what"], "done")
        _, event = pull(at(registry), ["0" * 64])
        holds("what is no layer of the image cannot be ordered", event["text"], "is no layer of the image")


@case
def three_layers_at_a_time():
    registry = plain()
    with serving(registry):
        _, blobs = registry.put_image("lab/x", "1", [{"f": b"%d" % i} for i in range(12)])
        layers, gate = {digest(b) for b in blobs}, threading.Barrier(3, timeout=60)

        @registry.rule("/blobs/")
        def hold(handler):
            if handler.path.rsplit("/", 1)[1] in layers:
                gate.wait()
            return False
        _, event = pull(at(registry))
        equal("twelve layers came, three at a time", event["what"], "done")
        ok("never more than three", registry.most <= 3, registry.most)


@case
def what_a_name_stands_for():
    registry = plain()
    with serving(registry):
        manifest, _ = registry.put_image("lab/x", "1", [{"a": b"one"}], "arm", "v6")
        event = ask(at(registry, work="resolve"))
        equal("a manifest is resolved with its platform", (event["what"], event.get("digest"), event.get("type"), event.get("platforms")),
              ("resolved", manifest[7:], MANIFEST, ["linux/arm/v6"]))
        equal("its size too", event["bytes"], len(registry.manifests["lab/x", "1"][1]))
        index = registry.put_list("lab/x", "2", [(manifest, "arm", "v6"), (manifest, "amd64", None)])
        event = ask(at(registry, work="resolve", tag="2"))
        equal("a list is resolved with its platforms", (event["digest"], event["type"], event["platforms"]),
              (index[7:], INDEX, ["linux/arm/v6", "linux/amd64"]))
        event = ask(at(registry, work="resolve", tag="3"))
        equal("what is not there", (event["code"], event["text"]),
              (2, "manifest for %s/lab/x:3 not found: manifest unknown: manifest unknown" % registry.authority))


# ---- who one is ----

@case
def basic_authentication():
    registry = plain()
    with serving(registry):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        registry.auth = ("basic", "ann", "s3cret:with:colons")
        right = {"username": "ann", "password": "s3cret:with:colons"}
        _, event = pull(at(registry, auth=right))
        equal("the right password", event["what"], "done")
        base = 'Get "http://%s/v2/lab/x/manifests/1": ' % registry.authority
        registry.forget()
        _, event = pull(at(registry, auth=ANN))
        equal("the wrong password", (event["code"], event["text"]), (10, base + "unauthorized: authentication required"))
        equal("is not tried twice", len(registry.log), 2)
        _, event = pull(at(registry))
        equal("no password", (event["code"], event["text"]), (10, base + "no basic auth credentials"))
        event = ask(at(registry, work="login", auth=right))
        equal("login", event["what"], "logged_in")
        event = ask(at(registry, work="login", auth=ANN))
        equal("login with a wrong password", (event["code"], event["text"]),
              (10, "login attempt to http://%s/v2/ failed with status: 401 Unauthorized" % registry.authority))


@case
def token_authentication():
    registry = plain()
    tokens = TokenServer(registry, {"ann": "pw"}, host="127.0.0.1")
    with serving(registry, tokens):
        registry.put_image("lab/x", "1", [{"a": b"one"}, {"b": b"two"}])
        _, event = pull(at(registry, auth=ANN))
        equal("a token is got with the password", event["what"], "done")
        equal("once for all of a pull", tokens.given, 1)
        holds("it is asked for what it is needed for", tokens.log[0].path, "scope=repository%3Alab%2Fx%3Apull")
        holds("and by whom", tokens.log[0].path, "account=ann")
        ok("the password itself never went to the registry", not any("Basic" in s.headers.get("Authorization", "") for s in registry.log))
        _, event = pull(at(registry, auth=dict(ANN, password="wrong")))
        equal("a wrong password", (event["code"], event["text"]),
              (10, 'Get "http://%s/v2/lab/x/manifests/1": unauthorized: incorrect username or password' % registry.authority))
        tokens.accounts = None
        _, event = pull(at(registry))
        equal("a token for nobody in particular", event["what"], "done")
        ok("without credentials", "Authorization" not in tokens.log[-1].headers, tokens.log[-1])
        _, event = pull(at(registry, auth={"registrytoken": "token-1"}))
        equal("a token that was brought along", event["what"], "done")


@case
def a_token_that_expires():
    registry = plain()
    tokens = TokenServer(registry, {"ann": "pw"}, good_for=3, host="127.0.0.1")  # as many as exchanges at a time
    with serving(registry, tokens):
        registry.put_image("lab/x", "1", [{"f": b"%d" % i} for i in range(9)])
        _, event = pull(at(registry, auth=ANN))
        equal("a token that expires again and again is replaced", event["what"], "done")
        ok("only when it must", 3 < tokens.given < 12, tokens.given)
        tokens.good_for = 0
        _, event = pull(at(registry, auth=ANN))
        equal("a token that is never accepted ends it", event.get("code"), 10)


@case
def an_identity_token():
    registry = plain()
    tokens = TokenServer(registry, {"ann": "pw"}, host="127.0.0.1")
    with serving(registry, tokens):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        event = ask(at(registry, work="login", auth=ANN))
        equal("login brings an identity token", (event["what"], event.get("text")), ("logged_in", "identity-of-ann"))
        _, event = pull(at(registry, auth={"identitytoken": "identity-of-ann"}))
        equal("which is good for a pull", (event["what"], tokens.log[-1].method), ("done", "POST"))
        _, event = pull(at(registry, auth={"identitytoken": "made up"}))
        holds("a made up one is not", event["text"], "unauthorized: invalid refresh token")


@case
def access_denied():
    registry = plain()
    tokens = TokenServer(registry, None, host="127.0.0.1")
    with serving(registry, tokens):
        registry.rule("/manifests/")(lambda handler: handler.error(
            401, "UNAUTHORIZED", "no", [("WWW-Authenticate", 'Bearer realm="%s/token",error="insufficient_scope"' % tokens.url)]))
        _, event = pull(at(registry))
        equal("Docker's sentence", (event["code"], event["text"]),
              (2, "pull access denied for %s/lab/x, repository does not exist or may require 'docker login': denied: requested access to the "
               "resource is denied" % registry.authority))


@case
def a_token_server_without_tls():
    registry = secure()
    tokens = TokenServer(registry, {"ann": "pw"}, host=NAMES["plain.test"], name="plain.test")
    with serving(registry, tokens):
        _, event = pull(at(registry, auth=ANN))
        holds("the password does not go there", event["text"], "plain http to plain.test refused: credentials would be readable")
        equal("not even a question", tokens.log, [])


# ---- what breaks ----

@case
def a_broken_transfer_is_resumed():
    registry = plain()
    with serving(registry):
        blob = one_layer(registry, 900000)
        registry.rule("/blobs/" + digest(blob), times=3)(lambda handler: handler.cut(200000))
        child, event = pull(at(registry))
        equal("three breaks, and it is there", event["what"], "done")
        ok("with the right content", child.file(digest(blob)) == blob)
        ranges = [s.headers.get("Range") for s in registry.asked(digest(blob))]
        equal("only the rest was asked for", ranges, [None, "bytes=200000-", "bytes=400000-", "bytes=600000-"])
        retries = [e for e in child.events if e["what"] == "retry"]
        equal("each try is told", [len(retries), retries[0]["seconds"]], [3, 1])


@case
def servers_that_understand_ranges_otherwise():
    registry = plain()
    with serving(registry):
        blob = one_layer(registry)
        path = "/blobs/" + digest(blob)
        wrong = [("Content-Range", "bytes 100-%d/%d" % (len(blob) - 1, len(blob)))]
        for what, second in (("one that knows none sends all again", lambda handler: handler.answer(200, blob)),
                             ("one that forgets what it said is asked anew", lambda handler: handler.error(416, "RANGE_INVALID"))):
            registry.forget()
            registry.rule(path, times=1)(lambda handler: handler.cut(200000))
            registry.rule(path, times=1)(second)
            child, event = pull(at(registry))
            equal(what, (event["what"], child.file(digest(blob)) == blob), ("done", True))
        registry.forget()
        registry.rule(path, times=1)(lambda handler: handler.cut(200000))
        registry.rule(path)(lambda handler: handler.answer(206, blob[100:], wrong))
        _, event = pull(at(registry))
        holds("one that sends another is not believed", event["text"], "asked for bytes from 200000 on, got them from 100 on")


@case
def two_versions_of_a_blob_in_one():
    registry = plain()
    with serving(registry):
        blob = one_layer(registry)

        @registry.rule("/blobs/" + digest(blob), times=1)
        def wrong_half(handler):
            handler.begin_blob(len(blob))
            handler.wfile.write(b"\0" * 200000)
            handler.wfile.flush()
            handler.close_connection = True
            return True
        child, event = pull(at(registry))
        equal("it is fetched again in one piece", (event["what"], child.file(digest(blob)) == blob), ("done", True))


@case
def a_registry_that_dies_and_comes_back():
    registry = plain()
    blob = one_layer(registry, 900000)

    def restart():
        registry.stop()
        time.sleep(1)       # how long it takes to restart: part of the story, nothing waits for it
        registry.start()

    @registry.rule("/blobs/" + digest(blob), times=1)
    def die(handler):
        handler.cut(300000)
        threading.Thread(target=restart, daemon=True).start()
        return True
    with serving(registry):
        child, event = pull(at(registry))
        equal("the pull outlives it", (event["what"], child.file(digest(blob)) == blob), ("done", True))
        equal("and goes on where it was", registry.asked(digest(blob))[-1].headers.get("Range"), "bytes=300000-")
        ok("it was tried while nobody was there", any("connection refused" in e.get("text", "") for e in child.events), child.events)


@case
def a_registry_that_is_busy():
    registry = plain()
    with serving(registry):
        blob = one_layer(registry)
        registry.rule("/manifests/", times=2)(lambda handler: handler.error(503, "UNAVAILABLE", "later"))
        registry.rule("/blobs/" + digest(blob), times=3)(lambda handler: handler.answer(502, b"<html>"))
        registry.rule("/blobs/" + digest(blob), times=1)(lambda handler: handler.error(429, "TOOMANYREQUESTS", "slowly", [("Retry-After", "1")]))
        _, event = pull(at(registry))
        equal("is asked again", event["what"], "done")
        registry.forget()
        registry.rule("/manifests/")(lambda handler: handler.error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.",
                                                                   [("Retry-After", "21600")]))
        _, event = pull(at(registry))
        holds("a limit for hours is told at once", event["text"], "toomanyrequests: You have reached your pull rate limit.")
        equal("without asking again", len(registry.log), 1)


@case
def a_registry_that_is_silent():
    registry = plain()
    with serving(registry):
        blob, release = one_layer(registry), threading.Event()

        @registry.rule("/blobs/" + digest(blob), times=1)
        def fall_silent(handler):
            handler.begin_blob(len(blob))
            handler.wfile.write(blob[:200000])
            handler.wfile.flush()
            release.wait(60)
            return handler.hang_up()
        child, event = pull(at(registry, stall_ms=1000))
        release.set()
        equal("is given up and asked again", event["what"], "done")
        holds("with the reason", next(e for e in child.events if e["what"] == "retry")["text"], "nothing came for 1 s")


@case
def nobody_there():
    registry = plain()
    registry.stop()
    start = time.monotonic()
    _, event = pull(at(registry))
    holds("nobody listens", event["text"], "dial tcp %s: connect: connection refused" % registry.authority)
    _, event = pull({"domain": "nowhere.test"})
    equal("no such name", event["text"], 'Get "https://nowhere.test/v2/lab/x/manifests/1": dial tcp: lookup nowhere.test: no such host')
    ok("and that is known soon", time.monotonic() - start < 60, time.monotonic() - start)


run_cases()
