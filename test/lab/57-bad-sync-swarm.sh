#!/bin/bash
# EIO at every sync when the keys of a manager change (bad_sync.sh): locked, unlocked, another root; when it leaves, and when a backup is restored.
. "${0%/*}/lib.sh"
. "${0%/*}/bad_sync.sh"
start_agent && init
keys() { cat "$data/certificates/cluster.key" "$data/certificates/swarm-node.key"; }
is_locked() { [ "$(keys | grep -c '^sealed:')" = 2 ]; }
is_plain() { [ "$(keys | grep -c '^sealed:')" = 0 ]; }
lock() { sb swarm update --autolock; }
unlock() { sb swarm update --autolock=false; }
undo_lock() { unlock && await 20 is_plain; }
undo_unlock() { lock && await 20 is_locked; }
each 'autolock' lock is_locked undo_lock
undo_unlock >/dev/null
each 'no autolock' unlock is_plain undo_unlock
undo_lock >/dev/null
replace_root() { sb swarm ca --rotate -q; }
is_replaced() { [ "$(sb info --format '{{.Swarm.Cluster.RootRotationInProgress}}')" = false ]; }
each 'another root' replace_root is_replaced nothing
kill_agent; start_agent
within 20 'it manages also after a crash' is_manager
sb secret create s1 - <<<1 >/dev/null && sb backup "$lab/saved"
init_again() { is_manager || init; }
each 'leave' leave_swarm is_nothing init_again
leave_swarm >/dev/null
restore() { is_manager >/dev/null || sb swarm init --restore "$lab/saved" --force-new-cluster --advertise-addr 127.0.0.1; }
is_restored() { is_manager && sb secret inspect s1; }
each 'a restore' restore is_restored leave_swarm
all_met data/certificates data/certificates/{cluster.key,swarm-node.crt,swarm-node.key.next,swarm-root-ca.crt} data data/{node,raft,state}.db data/{node,raft,state}.db-wal
finish
