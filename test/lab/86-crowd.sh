#!/bin/bash
# Many workers, played by one process (bench-dispatch), on three managers: their sessions survive the leader's death, and so do their tasks; and when
# all of them vanish at once nothing is replaced.
# `make soak` plays it with WORKERS=1000; what the managers weigh and do at rest is told.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
count=${WORKERS:-60}
hosts m1 m2 m3
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
on m2 swarm join --token "$manager" 10.77.0.1:2377 >/dev/null
on m3 swarm join --token "$manager" 10.77.0.2:2377 >/dev/null

"$top/build/test/bench-dispatch" "$worker" 10.77.0.1:2377,10.77.0.2:2377,10.77.0.3:2377 "$count" $((1100 + count)) >"$lab/crowd.log" 2>&1 &
crowd=$!
ready() { on "$1" node ls --format '{{.Status}}' | grep -c Ready; }
are_ready() { [ "$(ready "$1")" = "$2" ]; }
# "  7.2 s: 60 joined, 60 in session, 60 opened, 0 failures, 0 assignments"
last() { tail -n 1 "$lab/crowd.log"; }
in_session() { last | sed -n 's/.* \([0-9]*\) in session.*/\1/p'; }
all_in_session() { [ "$(in_session)" = "$count" ]; }
pss() { awk '/^Pss:/ { print $2 }' "/proc/$(agent_of "$1")/smaps_rollup"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$(agent_of "$1")/stat"; }
is_light() { [ "$(pss "$1")" -le $((100 << 10)) ]; }
weights() {
	for name; do
		echo "$name: $(pss "$name") KiB, $(ticks "$name") ticks of processor"
		PATIENCE=1 within 1 "$name weighs at most 100 MiB" is_light "$name"
	done
}
# Ten seconds in which nothing happens but beats: what is measured is a span of time.
at_rest() {
	local name before=()
	for name; do before+=("$(ticks "$name")"); done
	sleep 10
	for name; do echo "$name at rest: $((($(ticks "$name") - before[0]) * 100 / $(getconf CLK_TCK))) thousandths of a core"; before=("${before[@]:1}"); done
}
within $((120 + count / 2)) 'every worker joins and is ready' are_ready m1 $((count + 3))
within 10 'each holds a session' all_in_session

on m2 service create -d -q --name web --replicas $((2 * count)) --constraint node.role==worker swarmbox:latest >/dev/null
replicas() { on "$1" service ls --filter name=web --format '{{.Replicas}}'; }
all_run() { [ "$(replicas "$1")" = $((2 * count))/$((2 * count)) ]; }
within $((30 + count / 5)) 'their tasks run' all_run m3
[ "$count" -lt 1000 ] || at_rest m1 m2 m3
weights m1 m2 m3

begin=$(milliseconds)
kill_host m1
within 10 'another one leads' eval '[ -n "$(leader_of m2)" ]'
within $((30 + count / 10)) 'who lost a session has another' eval '[ "$(last | sed -n "s/.* \([0-9]*\) failures.*/\1/p")" -gt 0 ] && all_in_session'
echo "all $count in session $(($(milliseconds) - begin)) ms after the leader's death: $(last)"
within 10 'only the dead leader is down' are_ready m2 $((count + 2))
is 'no task was touched' "$(on m2 service ps web -q | wc -l)" $((2 * count))
is 'and all run' "$(replicas m3)" $((2 * count))/$((2 * count))
weights m2 m3

# --- most of them vanish at once: a switch died, not the hosts -----------------------------------------------------
workers=$(on m2 node ls --filter role=worker -q)
for id in $workers; do on m2 node update --label-add swarmbox.grace=5s "$id" >/dev/null; done   # the same patience with each
wanted() { on m2 service ps web --filter desired-state=running -q | sort | cksum; }
before=$(wanted)
kill -9 $crowd; wait $crowd 2>/dev/null
are_unknown() { [ "$(on m3 node ls --filter role=worker --format '{{.Status}}' | grep -c Unknown)" = "$count" ]; }
within 10 'when all of them are gone at once none is taken for dead' are_unknown
is 'which is said' "$(on m3 node inspect "$(head -n 1 <<<"$workers")" --format '{{.Status.Message}}')" 'more than half of the nodes vanished at once: nothing is replaced for a minute'
is 'nothing is replaced' "$(wanted)" "$before"
finish_hosts
