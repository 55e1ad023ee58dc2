#!/bin/bash
# A disk that is full at any point. The data root is a file system that is given 0, 1, 2 … pages of room, then as many inodes, so that each time another
# write, file or folder is the first that finds none. What is refused says why and leaves nothing; what was accepted runs, or says why not; with room again
# everything goes on without help.
. "${0%/*}/lib.sh"
mkdir -p "$data" "$lab/root/bin" "$lab/small"
mount -t tmpfs -o size=64m,nr_inodes=20000 data "$data"
plenty() { mount -o remount,size=64m,nr_inodes=20000 "$data"; }
# room PAGES INODES: no more than that; tried again when somebody writes at the same time
room() {
	local pages free inodes free_inodes
	for _ in 1 2 3 4 5; do
		read -r pages free inodes free_inodes < <(stat -f -c '%b %f %c %d' "$data")
		mount -o "remount,size=$(((pages - free + $1) * 4096)),nr_inodes=$((inodes - free_inodes + $2))" "$data" 2>/dev/null && return
	done
	bad "the data root can be made small" "$pages $free $inodes $free_inodes"
}
start_agent && init
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep echo cat; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
echo small >"$lab/small/file"
tar -C "$lab/small" -c . >"$lab/small.tar"
sb service create -d -q --name neighbour --stop-grace-period 100ms box:1 sleep 1000 >/dev/null
within 10 'a neighbour runs' runs neighbour 1/1
neighbour=$(sb ps -q)
# what does not name it; docker's last line only says which container it was
names() { grep -v -e '^$' -e '^Error: failed to start containers: ' -e 'No space left on device' -e 'disk full' -e 'is full'; }
images() { find "$data/images" | wc -l; }

# steps WHAT UNIT COUNT MAKE CHECK UNDO: MAKE N with N units of room, then with plenty if it was refused; CHECK N must come true; UNDO N
steps() {
	local what=$1 unit=$2 count=$3 make=$4 check=$5 undo=$6 refused=0 accepted=0 unnamed='' stuck='' answer errors
	for ((n = 0; n < count; n++)); do
		if [ "$unit" = pages ]; then room "$n" 10000; else room 10000 "$n"; fi
		if answer=$($make "$n" 2>&1); then
			accepted=$((accepted + 1))
			[ "$what" != services ] || PATIENCE=1 await 1 "$check" "$n"
			plenty
		else
			refused=$((refused + 1))
			unnamed+=$(names <<<"$answer")
			plenty
			await 10 "$make" "$n" || stuck+=" $n"
		fi
		await 20 "$check" "$n" || stuck+=" $n"
		if [ "$what" = services ]; then
			errors=$(sb service ps "full$n" --no-trunc --format '{{.Error}}')
			unnamed+=$(names <<<"$errors")
			[[ $errors != *'No space left'* ]] || refused=$((refused + 1))
		fi
		$undo "$n" >/dev/null 2>&1 || stuck+=" $n"
	done
	is "$what, $unit: every refusal and every failure names the full disk" "$unnamed" ''
	is "$what, $unit: with room again all of them are made, without help" "$stuck" ''
	[ $refused -gt 0 ] && [ $accepted -gt 0 ] && ok "$what, $unit: there was too little room at first, then enough" ||
		bad "$what, $unit: there was too little room at first, then enough" "$refused refused, $accepted accepted"
}

make_service() { sb service create -d -q --name "full$1" --restart-delay 100ms --stop-grace-period 100ms --mount source="v$1",target=/v box:1 \
	sh -c 'echo up; echo kept >/v/file; sleep 1000'; }
check_service() { runs "full$1" 1/1; }
undo_service() { sb service rm "full$1" && await 10 only_neighbour && sb volume rm "v$1"; }
only_neighbour() { [ "$(sb ps -aq)" = "$neighbour" ]; }
make_container() { sb rm -f "full$1" >/dev/null 2>&1; sb create --name "full$1" box:1 echo hello >/dev/null && sb start "full$1"; }
check_container() { [ "$(sb wait "full$1")" = 0 ]; }
undo_container() { sb rm "full$1"; }
make_image() { sb image import "$lab/small.tar" "small$1:1"; }
check_image() { [ "$(sb image ls -q "small$1" | wc -l)" = 1 ]; }
undo_image() { sb image rm "small$1:1"; }
make_volume() { sb volume create "full$1"; }
check_volume() { [ -d "$data/volumes/full$1/_data" ]; }
undo_volume() { sb volume rm "full$1"; }

before=$(images)
steps services pages 16 make_service check_service undo_service
steps services inodes 14 make_service check_service undo_service
steps containers inodes 12 make_container check_container undo_container
steps images pages 10 make_image check_image undo_image
steps images inodes 10 make_image check_image undo_image
steps volumes inodes 4 make_volume check_volume undo_volume
is 'no file of an image is left' "$(images)" "$before"
is 'the neighbour was not touched' "$(sb ps -q --no-trunc | cut -c1-12)" "$neighbour"
is 'nor the agent' "$(kill -0 "$agent" && echo lives)" lives
kill_agent; start_agent
is 'after a crash what was acknowledged is there, and nothing else' "$(sb service ls --format '{{.Name}}'; sb volume ls -q)" neighbour
is 'the neighbour is still the same' "$(sb ps -q)" "$neighbour"
sb service rm neighbour >/dev/null
within 10 'all go' no_containers
kill "$agent"; wait "$agent" 2>/dev/null; agent=
"$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge >>"$lab/agent.log" 2>&1
is 'nothing is left' "$(find "$data" -mindepth 1)" ''
umount -l "$data"
