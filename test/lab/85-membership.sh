#!/bin/bash
# 85-membership - who manages and who is a node, in the hard cases: two demoted in one breath, roles given and taken while a node is down, removed nodes
# that come back, a manager that comes back to managers it has never heard of, one that was demoted and goes on as if it was not, a join that never ends.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 m4 m5 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
on m2 swarm join --token "$manager" 10.77.0.1 >/dev/null
on w1 swarm join --token "$worker" 10.77.0.1 >/dev/null
managers() { on "$1" node ls --filter role=manager --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}' | tr '\n' ';'; }
are() { [ "$(managers "$1" | sed 's/Leader/Reachable/')" = "$2" ]; }
within 10 'two manage' are m1 'm1 Ready Reachable;m2 Ready Reachable;'
within 10 'and one works' is_state m1 w1 Ready
is_node() { [ "$(on "$1" info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')" = "$2" ]; }
last='Error response from daemon: rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm'

# --- two managers -------------------------------------------------------------------------------------------------
for client in on as_docker; do
	has "that two are worse than one is told ($client)" "$($client m2 info 2>&1)" 'WARNING: Running Swarm in a two-manager configuration. This configuration provides'
done
is 'of two that are demoted in one breath one is' "$(as_docker m1 node demote m2 m1 2>&1)" "Manager m2 demoted in the swarm.
$last"
within 10 'it works from then on' is_node m2 'active false'
within 10 'the other manages, and leads' are m1 'm1 Ready Reachable;'
is 'one is no reason for a warning' "$(on m1 info 2>&1 | grep -c two-manager)" 0
is 'it is promoted again' "$(on m1 node promote m2)" 'Node m2 promoted to a manager in the swarm.'
within 10 'and manages' are m1 'm1 Ready Reachable;m2 Ready Reachable;'
# who has just been promoted lets nobody in before it is up to date
within 10 'which lets a third one in' on m3 swarm join --token "$manager" 10.77.0.2
three='m1 Ready Reachable;m2 Ready Reachable;m3 Ready Reachable;'
within 10 'a third one comes' are m1 "$three"

# --- one that was demoted and goes on as if it was not --------------------------------------------------------------
cp -r "$lab/m3/data/certificates" "$lab/papers"
is 'it is demoted' "$(on m2 node demote m3)" 'Manager m3 demoted in the swarm.'
within 10 'it works' is_node m3 'active false'
within 10 'two are left' are m1 'm1 Ready Reachable;m2 Ready Reachable;'
leader=$(leader_of m1)
while read -r line; do case $line in 'ok: '*) ok "${line#ok: }" ;; 'FAIL: '*) bad "${line#FAIL: }" ;; *) echo "$line" ;; esac; done < <(
	nsenter --net=/run/netns/m3 timeout 300 python3 -B "$top/test/lab/bad_peers.py" demoted "${host_ip[$leader]}" "$lab/papers" "$worker" 2>&1; echo "ok: to the end ($?)")
is 'the same one leads' "$(leader_of m1)" "$leader"
on m1 node ls --format '{{.ID}} {{.Hostname}}' | while read -r id name; do [ -n "$name" ] || on m1 node rm --force "$id" >/dev/null; done

# --- roles of nodes that are down ---------------------------------------------------------------------------------
kill_host w1
within 10 'a worker is down' is_state m1 w1 Down
is 'it is promoted nevertheless' "$(on m1 node promote w1)" 'Node w1 promoted to a manager in the swarm.'
is 'which makes no manager of it yet' "$(on m1 node ls --filter name=w1 --format '{{.Status}} {{.ManagerStatus}}')" 'Down '
start_host w1
within 15 'when it comes it is one' is_node w1 'active true'
within 15 'for all others, too' are m2 'm1 Ready Reachable;m2 Ready Reachable;w1 Ready Reachable;'
id=$(on w1 info --format '{{.Swarm.NodeID}}')
kill_host w1
within 10 'it is down again' is_state m1 w1 Down
is 'as a manager it is not removed' "$(as_docker m1 node rm w1 2>&1)" "Error response from daemon: rpc error: code = FailedPrecondition desc = node $id is a cluster \
manager and is a member of the raft cluster. It must be demoted to worker before removal"
is 'with it the others may not lose one more' "$(on m1 node demote m2 2>&1)" \
	"Error response from daemon: rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would result in a loss of quorum"
is 'it is demoted in its absence' "$(on m1 node demote w1)" 'Manager w1 demoted in the swarm.'
is 'and then the others may' "$(on m1 node demote m2)" 'Manager m2 demoted in the swarm.'
within 10 'one is left' are m1 'm1 Ready Reachable;'
within 10 'who is down and no manager is removed' on m1 node rm w1
start_host w1
gone() { on w1 info --format '{{.Swarm.Error}}' | grep -q 'was removed from it'; }
within 20 'it is told so when it comes back' gone
is 'it leaves' "$(on w1 swarm leave --force 2>&1)" 'Node left the swarm.'
is 'and joins again' "$(on w1 swarm join --token "$worker" 10.77.0.1 2>&1)" 'This node joined a swarm as a worker.'
within 10 'as another node' is_state m1 w1 Ready
for name in m2 m3; do on m1 node promote $name >/dev/null; done
within 15 'three manage again' are m1 "$three"

