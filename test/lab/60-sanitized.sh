#!/bin/bash
# Agent and CLI under ASan, UBSan and LSan, through a whole life of a service: not one report.
export BINARY=${0%/*}/../../build/swarmbox-san ASAN_OPTIONS=detect_leaks=1:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
BINARY=$(cd "${BINARY%/*}" && pwd)/swarmbox-san
. "${0%/*}/lib.sh"
mkdir -p "$lab/root"
cp "$top/build/swarmbox" "$lab/root/swarmbox"   # containers get the static binary
start_agent && init
tar -C "$lab/root" -c . | sb image import -c 'CMD ["/swarmbox","whoami"]' - tiny:1 >/dev/null
sb service create -d -q --name web --replicas 3 -p 8080:80 --mount type=volume,source=v1,target=/data --limit-memory 64m tiny:1 >/dev/null
sb service create -d -q --name bad --restart-condition none nosuch:1 >/dev/null 2>&1
sb service create -d -q --name fail --restart-max-attempts 1 --restart-delay 0s tiny:1 /nosuch >/dev/null
within 20 'three replicas run' runs web 3/3
sb events >"$lab/events" 2>&1 & events=$!
sb service logs -f web >"$lab/followed" 2>&1 & follower=$!
for _ in 1 2 3 4 5 6; do python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8080/", timeout=5).read()'; done
sb service scale -d web=5 >/dev/null
within 20 'five replicas run' runs web 5/5
sb service update -d -q --env-add A=1 --update-parallelism 2 web >/dev/null
updated() { [ "$(sb service inspect web --format '{{.UpdateStatus.State}}')" = completed ]; }
within 20 'an update completes' updated
for words in 'service ls' 'service ps web bad fail' 'service inspect --pretty web' 'node ls' 'node inspect --pretty self' 'ps -a' 'image ls' \
	'volume ls' 'network ls' 'info' 'version' 'check' 'service logs web' 'network inspect bridge' 'events --since 1 --until 2'; do
	sb $words >"$lab/out" 2>&1
	[ $? -ne 99 ] && ! grep -q Sanitizer "$lab/out" || bad "swarmbox $words is clean" "$(grep -m1 Sanitizer "$lab/out")"
done
printf 'broken' | sb image import - broken:1 >/dev/null 2>&1
kill $events $follower; wait $events $follower 2>/dev/null
kill_agent
start_agent
within 20 'adopted after a crash' runs web 5/5
sb service rm web bad fail >/dev/null
within 20 'removed' no_containers
sb swarm leave --force >/dev/null
kill "$agent"; wait "$agent"
is 'the agent ends without a complaint' $? 0
agent=
is 'no sanitizer reported anything' "$(grep -hE 'Sanitizer|runtime error|panic' "$lab/agent.log" "$lab/events" "$lab/followed" | head -n 3)" ''
