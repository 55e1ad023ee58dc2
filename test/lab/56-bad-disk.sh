#!/bin/bash
# A disk that fails once: the n-th time that something is written or synced, with each error. Either the command has succeeded, or it says what failed and
# does not claim anything; the next one succeeds; after a crash what was acknowledged is there.
. "${0%/*}/lib.sh"
command -v strace >/dev/null || { ok 'strace is not installed: nothing was tried'; finish; }
start_agent && init
sb service create -d -q --name neighbour --stop-grace-period 100ms swarmbox:latest >/dev/null
within 10 'a neighbour runs' runs neighbour 1/1
neighbour=$(sb ps -q)
traced() { ! grep -q '^TracerPid:[^0-9]*0$' /proc/$agent/task/*/status; }    # every thread of it
untraced() { ! grep -q '^TracerPid:.*[1-9]' /proc/$agent/task/*/status; }
named() { [[ $1 == *'nput/output error'* || $1 == *'I/O error'* || $1 == *'full'* || $1 == *'No space left'* ]]; }

# fail CALLS ERROR: each of three commands with the n-th such call failing, n from 1
fail() {
	local calls=$1 error=$2 refused=0 accepted=0 met=0 unmet=0 unnamed='' stuck='' answer name injector
	for n in 1 2 3 4 1000; do         # the last one never comes
		for what in 'service create -d -q --replicas 0 --name X swarmbox:latest' 'volume create X' 'create --name X swarmbox:latest'; do
			name=f$((++made)) what=${what/X/f$made}
			strace -qq -f -p "$agent" -e "trace=$calls" -e "inject=$calls:error=$error:when=$n" -o "$lab/calls" &
			injector=$!
			await 10 traced || bad 'the agent is traced'
			if answer=$($binary $what 2>&1); then
				accepted=$((accepted + 1)) acknowledged+=" $name"
			else
				refused=$((refused + 1))
				named "$answer" || unnamed+="$what: $answer; "
			fi
			kill $injector; wait $injector 2>/dev/null
			await 10 untraced
			grep -q INJECTED "$lab/calls" && met=$((met + 1)) || unmet=$((unmet + 1))
			await 20 sb volume create "after-$name" || stuck+=" $name"
		done
	done
	is "$calls, $error: what was refused says why" "$unnamed" ''
	is "$calls, $error: what comes after that succeeds" "$stuck" ''
	# what met it may be accepted all the same: the log is opened anew, and what stands in it is synced then
	echo "$calls, $error: $met of $((met + unmet)) met it, $refused were refused"
	[ $met -gt 0 ] && [ $unmet -gt 0 ] && [ $accepted -gt 0 ] && ok "$calls, $error: some met it, some did not" ||
		bad "$calls, $error: some met it, some did not" "$met met it, $unmet did not, $refused refused, $accepted accepted"
}
made=0 acknowledged=
fail fsync,fdatasync EIO
fail pwrite64 EIO
fail pwrite64 ENOSPC
is 'the agent lives' "$(kill -0 "$agent" && echo yes)" yes
kill_agent; start_agent
missing=
for name in $acknowledged; do
	sb volume inspect "$name" >/dev/null 2>&1 || sb service inspect "$name" >/dev/null 2>&1 || sb inspect "$name" >/dev/null 2>&1 || missing+=" $name"
done
is 'after a crash all is there that was acknowledged' "$missing" ''
is 'the neighbour was not touched' "$(sb ps -q)" "$neighbour"
