#!/bin/bash
# What else goes wrong on a host: a shim that is killed, a mount that is taken away, a flood of log lines, a full data root. Each is named or passes
# by itself, what was acknowledged stays, and nobody has to help.
. "${0%/*}/lib.sh"
mkdir -p "$data" "$lab/root/bin"
mount -t tmpfs -o size=96m data "$data"
start_agent && init
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo seq yes head; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
sb service create -d -q --name neighbour --stop-grace-period 100ms box:1 sleep 1000 >/dev/null
within 10 'a neighbour runs' runs neighbour 1/1
neighbour=$(sb ps -q)

sb service create -d -q --name shimless --restart-delay 0s --stop-grace-period 100ms box:1 sleep 1000 >/dev/null
within 10 'a service runs' runs shimless 1/1
pid=$(sb inspect "$(sb ps -q --filter name=shimless)" --format '{{.State.Pid}}')
kill -9 "$(cut -d' ' -f4 "/proc/$pid/stat")"
within 10 'a killed shim is named' says shimless 'shim lost'
within 10 'and its task is replaced' runs shimless 1/1
within 10 'its container is gone' test ! -d "/proc/$pid"
sb service rm shimless >/dev/null

sb volume create --opt type=tmpfs --opt device=tmpfs gone >/dev/null
sb service create -d -q --name mounted --restart-delay 0s --stop-grace-period 100ms --mount source=gone,target=/g box:1 sleep 1000 >/dev/null
within 10 'a service with a volume of its own file system runs' runs mounted 1/1
umount "$data/volumes/gone/_data"
first=$(sb ps -q --filter name=mounted)
kill -9 "$(sb inspect "$first" --format '{{.State.Pid}}')"
replaced() { [ "$(sb ps -q --filter name=mounted | grep -vc "$first")" = 1 ]; }
within 10 'the mount is taken away: its next task runs' replaced
is 'and has it again' "$(grep -c " $data/volumes/gone/_data " /proc/self/mountinfo)" 1
sb service rm mounted >/dev/null

sb service create -d -q --name flood --restart-condition none --log-driver json-file --log-opt max-size=8m --log-opt max-file=2 box:1 \
	sh -c 'seq 1 100000; echo the end' >/dev/null
ended() { [ "$(sb service logs --raw --tail 1 flood 2>/dev/null)" = 'the end' ]; }
within 20 'a hundred thousand lines as fast as they come are logged to the last' ended
sb service rm flood >/dev/null
within 15 'all but the neighbour goes' bash -c "[ \"\$('$binary' ps -aq | wc -l)\" = 1 ]"

# EIO at every fsync: nothing that is not on the disk is acknowledged
if command -v strace >/dev/null; then
	sb service create -d -q --name before --replicas 0 box:1 >/dev/null
	strace -qq -f -p "$agent" -e trace=fsync,fdatasync -e inject=fsync,fdatasync:error=EIO -o /dev/null &
	injector=$!
	traced() { ! grep -q '^TracerPid:[^0-9]*0$' /proc/$agent/task/*/status; }    # every thread of it
	await 10 traced
	refused=$(sb service create -d -q --name never --replicas 0 box:1 2>&1)
	has 'a disk that fails is named' "$refused" 'rror'
	has 'whether it was made is not claimed' "$refused" 'not known'
	is 'what was not written is not there' "$(sb service ls -q --filter name=never | wc -l)" 0
	is 'the neighbour runs on all the same' "$(sb inspect "$neighbour" --format '{{.State.Running}}')" true
	kill "$injector"; wait "$injector" 2>/dev/null
	writes() { sb service create -d -q --name after --replicas 0 box:1; }
	within 20 'when it works again, so do writes' writes
	is 'what was acknowledged before is there' "$(sb service ls -q --filter name=before | wc -l)" 1
	sb service rm before after never >/dev/null 2>&1
fi

head -c 200m /dev/zero >"$data/fill" 2>/dev/null
refused=$(sb service create -d -q --name late box:1 sleep 1000 2>&1)
has 'a full disk is named' "$refused" 'full'
is 'the neighbour runs on' "$(sb inspect "$neighbour" --format '{{.State.Running}}')" true
is 'and is still known' "$(sb service ls -q | wc -l)" 1
rm "$data/fill"
created() { sb service create -d -q --name late --stop-grace-period 100ms box:1 sleep 1000; }
within 20 'with room again the same command succeeds' created
within 10 'and the service runs' runs late 1/1
kill_agent; start_agent
is 'after a crash both are there' "$(sb service ls --format '{{.Name}}' | sort | tr '\n' ' ')" 'late neighbour '
is 'the neighbour was not touched' "$(sb ps -q --filter name=neighbour)" "$neighbour"
sb service rm late neighbour >/dev/null
within 10 'all go' no_containers
kill "$agent"; wait "$agent" 2>/dev/null; agent=
"$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge >>"$lab/agent.log" 2>&1
umount -l "$data"
