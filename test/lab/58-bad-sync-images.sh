#!/bin/bash
# EIO at every sync when an image comes in (bad_sync.sh): by import, from an archive, from a registry; named error, and the next try brings it.
. "${0%/*}/lib.sh"
. "${0%/*}/bad_sync.sh"
start_agent
mkdir -p "$lab/root/bin" && cp /bin/busybox "$lab/root/bin/busybox" && ln -s busybox "$lab/root/bin/sleep"
tar -C "$lab/root" -c . >"$lab/box.tar" && sb image import "$lab/box.tar" box:1 >/dev/null
import_box() { sb image import -m "$1" "$lab/box.tar" "box:s$1"; }
has_box() { sb run --rm "box:s$1" sleep 0; }
remove_image() { sb image rm "box:s$1"; }
each 'an import' import_box has_box remove_image
sb image save box:1 >"$lab/saved.tar" && sb image rm box:1 >/dev/null
load_box() { sb image load -q -i "$lab/saved.tar"; }
has_loaded() { sb run --rm box:1 sleep 0; }
remove_loaded() { sb image rm box:1; }
each 'a load' load_box has_loaded remove_loaded
calls=syncfs own=yes each 'a load of which the child syncs' load_box has_loaded remove_loaded

# a registry that has one image, until its standard input ends
coproc registry { python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
from fake_registry import Registry
registry = Registry("127.0.0.1")
registry.put_image("box", "1", [{"bin/sleep": open("/bin/busybox", "rb").read()}])
print(registry.authority, flush=True)
sys.stdin.read()' "$top/test/lab/registry"; }
read -r -t 20 authority <&"${registry[0]}"
pull_box() { sb pull -q "$authority/box:1"; }
has_pulled() { sb run --rm "$authority/box:1" /bin/sleep 0; }
remove_pulled() { sb image rm "$authority/box:1"; }
each 'a pull' pull_box has_pulled remove_pulled
all_met data/images data/images/{index.json,layers,blobs/sha256,blobs/sha256/DIGEST,staging/ID/blob,staging/ID/blobs}
finish
