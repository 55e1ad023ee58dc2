#!/bin/bash
# 92-expired - a node that was away until its certificate had run out, by the cluster's calendar: it is refused, told why, and by which way it comes
# back. Who was there all the time has renewed his own. Time passes in two jumps of 50 minutes, of the clock that nobody sets.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
. "${0%/*}/clock.sh"
hosts
for name in m1 w1 w2; do make_host $name; done
start_host w1
for name in m1 w2; do start_off 0 $name; done

on m1 swarm init --advertise-addr 10.77.0.1 --cert-expiry 1h >/dev/null
token=$(on m1 swarm join-token -q worker)
for name in w1 w2; do on $name swarm join --token "$token" 10.77.0.1:2377 >/dev/null; done
within 30 'w1 is ready' is_state m1 w1 Ready
within 30 'w2 is ready' is_state m1 w2 Ready
old=$(on w1 info --format '{{.Swarm.NodeID}}')
kill_host w1
within 60 'w1 is away' is_state m1 w1 Down

renewals() { grep -c 'certificate is new' "$lab/$1/agent.log"; }
renewed() { [ "$(renewals "$1")" -gt "$2" ]; }
for jump in 1 2; do
	manager=$(renewals m1) worker=$(renewals w2)
	touch "$lab/jump$jump"
	within 60 "$((jump * 50)) minutes later the manager has renewed its certificate" renewed m1 "$manager"
	within 60 'and so has w2' renewed w2 "$worker"
	within 60 'which is ready' is_state m1 w2 Ready
done

start_host w1
refusal='does not accept this node: its certificate has expired: let it leave the swarm and join again'
told() { on w1 info --format '{{.Swarm.Error}}' | grep -qF "$refusal"; }
within 60 'w1, whose certificate lived for one, is told so' told
logged() { grep -qF "$refusal" "$lab/w1/agent.log"; }
within 10 'its log says it' logged
is 'it stays away' "$(state_of m1 w1)" Down
untroubled() { [ -z "$(on w2 info --format '{{.Swarm.Error}}')" ]; }
within 60 'and w2 has no such trouble' untroubled

# --- the way back -------------------------------------------------------------------------------------------------
is 'it leaves' "$(on w1 swarm leave 2>&1)" 'Node left the swarm.'
is 'and joins again' "$(on w1 swarm join --token "$token" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a worker.'
new=$(on w1 info --format '{{.Swarm.NodeID}}')
ready_again() { [ "$(on m1 node inspect "$new" --format '{{.Status.State}}')" = ready ]; }
within 60 'it is ready' ready_again
is 'as another node' "$([ -n "$new" ] && [ "$new" != "$old" ] && echo another)" another
is 'the old one can be removed' "$(on m1 node rm "$old" 2>&1)" "$old"
finish_hosts
