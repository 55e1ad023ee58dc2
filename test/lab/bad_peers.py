#!/usr/bin/env python3
"""bad_peers.py WHAT ARGS... - a peer that knows the protocol of port 2377 (core/rpc/frame.h) and does not keep to it. Prints `ok: …` and `FAIL: …` lines.

    peers HOST WORKER-DIR REMOVED-DIR STRANGER-DIR GOOD-TOKEN OTHER-TOKEN ROTATED-TOKEN CLUSTER-ID
    demoted HOST DIR TOKEN  with the certificate of a manager that is none any more
    crowd HOST SECONDS      mute and dripping connections, until its stdin ends
    names                   a name server on 127.0.0.1 that knows no name
    secret HOST DIR TASK ID what the node with that certificate is told when it asks for a secret of a task
"""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

HELLO, CALL, REPLY, ERROR, NOTE, TICKET = range(1, 7)
ISSUE, RENEW, SESSION, BEAT, STATUS, BLOB, LEAVING, SECRET = 1, 2, 10, 11, 12, 13, 14, 15
ASSIGN, MANAGERS, OPEN, RAFT, MEMBER, SNAPSHOT, VERB, REPORT = 20, 21, 22, 30, 31, 32, 40, 41
STRANGE_ID = 77
SECONDS = 30                            # a bound for a machine that has much to do, nothing that is waited for


def verdict(what, good, got=None):
    print(f'ok: {what}' if good else f'FAIL: {what}: got: {got!r}', flush=True)


def frame(kind, call=0, method=None, body=b'', length=None):
    rest = struct.pack('<BI', kind, call) + (b'' if method is None else bytes([method])) + body
    return struct.pack('<I', len(rest) if length is None else length) + rest


def hello(magic=0x01584253, level=1, version=b'0.1.0'):
    return frame(HELLO, body=struct.pack('<IIII', magic, level, 1, 1 << 20) + bytes([len(version)]) + version)


