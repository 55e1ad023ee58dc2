#!/bin/bash
# 90-autonomy - no manager is in reach: a worker's containers run on, what crashes is started again by its policy, and all of it comes back
# after a loss of power. A manager that returns takes over what it finds, and touches nothing.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
on w1 swarm join --token "$(on m1 swarm join-token -q worker)" 10.77.0.1:2377 >/dev/null
on m1 service create -d -q --name web --replicas 2 --restart-delay 1s --constraint node.role==worker swarmbox:latest >/dev/null
on m1 service create -d -q --name once --restart-condition none --constraint node.role==worker swarmbox:latest >/dev/null
printf swordfish | on m1 secret create pw - >/dev/null
on m1 service create -d -q --name keeper --secret pw --constraint node.role==worker --mount type=bind,source=/bin/busybox,target=/busybox,readonly swarmbox:latest >/dev/null
whole() { [ "$(on m1 service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
within 10 'two tasks run' whole web 2/2
within 10 'and one that is not to be restarted' whole once 1/1
within 10 'and one that has a secret' whole keeper 1/1
containers_of() { on w1 ps -q --no-trunc --filter "label=com.docker.swarm.service.name=$1" | sort; }
runs_now() { [ "$(containers_of "$1" | grep -c .)" = "$2" ]; }
tasks=$(on m1 service ps -q --no-trunc web | sort) keeper=$(on m1 service ps -q --no-trunc keeper)

read_secret() { on w1 exec "$(containers_of keeper)" /busybox cat /run/secrets/pw; }
kill_host m1
before=$(containers_of web)
victim=$(head -n 1 <<<"$before") kept=$(tail -n 1 <<<"$before")
on w1 kill "$victim" "$(containers_of once)" >/dev/null
gone() { [[ $(containers_of web) != *"$victim"* ]]; }
within 5 'two have crashed' gone
within 5 'the one that was not to' runs_now once 0
within 15 'one of them is started again' runs_now web 2
has 'the other ran through it' "$(containers_of web)" "$kept"
was=$(containers_of keeper)
on w1 kill "$was" >/dev/null
another() { local now; now=$(containers_of keeper); [ -n "$now" ] && [ "$now" != "$was" ]; }
within 15 'who needs one is started again, too' another
is 'and has it' "$(read_secret)" swordfish
[[ $(containers_of web) != *"$victim"* ]] && ok 'it has a new container' || bad 'it has a new container'
is 'the one that must not is not' "$(containers_of once)" ''

# --- power is lost: every process of the host ends at once, and what was in memory is gone ----------------------------
pids=$(agent_of w1)
for shim in "$lab/w1/run/shims"/*/; do [ -e "$shim/sock" ] && pids+=" $(ss -xlpH src "$shim/sock" | grep -o 'pid=[0-9]*' | command cut -d= -f2 | head -n 1)"; done
kill -9 $pids 2>/dev/null
wait "$(agent_of w1)" 2>/dev/null
find "$lab/w1/run" -mindepth 1 -maxdepth 1 ! -name self -exec rm -rf {} +
start_host w1
within 15 'both run after it, with no manager in reach' runs_now web 2
is 'the one that must not does not' "$(containers_of once)" ''
after=$(containers_of web)
# the secret was in memory: it is waited for, longer than for any answer of a manager (WISH_TRIES_MAX)
sleep 40
is 'who needs a secret waits for a manager' "$(containers_of keeper)" ''
kill_host w1; start_host w1
is 'also when the agent is started anew meanwhile' "$(containers_of keeper)" ''

start_host m1
within 15 'a manager is back and counts two' whole web 2/2
ready() { [ "$(on m1 node ls --filter name=w1 --format '{{.Status}}')" = Ready ]; }
within 15 'the worker is ready' ready
within 15 'who needs a secret runs then' runs_now keeper 1
is 'and has it' "$(read_secret)" swordfish
within 15 'it is the same task' whole keeper 1/1
is 'and has never failed' "$(on m1 service ps -q --no-trunc keeper)" "$keeper"
told() { [ "$(on m1 service ps --filter desired-state=running --format '{{.CurrentState}}' web | grep -c '^Running')" = 2 ] && [ "$(containers_of web)" = "$after" ]; }
within 5 'its containers were not touched' told
is 'they are the same tasks' "$(on m1 service ps -q --no-trunc --filter desired-state=running web | sort)" "$tasks"
knows() { [[ $after == *"$(on m1 inspect --format '{{.Status.ContainerStatus.ContainerID}}' "$(head -n 1 <<<"$tasks")")"* ]]; }
within 5 'which have new containers' knows
finish_hosts
