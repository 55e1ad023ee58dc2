#!/bin/bash
# Ten thousand lines a second for seconds on end, followed and rotated, and a disk that is full: nothing is lost that has room, what is lost is counted and
# said, no container waits for its log, and the agent has nothing to do with any of it.
. "${0%/*}/lib.sh"
mkdir -p "$data" "$lab/root/bin" "$lab/flags"
mount -t tmpfs -o size=96m data "$data"
start_agent && init
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep usleep echo seq touch; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
lines=50000
# a thousand lines ten times a second, and what it lags behind is caught up with
flood='now() { read -r up _ </proc/uptime; up=${up%.*}${up#*.}; }
now; start=$up; i=0; touch /flags/$1.began
while [ $i -lt 50 ]; do seq $((i * 1000 + 1)) $((i * 1000 + 1000)); i=$((i + 1)); now; while [ $((up - start)) -lt $((i * 10)) ]; do usleep 10000; now; done; done
echo the end; touch /flags/$1.ended; sleep 1000'
flood() { # NAME OPTIONS...
	local name=$1; shift
	sb service create -d -q --name "$name" --restart-condition none --stop-grace-period 100ms --mount type=bind,source="$lab/flags",target=/flags "$@" \
		box:1 sh -c "$flood" flood "$name" >/dev/null
}
flagged() { [ -e "$lab/flags/$1" ]; }
cpu_ticks() { cut -d')' -f2 "/proc/$agent/stat" | { read -r -a words; echo $((words[11] + words[12])); }; }
whole() { sb service logs --raw "$1" 2>&1 | cmp -s - "$lab/wanted"; }
{ seq $lines; echo 'the end'; } >"$lab/wanted"

flood rate
await 20 flagged rate.began
started=$(date +%s%N) before=$(cpu_ticks)
within 60 'ten thousand lines a second are written' flagged rate.ended
took_ms=$((($(date +%s%N) - started) / 1000000)) used=$(($(cpu_ticks) - before))
[ $took_ms -ge 4500 ] && ok 'for five seconds' || bad 'for five seconds' "$took_ms ms"
[ $((used * 10 * 50)) -le $took_ms ] && ok 'the agent is idle meanwhile (2 %)' || bad 'the agent is idle meanwhile (2 %)' "$((used * 10)) ms of $took_ms"
within 5 'none is lost, none is out of order' whole rate
sb service rm rate >/dev/null

flood followed --log-driver json-file --log-opt max-size=1m --log-opt max-file=50
await 20 flagged followed.began
sb service logs --raw -f followed >"$lab/seen" 2>&1 &
follower=$!
within 60 'the same, rotated often and followed' flagged followed.ended
seen() { cmp -s "$lab/seen" "$lab/wanted"; }
within 20 'the follower sees every line once' seen
kill $follower; wait $follower 2>/dev/null
within 5 'so does who comes later' whole followed
is 'the log was rotated' "$([ "$(find "$data/containers" -name '*-json.log*' | wc -l)" -gt 2 ] && echo yes)" yes
sb service rm followed >/dev/null
within 10 'both go' no_containers

sb service create -d -q --name full --restart-condition none --stop-grace-period 100ms --mount type=bind,source="$lab/flags",target=/flags box:1 sh -c \
	'seq 1 1000; touch /flags/full.first; while [ ! -e /flags/full.go ]; do usleep 10000; done; seq 1001 21000; touch /flags/full.second
	while [ ! -e /flags/full.room ]; do usleep 10000; done; echo after; touch /flags/full.third; sleep 1000' >/dev/null
within 10 'a container logs' flagged full.first
head -c 200m /dev/zero >"$data/fill" 2>/dev/null
touch "$lab/flags/full.go"
within 10 'on a full disk it does not wait for its log' flagged full.second
rm "$data/fill"
touch "$lab/flags/full.room"
within 10 'with room again it goes on' flagged full.third
last() { [ "$(sb service logs --raw --tail 1 full 2>/dev/null)" = after ]; }
within 5 'and so does its log' last
sb service logs --raw full >"$lab/seen" 2>"$lab/seen.err"
lost=$(sed -n 's/^swarmbox: \([0-9]*\) log lines were lost: No space left on device$/\1/p' "$lab/seen.err" | awk "{ n += \$1 } END { print n + 0 }")
kept=$(grep -c '^[0-9]*$' "$lab/seen")
is 'what was lost is counted, and why it was' "$((kept + ${lost:-0}))" 21000
[ "${lost:-0}" -gt 0 ] && ok 'there was something to lose' || bad 'there was something to lose'
is 'what was kept is in order, in whole lines' "$(grep '^[0-9]*$' "$lab/seen" | sort -n -u | cmp - <(grep '^[0-9]*$' "$lab/seen") && echo yes)" yes
sb service rm full >/dev/null
within 10 'it goes' no_containers
kill "$agent"; wait "$agent" 2>/dev/null; agent=
"$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge >>"$lab/agent.log" 2>&1
umount -l "$data"
