"""fake_registry - a registry that does what a test tells it to, kind or wicked, and remembers what it was asked.

Standard library only. Each Registry serves one address in threads of its own. What it answers by default is the distribution
specification's pull side; a test changes that with rules, looked at before anything else:

    registry.rule("/blobs/", times=1)(lambda h: h.cut(1000))

A rule gets the request's Handler and returns True when it has answered. `registry.log` holds a Seen for each request.
"""
import base64
import collections
import gzip
import hashlib
import http.server
import io
import json
import socket
import ssl
import struct
import tarfile
import threading
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

Seen = collections.namedtuple("Seen", "method path headers client_name")


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=(), type="application/json"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if type:
            self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def error(self, status, code, message="", headers=()):
        return self.answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers)

    def redirect(self, where, status=307):
        return self.answer(status, b"", [("Location", where)], None)

    def hang_up(self):
        """Resets the connection, so that nothing more of it arrives."""
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass
        return True

    def begin_blob(self, length, start=0, total=0):
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, total - 1, total))
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def cut(self, count):
        """Serves count bytes of the blob (from where it was asked for) and then closes."""
        data, start = self.server.owner.blob_at(self.path), self.range_start()
        self.begin_blob(len(data) - start, start, len(data))
        self.wfile.write(data[start:start + count])
        self.wfile.flush()
        self.close_connection = True
        return True

    def range_start(self):
        value = self.headers.get("Range", "")
        return int(value[6:].split("-")[0]) if value.startswith("bytes=") else 0

    def handle_any(self):
        owner = self.server.owner
        certificate = getattr(self.connection, "getpeercert", lambda: None)() or {}
        name = dict(pair[0] for pair in certificate.get("subject", ())).get("commonName")
        with owner.lock:
            owner.log.append(Seen(self.command, self.path, dict(self.headers.items()), name))
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        try:
            for rule in owner.matching(self.path):
                if rule(self):
                    return
            owner.serve(self)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError, ValueError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


