#!/bin/bash
# The stories of the fetching child once more, with a binary that notices what it does wrong.
cd "${0%/*}" || exit 1
export BINARY=../../build/swarmbox-san
out=$(python3 -B registry/child.py; python3 -B registry/child_wicked.py)
echo "$out" | grep -v -e '^ok: ' -e ' passed, '
echo "$out" | awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; n++ } END { if (n != 2) f++; print p + 0 " passed, " f + 0 " failed"; exit f > 0 }'
