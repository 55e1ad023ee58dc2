#!/bin/bash
# What runs in containers, what it uses and has written: top, stats and sizes, with our own client and, where it is installed, docker's.
. "${0%/*}/lib.sh"
start_agent --insecure-registry reg.example:5000 --insecure-registry 10.9.0.0/16 --registry-mirror https://mirror.example
mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo true; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sh"]' - box:1 >/dev/null
raw() { curl -s --max-time 300 --unix-socket "$run/swarmbox.sock" "http://x$1"; }

for cli in ${CLIS:-"$binary" docker}; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	c() { timeout 120 "$cli" "$@"; }
	c run -d --name u1 -m 64m --network none box:1 sh -c 'sleep 987 & wait' >/dev/null
	c run -d --name u2 --network none box:1 sh -c 'while :; do :; done' >/dev/null
	c create --name u3 --network none box:1 true >/dev/null

	# --- top ---
	out=$(c top u1)
	has "$who: top has ps's heads" "$(head -1 <<<"$out" | tr -s ' ')" 'UID PID PPID C STIME TTY TIME CMD'
	has "$who: and the processes" "$out" 'sleep 987'
	is "$who: all of them" "$(tail -n +2 <<<"$out" | wc -l)" 2
	is "$who: with the host's ids" "$(tail -n +2 <<<"$out" | tr -s ' ' | cut -d' ' -f2 | head -1)" "$(sb inspect u1 --format '{{.State.Pid}}')"
	has "$who: not of one that does not run" "$(c top u3 2>&1)" 'is not running'
	out=$(c top u1 aux)
	has "$who: aux has its heads" "$(head -1 <<<"$out" | tr -s ' ')" 'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND'
	has "$who: and who they are" "$(tail -n +2 <<<"$out")" "root"
	is "$who: columns are chosen by their names" "$(c top u1 -eo pid=NUMBER,args | tr -s ' ' | sed 's/ *$//' | grep -c "^NUMBER COMMAND$\|^$(sb inspect u1 --format '{{.State.Pid}}') sh -c")" 2
	has "$who: not by what there is not" "$(c top u1 -eo pid,wchan 2>&1)" "ps column 'wchan' is not supported by swarmbox yet"
	has "$who: nor an option" "$(c top u1 -ef --forest 2>&1)" "ps option '--forest' is not supported by swarmbox yet"

	# --- stats ---
	out=$(c stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' u1 u2)
	has "$who: stats know the limit" "$(grep '^u1 ' <<<"$out")" '/ 64MiB'
	is "$who: the number of processes" "$(awk '$1 == "u1" { print $NF }' <<<"$out")" 2
	is "$who: who idles" "$(awk '$1 == "u1" { print ($2 + 0 < 10) }' <<<"$out")" 1
	is "$who: who works" "$(awk '$1 == "u2" { print ($2 + 0 > 1) }' <<<"$out")" 1    # it shares with whoever else works
	is "$who: without names, those that run" "$(c stats --no-stream --format '{{.Name}}' | sort | tr '\n' ' ')" 'u1 u2 '
	is "$who: with -a the others, too" "$(c stats -a --no-stream --format '{{.Name}}' | sort | tr '\n' ' ')" 'u1 u2 u3 '
	has "$who: a container that is not there" "$(c stats --no-stream nosuch 2>&1)" 'No such container: nosuch'
	has "$who: a table" "$(c stats --no-stream u1 | tr -s ' ')" 'CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS'
	"$cli" stats u1 >"$lab/stats" 2>&1 &
	client=$!
	within 10 "$who: they go on" sh -c "[ \$(grep -c u1 '$lab/stats') -ge 3 ]"
	kill -KILL $client      # docker's own stays after SIGTERM
	wait $client 2>/dev/null

	# --- what this host may ---
	has "$who: info tells whom is trusted without TLS" "$(c info | grep -A4 'Insecure Registries:' | xargs)" 'Insecure Registries: reg.example:5000 ::1/128 127.0.0.0/8 10.9.0.0/16'
	has "$who: and who is asked before Docker's registry" "$(c info | grep -A1 'Registry Mirrors:' | xargs)" 'Registry Mirrors: https://mirror.example/'

	# --- what they have written ---
	c exec u1 sh -c 'busybox head -c 5000 /dev/zero >/tmp/zeros'
	image=$(sb image inspect box:1 --format '{{.Size}}')
	is "$who: ps tells it when asked" "$(c ps -as --format '{{.Names}} {{.Size}}' | sed 's/(.*//' | sort | tr '\n' ' ')" 'u1 5kB  u2 0B  u3 0B  '
	has "$who: in a column of its own" "$(c ps -s | head -1)" 'SIZE'
	is "$who: a format asks, too" "$(c ps --filter name=u1 --format '{{.Size}}' | cut -d' ' -f1)" 5kB
	is "$who: inspect tells both sizes" "$(c inspect -s u1 --format '{{.SizeRw}} {{.SizeRootFs}}')" "5000 $((image + 5000))"
	is "$who: and none when not asked" "$(c inspect u1 | grep -c SizeR)" 0
	has "$who: only containers have one" "$(c inspect -s box:1 2>&1 >/dev/null)" 'WARNING: --size ignored for image'
	c rm -f u1 u2 u3 >/dev/null
done

# --- the API ---
sb run -d --name u1 --network none box:1 sleep 987 >/dev/null
is 'one reading has what was before' "$(raw '/containers/u1/stats?stream=0' | grep -o '"preread":"[0-9]*' | cut -d'"' -f4)" "$(date +%Y)"
is 'one at once has not' "$(raw '/containers/u1/stats?stream=0&one-shot=1' | grep -o '"preread":"[0-9]*' | cut -d'"' -f4)" 0001
has 'one at once is no stream' "$(raw '/containers/u1/stats?one-shot=1')" 'cannot have stream=true and one-shot=true'
raw /containers/u1/stats >"$lab/stream" &
client=$!
within 10 'a stream goes on' sh -c "[ \$(wc -l <'$lab/stream') -ge 2 ]"
sb rm -f u1 >/dev/null
wait $client
is 'until its container has gone' $? 0
within 5 'nothing is left' nothing_left
