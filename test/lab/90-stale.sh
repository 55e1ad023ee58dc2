#!/bin/bash
# A manager that is cut off from the others does not know what was decided since; a worker that comes to it is told nothing of what it ought to run,
# and keeps what it has.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
. "${0%/*}/streams.sh"
stale=$asked
others=$(for name in m1 m2 m3; do [ $name = "$stale" ] || echo $name; done)
on "$asked" node update --label-add swarmbox.grace=10m w1 >/dev/null    # nothing of w1 is to be replaced meanwhile
create old --constraint node.hostname==w1 box:1 sleep 1000
within 20 'a service runs on the worker' replicas old 1/1
lose_sight() { for name in $2; do ip -n "$1" route add blackhole "${host_ip[$name]}/32"; done; }
find_sight() { for name in $2; do ip -n "$1" route del blackhole "${host_ip[$name]}/32"; done; }

lose_sight "$stale" "$others"
is_stale() { [[ $(on "$stale" service ls 2>&1 >/dev/null) == *'does not have a leader'* ]]; }
within 20 "$stale has lost the others" is_stale
asked=$(head -n 1 <<<"$others")
leads() { [ -n "$(leader_of "$asked")" ]; }
within 20 'who decide without it' leads
create young --constraint node.hostname==w1 box:1 sleep 1000
within 20 'another service runs on the worker' replicas young 1/1
on "$asked" service rm old >/dev/null
containers() { on w1 ps -q --no-trunc | sort; }
is_one() { [ "$(containers | grep -c .)" = 1 ]; }
within 20 'and the first one is gone' is_one
young=$(containers)

lose_sight w1 "$others"
opened() { grep -c "node $(id_of w1 "$asked"): its session is open" "$lab/$stale/agent.log"; }
before=$(opened)
comes() { [ "$(opened)" -gt "$before" ]; }
within 60 'the worker comes to the manager that knows too little' comes
sleep 3         # longer than it takes to stop one container and start another
is 'nothing was taken from it, and nothing of before came back' "$(containers)" "$young"

find_sight w1 "$others"; find_sight "$stale" "$others"
is_fresh() { [ -z "$(on "$stale" service ls -q 2>&1 >/dev/null)" ]; }
within 30 'all see each other' is_fresh
on "$stale" node update --label-rm swarmbox.grace w1 >/dev/null
asked=$stale
within 30 'and agree on what runs' replicas young 1/1
is 'it ran through it all' "$(containers)" "$young"
create after --constraint node.hostname==w1 box:1 sleep 1000
within 20 'the worker is told what is new' replicas after 1/1
finish_hosts