class Peer:
    """A connection with TLS, with or without a certificate (a folder as swarmbox has it)."""

    def __init__(self, host, folder=None, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = version
        if folder:
            context.load_cert_chain(f'{folder}/swarm-node.crt', f'{folder}/swarm-node.key')
        self.bytes = b''
        raw = socket.create_connection((host, 2377), timeout=SECONDS)
        raw.settimeout(SECONDS)
        self.tls = context.wrap_socket(raw)

    def say(self, data):
        try:
            self.tls.sendall(data)
        except OSError:
            pass                        # it has hung up, and what it said last is still to be read
        return self

    def hear(self):
        """The next frame as (kind, call, body); None at the end."""
        while True:
            if len(self.bytes) >= 4:
                length, = struct.unpack_from('<I', self.bytes)
                if len(self.bytes) >= 4 + length:
                    kind, call = struct.unpack_from('<BI', self.bytes, 4)
                    body = self.bytes[9:4 + length]
                    self.bytes = self.bytes[4 + length:]
                    return kind, call, body
            try:
                more = self.tls.recv(65536)
            except socket.timeout:
                raise
            except OSError:
                return None
            if not more:
                return None
            self.bytes += more

    def refusal(self):
        """The sentence of the next error; '' when the connection ends without."""
        while True:
            heard = self.hear()
            if heard is None:
                return ''
            if heard[0] == ERROR:
                return heard[2][1:].decode()
            if heard[0] == REPLY:
                return 'it was answered: ' + heard[2][:60].decode(errors='replace')

    def ask(self, method, body=b''):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.say(frame(CALL, 7, method, body)).refusal()


def refused(what, sentence, *parts):
    one_line = sentence and '\n' not in sentence and len(sentence) < 400
    verdict(what, one_line and all(part in sentence for part in parts), sentence)


def ends(connection):
    """True when the other side hangs up, whatever it says before."""
    connection.settimeout(SECONDS)
    try:
        while connection.recv(65536):
            pass
    except socket.timeout:
        return False
    except OSError:
        pass
    return True


def raw(host, *pieces):
    connection = socket.create_connection((host, 2377), timeout=SECONDS)
    for piece in pieces:
        connection.sendall(piece)
    return connection


def request(subject, *more):
    """A request for a certificate, by openssl."""
    with tempfile.TemporaryDirectory() as folder:
        key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if not more else list(more)
        done = subprocess.run(['openssl', 'req', '-new', '-nodes', '-subj', subject, '-keyout', f'{folder}/key'] + key, capture_output=True, text=True, check=True)
        return done.stdout


def before_tls(host):
    for what, data in (('garbage', os.urandom(3000)), ('a request for a page', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), ('zeros', bytes(5000)),
                       ('a frame without TLS', hello()), ('a record of TLS that is longer than any may be', b'\x16\x03\x03\xff\xff' + bytes(100))):
        verdict(f'{what} instead of a handshake is hung up on', ends(raw(host, data)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        pass
    greeting = out.read()
    for cut in range(1, len(greeting), 40):
        raw(host, greeting[:cut]).close()
    verdict('a handshake may be cut off anywhere', ends(raw(host, greeting, os.urandom(500))))
    try:
        Peer(host, version=ssl.TLSVersion.TLSv1_2)
        verdict('TLS 1.2 is refused', False, 'a connection')
    except OSError:
        verdict('TLS 1.2 is refused', True)


def frames(host):
    def told(what, data, *parts):
        refused(what, Peer(host).say(data).refusal(), *parts)

    told('a frame of 4 GiB', b'\xff\xff\xff\xff' + b'x' * 100, 'rpc: a frame of 4294967295 bytes is over the bound of 16384')
    told('a frame of one byte', struct.pack('<I', 1) + b'x', 'rpc: a frame of 1 bytes is none')
    told('a frame of no kind', frame(99), 'rpc: a frame of unknown kind 99')
    told('a call before the greeting', frame(CALL, 1, SESSION), 'rpc: a frame before the greeting')
    told('a greeting in another language', hello(magic=0x20544547), 'rpc: the other side does not speak as swarmbox does')
    told('a greeting with a version that cannot be shown', hello(version=b'\x1b[2J\n'), 'rpc: a greeting that cannot be read')
    told('a greeting of level 0', hello(level=0), 'rpc: a greeting that cannot be read')
    told('two greetings', hello() + hello(), 'rpc: a greeting twice')
    told('a call without a number', hello() + frame(CALL, 0, ISSUE), 'with the call number 0')
    told('a note with a number', hello() + frame(NOTE, 3, RAFT), 'with the call number 3')
    told('a long frame of a stranger', hello() + frame(CALL, 1, ISSUE, bytes(20000)), 'over the bound of 16384')
    told('garbage behind the greeting', hello() + b'GET / HTTP/1.1\r\n\r\n', 'rpc: a frame of')
    told('a ticket that nobody gave', frame(TICKET, body=bytes(16)), '')
    for size in (1, 3, 4, 8, 9, 40):
        Peer(host).say(hello() + frame(CALL, 1, ISSUE, b'{}' * 20)[:size]).tls.close()
    verdict('half a frame and then the end is nothing', True)


def strangers(host, good, other, rotated, cluster):
    peer = Peer(host).say(hello())
    for method in range(0, 64):
        if method != ISSUE:
            sentence = peer.ask(method)
            if 'rpc: ' not in sentence and 'certificate' not in sentence:
                verdict(f'method {method} is not for who has no certificate', False, sentence)
    verdict('of all methods who has no certificate may call one', True)
    refused('a note of a stranger', Peer(host).say(hello() + frame(NOTE, 0, RAFT, b'x')).refusal(), 'rpc: ')
    worker = request('/CN=x')

    def join(what, token, csr, *parts, **more):
        refused(what, Peer(host).say(hello()).ask(ISSUE, {'Token': token, 'CSR': csr, **more}), *parts)

    no = 'A valid join token is necessary to join this cluster'
    ours = request('/CN=join')
    join('a join without a token', '', ours, no)
    join('with a token of another cluster', other, ours, no)
    join('with a token that was rotated away', rotated, ours, no)
    join('with half a token', good[:-5], ours, no)
    join('with a token and more', good + 'x', ours, no)
    join('with a token of 10,000 characters', 'SWMTKN-1-' + 'a' * 10000, ours, no)
    join('without a request', good, '', 'request for a certificate')
    join('with a request that is none', good, 'junk', 'certificate request')
    join('with a certificate for a request', good, worker.replace('REQUEST', 'X'), 'certificate request')
    join('with a request for a key of RSA', good, request('/CN=join', '-newkey', 'rsa:2048'), 'certificate request: not for a P-256 key')
    join('with a request for P-384', good, request('/CN=join', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'), 'certificate request: ')
    join('with a request of 15,000 bytes that is none', good, 'x' * 15000, 'certificate request')
    join("a worker's token with a request to be a manager", good, request('/OU=swarm-manager/CN=join'), 'certificate request: asks for role swarm-manager, may have swarm-worker')
    join("a token with a request for another's name", good, request(f'/CN={"a" * 25}'), 'certificate request: asks for node ' + 'a' * 25)
    join('with a request for a place in another cluster', good, request(f'/O={"b" * 25}/CN=join'), 'certificate request: asks for cluster ')
    for what, body in (('no JSON', b'\x00\x01'), ('a list', b'[]'), ('JSON that nests without end', b'[' * 8000), ('a number for a token', b'{"Token":7}'),
                       ('NUL in a token', b'{"Token":"a\\u0000b","CSR":"x"}')):
        refused(f'a join that is {what}', Peer(host).say(hello()).ask(ISSUE, body), '')


def nodes(host, worker, removed, stranger, cluster):
    peer = Peer(host, worker).say(hello())
    for name, method in (('a verb', VERB), ("a leader's report", REPORT), ('to be a member of raft', MEMBER), ('a snapshot', SNAPSHOT), ('a ticket', OPEN)):
        refused(f'a worker may not ask for {name}', peer.ask(method), 'rpc: ')
    for name, method in (('raft', RAFT), ('assignments', ASSIGN), ('managers', MANAGERS)):
        refused(f'a worker may not speak of {name}', Peer(host, worker).say(hello() + frame(NOTE, 0, method, b'x')).refusal(), 'rpc: ')
    refused('a worker may not be certified as a manager', peer.ask(RENEW, {'CSR': request('/OU=swarm-manager/CN=join')}), 'certificate request: asks for role swarm-manager')
    refused("nor in another's name", peer.ask(RENEW, {'CSR': request(f'/CN={"a" * 25}')}), 'certificate request: asks for node ')
    refused("a worker's renewal without a request", peer.ask(RENEW, {}), 'request for a certificate')
    refused('a secret of a task that is not its own', peer.ask(SECRET, {'TaskID': 'a' * 25, 'ID': 'b' * 25}), '')
    refused('a secret by a name that is none', peer.ask(SECRET, {'TaskID': '../x', 'ID': ''}), 'is no id')
    refused('a session that is no JSON', peer.ask(SESSION, b'{'), '')
    refused('a frame of a worker that is too long', Peer(host, worker).say(hello() + frame(CALL, 1, STATUS, b'', length=70000)).refusal(), 'over the bound of 65536')
    certified = Peer(host, worker).say(hello())
    certified.say(frame(CALL, 9, RENEW, json.dumps({'CSR': request('/CN=join')}).encode()))
    heard = certified.hear()
    while heard and heard[0] == HELLO:
        heard = certified.hear()
    verdict('a worker that asks for what it may have gets it', heard and heard[0] == REPLY and json.loads(heard[2]).get('Role', 'worker') == 'worker', heard and heard[2][:200])
    gone = Peer(host, removed).say(hello())
    refused('a node that was removed', gone.ask(SESSION, {}), '')
    refused('not even a new certificate', Peer(host, removed).say(hello()).ask(RENEW, {'CSR': request('/CN=join')}), '')
    for what, folder in (('a certificate of another cluster', stranger), ('one that somebody made himself', own_certificate(cluster))):
        try:
            verdict(f'{what} is none here', Peer(host, folder).say(hello()).hear() is None, 'a frame')
        except ssl.SSLError as error:
            verdict(f'{what} is none here', True, error)


def demoted(host, folder, token):
    """What only managers may, with a manager's certificate, by a node whose role was taken away."""
    peer = Peer(host, folder).say(hello()).say(frame(NOTE, 0, RAFT, bytes([0]) + struct.pack('<Q', STRANGE_ID) + bytes(2)))
    told = peer.hear()
    while told and not (told[0] == NOTE and told[2][:2] == bytes([RAFT, 0])):
        told = peer.hear()
    leader = told[2][2:10]
    head = struct.pack('<Q', STRANGE_ID) + leader + b'\xff\xff\xff\xff\x7f'     # from, to, a term that is far from here
    for message in (bytes([1, 7]) + head + bytes(15), bytes([1, 3]) + head + b'\xff\x7f\xff\x7f\1\1', bytes([1, 5]) + head + bytes(5)):
        peer.say(frame(NOTE, 0, RAFT, message))         # a leader's heartbeat, a question for a vote, a leader's entries
    peer.say(frame(CALL, 8, ISSUE, json.dumps({'Token': token, 'CSR': request('/CN=join')}).encode()))
    heard = []                                          # this one is answered when the log has been written, behind whatever was answered to those
    while not heard or (heard[-1] and heard[-1][1] != 8):
        heard.append(peer.hear())
    verdict('nobody listens to it as a leader or a candidate', heard[-1] and heard[-1][0] == REPLY and not [h for h in heard if h[0] == NOTE], heard)
    for name, method in (('a verb', VERB), ("a leader's report", REPORT), ('to be a member of raft', MEMBER), ('a snapshot', SNAPSHOT), ('a stream to a node', OPEN)):
        refused(f'it may not ask for {name}', Peer(host, folder).say(hello()).ask(method), 'is no manager of this swarm')


def own_certificate(cluster):
    folder = tempfile.mkdtemp()
    subprocess.run(['openssl', 'req', '-x509', '-nodes', '-subj', f'/O={cluster}/OU=swarm-manager/CN={"a" * 25}', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                    '-keyout', f'{folder}/swarm-node.key', '-out', f'{folder}/swarm-node.crt'], capture_output=True, check=True)
    return folder


def crowd(host):
    """Who says nothing, who says a byte at a time, who shakes hands and then says nothing; in all more than the house lets in."""
    known = [Peer(host).tls for _ in range(8)]
    mute = [socket.create_connection((host, 2377), timeout=SECONDS) for _ in range(300)]
    print('ok: they are here', flush=True)
    os.set_blocking(0, False)
    drip = 0
    while sys.stdin.buffer.raw.read(1) is None:
        for connection in mute[drip % 2::2]:
            try:
                connection.send(b'\x16')
            except OSError:
                pass
        drip += 1
        time.sleep(0.3)
    gone = 0
    for connection in mute + known:
        connection.setblocking(False)
        try:
            gone += connection.recv(100) == b''
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            gone += 1
    verdict('a crowd is let in only so far', gone >= 300 + len(known) - 256, gone)


def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 53))
    print('ok: they are here', flush=True)
    while True:
        query, whence = server.recvfrom(512)
        end = query.index(b'\0', 12) + 5
        code = 0 if b'empty' in query else 3           # no addresses, or no such name
        server.sendto(query[:2] + bytes([0x81, 0x80 | code]) + b'\0\1\0\0\0\0\0\0' + query[12:end], whence)


def peers(host, worker, removed, stranger, good, other, rotated, cluster):
    before_tls(host)
    frames(host)
    strangers(host, good, other, rotated, cluster)
    nodes(host, worker, removed, stranger, cluster)


def secret(host, folder, task, wanted):
    print(Peer(host, folder).say(hello()).ask(SECRET, {'TaskID': task, 'ID': wanted}))


{'peers': peers, 'demoted': demoted, 'crowd': crowd, 'names': names, 'secret': secret}[sys.argv[1]](*sys.argv[2:])
