#!/bin/bash
# 91-locked - autolock: the keys of managers are locked on their disks; one that restarts does nothing as a manager until it is unlocked,
# while its tasks go on; the key is replaced, also while a manager is down, or killed in the middle of it; workers are never locked; a backup
# opens with it, on any host.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1
said=$(on m1 swarm init --advertise-addr 10.77.0.1 --autolock 2>&1)
key=$(on m1 swarm unlock-key -q)
case $key in SWMKEY-1-*) ok 'a cluster begins locked' ;; *) bad 'a cluster begins locked' "$key" ;; esac
has 'the key is told at once, and how to use it' "$said" "swarm unlock\`
command and provide the following key:

    $key"
manager=$(on m1 swarm join-token -q manager) worker=$(on m1 swarm join-token -q worker)
on m2 swarm join --token "$manager" 10.77.0.1:2377 >/dev/null
on m3 swarm join --token "$manager" 10.77.0.1:2377 >/dev/null
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
all_ready() { [ "$(on m1 node ls --format '{{.Status}}' | grep -c Ready)" = 4 ]; }
within 10 'four nodes are ready' all_ready
three_managers() { [ "$(on m1 node ls --format '{{.ManagerStatus}}' | grep -c .)" = 3 ]; }
within 10 'three of them manage' three_managers
keys_of() { cat "$lab/$1/data/certificates/cluster.key" "$lab/$1/data/certificates/swarm-node.key"; }
is_locked() { [ "$(keys_of "$1" | grep -c '^sealed:')" = 2 ]; }
is_plain() { [ "$(keys_of "$1" 2>/dev/null | grep -c '^sealed:')" = 0 ]; }
for host in m1 m2 m3; do within 10 "$host: its keys are locked on its disk" is_locked $host; done
is 'a worker has none to lock' "$(ls "$lab/w1/data/certificates"; grep -c 'BEGIN' "$lab/w1/data/certificates/swarm-node.key")" 'swarm-node.crt
swarm-node.key
swarm-root-ca.crt
1'
on m1 service create -d -q --name web --replicas 4 --mode replicated swarmbox:latest >/dev/null
whole() { [ "$(on "$1" service ls --filter name=web --format '{{.Replicas}}')" = 4/4 ]; }
within 15 'four tasks run' whole m1
container=$(on m2 ps -q | head -n 1)

