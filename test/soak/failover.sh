#!/bin/bash
# A cluster under a steady load of writes, whose managers and workers die, freeze and lose their wires and disks, again and again (ROUNDS, 50).
# The bounds are the issue's: the next write after a death within 1.0 s as a rule and 2.5 s at worst, after a clean stop within 200 ms as a rule;
# a worker without power is down within 4.0 s, and its tasks run elsewhere within 4 s as a rule. No write that was acknowledged is lost, none is
# made twice, and no container is touched. STORIES names some of the stories below.
PATIENCE=0
. "${0%/*}/../lab/lib.sh"
. "${0%/*}/../lab/hosts.sh"
soak=$top/test/soak
rounds=${ROUNDS:-50}
few=$(((rounds + 9) / 10))
mkdir -p "$lab"/m{1,2,3}/data
for name in m1 m2 m3; do mount -t tmpfs -o size=256m "$name" "$lab/$name/data"; done   # disks that can be full
hosts m1 m2 m3 w1 w2
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
for name in w1 w2; do on $name swarm join --token "$worker" 10.77.0.1:2377 >/dev/null; done
all_reachable() { [ "$(on "$1" node ls --format '{{.ManagerStatus}}' 2>/dev/null | grep -c -e Reachable -e Leader)" = 3 ]; }
within 30 'three managers' all_reachable m1
another() { for name in m1 m2 m3; do [ "$name" = "$1" ] || { echo "$name"; return; }; done; }
the_leader() { local found name; for name in m1 m2 m3; do found=$(leader_of $name 2>/dev/null); [ -z "$found" ] || { echo "$found"; return; }; done; }
on m1 service create -d -q --name pinned --mode global --constraint node.role==worker swarmbox:latest >/dev/null
pinned_runs() { [ "$(on m1 service ls --filter name=pinned --format '{{.Replicas}}')" = 2/2 ]; }
within 30 'each worker runs a container' pinned_runs
containers() { for name in w1 w2; do on $name ps -q --no-trunc --filter name=pinned; done; }
untouched=$(containers)
# Of all that happens to managers no worker notices: neither its containers are touched, nor is it ever taken for dead
worker_ids=$(for name in w1 w2; do on m1 node inspect $name --format '{{.ID}}'; done)
worker_deaths() { for name in m1 m2 m3; do grep -F "$worker_ids" "$lab/$name/agent.log" | grep -c 'heartbeat failure'; done | awk '{ all += $1 } END { print all }'; }
unharmed() {
	is "$1: no container was touched" "$(containers)" "$untouched"
	is "$1: no worker was taken for dead" "$(worker_deaths)" "$dead_workers"
	untouched=$(containers) dead_workers=$(worker_deaths)
}
dead_workers=0

# --- the load: a writer at each manager -----------------------------------------------------------------------------
writers=()
for name in m1 m2 m3; do
	"$soak/writer.py" "$lab/$name/run/swarmbox.sock" "$lab/$name/writes" 30 &
	writers+=($!)
done
writes() { for name in m1 m2 m3; do grep -q ' 201 ' "$lab/$name/writes" || return 1; done; }
within 60 'three writers write' writes
# next_write MS: the time from then until the first write was acknowledged that began later. Take it when the deed is done: nothing that was
# under way before counts.
next_write() {
	local took
	for _ in {1..1200}; do
		took=$(cat "$lab"/m?/writes | awk -v at="$1" '$1 >= at && $3 == 201 && (!best || $2 < best) { best = $2 } END { if (best) print best - at }')
		[ -z "$took" ] || { echo "$took"; return; }
		sleep 0.05
	done
	echo 60000
}
# longest_gap MS: the longest time since then in which no write was acknowledged anywhere
longest_gap() { cat "$lab"/m?/writes | awk -v at="$1" '$2 >= at && $3 == 201 { print $2 }' | sort -n |
	awk -v last="$1" -v now="$(milliseconds)" '{ if ($1 - last > gap) gap = $1 - last; last = $1 } END { if (now - last > gap) gap = now - last; print gap + 0 }'; }
