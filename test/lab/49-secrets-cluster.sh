#!/bin/bash
# 49-secrets-cluster - on managers and workers alike: a secret's bytes, the root's key, join tokens, the unlock key are on no disk, in no
# log, in no event, in no command line, in no core dump, and no longer in the memory of any agent.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
mkdir "$lab/dumps"; command cd "$lab/dumps" || exit 1
ulimit -c unlimited
hosts m1 m2 w1
on m1 swarm init --advertise-addr 10.77.0.1 --autolock >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
on m2 swarm join --token "$manager" 10.77.0.1:2377 >/dev/null
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
mkdir -p "$lab/root/bin"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sleep sha256sum; do ln -s busybox "$lab/root/bin/$name"; done
for host in m1 m2 w1; do tar -C "$lab/root" -c . | on $host image import - box:1 >/dev/null; done
secret=swordfish-$RANDOM$RANDOM$RANDOM
printf %s "$secret" | on m2 secret create pw - >/dev/null
on m1 service create -d -q --no-resolve-image --name web --mode global --restart-delay 0s --stop-grace-period 100ms --secret pw box:1 sleep 1000 >/dev/null
whole() { [ "$(on m1 service ls --format '{{.Replicas}}')" = 3/3 ]; }
within 15 'a task on each of three nodes has the secret' whole
wanted=$(printf %s "$secret" | sha256sum)
for host in m1 m2 w1; do
	is "$host: it is what was made" "$(on $host exec "$(on $host ps -q)" sha256sum /run/secrets/pw)" "${wanted%-}/run/secrets/pw"
done
# --- who has no use for it does not get it ------------------------------------------------------------------------
printf other | on m1 secret create other - >/dev/null
id_of() { on m1 secret inspect --format '{{.ID}}' "$1"; }
task_on() { on m1 service ps web --no-trunc --filter "node=$1" --filter desired-state=running --format '{{.ID}}'; }
asks() { nsenter --net=/run/netns/w1 python3 -B "$top/test/lab/bad_peers.py" secret "$1" "$lab/w1/data/certificates" "$2" "$3" 2>&1; }
for manager_at in 10.77.0.1 10.77.0.2; do
	has "a worker gets its own task's from $manager_at" "$(asks $manager_at "$(task_on w1)" "$(id_of pw)")" 'it was answered: '
	is 'not those of a task elsewhere' "$(asks $manager_at "$(task_on m1)" "$(id_of pw)")" 'no task of this node needs this secret'
	is 'nor what its task has no use for' "$(asks $manager_at "$(task_on w1)" "$(id_of other)")" 'no task of this node needs this secret'
done
old=$(task_on w1)
on m1 node update --availability pause w1 >/dev/null
has 'one that is paused keeps it' "$(on w1 exec "$(on w1 ps -q)" sha256sum /run/secrets/pw)" "${wanted%-}"
on m1 node update --availability drain w1 >/dev/null
# as the agent sees it: its mounts are its own
secrets_of_w1=/proc/$(agent_of w1)/root$lab/w1/run/secrets
has 'it is kept there' "$(find "$secrets_of_w1/bytes" -type f | wc -l)" 1
empty() { [ -z "$(on w1 ps -q)" ] && [ "$(find "$secrets_of_w1" -mindepth 1 -printf '%f')" = bytes ]; }
within 10 'one that is drained has it no more' empty
is 'and gets it no more' "$(asks 10.77.0.1 "$old" "$(id_of pw)")" 'no task of this node needs this secret'
on m1 node update --availability active w1 >/dev/null
within 15 'it is there again when it is wanted' whole
# the root and the tokens of before, once they have been in force
on m1 swarm ca --rotate >/dev/null
on m2 swarm join-token --rotate -q manager >/dev/null
on m1 swarm unlock-key --rotate -q >/dev/null

key=$(on m1 swarm unlock-key -q)
base64=$(printf %s "$secret" | base64)
words=("$secret" "${base64:0:20}" "${worker##*-}" "${manager##*-}" "$(on m1 swarm join-token -q worker)" "$(on m1 swarm join-token -q manager)" "${key#SWMKEY-1-}")
for host in m1 m2 w1; do
	is "$host: neither it nor any token or key is in a file" "$(grep -rlF -f <(printf '%s\n' "${words[@]}") "$lab/$host/data" "$lab/$host/agent.log")" ''
	# of keys there is one: the worker's own, of its certificate
	is "$host: no key of a root is either" "$(grep -rlE --exclude-dir=images 'BEGIN (EC )?PRIVATE KEY' "$lab/$host/data" | sed "s|$lab/||")" \
		"$([ $host = w1 ] && echo w1/data/certificates/swarm-node.key)"
	is "$host: it is in no command line" "$(grep -lF -- "$secret" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null)" ''
	in_memory() { [ "$("$top/test/lab/memory_of.py" "$(agent_of $host)" "$secret" "${base64:4:16}")" = 0 ]; }
	within 5 "$host: the agent's memory has forgotten it" in_memory
	is "$host: nor is any of it swapped" "$(awk '/^VmRSS|^VmLck/ { print $1, ($2 > 0) }' "/proc/$(agent_of $host)/status" | sort | tr '\n' ' ')" 'VmLck: 1 VmRSS: 1 '
done
for host in m1 m2 w1; do
	told=$(on $host events --since 1h --until 0s --format json; on $host inspect "$(on $host ps -q)"; on $host info --format json; [ $host = w1 ] || on $host service inspect web; [ $host = w1 ] || on $host secret inspect pw)
	is "$host: nobody is told" "$(grep -cF -e "$secret" -e "${base64:0:20}" -e RegistryAuth <<<"$told")" 0
done

# --- who dies badly leaves nothing behind -----------------------------------------------------------------------
bash -c 'kill -SEGV $$' 2>/dev/null
if [ -n "$(ls -A "$lab/dumps")" ]; then
	rm -f "$lab"/dumps/*
	container=$(on w1 ps -q)
	shim=$(grep -lF -- "$container" /proc/[0-9]*/cmdline 2>/dev/null | head -n 1 | tr -dc 0-9)
	kill -SEGV "$(agent_of w1)"; wait "$(agent_of w1)" 2>/dev/null
	[ -n "$shim" ] && kill -SEGV "$shim"
	gone() { ! kill -0 "$shim"; }
	within 10 'agent and shim of a worker die of SIGSEGV' gone
	kill -SEGV "$(agent_of m1)"; wait "$(agent_of m1)" 2>/dev/null
	is 'and dump no core' "$(ls -A "$lab/dumps"; find "$lab/w1" "$lab/m1" -name 'core*')" ''
	start_host w1; start_host m1
	on m1 swarm unlock <<<"$key"
else
	echo 'cores of this host go elsewhere: not looked for'
fi
within 20 'all go on' whole
on m2 service rm web >/dev/null
for host in m1 m2 w1; do await 10 bash -c "[ -z \"\$('$binary' -H 'unix://$lab/$host/run/swarmbox.sock' ps -aq)\" ]"; done
