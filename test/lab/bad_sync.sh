# bad_sync.sh - EIO at every sync: of a thing that is done the first fsync fails, then the second, and so on until there are no more of them, then fdatasync
# and syncfs. Sourced behind lib.sh by the stories named after it. strace counts by thread: what two threads sync first fails in both.
command -v strace >/dev/null || { ok 'strace is not installed: nothing was tried'; finish; }
calls=fsync,fdatasync,syncfs
number=0 kept=
traced() { ! grep -qs '^TracerPid:[[:space:]]*0$' "/proc/$agent/task"/*/status; }
untraced() { ! grep -qs '^TracerPid:.*[1-9]' "/proc/$agent/task"/*/status; }
names() { [[ $1 == *'nput/output error'* || $1 == *'I/O error'* ]]; }
# inject CALL N OPTIONS|COMMAND... &: strace that lets the N-th such call of each thread fail
inject() { local call=$1 n=$2; shift 2; exec strace -qq -y -e "trace=$calls" -e signal=none -e "inject=$call:error=EIO:when=$n" -o "$lab/calls" "$@"; }
attach() { # CALL N
	local whom=(-f -p "$agent")
	[ -z "${own:-}" ] || whom=($(printf -- '-p %s ' $(ls "/proc/$agent/task")))
	inject "$1" "$2" "${whom[@]}" &
	tracer=$!
	await 20 traced || bad 'the agent is traced'
}
detach() { kill $tracer; wait $tracer 2>/dev/null; await 20 untraced; }
met() { grep -q INJECTED "$lab/calls"; }
# which files were synced, without what is random in their names
files() {
	sed -nE 's|.*sync(fs)?\([0-9]+<([^>]*)>.*|\2|p' |
		sed -E "s|^$data|data|; s|/\.([^/]*)\.[^./]{6}\$|/\1|; s|[0-9a-f]{64}|DIGEST|; s|[0-9a-f]{16}|ID|" | grep -v '^/$'
}
note_files() { files <"$lab/calls" >>"$lab/synced"; grep INJECTED "$lab/calls" | files >>"$lab/failed"; }
# all_met FILES...: each of these failed once, and whatever else is synced. SQLite's files are synced when their time has come, others always.
all_met() {
	local database='^data(/[a-z]+\.db(-wal|-journal)?)?$'
	is 'all that should fail has failed' "$(command comm -13 <(sort -u "$lab/failed") <(printf '%s\n' "$@" | sort) | xargs)" ''
	is 'and whatever else is synced' "$(command comm -23 <(grep -v -E "$database" "$lab/synced" | sort -u) <(sort -u "$lab/failed") | xargs)" ''
}

# each WHAT MAKE CHECK UNDO, all of them with a number behind: MAKE with each of its syncs failing, done again without if it was refused; CHECK comes true.
# own=yes before it: of the agent alone, not of its children. There are no more of them when two in a row meet none: a thread may do its first before strace
# has come to it.
each() {
	local what=$1 make=$2 check=$3 undo=$4 refused=0 accepted=0 unnamed='' stuck='' answer begun=$SECONDS call n unmet
	for call in ${calls//,/ }; do
		n=1 unmet=0
		while [ $n -le 60 ] && [ $unmet -lt 2 ]; do
			number=$((number + 1))
			attach "$call" "$n"
			if answer=$($make $number 2>&1); then
				accepted=$((accepted + 1))
				await 20 "$check" $number || stuck+="$call $n: is not there; "
				detach
			else
				refused=$((refused + 1))
				names "$answer" || unnamed+="$call $n: $answer; "
				detach
				await 20 "$make" $number || stuck+="$call $n: is refused again: $($make $number 2>&1); "
				await 20 "$check" $number || stuck+="$call $n: is not there the second time; "
			fi
			kill -0 "$agent" 2>/dev/null || { stuck+="$call $n: the agent is gone; "; start_agent; }
			note_files
			$undo $number >/dev/null 2>&1 || stuck+="$call $n: cannot be undone; "
			if met; then n=$((n + 1)) unmet=0; else unmet=$((unmet + 1)); fi
		done
	done
	is "$what: what is refused says why" "$unnamed" ''
	is "$what: what comes after that succeeds, and all is there" "$stuck" ''
	echo "$what: $refused refused, $accepted accepted, $((SECONDS - begun)) s"
}

is_manager() { [ "$(sb info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')" = 'active true' ] && sb node ls; }
is_nothing() { [ "$(sb info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; }
init_swarm() { is_manager >/dev/null || init; }
leave_swarm() { is_nothing || sb swarm leave --force; }
exists() { sb volume inspect "$1" || sb service inspect "$1" || sb secret inspect "$1" || sb config inspect "$1" || sb inspect "$1"; }
exists_here() { exists "s$1"; }
is_made() { exists "s$1" >/dev/null 2>&1; }
keep() { kept+=" s$1"; }
nothing() { true; }
# what was accepted and is not there
lost() { local name; for name in $kept; do exists "$name" >/dev/null 2>&1 || echo "$name"; done; }
