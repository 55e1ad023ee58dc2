#!/bin/sh
# layers.sh - compares the tree with core/LAYERS.
#
#   layers.sh             one line a violation, exit 1 if there is any
#   layers.sh closures    `room:itself,and,all,below` a line, for the Makefile
set -eu

awk_layers='
	function add(room, below,  i, n, part) {
		if (index(reach[room], " " below " ")) return
		reach[room] = reach[room] below " "
		n = split(direct[below], part, " ")
		for (i = 1; i <= n; i++) add(room, part[i])
	}
	/^#/ || /^$/ { next }
	/^</ { next }
	{ room = $1; sub(/\*?:$/, "", room); order[++rooms] = room
	  $1 = ""; direct[room] = $0 " base"; if (room == "base") direct[room] = "" }
	END { for (i = 1; i <= rooms; i++) { reach[order[i]] = " "; add(order[i], order[i]) } closures() }
'
case ${1:-} in
closures)
	awk "$awk_layers"'function closures(  i, s) {
		for (i = 1; i <= rooms; i++) {
			s = reach[order[i]]; gsub(/^ | $/, "", s); gsub(/ /, ",", s); print order[i] ":" s } }' core/LAYERS
	exit ;;
esac
