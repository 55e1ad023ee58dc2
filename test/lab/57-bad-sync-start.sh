#!/bin/bash
# EIO at every sync of a start and of an init (bad_sync.sh): whatever ends early says why, and the next one succeeds.
. "${0%/*}/lib.sh"
. "${0%/*}/bad_sync.sh"
launch() { # CALL N: false when the agent ends before it answers
	inject "$1" "$2" -f "$binary" agent --data-root "$data" --run-root "$run" --log-level info >"$lab/start.log" 2>&1 &
	tracer=$!
	until answers >/dev/null 2>&1; do
		kill -0 $tracer 2>/dev/null || { wait $tracer; return 1; }
		sleep 0.02
	done
	agent=$(command cut -d' ' -f1 "/proc/$tracer/task/$tracer/children")
}
# starts WHAT BEFORE AFTER: behind BEFORE a start with each of its syncs, and of its end's, failing; then one without, and AFTER ends it
starts() {
	local what=$1 before=$2 after=$3 refused=0 accepted=0 unnamed='' stuck='' begun=$SECONDS call n
	for call in ${calls//,/ }; do
		for n in {1..60}; do
			$before
			if launch "$call" "$n"; then
				accepted=$((accepted + 1))
				kill "$agent"; wait $tracer
			else
				refused=$((refused + 1))
				names "$(cat "$lab/start.log")" || unnamed+="$call $n: $(tail -n 1 "$lab/start.log"); "
			fi
			note_files
			start_agent && $after || stuck+=" $call $n"
			met || break
		done
	done
	is "$what: a start that fails says why" "$unnamed" ''
	is "$what: the next one succeeds" "$stuck" ''
	echo "$what: $refused refused, $accepted accepted, $((SECONDS - begun)) s"
}
empty() { # what a kill at once leaves
	"$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge >/dev/null 2>&1
	rm -rf --one-file-system "$data" "$run" 2>/dev/null
	mkdir "$data" && (umask 077 && : >"$data/node.db")
}
ends() { stop_agent; true; }
starts 'an empty folder' empty ends
crash() {
	init_swarm
	number=$((number + 1))
	sb volume create "s$number" >/dev/null && keep $number
	sb service create -d -q --name "s$((++number))" --replicas 0 swarmbox:latest >/dev/null && keep $number
	kill_agent
	true
}
start_agent; crash
starts 'what a crash has left' nothing crash
start_agent
is 'what was made between the starts is there' "$(lost)" ''
leave_swarm >/dev/null
each 'init' init_swarm is_manager leave_swarm
all_met data data/{node,raft}.db data/{node,raft,state}.db-{wal,journal} data/certificates data/certificates/{cluster.key,swarm-node.crt} \
	data/images data/images/{oci-layout,index.json,builtin,layers}
finish
