"""http_rules.py - the HTTP below the API: what is bounded, what is refused, what goes on afterwards."""
import threading
import time

from suite import COMMON, ask, conn, faults, is_, ok, wire
from wire import Closed

PING = 'GET /_ping HTTP/1.1\r\nHost: x\r\n'
BODY_MAX = 4 * 1024 * 1024
TOO_LARGE = 'the body of the request is too large'
HEAD_TOO_LARGE = 'malformed HTTP: the head of the message is too large'
BROKEN = 'the body of the request is malformed or broke off'


def post(fields, body=b'', path='/volumes/create'):
    return f'POST {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n'.encode() + (body if isinstance(body, bytes) else body.encode())


def bodies():
    wire('a body over 4 MiB that is announced is refused before it is sent', post(f'Content-Length: {BODY_MAX + 1}'), 413, TOO_LARGE)
    wire('and when it is sent', post(f'Content-Length: {BODY_MAX + 1}', b'x' * (BODY_MAX + 1)), 413, TOO_LARGE)
    wire('a chunked body is counted as it comes', post('Transfer-Encoding: chunked', (b'100000\r\n' + b'x' * 0x100000 + b'\r\n') * 5),
         413, TOO_LARGE)
    wire('4 MiB are read', post(f'Content-Length: {BODY_MAX}', b' ' * BODY_MAX), 400, 'invalid JSON at byte 0: input data is empty',
         closes=False)
    wire('chunks with extensions and trailers are one body',
         post('Transfer-Encoding: chunked', '5;ext=1\r\n{"Nam\r\n7\r\ne":"ch"\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'), 201, closes=False)
    wire('a broken chunk size', post('Transfer-Encoding: chunked', 'zz\r\n'), 400, BROKEN)
    wire('a body that ends early', post('Content-Length: 12', '{"a'), 400, BROKEN, ends=True)
    wire('a transfer coding that is none of ours', post('Transfer-Encoding: gzip'), 400,
         'malformed HTTP: Request has invalid `Transfer-Encoding`')
    wire('a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 400,
         "malformed HTTP: Transfer-Encoding can't be present with Content-Length")
    wire('two lengths', post('Content-Length: 2\r\nContent-Length: 3', '{} '), 400, 'malformed HTTP: Duplicate Content-Length')
    wire('a length that is none', post('Content-Length: -1'), 400, 'malformed HTTP: Invalid character in Content-Length')
    wire('a length beyond all numbers', post('Content-Length: 99999999999999999999'), 400, 'malformed HTTP: Content-Length overflow')
    wire('a small body nobody wants is thrown away', f'{PING}Content-Length: 5\r\n\r\nabcde', 200, closes=False)
    wire('a large one ends the connection', f'{PING}Content-Length: {BODY_MAX}\r\n\r\n'.encode() + b'x' * BODY_MAX, 200, closes=False,
         ends=True)


def expectations():
    with conn() as c:
        c.send(post('Expect: 100-continue\r\nContent-Length: 14'))
        is_('Expect: 100-continue is answered before the body', c.line() + c.line(), b'HTTP/1.1 100 Continue')
        c.send('{"Name":"exp"')
        try:
            c.sock.settimeout(0.2)
            c.more()
            ok('and then waits for it', False, c.buffer)
        except TimeoutError:
            c.sock.settimeout(60)
        c.send(' ')
        is_('the reply comes when the body is whole', c.reply().status, 400)
    wire('an answer that needs no body says that none is read', f'{PING}Expect: 100-continue\r\nContent-Length: 12\r\n\r\n', 200)
    wire('another expectation', f'{PING}Expect: foo\r\n\r\n', 400, "expectation 'foo' is not supported")


