#!/bin/bash
# A real program that other people packed: Debian's nginx, imported as a root file system.
. "${0%/*}/lib.sh"
root=$top/build/lab/nginx
[ -e "$root/.made" ] || { bad 'the root file system with nginx is there'; exit; }
start_agent && init
tar -C "$root" -c . | sb image import -c 'CMD ["/usr/sbin/nginx"]' -c 'EXPOSE 80' - nginx:lab >"$lab/id"
has 'the image is imported' "$(cat "$lab/id")" 'sha256:'
is 'the same tar gives the same image' "$(tar -C "$root" -c . | sb image import -c 'CMD ["/usr/sbin/nginx"]' -c 'EXPOSE 80' - nginx:again)" "$(cat "$lab/id")"
sb service create -d -q --name web --replicas 3 -p 8080:80 nginx:lab >/dev/null
within 20 'three replicas run' runs web 3/3
each_listens() { for c in $(sb ps -q); do sb inspect "$c" --format '{{.State.Pid}}' | xargs -I{} nsenter --net=/proc/{}/ns/net bash -c '</dev/tcp/127.0.0.1/80' || return 1; done; }
within 10 'each of them listens' each_listens
cat >"$lab/count.py" <<'PY'
import collections, http.client
seen = collections.Counter()
for _ in range(1000):
    c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
    c.request("GET", "/"); r = c.getresponse(); body = r.read().decode().strip(); c.close()
    assert r.status == 200, r.status
    seen[body] += 1
print(sum(seen.values()), len(seen), min(seen.values()) > 200)
PY
is '1,000 requests are answered, spread over all three' "$(python3 "$lab/count.py" 2>&1 | tail -n 1)" '1000 3 True'
logged() { [ "$(sb service logs web 2>/dev/null | grep -c 'GET / HTTP/1.1')" = 1000 ]; }
within 10 'the logs of the service have every request' logged
sb service scale -d web=5 >/dev/null
within 10 'scaled to five' runs web 5/5
is 'ps lists five running tasks' "$(sb service ps web --filter desired-state=running -q | wc -l)" 5
has 'node and image are told' "$(sb service ps web --format '{{.Image}} {{.Node}}' | head -n 1)" "nginx:lab $(hostname)"
is 'ps of containers agrees' "$(sb ps -q | wc -l)" 5
is 'the container id of a task is one of them' "$(sb ps -q --no-trunc | grep -c "$(sb inspect "$(sb service ps web -q | head -n 1)" --format '{{.Status.ContainerStatus.ContainerID}}')")" 1
sb service rm web >/dev/null
within 15 'removed' no_containers
