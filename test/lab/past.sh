# past.sh - a container that says a thousand lines, half a line, and after a word its other half and a thousand more; and clients who want all of it.
# Sourced behind lib.sh.
#
#	sh -c "$two_halves"             what runs in it: goes on when /tmp/go is there, ends with /tmp/end
#	told SOCKET ID STREAM           attach with logs=1; stream 0: only what was said before
#	plain FILE TTY                  a sum of what a client got
#	whole_sum                       of what he is to get
two_halves='seq 0 999; printf begun; until [ -e /tmp/go ]; do sleep 0.1; done; echo -done; seq 1000 1999; until [ -e /tmp/end ]; do sleep 0.1; done'
told() { timeout 300 curl -sN -X POST --unix-socket "${1#unix://}" "http://d/v1.43/containers/$2/attach?logs=1&stream=$3&stdout=1&stderr=1"; }
frames() { python3 -c 'import sys
b = sys.stdin.buffer.read(); at = 0
while at < len(b):
    n = int.from_bytes(b[at + 4:at + 8], "big"); sys.stdout.buffer.write(b[at + 8:at + 8 + n]); at += 8 + n'; }
plain() { if [ "$2" ]; then tr -d '\r'; else frames; fi <"$1" | cksum; }
all_of() { (seq 0 999; echo begun-done; seq 1000 1999); }
whole_sum() { all_of | cksum; }