def heads():
    wire('a field over the bound', f'{PING}X: {"a" * 17000}\r\n\r\n', 431, HEAD_TOO_LARGE)
    wire('a target over the bound', f'GET /{"a" * 17000} HTTP/1.1\r\nHost: x\r\n\r\n', 431, HEAD_TOO_LARGE)
    wire('a head without an end', b'GET /' + b'a' * 200000, 431, HEAD_TOO_LARGE)
    wire('too many fields', PING + ''.join(f'X{i}: a\r\n' for i in range(1000)) + '\r\n', 431,
         'malformed HTTP: the message has too many header fields')
    for version in ('0.9', '2.0', '3.0'):
        wire(f'HTTP/{version}', f'GET /_ping HTTP/{version}\r\nHost: x\r\n\r\n', 505, 'unsupported protocol version')
    wire('no Host', 'GET /_ping HTTP/1.1\r\n\r\n', 400, 'missing required Host header')
    wire('an unknown method', 'BREW /_ping HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'malformed HTTP: Invalid method encountered')
    wire('TLS', b'\x16\x03\x01\x02\x00\x01', 400, 'malformed HTTP: Invalid method encountered')
    wire('bare line feeds', 'GET /_ping HTTP/1.1\nHost: x\n\n', 400, 'malformed HTTP: Expected CRLF after version')
    wire('a blank before the colon', f'{PING}X : y\r\n\r\n', 400, 'malformed HTTP: Invalid header token')
    wire('a folded field', f'{PING}X: y\r\n z\r\n\r\n', 400, 'malformed HTTP: Unexpected whitespace after header value')
    wire('NUL in a field', PING.encode() + b'X: a\0b\r\n\r\n', 400, 'malformed HTTP: Invalid header value char')
    wire('a target that is no path', 'CONNECT host:80 HTTP/1.1\r\nHost: x\r\n\r\n', 400, "request target 'host:80' is not a path")
    wire('HTTP/1.0 is answered and closed', 'GET /_ping HTTP/1.0\r\n\r\n', 200)
    wire('Connection: close is obeyed', f'{PING}Connection: close\r\n\r\n', 200)
    wire('empty lines before a request', f'\r\n\r\n{PING}\r\n', 200, closes=False)
    wire('an offer to upgrade is left aside', f'{PING}Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n', 200, closes=False)
    wire('a client that has shut its writing is answered', f'{PING}\r\n', 200, closes=False, ends=True)
    wire('half a request and then the end', PING, 'closed without a reply', ends=True)


def paths():
    is_('a percent-encoded path is the same path', ask('GET', '/v1%2e50/%5fping').body, b'OK')
    is_('an absolute target is the same path', ask('GET', 'http://host/_ping').body, b'OK')
    for target, text in (('/_ping%00', "request path '/_ping%00' is not valid"), ('/_ping%zz', "request path '/_ping%zz' is not valid"),
                         ('/_ping%ff', "request path '/_ping%ff' is not valid"), ('/_ping?x=%ff', "request query 'x=%ff' is not valid"),
                         ('/_ping?x=%0', "request query 'x=%0' is not valid")):
        wire(f'{target} is refused', f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n', 400, text)


def keep_alive():
    with conn() as c:
        for i in range(200):
            if c.ask('GET', '/_ping').body != b'OK':
                break
        is_('two hundred requests on one connection', i, 199)
        reply = c.ask('HEAD', '/_ping')
        is_('HEAD /_ping has no body', (reply.status, reply.headers.get('content-length'), faults(reply, 'HEAD')), (200, '0', ''))
        is_('and the next request is answered', c.ask('GET', '/_ping').body, b'OK')
        reply = c.ask('HEAD', '/nosuch')
        is_('an error to HEAD has no body either', (reply.status, faults(reply, 'HEAD'), c.ask('GET', '/_ping').body), (404, '', b'OK'))
    with conn() as c:
        c.send((f'{PING}\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n' + post('Content-Length: 1', '{').decode()) * 30)
        got = [c.reply().status for _ in range(90)]
        is_('ninety pipelined requests are answered in order', got, [200, 200, 400] * 30)
    with conn() as c:
        for byte in f'{PING}\r\n'.encode():
            c.send(bytes([byte]))
        is_('a request that comes byte by byte', c.reply().body, b'OK')


def many_clients():
    idle = [conn() for _ in range(600)]
    refused = 0
    for c in idle[500:]:
        try:
            c.sock.settimeout(1)
            reply = c.reply()
            refused += reply.status == 503 and reply.message == 'too many connections' and \
                all(reply.headers.get(k) == v for k, v in COMMON.items())
        except (TimeoutError, Closed):
            pass
        if refused:
            break
    ok('more than 512 connections: the next is told so', refused)
    for c in idle:
        c.sock.close()
    deadline = time.monotonic() + 60
    while True:
        try:
            body = ask('GET', '/_ping').body
        except (Closed, ConnectionError):
            body = b''
        if body == b'OK' or time.monotonic() > deadline:
            break
    is_('and when they have gone all is well', body, b'OK')


class Slow(threading.Thread):
    """A head that never ends, beside everything else: it takes the ten seconds that the server gives it."""
    def run(self):
        self.got = None
        with conn() as c:
            started = time.monotonic()
            c.send('GET /_ping HTT')
            try:
                reply = c.reply()
                self.got = (reply.status, reply.message, faults(reply), c.is_closed())
            except (Closed, TimeoutError) as e:
                self.got = repr(e)
            self.took = time.monotonic() - started

    def verdict(self):
        self.join()
        is_('a head that does not come to its end is 408 and closed',
            self.got, (408, 'the head of the request took too long to arrive', '', True))
        ok('after ten seconds', 9.5 < self.took, self.took)


PARTS = (bodies, expectations, heads, paths, keep_alive, many_clients)
