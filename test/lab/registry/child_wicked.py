"""child_wicked - the fetching child against liars and thieves: digests, redirects, certificates, and the walls around it."""
import json
import os
import threading

from fake_registry import CONFIG, MANIFEST, Proxy, Registry, TokenServer, digest
from harness import IS_SANITIZED, NAMES, Child, ask, case, equal, holds, ok, pull, run_cases, serving
from scene import ANN, at, authority, one_layer, plain, secure, stranger


# ---- lies ----

@case
def lies_about_digests():
    registry = plain()
    with serving(registry):
        manifest, (blob,) = registry.put_image("lab/x", "1", [{"a": b"one"}])
        other, _ = registry.put_image("lab/x", "2", [{"a": b"two"}])
        registry.blobs[digest(blob)] = blob[:-1] + bytes([blob[-1] ^ 1])
        child, event = pull(at(registry))
        equal("a layer", event["text"], "filesystem layer verification failed for digest " + digest(blob))
        ok("does not come to lie in the folder", digest(blob)[7:] not in child.files())
        equal("and is not asked for again", len(registry.asked(digest(blob))), 1)
        body = registry.manifests["lab/x", "2"]
        registry.manifests["lab/x", manifest] = body
        _, event = pull(at(registry, digest=manifest))
        equal("a manifest asked for by digest", event["text"], "manifest verification failed for digest " + manifest)
        index = registry.put_list("lab/x", "3", [(other, "amd64", None)])
        for what, lie in (("longer", body[1] + b" "), ("shorter", body[1][:-1]), ("of the same length", body[1].replace(b"sha256", b"sha265", 1))):
            registry.manifests["lab/x", other] = (MANIFEST, lie)
            _, event = pull(at(registry, tag="3"))
            ok("a manifest of a list that is " + what, "the answer is longer than" in event["text"] or "verification failed" in event["text"], event)
        registry.rule("/manifests/1")(lambda handler: handler.answer(200, body[1], [("Docker-Content-Digest", index)], MANIFEST))
        _, event = pull(at(registry))
        holds("a header that does not fit the content", event["text"], "the registry says that the manifest is " + index)


@case
def a_config_with_another_digest():
    registry = plain()
    with serving(registry):
        manifest, _ = registry.put_image("lab/x", "1", [{"a": b"one"}])
        config = json.loads(registry.manifests["lab/x", manifest][1])["config"]["digest"]
        registry.blobs[config] = registry.blobs[config][:-1] + b" "
        _, event = pull(at(registry))
        equal("is refused", event["text"], "image config verification failed for digest " + config)


@case
def lies_about_sizes():
    registry = plain()
    with serving(registry):
        blob = one_layer(registry)
        words = "more than the %d bytes that the manifest says" % len(blob)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.answer(200, blob + b"more"))
        _, event = pull(at(registry))
        holds("more than the manifest says", event["text"], words)
        registry.forget()

        @registry.rule("/blobs/" + digest(blob))
        def endless(handler):
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            while True:
                handler.wfile.write(b"10000\r\n" + b"\0" * 65536 + b"\r\n")
        _, event = pull(at(registry))
        holds("a stream without an end", event["text"], words)


