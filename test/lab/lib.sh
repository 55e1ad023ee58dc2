# lib.sh - how a story gets a host: a network namespace, roots and a cgroup directory of its own. Sourced by the stories.
#
# A story says what it does in plain commands and ends with `finish`. Everything it started is ended by pid, and everything it
# made is removed, also when it fails half-way.
set -u
top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
binary=${BINARY:-$top/build/swarmbox}
lab=$(mktemp -d /tmp/swarmbox-lab.XXXXXX)
data=$lab/data
run=$lab/run
export SWARMBOX_HOST=unix://$run/swarmbox.sock DOCKER_HOST=unix://$run/swarmbox.sock
unset HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE    # a story's host has none of this one's
passed=0 failed=0
agent=

ok() { passed=$((passed + 1)); echo "ok: $1"; }
bad() { failed=$((failed + 1)); echo "FAIL: $1${2:+: got: $2}"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "$2, wanted $3"; fi; }
has() { case $2 in *"$3"*) ok "$1" ;; *) bad "$1" "$2" ;; esac; }
sb() { "$binary" "$@"; }

# What is certain to come is waited for as long as a busy machine may need: whoever names fewer seconds says how soon it comes on an idle one. Bounds of time
# are the soak's, which sets PATIENCE=0.
patient() { echo $((SECONDS + ($1 > ${PATIENCE:-100} ? $1 : ${PATIENCE:-100}))); }
# within SECONDS WHAT COMMAND...: a shell can only look again; each look is one command
within() {
	local deadline what=$2
	deadline=$(patient "$1"); shift 2
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $deadline ]; then bad "$what"; return 1; fi
		sleep 0.05
	done
	ok "$what"
}
# the same without a verdict
await() {
	local deadline
	deadline=$(patient "$1"); shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.02
	done
}

answers() { sb version; }
start_agent() { # OPTIONS...
	"$binary" agent --data-root "$data" --run-root "$run" --log-level info "$@" >>"$lab/agent.log" 2>&1 &
	agent=$!
	await 20 answers || { bad 'the agent starts' "$(tail -n 3 "$lab/agent.log")"; return 1; }
}
kill_agent() { kill -9 "$agent"; wait "$agent" 2>/dev/null; }
stop_agent() { kill "$agent"; wait "$agent" 2>/dev/null; }
init() { sb swarm init --advertise-addr 127.0.0.1 >/dev/null; }
replicas() { sb service ls --filter "name=$1" --format '{{.Replicas}}'; }
runs() { [ "$(replicas "$1")" = "$2" ]; }
no_containers() { [ -z "$(sb ps -aq)" ]; }

# What of this host is still there and should not be, once all services are gone.
leftovers() {
	find /sys/fs/cgroup -mindepth 2 -type d -path "*$(basename "$(cgroup_of)")/*" -name '????????????????????????????????????????????????????????????????*' 2>/dev/null
	grep -F "$lab" /proc/self/mountinfo | grep -vF -e " $run/self " -e " $run/secrets " | command cut -d' ' -f5
	ip -o link show type veth | cut -d: -f2
	# .base is the runtime's own: the mount point that all roots share
	ls -A "$data/containers" "$run/shims" 2>/dev/null | grep -v -e ':$' -e '^\.base$' | grep .
	nft_rules
}
cgroup_of() { find /sys/fs/cgroup -maxdepth 2 -type d -name "swarmbox-$(printf %s "$data" | sha256sum | cut -c1-8)" 2>/dev/null | head -n 1; }
# published ports that nobody publishes any more still answer the kernel's question for a listener
nft_rules() { command -v nft >/dev/null && nft list ruleset 2>/dev/null | grep -E 'dnat to' ; true; }
nothing_left() { [ -z "$(leftovers)" ]; }

finish() {
	trap - EXIT
	[ -z "$agent" ] || { kill "$agent" 2>/dev/null; wait "$agent" 2>/dev/null; }
	if ! "$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge >>"$lab/agent.log" 2>&1; then
		bad 'purge removes everything' "$(tail -n 2 "$lab/agent.log")"
	fi
	[ $failed -eq 0 ] || { echo "--- the agent's last words:"; tail -n 15 "$lab/agent.log"; }
	rm -rf --one-file-system "$lab"
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ]
	exit
}
trap finish EXIT
