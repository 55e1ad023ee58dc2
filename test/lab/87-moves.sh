#!/bin/bash
# What is watched and done on another host goes on while managers come and go; it ends with the node it is on, or with the manager that was asked,
# and neither of them piles up what nobody takes.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
. "${0%/*}/streams.sh"
create_tick
id=$(container_of "$(task_on tick w1)")
follow() { # NAME: two clients that follow
	"$binary" -H "$socket" service logs -f --tail 1 tick >"$lab/$1" 2>"$lab/$1.err" & ours=$!
	"$docker_client" -H "$socket" service logs -f --tail 1 tick >"$lab/$1.docker" 2>"$lab/$1.docker.err" & theirs=$!
	within 10 'two clients follow' follows "$1"
}
has_lines() { for name in w1 "$asked"; do [ "$(grep -c "@$name " "$1")" -gt "$2" ] || return 1; done; }
follows() { has_lines "$lab/$1" 0 && has_lines "$lab/$1.docker" 0; }
more_of() { has_lines "$lab/$1" "$2" && has_lines "$lab/$1.docker" "$3"; }
goes_on() { within 20 "$2" more_of "$1" $(($(grep -c '@w1 ' "$lab/$1") + 5)) $(($(grep -c '@w1 ' "$lab/$1.docker") + 5)); }
stop_following() { kill $ours $theirs; wait $ours $theirs 2>/dev/null; }
is_whole() { # FILE TASK@HOST WHAT
	local said; said=$(grep "$2 " "$1" | sed 's/.*tick //')
	is "$3" "$(cksum <<<"$said")" "$(seq "$(head -n 1 <<<"$said")" "$(tail -n 1 <<<"$said")" | cksum)"
}

# --- the managers of the session, and of all, die ---------------------------------------------------------------
follow moved
"$binary" -H "$socket" exec "$id" sh -c 'i=0; until [ -e /tmp/end ]; do echo here $i; i=$((i+1)); sleep 0.2; done; exit 9' >"$lab/exec" 2>&1 & running=$!
within 10 'an exec runs' grep -q 'here 3' "$lab/exec"
for victim in "$holding" "$leader"; do
	kill_host "$victim"
	leads_elsewhere() { local now; now=$(leader_of "$asked") && [ -n "$now" ] && [ "$now" != "$victim" ]; }
	within 10 "$victim is killed, and another one leads" leads_elsewhere
	goes_on moved 'what is followed goes on'
	start_host "$victim"
	are_three() { [ "$(on "$asked" node ls --format '{{.ManagerStatus}}' | grep -c -e Reachable -e Leader)" = 3 ]; }
	within 20 'it is back' are_three
done
on "$asked" exec "$id" sh -c '>/tmp/end'
wait $running
is 'the exec has ended with its own code' $? 9
is 'and all it said has come' "$(cksum <"$lab/exec")" "$(seq 0 "$(tail -n 1 "$lab/exec" | command cut -d' ' -f2)" | sed 's/^/here /' | cksum)"
stop_following
for file in moved moved.docker; do
	for name in w1 "$asked"; do is_whole "$lab/$file" @$name "$file: nothing of $name is missing, nothing comes twice"; done
	is "$file: nothing was said of w1" "$(grep -c '@w1 .*incomplete' "$lab/$file.err")" 0
done

# --- nobody takes what comes --------------------------------------------------------------------------------------
peak() { awk '/^VmHWM/ { print $2 }' "/proc/$(agent_of "$1")/status"; }
before_asked=$(peak "$asked") before_node=$(peak w1)
{ "$binary" -H "$socket" exec "$id" dd if=/dev/zero bs=65536 count=1600 | { head -c 1; await 300 test -e "$lab/open"; cat; } | wc -c >"$lab/taken"; } 2>/dev/null & client=$!
written() { awk '/^wchar/ { print $2 }' "/proc/$(on "$asked" top "$id" | awk '/dd if/ { print $2 }')/io"; }
stands_still() { local before; before=$(written) && [ "$before" -gt 0 ] && sleep 1 && [ "$before" = "$(written)" ]; }
within 20 'a process whose output nobody takes has to wait' stands_still
>"$lab/open"
wait $client
is 'all of it comes in the end' "$(cat "$lab/taken")" $((65536 * 1600))
{ head -c 20M /dev/zero; } | timeout 300 "$binary" -H "$socket" exec -i "$id" sh -c '>/tmp/begun; until [ -e /tmp/take ]; do sleep 0.1; done; wc -c' >"$lab/taken" & client=$!
within 10 'another one takes no input' on "$asked" exec "$id" sh -c '[ -e /tmp/begun ]'
fed() { awk '/^rchar/ { print $2 }' "/proc/$client/io"; }
waits_for_it() { local before; before=$(fed) && sleep 1 && [ "$before" = "$(fed)" ]; }
within 20 'its client has to wait' waits_for_it
on "$asked" exec "$id" sh -c '>/tmp/take'
wait $client
is 'all of it arrives in the end' "$(cat "$lab/taken")" $((20 << 20))
for name in "$asked" w1; do
	[ $name = w1 ] && before=$before_node || before=$before_asked
	grown=$(($(peak $name) - before))
	[ $grown -lt 8192 ] && ok "the agent of $name has not grown by it" || bad "the agent of $name has not grown by it" "$grown KiB"
done

# --- a node stands still -----------------------------------------------------------------------------------------
task=$(task_on tick w1)
follow frozen
kill -STOP "$(agent_of w1)"
timeout 60 "$binary" -H "$socket" service logs --tail 1 tick >"$lab/all" 2>"$lab/missing"
is 'the logs of the others come' "$(sed 's/.*@\([a-z0-9]*\) .*/\1/' "$lab/all" | sort -u | tr '\n' ' ')" 'm1 m2 m3 '
has 'the one that stands still is named' "$(cat "$lab/missing")" "node $(id_of w1) is not available"
within 10 'who follows is told, too' grep -q "@w1 .*| warning: incomplete log stream: node $(id_of w1) " "$lab/frozen.err"
has 'an exec there is refused' "$(timeout 60 "$binary" -H "$socket" exec "$id" true 2>&1)" 'is not available'
kill -CONT "$(agent_of w1)"
goes_on frozen 'it goes on, and so do its lines'
can_exec() { id=$(container_of "$(task_on tick w1)") && on "$asked" exec "$id" hostname; }
within 20 "a task runs there" can_exec
stop_following
for file in frozen frozen.docker; do is_whole "$lab/$file" "${task:0:12}@w1" "$file: what it said meanwhile is told, and nothing twice"; done

# --- the manager that was asked goes ------------------------------------------------------------------------------
follow last
"$binary" -H "$socket" exec "$id" sh -c 'echo there; exec sleep 777' >"$lab/exec" 2>&1 & running=$!
"$docker_client" -H "$socket" exec "$id" sh -c 'echo there; exec sleep 778' >"$lab/exec.docker" 2>&1 & running_docker=$!
for file in exec exec.docker; do within 10 'an exec runs' grep -q there "$lab/$file"; done
stop_host "$asked"
wait $ours; is 'who followed is told so by the code' $? 1
wait $theirs; is "docker's client, too" $? 1
wait $running; is 'an exec has no code' "$([ $? != 0 ]; echo $?)" 0
wait $running_docker; is "nor with docker's client" "$([ $? != 0 ]; echo $?)" 0
one_connection() { [ "$(session_at | wc -l)" = 1 ]; }
within 10 'nothing of all that stays open on the node' one_connection
start_host "$asked"
finish_hosts