@case
def documents_that_make_no_sense():
    registry = plain()
    digits = "sha256:" + "ab" * 32
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digits, "size": 5}
    good = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, "digest": digits, "size": 5}, "layers": [layer]}
    with serving(registry):
        for what, document, words in (
                ("no JSON", b"<html>", "manifest: byte 0"),
                ("an endless nest", b"[" * 100000, "manifest: byte"),
                ("a list", b"[]", "manifest: not a JSON object"),
                ("of schema 1", b'{"schemaVersion":1,"fsLayers":[]}', "manifest of the old schema 1"),
                ("both at once", dict(good, manifests=[]), "manifest: it has both layers and manifests"),
                ("an artifact", dict(good, mediaType="application/vnd.x"), "manifest of type 'application/vnd.x' is not supported"),
                ("one with a huge config", dict(good, config={"mediaType": CONFIG, "digest": digits, "size": 1 << 40}), "the image's config is larger than"),
                ("one with a negative size", dict(good, layers=[dict(layer, size=-5)]), "no size"),
                ("one with a path for a digest", dict(good, config={"mediaType": CONFIG, "digest": "sha256:../../../../etc/passwd", "size": 3}), "no sha256 digest"),
                ("one with a thousand layers", dict(good, layers=[layer] * 1000), "not 1 to 127 layers"),
                ("one with foreign layers", dict(good, layers=[dict(layer, urls=["http://127.0.0.1/"],
                                                                    mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")]),
                 "is a foreign one"),
                ("five megabytes", b'{"schemaVersion":2,"x":"' + b"a" * 5000000 + b'"}', "the answer is longer than 4194304 bytes"),
                ("empty", b"", "manifest: byte 0"),
        ):
            registry.forget()
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            registry.rule("/manifests/")(lambda handler, body=body: handler.answer(200, body))
            _, event = pull(at(registry))
            ok("a manifest that is %s is refused in one line" % what,
               event["what"] == "failed" and words in event["text"] and "\n" not in event["text"], event)


@case
def answers_that_are_no_http():
    registry = plain()
    with serving(registry):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        for what, junk in (("noise", b"\x00\xff\x01 nothing at all\r\n\r\n"), ("another protocol", b"220 smtp.example ESMTP\r\n"),
                           ("a header without an end", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 600000),
                           ("a million headers", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200000 + b"\r\n"),
                           ("a length that is no number", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc"),
                           ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
                           ("a broken chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")):
            registry.forget()

            @registry.rule("/manifests/")
            def send(handler, junk=junk):
                handler.wfile.write(junk)
                handler.wfile.flush()
                handler.close_connection = True
                return True
            _, event = pull(at(registry, stall_ms=3000))
            ok("%s ends in one line" % what, event["what"] == "failed" and len(event["text"]) > 20, event)


# ---- redirects ----

@case
def a_redirect_to_another_host():
    registry, cdn = secure(), secure("cdn.test")
    with serving(registry, cdn):
        registry.auth = ("basic", "ann", "pw")
        blob = one_layer(registry)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect("%s/stored?sig=a%%2Fb&x=%s" % (cdn.url, digest(blob))))
        cdn.rule("/stored", times=1)(lambda handler: handler.hang_up())
        cdn.rule("/stored")(lambda handler: handler.answer(200, blob))
        child, event = pull(at(registry, auth=ANN))
        equal("is followed, and again after a break", (event["what"], child.file(digest(blob)) == blob, len(cdn.log)), ("done", True, 2))
        equal("the signed address arrives as it was", cdn.log[0].path, "/stored?sig=a%2Fb&x=" + digest(blob))
        ok("no credentials go there", all("Authorization" not in s.headers for s in cdn.log), cdn.log)
        ok("the registry had them", "Authorization" in registry.log[-1].headers)


@case
def a_redirect_there_and_back():
    registry, cdn = secure(), secure("cdn.test")
    with serving(registry, cdn):
        registry.auth = ("basic", "ann", "pw")
        blob = one_layer(registry)
        registry.rule("/blobs/" + digest(blob), times=1)(lambda handler: handler.redirect(cdn.url + "/bounce"))
        cdn.rule("/bounce")(lambda handler: handler.redirect(registry.url + "/steal"))
        registry.rule("/steal")(lambda handler: handler.answer(200, blob))
        _, event = pull(at(registry, auth=ANN))
        equal("is followed too", event["what"], "done")
        ok("but credentials that were left behind stay there", "Authorization" not in registry.asked("/steal")[0].headers)


@case
def a_redirect_with_a_challenge_behind_it():
    registry, cdn = secure(), secure("cdn.test")
    with serving(registry, cdn):
        registry.auth = ("basic", "ann", "pw")
        blob = one_layer(registry)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect(cdn.url + "/ask"))
        for what, challenge in (("the password", 'Basic realm="give"'), ("it as a token server", 'Bearer realm="%s/token"' % cdn.url)):
            cdn.forget()
            cdn.rule("/ask")(lambda handler, challenge=challenge: handler.answer(401, b"", [("WWW-Authenticate", challenge)]))
            _, event = pull(at(registry, auth=ANN))
            equal("another host may ask for " + what, event["what"], "failed")
            ok("it does not get it", [s.path for s in cdn.log] == ["/ask"] and "Authorization" not in cdn.log[0].headers, cdn.log)


@case
def a_token_server_that_redirects():
    registry, thief = secure(), secure("cdn.test")
    tokens = TokenServer(registry, {"ann": "pw"}, host=NAMES["auth.test"], name="auth.test",
                         tls=authority.sign("auth.test", "auth.test", ["auth.test"]))
    with serving(registry, tokens, thief):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        tokens.rule("/token")(lambda handler: handler.redirect(thief.url + "/token"))
        _, event = pull(at(registry, auth=ANN))
        equal("it fails", event["what"], "failed")
        ok("and the password went no further", len(thief.log) == 1 and "Authorization" not in thief.log[0].headers, thief.log)


@case
def a_redirect_to_plain_http():
    registry, cdn, local = secure(), Registry(NAMES["plain.test"], name="plain.test"), plain()
    with serving(registry, cdn, local):
        blob = one_layer(registry)
        cdn.rule("/")(lambda handler: handler.answer(200, blob))
        for what, part in (("of a layer", "/blobs/" + digest(blob)), ("of a manifest", "/manifests/")):
            registry.forget()
            registry.rule(part)(lambda handler: handler.redirect(cdn.url + "/x"))
            _, event = pull(at(registry))
            holds("%s is refused" % what, event["text"], "redirect from https to plain http refused: " + cdn.url)
        equal("nothing was asked there", cdn.log, [])
        local.blobs, local.manifests = registry.blobs, registry.manifests
        local.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect(cdn.url + "/x"))
        _, event = pull(at(local))
        holds("from an insecure registry to one that is not", event["text"], "plain.test is not an insecure registry")
        _, event = pull(at(local, insecure=[cdn.authority]))
        equal("to one that is by configuration", event["what"], "done")


@case
def redirects_that_lead_nowhere():
    registry = plain()
    with serving(registry):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        for what, where, words in (("a circle", "/v2/lab/x/manifests/1", "stopped after 10 redirects"),
                                   ("a file", "file:///etc/passwd", "a redirect must lead to https:// or http://"),
                                   ("nothing", "", "a redirect that does not say where to"),
                                   ("credentials", "https://ann:pw@reg.test/", "a user or password in it is not allowed"),
                                   ("a very long way", "/" + "a" * 9000, "a redirect to an address that is too long")):
            registry.forget()
            registry.rule("/manifests/")(lambda handler, where=where: handler.redirect(where))
            _, event = pull(at(registry))
            holds("%s is refused" % what, event["text"], words)


# ---- TLS ----

@case
def certificates():
    registry = secure()
    with serving(registry):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        _, event = pull(at(registry))
        equal("an authority of the system is believed", event["what"], "done")
        _, event = pull(at(registry, ca_file=stranger.ca))
        equal("a stranger is not", event["text"], 'Get "%s/v2/lab/x/manifests/1": x509: certificate signed by unknown authority' % registry.url)
        _, event = pull(at(registry, ca_file="/dev/null"))
        holds("without any authority nobody is", event["text"], "x509: certificate signed by unknown authority")
        folder = os.path.join(authority.dir, "certs.d", registry.authority)
        os.makedirs(folder)
        os.symlink(authority.ca, os.path.join(folder, "ca.crt"))
        dirs = [os.path.join(authority.dir, "none"), os.path.join(authority.dir, "certs.d")]
        _, event = pull(at(registry, ca_file=stranger.ca, certs_dirs=dirs))
        equal("one of its own folder is", event["what"], "done")
        _, event = pull(at(registry, ca_file=stranger.ca, insecure=[registry.authority]))
        equal("an insecure registry may show what it wants", event["what"], "done")


@case
def certificates_that_are_not_good_enough():
    for what, pair, words in (
            ("for another name", authority.sign("other", "other", ["other.test"]), "x509: certificate is not valid for reg.test"),
            ("that has run out", authority.sign("old", "reg.test", ["reg.test"], end="20200201000000Z"), "x509: certificate has expired"),
            ("of tomorrow", authority.sign("new", "reg.test", ["reg.test"], start="20980101000000Z"), "x509: certificate is not yet valid")):
        registry = secure(certificate=pair)
        with serving(registry):
            registry.put_image("lab/x", "1", [{"a": b"one"}])
            _, event = pull(at(registry))
            holds("a certificate %s" % what, event["text"], words)


@case
def kinds_of_tls():
    for is_rsa in (False, True):
        for version in ("TLSv1_2", "TLSv1_3"):
            what = "%s with %s" % (version, "RSA" if is_rsa else "an elliptic curve")
            registry = Registry(NAMES["reg.test"], tls=authority.sign("address", "x", [NAMES["reg.test"]], rsa=is_rsa), only=version)
            with serving(registry):
                registry.put_image("lab/x", "1", [{"a": b"one"}])
                _, event = pull(at(registry))
                equal(what + ", and an address in the certificate", (event["what"], event.get("text")), ("done", None))
    registry = Registry(NAMES["reg.test"], tls=authority.sign("address", "x", [NAMES["reg.test"]]), only="TLSv1_1")
    with serving(registry):
        _, event = pull(at(registry))
        holds("TLS 1.1 is spoken no more", event["text"], "tls: ")


@case
def who_we_are():
    registry = secure(certificate=authority.sign("reg.test", "reg.test", ["reg.test"]) + (authority.ca,))
    cdn = secure("cdn.test")
    with serving(registry, cdn):
        blob = one_layer(registry)
        registry.rule("/blobs/" + digest(blob))(lambda handler: handler.redirect(cdn.url + "/x"))
        cdn.rule("/x")(lambda handler: handler.answer(200, blob))
        _, event = pull(at(registry))
        equal("a registry that wants our certificate gets none without a folder", event["what"], "failed")
        folder = os.path.join(authority.dir, "client.d", registry.authority)
        os.makedirs(folder)
        certificate, key = authority.sign("client", "host-1")
        os.symlink(certificate, os.path.join(folder, "client.cert"))
        dirs = [os.path.join(authority.dir, "client.d")]
        _, event = pull(at(registry, certs_dirs=dirs))
        holds("a certificate without its key is said to be one", event["text"], "missing key client.key for client certificate client.cert. CA "
              "certificates must use the extension .crt")
        os.symlink(key, os.path.join(folder, "client.key"))
        _, event = pull(at(registry, certs_dirs=dirs))
        equal("with both it is shown", (event["what"], event.get("text"), {s.client_name for s in registry.log}), ("done", None, {"host-1"}))
        os.unlink(os.path.join(folder, "client.cert"))
        _, event = pull(at(registry, certs_dirs=dirs))
        holds("a key without its certificate", event["text"], "missing client certificate client.cert for key client.key")


@case
def plain_http_where_tls_is_wanted():
    registry = Registry(NAMES["plain.test"], name="plain.test")
    with serving(registry):
        registry.put_image("lab/x", "1", [{"a": b"one"}])
        _, event = pull(at(registry))
        holds("is not spoken", event["text"], "http: server gave HTTP response to HTTPS client")
        equal("nothing readable was sent", registry.log, [])
        _, event = pull(at(registry, insecure=[registry.authority]))
        equal("unless the registry is insecure by configuration", event["what"], "done")
        _, event = pull(at(registry, insecure=["10.77.0.0/16"]))
        equal("by its network too, whatever it is called", event["what"], "done")


# ---- ways ----

@case
def proxies():
    registry, way = secure(), Registry(NAMES["plain.test"], name="plain.test")
    proxy = Proxy(NAMES["proxy.test"], NAMES, "pat:proxy")
    with serving(registry, way):
        for served in (registry, way):
            served.put_image("lab/x", "1", [{"a": b"one"}])
        through = "http://pat:proxy@proxy.test:%d" % proxy.port
        registry.auth = ("basic", "ann", "pw")
        _, event = pull(at(registry, https_proxy=through, auth=ANN))
        equal("https goes through a tunnel", (event["what"], {entry[0] for entry in proxy.log}), ("done", {"CONNECT"}))
        ok("the registry's password is not shown to the proxy", not any("Authorization" in entry[2] for entry in proxy.log), proxy.log)
        ok("nor the proxy's to the registry", not any("Proxy-Authorization" in seen.headers for seen in registry.log))
        proxy.log.clear()
        _, event = pull(at(way, http_proxy=through, insecure=[way.authority]))
        equal("http is passed on", (event["what"], proxy.log[-1][0]), ("done", "GET"))
        proxy.log.clear()
        _, event = pull(at(registry, https_proxy=through, no_proxy=".test", auth=ANN))
        equal("NO_PROXY goes straight", (event["what"], proxy.log), ("done", []))
        _, event = pull(at(registry, https_proxy="http://pat:wrong@proxy.test:%d" % proxy.port))
        ok("a proxy that refuses ends it, and its password is not told", event["what"] == "failed" and "wrong" not in event["text"], event)
        _, event = pull(at(registry, https_proxy="gopher://x"))
        equal("what is no proxy", event["text"], 'Get "%s/v2/lab/x/manifests/1": HTTPS_PROXY: invalid proxy address \'gopher://x\'' % registry.url)


@case
def mirrors():
    hub = Registry(NAMES["registry-1.docker.io"], 443, "registry-1.docker.io", authority.sign("hub", "hub", ["registry-1.docker.io"]))
    mirror, broken = secure("mirror.test"), plain()
    job = {"domain": "docker.io", "ca_file": authority.ca, "mirrors": [broken.url, mirror.url + "/deep"], "auth": ANN}
    with serving(hub, mirror, broken):
        hub.auth = ("basic", "ann", "pw")
        blob = one_layer(hub, 100000)
        mirror.blobs, mirror.manifests = hub.blobs, hub.manifests
        broken.rule("/")(lambda handler: handler.answer(403, b"go away"))
        mirror.rule("/deep")(lambda handler: setattr(handler, "path", handler.path[5:]))
        child, event = pull(job)
        equal("a mirror serves what it has", (event["what"], len(hub.log)), ("done", 0))
        holds("one that does not is noted", next(e for e in child.events if e["what"] == "note")["text"], "denied")
        ok("mirrors are not shown the password", not any("Authorization" in s.headers for s in mirror.log + broken.log))
        mirror.manifests = {}
        _, event = pull(job)
        equal("what they lack comes from the registry", (event["what"], len({s.path for s in hub.asked("/blobs/")})), ("done", 2))
        mirror.manifests, mirror.blobs = hub.manifests, {d: (b"\0" * len(b) if d == digest(blob) else b) for d, b in hub.blobs.items()}
        child, event = pull(job)
        equal("a mirror that lies about a layer is passed over", (event["what"], child.file(digest(blob)) == blob), ("done", True))
        hub.forget()
        event = ask(dict(job, work="login"))
        equal("a login asks the registry itself", (event["what"], hub.log[0].path), ("logged_in", "/v2/"))


# ---- walls ----

def held_child():
    """A registry that holds back a layer, a child that waits for it, and what lets it go on."""
    registry = plain()
    blob, held, release = one_layer(registry), threading.Event(), threading.Event()

    @registry.rule("/blobs/" + digest(blob), times=1)
    def hold(handler):
        held.set()
        release.wait(60)
        return False
    child = Child(at(registry, auth=ANN))
    child.until("image")
    child.order([digest(blob)])
    held.wait(30)
    return registry, child, release


@case
def what_the_child_can_still_do():
    registry, child, release = held_child()
    with serving(registry):
        proc = "/proc/%d/" % child.process.pid
        with open(proc + "status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        for what in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            equal("no capability in " + what, status[what], "0" * 16)
        equal("no new privileges", status["NoNewPrivs"], "1")
        equal("system calls are filtered", status["Seccomp"], "0" if IS_SANITIZED else "2")
        equal("its root holds the resolver's files and the folder, and nothing else",
              (sorted(os.listdir(proc + "root")), sorted(os.listdir(proc + "root/etc"))), (["blobs", "etc"], ["hosts", "resolv.conf"]))
        ok("the root cannot be written", os.statvfs(proc + "root").f_flag & os.ST_RDONLY)
        ok("nothing in the folder can be executed", os.statvfs(proc + "root/blobs").f_flag & os.ST_NOEXEC)
        targets = sorted(os.readlink(proc + "fd/" + fd) for fd in os.listdir(proc + "fd"))
        ok("it holds no file of the host", all(t.startswith(("socket:", "anon_inode:", "/blobs")) or t == child.noise for t in targets), targets)
        with open(proc + "limits") as file:
            limit = next(line.split()[3] for line in file if line.startswith("Max address space"))
        ok("its memory is bounded", limit != "unlimited" or IS_SANITIZED, limit)
        with open(proc + "cmdline") as cmdline, open(proc + "environ") as environ:
            ok("credentials are not in its arguments, nor in its environment", "ann" not in cmdline.read() and not environ.read())
        release.set()
        equal("and it can still do its work", child.until("done", "failed")["what"], "done")
        child.end()


@case
def when_the_agent_is_gone():
    registry, child, release = held_child()
    with serving(registry):
        equal("the child ends when its socket closes", child.end(), 1)
        release.set()


@case
def jobs_that_make_no_sense():
    for what, job, words in (("a registry without a name", {"domain": ""}, "no registry or no repository"),
                             ("a mirror that is none", {"mirrors": ["x"]}, "invalid mirror: no scheme"),
                             ("a platform that is none", {"platform": "a/b/c/d"}, "unknown operating system or architecture"),
                             ("authorities that are not there", {"ca_file": "/nowhere"}, "authorities of the system")):
        _, event = pull(job)
        holds("%s is refused" % what, event["text"], words)


run_cases()
