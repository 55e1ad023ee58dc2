#!/bin/bash
# What is left when the majority is lost for good, when all addresses change, and when there is only a file.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1 new
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
cluster=$(on m1 info --format '{{.Swarm.Cluster.ID}}')
printf swordfish | on m1 secret create pw - >/dev/null
on m1 service create -d -q --name web --replicas 4 --restart-delay 0s --secret pw \
	--mount type=bind,source=/bin/busybox,target=/busybox,readonly swarmbox:latest >/dev/null
# Docker counts what ran on a host that is down as running still
web_runs() { [ "$(on "$1" service ps web --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running')" = 4 ]; }
within 15 'a service with a secret runs' web_runs m1
on_worker=$(on w1 ps -q --no-trunc | sort)

# --- a backup -----------------------------------------------------------------------------------------------------
umask 022
on m2 backup "$lab/saved" && ok 'a follower writes a backup' || bad 'a follower writes a backup'
is 'for root alone' "$(stat -c %a "$lab/saved")" 600
has 'which is not overwritten' "$(on m1 backup "$lab/saved" 2>&1)" 'exists already'
on m1 backup --force "$lab/saved" && ok 'but by force' || bad 'a backup is replaced by force'
is 'nothing else lies beside it' "$(ls "$lab" | grep -c saved)" 1
on m1 backup - | cmp -s -n 16 - "$lab/saved" && ok 'the standard output takes one too' || bad 'a backup on the standard output'
is 'a worker has none to give' "$(on w1 backup "$lab/none" 2>&1 | grep -c 'not a swarm manager'), $(ls "$lab" | grep -c none)" '1, 0'

# --- the majority is lost -----------------------------------------------------------------------------------------
has 'a worker cannot go on alone' "$(on w1 swarm init --force-new-cluster --advertise-addr 10.77.0.4 2>&1)" 'This node is not a swarm manager'
on m2 service create -d -q --name last --replicas 0 swarmbox:latest >/dev/null
kill_host m1; kill_host m3
has 'without the majority nothing is written' "$(on m2 service create -d -q --name never --replicas 0 swarmbox:latest 2>&1)" 'does not have a leader'
has 'nor is it asked for at an address of nobody' "$(on m2 swarm init --force-new-cluster --advertise-addr nonsense 2>&1)" 'advertise address must be'
begin=$(milliseconds)
has 'one survivor goes on, at the word of a human' "$(as_docker m2 swarm init --force-new-cluster 2>&1)" 'Swarm initialized: current node'
echo "after $(($(milliseconds) - begin)) ms"
is 'it leads' "$(leader_of m2)" m2
is 'it is the same swarm' "$(on m2 info --format '{{.Swarm.Cluster.ID}}')" "$cluster"
is 'what was acknowledged last is there' "$(on m2 service ls -q --filter name=last | wc -l)" 1
is 'the others are no managers any more, and down' "$(on m2 node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}' | grep '^m[13]' | sort | tr '\n' ';')" 'm1 Down ;m3 Down ;'
within 15 'the worker is back' is_state m2 w1 Ready
within 15 'the service is whole' web_runs m2
is 'containers of the worker were not touched' "$(on w1 ps -q --no-trunc | sort | grep -cF "$on_worker")" "$(echo "$on_worker" | wc -l)"
kill_host m2; start_host m2
leads() { [ "$(leader_of "$1")" = "$1" ]; }
within 10 'it is so after a restart' leads m2

# --- those of before come back ------------------------------------------------------------------------------------
start_host m3
told() { [[ $(on "$1" info --format '{{.Swarm.Error}}') == *'made anew without this manager'* ]]; }
within 15 'one that comes back is told that it went on without it' told m3
start_host m1
leads_of_old() { [ -n "$(leader_of m1)" ]; }
within 15 'two that come back are many enough to lead, for themselves' leads_of_old
within 15 'and are told' told m1
on m2 service create -d -q --name after --replicas 0 swarmbox:latest >/dev/null
has 'nobody obeys them: the worker stays' "$(on w1 info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}')" '10.77.0.2:2377 '
kill_host w1; start_host w1
within 15 'also when it is started anew' is_state m2 w1 Ready
is 'and the swarm is as it was' "$(leader_of m2) $(on m2 node ls -q | wc -l) $(on m2 service ls -q --filter name=after | wc -l)" 'm2 4 1'
for name in m1 m3; do on $name swarm leave --force >/dev/null; done
token=$(on m2 swarm join-token -q manager)
for name in m1 m3; do is "$name joins again" "$(on $name swarm join --token "$token" 10.77.0.2:2377 2>&1)" 'This node joined a swarm as a manager.'; done
three() { [ "$(on m2 node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
within 10 'there are three managers again' three
within 15 'and the service is whole' web_runs m2

# --- only a file is left ------------------------------------------------------------------------------------------
for name in m1 m2 m3 w1; do kill_host $name; done
kill_host new
mkdir -p "$lab/new/data/certificates"; cp "$lab/m1/data/certificates/cluster.key" "$lab/new/data/certificates/"
start_host new
is 'of a restore that was cut off before it began nothing is left' "$(on new info --format '{{.Swarm.LocalNodeState}}') $(ls "$lab/new/data/certificates")" 'inactive '
nothing_begun() { is "$1, in one line" "$(on new swarm init --restore "$2" --force-new-cluster --advertise-addr 10.77.0.5 2>&1)" "$3"
	is 'and nothing is begun' "$(on new info --format '{{.Swarm.LocalNodeState}}')" inactive; }
head -c 3000 "$lab/saved" >"$lab/short"; { cat "$lab/saved"; echo; } >"$lab/long"
nothing_begun 'a backup that was cut is refused' "$lab/short" 'Error response from daemon: the backup is damaged, or not all of it is there'
nothing_begun 'one that was changed too' "$lab/long" 'Error response from daemon: the backup is damaged, or not all of it is there'
nothing_begun 'what is none too' /bin/busybox 'Error response from daemon: this is no backup of swarmbox'
nothing_begun 'a file that is not there too' "$lab/nowhere" "open $lab/nowhere: No such file or directory"
has 'the old managers have to be given up by word' "$(on new swarm init --restore "$lab/saved" 2>&1)" '--restore needs --force-new-cluster'
has 'a host that never was in it restores it' "$(on new swarm init --restore "$lab/saved" --force-new-cluster --advertise-addr 10.77.0.5 2>&1)" \
	'Swarm initialized: current node'
is 'it is the same swarm' "$(on new info --format '{{.Swarm.Cluster.ID}}')" "$cluster"
is 'with the same tokens' "$(on new swarm join-token -q worker)" "$worker"
# its tasks ran elsewhere when the backup was made, and are said to until they are replaced
here() { [ "$(on new ps -q --filter name=web. | wc -l)" = 4 ] && web_runs new; }
within 20 'the service comes back' here
is 'its secret opens' "$(on new exec "$(on new ps -q --filter name=web. | head -n 1)" /busybox cat /run/secrets/pw)" swordfish
has 'it is refused where a swarm is' "$(on new swarm init --restore - --force-new-cluster <"$lab/saved" 2>&1)" 'already part of a swarm'
kill_host new; start_host new
within 10 'it is so after a restart' leads new
within 20 'services too' web_runs new
finish_hosts
