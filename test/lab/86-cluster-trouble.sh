#!/bin/bash
# What a cluster has to survive: leaders that die again and again, freeze, or are cut off with the minority; everybody at once.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
has_leader() { [ -n "$(leader_of "$1")" ]; }
within 5 'there is a leader' has_leader m1
on m1 service create -d -q --name web --replicas 4 swarmbox:latest >/dev/null
web_runs() { [ "$(on "$1" service ls --filter name=web --format '{{.Replicas}}')" = 4/4 ]; }
within 10 'a service runs' web_runs m1
is 'on the worker, too' "$(on w1 ps -q | wc -l)" 1
containers=$(on w1 ps -q --no-trunc | sort)

another() { for name in m1 m2 m3; do [ "$name" = "$1" ] || { echo "$name"; return; }; done; }

# --- the leader dies, again and again, under writes ---------------------------------------------------------------
write() { on "$1" service create -d -q --name "n$2" --replicas 0 --label "n=$2" swarmbox:latest >/dev/null 2>&1; }
acknowledged=0 worst=0 sum=0 rounds=${ROUNDS:-5}
for ((round = 1; round <= rounds; round++)); do
	leader=$(leader_of m1); [ -n "$leader" ] || leader=$(leader_of m2)
	asked=$(another "$leader")
	write "$asked" "$round-a" && acknowledged=$((acknowledged + 1)) || bad "a write before the death in round $round"
	kill_host "$leader"
	begin=$(milliseconds)
	write "$asked" "$round-b" && acknowledged=$((acknowledged + 1)) || bad "a write after the death in round $round"
	took=$(($(milliseconds) - begin)) sum=$((sum + took)); [ $took -le $worst ] || worst=$took
	start_host "$leader"
	all_reachable() { [ "$(on "$1" node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
	await 10 all_reachable "$asked" || bad "the dead leader is back in round $round"
done
echo "$rounds deaths: next write after $((sum / rounds)) ms on average, $worst ms at worst"
for name in m1 m2 m3; do
	holds_all() { [ "$(on "$1" service ls -q --filter name=n | wc -l)" = "$acknowledged" ]; }
	within 5 "$name holds all $acknowledged writes that were acknowledged" holds_all $name
done
is 'no container was touched' "$(on w1 ps -q --no-trunc | sort)" "$containers"

# --- the leader freezes -------------------------------------------------------------------------------------------
leader=$(leader_of m1) asked=$(another "$(leader_of m1)")
kill -STOP "$(agent_of "$leader")"
begin=$(milliseconds)
write "$asked" frozen && ok 'a write is accepted while the leader is frozen' || bad 'a write while the leader is frozen'
echo "after $(($(milliseconds) - begin)) ms"
within 8 'the frozen one is down' is_state "$asked" "$leader" Down
kill -CONT "$(agent_of "$leader")"
within 8 'and back when it thaws' is_state "$asked" "$leader" Ready
agrees() { [ "$(leader_of "$1")" = "$(leader_of "$2")" ] && [ -n "$(leader_of "$1")" ]; }
within 8 'it knows who leads now' agrees "$leader" "$asked"

# --- the leader is cut off ----------------------------------------------------------------------------------------
within 8 'the service is whole again' web_runs "$asked"
leader=$(leader_of m1) asked=$(another "$(leader_of m1)")
cut "$leader"
begin=$(milliseconds)
write "$asked" cut && ok 'the majority writes on' || bad 'the majority writes on'
echo "after $(($(milliseconds) - begin)) ms"
has 'the minority refuses, and says why' "$(on "$leader" service create -d -q --name never --replicas 0 swarmbox:latest 2>&1)" 'does not have a leader'
is 'but shows what it knows' "$(on "$leader" service ls -q --filter name=web | wc -l)" 1
within 8 'it is down for the others' is_state "$asked" "$leader" Down
within 8 'its tasks run elsewhere, and are counted once' web_runs "$asked"
heal "$leader"
within 15 'it is back when the wire is' is_state "$asked" "$leader" Ready
knows() { [ "$(on "$1" service ls -q --filter name=ncut | wc -l)" = 1 ]; }
within 8 'and knows what was written' knows "$leader"
is 'what it refused was not made' "$(on "$asked" service ls -q --filter name=never | wc -l)" 0

# --- everybody at once --------------------------------------------------------------------------------------------
for name in m1 m2 m3 w1; do kill_host $name; done
for name in m1 m2 m3 w1; do start_host $name; done
within 15 'all agents killed at once: there is a leader again' has_leader m1
within 15 'the worker is back' is_state m1 w1 Ready
within 20 'the service runs' web_runs m1
for name in m1 m2 m3; do kill_host $name; done
within 5 'without managers containers run on' bash -c "[ \$('$binary' -H unix://$lab/w1/run/swarmbox.sock ps -q | wc -l) -ge 1 ]"
misses() { [[ $(on w1 info --format '{{.Swarm.Error}}') == *'manager 10.77.0.'* ]]; }
within 10 'and the worker says whom it misses' misses
for name in m1 m2 m3; do start_host $name; done
within 20 'managers come back' has_leader m2
within 20 'so does the session' is_state m2 w1 Ready
