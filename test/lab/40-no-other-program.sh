#!/bin/bash
# The whole walk under strace: nothing is executed on the host but our own binary.
. "${0%/*}/lib.sh"
command -v strace >/dev/null || { bad 'strace is there'; finish; }
trace=$lab/trace
mkdir "$lab/root"
cp "$binary" "$lab/root/swarmbox"
traced() { strace -f -qq -e trace=execve -e signal=none -o "$trace.$1" "${@:2}"; }
traced agent "$binary" agent --data-root "$data" --run-root "$run" >>"$lab/agent.log" 2>&1 &
agent=$!
await 30 answers
strace=$agent
agent=$(tr -dc 0-9 <"$data/lock")       # finish ends the agent, not its tracer
traced cli bash -c '
	set -e
	"$0" swarm init --advertise-addr 127.0.0.1
	tar -C "$1" -c swarmbox | "$0" image import -c "CMD [\"/swarmbox\",\"whoami\"]" - tiny:1
	"$0" service create -d -q --name web --replicas 2 -p 8080:80 tiny:1
' "$binary" "$lab/root" >/dev/null || bad 'the walk works'
within 20 'two replicas run' runs web 2/2
n=0
for step in 'service scale -d web=3' 'service update -d --env-add A=b web' 'service logs web' 'service ps web' 'ps' 'image ls' 'service rm web'; do
	traced "cli$((++n))" "$binary" $step >/dev/null || bad "$step works"
done
within 20 'the containers go' no_containers
sb swarm leave --force >/dev/null
kill "$agent"; wait "$strace" 2>/dev/null; agent=
# a container's program is named as its own root names it, /swarmbox; bash and tar are this story's own
others=$(cat "$trace".* | sed -n 's/.*execve("\([^"]*\)".*/\1/p' | sort -u | grep -vxF -e "$binary" -e "$run/self" -e /swarmbox | grep -vE '/(bash|tar)$' || true)
is 'nothing else is executed' "$others" ''
has 'shims are started from the read-only copy' "$(cat "$trace.agent")" "execve(\"$run/self\", "
