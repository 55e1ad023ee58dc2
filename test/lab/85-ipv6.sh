#!/bin/bash
# 85-ipv6 - a cluster whose nodes know each other by addresses of version six alone: joined with and without a port, advertised and seen, after
# restarts, with streams from one to the other.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
if ! ip -n m1 -6 address add fd77::1/64 dev eth0 nodad 2>/dev/null; then echo 'this kernel has no IPv6: nothing is told'; finish_hosts; fi
for name in m2 m3 w1; do ip -n $name -6 address add "fd77::${host_ip[$name]##*.}/64" dev eth0 nodad; done
for name in m1 m2 m3 w1; do ip -n $name address del "${host_ip[$name]}/24" dev eth0; done
is 'an address with its port is told as it is dialled' "$(on m1 swarm init --advertise-addr fd77::1 2>&1 | grep -o '\[fd77::1\]:2377$')" '[fd77::1]:2377'
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
is 'a manager joins, seen as it is' "$(on m2 swarm join --token "$manager" '[fd77::1]:2377' 2>&1)" 'This node joined a swarm as a manager.'
is 'another one says where it is, and names no port' \
	"$(as_docker m3 swarm join --listen-addr '[fd77::3]:2377' --advertise-addr '[fd77::3]:2377' --token "$manager" fd77::2 2>&1)" 'This node joined a swarm as a manager.'
is 'a worker joins by any of several' "$(on w1 swarm join --token "$worker" '[fd77::99]:2377' '[fd77::3]:2377' 2>&1)" 'This node joined a swarm as a worker.'
shows() { [ "$(on m2 node inspect m1 m2 m3 w1 --format '{{.Status.State}} {{.Status.Addr}} {{if .ManagerStatus}}{{.ManagerStatus.Addr}} {{.ManagerStatus.Reachability}}{{end}}' | tr '\n' ';')" = "$1" ]; }
whole='ready fd77::1 [fd77::1]:2377 reachable;ready fd77::2 [fd77::2]:2377 reachable;ready fd77::3 [fd77::3]:2377 reachable;ready fd77::4 ;'
within 10 'all are there, at their addresses' shows "$whole"
is 'a node knows its own' "$(on w1 info --format '{{.Swarm.NodeAddr}}')" fd77::4
is 'and those of the managers' "$(as_docker w1 info 2>/dev/null | grep -c '^   \[fd77::[123]\]:2377$')" 3
is 'how to join is told with it' "$(on m3 swarm join-token worker | grep -o '[^ ]*$' | tail -n 1)" '[fd77::3]:2377'
on m1 service create -d -q --name web --mode global swarmbox:latest >/dev/null
runs_all() { [ "$(on m1 service ls --format '{{.Replicas}}')" = 4/4 ]; }
within 15 'tasks run everywhere' runs_all
task=$(on m2 service ps web --filter node=w1 --format '{{.Name}}.{{.ID}}' --no-trunc | head -n 1)
is 'a stream goes to the worker' "$(on m1 inspect "$(on m1 inspect "${task##*.}" --format '{{.Status.ContainerStatus.ContainerID}}')" --format '{{.State.Status}}')" running

# --- restarts -----------------------------------------------------------------------------------------------------
for name in m1 w1; do kill_host $name; start_host $name; done
within 20 'who was killed is back' shows "$whole"
is 'with the same address' "$(grep -h 'is reached at' "$lab"/*/agent.log)" ''
leader=$(leader_of m2)
for other in m1 m2 m3; do [ "$other" = "$leader" ] || break; done
kill_host "$leader"
await 10 is_state "$other" "$leader" Down
is 'the others write on without their leader' "$(on "$other" node update --label-add a=b w1 2>&1)" w1
start_host "$leader"
on "$other" service rm web >/dev/null
for name in m1 m2 m3 w1; do await 10 bash -c "[ -z \"\$('$binary' -H 'unix://$lab/$name/run/swarmbox.sock' ps -aq)\" ]"; done
finish_hosts
