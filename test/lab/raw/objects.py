"""objects.py - every noun of the API, good and bad, in the words and with the status that Docker has for it."""
import io
import json
import tarfile
import time
import urllib.parse

from suite import ask, conn, gives, is_, ok, refuses
from wire import wait_for

IMAGE = {'ContainerSpec': {'Image': 'swarmbox:latest'}}
NONE = {'Replicated': {'Replicas': 0}}
FILTERS = 'invalid filters: expected a JSON object such as {"name":{"web":true}}'


def listed(path, filters, key=None):
    text = filters if isinstance(filters, str) else json.dumps(filters)
    reply = ask('GET', f'{path}{"&" if "?" in path else "?"}filters={urllib.parse.quote(text)}')
    return reply if key is None or reply.status != 200 else sorted(key(item) for item in reply.json())


def name_of(service):
    return service['Spec']['Name']


def swarm_init():
    path = '/v1.50/swarm/init'
    for body, text in (('', 'invalid JSON: got EOF while reading request body'), ('{', 'invalid JSON at byte 1: unexpected end of data'),
                       ('[]', 'invalid JSON: expected an object'), ('"x"', 'invalid JSON: expected an object'),
                       ('{"ListenAddr":1}', 'invalid JSON: ListenAddr must be a string'),
                       ('{"Spec":{"Raft":{"ElectionTick":"a"}}}', 'invalid JSON: Spec.Raft.ElectionTick must be a whole number'),
                       ('{"Spec":{"Name":"other"}}', 'swarm spec must be named "default"'),
                       ('{"Spec":{"CAConfig":{"NodeCertExpiry":60000000000}}}', 'error updating cluster settings: rpc error: code = InvalidArgument '
                        'desc = minimum certificate expiry time is: 1h0m0s'),
                       ('{"Availability":"gone"}', 'invalid Availability: "gone"'),
                       ('{"AdvertiseAddr":"nonsense"}', 'advertise address must be a non-zero IP address or network interface (with optional port number)'),
                       ('{"AdvertiseAddr":"127.0.0.1","SubnetSize":30}', 'subnet size is out of range: 30'),
                       ('{"AdvertiseAddr":"127.0.0.1","DefaultAddrPool":["x"]}', 'invalid CIDR address: x'),
                       ('{"AdvertiseAddr":"127.0.0.1","DataPathPort":80}', 'Datapath port number is not in valid range (1024-49151) : 80')):
        refuses(f'init with {body or "nothing"}', ask('POST', path, body), 400, text)
    for setting, name in (({'Dispatcher': {'HeartbeatPeriod': 10**9}}, '--dispatcher-heartbeat'), ({'Raft': {'SnapshotInterval': 1}}, '--snapshot-interval'),
                          ({'Raft': {'KeepOldSnapshots': 1}}, '--max-snapshots'), ({'Raft': {'ElectionTick': 3}}, 'Spec.Raft.ElectionTick'),
                          ({'Raft': {'HeartbeatTick': 3}}, 'Spec.Raft.HeartbeatTick'),
                          ({'Raft': {'LogEntriesForSlowFollowers': 1}}, 'Spec.Raft.LogEntriesForSlowFollowers')):
        refuses(f'init with {name}', ask('POST', path, {'AdvertiseAddr': '127.0.0.1', 'Spec': setting}), 501, f'{name} is not supported by swarmbox yet')
    refuses('leave in no swarm', ask('POST', '/swarm/leave'), 503, 'This node is not part of a swarm')
    reply = gives('init: keys in any case, unknown ones ignored', ask('POST', path, {'ADVERTISEADDR': '127.0.0.1', 'Foo': [1, {'a': None}]}))
    node = reply.json()
    refuses('init again', ask('POST', path, {'AdvertiseAddr': '127.0.0.1'}), 503,
            'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.')
    swarm = gives('the swarm is shown', ask('GET', '/swarm')).json()
    ok('with tokens', swarm['JoinTokens']['Worker'].startswith('SWMTKN-1-'), swarm)
    update = f'/swarm/update?version={swarm["Version"]["Index"]}'
    for changed, status, text in (({'Name': 'other'}, 400, 'swarm spec must be named "default"'),
                                  ({'CAConfig': {'NodeCertExpiry': 60 * 10**9}}, 400,
                                   'rpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s'),
                                  ({'CAConfig': {'NodeCertExpiry': -1}}, 400,
                                   'rpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s'),
                                  ({'Raft': {'ElectionTick': 3}}, 501, 'Spec.Raft.ElectionTick is not supported by swarmbox yet')):
        refuses(f'update with {changed}', ask('POST', update, {**swarm['Spec'], **changed}), status, text)
    is_('info knows the node', ask('GET', '/info').json()['Swarm']['NodeID'], node)
    is_('and so does _ping', ask('HEAD', '/_ping').headers.get('swarm'), 'active/manager')
    refuses('leave without force', ask('POST', '/swarm/leave'), 503, ask('POST', '/swarm/leave').message)


