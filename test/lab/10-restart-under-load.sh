#!/bin/bash
# A container's main process dies and is replaced; the agent dies under load and nobody notices.
. "${0%/*}/lib.sh"
start_agent && init
sb service create -d -q --name web --replicas 3 --restart-delay 0s -p 8080:80 swarmbox:latest >/dev/null
within 10 'three replicas run' runs web 3/3

victim=$(sb ps -q | head -n 1)
pid=$(sb inspect "$victim" --format '{{.State.Pid}}')
task=$(sb inspect "$victim" --format '{{index .Config.Labels "com.docker.swarm.task.id"}}')
kill -9 "$pid"
replaced() { [ "$(sb service ps web --format '{{.ID}} {{.CurrentState}}' --no-trunc | grep -c Failed)" = 1 ] && runs web 3/3; }
within 10 'a killed main process is replaced' replaced
has 'its history names the exit code' "$(sb service ps web --no-trunc --filter "id=$task")" 'task: non-zero exit (137)'

pids() { for c in $(sb ps -q | sort); do sb inspect "$c" --format '{{.Id}} {{.State.Pid}}'; done; }
tasks() { sb service ps web --filter desired-state=running --format '{{.ID}} {{.Name}}' | sort; }
before=$(pids) tasks_before=$(tasks)
cat >"$lab/load.py" <<'PY'
import http.client, os, sys, threading, time
stop = sys.argv[1]; counts = []; errors = []
def client():
    n = 0
    while not os.path.exists(stop):
        c = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
        try:
            c.request("GET", "/"); r = c.getresponse(); r.read()
            if r.status != 200: errors.append("status %d" % r.status)
            n += 1
        except OSError as e: errors.append(repr(e))
        finally: c.close()
    counts.append(n)
threads = [threading.Thread(target=client) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(sum(counts), "requests,", len(errors), "errors", *errors[:3])
PY
python3 "$lab/load.py" "$lab/stop" >"$lab/load.out" &
load=$!
for _ in 1 2 3; do
	sleep 0.4           # load goes on while the agent lives, …
	kill_agent
	sleep 0.4           # … while it is dead, and while it starts
	start_agent
done
touch "$lab/stop"; wait $load
has 'no request fails while the agent is killed three times' "$(cat "$lab/load.out")" ', 0 errors'
is 'the same containers with the same processes are there' "$(pids)" "$before"
is 'no task was restarted' "$(tasks)" "$tasks_before"
sb service scale -d web=1 >/dev/null
within 10 'the agent goes on: scale works' runs web 1/1
await 10 bash -c "[ \"\$('$binary' ps -q | wc -l)\" = 1 ]"

pid=$(sb inspect "$(sb ps -q)" --format '{{.State.Pid}}')
stop_agent
if kill -0 "$pid" 2>/dev/null; then ok 'a clean stop leaves the container running'; else bad 'a clean stop leaves the container running'; fi
start_agent --stop-containers
within 10 'it is adopted again' runs web 1/1
pid=$(sb inspect "$(sb ps -q)" --format '{{.State.Pid}}')
stop_agent
if kill -0 "$pid" 2>/dev/null; then bad '--stop-containers ends them'; else ok '--stop-containers ends them'; fi
start_agent
within 10 'and the service comes back at the next start' runs web 1/1
