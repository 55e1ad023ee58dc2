# hosts.sh - several hosts on one wire: each a network namespace with a name, an agent and roots of its own. Sourced behind lib.sh, whose
# single agent it does without.
#
#	hosts m1 m2 w1                  makes them, 10.77.0.1, 10.77.0.2 …, and starts an agent on each
#	on m1 swarm init …              a command of swarmbox's client there
#	as_docker m1 node ls            the same with Docker's own client
#	agent_of m1                     the pid of the agent
#	kill_host m1 / start_host m1    kill -9 of the agent, and start it again
#	cut m1 / heal m1                the wire to that host
#	slow m1 40 / quick m1           it takes 40 Mbit a second
declare -A host_ip host_agent
host_names=()

on() { local name=$1; shift; "$binary" -H "unix://$lab/$name/run/swarmbox.sock" "$@"; }
docker_client=$("$top/test/golden/docker/client" 2>/dev/null)
as_docker() { local name=$1; shift; "$docker_client" -H "unix://$lab/$name/run/swarmbox.sock" "$@"; }
agent_of() { echo "${host_agent[$1]}"; }

start_host() { # NAME OPTIONS...
	local name=$1; shift
	nsenter --net="/run/netns/$name" unshare --uts --mount --propagation private sh -c 'hostname "$0" && exec "$@"' "$name" \
		"$binary" agent --data-root "$lab/$name/data" --run-root "$lab/$name/run" --log-level "${LOG_LEVEL:-info}" "$@" \
		>>"$lab/$name/agent.log" 2>&1 &
	host_agent[$name]=$!
	await 20 on "$name" version || { bad "the agent of $name starts" "$(tail -n 3 "$lab/$name/agent.log")"; return 1; }
}
make_host() { # NAME
	local name=$1 number=$((${#host_names[@]} + 1))
	host_names+=("$name")
	host_ip[$name]=10.77.0.$number
	mkdir -p "$lab/$name"
	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip link set "to-$name" master wire up
	ip -n "$name" link set lo up
	ip -n "$name" address add "${host_ip[$name]}/24" dev eth0
	ip -n "$name" link set eth0 up
	ip -n "$name" route add default via 10.77.0.254
}
hosts() { # NAMES...
	mount -t tmpfs none /run && mkdir -p /run/netns
	ip link add wire type bridge
	ip link set wire up
	ip address add 10.77.0.254/24 dev wire
	for name; do make_host "$name"; done
	for name; do start_host "$name"; done
}
kill_host() { kill -9 "${host_agent[$1]}"; wait "${host_agent[$1]}" 2>/dev/null; }
stop_host() { kill "${host_agent[$1]}"; wait "${host_agent[$1]}" 2>/dev/null; }
cut() { ip link set "to-$1" down; }
heal() { ip link set "to-$1" up; }
slow() { tc qdisc replace dev "to-$1" root tbf rate "$2mbit" burst 64k latency 50ms; }        # HOST MBIT: what comes to it
quick() { tc qdisc del dev "to-$1" root; }

leader_of() { on "$1" node ls --format '{{.Hostname}} {{.ManagerStatus}}' | sed -n 's/ Leader$//p'; }
state_of() { on "$1" node ls --filter "name=$2" --format '{{.Status}}'; } # HOST NODE
is_state() { [ "$(state_of "$1" "$2")" = "$3" ]; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

finish_hosts() {
	trap - EXIT
	for name in "${host_names[@]}"; do kill -9 "${host_agent[$name]}" 2>/dev/null; done
	wait 2>/dev/null
	for name in "${host_names[@]}"; do
		nsenter --net="/run/netns/$name" "$binary" agent --data-root "$lab/$name/data" --run-root "$lab/$name/run" --log-level error --purge \
			>>"$lab/$name/agent.log" 2>&1 || bad "purge of $name removes everything" "$(tail -n 2 "$lab/$name/agent.log")"
		[ $failed -eq 0 ] || { echo "--- the last words of $name:"; tail -n "${LAST_WORDS:-12}" "$lab/$name/agent.log"; }
		ip netns del "$name"
	done
	umount -l "$lab"/*/data 2>/dev/null
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$lab"
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
	exit
}
trap finish_hosts EXIT
