"""routes.py - the table of core/api/routes.c, read from its source, so that a route which is added is asked for here at once."""
import os
import re

from suite import ask, faults, is_, ok, refuses

TABLE = os.path.join(os.path.dirname(__file__), '../../../core/api/routes.c')
ROUTE = re.compile(r'\{\s*"([A-Z]+)",\s*"([^"]+)",\s*(\w+),\s*(NEEDS_\w+)\s*\}')
NO_MANAGER = ('This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and '
              'try again.')
# These act on the host when they are called with nothing, or go on until the client leaves.
HAS_EFFECT = {('POST', '/swarm/leave'), ('GET', '/events'), ('POST', '/volumes/prune'), ('POST', '/images/prune'),
              ('POST', '/containers/prune'), ('POST', '/networks/prune'), ('POST', '/build/prune')}


def table():
    with open(TABLE) as f:
        rows = ROUTE.findall(f.read())
    assert len(rows) > 100, 'routes.c does not look as it did'
    return rows


def concrete(path, name='no-such-thing'):
    return path.replace('{*}', f'no/such/{name}:1').replace('{}', name)


def before_init():
    wrong = []
    for method, path, fn, need in table():
        if need != 'NEEDS_MANAGER' or fn == 'NULL':
            continue
        reply = ask(method, concrete(path), '{}' if method == 'POST' else None)
        if (reply.status, reply.message, faults(reply)) != (503, NO_MANAGER, ''):
            wrong.append(f'{method} {path}: {reply}')
    is_('what needs a manager says so when there is none', wrong, [])


def missing():
    wrong, count = [], 0
    for method, path, fn, _ in table():
        if fn != 'NULL':
            continue
        count += 1
        for prefix in ('', '/v1.44'):
            target = concrete(path)
            reply = ask(method, prefix + target, '{}' if method in ('POST', 'PUT') else None)
            said = method == 'HEAD' or reply.message == f'{method} {target} is not supported by swarmbox yet'
            if reply.status != 501 or not said or faults(reply, method):
                wrong.append(f'{method} {prefix}{target}: {reply}')
    is_(f'{count} routes that Docker has and we do not are 501 and named', wrong, [])


REGISTRY = ('/auth', '/distribution/{*}/json')


def served():
    wrong, count = [], 0
    for method, path, fn, _ in table():
        if fn == 'NULL' or (method, path) in HAS_EFFECT:
            continue
        count += 1
        target = concrete(path)
        for body in (None, '', '{', '[]', '{"Unknown":{"x":[1]}}') if method == 'POST' else (None,):
            reply = ask(method, target, body)
            # a registry that cannot be reached is Docker's 500, and named
            asks_registry = path in REGISTRY and reply.status == 500 and 'Get "https://' in str(reply.message)
            if faults(reply, method) or (reply.status in (500, 501) and not asks_registry and 'fromSrc' not in str(reply) and 'URL' not in str(reply)):
                wrong.append(f'{method} {target} {body}: {reply}')
            if '{' in path and '}/json' in path and reply.status not in (400, 404) and not asks_registry:
                wrong.append(f'{method} {target}: {reply}')
    is_(f'{count} routes that we have answer something sensible to names and bodies that make no sense', wrong, [])


def wrong_methods():
    known = {(m, p) for m, p, _, _ in table()}
    wrong, patterns = [], [re.compile(re.sub(r'\\\{\\\*\\\}', '.+', re.sub(r'\\\{\\\}', '[^/]+', re.escape(p))) + '$') for _, p in known]
    by_method = {}
    for (method, path), pattern in zip(known, patterns):
        by_method.setdefault(method, []).append(pattern)
    for path in sorted({p for _, p in known}):
        for method in ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'):
            target = concrete(path)
            if any(p.match(target) for p in by_method.get(method, [])):
                continue
            reply = ask(method, target, '{}' if method in ('POST', 'PUT') else None)
            if reply.status != 404 or faults(reply, method) or (method != 'HEAD' and reply.message != 'page not found'):
                wrong.append(f'{method} {target}: {reply}')
    is_('a method that a path does not have is 404', wrong, [])


def versions():
    for prefix in ('', '/v1.24', '/v1.40', '/v1.50'):
        is_(f'{prefix or "no version"} is understood', ask('GET', prefix + '/_ping').body, b'OK')
    for version in ('1.51', '2.0', '999.999'):
        refuses(f'version {version} is too new', ask('GET', f'/v{version}/_ping'), 400,
                f'client version {version} is too new. Maximum supported API version is 1.50')
    for version in ('1.23', '1.0', '0.1'):
        refuses(f'version {version} is too old', ask('GET', f'/v{version}/_ping'), 400,
                f'client version {version} is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version')
    for path in ('/', '/v1.50', '/v1.50/', '/v1/_ping', '/vx/_ping', '/v1.50/v1.50/_ping', '//_ping', '/_ping/', '/nosuch', '/v1.5000/_ping',
                 '/services/a/b', '/containers/a/b/json', '/images/json/', '/../_ping'):
        refuses(f'{path} is no page', ask('GET', path), 404, 'page not found')


def ping():
    reply = ask('GET', '/_ping')
    want = {'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache, no-store, must-revalidate', 'pragma': 'no-cache'}
    is_('_ping has its headers', {k: reply.headers.get(k) for k in want}, want)
    ok('and no Builder-Version that the CLI would believe', reply.headers.get('builder-version', '1') == '1')


PARTS_BEFORE_INIT = (before_init, versions, ping)
PARTS = (missing, served, wrong_methods)
