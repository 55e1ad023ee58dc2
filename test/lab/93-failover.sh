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

# --- nobody leads -----------------------------------------------------------------------------------------------
on m1 service create -d -q --name web --replicas 4 swarmbox:latest >/dev/null
web_runs() { [ "$(on "$1" service ls --filter name=web --format '{{.Replicas}}')" = "$2" ]; }
within 20 'a service runs' web_runs m1 4/4
is 'reads of a whole cluster come without a word' "$(on m2 service ls -q --filter name=web 2>&1 >/dev/null)" ''
cut m3
stale='WARNING: The swarm does not have a leader: this is what this manager knew last.'
is_stale() { [ "$(on "$1" service ls 2>&1 >/dev/null)" = "$stale" ]; }
within 20 'a manager that is cut off says that what it shows may be old, in one line' is_stale m3
is 'and shows it' "$(on m3 service ls --format '{{.Name}}' 2>/dev/null)" web
header() { curl -s -o /dev/null -D - --unix-socket "$lab/$1/run/swarmbox.sock" "http://x/v1.50/$2" | tr -d '\r' | grep -i '^warning'; }
is 'other clients are told in a header' "$(header m3 services)" "Warning: 110 swarmbox \"${stale#WARNING: }\""
is 'what is of this host alone is never old' "$(header m3 containers/json)" ''
has 'a write is refused with what to do' "$(on m3 service create -d -q --name never swarmbox:latest 2>&1)" \
	'The swarm does not have a leader. It'\''s possible that too few managers are online. Make sure more than half of the managers are online.'
has 'and info says the same' "$(on m3 info --format '{{.Swarm.Error}}')" 'The swarm does not have a leader'
elsewhere() { [ "$(on m1 service ps web --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' | grep -v '^m3' | grep -c ' Running')" = 4 ]; }
within 30 'its task runs elsewhere' elsewhere
is 'and is counted once' "$(on m1 service ls --filter name=web --format '{{.Replicas}}')" 4/4
heal m3
is_fresh() { [ -z "$(on "$1" service ls -q --filter name=web 2>&1 >/dev/null)" ]; }
within 30 'with the wire it follows again' is_fresh m3
finish_hosts
