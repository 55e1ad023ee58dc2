#!/bin/bash
# The API by hand: requests that no client of ours would send, replies read byte by byte (raw/).
. "${0%/*}/lib.sh"
start_agent
while read -r line; do
	case $line in
	'ok: '*) ok "${line#ok: }" ;;
	'FAIL: '*) bad "${line#FAIL: }" ;;
	*' passed, '*' failed') verdict=$line ;;
	*) echo "$line" ;;
	esac
done < <(timeout 1000 python3 -B "$top/test/lab/raw/run.py" "$run/swarmbox.sock" "$agent" 2>&1)
is 'it came to its end' "${verdict:+yes}" yes
answers >/dev/null || bad 'the agent has survived it'
await 5 nothing_left
is 'nothing is left' "$(leftovers)" ''
