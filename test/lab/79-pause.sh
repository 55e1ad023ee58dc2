#!/bin/bash
# Containers that stand still: pause and unpause, what is refused meanwhile, how they end; with our own client and, where it is installed, docker's.
. "${0%/*}/lib.sh"
start_agent
mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo true; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sh"]' - box:1 >/dev/null
state() { sb inspect "$1" --format '{{.State.Status}} {{.State.Running}} {{.State.Paused}}'; }
code() { curl -s -o /dev/null -w '%{http_code}' -X POST --max-time 60 --unix-socket "$run/swarmbox.sock" "http://x$1"; }
# events of a container, once its end is told
events() { sb events --since "$began" --until 0s --filter "container=$1" --format '{{.Action}}' | grep -v unpause | xargs; }
ticks='trap "exit 5" TERM; while :; do echo tick; sleep 0.05; done'
began=$(date +%s)

for cli in ${CLIS:-"$binary" docker}; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	c() { timeout 120 "$cli" "$@"; }
	n=$who-
	lines() { sb logs "${n}a" | wc -l; }
	# with its trap set: a signal before that is none to the first process of a container
	again() { seen=$(lines); c start "${n}a" >/dev/null; await 10 wrote; }
	id=$(c run -d --name "${n}a" --network none --stop-signal TERM box:1 sh -c "$ticks")
	is "$who: pause tells the name" "$(c pause "${n}a")" "${n}a"
	is "$who: it stands still" "$(state "${n}a")" 'paused true true'
	has "$who: ps says so" "$(c ps --filter status=paused --format '{{.Names}} {{.Status}}')" "${n}a Up "
	has "$who: in docker's words" "$(c ps --format '{{.Status}}')" '(Paused)'
	is "$who: it is none of those that run" "$(c ps -q --filter status=running)" ''
	is "$who: info counts it" "$(sb info --format '{{.ContainersPaused}} {{.ContainersRunning}}')" '1 0'
	has "$who: not twice" "$(c pause "${n}a" 2>&1)" "Container $id is already paused"
	# what it wrote last has found its way into the log
	seen=-1; until [ "$(lines)" = "$seen" ]; do seen=$(lines); sleep 0.3; done
	has "$who: no exec" "$(c exec "${n}a" true 2>&1)" "Container ${n}a is paused, unpause the container before exec"
	has "$who: no attach" "$(c attach "${n}a" 2>&1)" 'cannot attach to a paused container, unpause it first'
	has "$who: no start" "$(c start "${n}a" 2>&1)" 'cannot start a paused container, try unpause instead'
	has "$who: no removal" "$(c rm "${n}a" 2>&1)" "cannot remove container \"/${n}a\": container is paused and must be unpaused first"
	has "$who: its processes can be looked at" "$(c top "${n}a")" "$ticks"
	is "$who: nothing was written meanwhile" "$(lines)" "$seen"
	is "$who: unpause tells the name" "$(c unpause "${n}a")" "${n}a"
	wrote() { [ "$(lines)" -gt "$seen" ]; }
	within 5 "$who: it goes on" wrote
	is "$who: as if nothing had been" "$(state "${n}a")" 'running true false'
	has "$who: not twice" "$(c unpause "${n}a" 2>&1)" "Container $id is not paused"

	# --- how it ends ---
	c pause "${n}a" >/dev/null
	c stop -t 60 "${n}a" >/dev/null
	is "$who: a stop wakes it" "$(sb inspect "${n}a" --format '{{.State.Status}} {{.State.ExitCode}}')" 'exited 5'
	again
	c pause "${n}a" >/dev/null
	c kill -s USR1 "${n}a" >/dev/null
	is "$who: a signal that is not for its end does not" "$(state "${n}a")" 'paused true true'
	c kill -s TERM "${n}a" >/dev/null
	is "$who: one that is does" "$(timeout 60 "$binary" wait "${n}a")" 5
	again
	c pause "${n}a" >/dev/null
	c kill "${n}a" >/dev/null
	is "$who: killed where it stands" "$(timeout 60 "$binary" wait "${n}a")" 137
	again
	c pause "${n}a" >/dev/null
	c restart -t 60 "${n}a" >/dev/null
	is "$who: restarted it runs" "$(state "${n}a")" 'running true false'
	c pause "${n}a" >/dev/null
	c rm -f "${n}a" >/dev/null
	is "$who: removed by force" "$(state "${n}a" 2>&1 | grep -c 'No such')" 1
	is "$who: events" "$(events "${n}a")" \
		'create start pause top pause kill stop die start pause kill kill die start pause kill die start pause kill stop die start restart pause kill die destroy'

	has "$who: not one that does not run" "$(c create --name "${n}b" box:1 >/dev/null; c pause "${n}b" 2>&1)" 'is not running'
	has "$who: nor one that is not there" "$(c pause nosuch 2>&1)" 'No such container: nosuch'
	is "$who: with docker's numbers" "$(code "/containers/${n}b/pause") $(code "/containers/${n}b/unpause") $(code /containers/nosuch/pause)" '409 500 404'
	c rm "${n}b" >/dev/null
done

# --- its health is not asked for meanwhile, and is known afterwards ---
sb run -d --name h1 --network none --health-cmd 'echo looked; exit 0' --health-interval 100ms --health-retries 1 box:1 sleep 1000 >/dev/null
healthy() { sb ps --filter name=h1 --format '{{.Status}}' | grep -qF '(healthy)'; }
checked() { sb inspect h1 --format '{{(index .State.Health.Log 4).Start}}'; }
goes_on() { [ "$(checked)" != "$last" ]; }
within 10 'it is healthy' healthy
within 10 'five checks' checked
sb pause h1 >/dev/null
last=$(checked)
kill_agent
start_agent
is 'one that stands still is found so' "$(state h1)" 'paused true true'
sleep 0.5                       # longer than checks are apart: none may come
is 'and not checked' "$(sb inspect h1 --format '{{len .State.Health.Log}} {{.State.Health.Status}}')" '0 starting'
sb unpause h1 >/dev/null
within 10 'it is again when it goes on' healthy
sb rm -f h1 >/dev/null

# --- a task's ---
init
sb service create -d -q --name svc --stop-grace-period 60s --no-resolve-image box:1 sh -c "$ticks" >/dev/null
within 20 'a task runs' runs svc 1/1
sb pause "$(sb ps -q)" >/dev/null
is 'a task that stands still' "$(sb ps --format '{{.State}}') $(replicas svc)" 'paused 1/1'
sb service rm svc >/dev/null
within 10 'ends as others do' no_containers
within 5 'nothing is left' nothing_left
