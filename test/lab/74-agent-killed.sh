#!/bin/bash
# The agent is killed in the midst of run, exec, stop, start and rm, ten times, and while it comes back: whatever is left of a container is explained by node.db, what the agent
# says of it is so, and all of it can be removed.
. "${0%/*}/lib.sh"
start_agent
mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep true; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import -c 'VOLUME /data' -c 'CMD ["sleep", "1000"]' - box:1 >/dev/null
c() { timeout 60 "$binary" "$@" >/dev/null 2>&1; }

# One person at work, until the file is there.
work() { # NAME
	until [ -e "$lab/enough" ]; do
		c run -d --name "$1" -v "named-$1:/named" box:1
		c exec -d "$1" sleep 500
		c exec "$1" true
		c stop -t 0 "$1"
		c start "$1"
		c run --rm --network none box:1 true
		c pause "$1"
		c rm -fv "$1"
	done
}
ids() { sb ps -aq --no-trunc; }
# Folders, control groups and shims of containers that nobody knows.
unexplained() {
	{ find /sys/fs/cgroup -mindepth 2 -type d -path "*$(basename "$(cgroup_of)")/*" -name '????????????????????????????????????????????????????????????????*'
	  ls -A "$data/containers" "$run/shims" | grep -E '^[0-9a-f]{64}$'; } 2>/dev/null | grep -vF -f <(ids; echo nobody)
}
# What is said to run does, in the group of its id.
lies() {
	local id pid
	ids | while read -r id; do
		pid=$(sb inspect "$id" --format '{{.State.Running}} {{.State.Pid}}')
		case $pid in
		'true '*) grep -q "$id" "/proc/${pid#* }/cgroup" || echo "$id: $pid" ;;
		esac
	done
}
# Processes in the groups of this host's containers, their shims included.
processes() { find /sys/fs/cgroup -path "*$(basename "$(cgroup_of)")/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | wc -l; }
anonymous() { sb volume ls -q | grep -v named-; }
# Two lists are made one after the other: between them somebody with --rm may go. What is left for good shows each time.
none() { local got; got=$("$1"); [ -z "$got" ]; }
none_run() { [ "$(processes)" = 0 ]; }

SEED=${SEED:-$(date +%s)} RANDOM=$((SEED % 32768))
echo "SEED=$SEED"
for round in 1 2 3 4 5 6 7 8 9 10; do
	rm -f "$lab/enough"
	for name in a b c; do work $name & done
	sleep 0.$((RANDOM % 9))$((RANDOM % 10))         # any moment
	touch "$lab/enough"
	kill_agent
	wait
	for again in 1 2 3; do                          # and while it finds out what there is
		"$binary" agent --data-root "$data" --run-root "$run" --log-level info >>"$lab/agent.log" 2>&1 &
		agent=$!
		sleep 0.0$((RANDOM % 10))$((RANDOM % 10))
		kill_agent
	done
	start_agent
	within 10 "round $round: everything is explained" none unexplained
	within 10 "round $round: everything is as it is said to be" none lies
	ids | xargs -r "$binary" rm -fv >/dev/null
	within 10 "round $round: nobody is left" none ids
	within 10 "round $round: nothing is left" nothing_left
	within 10 "round $round: no anonymous volume" none anonymous
	within 10 "round $round: nothing runs" none_run
done
