#!/bin/bash
# Health checks: they gate publishing, running and updates; what a failing one printed is told; with Docker's client, where it is installed, and ours.
. "${0%/*}/lib.sh"
start_agent && init

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo touch rm test; do ln -s busybox "$lab/root/bin/$name"; done
cp "$binary" "$lab/root/bin/swarmbox"
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sleep","1000"]' -c 'HEALTHCHECK --interval=200ms CMD test -e /tmp/ok' - checked:1 >/dev/null
state() { sb service ps "$1" --format '{{.CurrentState}}' | head -n 1; }
is_state() { [[ $(state "$1") == "$2"* ]]; }
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }
container() { sb ps -q --filter "name=$1."; }
health() { sb inspect "$(container "$1")" --format '{{.State.Health.Status}}'; }
is_health() { [ "$(health "$1")" = "$2" ]; }
shows() { [[ $(sb ps --filter "name=$1." --format '{{.Status}}') == *"$2"* ]]; }
answers_on() { python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$1/', timeout=20)"; }
no_answer() { ! answers_on "$1" 2>/dev/null; }
# what happened to the service's containers, in order; ends by itself
happened() { sb events --since "$began" --until 0s --filter "container=$1." --filter event=health_status --format '{{.Action}}'; }
began=$(date +%s)

for client in "$binary" docker; do
	command -v "$client" >/dev/null || continue
	who=$(basename "$client")
	make() { "$client" service create -d -q --no-resolve-image --stop-grace-period 100ms "$@" >/dev/null; }
	volume=$lab/$who; mkdir -p "$volume"

	make --name web --mount type=bind,source="$volume",target=/flag --publish 8080:80 --health-interval 200ms --health-retries 1000 \
		--health-cmd 'echo looked; test -e /flag/web' box:1 swarmbox whoami
	within 10 "$who: the container runs" shows web '(health: starting)'
	within 10 "$who: a failing check is in the log" bash -c "[ \"\$('$binary' inspect \"\$('$binary' ps -q)\" --format '{{(index .State.Health.Log 1).ExitCode}}')\" = 1 ]"
	has "$who: with what it printed" "$(sb inspect "$(container web)" --format '{{json (index .State.Health.Log 0).Output}}')" '"looked\n"'
	is "$who: the task is still starting" "$(state web | cut -d' ' -f1)" Starting
	is "$who: and not published" "$(no_answer 8080 && echo quiet)" quiet
	touch "$volume/web"
	within 10 "$who: a good check makes it run" is_state web Running
	within 10 "$who: and publishes it" answers_on 8080
	within 10 "$who: ps tells" shows web '(healthy)'
	is "$who: filters know it" "$(sb ps -q --filter health=healthy)" "$(container web)"
	is "$who: inspect has the config" "$(sb inspect "$(container web)" --format '{{json .Config.Healthcheck}}')" \
		'{"Test":["CMD-SHELL","echo looked; test -e /flag/web"],"Interval":200000000,"Retries":1000}'
	kill_agent; start_agent
	is "$who: after a crash of the agent it still runs" "$(state web | cut -d' ' -f1)" Running
	within 10 "$who: and answers" answers_on 8080
	is "$who: and is known to be healthy" "$(health web)" healthy

	"$client" service update -d -q --no-resolve-image --update-order start-first --health-retries 3 \
		--health-start-period 1h --health-start-interval 200ms --env-add NEW=1 --mount-add type=bind,source="$volume",target=/flag \
		--health-cmd 'test -e /flag/new' web >/dev/null
	two() { [ "$(container web | wc -w)" = 2 ]; }
	within 10 "$who: an update starts the new one" two
	within 10 "$who: the old one answers while the new one is not healthy" answers_on 8080
	touch "$volume/new"
	one() { [ "$(container web | wc -w)" = 1 ] && is_state web Running; }
	within 15 "$who: when it is, the old one goes" one
	within 10 "$who: the update is completed" bash -c "[ \"\$('$binary' service inspect web --format '{{.UpdateStatus.State}}')\" = completed ]"
	rm "$volume/new"
	within 15 "$who: when its check fails the task fails" says web 'dockerexec: unhealthy container'
	sb service rm web >/dev/null
	within 10 "$who: web goes" no_containers

	make --name told --restart-condition none --health-interval 100ms --health-retries 2 --health-cmd 'echo no route to backend; exit 3' box:1 sleep 1000
	within 10 "$who: Swarm's words and those of the check" says told 'task: non-zero exit (137): dockerexec: unhealthy container: no route to backend'
	is "$who: the task has failed" "$(state told | cut -d' ' -f1)" Failed
	make --name slow --restart-condition none --health-interval 100ms --health-timeout 3s --health-retries 1 --health-cmd 'echo waiting; sleep 100' box:1 sleep 1000
	within 10 "$who: a check that takes too long" says slow 'Health check exceeded timeout (3s): waiting'
	make --name late --health-interval 100ms --health-start-period 1h --health-start-interval 100ms --health-retries 1 --health-cmd 'test -e /tmp/up' box:1 \
		sh -c 'sleep 2; touch /tmp/up; sleep 1000'
	within 15 "$who: failures in the start period do not count" is_state late Running
	make --name gone --restart-condition none --health-interval 100ms --health-retries 1000 --health-cmd x box:1 sleep 0.5
	within 10 "$who: a program that ends before it is healthy is complete" is_state gone Complete
	sb service rm told slow late gone >/dev/null
	within 10 "$who: these go" no_containers

	make --name image checked:1
	within 10 "$who: the image's own check" shows image '(health: starting)'
	make --name never --no-healthcheck checked:1
	within 10 "$who: is not run when it is switched off" is_state never Running
	is "$who: and then there is no health" "$(sb inspect "$(container never)" --format '{{json .State.Health}}')" null
	"$client" service update -d -q --no-resolve-image --health-cmd true image >/dev/null
	within 15 "$who: another command with the image's times" is_state image Running
	is "$who: both are in its config" "$(sb inspect "$(container image)" --format '{{json .Config.Healthcheck}}')" '{"Test":["CMD-SHELL","true"],"Interval":200000000}'
	sb service rm image never >/dev/null
	within 10 "$who: all go" no_containers
	# a shell that is not there
	make --name noshell --restart-condition none --health-interval 100ms --health-retries 1 --health-cmd true swarmbox:latest
	within 10 "$who: a check that cannot be run says so" says noshell 'exec: "/bin/sh"'
	sb service rm noshell >/dev/null
	within 10 "$who: noshell goes" no_containers
done
has 'events tell of the good' "$(happened web)" 'health_status: healthy'
has 'and of the bad' "$(happened told)" 'health_status: unhealthy'