# judge WHAT MEDIAN WORST FIGURES...: 0: no bound; of fewer than five the median says nothing
judge() {
	local what=$1 median=$2 worst=$3 sorted; shift 3
	mapfile -t sorted < <(printf '%s\n' "$@" | sort -n)
	local middle=${sorted[$((${#sorted[@]} / 2))]} last=${sorted[-1]}
	echo "$what: $# times, median $middle ms, worst $last ms"
	[ "$median" = 0 ] || [ $# -lt 5 ] || { [ "$middle" -le "$median" ] && ok "$what: $median ms as a rule" || bad "$what: $median ms as a rule" "$middle"; }
	[ "$worst" = 0 ] || { [ "$last" -le "$worst" ] && ok "$what: $worst ms at worst" || bad "$what: $worst ms at worst" "$last"; }
}
settle() { for name in m1 m2 m3; do await 60 all_reachable $name || bad "$1: three managers again, as $name sees it" "$(on $name node ls 2>&1)"; done; }

deaths() {
	local took=() round leader at
	for ((round = 1; round <= rounds; round++)); do
		leader=$(the_leader)
		kill -9 "$(agent_of "$leader")"; at=$(milliseconds); kill_host "$leader" 2>/dev/null
		took+=("$(next_write "$at")")
		start_host "$leader"; settle "death $round"
	done
	judge 'next write after a leader was killed' 1000 2500 "${took[@]}"
}
stops() {
	local took=() ended=() round leader at
	for ((round = 1; round <= few * 2; round++)); do
		leader=$(the_leader)
		at=$(milliseconds); stop_host "$leader"
		ended+=($(($(milliseconds) - at)))
		took+=("$(next_write "$at")")
		start_host "$leader"; settle "stop $round"
	done
	judge 'next write after a leader was asked to stop' 200 2500 "${took[@]}"
	judge 'end of the agent' 1000 0 "${ended[@]}"
}
frozen() {
	local gap=() round leader at
	for ((round = 1; round <= few; round++)); do
		leader=$(the_leader)
		at=$(milliseconds); kill -STOP "$(agent_of "$leader")"
		sleep 30
		kill -CONT "$(agent_of "$leader")"; settle "thaw $round"
		gap+=("$(longest_gap "$at")")
	done
	judge 'longest time without a write while a leader is frozen' 1000 2500 "${gap[@]}"
}
# quiet_from A B...: what A sends to the others goes nowhere, without a word; nobody else notices
quiet_from() { local name=$1 other; shift; for other; do ip -n "$name" neigh replace "${host_ip[$other]}" lladdr 02:00:00:00:00:99 dev eth0 nud permanent; done; }
loud_from() { local name=$1 other; shift; for other; do ip -n "$name" neigh del "${host_ip[$other]}" dev eth0; done; }
others_than() { local name; for name in m1 m2 m3 w1 w2; do [ "$name" = "$1" ] || echo "$name"; done; }
partitions() {
	local at leader round others name cut=() mute=() deaf=()
	for ((round = 1; round <= few; round++)); do
		leader=$(the_leader)
		at=$(milliseconds); cut "$leader"; sleep 5; heal "$leader"; settle "partition $round"; cut+=("$(longest_gap "$at")")
		leader=$(the_leader) others=$(others_than "$leader")
		at=$(milliseconds); quiet_from "$leader" $others; sleep 5; loud_from "$leader" $others; settle "mute $round"; mute+=("$(longest_gap "$at")")
		leader=$(the_leader) others=$(others_than "$leader")
		at=$(milliseconds); for name in $others; do quiet_from "$name" "$leader"; done; sleep 5
		for name in $others; do loud_from "$name" "$leader"; done; settle "deaf $round"; deaf+=("$(longest_gap "$at")")
	done
	judge 'longest time without a write while the leader is cut off' 1000 2500 "${cut[@]}"
	judge 'longest time without a write while the leader is not heard' 1000 2500 "${mute[@]}"
	judge 'longest time without a write while the leader does not hear' 1000 2500 "${deaf[@]}"
}
# a switch that passes nothing on, while the host's own link stands
port_off() { ip link set dev "to-$1" type bridge_slave state 0; }
port_on() { ip link set dev "to-$1" type bridge_slave state 3; }
flap() { # HOST DOWN UP
	local at=$(milliseconds) i host
	for ((i = 0; i < 8; i++)); do
		host=$1; [ -n "$host" ] || host=$(the_leader)
		"${4:-cut}" "${host:-m1}"; sleep "$2"; "${5:-heal}" "${host:-m1}"; sleep "$3"
	done
	settle "flapping ${1:-leaders}"
	gap+=("$(longest_gap "$at")")
	echo "${1:-whoever leads}: $2 s off, $3 s on: ${gap[-1]} ms"
}
# A wire that is bad for some seconds. No period is a second's multiple: a host whose own link went down asks for its neighbours anew, once a
# second and three times at most, and would ask whenever it is off. A worker that asks so may well be silent for G, and be taken for dead.
flapping() {
	local gap=() round
	for ((round = 1; round <= few; round++)); do
		flap "$(the_leader)" 0.2 0.2; flap "$(the_leader)" 0.4 0.5; flap "$(the_leader)" 1.5 0.7
		flap '' 0.4 0.5; flap w1 0.4 0.5 port_off port_on
	done
	judge 'longest time without a write while a wire flaps' 1000 2500 "${gap[@]}"
}
full_disk() {
	local gap=() round at leader pages free
	for ((round = 1; round <= few; round++)); do
		leader=$(the_leader)
		read -r pages free < <(stat -f -c '%b %f' "$lab/$leader/data")
		at=$(milliseconds); mount -o "remount,size=$(((pages - free) * 4096))" "$lab/$leader/data"
		sleep 20
		[ "$(the_leader)" = "$leader" ] && echo 'its log had room still' || echo 'another one leads'
		mount -o remount,size=256m "$lab/$leader/data"; settle "room again $round"
		gap+=("$(longest_gap "$at")")
	done
	judge 'longest time without a write while the disk of a leader is full' 1000 2500 "${gap[@]}"
}
# inject HOST CALLS ERROR SECONDS: these calls of its agent fail
inject() {
	strace -qq -f -p "$(agent_of "$1")" -e "trace=$2" -e "inject=$2:error=$3" -o "$lab/calls" &
	local injector=$!
	sleep "$4"
	kill $injector; wait $injector 2>/dev/null
}
bad_fsync() {
	local gap=() round at
	for ((round = 1; round <= few; round++)); do
		at=$(milliseconds); inject "$(another "$(the_leader)")" fsync,fdatasync EIO 6; settle "a disk that syncs again $round"
		gap+=("$(longest_gap "$at")")
	done
	judge "longest time without a write while a follower's disk fails" 1000 2500 "${gap[@]}"
}
rot() { # under an agent that runs: the file is looked at again when a write has failed
	local follower
	follower=$(another "$(the_leader)")
	# its WAL would hide it: after ten seconds without a write there is none
	kill -STOP "${writers[@]}"; sleep 13
	dd if=/dev/urandom of="$lab/$follower/data/state.db" bs=4096 seek=1 count=$(($(stat -c %s "$lab/$follower/data/state.db") / 4096 - 1)) conv=notrunc 2>/dev/null
	kill -CONT "${writers[@]}"
	inject "$follower" pwrite64 EIO 3
	await 60 test -e "$lab/$follower/data/state.db.damaged" && ok 'a file that rots under an agent is set aside' || bad 'a file that rots under an agent'
	settle 'rot'
	on "$follower" service ls >/dev/null && ok 'and its manager serves again' || bad 'its manager serves again'
}
power() {
	local down=() moved=() round at before
	on m1 service create -d -q --name moving --replicas 6 --restart-delay 0s --constraint node.role==worker swarmbox:latest >/dev/null
	for ((round = 1; round <= few; round++)); do
		await 60 bash -c "[ \"\$('$binary' -H unix://$lab/m1/run/swarmbox.sock service ls --filter name=moving --format '{{.Replicas}}')\" = 6/6 ]"
		on m1 service update -d -q --force moving >/dev/null    # spread over both
		sleep 5
		at=$(milliseconds); cut w2
		await 20 is_state m1 w2 Down; down+=($(($(milliseconds) - at)))
		elsewhere() { [ "$(on m1 service ps moving --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' | grep -c '^w1 Running')" = 6 ]; }
		await 20 elsewhere; moved+=($(($(milliseconds) - at)))
		heal w2; await 60 is_state m1 w2 Ready || bad "round $round: it is back"
	done
	judge 'a worker without power is down' 0 4000 "${down[@]}"
	judge 'its tasks run elsewhere' 4000 0 "${moved[@]}"
	# a minute away
	before=$(on w1 ps -q --no-trunc --filter name=pinned)
	cut w1; sleep 60
	is 'a worker that is cut off for a minute keeps its containers' "$(on w1 ps -q --no-trunc --filter name=pinned)" "$before"
	heal w1; within 60 'it is back' is_state m1 w1 Ready
	right() { [ "$(on w1 ps -q --filter name=moving | wc -l)" = "$(on m1 service ps moving --filter desired-state=running --format '{{.Node}}' | grep -c w1)" ] &&
		[ "$(on w1 ps -q --filter name=pinned | wc -l)" = 1 ]; }
	within 60 'and runs exactly what it should' right
	on m1 service rm moving >/dev/null
	# it was replaced where nobody heard of it, as it has to be
	within 30 'each worker runs a container again' pinned_runs
	untouched=$(containers) dead_workers=$(worker_deaths)
}

# all managers at once
massacre() {
	local took=() whole=() round at name
	for ((round = 1; round <= few; round++)); do
		kill -9 "$(agent_of m1)" "$(agent_of m2)" "$(agent_of m3)"
		for name in m1 m2 m3; do kill_host $name; done 2>/dev/null
		sleep 2
		at=$(milliseconds)
		for name in m1 m2 m3; do start_host $name; done
		took+=("$(next_write "$at")")
		settle "massacre $round"; whole+=($(($(milliseconds) - at)))
	done
	judge 'next write after all managers were started again' 0 0 "${took[@]}"
	judge 'all of them are reachable' 0 0 "${whole[@]}"
}
# the majority is lost for good: the survivor is the one that led, for what others acknowledged without it would be lost
forced() {
	local took=() round at survivor name lost
	for ((round = 1; round <= few; round++)); do
		survivor=$(the_leader) lost=
		for name in m1 m2 m3; do [ "$name" = "$survivor" ] || lost+=" $name"; done
		for name in $lost; do kill_host "$name"; done 2>/dev/null
		at=$(milliseconds)
		on "$survivor" swarm init --force-new-cluster >/dev/null || bad "round $round: the survivor goes on"
		took+=("$(next_write "$at")")
		for name in w1 w2; do await 30 is_state "$survivor" $name Ready || bad "round $round: $name is back"; done
		for name in $lost; do
			start_host "$name"; on "$name" swarm leave --force >/dev/null
			on "$name" swarm join --token "$(on "$survivor" swarm join-token -q manager)" "${host_ip[$survivor]}:2377" >/dev/null || bad "round $round: $name joins again"
		done
		settle "forced $round"
		for name in $(on "$survivor" node ls --filter membership=accepted --format '{{.ID}} {{.Status}}' | sed -n 's/ Down$//p'); do on "$survivor" node rm --force "$name" >/dev/null; done
	done
	judge 'next write after one of three was told to go on alone' 0 0 "${took[@]}"
}
# all addresses change at once
moved() {
	local gap=() whole=() round at name
	for ((round = 1; round <= few; round++)); do
		at=$(milliseconds)
		for name in m1 m2 m3 w1 w2; do
			host_ip[$name]=10.$((77 + round % 2)).$round.${host_ip[$name]##*.}
			ip -n $name address flush dev eth0
			ip -n $name address add "${host_ip[$name]}/24" dev eth0
		done
		await 60 at_their_addresses || bad "round $round: everybody says where he is" "$(on m1 node ls 2>&1)"
		settle "moved $round"; whole+=($(($(milliseconds) - at)))
		gap+=("$(longest_gap "$at")")
	done
	judge 'longest time without a write while all addresses change' 0 0 "${gap[@]}"
	judge 'until all are there' 0 0 "${whole[@]}"
}
at_their_addresses() { local name; for name in m1 m2 m3 w1 w2; do [ "$(on m2 node inspect $name --format '{{.Status.Addr}} {{.Status.State}}')" = "${host_ip[$name]} ready" ] || return 1; done; }

for story in ${STORIES:-deaths stops frozen partitions flapping full_disk bad_fsync rot power massacre forced moved}; do
	echo "-- $story"; $story; unharmed "$story"
done

# --- every write that was acknowledged ----------------------------------------------------------------------------------
kill "${writers[@]}"; wait "${writers[@]}" 2>/dev/null
settle 'the end'
cat "$lab"/m?/writes | awk '$3 == 201 { print $4 }' | sort >"$lab/acknowledged"
missing_at() { on "$1" config ls --format '{{.Name}}' | sort | comm -23 "$lab/acknowledged" -; }
holds_all() { [ -z "$(missing_at "$1")" ]; }
is 'no write was made twice' "$(cat "$lab"/m?/writes | awk '$3 == 409' | head -n 3)" ''
for name in m1 m2 m3; do
	await 30 holds_all "$name"      # the last one may have been another's, which shows it first
	is "$name holds all $(wc -l <"$lab/acknowledged") writes that were acknowledged" "$(missing_at "$name" | head -n 3)" ''
done
echo "$(cat "$lab"/m?/writes | wc -l) writes tried, of which $(cat "$lab"/m?/writes | awk '$3 == 0' | wc -l) had no answer and $(cat "$lab"/m?/writes | awk '$3 >= 300' | wc -l) were refused"
finish_hosts
