#!/bin/bash
# What arrives at port 2377 and should not: tokens that are none here, nodes of elsewhere, peers that know the protocol and do not keep to it. Each is told what is
# wrong in one line; nothing joins, nothing crashes.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
echo 'nameserver 127.0.0.1' >"$lab/resolv.conf" && mount --bind "$lab/resolv.conf" "$(readlink -f /etc/resolv.conf)"
hosts m1 w1 x1 o1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
on o1 swarm init --advertise-addr 10.77.0.4 >/dev/null
stale=$(on m1 swarm join-token -q worker) stale_manager=$(on m1 swarm join-token -q manager)
token=$(on m1 swarm join-token -q --rotate worker) manager=$(on m1 swarm join-token -q --rotate manager)
foreign=$(on o1 swarm join-token -q worker)
on w1 swarm join --token "$token" 10.77.0.1:2377 >/dev/null
within 10 'a worker is in' is_state m1 w1 Ready
# one that was in, and was removed: its certificate is kept
on x1 swarm join --token "$token" 10.77.0.1:2377 >/dev/null
within 10 'so is another one' is_state m1 x1 Ready
cp -r "$lab/x1/data/certificates" "$lab/removed"
on x1 swarm leave >/dev/null
within 10 'which leaves' is_state m1 x1 Down
on m1 node rm x1 >/dev/null
table() { on m1 node ls --format '{{.ID}} {{.Hostname}} {{.Status}} {{.ManagerStatus}}' | sort; }
before=$(table) pids="$(agent_of m1) $(agent_of w1) $(agent_of x1) $(agent_of o1)"
lines=$(wc -l <"$lab/m1/agent.log")

# --- with our own client ------------------------------------------------------------------------------------------
# one line, which has these words; and nothing was joined
refuses() { # WHAT WORDS TOKEN AT...
	local what=$1 words=$2 out; shift 2
	out=$(timeout 60 "$binary" -H "unix://$lab/x1/run/swarmbox.sock" swarm join --token "$@" 2>&1) && bad "$what" "$out"
	[ "$(wc -l <<<"$out")" = 1 ] || bad "$what: one line" "$out"
	has "$what" "$out" "$words"
}
here=10.77.0.1:2377
nsenter --net=/run/netns/x1 python3 -B "$top/test/lab/bad_peers.py" names >"$lab/names" 2>&1 &
names=$!
await 20 grep -q here "$lab/names"
refuses 'a token that was rotated away' 'A valid join token is necessary to join this cluster' "$stale" $here
refuses 'the same of managers' 'A valid join token is necessary to join this cluster' "$stale_manager" $here
refuses 'a token with another secret' 'A valid join token is necessary to join this cluster' "${token%?????}zzzzz" $here
refuses 'a token of another cluster' 'fingerprint' "$foreign" $here
refuses 'what is no token' 'invalid join token' "${token%?}" $here
refuses 'a name that there is not' 'lookup nosuch.example' "$token" nosuch.example:2377
refuses 'a name without an address' 'lookup empty.example' "$token" empty.example
refuses 'a port that is none' 'it must be HOST:PORT' "$token" 10.77.0.1:99999
refuses 'a worker, which lets nobody in' '10.77.0.2:2377' "$token" 10.77.0.2
kill $names
has 'a host that is in a cluster' "$(on o1 swarm join --token "$token" $here 2>&1)" 'This node is already part of a swarm'
is 'nothing was joined' "$(on x1 info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}')" 'inactive '
is 'and nothing of it is on disk' "$(ls "$lab/x1/data/certificates" 2>/dev/null)" ''

# --- by hand ------------------------------------------------------------------------------------------------------
said() { while read -r line; do case $line in 'ok: '*) ok "${line#ok: }" ;; 'FAIL: '*) bad "${line#FAIL: }" ;; *) echo "$line" ;; esac; done; }
memory() { awk '/VmRSS/ { print $2 }' "/proc/$(agent_of m1)/status"; }
held=$(memory)
said < <(nsenter --net=/run/netns/x1 timeout 900 python3 -B "$top/test/lab/bad_peers.py" peers 10.77.0.1 "$lab/w1/data/certificates" "$lab/removed" \
	"$lab/o1/data/certificates" "$token" "$foreign" "$stale" "$(on m1 info --format '{{.Swarm.Cluster.ID}}')" 2>&1; echo "ok: to the end ($?)")
is 'nobody has come or gone' "$(table)" "$before"
is 'all agents are those of before' "$(agent_of m1) $(agent_of w1) $(agent_of x1) $(agent_of o1)" "$pids"
for name in m1 w1 x1 o1; do kill -0 "$(agent_of $name)" || bad "the agent of $name lives"; done
[ $(($(memory) - held)) -lt 16384 ] && ok 'memory is what it was' || bad 'memory is what it was' "$held kB, then $(memory) kB"
is 'nobody could fill the log' "$([ $(($(wc -l <"$lab/m1/agent.log") - lines)) -lt 60 ] && echo so || tail -n 60 "$lab/m1/agent.log")" so

# --- while a crowd stands at the door -----------------------------------------------------------------------------
mkfifo "$lab/stay"
nsenter --net=/run/netns/w1 python3 -B "$top/test/lab/bad_peers.py" crowd 10.77.0.1 <"$lab/stay" >"$lab/crowd" 2>&1 &
crowd=$!
exec 9>"$lab/stay"
within 60 'more are at the door than may wait there' grep -q here "$lab/crowd"
is 'a node joins nevertheless' "$(on x1 swarm join --token "$token" $here 2>&1)" 'This node joined a swarm as a worker.'
within 10 'and is ready' is_state m1 x1 Ready
is 'the worker on the crowd'"'"'s host is ready still' "$(state_of m1 w1)" Ready
exec 9>&-
wait $crowd
said <"$lab/crowd"
is 'a manager joins with the token of managers alone' "$(on x1 swarm leave >/dev/null; on x1 swarm join --token "$manager" $here 2>&1)" 'This node joined a swarm as a manager.'
finish_hosts
