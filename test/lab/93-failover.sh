#!/bin/bash
# What people see while a cluster loses a manager: stops that are announced, reads that may be old, replacements that are counted once.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
managers_are() { [ "$(on "$1" node ls --format '{{.ManagerStatus}}' 2>/dev/null | grep -c -e Reachable -e Leader)" = "$2" ]; }
within 20 'three managers' managers_are m1 3
another() { for name in m1 m2 m3; do [ "$name" = "$1" ] || { echo "$name"; return; }; done; }

# --- the leader is stopped ----------------------------------------------------------------------------------------
on m1 service create -d -q --name web --replicas 4 swarmbox:latest >/dev/null
web_runs() { [ "$(on "$1" service ls --filter name=web --format '{{.Replicas}}')" = "$2" ]; }
within 20 'a service runs' web_runs m1 4/4
tasks() { on "$1" service ps web -q | sort; }
before=$(tasks m1)
leader=$(leader_of m1) asked=$(another "$leader")
begin=$(milliseconds)
kill "$(agent_of "$leader")"
on "$asked" service create -d -q --name after --replicas 0 swarmbox:latest >/dev/null && ok 'the leader is stopped, and a write is accepted' || bad 'a write after the stop'
took=$(($(milliseconds) - begin))
echo "next write $took ms after the leader was asked to stop"
wait "$(agent_of "$leader")"; echo "the agent ended after $(($(milliseconds) - begin)) ms"
has 'it handed over' "$(leader_of "$asked")" m
# --- a worker is restarted ------------------------------------------------------------------------------------------
begin=$(milliseconds)
stop_host w1
echo "the worker's agent ended after $(($(milliseconds) - begin)) ms"
sleep 4         # longer than the silence after which a node is down
is 'neither is down after four seconds' "$(on "$asked" node ls --format '{{.Status}}' | sort -u)" Ready
start_host w1; start_host "$leader"
within 20 'three managers again' managers_are m1 3
is 'no task was replaced' "$(tasks "$asked")" "$before"

# --- nobody leads -----------------------------------------------------------------------------------------------
is_fresh() { [ -z "$(on "$1" service ls -q --filter name=web 2>&1 >/dev/null)" ]; }
within 20 'reads of a whole cluster come without a word' is_fresh m2
cut m3
stale='WARNING: The swarm does not have a leader: this is what this manager knew last.'
is_stale() { [ "$(on "$1" service ls 2>&1 >/dev/null)" = "$stale" ]; }
within 20 'a manager that is cut off says that what it shows may be old, in one line' is_stale m3
is 'and shows it' "$(on m3 service ls --filter name=web --format '{{.Name}}' 2>/dev/null)" web
header() { curl -s -o /dev/null -D - --unix-socket "$lab/$1/run/swarmbox.sock" "http://x/v1.50/$2" | tr -d '\r' | grep -i '^warning'; }
is 'other clients are told in a header' "$(header m3 services)" "Warning: 110 swarmbox \"${stale#WARNING: }\""
is 'what is of this host alone is never old' "$(header m3 containers/json)" ''
has 'and info says the same' "$(on m3 info --format '{{.Swarm.Error}}')" 'The swarm does not have a leader'
heal m3
within 30 'with the wire it follows again' is_fresh m3

# --- bit rot ------------------------------------------------------------------------------------------------------
on m1 service create -d -q --name rotten --replicas 0 --label word=swordfish swarmbox:latest >/dev/null
word() { on "$1" service inspect rotten --format '{{index .Spec.Labels "word"}}' 2>/dev/null; }
knows() { [ "$(word "$1")" = swordfish ]; }
within 20 'a word is known everywhere' knows m3
containers=$(on m3 ps -q --no-trunc)
stop_host m3
LC_ALL=C sed -i s/swordfish/swordfisH/g "$lab/m3/data/state.db"
is 'a byte of it rots on a disk' "$(grep -c swordfisH "$lab/m3/data/state.db")" 1
start_host m3
refuses_or_knows() { local told; told=$(on m3 service inspect rotten 2>&1); [[ $told == *'is being fetched anew'* || $told == *swordfish* ]]; }
refuses_or_knows && ok 'it is not shown to anybody' || bad 'it is not shown to anybody' "$(on m3 service inspect rotten 2>&1)"
within 30 'the state is fetched anew' knows m3
within 30 'and three managers decide again' managers_are m3 3
has 'that was said aloud' "$(grep ' error ' "$lab/m3/agent.log")" 'serves no more until it has fetched the state anew'
is 'what rotted is kept' "$(grep -c swordfisH "$lab/m3/data/state.db.damaged")" 1
is 'no container was touched' "$(on m3 ps -q --no-trunc)" "$containers"
finish_hosts
