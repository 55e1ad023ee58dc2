#!/bin/bash
# Addresses change (DHCP): one manager's, the leader's, a worker's, and then everybody's at once.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
on m1 service create -d -q --name web --replicas 4 swarmbox:latest >/dev/null
web_runs() { [ "$(on "$1" service ps web --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running')" = 4 ]; }
within 15 'a service runs' web_runs m1

move() { # HOST ADDRESS: the lease is over, and there is another one
	ip -n "$1" address flush dev eth0
	ip -n "$1" address add "$2/24" dev eth0
	ip -n "$1" route add default via 10.77.0.254
}
at() { [ "$(on "$1" node inspect "$2" --format '{{.Status.Addr}} {{.ManagerStatus.Addr}}')" = "$3 $3:2377" ]; }
whole() { [ "$(on "$1" node ls --format '{{.Status}}' | grep -c Ready) $(on "$1" node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = '4 3' ]; }
write() { on "$1" service update -d -q --label-add "at=$RANDOM$RANDOM" web; }

# --- one of them --------------------------------------------------------------------------------------------------
leader=$(leader_of m1)
for follower in m1 m2 m3; do [ "$follower" = "$leader" ] || break; done
for other in m3 m2 m1; do [ "$other" = "$leader" ] || break; done
move "$follower" 10.77.0.51
within 20 'a manager that has moved says where it is' at "$other" "$follower" 10.77.0.51
within 20 'and is one of three' whole "$other"
write "$follower" >/dev/null && ok 'it takes writes' || bad 'a write at the manager that has moved'
move "$leader" 10.77.0.52
within 20 'the leader too' at "$other" "$leader" 10.77.0.52
within 20 'and all are there' whole "$other"
move w1 10.77.0.54
worker_at() { [ "$(on "$other" node inspect w1 --format '{{.Status.Addr}} {{.Status.State}}')" = "$1 ready" ]; }
within 20 'a worker too' worker_at 10.77.0.54

# --- all of them, in another net ----------------------------------------------------------------------------------
ip address add 10.78.0.254/24 dev wire
number=10
for name in m1 m2 m3 w1; do
	ip -n "$name" address flush dev eth0
	ip -n "$name" address add "10.78.0.$((number += 1))/24" dev eth0
done
begin=$(milliseconds)
within 40 'all have moved, to another net: the managers find each other' at m1 m3 10.78.0.13
within 40 'and the worker finds them' whole m2
echo "after $(($(milliseconds) - begin)) ms"
within 10 'everybody says where he is' at m3 m1 10.78.0.11
write m2 >/dev/null && ok 'writes go on' || bad 'a write after all have moved'
within 20 'the service is whole' web_runs m3

# --- while they were off ------------------------------------------------------------------------------------------
for name in m1 m2 m3 w1; do kill_host $name; done
for name in m1 m2 m3 w1; do
	ip -n "$name" address flush dev eth0
	ip -n "$name" address add "10.77.0.$((number += 1))/24" dev eth0
	start_host $name
done
within 40 'it is the same when they moved while no agent ran' at m1 m3 10.77.0.17
within 40 'the first one, too' at m3 m1 10.77.0.15
within 40 'and all are there' whole m2
within 20 'the service is whole' web_runs m2
knows_all() { [ "$(on w1 info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}' | tr ' ' '\n' | grep -c '^10.77.0.1[567]:')" = 3 ]; }
within 20 'the worker knows where they are, for the next time' knows_all
finish_hosts
