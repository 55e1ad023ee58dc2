"""suite.py - verdicts, one line each, and what every reply of the agent has in common."""
import re
import traceback

from wire import Closed, Conn

SOCKET = None           # set by run.py
passed = failed = 0


def is_(what, got, want):
    global passed, failed
    if got == want:
        passed += 1
        print(f'ok: {what}')
    else:
        failed += 1
        print(f'FAIL: {what}: got: {got!r}, wanted {want!r}')


def ok(what, holds, got=''):
    is_(f'{what}{"" if holds else f" ({got})"}', bool(holds), True)


def part(fn):
    """Runs one file's worth of checks; an exception is one failure and ends that part alone."""
    try:
        fn()
    except Exception:       # whatever it is, the other parts still run
        ok(f'{fn.__name__} runs to its end', False, traceback.format_exc(limit=3).replace('\n', ' | '))


def conn(timeout=60):
    return Conn(SOCKET, timeout)


def ask(method, target, body=None, **more):
    with conn() as c:
        return c.ask(method, target, body, **more)


# what each reply carries, whatever it says
COMMON = {'api-version': '1.50', 'ostype': 'linux', 'docker-experimental': 'false'}


def faults(reply, method='GET'):
    """What is wrong with a reply's form, as text; '' when nothing is."""
    wrong = [f'{k}: {reply.headers.get(k)}' for k, v in COMMON.items() if reply.headers.get(k) != v]
    if not re.fullmatch(r'Docker/\d+\.\d+\.\d+ \(linux\)', reply.headers.get('server', '')):
        wrong.append(f'server: {reply.headers.get("server")}')
    if 'date' not in reply.headers:
        wrong.append('no date')
    if reply.status in (204, 304) and ('content-length' in reply.headers or 'transfer-encoding' in reply.headers):
        wrong.append(f'{reply.status} announces a body')
    if reply.status >= 400:
        if reply.headers.get('content-type') != 'application/json':
            wrong.append(f'content-type: {reply.headers.get("content-type")}')
        if method != 'HEAD':
            message = reply.json()
            if list(message) != ['message'] or not message['message'] or '\n' in message['message']:
                wrong.append(f'body: {reply.body[:200]}')
    return ', '.join(wrong)


def refuses(what, reply, status, message):
    """An error of exactly this status and text, in Docker's form."""
    is_(what, (reply.status, reply.json().get('message'), faults(reply)), (status, message, ''))


def gives(what, reply, status=200):
    is_(what, (reply.status, faults(reply)), (status, ''))
    return reply


def wire(what, data, status, message=None, closes=True, ends=False, to='GET'):
    """Bytes as they are on a connection of their own: the first reply, and whether it is the last."""
    with conn() as c:
        c.send(data)
        if ends:
            import socket
            c.sock.shutdown(socket.SHUT_WR)
        try:
            reply = c.reply(to)
        except Closed:
            is_(what, 'closed without a reply', status)
            return
        got = (reply.status, reply.message if message else None, faults(reply), reply.headers.get('connection') == 'close')
        is_(what, got, (status, message, '', closes))
        if closes:
            ok(f'{what}: and the connection ends', c.is_closed())
        elif not ends:
            is_(f'{what}: and the connection goes on', c.ask('GET', '/_ping').body, b'OK')
