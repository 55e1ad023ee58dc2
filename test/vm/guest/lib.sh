# lib.sh - what the checks in the machine are written with; one line a verdict, `ok: …` or `FAIL: …`, on the console.
exec 2>&1
PATH=/bin
top=/sys/fs/cgroup/swarmbox
unit=/sys/fs/cgroup/system.slice/swarmbox.service
agent=

ok() { echo "ok: $1"; }
bad() { echo "FAIL: $1${2:+: got: $(echo "$2" | tr '\n' ' ' | cut -c1-600)}"; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "$2, wanted $3"; fi; }
has() { case $2 in *"$3"*) ok "$1" ;; *) bad "$1" "$2" ;; esac; }
above() { if [ "${2:-0}" -gt "$3" ]; then ok "$1"; else bad "$1" "$2, wanted more than $3"; fi; }

# within SECONDS WHAT COMMAND...: a shell can only look again; each look is one command
within() {
	until_s=$(($(cut -d. -f1 /proc/uptime) + $1)); what=$2; shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$(cut -d. -f1 /proc/uptime)" -ge $until_s ]; then bad "$what" "$("$@" 2>&1)"; return 1; fi
		sleep 0.1
	done
	ok "$what"
}

# As systemd starts it: in a group of its unit, which is not the containers'.
start_agent() {
	mkdir -p $unit
	sh -c "echo 0 >$unit/cgroup.procs; exec swarmbox agent --log-level info" >>/agent.log 2>&1 &
	agent=$!
	within 30 "$1" swarmbox version
}
create() { swarmbox service create --detach --quiet --no-resolve-image "$@" >/dev/null || bad "service create $*"; }
replicas() { swarmbox service ls --filter "name=$1" --format '{{.Replicas}}'; }
runs() { [ "$(replicas "$1")" = "$2" ]; }
says() { swarmbox service ps "$1" --no-trunc --format '{{.Error}}' | grep -qF "$2"; }
logs() { swarmbox service logs --raw "$1" 2>&1; }
logged() { logs "$1" | grep -q "$2"; }
answer() { timeout 10 wget -q -O - http://127.0.0.1:8080/ | grep hostname; }
# the group of the one container of a service
group() { echo $top/"$(swarmbox ps --no-trunc --filter "label=com.docker.swarm.service.name=$1" --format '{{.ID}}')"/ctr; }
main_pid() { swarmbox inspect "$(swarmbox ps -q --filter "label=com.docker.swarm.service.name=$1")" --format '{{.State.Pid}}'; }
containers() { find $top -mindepth 1 -maxdepth 1 -type d; }
no_containers() { [ -z "$(containers)" ]; }
end() {
	[ -z "${trouble:-}" ] || tail -n 20 /agent.log
	echo "END $1 at $(cut -d' ' -f1 /proc/uptime) s"
}
