#!/bin/bash
# Every task from every manager: what runs on other hosts is looked into, talked to and ended from a manager that neither leads nor holds the
# session of the worker, with our own client and with Docker's.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
. "${0%/*}/streams.sh"
. "${0%/*}/past.sh"

# One service has said what it had to on every host, one ticks there, one has a terminal on w1.
create said --mode global box:1 sh -c 'echo one; echo two >&2; echo three; exec sleep 1000'
create shell --tty --constraint node.hostname==w1 box:1 sh -c 'while true; do echo at a terminal; sleep 0.2; done'
create_tick
within 20 'a service runs on all four' replicas said 4/4
within 20 'one with a terminal on w1' replicas shell 1/1
id=$(container_of "$(task_on tick w1)") shell=$(container_of "$(task_on shell w1)") led=$(container_of "$(task_on tick "$leader")")
sleeps() { c top "$id" | grep -q 'sleep 777'; }
all_said() { [ "$(c service logs --raw said 2>&1 | wc -l)" = 12 ]; }

for cli in "$binary" "$docker_client"; do
	who=$(basename "$cli")
	c() { timeout 120 "$cli" -H "$socket" "$@"; }

	# --- looked into ---
	is "$who: inspect by id" "$(c inspect "$id" --format '{{.Id}} {{.State.Status}}')" "$id running"
	is "$who: by the start of it" "$(c container inspect "${id:0:12}" --format '{{.Id}}')" "$id"
	name=$(c inspect "$id" --format '{{.Name}}')
	is "$who: by its name" "$(c container inspect "${name#/}" --format '{{.Id}}')" "$id"
	has "$who: top" "$(c top "$id")" 'tick $i'
	[ "$who" = swarmbox ] || is "$who: stats" "$(c stats --no-stream --format '{{.Container}}' "${id:0:12}")" "${id:0:12}"
	is "$who: logs" "$(c logs "$id" | head -n 1)" 'tick 0'
	is "$who: ps shows what is here" "$(c ps -q --no-trunc | grep -c "$id")" 0
	has "$who: what is nowhere" "$(c container inspect nosuch 2>&1)" 'No such container: nosuch'

	# --- spoken to ---
	is "$who: exec" "$(c exec "$id" hostname)" "${id:0:12}"
	is "$who: exec on another manager" "$(c exec "$led" hostname)" "${led:0:12}"
	is "$who: its code" "$(rc c exec "$id" sh -c 'exit 42')" 42
	is "$who: a command that is not there" "$(rc c exec "$id" nosuch)" 127
	is "$who: input, and its end" "$(echo some words | c exec -i "$id" wc -w)" 2
	[ "$who" = docker ] || is "$who: a lot goes through unharmed" "$(head -c 3000000 /dev/zero | c exec -i "$id" cat | wc -c)" 3000000
	out=$(on_tty size:33x99 'expect:# ' 'send:stty size\n' 'expect:33 99' until:50x120 'send:exit 7\n' -- "$cli" -H "$socket" exec -it "$id" sh)
	is "$who: a terminal, its size, its changes, its code" "${out##*rc=}" 7
	on_tty 'expect:# ' 'send:echo $$ >/tmp/pid; exec sleep 777\n' 'expect:777' 'send:\x10\x11' -- "$cli" -H "$socket" exec -it "$id" sh >/dev/null
	within 10 "$who: the keys leave it, and it goes on" sleeps
	is "$who: until another one ends it" "$(rc c exec "$id" sh -c 'kill -9 $(cat /tmp/pid)')" 0
	"$cli" -H "$socket" attach --no-stdin --sig-proxy=false "$shell" >"$lab/out" 2>&1 </dev/null & client=$!
	within 10 "$who: attach, to what has a terminal and no input" grep -q 'at a terminal' "$lab/out"
	kill -9 $client; wait $client 2>/dev/null
	is "$who: leaving ends nothing" "$(c inspect "$shell" --format '{{.State.Status}}')" running

	# --- logs of all ---
	within 10 "$who: all has been said" all_said
	c service logs -t --no-resolve said >"$lab/out" 2>"$lab/err"
	is "$who: the logs of all four" "$(cat "$lab/out" "$lab/err" | wc -l) $(wc -l <"$lab/err")" '12 4'
	is "$who: in order of time" "$(sort -c "$lab/out" && echo sorted)" sorted
	is "$who: each with its host" "$(c service logs said 2>&1 | sed 's/.*@\([a-z0-9]*\) .*/\1/' | sort -u | tr '\n' ' ')" 'm1 m2 m3 w1 '
	is "$who: the last two lines of each" "$(c service logs --tail 2 --raw said 2>&1 | wc -l)" 8
	is "$who: of one task" "$(c service logs --raw "$(task_on said w1)" 2>&1 | sort | tr '\n' ' ')" 'one three two '
	is "$who: since a moment to come" "$(c service logs --since "$(date -u -d '+1 hour' +%FT%TZ)" said 2>&1)" ''
	is "$who: what ran at a terminal" "$(c service logs --tail 1 --raw "$(task_on shell w1)" | tr -d '\r')" 'at a terminal'
done

# --- what was said before, and then what is said: everything, once ------------------------------------------------
for tty in '' --tty; do
	create past $tty --constraint node.hostname==w1 --restart-condition none box:1 sh -c "$two_halves"
	within 20 "one says half of it${tty:+ at a terminal}" replicas past 1/1
	past=$(container_of "$(task_on past w1)")
	told "$socket" "$past" 1 >"$lab/past.0" & clients=$!
	within 10 'the line that has begun is sent' grep -q begun "$lab/past.0"
	on "$asked" exec "$past" sh -c '>/tmp/go'
	for n in 1 2 3; do told "$socket" "$past" 1 >"$lab/past.$n" & clients="$clients $!"; done
	for n in 1 2 3; do await 20 test -s "$lab/past.$n"; done        # one that comes after the end gets a refusal
	on "$asked" exec "$past" sh -c '>/tmp/end'
	wait $clients
	for n in 0 1 2 3; do is "attached $n${tty:+ to a terminal}: everything, once" "$(plain "$lab/past.$n" "$tty")" "$(whole_sum)"; done
	on "$asked" service rm past >/dev/null
done

# --- times that do not go forward: a clock was set back, or stands still for two lines ------------------------------
task=$(task_on said w1) there=$(container_of "$task")
for line in 'same 1' 'same 2' earlier; do
	[ "$line" = earlier ] && year=2020 || year=2026
	echo "{\"log\":\"$line\\n\",\"stream\":\"stdout\",\"time\":\"$year-01-31T12:00:00.5Z\"}"
done >>"$lab/w1/data/containers/$there/$there-json.log"
is 'every line of another host is told, whatever its time' "$(on "$asked" service logs --raw "$task" 2>&1 | grep -c -e same -e earlier)" 3

# --- ended ------------------------------------------------------------------------------------------------------
is_other() { local now; now=$(task_on "$1" w1) && [ -n "$now" ] && [ "$now" != "$2" ]; }
before=$(task_on said w1)
on "$asked" kill "$(container_of "$before")" >/dev/null
within 20 'what was killed is replaced' is_other said "$before"
before=$(task_on shell w1)
as_docker "$asked" stop "$shell" >/dev/null
within 20 "with docker's client, too" is_other shell "$before"

# --- one node is cut off while its logs are followed ------------------------------------------------------------
"$binary" -H "$socket" service logs -f --tail 1 tick >"$lab/followed" 2>"$lab/lost" & ours=$!
"$docker_client" -H "$socket" service logs -f --tail 1 tick >"$lab/followed.docker" 2>"$lab/lost.docker" & theirs=$!
follows() { for name in m1 m2 m3 w1; do grep -q "@$name " "$lab/followed" && grep -q "@$name " "$lab/followed.docker" || return 1; done; }
within 10 'both clients follow all four' follows
there=$(container_of "$(task_on tick w1)")
"$binary" -H "$socket" exec "$there" sleep 1000 2>/dev/null & lost_exec=$!
ticks() { grep "${task:0:12}@w1 " "$lab/followed" | sed 's/.*tick //'; }
task=$(task_on tick w1) before=$(ticks | tail -n 1)
cut w1
within 20 'the one that is cut off is named on the standard error' grep -q "@w1 .*| warning: incomplete log stream: node $(id_of w1) " "$lab/lost"
within 5 "docker's client is told the same" grep -q "@w1 .*| warning: incomplete log stream: node $(id_of w1) " "$lab/lost.docker"
wait $lost_exec; is 'an exec there has ended' "$([ $? != 0 ]; echo $?)" 0
more() { [ "$(grep -c "@$1 " "$lab/followed")" -gt "$2" ] && [ "$(grep -c "@$1 " "$lab/followed.docker")" -gt "$3" ]; }
within 5 'the others go on' more m2 "$(grep -c '@m2 ' "$lab/followed")" "$(grep -c '@m2 ' "$lab/followed.docker")"
is 'nobody waits for it' "$(timeout 9 "$binary" -H "$socket" service logs tick >"$lab/all" 2>"$lab/missing"; echo $?)" 1
has 'it is named at the end' "$(cat "$lab/missing")" "node $(id_of w1) is not available"
is 'the logs of the others are there' "$(sed 's/.*@\([a-z0-9]*\) .*/\1/' "$lab/all" | sort -u | tr '\n' ' ')" 'm1 m2 m3 '
has 'what runs there cannot be reached, which is said at once' "$(timeout 9 "$binary" -H "$socket" container inspect "$there" 2>&1)" 'is not available'
heal w1
within 20 'it is back, and so are its lines' more w1 "$(grep -c '@w1 ' "$lab/followed")" "$(grep -c '@w1 ' "$lab/followed.docker")"
no_gap() { local all; all=$(ticks) && [ "$all" = "$(seq "$(head -n 1 <<<"$all")" "$(tail -n 1 <<<"$all")")" ] && [ "$(tail -n 1 <<<"$all")" -gt $((before + 5)) ]; }
within 20 'what it said meanwhile is told, and nothing twice' no_gap

# --- nothing stays behind ---------------------------------------------------------------------------------------
kill $ours $theirs; wait $ours $theirs 2>/dev/null
streams_of_w1() { nsenter --net=/run/netns/w1 grep -c ':0949 01 ' /proc/net/tcp; }
only_its_session() { [ "$(streams_of_w1)" = 1 ]; }
within 10 'who has left is known to have left' only_its_session
has 'a worker answers for its own only' "$(on w1 container inspect "$(on m1 ps -q --no-trunc | head -n 1)" 2>&1)" 'No such container'
finish_hosts
