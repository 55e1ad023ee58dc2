#!/bin/bash
# 89-backup - the file of a backup, by itself: taken under writes, from everybody, to wherever; damaged, foreign, of later versions; restored where
# nothing may change when it fails, killed half-way, twice, and with those of before coming back to it.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1 new
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
manager=$(on m1 swarm join-token -q manager) worker=$(on m1 swarm join-token -q worker)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
on w1 swarm join --token "$worker" 10.77.0.1:2377 >/dev/null
cluster=$(on m1 info --format '{{.Swarm.Cluster.ID}}')
word=swordfish-$RANDOM$RANDOM$RANDOM
printf %s "$word" | on m1 secret create pw - >/dev/null
on m1 service create -d -q --no-resolve-image --name web --replicas 4 --restart-delay 0s --stop-grace-period 100ms --secret pw swarmbox:latest >/dev/null
web_runs() { [ "$(on "$1" service ps web --filter desired-state=running --format '{{.CurrentState}}' | grep -c '^Running')" = 4 ]; }
within 15 'a service runs' web_runs m1
ready() { [ "$(on "$1" node ls --format '{{.Status}}' | grep -c Ready)" = "$2" ]; }

# --- taken --------------------------------------------------------------------------------------------------------
# whatever was acknowledged before it was asked for is in it, whoever is asked
writes() { for ((i = 1; ; i++)); do on m1 config create "c$i" - <<<"$i" >/dev/null 2>&1 && echo "$i" >"$lab/count" && mv "$lab/count" "$lab/written"; done; }
writes & writer=$!
await 20 test -s "$lab/written"
for host in m1 m2 m3; do
	cat "$lab/written" >"$lab/before-$host"
	on $host backup "$lab/of-$host" && ok "$host gives one while there are writes" || bad "$host gives one"
