"""wire.py - HTTP by hand over a Unix socket: what is sent is exactly what the test wrote, what comes back is taken apart strictly."""
import json
import socket
import struct
import time


class Reply:
    def __init__(self, status, headers, body, raw_head):
        self.status, self.headers, self.body, self.raw_head = status, headers, body, raw_head

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json()['message']

    def __str__(self):
        return f'{self.status} {self.body[:300]!r}'


class Closed(Exception):
    """The server closed where a reply was awaited."""


class Conn:
    def __init__(self, path, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(self.buffer[:200])
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def line(self):
        while b'\r\n' not in self.buffer:
            self.more()
        taken, _, self.buffer = self.buffer.partition(b'\r\n')
        return taken

    def head(self):
        """Status and fields, names in lower case; a field that comes twice is a fault."""
        first = self.line()
        version, status, _ = first.decode().split(' ', 2)
        assert version == 'HTTP/1.1', first
        headers = {}
        while line := self.line():
            name, value = line.decode().split(': ', 1)
            assert name.lower() not in headers, f'{name} comes twice'
            headers[name.lower()] = value
        return int(status), headers

    def chunks(self):
        while True:
            size = int(self.line(), 16)
            if size:
                yield self.take(size)
            assert self.line() == b''
            if size == 0:
                return

    def reply(self, to='GET'):
        status, headers = self.head()
        has_body = to != 'HEAD' and status >= 200 and status not in (204, 304)
        body = b''
        if has_body and headers.get('transfer-encoding') == 'chunked':
            body = b''.join(self.chunks())
        elif has_body:
            body = self.take(int(headers['content-length']))
        return Reply(status, headers, body, None)

    def ask(self, method, target, body=None, headers=(), kind='application/json'):
        text = f'{method} {target} HTTP/1.1\r\nHost: x\r\n' + ''.join(f'{h}\r\n' for h in headers)
        if body is not None:
            data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
            text += f'Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n'
            self.send(text.encode() + b'\r\n' + data)
        else:
            self.send(text + '\r\n')
        return self.reply(method)

    def is_closed(self):
        """Waits for the end of the stream; anything that still comes is a fault."""
        try:
            self.more()
        except Closed:
            return self.buffer == b''
        except ConnectionResetError:
            return False
        return False


def frames(body):
    """A multiplexed log, taken apart: (stream, text) pairs."""
    out, at = [], 0
    while at < len(body):
        stream, length = struct.unpack('>BxxxL', body[at:at + 8])
        assert at + 8 + length <= len(body), 'a frame is cut off'
        out.append((stream, body[at + 8:at + 8 + length].decode()))
        at += 8 + length
    return out


def wait_for(seconds, what):
    """What is certain to come may take a minute on a busy machine; less than a second is for what must not come."""
    deadline = time.monotonic() + (max(seconds, 60) if seconds >= 1 else seconds)
    while not (got := what()):
        if time.monotonic() > deadline:
            return got
        time.sleep(0.02)
    return got
