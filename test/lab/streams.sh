# streams.sh - three managers and a worker, all with box:1, and the one manager that neither leads nor holds the worker's session. Sourced behind
# hosts.sh.
#
#	$leader $holding $asked         managers: who leads, who holds the session of w1, and who does neither; $socket: where that one listens
#	replicas tick 4/4               what the asked manager knows: of a service, …
#	task_on tick w1                 … a service's task on a host, …
#	container_of TASK               … and a task's container
hosts m1 m2 m3 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat stty wc kill hostname seq dd; do ln -s busybox "$lab/root/bin/$name"; done
for name in "${host_names[@]}"; do tar -C "$lab/root" -c . | on "$name" image import -c 'CMD ["sh"]' - box:1 >/dev/null; done

id_of() { on "${2:-m1}" node inspect "$1" --format '{{.ID}}' 2>/dev/null; }
# before anybody asks for a stream, the only connection of w1 is its session
session_at() { nsenter --net=/run/netns/w1 ss -tnH state established dport = :2377 | awk '{ print $4 }'; }
is_held() { holding=m$(session_at | sed -n 's/^10\.77\.0\.\([123]\):2377$/\1/p') && [ "$holding" != m ]; }
within 10 'a manager holds the session of w1' is_held
are_managers() { [ "$(on m1 node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
within 10 'three managers' are_managers
leader=$(leader_of m1)
for asked in m1 m2 m3; do [ $asked = "$leader" ] || [ $asked = "$holding" ] || break; done
[ $asked != "$leader" ] && [ $asked != "$holding" ] && ok "$asked neither leads nor holds the session" || bad "$asked neither leads nor holds the session"
socket=unix://$lab/$asked/run/swarmbox.sock

replicas() { [ "$(on "$asked" service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
task_on() { on "$asked" service ps "$1" --filter "node=$2" --filter desired-state=running -q --no-trunc | head -n 1; }
container_of() { on "$asked" inspect "$1" --format '{{.Status.ContainerStatus.ContainerID}}'; }
create() { local name=$1; shift; on "$asked" service create -d -q --name "$name" --stop-signal KILL --restart-delay 0s "$@" >/dev/null; }
create_tick() { create tick --mode global box:1 sh -c 'i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.2; done'; within 20 'a service ticks on all four' replicas tick 4/4; }
on_tty() { timeout 300 python3 "$top/test/lab/on_tty.py" "$@"; }
rc() { "$@" >/dev/null 2>&1; echo $?; }
