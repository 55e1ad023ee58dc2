#!/bin/bash
# Things people do wrong and programs that misbehave: each is named, none hurts its neighbours.
. "${0%/*}/lib.sh"
start_agent
is 'a host with no address but loopback is told so, once' "$(sb swarm init 2>&1)" \
	"Error response from daemon: could not find the system's IP address - specify one with --advertise-addr"
init
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }

sb service create -d -q --name nosuch --restart-condition none ngnix:1 >/dev/null 2>&1
within 20 'an unknown image is named, once its registry could not be found' says nosuch 'No such image: ngnix:1: Get "https://registry-1.docker.io/v2/library/ngnix/manifests/1"'
sb service create -d -q --name nocmd --restart-condition none swarmbox:latest /nosuch >/dev/null
within 5 'a command that is not there is named' says nocmd '/nosuch'
sb service create -d -q --name nobind --restart-condition none --mount type=bind,source=/no/such/dir,target=/x swarmbox:latest >/dev/null
within 5 'a bind source that is missing is named' says nobind 'invalid mount config for type "bind": bind source path does not exist: /no/such/dir'
sb service create -d -q --name nowhere --constraint node.labels.zone==mars swarmbox:latest >/dev/null
within 5 'a constraint no node meets is named' says nowhere 'no suitable node (scheduling constraints not satisfied on 1 node)'
sb node update --label-add zone=mars "$(hostname)" >/dev/null
within 5 'the label lets it run' runs nowhere 1/1
sb node update --label-rm zone "$(hostname)" >/dev/null
within 5 'without the label it has to go' says nowhere 'assigned node no longer meets constraints'
sb service create -d -q --name toobig --reserve-memory 1000g swarmbox:latest >/dev/null
within 5 'a reservation no node has is named' says toobig 'no suitable node (insufficient resources on 1 node)'
sb service rm nosuch nocmd nobind nowhere toobig >/dev/null

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat dd tail trap seq echo; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null

sb service create -d -q --name hog --limit-memory 16m --restart-condition none box:1 tail /dev/zero >/dev/null
within 10 'a memory hog is killed and the reason named' says hog 'task: non-zero exit (137): out of memory'
sb service create -d -q --name forks --limit-pids 8 --restart-condition none box:1 sh -c 'for i in $(seq 20); do sleep 100 & done; echo still here; wait' >/dev/null
within 10 'forks stop at the limit of pids' bash -c "'$binary' service logs forks 2>&1 | grep -qi 'fork'"
sb service rm hog forks >/dev/null

sb service create -d -q --name deaf --stop-grace-period 300ms box:1 sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
within 10 'a task that ignores SIGTERM runs' runs deaf 1/1
sb service rm deaf >/dev/null
within 5 'and is killed after its grace' no_containers

sb service create -d -q --name keep --restart-delay 0s --stop-grace-period 100ms --mount type=volume,source=v1,target=/data box:1 sh -c 'echo x >>/data/f; cat /data/f; sleep 1000' >/dev/null
within 10 'a service with a volume runs' runs keep 1/1
kill -9 "$(sb inspect "$(sb ps -q)" --format '{{.State.Pid}}')"
kept() { [ "$(sb service logs --raw keep 2>/dev/null | grep -c x)" -ge 3 ]; }
within 10 'its replacement finds the data' kept
is 'a volume in use is not removed' "$(sb volume rm v1 2>&1 | grep -c 'volume is in use')" 1
sb service rm keep >/dev/null
within 10 'the containers go' no_containers
is 'the volume can be removed then' "$(sb volume rm v1)" v1

sb service create -d -q --name every --mode global swarmbox:latest >/dev/null
within 10 'a global service runs once on this node' runs every 1/1
sb node update --availability drain "$(hostname)" >/dev/null
within 10 'a drained node runs nothing' bash -c "[ -z \"\$('$binary' ps -q)\" ]"
sb node update --availability active "$(hostname)" >/dev/null
within 10 'an active one does again' runs every 1/1
sb service rm every >/dev/null

sb service create -d -q --name roll --replicas 4 --update-parallelism 2 --update-order start-first swarmbox:latest >/dev/null
within 10 'four replicas run' runs roll 4/4
sb service update -d -q --env-add GENERATION=2 roll >/dev/null
updated() { [ "$(sb service inspect roll --format '{{.UpdateStatus.State}}')" = completed ]; }
within 15 'a rolling update completes' updated
within 10 'it still has four replicas' runs roll 4/4
sb service rm roll >/dev/null

sb service create -d -q --name hosted --publish mode=host,target=80,published=8081 swarmbox:latest >/dev/null
within 10 'a host-mode port runs' runs hosted 1/1
answers_there() { python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8081/", timeout=60).read().decode())' | grep -q '^hostname: '; }
within 10 'and answers' answers_there
has 'a second agent on these roots is refused' "$("$binary" agent --data-root "$data" --run-root "$lab/run2" 2>&1)" 'another agent runs on data root'
has 'without root it says so' "$(setpriv --reuid 65534 --clear-groups "$binary" agent --data-root "$lab/x" --run-root "$lab/y" 2>&1)" 'it must run as root'
has 'leaving wants --force' "$(sb swarm leave 2>&1)" 'Use `--force` to ignore this message'
sb swarm leave --force >/dev/null
is 'leaving ends every container' "$(sb ps -aq)" ''
await 5 nothing_left
is 'and leaves nothing' "$(leftovers)" ''
