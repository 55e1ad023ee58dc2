#!/bin/bash
# Programs that take all they can get: a fork bomb at its limit of pids, memory hogs at theirs, one that does not listen, one whose shim's binary was unmounted.
# Each is held or named, goes when it is told to, and neither its neighbour nor the agent has to wait for it.
. "${0%/*}/lib.sh"
start_agent && init
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }
mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep tail echo; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
sb service create -d -q --name neighbour --publish 8080:80 swarmbox:latest >/dev/null
within 10 'a neighbour runs' runs neighbour 1/1
neighbour=$(sb ps -q)
answers_there() { python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8080/", timeout=60)'; }
container() { sb ps -q --filter "name=$1."; }
pids() { local id; id=$(container "$1"); [ -z "$id" ] || cat $(find /sys/fs/cgroup -path "*/$id*/pids.$2" 2>/dev/null) /dev/null; }
group() { local id; id=$(container "$1"); [ -z "$id" ] || find /sys/fs/cgroup -type d -path "*/$id*" 2>/dev/null; }

sb service create -d -q --name bomb --limit-pids 64 --limit-cpu 0.5 --restart-delay 0s box:1 sh -c 'b() { b | b & b | b & }; b; exec sleep 1000' >/dev/null
# a shell that cannot fork ends: what counts is that it was refused
at_limit() { [[ $(pids bomb events) == *'max '[1-9]* ]]; }
within 20 'a fork bomb comes to its limit' at_limit
[ "$(pids bomb current)" -le 64 ] && ok 'and not beyond' || bad 'and not beyond' "$(pids bomb current)"
within 5 'its neighbour answers' answers_there
has 'so does the agent' "$(timeout 60 "$binary" service ls)" bomb
[ "$(sb exec "$(container bomb)" echo in 2>&1)" != '' ] && ok 'an exec in it is told that there is no room, or gets in' || bad 'an exec in it is told that there is no room, or gets in'
# its shell may have ended just now, and the next one not begun
has_groups() { groups=$(group bomb); [ -n "$groups" ]; }
within 10 'it has groups' has_groups
sb service rm bomb >/dev/null
gone() { for group in $groups; do [ ! -e "$group" ] || return 1; done; }
within 15 'it goes, and all that it has forked' gone

sb service create -d -q --name hog --limit-memory 16m --restart-delay 100ms --replicas 2 box:1 tail /dev/zero >/dev/null
often() { [ "$(sb service ps hog --no-trunc --format '{{.Error}}' | grep -c 'task: non-zero exit (137): out of memory')" -ge 4 ]; }
within 30 'memory hogs are killed, each time with the reason' often
is 'no shim falls with them' "$(sb service ps hog --no-trunc --format '{{.Error}}' | grep -c 'shim lost')" 0
within 5 'their neighbour answers' answers_there
sb service rm hog >/dev/null

# everybody in it ignores the signal
sb service create -d -q --name deaf --stop-grace-period 500ms box:1 sh -c 'trap "" TERM; for i in 1 2 3; do sh -c "trap \"\" TERM; while :; do sleep 1000; done" & done; wait' >/dev/null
within 10 'a task that ignores SIGTERM runs' runs deaf 1/1
began=$(date +%s%N)
sb service rm deaf >/dev/null
only_neighbour() { [ "$(sb ps -aq)" = "$neighbour" ]; }
within 10 'it is killed' only_neighbour
[ $((($(date +%s%N) - began) / 1000000)) -ge 500 ] && ok 'not before its grace is over' || bad 'not before its grace is over'

umount -l "$run/self"
sb service create -d -q --name again --stop-grace-period 100ms box:1 sleep 1000 >/dev/null
within 10 'the binary of the shims is unmounted: the next container starts' runs again 1/1
is 'for it is mounted again' "$(grep -c " $run/self " /proc/self/mountinfo)" 1
is 'and said' "$(grep -c "'$run/self' was unmounted: mounted again" "$lab/agent.log")" 1
is 'the neighbour was not touched' "$(container neighbour)" "$neighbour"
sb service rm again neighbour >/dev/null
within 10 'all go' no_containers
await 5 nothing_left
is 'nothing is left' "$(leftovers)" ''
