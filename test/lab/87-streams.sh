#!/bin/bash
# Every task from every manager: what runs on other hosts is looked into, talked to and ended from a manager that neither leads nor holds the
# session of the worker, with our own client and with Docker's.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat stty wc kill hostname; do ln -s busybox "$lab/root/bin/$name"; done
for name in "${host_names[@]}"; do tar -C "$lab/root" -c . | on "$name" image import -c 'CMD ["sh"]' - box:1 >/dev/null; done

id_of() { on m1 node inspect "$1" --format '{{.ID}}'; }
holds() { grep -q "node $(id_of "$2"): its session is open" "$lab/$1/agent.log"; }
is_held() { for name in m1 m2 m3; do ! holds $name w1 || return 0; done; return 1; }
within 10 'a manager holds the session of w1' is_held
leader=$(leader_of m1)
for asked in m1 m2 m3; do [ $asked = "$leader" ] || holds $asked w1 || break; done
is "$asked does not lead" "$([ "$asked" != "$leader" ]; echo $?)" 0
is "$asked does not hold the session of w1" "$(holds "$asked" w1; echo $?)" 1

# One service has said what it had to on every host, one ticks there, one has a terminal on w1.
on "$asked" service create -d -q --name said --mode global --stop-signal KILL --restart-delay 0s box:1 sh -c 'echo one; echo two >&2; echo three; exec sleep 1000' >/dev/null
on "$asked" service create -d -q --name tick --mode global --stop-signal KILL --restart-delay 0s box:1 \
	sh -c 'i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.2; done' >/dev/null
on "$asked" service create -d -q --name shell --tty --constraint node.hostname==w1 --stop-signal KILL --restart-delay 0s box:1 \
	sh -c 'while true; do echo at a terminal; sleep 0.2; done' >/dev/null
replicas() { [ "$(on "$asked" service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
within 20 'a service runs on all four' replicas said 4/4
within 20 'another one, too' replicas tick 4/4
within 20 'one with a terminal on w1' replicas shell 1/1
task_on() { on "$asked" service ps "$1" --filter "node=$2" --filter desired-state=running -q --no-trunc | head -n 1; }
container_of() { on "$asked" inspect "$1" --format '{{.Status.ContainerStatus.ContainerID}}'; }
id=$(container_of "$(task_on tick w1)") shell=$(container_of "$(task_on shell w1)") led=$(container_of "$(task_on tick "$leader")")
on_tty() { timeout 300 python3 "$top/test/lab/on_tty.py" "$@"; }
sleeps() { c top "$id" | grep -q 'sleep 777'; }
all_said() { [ "$(c service logs --raw said 2>&1 | wc -l)" = 12 ]; }
rc() { "$@" >/dev/null 2>&1; echo $?; }
socket=unix://$lab/$asked/run/swarmbox.sock

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
