#!/bin/sh
# gate.sh READELF BINARY - what may leave the house: one file that needs nothing of the host.
set -eu

readelf=$1 binary=$2
limit=3000000
refuse() { echo "gate: $binary: $*" >&2; exit 1; }

headers=$($readelf -lW "$binary")
case $headers in *INTERP*) refuse "asks for an interpreter" ;; esac
needed=$($readelf -dW "$binary" | sed -n 's/.*(NEEDED)[^[]*//p' | tr '\n' ' ')
[ -z "$needed" ] || refuse "needs shared libraries: $needed"
# musl's static start-up applies relative relocations and silently skips all others
strange=$($readelf -rW "$binary" | awk '$1 ~ /^[0-9a-f]+$/ && $3 ~ /^R_/ && $3 !~ /_RELATIVE$/ { print $3 }' | sort -u | tr '\n' ' ')
[ -z "$strange" ] || refuse "has relocations other than relative ones: $strange"
size=$(wc -c <"$binary")
[ "$size" -le $limit ] || refuse "$size bytes, the limit is $limit"
