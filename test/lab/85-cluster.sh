#!/bin/bash
# A cluster of three managers and two workers, on five hosts: joins, roles, deaths, departures.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1 w2

# --- in ---------------------------------------------------------------------------------------------------------
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
join() { # HOST TOKEN AT
	local begin; begin=$(milliseconds)
	on "$1" swarm join --token "$2" "$3" 2>&1
	echo "$1 joined in $(($(milliseconds) - begin)) ms" >&2
}
is 'a manager joins by its token' "$(join m2 "$manager" 10.77.0.1:2377)" 'This node joined a swarm as a manager.'
is 'another one by the second manager' "$(join m3 "$manager" 10.77.0.2:2377)" 'This node joined a swarm as a manager.'
is 'a worker by any of several addresses' "$(on w1 swarm join --token "$worker" 10.77.0.99:2377 10.77.0.3:2377 2>&1)" \
	'This node joined a swarm as a worker.'
has 'a token of nobody is refused' "$(on w2 swarm join --token "${worker%?????}aaaaa" 10.77.0.1:2377 2>&1)" \
	'A valid join token is necessary to join this cluster'
is 'what is no token is refused' "$(on w2 swarm join --token SWMTKN-1-x 10.77.0.1:2377 2>&1)" 'Error response from daemon: invalid join token'
has 'a root that the token does not name is refused' \
	"$(on w2 swarm join --token "SWMTKN-1-$(printf '0%.0s' {1..50})-${worker##*-}" 10.77.0.1:2377 2>&1)" 'fingerprint'
has 'an address where nobody listens is named' "$(on w2 swarm join --token "$worker" 10.77.0.1:2399 2>&1)" '10.77.0.1:2399'
is 'and nothing was joined' "$(on w2 info --format '{{.Swarm.LocalNodeState}}')" inactive
is 'a worker joins, with the stock client' "$(as_docker w2 swarm join --token "$worker" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a worker.'
has 'who is in a swarm cannot join one' "$(on w2 swarm join --token "$worker" 10.77.0.1:2377 2>&1)" 'This node is already part of a swarm'
table() { on "$1" node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}' | sort | tr '\n' ';'; }
whole='m1 Ready Active Leader;m2 Ready Active Reachable;m3 Ready Active Reachable;w1 Ready Active ;w2 Ready Active ;'
shows() { [ "$(table "$1")" = "$2" ]; }
within 3 'every manager shows all five' shows m1 "$whole"
within 1 'the second too' shows m2 "$whole"
within 1 'the third too' shows m3 "$whole"
same_table() { [ "$(as_docker "$1" node ls)" = "$(on "$1" node ls)" ]; }
for name in m1 m2 m3; do same_table $name && ok "the stock client shows the same table on $name" || bad "the stock client's table on $name" "$(as_docker $name node ls 2>&1)"; done
is 'it is told how to join' "$(as_docker m2 swarm join-token worker)" "To add a worker to this swarm, run the following command:

    docker swarm join --token $worker 10.77.0.2:2377"
has 'a worker is no manager' "$(on w1 node ls 2>&1)" "Worker nodes can't be used to view or modify cluster state"
is 'a worker knows the managers' "$(on w1 info --format '{{len .Swarm.RemoteManagers}}')" 3

# --- work -------------------------------------------------------------------------------------------------------
running_on() { on "${2:-m1}" service ps web --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' | grep -c "^$1 Running"; }
spread() { for name in m1 m2 m3 w1 w2; do [ "$(running_on $name)" = 2 ] || return 1; done; }
on m2 service create -d -q --name web --replicas 10 --restart-delay 0s swarmbox:latest >/dev/null
is 'a write on a follower is read there at once' "$(on m2 service ls -q | wc -l)" 1
for pair in 'm1 m2' 'm2 m3' 'm3 m1'; do
	read -r writer reader <<<"$pair"
	is "what $writer says is done is so for $reader" "$("$top/test/lab/read_after_write.py" "$lab/$writer/run/swarmbox.sock" "$lab/$reader/run/swarmbox.sock" 100 2>&1 | head -n 3)" ''
done
within 10 'ten tasks are two on each host' spread
is 'each host has its own' "$(on w1 ps -q | wc -l)" 2

# --- secrets ----------------------------------------------------------------------------------------------------
word=swordfish-$RANDOM$RANDOM$RANDOM
printf %s "$word" | on m2 secret create pw - >/dev/null
head -c 300000 /dev/urandom >"$lab/large"; on m3 config create large "$lab/large" >/dev/null
on m3 service create -d -q --name keeper --constraint node.hostname==w1 --secret pw --config source=large,target=/large \
	--mount "type=bind,source=/bin/busybox,target=/busybox,readonly" swarmbox:latest >/dev/null
keeper_runs() { [ "$(on m1 service ls --filter name=keeper --format '{{.Replicas}}')" = 1/1 ]; }
within 10 'a worker runs a task with a secret' keeper_runs
in_keeper() { on w1 exec "$(on w1 ps -q --filter name=keeper.)" /busybox "$@"; }
is 'which it has from a manager' "$(in_keeper cat /run/secrets/pw)" "$word"
is 'and a config that no frame holds, whole' "$(in_keeper sha256sum /large | head -c 64)" "$(sha256sum "$lab/large" | head -c 64)"
rm "$lab/large"
is "the secret's bytes are on no disk of the cluster" "$(grep -rlF "$word" "$lab"/*/data "$lab"/*/*.log 2>/dev/null)" ''
on m1 service rm keeper >/dev/null
nothing_kept() { [ -z "$(find "$lab"/*/run/secrets/bytes -type f 2>/dev/null)" ]; }
within 10 'and nothing of it stays on the worker' nothing_kept

# --- the leader dies --------------------------------------------------------------------------------------------
begin=$(milliseconds)
kill_host m1
on m2 service update -d -q --label-add after=death web >/dev/null && ok 'a write is accepted after the leader died' || bad 'a write after the death'
echo "next write $(($(milliseconds) - begin)) ms after the leader's death"
is 'another one leads' "$(leader_of m2 | grep -c 'm[23]')" 1
within 6 'the dead one is down' is_state m2 m1 Down
is 'nobody else is' "$(on m2 node ls --format '{{.Status}}' | grep -c Ready)" 4
start_host m1
within 6 'it comes back by itself' is_state m2 m1 Ready
agree() { [ "$(table m1)" = "$(table m2)" ] && [[ $(table m1) == *'m1 Ready Active Reachable;'* ]]; }
within 6 'and is reachable' agree

# --- a worker dies ----------------------------------------------------------------------------------------------
begin=$(milliseconds)
cut w2
within 6 'a worker that is cut off is down' is_state m1 w2 Down
echo "down after $(($(milliseconds) - begin)) ms"
replaced() { [ "$(on m1 service ps web --filter desired-state=running --format '{{.Node}} {{.CurrentState}}' | grep -v '^w2' | grep -c ' Running')" = 10 ]; }
within 6 'its tasks run elsewhere' replaced
echo "replaced after $(($(milliseconds) - begin)) ms"
is 'its own containers run on' "$(on w2 ps -q | wc -l)" 2
heal w2
within 15 'it is back' is_state m1 w2 Ready
nothing_on_w2() { [ -z "$(on w2 ps -q)" ]; }
within 15 'and runs exactly what it should' nothing_on_w2

# --- roles ------------------------------------------------------------------------------------------------------
is 'a worker is promoted' "$(on m1 node promote w1)" 'Node w1 promoted to a manager in the swarm.'
is_manager() { [ "$(on m1 node ls --filter "name=$1" --format '{{.ManagerStatus}}')" = Reachable ]; }
within 5 'it is a manager' is_manager w1
within 5 'and answers as one' on w1 node ls
is 'twice is no news' "$(as_docker m1 node promote w1 | grep -c 'is already a manager')" 1
is 'it is demoted by the stock client' "$(as_docker m1 node demote w1)" 'Manager w1 demoted in the swarm.'
is_worker() { [ -z "$(on m1 node ls --filter "name=$1" --format '{{.ManagerStatus}}')" ] && ! on "$1" node ls; }
within 8 'it is a worker again' is_worker w1
within 8 'and ready' is_state m1 w1 Ready
is 'its containers ran through it all' "$(running_on w1)" "$(on w1 ps -q | wc -l)"
leader=$(leader_of m1)
for other in m1 m2 m3; do [ "$other" = "$leader" ] || break; done
is 'the leader is demoted' "$(on "$other" node demote "$leader")" "Manager $leader demoted in the swarm."
leads_elsewhere() { [ -n "$(leader_of "$other")" ] && [ "$(leader_of "$other")" != "$leader" ] && ! on "$leader" node ls; }
within 10 'another one leads, and it is a worker' leads_elsewhere
is 'it is promoted again' "$(on "$other" node promote "$leader")" "Node $leader promoted to a manager in the swarm."
within 8 'and is a manager again' on "$leader" node ls

# --- tokens -----------------------------------------------------------------------------------------------------
fresh=$(as_docker m2 swarm join-token --rotate -q worker)
[ "$fresh" != "$worker" ] && ok 'a token is rotated' || bad 'a token is rotated' "$fresh"
rotated() { [ "$(on m3 swarm join-token -q worker)" = "$fresh" ]; }
within 2 'on every manager' rotated

# --- out --------------------------------------------------------------------------------------------------------
has 'a node that is ready is not removed' "$(on m1 node rm w2 2>&1)" "is not down and can't be removed"
is 'a worker leaves' "$(on w2 swarm leave)" 'Node left the swarm.'
within 3 'and is down at once' is_state m1 w2 Down
is 'it can be removed then' "$(as_docker m1 node rm w2)" w2
has 'the old token lets nobody in' "$(on w2 swarm join --token "$worker" 10.77.0.1:2377 2>&1)" 'A valid join token is necessary'
is 'the new one does' "$(on w2 swarm join --token "$fresh" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a worker.'
has 'a manager is not removed' "$(on m1 node rm --force m2 2>&1)" 'It must be demoted to worker before removal'
is 'a manager leaves, as a worker' "$(on m3 swarm leave 2>&1)" 'Node left the swarm.'
within 5 'two managers are left' bash -c "[ \$('$binary' -H unix://$lab/m1/run/swarmbox.sock node ls --filter role=manager -q | wc -l) = 2 ]"
kill_host m1
cannot_leave() { [[ $(on m2 swarm leave 2>&1) == *'Without a Raft quorum your swarm will be inaccessible'* ]]; }
# the first to ask may still believe in the dead leader, and then waits its five seconds for another
within 15 'one of two cannot be spared when the other is dead' cannot_leave
is 'but may go by force' "$(on m2 swarm leave --force 2>&1)" 'Node left the swarm.'
finish_hosts