# --- what is typed, by both clients -------------------------------------------------------------------------------
for client in on as_docker; do
	is "$client: a label that is added and removed is none" "$($client m2 node update --label-add x=1 --label-rm x w1 2>&1)" w1
	has "$client: an update of nothing shows how to" "$($client m2 swarm update 2>/dev/null)" 'swarm update [OPTIONS]'
	has "$client: a lifetime that is none is told with the usage" "$($client m2 swarm update --cert-expiry 1d 2>&1)" 'unknown unit "d" in duration "1d"

Usage: '
	is "$client: of two that are inspected one is not there" "$($client m2 node inspect --pretty w1 nothing 2>/dev/null)" ''
	has "$client: json is one array" "$($client m2 node inspect --format json w1 m1)" '[{"ID":"'
	is "$client: a worker has no status of a manager" "$($client m2 node inspect --format '{{if .ManagerStatus}}some{{else}}none{{end}}' w1)" none
	is "$client: the root is shown quietly, too" "$($client m2 swarm ca --quiet --detach 2>&1 | head -n 1)" '-----BEGIN CERTIFICATE-----'
	has "$client: a lifetime is for a replacement" "$($client m2 swarm ca --cert-expiry 1h 2>&1)" '`--cert-expiry` flag requires the `--rotate` flag'
	is "$client: a lifetime of centuries" "$($client m2 swarm update --cert-expiry 2000000h 2>&1)" 'Swarm updated.'
	is "$client: one of minutes is too short" "$($client m2 swarm update --cert-expiry=-1h 2>&1)" \
		'Error response from daemon: rpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s'
done

# --- removed by force, while it is there --------------------------------------------------------------------------
id=$(on w1 info --format '{{.Swarm.NodeID}}')
is 'who is ready is not removed' "$(as_docker m2 node rm w1 2>&1)" "Error response from daemon: rpc error: code = FailedPrecondition desc = node $id is not down and can't be removed"
is 'but by force it is' "$(as_docker m2 node rm --force w1 2>&1)" w1
is 'at once' "$(on m2 node ls -q --filter "id=$id")" ''
within 10 'it is told so' gone
is 'it needs no force to leave' "$(as_docker w1 swarm leave 2>&1)" 'Node left the swarm.'
is 'nothing of it stays' "$(on w1 info --format '{{json .Swarm}}')" \
	'{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false,"Error":"","RemoteManagers":null}'

# --- the first of several addresses is one of a manager without a leader --------------------------------------------
for other in 1 2; do ip -n m3 route add blackhole 10.77.0.$other; done
leaderless() { on m3 info --format '{{.Swarm.Error}}' | grep -q 'does not have a leader'; }
within 20 'a manager that reaches no other has no leader' leaderless
has 'it lets nobody in' "$(on w1 swarm join --token "$worker" 10.77.0.3 2>&1)" 'does not have a leader'
is 'the next address does' "$(on w1 swarm join --token "$worker" 10.77.0.3 10.77.0.2 2>&1)" 'This node joined a swarm as a worker.'
for other in 1 2; do ip -n m3 route del blackhole 10.77.0.$other; done
within 20 'it is back when it reaches them' are m3 "$three"
on w1 swarm leave >/dev/null

# --- a manager comes back to managers it has never heard of ---------------------------------------------------------
cut m3
for name in m4 m5; do on $name swarm join --token "$manager" 10.77.0.1 >/dev/null; done
within 15 'two come while one is cut off' are m4 'm1 Ready Reachable;m2 Ready Reachable;m3 Down Unreachable;m4 Ready Reachable;m5 Ready Reachable;'
for name in m1 m2; do is "$name goes" "$(on m5 node demote $name)" "Manager $name demoted in the swarm."; done
left='Ready Reachable;m4 Ready Reachable;m5 Ready Reachable;'
within 20 'those it knew are no managers any more' are m5 "m3 Down Unreachable;${left#*;}"
heal m3
within 30 'it finds the others' are m3 "m3 $left"
within 10 'who find it' are m5 "m3 $left"
kill_host m4
await 10 is_state m5 m4 Down
is 'with it they write on when one more is lost' "$(on m3 node update --label-add back=yes m3 2>&1)" m3

# --- a join that never ends -----------------------------------------------------------------------------------------
on w1 swarm init --advertise-addr 10.77.0.99 >/dev/null
token=$(on w1 swarm join-token -q worker) manager=$(on w1 swarm join-token -q manager)
for name in m1 m2; do await 10 on $name swarm leave --force; done
begun='Error response from daemon: Timeout was reached before node joined. The attempt to join the swarm will continue in the background.'
on m1 swarm join --token "$token" 10.77.0.6 >"$lab/m1.said" 2>&1 &
has 'a manager that says where nobody reaches it is waited for in vain' "$(on m2 swarm join --token "$manager" 10.77.0.6 2>&1)" "$begun"
wait $!
has 'by a worker, too' "$(cat "$lab/m1.said")" "$begun"
for name in m1 m2; do
	is "$name: it is not over" "$(on $name info --format '{{.Swarm.LocalNodeState}}')" pending
	has "$name: it is in no other swarm meanwhile" "$(on $name swarm join --token "$token" 10.77.0.6 2>&1)" 'This node is already part of a swarm'
	is "$name: whoever leaves ends it" "$(as_docker $name swarm leave 2>&1)" 'Node left the swarm.'
	is "$name: nothing of it stays" "$(on $name info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}')" 'inactive '
	is "$name: and it may join elsewhere" "$(on $name swarm join --token "$worker" 10.77.0.5 2>&1)" 'This node joined a swarm as a worker.'
done
finish_hosts