done
kill $writer; wait $writer 2>/dev/null
is 'no secret is plain in it, nor a token' "$(grep -lF -e "$word" -e "${manager##*-}" -e "${worker##*-}" "$lab"/of-*)" ''
mkdir "$lab/small"; mount -t tmpfs -o size=4k none "$lab/small"
has 'a disk that is full is told of' "$(on m1 backup "$lab/small/saved" 2>&1)" 'No space left on device'
is 'and nothing half is left' "$(ls -A "$lab/small")" ''
echo precious >"$lab/small/saved"
has 'nor is what stood there lost' "$(on m1 backup --force "$lab/small/saved" 2>&1; cat "$lab/small/saved")" 'precious'
umount "$lab/small"
has 'a folder is none' "$(on m1 backup --force "$lab" 2>&1)" "$lab"
has 'nor is there one below nothing' "$(on m1 backup "$lab/nowhere/saved" 2>&1)" 'No such file or directory'
on m1 backup >(cat >"$lab/piped") && await 10 test -s "$lab/piped" && ok 'a pipe with a name takes it' || bad 'a pipe with a name takes it'
cut m1
alone() { [[ $(on m1 backup - 2>&1 >/dev/null) == *'does not have a leader'* ]]; }
within 20 'a manager that is alone gives what it has, and says so' alone
is 'in one line' "$(on m1 backup "$lab/alone" 2>&1 | wc -l)" 1
heal m1
reachable() { [ "$(on m1 node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
within 20 'it is back' reachable

# --- what is no backup, or not all of one --------------------------------------------------------------------------
picture() { (command cd "$lab/new/data" && find . -type f ! -name '*-wal' ! -name '*-shm' | sort); on new info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}'; }
restore() { on new swarm init --restore "$1" --force-new-cluster --advertise-addr 10.77.0.5 "${@:2}" 2>&1; }
before=$(picture)
damaged() { # WHAT FILE WORDS
	local told
	told=$(restore "$2"); [ "$(wc -l <<<"$told")" = 1 ] || bad "$1: one line" "$told"
	has "$1" "$told" "$3"
	is "$1: nothing has changed" "$(picture)" "$before"
}
python3 - "$lab/of-m1" "$lab" <<'PYTHON'
import hashlib, sys
whole = open(sys.argv[1], 'rb').read()
def make(name, body, is_good=True):
    open(f'{sys.argv[2]}/{name}', 'wb').write(body + hashlib.sha256(body).digest() if is_good else body)
body = whole[:-32]
make('flipped', whole[:5000] + bytes([whole[5000] ^ 4]) + whole[5001:], False)
make('later', body[:16] + b'\x02' + body[17:])
make('empty', b'', False)
make('half', whole[:len(whole) // 2], False)
make('hollow', body[:200])
make('zeros', bytes(100000), False)
make('wrong-id', body[:18] + b'/' + body[19:])
import random
rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 7)
for i in range(60):
    at = rng.randrange(17, len(body)) if i % 2 else rng.randrange(17, 400)
    make(f'wicked-{i}', body[:at] + bytes([rng.randrange(256)]) + body[at + 1:])
PYTHON
damaged 'a bit that is flipped' "$lab/flipped" 'the backup is damaged, or not all of it is there'
damaged 'half of it' "$lab/half" 'the backup is damaged, or not all of it is there'
damaged 'one of a later version' "$lab/later" 'the backup has format 2; this version of swarmbox knows up to 1'
damaged 'an empty file' "$lab/empty" 'this is no backup of swarmbox'
damaged 'zeros' "$lab/zeros" 'this is no backup of swarmbox'
damaged 'one whose end is missing and whose sum is right' "$lab/hollow" 'damaged'
damaged 'one with an id that is none' "$lab/wrong-id" 'damaged'
damaged 'a folder' "$lab" 'Is a directory'
for i in $(seq 0 59); do
	told=$(restore "$lab/wicked-$i")
	kill -0 "$(agent_of new)" || { bad "the agent lives ($i)" "$told"; break; }
	case $told in *'Swarm initialized'*) on new swarm leave --force >/dev/null ;; *) [ "$(wc -l <<<"$told")" = 1 ] || bad "wicked $i: one line" "$told" ;; esac
	[ "$(picture)" = "$before" ] || { bad "wicked $i: nothing has changed" "$(diff <(echo "$before") <(picture)) $told"; before=$(picture); }
done
ok 'sixty with another byte somewhere, and a sum that is right, end in one line or in a swarm'
has 'an address that is none' "$(restore "$lab/of-m1" --listen-addr nonsense)" 'listen address must be'
is 'nothing has changed' "$(picture)" "$before"
has 'a worker takes none' "$(on w1 swarm init --restore "$lab/of-m1" --force-new-cluster 2>&1)" 'already part of a swarm'

# --- those of before, and the restored one -------------------------------------------------------------------------
for name in m1 m2 m3 w1; do kill_host $name; done
for host in m1 m2 m3; do
	has "what $host gave is whole" "$(restore "$lab/of-$host")" 'Swarm initialized: current node'
	[ "$(on new config ls -q | wc -l)" -ge "$(cat "$lab/before-$host")" ] && ok "and has all that was told" || bad "and has all that was told" "$(on new config ls -q | wc -l) of $(cat "$lab/before-$host")"
	[ $host = m3 ] || on new swarm leave --force >/dev/null
done
start_host w1
knows() { [[ $(on w1 info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}') == '10.77.0.5:2377 ' ]]; }
within 60 'the worker of before finds it at its new address' knows
within 15 'and is ready' is_state new w1 Ready
for name in m1 m2 m3; do start_host $name; done
old_leader() { [ -n "$(leader_of m1)" ]; }
within 30 'those of before come back, and lead themselves' old_leader
on new service update -d -q --env-add A=1 web >/dev/null
on_worker() { [ "$(on w1 ps -q --no-trunc --filter label=com.docker.swarm.service.name=web | head -n 1 | xargs -r "$binary" -H "unix://$lab/w1/run/swarmbox.sock" inspect --format '{{.Config.Env}}' | grep -c A=1)" = 1 ]; }
within 30 'the worker obeys the restored one' on_worker
for name in m1 m2; do
	on $name swarm leave --force >/dev/null
	is "$name joins it" "$(on $name swarm join --token "$manager" 10.77.0.5:2377 2>&1)" 'This node joined a swarm as a manager.'
done
within 30 'its service runs' web_runs new
managers() { [ "$(on new node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
within 20 'three managers' managers
is 'it is the same swarm' "$(on m1 info --format '{{.Swarm.Cluster.ID}}')" "$cluster"

# --- killed half-way -----------------------------------------------------------------------------------------------
on m3 swarm leave --force >/dev/null
whole=0
for round in $(seq 30); do
	on m3 swarm init --restore "$lab/of-m2" --force-new-cluster --advertise-addr 10.77.0.3 >"$lab/told" 2>&1 & client=$!
	sleep "0.$(printf %03d $((round * 4)))"
	kill_host m3
	wait $client
	start_host m3 || break
	state=$(on m3 info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')
	grep -q 'Swarm initialized' "$lab/told" && [ "$state" != 'active true' ] && bad "what was told holds ($round)" "$state"
	case $state in
	'inactive false') [ -z "$(ls "$lab/m3/data/certificates" 2>/dev/null)" ] || bad "nothing is left ($round)" "$(ls -R "$lab/m3/data/certificates")" ;;
	'active true') leads() { [ "$(on m3 node ls --format '{{.ManagerStatus}}' | grep -c Leader)" = 1 ]; }
		whole=$((whole + 1)); await 10 leads && [ "$(on m3 info --format '{{.Swarm.Cluster.ID}}')" = "$cluster" ] || bad "it is whole ($round)" "$(on m3 info 2>&1 | head -30)"
		on m3 swarm leave --force >/dev/null ;;
	*) bad "all or nothing ($round)" "$state" ;;
	esac
done 2>/dev/null
ok "killed at 30 moments, $whole of them behind the write"
finish_hosts