def service_bodies():
    create = '/services/create'
    spec = 'TaskTemplate.ContainerSpec.'
    for text, message in (
            ('{"Name":5}', 'Name must be a string'), ('{"Name":"a\\u0000b"}', 'Name must be a string'),
            ('{"TaskTemplate":[]}', 'TaskTemplate must be an object'),
            ('{"TaskTemplate":{"ContainerSpec":{"Image":7}}}', spec + 'Image must be a string'),
            ('{"TaskTemplate":{"ContainerSpec":{"Env":["a",1]}}}', spec + 'Env must be a list of strings'),
            ('{"TaskTemplate":{"ContainerSpec":{"Env":{}}}}', spec + 'Env must be a list of strings'),
            ('{"TaskTemplate":{"ContainerSpec":{"Labels":{"a":1}}}}', spec + 'Labels must be an object of strings'),
            ('{"TaskTemplate":{"ContainerSpec":{"Mounts":{}}}}', spec + 'Mounts must be a list'),
            ('{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Target":"/a"},{"Target":4}]}}}', spec + 'Mounts.Target must be a string'),
            ('{"Mode":{"Replicated":{"Replicas":-1}}}', 'Mode.Replicated.Replicas must be a whole number of at least 0'),
            ('{"Mode":{"Replicated":{"Replicas":1.5}}}', 'Mode.Replicated.Replicas must be a whole number of at least 0'),
            ('{"Mode":{"Replicated":{"Replicas":1e300}}}', 'Mode.Replicated.Replicas must be a whole number of at least 0')):
        refuses(f'create {text}', ask('POST', create, text), 400, f'invalid JSON: {message}')
    refuses('a word that is none', ask('POST', create, '{"taskTEMPLATE":{"restartpolicy":{"condition":"never"}}}'), 400,
            'invalid RestartCondition: "never"')
    for body, message in (
            ({'Name': 'a'}, 'ContainerSpec: image reference must be provided'),
            ({'Name': 'we b', 'TaskTemplate': IMAGE}, 'name must be valid as a DNS name component'),
            ({'Name': 'a' * 64, 'TaskTemplate': IMAGE}, 'name must be 63 characters or fewer'),
            ({'Name': 'a', 'TaskTemplate': {**IMAGE, 'Resources': {'Limits': {'NanoCPUs': 5}}}},
             'invalid cpu value 5e-09: Must be at least 0.001')):
        refuses(f'create {body}', ask('POST', create, body), 400, f'rpc error: code = InvalidArgument desc = {message}')
    refuses('what Docker has and we do not is named by its path', ask('POST', create, {'Name': 'a', 'TaskTemplate': {'PluginSpec': {'Name': 'p'}}}),
            501, 'TaskTemplate.PluginSpec is not supported by swarmbox yet')
    refuses('what stands behind the document', ask('POST', create, '{"Name":"a"}x'), 400,
            'invalid JSON at byte 12: unexpected content after document')
    ok('a hundred thousand open brackets', ask('POST', create, '[' * 100000).status == 400)
    many = 4 * 1024 * 1024 // 3 - 40
    for what, text in (('numbers', '{"x":[' + '0,' * many + '0]}'), ('mounts', '{"TaskTemplate":{"ContainerSpec":{"Mounts":[' + '{},' * many + '{}]}}}'),
                       ('strings', '{"TaskTemplate":{"ContainerSpec":{"Env":[' + '"",' * many + '""]}}}'),
                       ('labels', '{"Labels":{' + '"a":"",' * (many // 3) + '"a":""}}')):
        refuses(f'four megabytes of small {what}', ask('POST', create, text), 400, 'invalid JSON: more than 100000 names and values')
    started = time.monotonic()
    refuses('as many labels as may be', ask('POST', create, '{"Name":"we b","Labels":{' + ','.join(f'"{i}":""' for i in range(45000)) + '}}'), 400,
            'rpc error: code = InvalidArgument desc = name must be valid as a DNS name component')
    ok('are read in no time', time.monotonic() - started < 20, time.monotonic() - started)
    refuses('a spec over one entry of the log', ask('POST', create, {'Name': 'big', 'TaskTemplate': {'ContainerSpec': {
        'Image': 'swarmbox:latest', 'Env': ['A=' + 'x' * 2000000]}}}), 400, ask('POST', create, {'Name': 'big', 'TaskTemplate': {
            'ContainerSpec': {'Image': 'swarmbox:latest', 'Env': ['A=' + 'x' * 2000000]}}}).message)
    is_('none of these made a service', ask('GET', '/services').json(), [])
    deep = '{"Name":"deep","Deep":' + '[' * 50000 + ']' * 50000 + ',"TaskTemplate":{"ContainerSpec":{"Image":"swarmbox:latest"}},"Mode":{"Replicated":{"Replicas":0}}}'
    gives('unknown members are ignored, however deep', ask('POST', create, deep), 201)
    gives('and go', ask('DELETE', '/services/deep'))


def services():
    made = gives('create in any case of keys', ask('POST', '/services/create', {
        'nAmE': 'Case', 'tasktemplate': {'CONTAINERSPEC': {'image': 'swarmbox:latest'}}, 'MODE': {'replicated': {'replicas': 0}},
        'labels': {'k': 'v', 'only': ''}}), 201).json()
    is_('create answers the id and no warnings', sorted(made), ['ID', 'Warnings'])
    refuses('a name twice, in another case', ask('POST', '/services/create', {'Name': 'case', 'TaskTemplate': IMAGE}), 409,
            'rpc error: code = AlreadyExists desc = name conflicts with an existing object: service case already exists')
    for name in (made['ID'], 'Case', 'case', made['ID'][:8]):
        is_(f'it is found as {name}', ask('GET', f'/services/{name}').json().get('ID'), made['ID'])
    is_('an id with percent signs', ask('GET', '/services/%43ase').json().get('ID'), made['ID'])
    defaults = ask('GET', '/services/Case?insertDefaults=true').json()['Spec']
    is_('defaults come when they are asked for', (defaults.get('UpdateConfig', {}).get('Parallelism'),
                                                  'UpdateConfig' in ask('GET', '/services/Case').json()['Spec']), (1, False))
    update = '/services/Case/update'
    spec = {'Name': 'Case', 'TaskTemplate': IMAGE, 'Mode': NONE, 'Labels': {'k': 'v', 'only': ''}}
    for query, shown in (('', ''), ('?version=', ''), ('?version=x', 'x'), ('?version=-1', '-1'),
                         ('?version=18446744073709551616', '18446744073709551616')):
        refuses(f'update{query}', ask('POST', update + query, spec), 400,
                f"invalid version '{shown}': the parameter version must be the object's Version.Index")
    index = ask('GET', '/services/Case').json()['Version']['Index']
    stale = 'rpc error: code = Unknown desc = update out of sequence'
    refuses('an update of another version', ask('POST', f'{update}?version={index + 1}', spec), 500, stale)
    refuses('an update of what is not there', ask('POST', '/services/nosuch/update?version=1', spec), 404, 'service nosuch not found')
    refuses('a new name', ask('POST', f'{update}?version={index}', {**spec, 'Name': 'Other'}), 501,
            'rpc error: code = Unimplemented desc = renaming services is not supported')
    refuses('another mode', ask('POST', f'{update}?version={index}', {**spec, 'Mode': {'Global': {}}}), 501,
            'rpc error: code = Unimplemented desc = service mode change is not allowed')
    for where, body in (('/services/create', {'Name': 'other', 'TaskTemplate': IMAGE}), (f'{update}?version={index}', spec)):
        for header in ('%%%', 'bm90IGpzb24='):
            reply = ask('POST', where, body, headers=[f'X-Registry-Auth: {header}'])
            is_(f'{where}: credentials that are none', (reply.status, reply.message.split(':')[0]), (400, 'invalid X-Registry-Auth header'))
    refuses('credentials from nowhere', ask('POST', f'{update}?version={index}&registryAuthFrom=nowhere', spec), 400,
            'unsupported registryAuthFrom value')
    refuses('credentials of a spec that never was', ask('POST', f'{update}?version={index}&registryAuthFrom=previous-spec', spec), 400,
            f'service "{made["ID"]}" does not have a previous spec')
    is_('the right version', gives('is taken', ask('POST', f'{update}?version={index}', {**spec, 'Labels': {'k': 'v'}})).json(), {'Warnings': None})
    refuses('and only once', ask('POST', f'{update}?version={index}', spec), 500, stale)
    is_('the list tells running and desired when asked', ask('GET', '/services?status=true').json()[0].get('ServiceStatus'),
        {'RunningTasks': 0, 'DesiredTasks': 0, 'CompletedTasks': 0})


def service_filters():
    for filters, want in (({'name': {'Case': True}}, ['Case']), ({'name': ['Case']}, ['Case']), ({'name': ['Ca']}, ['Case']),
                          ({'name': ['zz', 'Ca']}, ['Case']), ({'name': ['zz']}, []), ({'name': {'zz': False}}, []), ({'name': {'Case': False}}, ['Case']), ({'label': ['k=v']}, ['Case']),
                          ({'label': ['k']}, ['Case']), ({'label': ['k=w']}, []), ({'label': ['k', 'j']}, []),
                          ({'mode': ['global']}, []), ({'mode': {'replicated': True, 'global': True}}, ['Case']), ({'name': {}}, ['Case']),
                          ({}, ['Case']), ('', ['Case']), ('null', ['Case'])):
        is_(f'services with {filters}', listed('/services', filters, name_of), want)
    for text in ('{', '[]', '"a"', '{"name":"Case"}', '{"name":[1]}', '{"name":{"Case":1}}', '{"name":["a"],"label":3}'):
        refuses(f'services with {text}', listed('/services', text), 400, FILTERS)
    for path in ('/services', '/nodes', '/tasks', '/networks', '/volumes', '/images/json', '/containers/json', '/events'):
        refuses(f'{path} names the filter it does not know', listed(path, {'bogus': ['a']}), 400, "invalid filter 'bogus'")
        refuses(f'{path} takes filters in their own case only', listed(path, {'LABEL': ['a']}), 400, "invalid filter 'LABEL'")
    for path, key, value in (('/images/json', 'dangling', 'maybe'), ('/volumes', 'dangling', 'maybe')):
        refuses(f'{path} with {key}={value}', listed(path, {key: [value]}), 400, f"invalid filter '{key}=[{value}]'")


def nodes_and_tasks():
    node = gives('the list of nodes', ask('GET', '/nodes')).json()[0]
    for name in (node['ID'], 'self', node['Description']['Hostname']):
        is_(f'the node is found as {name}', ask('GET', f'/nodes/{name}').json()['ID'], node['ID'])
    update = f'/nodes/{node["ID"]}/update?version='
    index = node['Version']['Index']
    refuses('a node update without version', ask('POST', f'/nodes/{node["ID"]}/update', node['Spec']), 400,
            "invalid version '': the parameter version must be the object's Version.Index")
    refuses('of a wrong one', ask('POST', f'{update}{index + 7}', node['Spec']), 500, 'rpc error: code = Unknown desc = update out of sequence')
    refuses('of a wrong type', ask('POST', f'{update}{index}', {'Availability': 1}), 400, 'invalid JSON: Availability must be a string')
    refuses('of a wrong word', ask('POST', f'{update}{index}', {'Availability': 'off'}), 400,
            'invalid Availability: "off"')
    reply = gives('labels are taken', ask('POST', f'{update}{index}', {**node['Spec'], 'Labels': {'zone': 'a'}}))
    is_('with an empty reply', (reply.body, reply.headers.get('content-length')), (b'', '0'))
    for filters, count in (({'node.label': ['zone=a']}, 1), ({'node.label': ['zone=b']}, 0), ({'role': ['manager']}, 1), ({'role': ['worker']}, 0),
                           ({'membership': ['accepted']}, 1), ({'membership': ['pending']}, 0), ({'id': [node['ID'][:5]]}, 1),
                           ({'name': ['zzz']}, 0)):
        is_(f'nodes with {filters}', len(listed('/nodes', filters, lambda n: n['ID'])), count)
    refuses('this node is not removed', ask('DELETE', f'/nodes/{node["ID"]}'), 400, ask('DELETE', f'/nodes/{node["ID"]}').message)
    refuses('a task that is not there', ask('GET', '/tasks/nosuch'), 404, 'task nosuch not found')
    refuses('its logs', ask('GET', '/tasks/nosuch/logs?stdout=1'), 404, 'task nosuch not found')


def volumes():
    for body, status, text in (
            ({'Name': 'a b'}, 400, 'create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
                                   'allowed. If you intended to pass a host directory, use absolute path'),
            ({'Name': 'a'}, 400, 'create a: volume name is too short, names should be at least two alphanumeric characters'),
            ({'Name': 'v1', 'Driver': 'nfs'}, 404, 'create v1: error looking up volume plugin nfs: plugin "nfs" not found'),
            ({'Name': 'v1', 'Labels': {'a': 2}}, 400, 'invalid JSON: Labels must be an object of strings')):
        refuses(f'a volume {body}', ask('POST', '/volumes/create', body), status, text)
    made = gives('a volume', ask('POST', '/volumes/create', {'Name': 'v1', 'Labels': {'a': 'b'}}), 201).json()
    is_('the same again is the same', ask('POST', '/volumes/create', {'name': 'v1'}).json(), made)
    is_('and is listed', [v['Name'] for v in listed('/volumes', {'name': ['v1']}).json()['Volumes']], ['v1'])
    is_('by its label', [v['Name'] for v in listed('/volumes', {'label': ['a=b'], 'dangling': ['true']}).json()['Volumes']], ['v1'])
    name = gives('one without a name gets one', ask('POST', '/volumes/create', {}), 201).json()['Name']
    ok('of 64 hex digits', len(name) == 64 and set(name) <= set('0123456789abcdef'), name)
    for name in ('v1', name):
        gives('a volume goes', ask('DELETE', f'/volumes/{name}'), 204)
    refuses('and is gone', ask('DELETE', '/volumes/v1'), 404, 'volume v1 not found')
    gives('unless one insists', ask('DELETE', '/volumes/v1?force=1'), 204)


def archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w') as tar:
        info = tarfile.TarInfo('etc/motd')
        info.size = 3
        tar.addfile(info, io.BytesIO(b'hi\n'))
    return out.getvalue()


def images():
    source = '/images/create?fromSrc=-'
    refuses('a name that is none', ask('POST', f'{source}&repo=UPPER', b'xx'), 400,
            'invalid reference format: repository name (library/UPPER) must be lowercase')
    refuses('what is no archive', ask('POST', f'{source}&repo=bad/one', b'notatar' * 200), 400, 'not a tar archive: wrong checksum in a header')
    refuses('a change that is none', ask('POST', f'{source}&repo=bad/one&changes=FROM%20x', archive()), 400,
            ask('POST', f'{source}&repo=bad/one&changes=FROM%20x', archive()).message)
    is_('none of them is there', listed('/images/json', {'reference': ['bad/*']}, lambda i: i['Id']), [])
    data = archive()
    with conn() as c:
        c.send(f'POST {source}&repo=reg.example:5000/a/b&tag=1&changes=CMD%20%5B%22%2Fx%22%5D HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
        for at in range(0, len(data), 1000):
            piece = data[at:at + 1000]
            c.send(f'{len(piece):x}\r\n'.encode() + piece + b'\r\n')
        c.send('0\r\n\r\n')
        image = gives('an import in chunks', c.reply()).json()['status']
    for name in ('reg.example:5000/a/b:1', 'reg.example:5000%2Fa%2Fb%3A1', image, image[7:19]):
        is_(f'the image is found as {name}', ask('GET', f'/images/{name}/json').json().get('Id'), image)
    is_('its command is there', ask('GET', f'/images/{image}/json').json()['Config']['Cmd'], ['/x'])
    is_('its digest is told', ask('GET', '/distribution/reg.example:5000/a/b:1/json').json()['Descriptor']['digest'][:7], 'sha256:')
    for target, status, text in (('/images/no/such:1/json', 404, 'No such image: no/such:1'), ('/images/nosuch/json', 404, 'No such image: nosuch:latest'),
                                 ('/images/UPPER/json', 400, 'invalid reference format: repository name (library/UPPER) must be lowercase')):
        refuses(f'GET {target}', ask('GET', target), status, text)
    gives('a tag', ask('POST', f'/images/{image}/tag?repo=other/name&tag=2'), 201)
    refuses('a tag that is none', ask('POST', f'/images/{image}/tag?repo=UPPER'), 400,
            'invalid reference format: repository name (library/UPPER) must be lowercase')
    refuses('a tag without a name', ask('POST', f'/images/{image}/tag'), 400, 'invalid reference format: the parameter repo is empty')
    refuses('a tag for what is not there', ask('POST', '/images/nosuch/tag?repo=a'), 404, 'No such image: nosuch:latest')
    is_('patterns know one part of a name', [listed('/images/json', {'reference': [p]}, lambda i: i['Id']) for p in ('other/*', 'other/name:2', '*')],
        [[image], [image], listed('/images/json', {'reference': ['swarmbox']}, lambda i: i['Id'])])
    is_('one name goes', gives('untagging', ask('DELETE', '/images/other/name:2')).json(), [{'Untagged': 'other/name:2'}])
    gone = gives('and the other with the image', ask('DELETE', '/images/reg.example:5000/a/b:1')).json()
    ok('which is deleted', any('Deleted' in item for item in gone), gone)
    refuses('the built-in one stays', ask('DELETE', '/images/swarmbox:latest'), 409, ask('DELETE', '/images/swarmbox:latest').message)


def rest():
    for target, text in (('/secrets/a', 'secret a not found'), ('/configs/a', 'config a not found'), ('/plugins/a/b:c/json', 'plugin "a/b:c" not found'),
                         ('/networks/zz', 'network zz not found'), ('/containers/nosuch/json', 'No such container: nosuch'),
                         ('/containers/nosuch/logs?stdout=1', 'No such container: nosuch'), ('/services/nosuch', 'service nosuch not found'),
                         ('/services/nosuch/logs?stdout=1', 'service nosuch not found'), ('/nodes/nosuch', 'node nosuch not found'),
                         ('/volumes/nosuch', 'volume nosuch not found')):
        refuses(f'GET {target}', ask('GET', target), 404, text)
    for target in ('/secrets', '/configs', '/plugins'):
        is_(f'{target} is an empty list', gives(f'GET {target}', ask('GET', target)).body.strip(), b'[]')
    is_('three networks', listed('/networks', {}, lambda n: n['Name']), ['bridge', 'host', 'none'])
    is_('one of them', listed('/networks', {'driver': ['null']}, lambda n: n['Name']), ['none'])
    one = ask('GET', '/networks/bridge').json()
    is_('found by the start of its id', ask('GET', f'/networks/{one["Id"][:12]}').json()['Name'], 'bridge')
    refuses('but not in a scope that is none', ask('GET', '/networks/bridge?scope=moon'), 404, 'network bridge not found')
    for target, text in (('stop?t=x', "invalid timeout 'x': expected seconds"),):
        refuses(f'container {target}', ask('POST', f'/containers/nosuch/{target}'), 400, text)
    for verb, before in (('kill', 'cannot kill container: nosuch: '), ('stop', '')):
        refuses(f'{verb} of nothing', ask('POST', f'/containers/nosuch/{verb}'), 404, f'{before}No such container: nosuch')
    refuses('rm of nothing', ask('DELETE', '/containers/nosuch'), 404, 'No such container: nosuch')
    refuses('a limit that is none', ask('GET', '/containers/json?limit=x'), 400, "invalid limit 'x': expected a number")


def containers():
    gives('a service that runs', ask('POST', '/services/create', {'Name': 'run', 'TaskTemplate': IMAGE, 'EndpointSpec': {
        'Ports': [{'TargetPort': 80, 'PublishMode': 'host', 'PublishedPort': 8085}]}}), 201)
    is_('its container is listed', wait_for(15, lambda: len(ask('GET', '/containers/json').json())), 1)
    one = ask('GET', '/containers/json').json()[0]
    task = [t for t in listed('/tasks', {'service': ['run']}).json()][0]
    is_('the task names it', wait_for(10, lambda: ask('GET', f'/tasks/{task["ID"]}').json()['Status'].get('ContainerStatus', {}).get('ContainerID')), one['Id'])
    for name in (one['Id'], one['Id'][:12], one['Names'][0][1:]):
        is_(f'found as {name[:20]}', ask('GET', f'/containers/{name}/json').json().get('Id'), one['Id'])
    refuses('the image is in use', ask('DELETE', '/images/swarmbox:latest'), 409, ask('DELETE', '/images/swarmbox:latest').message)
    refuses('a running container is not removed', ask('DELETE', f'/containers/{one["Id"]}'), 409, ask('DELETE', f'/containers/{one["Id"]}').message)
    for filters, count in (({'name': ['run']}, 1), ({'name': ['zzz']}, 0), ({'id': [one['Id'][:6]]}, 1), ({'is-task': ['true']}, 1),
                           ({'label': ['com.docker.swarm.service.name=run']}, 1), ({'status': ['running']}, 1), ({'ancestor': ['swarmbox:latest']}, 1)):
        is_(f'containers with {filters}', len(listed('/containers/json', filters, lambda c: c['Id'])), count)
    bad = ask('POST', f'/containers/{one["Id"]}/kill?signal=BAD')
    ok('a signal that is none is named', bad.status == 400 and 'invalid signal: BAD' in bad.message, bad)
    gives('kill', ask('POST', f'/containers/{one["Id"]}/kill'), 204)
    refuses('a port that is taken is refused at once', ask('POST', '/services/create', {'Name': 'x', 'TaskTemplate': IMAGE, 'EndpointSpec': {
        'Ports': [{'TargetPort': 70000}]}}), 400, 'rpc error: code = InvalidArgument desc = EndpointSpec: invalid target port 70000: must be 1 to 65535')
    gives('rm', ask('DELETE', '/services/run'))
    is_('and nothing runs', wait_for(15, lambda: ask('GET', '/containers/json?all=1').json() == []), True)


PARTS_BEFORE_INIT = (swarm_init,)
PARTS = (service_bodies, services, service_filters, nodes_and_tasks, volumes, images, rest, containers)
