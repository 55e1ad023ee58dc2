#!/bin/bash
# The agent dies at random instants while services are made, scaled and removed. What was acknowledged stays; nothing is left
# that the state does not explain.  ROUNDS and SEED choose how often and when.
. "${0%/*}/lib.sh"
rounds=${ROUNDS:-10}
RANDOM=${SEED:-$((RANDOM))}
echo "seed: SEED=${SEED:-$RANDOM} rounds: $rounds"
RANDOM=${SEED:-$RANDOM}

declare -A wanted=()    # name -> replicas that were acknowledged
declare -A unsure=()    # name -> 1 when a write on it was under way at a crash
start_agent && init

act() { # one write, as somebody would type it; remembers what was acknowledged
	local name=s$((RANDOM % 4)) count=$((RANDOM % 4))
	unsure[$name]=1
	if [ -z "${wanted[$name]:-}" ]; then
		sb service create -d -q --name $name --replicas $count --restart-delay 0s -p $((9000 + ${name#s})):80 swarmbox:latest >/dev/null 2>&1 \
			&& wanted[$name]=$count && unset "unsure[$name]"
	elif [ $((RANDOM % 3)) = 0 ]; then
		sb service rm $name >/dev/null 2>&1 && unset "wanted[$name]" && unset "unsure[$name]"
	else
		sb service scale -d $name=$count >/dev/null 2>&1 && wanted[$name]=$count && unset "unsure[$name]"
	fi
}
# What was under way may have happened or not: ask, and go on from there.
settle_unsure() {
	local name
	for name in "${!unsure[@]}"; do
		local count
		count=$(sb service inspect $name --format '{{.Spec.Mode.Replicated.Replicas}}' 2>/dev/null) && wanted[$name]=$count || unset "wanted[$name]"
		unset "unsure[$name]"
	done
}
as_wanted() {
	local name
	for name in "${!wanted[@]}"; do
		[ "$(replicas $name)" = "${wanted[$name]}/${wanted[$name]}" ] || return 1
	done
	[ "$(sb service ls -q | wc -l)" = ${#wanted[@]} ]
}

for round in $(seq $rounds); do
	( # the crash comes in the middle of the acts, at an instant the seed chose
		exec 2>/dev/null
		sleep 0.$(printf %03d $((RANDOM % 400)))
		kill -9 $agent
	) &
	killer=$!
	while kill -0 $agent 2>/dev/null; do act; done
	wait $killer $agent 2>/dev/null
	start_agent || break
	settle_unsure
	await 20 as_wanted || { bad "round $round: everything acknowledged is there and runs" "$(sb service ls)"; sb service ps $(sb service ls -q) | head -n 20; break; }
done
ok "$rounds crashes: everything acknowledged is there and runs"
names=$(sb service ls -q)
[ -z "$names" ] || sb service rm $names >/dev/null
within 20 'all containers go with their services' no_containers
await 5 nothing_left
is 'nothing is left that the state does not explain' "$(leftovers)" ''
