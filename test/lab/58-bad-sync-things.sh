#!/bin/bash
# EIO at every sync of what is made on a host (bad_sync.sh): services, secrets, configs, volumes, containers; named error, nothing lost.
. "${0%/*}/lib.sh"
. "${0%/*}/bad_sync.sh"
start_agent && init
mkdir -p "$lab/root/bin" && cp /bin/busybox "$lab/root/bin/busybox" && ln -s busybox "$lab/root/bin/sleep"
tar -C "$lab/root" -c . >"$lab/box.tar" && sb image import "$lab/box.tar" box:1 >/dev/null

# what was refused may be there all the same: of a write whose sync has failed nobody knows
make_service() { is_made "$1" || sb service create -d -q --name "s$1" --stop-grace-period 100ms box:1 sleep 1000; }
service_runs() { runs "s$1" 1/1; }
remove_service() { sb service rm "s$1" && await 20 no_containers; }
each 'a service' make_service service_runs remove_service
make_secret() { is_made "$1" || echo "$1" | sb secret create "s$1" -; }
each 'a secret' make_secret exists_here keep
make_config() { is_made "$1" || head -c 490000 /dev/zero | sb config create "s$1" -; }
each 'a config' make_config exists_here keep
make_volume() { is_made "$1" || sb volume create --label "x=$(head -c 120000 /dev/zero | tr '\0' x)" "s$1"; }
each 'a volume' make_volume exists_here keep
run_box() { is_made "$1" || sb run -d -v "of$1:/bin" --name "s$1" box:1 sleep 1000; }
box_runs() { [ "$(sb inspect "s$1" --format '{{.State.Running}}')" = true ]; }
remove_box() { sb rm -f "s$1" && sb volume rm "of$1"; }
each 'a container' run_box box_runs remove_box

# attach_to WHEN FILES...: to the agent, whose syncs of these files alone fail
attach_to() {
	local fail=$1 file paths=(); shift
	for file; do paths+=(-P "$data/$file"); done
	strace -qq -y -f -p "$agent" "${paths[@]}" -e trace=fdatasync -e "inject=fdatasync:error=EIO:when=$fail" -o "$lab/calls" &
	tracer=$!
	await 20 traced || bad 'the agent is traced'
}
# node.db is synced when a thousand pages have changed
label=x=$(head -c 120000 /dev/zero | tr '\0' x) wide=()
for i in {1..8}; do wide+=(--label "$i$label"); done
make_wide() { is_made "$1" || sb volume create "${wide[@]}" "s$1"; }
node_db_fails() { # FILE N
	local file=$1 n=$2 unnamed='' stuck='' refused='' answer i
	attach_to "$n" "$file"
	for i in {1..40}; do
		number=$((number + 1))
		answer=$(make_wide $number 2>&1) && keep $number || { refused+=" $number"; names "$answer" || unnamed+="$answer; "; }
		! met || break
	done
	met && ok "$file: sync $n fails" || bad "$file: sync $n fails"
	detach; note_files
	for i in $refused $((++number)); do await 20 make_wide $i && keep $i || stuck+=" $i"; done
	is "$file: what is refused says why" "$unnamed" ''
	is "$file: what comes after that is made" "$stuck" ''
}
for n in 1 2 3; do node_db_fails node.db-wal $n; done
for n in 1 2; do node_db_fails node.db $n; done

# state.db is checkpointed when nothing has changed for ten seconds; of what that syncs the first fails, then every third: each of both files, once
attach_to 1+3 state.db state.db-wal
make_config last >/dev/null && keep last
file_fails() { grep INJECTED "$lab/calls" | files | grep -qx "data/$1"; }
within 40 'the checkpoint of state.db fails' file_fails state.db-wal
within 40 'also when the file itself is synced' file_fails state.db
make_config later >/dev/null && keep later
is 'changes are made meanwhile' "$(lost)" ''
detach; note_files

is 'nothing is lost' "$(lost)" ''
kill_agent; start_agent
is 'nor by a crash' "$(lost)" ''
all_met data/{node.db,node.db-wal,raft.db-wal,state.db,state.db-wal}
finish