# --- a manager restarts -----------------------------------------------------------------------------------------
state() { on "$1" info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'; }
needed='Swarm is encrypted and needs to be unlocked before it can be used. Please use "swarmbox swarm unlock" to unlock it.'
kill_host m2; start_host m2
is 'a manager that restarts is locked' "$(state m2)" 'locked false'
has 'and says so' "$(on m2 node ls 2>&1)" "$needed"
for command in 'service ls' 'service create swarmbox' 'secret ls' 'swarm join-token worker' 'swarm unlock-key' 'swarm update --autolock=false'; do
	has "to $command" "$(on m2 $command 2>&1)" "$needed"
done
has 'to others it is a node that was known before' "$(on m2 swarm join --token "$manager" 10.77.0.1:2377 2>&1)" 'This node is already part of a swarm.'
has 'leaving it wants force' "$(on m2 swarm leave 2>&1)" 'Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.'
is 'its containers run on' "$(on m2 ps -q --filter "id=$container")" "$container"
kill -9 "$(on m2 inspect "$container" --format '{{.State.Pid}}')"
again() { [ -n "$(on m2 ps -q)" ]; }
within 10 'one that dies is made anew' again
is 'and the others manage on' "$(on m1 node ls --filter name=m1 --format '{{.Status}}')" Ready
has 'another key does not fit' "$(printf 'SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' | on m2 swarm unlock 2>&1)" 'swarm could not be unlocked: invalid key provided'
has 'nor does what is none' "$(echo hunter2 | on m2 swarm unlock 2>&1)" 'invalid unlock key'
is 'it is locked still' "$(state m2)" 'locked false'
is 'the key fits' "$(echo "$key" | on m2 swarm unlock 2>&1)" ''
manages() { [ "$(state "$1")" = 'active true' ] && on "$1" node ls >/dev/null; }
within 10 'and it manages again' manages m2
has 'what is not locked needs no key' "$(echo "$key" | on m2 swarm unlock 2>&1)" 'swarm is not locked'
has 'nor does a worker' "$(echo "$key" | on w1 swarm unlock 2>&1)" 'swarm is not locked'

# --- another key, while one of them is down ---------------------------------------------------------------------
kill_host m3
next=$(on m2 swarm unlock-key --rotate -q)
[ "$next" != "$key" ] && [ "$(on m1 swarm unlock-key -q)" = "$next" ] && ok 'the key is replaced' || bad 'the key is replaced' "$next"
kill_host m2; start_host m2
has 'the one of before opens nothing that was up' "$(echo "$key" | on m2 swarm unlock 2>&1)" 'invalid key provided'
is 'the new one does' "$(echo "$next" | on m2 swarm unlock 2>&1)" ''
start_host m3
has 'who was down has not heard of the new one' "$(echo "$next" | on m3 swarm unlock 2>&1)" 'invalid key provided'
before=$(keys_of m3)
is 'the one of before opens it' "$(echo "$key" | on m3 swarm unlock 2>&1)" ''
within 10 'it manages again' manages m3
follows() { [ "$(keys_of m3)" != "$before" ]; }
within 10 'and hears of it then' follows
kill_host m3; start_host m3
is 'which opens it from then on' "$(echo "$next" | on m3 swarm unlock 2>&1)" ''

# --- killed in the middle of it ---------------------------------------------------------------------------------
opens() { before=$(keys_of m3); echo "$1" | on m3 swarm unlock 2>/dev/null; }
opened=0
for round in 1 2 3; do
	await 10 manages m3
	old=$next
	(sleep "0.0$((round * 2 - 1))"; kill -9 "${host_agent[m3]}") & killer=$!
	next=$(on m1 swarm unlock-key --rotate -q)
	wait $killer; wait "${host_agent[m3]}" 2>/dev/null
	start_host m3
	if opens "$next"; then opened=$((opened + 1)); elif opens "$old" && await 10 follows; then opened=$((opened + 1)); fi
done 2>/dev/null
is 'a manager killed while the key is replaced opens with the old one or the new one' $opened 3
await 10 manages m3

# --- who is demoted, and the end of locking ---------------------------------------------------------------------
is 'm3 is demoted' "$(on m1 node demote m3 2>&1)" "Manager m3 demoted in the swarm."
is_worker() { [ "$(state m3)" = 'active false' ] && [ ! -e "$lab/m3/data/certificates/cluster.key" ] && is_plain m3; }
within 15 'a manager that is demoted keeps none of it' is_worker
kill_host m3; start_host m3
is 'and starts as any worker' "$(state m3)" 'active false'
is 'locking is ended' "$(on m1 swarm update --autolock=false)" 'Swarm updated.'
for host in m1 m2; do within 10 "$host: its keys are plain" is_plain $host; done
has 'there is no key then' "$(on m1 swarm unlock-key 2>&1)" 'no unlock key is set'
has 'nor can it be replaced' "$(on m1 swarm unlock-key --rotate 2>&1)" 'cannot rotate because autolock is not turned on'
kill_host m1; start_host m1
within 10 'a manager starts unlocked' manages m1
# it has just come back: what it shows may be older than what it must change
locks() { [[ $(on m1 swarm update --autolock=true) == *'    SWMKEY-1-'* ]]; }
within 10 'and begun again, with another key' locks
[ "$(on m1 swarm unlock-key -q)" != "$next" ] && ok 'which is another one' || bad 'which is another one'
for host in m1 m2; do within 10 "$host: its keys are locked" is_locked $host; done

# --- a backup of it, on a host that never was in it ---------------------------------------------------------------
last=$(on m1 swarm unlock-key -q)
printf swordfish | on m1 secret create pw - >/dev/null
on m1 service create -d -q --name reader --replicas 0 --secret pw --mount type=bind,source=/bin/busybox,target=/busybox,readonly swarmbox:latest >/dev/null
on m1 backup "$lab/saved" && ok 'a locked swarm is saved' || bad 'a locked swarm is saved'
make_host new
# as it is left by one that was killed before it wrote anything else
mkdir -p "$lab/new/data/certificates"; cp "$lab/m1/data/certificates/cluster.key" "$lab/new/data/certificates/"
start_host new
is 'of a restore that was cut off before it began nothing is left' "$(state new) $(ls "$lab/new/data/certificates")" 'inactive false '
restore() { printf '%s' "$1" | on new swarm init --restore "$lab/saved" --force-new-cluster --advertise-addr 10.77.0.5 2>&1; }
has 'what is no key restores nothing' "$(restore hunter2)" 'invalid unlock key'
has 'nor does one of before' "$(restore "$key")" 'invalid key'
is 'and nothing is begun' "$(state new)" 'inactive false'
has 'the key that was in force does' "$(restore "$last")" 'Swarm initialized: current node'
within 10 'it manages' manages new
is 'with the same key' "$(on new swarm unlock-key -q)" "$last"
within 10 'which locks the keys on its disk, too' is_locked new
on new service scale -d reader=1 >/dev/null
reads() { [ "$(on new exec "$(on new ps -q --filter name=reader. | head -n 1)" /busybox cat /run/secrets/pw)" = swordfish ]; }
within 20 'its secrets open' reads
kill_host new; start_host new
is 'after a restart it is locked' "$(state new)" 'locked false'
is 'that key opens it' "$(echo "$last" | on new swarm unlock 2>&1)" ''
within 10 'and it manages again' manages new
await 10 on new service rm reader web
await 20 bash -c "[ -z \"\$('$binary' -H 'unix://$lab/new/run/swarmbox.sock' ps -aq)\" ]"

is 'no key was ever written to a log' "$(grep -lF -e "$key" -e "$next" -e "$last" "$lab"/*/agent.log)" ''
on m1 service rm web >/dev/null
for host in m1 m2 m3 w1; do await 10 bash -c "[ -z \"\$('$binary' -H 'unix://$lab/$host/run/swarmbox.sock' ps -aq)\" ]"; done
