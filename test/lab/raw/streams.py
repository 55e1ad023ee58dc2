"""streams.py - replies that are long or have no end: lists, events, logs."""
import calendar
import io
import json
import tarfile
import threading
import time
import urllib.parse

from suite import ask, conn, faults, gives, is_, ok, refuses
from wire import Closed, frames, wait_for

LONG = 20000


def quoted(filters):
    return urllib.parse.quote(json.dumps(filters))


def resident_kib(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(next(line for line in f if line.startswith('VmRSS')).split()[1])


def long_list(pid):
    """A client that asks for twenty thousand tasks and does not read: others are served, and the agent keeps nothing for it."""
    service = gives('a service of very many tasks', ask('POST', '/services/create', {
        'Name': 'many', 'Mode': {'Replicated': {'Replicas': LONG}}, 'TaskTemplate': {
            'ContainerSpec': {'Image': 'swarmbox:latest'}, 'Placement': {'Constraints': ['node.labels.never==true']}}}), 201).json()['ID']
    last = f'/tasks?filters={quoted({"name": [f"many.{LONG}."]})}'
    is_('they are all made', wait_for(60, lambda: len(ask('GET', last).json())), 1)
    before = resident_kib(pid)
    with conn() as slow:
        slow.send('GET /tasks HTTP/1.1\r\nHost: x\r\n\r\n')
        status, headers = slow.head()
        is_('the list begins at once, in chunks', (status, headers.get('transfer-encoding'), 'content-length' in headers), (200, 'chunked', False))
        with conn() as other:
            longest = 0
            for _ in range(200):
                started = time.monotonic()
                is_ok = other.ask('GET', '/services').status == 200
                longest = max(longest, time.monotonic() - started)
            ok('meanwhile others are answered', is_ok and longest < 30, longest)
        waiting = resident_kib(pid)
        ok('and nothing of the list piles up', waiting - before < 2048, f'{before} KiB, then {waiting}')
        body = b''.join(slow.chunks())
        tasks = [t['ID'] for t in json.loads(body) if t['ServiceID'] == service]
        is_('it is whole', (len(tasks), len(set(tasks))), (LONG, LONG))
        ok('and long', len(body) > 10 << 20, len(body))
        is_('and the connection goes on', slow.ask('GET', '/_ping').body, b'OK')
    after = resident_kib(pid)
    ok('afterwards the agent is no larger', after - before < 4096, f'{before} KiB, then {after}')
    with conn() as hasty:
        hasty.send('GET /tasks HTTP/1.1\r\nHost: x\r\n\r\n')
        hasty.head()
    gives('a client that leaves in the middle hurts nobody', ask('GET', '/_ping'))
    gives('they go', ask('DELETE', '/services/many'))
    is_('all of them', wait_for(60, lambda: ask('GET', last).json() == []), True)


class Follower(threading.Thread):
    """A stream that has no end: what comes, chunk by chunk, until it is closed from here."""
    def __init__(self, target):
        super().__init__(daemon=True)
        self.conn = conn()
        self.conn.send(f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n')
        self.status, self.headers = self.conn.head()
        self.data = b''
        self.start()

    def run(self):
        try:
            for chunk in self.conn.chunks():
                self.data += chunk
        except (Closed, OSError):
            pass

    def close(self):
        self.conn.sock.shutdown(2)
        self.join()
        self.conn.sock.close()


def events(_pid):
    began = time.time()
    live = Follower('/v1.50/events')
    only = Follower(f'/events?filters={quoted({"type": ["service"], "event": {"remove": True}})}')
    is_('the head of the events comes at once', (live.status, live.headers['content-type']), (200, 'application/json'))
    service = gives('a service', ask('POST', '/services/create', {'Name': 'ev', 'Mode': {'Replicated': {'Replicas': 0}},
                                                                  'TaskTemplate': {'ContainerSpec': {'Image': 'swarmbox:latest'}}}), 201).json()['ID']
    gives('that goes', ask('DELETE', '/services/ev'))
    is_('both are told', wait_for(5, lambda: live.data.count(b'\n') >= 2), True)
    is_('the filtered one is told', wait_for(5, lambda: only.data.count(b'\n') >= 1), True)
    told = [json.loads(line) for line in live.data.splitlines()]
    is_('in order', [(e['Type'], e['Action'], e['Actor']['ID'], e['Actor']['Attributes']['name'], e['scope']) for e in told[:2]],
        [('service', 'create', service, 'ev', 'swarm'), ('service', 'remove', service, 'ev', 'swarm')])
    ok('with time', all(e['timeNano'] // 1000000000 == e['time'] >= int(began) for e in told), told)
    is_('and only the removal', [json.loads(line)['Action'] for line in only.data.splitlines()], ['remove'])
    live.close()
    only.close()
    since, until = f'{began:.9f}', f'{time.time():.9f}'
    past = gives('what has been is told again', ask('GET', f'/events?since={since}&until={until}'))
    is_('the same', [json.loads(line)['Action'] for line in past.body.splitlines()], [e['Action'] for e in told])
    for filters, count in (({'service': ['ev']}, 2), ({'service': [service[:6]]}, 2), ({'service': ['zz']}, 0), ({'container': ['zz']}, 0),
                           ({'scope': ['local']}, 0), ({'type': ['service', 'node'], 'event': ['create']}, 1), ({'label': ['name=ev']}, 2)):
        got = ask('GET', f'/events?since={since}&until={until}&filters={quoted(filters)}').body.count(b'\n')
        is_(f'events with {filters}', got, count)
    is_('times before all time are empty', ask('GET', '/events?since=1.5&until=2.123456789').body, b'')
    started = time.monotonic()
    ask('GET', f'/events?until={time.time() + 0.5:.3f}')
    ok('until is waited for', 0.3 < time.monotonic() - started, time.monotonic() - started)
    for query, text in (('since=x', "invalid value for 'since': 'x' is no time"), ('until=1.x', "invalid value for 'until': '1.x' is no time"),
                        ('since=5&until=3', '`since` time (5) cannot be after `until` time (3)'),
                        ('since=99999999999&until=5', '`since` time (99999999999) cannot be after `until` time (5)')):
        refuses(f'events?{query}', ask('GET', f'/events?{query}'), 400, text)
    started = time.monotonic()
    far = Follower('/events?until=99999999999')
    ok('a time far away is not now', not wait_for(0.3, lambda: not far.is_alive()))
    far.close()


SCRIPT = 'trap "echo told" USR1; for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.02; done; while :; do sleep 1000 & wait $!; done'


def box():
    """An image that can do more than ours: busybox, whose applets are found by its own shell."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        tar.add('/bin/busybox', 'bin/busybox')
    return out.getvalue()


def logs(_pid):
    gives('an image with a shell', ask('POST', '/images/create?fromSrc=-&repo=box&tag=1', box(), kind='application/x-tar'))
    gives('a service that writes', ask('POST', '/services/create', {
        'Name': 'log', 'TaskTemplate': {'ContainerSpec': {'Image': 'box:1', 'Command': ['/bin/busybox', 'sh', '-c', SCRIPT]}}}), 201)
    target = '/services/log/logs?stdout=1&stderr=1'
    is_('it writes', wait_for(15, lambda: len(frames(ask('GET', target).body)) == 6), True)
    follower = Follower(f'{target}&follow=1')
    is_('the head comes at once', (follower.status, follower.headers['content-type']), (200, 'application/vnd.docker.multiplexed-stream'))
    container = ask('GET', '/containers/json').json()[0]['Id']
    gives('a signal', ask('POST', f'/containers/{container}/kill?signal=USR1'), 204)
    is_('what it writes then is followed', wait_for(5, lambda: b'told' in follower.data), True)
    task = ask('GET', f'/tasks?filters={quoted({"service": ["log"]})}').json()[0]
    whole = frames(gives('all of it', ask('GET', '/services/log/logs?stdout=1&stderr=1')).body)
    is_('each line is a frame of its own, of its stream', sorted(whole), sorted(
        [(1, f'out {i}\n') for i in (1, 2, 3)] + [(2, f'err {i}\n') for i in (1, 2, 3)] + [(1, 'told\n')]))
    is_('the follower has seen the same', frames(follower.data), whole)
    for target in (f'/tasks/{task["ID"]}', f'/containers/{container}'):
        is_(f'{target[:12]} tells the same', frames(ask('GET', f'{target}/logs?stdout=1&stderr=1').body), whole)
    for tail, want in (('2', whole[-2:]), ('0', []), ('all', whole), ('', whole), ('1000', whole)):
        is_(f'tail={tail}', frames(ask('GET', f'/services/log/logs?stdout=1&stderr=1&tail={tail}').body), want)
    refuses('tail=x', ask('GET', '/services/log/logs?stdout=1&tail=x'), 400, 'tail value must be a positive integer or "all"')
    refuses('no stream', ask('GET', '/services/log/logs'), 400, 'Bad parameters: you must choose at least one stream')
    for name, number in (('stdout', 1), ('stderr', 2)):
        got = frames(ask('GET', f'/services/log/logs?{name}=1').body)
        is_(f'{name} alone', got, [f for f in whole if f[0] == number])
    stamped = frames(ask('GET', '/services/log/logs?stdout=1&stderr=1&timestamps=1').body)
    is_('with timestamps', [(s, t.split(' ', 1)[1]) for s, t in stamped], whole)
    stamps = [t.split(' ', 1)[0] for _, t in stamped]
    ok('which rise and end in Z', stamps == sorted(stamps) and all(s.endswith('Z') for s in stamps), stamps)
    last = stamps[-1]
    second = calendar.timegm(time.strptime(last[:19], '%Y-%m-%dT%H:%M:%S'))
    exact = f'{second}.{last[20:-1]:0<9}'
    is_('since a moment', frames(ask('GET', f'/services/log/logs?stdout=1&stderr=1&since={exact}').body), whole[-1:])
    is_('since a later one', frames(ask('GET', f'/services/log/logs?stdout=1&stderr=1&since={second + 5}').body), [])
    is_('until an earlier one', frames(ask('GET', '/services/log/logs?stdout=1&stderr=1&until=5').body), [])
    refuses('since=x', ask('GET', '/services/log/logs?stdout=1&since=x'), 400, "invalid value for 'since': 'x' is no time")
    details = frames(ask('GET', '/services/log/logs?stdout=1&stderr=1&details=1').body)
    ok('details name the task', details and all(f'com.docker.swarm.task.id={task["ID"]}' in t for _, t in details), details[:1])
    follower.close()
    gives('the service goes', ask('DELETE', '/services/log'))
    is_('and its container', wait_for(15, lambda: ask('GET', '/containers/json?all=1').json() == []), True)


def leaving(_pid):
    reply = gives('the swarm is left', ask('POST', '/swarm/leave?force=1'))
    is_('with an empty reply', reply.body, b'')
    is_('and is none', (ask('HEAD', '/_ping').headers.get('swarm'), ask('GET', '/services').status), ('inactive', 503))
    is_('all the same every reply has its form', faults(ask('GET', '/services')), '')


def parts(pid):
    def with_pid(fn):
        def run():
            fn(pid)
        run.__name__ = fn.__name__
        return run
    return tuple(with_pid(fn) for fn in (events, logs, long_list, leaving))