class Registry:
    def __init__(self, host="127.0.0.1", port=0, name=None, tls=None, only=None):
        """name: what it is called; tls: (certificate, key[, authorities of clients]) files; only: "TLSv1_2"."""
        self.blobs, self.manifests = {}, {}
        self.log, self.rules, self.lock = [], [], threading.Lock()
        self.auth = None                # None, ("basic", user, password), ("token", realm)
        self.tokens = {}                # token -> how many requests it is good for, None: any
        self.name, self.tls, self.host, self.port, self.only = name, tls, host, port, only
        self.now, self.most = 0, 0      # blobs served at one time
        self.start()

    def start(self):
        self.server = Server((self.host, self.port), Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls[0], self.tls[1])
            if self.only:
                context.set_ciphers("DEFAULT:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = ssl.TLSVersion[self.only]
            if len(self.tls) > 2:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.tls[2])
            # the handshake belongs to the connection's thread, not to the one that accepts
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def authority(self):
        host = self.name or self.host
        return host if self.port == (443 if self.tls else 80) else "%s:%d" % (host, self.port)

    @property
    def url(self):
        return "%s://%s" % ("https" if self.tls else "http", self.authority)

    # ---- what it has ----

    def put_blob(self, data):
        self.blobs[digest(data)] = data
        return digest(data)

    def put_manifest(self, repository, tag, document):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        for reference in (tag, digest(body)):
            self.manifests[repository, reference] = (json.loads(body).get("mediaType", MANIFEST), body)
        return digest(body)

    def put_image(self, repository, tag, layers, architecture="amd64", variant=None, command=("/bin/x",)):
        """layers: a list of {name: bytes}, each a layer. Returns the manifest's digest and the layers' blobs."""
        blobs, diff_ids = [], []
        for files in layers:
            tar = tar_of(files)
            diff_ids.append(digest(tar))
            blobs.append(gzip.compress(tar, 1, mtime=0))
        config = {"architecture": architecture, "os": "linux", "config": {"Cmd": list(command)}, "created": "2024-01-02T03:04:05Z",
                  "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        if variant:
            config["variant"] = variant
        config = json.dumps(config).encode()
        document = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, "digest": self.put_blob(config), "size": len(config)},
                    "layers": [{"mediaType": LAYER, "digest": self.put_blob(b), "size": len(b)} for b in blobs]}
        return self.put_manifest(repository, tag, document), blobs

    def put_list(self, repository, tag, entries):
        """entries: (manifest digest, architecture, variant)."""
        manifests = []
        for manifest, architecture, variant in entries:
            platform = {"os": "linux", "architecture": architecture}
            if variant:
                platform["variant"] = variant
            manifests.append({"mediaType": MANIFEST, "digest": manifest, "size": len(self.manifests[repository, manifest][1]),
                              "platform": platform})
        return self.put_manifest(repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})

    def blob_at(self, path):
        return self.blobs[path.rsplit("/", 1)[1]]

    # ---- what it does ----

    def rule(self, part, times=None):
        """A decorator: what to do with paths that hold part, so often, before anything else."""
        def add(function):
            self.rules.append([part, times, function])
            return function
        return add

    def matching(self, path):
        """The rules for a path, in order; one that counts is used up only when its turn comes."""
        for rule in list(self.rules):
            if rule[0] not in path:
                continue
            with self.lock:
                if rule[1] == 0:
                    continue
                if rule[1] is not None:
                    rule[1] -= 1
            yield rule[2]

    def asked(self, part):
        with self.lock:
            return [seen for seen in self.log if part in seen.path]

    def forget(self):
        with self.lock:
            self.log.clear()
            self.rules.clear()

    def is_allowed(self, handler):
        given = handler.headers.get("Authorization", "")
        if self.auth is None:
            return True
        if self.auth[0] == "basic":
            if given == "Basic " + base64.b64encode(("%s:%s" % self.auth[1:3]).encode()).decode():
                return True
            handler.error(401, "UNAUTHORIZED", "authentication required", [("WWW-Authenticate", 'Basic realm="fake"')])
            return False
        token = given[7:] if given.startswith("Bearer ") else None
        with self.lock:
            left = self.tokens.get(token, 0)
            if left:
                self.tokens[token] = left - 1
        if left is None or left > 0:
            return True
        parts = handler.path.split("/")
        scope = "" if len(parts) < 5 else ',scope="repository:%s:pull"' % "/".join(parts[2:-2])
        fault = ',error="invalid_token"' if token else ""
        handler.error(401, "UNAUTHORIZED", "authentication required",
                      [("WWW-Authenticate", 'Bearer realm="%s",service="fake"%s%s' % (self.auth[1], scope, fault))])
        return False

    def serve(self, handler):
        path = urllib.parse.urlsplit(handler.path).path
        if not self.is_allowed(handler):
            return
        parts = path.split("/")
        if path == "/v2/":
            handler.answer(200, b"{}")
        elif len(parts) >= 5 and parts[-2] == "manifests":
            found = self.manifests.get(("/".join(parts[2:-2]), parts[-1]))
            if found:
                handler.answer(200, found[1], [("Docker-Content-Digest", digest(found[1]))], found[0])
            else:
                handler.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        elif len(parts) >= 5 and parts[-2] == "blobs" and parts[-1] in self.blobs:
            self.serve_blob(handler, self.blobs[parts[-1]])
        else:
            handler.error(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def serve_blob(self, handler, data):
        start = handler.range_start()
        if start and start >= len(data):
            handler.error(416, "RANGE_INVALID", "no such range")
            return
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            handler.begin_blob(len(data) - start, start, len(data))
            handler.wfile.write(data[start:])
        finally:
            with self.lock:
                self.now -= 1


class TokenServer(Registry):
    """Gives tokens for a Registry; accounts: user -> password, None: everybody may have one."""

    def __init__(self, registry, accounts=None, good_for=None, **rest):
        super().__init__(**rest)
        self.registry, self.accounts, self.good_for, self.given = registry, accounts, good_for, 0
        self.refresh = {}               # identity token -> user
        registry.auth = ("token", self.url + "/token")

    def who(self, handler):
        """(user, None) or (None, why not)."""
        given = handler.headers.get("Authorization", "")
        if handler.command == "POST":
            form = dict(urllib.parse.parse_qsl(handler.body.decode()))
            user = self.refresh.get(form.get("refresh_token"))
            return (user, None) if user else (None, "invalid refresh token")
        if given.startswith("Basic "):
            user, _, password = base64.b64decode(given[6:]).decode().partition(":")
            if self.accounts is not None and self.accounts.get(user) != password:
                return None, "incorrect username or password"
            return user, None
        return (None, None) if self.accounts is None else (None, "access denied")

    def serve(self, handler):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
        user, why = self.who(handler)
        if why:
            handler.answer(401, json.dumps({"details": why}).encode())
            return
        self.given += 1
        token = "token-%d" % self.given
        with self.registry.lock:
            self.registry.tokens[token] = self.good_for
        reply = {"token": token, "expires_in": 60}
        if query.get("offline_token") == "true" and user:
            reply["refresh_token"] = "identity-of-" + user
            self.refresh[reply["refresh_token"]] = user
        handler.answer(200, json.dumps(reply).encode())


class Proxy:
    """An HTTP proxy that connects (CONNECT) or passes a request on; names lead where `names` says."""

    def __init__(self, host, names, password=None):
        self.names, self.password, self.log = names, password, []
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(4096)
            if not more:
                return
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        self.log.append((method, target, headers))
        wanted = self.password and "Basic " + base64.b64encode(self.password.encode()).decode()
        if wanted and headers.get("Proxy-Authorization") != wanted:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
        else:
            parts = urllib.parse.urlsplit(target)
            host, port = parts.hostname, parts.port or 80
            path = parts.path + ("?" + parts.query if parts.query else "")
            lines = ["%s %s HTTP/1.1" % (method, path)] + [line for line in lines[1:] if not line.startswith("Proxy-")] + ["Connection: close"]
        server = socket.create_connection((self.names.get(host, host), int(port)))
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            server.sendall(rest)
        else:
            server.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + rest)
        threading.Thread(target=self.pump, args=(client, server), daemon=True).start()
        self.pump(server, client)

    @staticmethod
    def pump(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o755, 1704164645
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
