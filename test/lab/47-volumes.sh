#!/bin/bash
# Volumes: what --opt asks, the image's content, subpaths, binds that spread or are sealed, prune; with Docker's client, where it is installed, and ours.
. "${0%/*}/lib.sh"
start_agent && init

mkdir -p "$lab/root/bin" "$lab/root/data/deep" "$lab/root/anon" "$lab/root/t"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat ls echo mount grep stat touch df; do ln -s busybox "$lab/root/bin/$name"; done
echo from-image >"$lab/root/data/deep/file"
chmod 750 "$lab/root/data"
tar -C "$lab/root" -c . | sb image import -c 'VOLUME /anon' - box:1 >/dev/null
mkdir -p "$lab/big"
cp -a "$lab/root/." "$lab/big/"
head -c 150000000 /dev/zero >"$lab/big/anon/filling"
ln "$lab/big/anon/filling" "$lab/big/data/filling"
tar -C "$lab/big" -c . | sb image import -c 'VOLUME /anon' - big:1 >/dev/null
rm -rf "$lab/big"
told() { sb service logs --raw "$1" 2>/dev/null | grep -qx told; }
seen() { sb service logs --raw "$1" 2>/dev/null; }
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }
mounted() { grep -qF " $data/volumes/$1/_data " /proc/self/mountinfo; }
not_mounted() { ! mounted "$1"; }
mkdir -p "$lab/host/sub" "$lab/host/later"
mount --bind "$lab/host" "$lab/host" && mount --make-shared "$lab/host"
echo on-host >"$lab/host/kept"

for client in "$binary" docker; do
	command -v "$client" >/dev/null || continue
	who=$(basename "$client")
	make() { "$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --restart-condition none "$@" >/dev/null; }

	is "$who: create tells the name" "$("$client" volume create --label a=1 --opt type=tmpfs --opt device=tmpfs --opt o=size=1m,mode=700 fast)" fast
	is "$who: its options" "$("$client" volume inspect fast --format '{{json .Options}}{{json .Labels}}')" \
		'{"device":"tmpfs","o":"size=1m,mode=700","type":"tmpfs"}{"a":"1"}'
	has "$who: an option nobody knows" "$("$client" volume create --opt colour=red v 2>&1)" 'create v: invalid option: "colour"'
	has "$who: half of what is needed" "$("$client" volume create --opt type=tmpfs v 2>&1)" 'create v: missing required option: "device"'
	not_mounted fast && ok "$who: nothing is mounted while nobody uses it" || bad "$who: nothing is mounted while nobody uses it"
	make --name fast --replicas 2 --mount source=fast,target=/fast box:1 sh -c 'touch /fast/x; stat -c mode=%a /fast; df -k /fast | grep -o 1024; echo told; sleep 1000'
	within 10 "$who: two tasks use it" runs fast 2/2
	within 10 "$who: and tell" told fast
	has "$who: it is what was asked for" "$(seen fast)" 'mode=700'
	has "$who: of that size" "$(seen fast)" 1024
	mounted fast && ok "$who: it is mounted once" || bad "$who: it is mounted once"
	is "$who: a used one is not removed" "$("$client" volume rm fast 2>&1 | grep -c 'volume is in use - \[')" 1
	kill_agent; start_agent
	within 10 "$who: the tasks are there after a crash of the agent" runs fast 2/2
	mounted fast && ok "$who: so is what is mounted" || bad "$who: so is what is mounted"
	sb service rm fast >/dev/null
	within 10 "$who: without users it is unmounted" not_mounted fast
	within 10 "$who: the containers go" no_containers
	"$client" volume rm fast >/dev/null

	"$client" volume create --opt type=none --opt device="$lab/host" --opt o=bind hosts >/dev/null
	make --name bound --mount source=hosts,target=/t,volume-nocopy box:1 sh -c 'cat /t/kept; echo told; sleep 1000'
	within 10 "$who: a volume that is a folder of the host" told bound
	has "$who: shows what is in it" "$(seen bound)" on-host
	sb service rm bound >/dev/null
	within 10 "$who: it is unmounted" not_mounted hosts
	within 10 "$who: it goes" no_containers
	"$client" volume rm hosts >/dev/null
	is "$who: and leaves the folder alone" "$(cat "$lab/host/kept")" on-host

	make --name nothere --mount type=volume,source=nothere,target=/t,volume-opt=type=none,volume-opt=device=/no/such,volume-opt=o=bind box:1 sleep 1000
	within 10 "$who: a device that is not there is named" says nothere 'failed to mount local volume: mount /no/such:'
	make --name odd --mount type=volume,source=odd,target=/t,volume-opt=type=nosuchfs,volume-opt=device=x box:1 sleep 1000
	within 10 "$who: a file system that the kernel has not is named" says odd "file system 'nosuchfs' is not known to this host's kernel"
	sb service rm nothere odd >/dev/null
	within 10 "$who: they go" no_containers
	"$client" volume rm nothere odd >/dev/null

	make --name filled --mount source=filled,target=/data --mount source=empty,target=/data2 --mount source=nocopy,target=/data/deep,volume-nocopy box:1 \
		sh -c 'echo a=$(cat /data/deep/file); stat -c mode=%a /data; ls /data/deep; echo told; sleep 1000'
	within 10 "$who: new volumes" told filled
	has "$who: begin with the image's content and mode" "$(seen filled)" 'mode=750'
	is "$who: but not with nocopy" "$(seen filled | grep -c from-image)" 0
	is "$who: the files are in the volume" "$(cat "$data/volumes/filled/_data/deep/file")" from-image
	sb service rm filled >/dev/null
	within 10 "$who: the containers go" no_containers

	mkdir -p "$data/volumes/filled/_data/a/b"; echo below >"$data/volumes/filled/_data/a/b/f"
	ln -sfn /etc "$data/volumes/filled/_data/out"
	ln -sfn ../../../../../../etc "$data/volumes/filled/_data/up"
	make --name sub --mount source=filled,target=/t,volume-subpath=a/b box:1 sh -c 'cat /t/f; echo told; sleep 1000'
	within 10 "$who: a subpath" told sub
	has "$who: shows that part" "$(seen sub)" below
	make --name sub2 --mount source=filled,target=/t,volume-subpath=no/such box:1 sleep 1000
	within 10 "$who: a subpath that is not there is named" says sub2 'no/such'
	make --name sub3 --mount source=filled,target=/t,volume-subpath=out box:1 sleep 1000
	within 10 "$who: a link out of the volume leads nowhere" says sub3 'cannot access path'
	make --name sub4 --mount source=filled,target=/t,volume-subpath=up box:1 sleep 1000
	within 10 "$who: nor does one that climbs" says sub4 'cannot access path'
	has "$who: .. is refused at once" "$("$client" service create -d --no-resolve-image --mount source=filled,target=/t,volume-subpath=a/../../x box:1 2>&1)" \
		'subpath must be a relative path within the volume'
	sb service rm sub sub2 sub3 sub4 >/dev/null
	within 10 "$who: all go" no_containers

	mount -t tmpfs below "$lab/host/sub"
	make --name sealed --mount type=bind,source="$lab/host",target=/t,readonly box:1 sh -c 'touch /t/sub/x || echo sub=ro; touch /t/x || echo top=ro; echo told; sleep 1000'
	make --name shallow --mount type=bind,source="$lab/host",target=/t,readonly,bind-recursive=writable box:1 \
		sh -c 'touch /t/sub/x && echo sub=rw; touch /t/x || echo top=ro; echo told; sleep 1000'
	make --name flat --mount type=bind,source="$lab/host",target=/t,bind-recursive=disabled box:1 sh -c 'grep -c " /t/sub " /proc/mounts; echo told; sleep 1000'
	make --name slave --mount type=bind,source="$lab/host",target=/t,bind-propagation=rslave box:1 \
		sh -c 'echo told; while ! grep " /t/later " /proc/mounts; do sleep 0.1; done; sleep 1000'
	make --name tmp --mount type=tmpfs,target=/t,tmpfs-size=64k,tmpfs-mode=1700 box:1 sh -c 'stat -c mode=%a /t; df -k /t | grep -o " 64 "; echo told; sleep 1000'
	for name in sealed shallow flat slave tmp; do within 10 "$who: $name runs" told $name; done
	has "$who: read-only is so for what is mounted below" "$(seen sealed)" 'sub=ro'
	has "$who: unless it is asked to stay" "$(seen shallow)" 'sub=rw'
	is "$who: the top is read-only in both" "$( (seen sealed; seen shallow) | grep -c top=ro)" 2
	has "$who: not recursive: nothing of what is below" "$(seen flat)" '0'
	mount -t tmpfs later "$lab/host/later"
	spread() { seen slave | grep -q ' /t/later '; }
	within 10 "$who: what the host mounts later comes in where the mount is a slave" spread
	umount "$lab/host/later"
	has "$who: a tmpfs has size and mode" "$(seen tmp)" 'mode=1700
 64 '
	umount "$lab/host/sub"
	sb service rm sealed shallow flat slave tmp >/dev/null
	within 10 "$who: these go" no_containers

	make --name anon --replicas 1 box:1 sh -c 'touch /anon/x; echo told; sleep 1000'
	within 10 "$who: an image that wants a volume" told anon
	anon=$("$client" volume ls -q --filter label=com.docker.volume.anonymous)
	is "$who: gets an anonymous one" "$(echo "$anon" | wc -c)" 65
	is "$who: which is in use" "$("$client" volume ls -q --filter dangling=true --filter label=com.docker.volume.anonymous | wc -l)" 0
	has "$who: prune leaves it" "$("$client" volume prune -f)" 'Total reclaimed space: 0B'
	is "$who: inspect of the container names it" "$(sb inspect "$(sb ps -q)" --format '{{(index .Mounts 0).Name}}')" "$anon"
	sb service rm anon >/dev/null
	within 10 "$who: the container goes" no_containers
	gone() { [ -z "$(sb volume ls -q --filter label=com.docker.volume.anonymous)" ]; }
	within 5 "$who: and takes it along" gone

	"$client" volume create >/dev/null
	"$client" volume create --label keep=yes kept >/dev/null
	has "$who: prune takes anonymous ones" "$("$client" volume prune -f)" 'Deleted Volumes:'
	is "$who: the others stay" "$("$client" volume ls -q | sort | tr '\n' ' ')" 'empty filled kept nocopy '
	has "$who: prune -a takes those too, but for a label" "$("$client" volume prune -af --filter label!=keep)" 'filled'
	is "$who: one is left" "$("$client" volume ls -q)" kept
	has "$who: a no" "$(echo n | "$client" volume prune -a 2>&1)" 'Are you sure you want to continue? [y/N]'
	is "$who: is a no" "$("$client" volume ls -q)" kept
	"$client" volume prune -af >/dev/null
	is "$who: none is left" "$("$client" volume ls -q)" ''

	# while the image's content is still being copied into them they are used already
	make --name slow --mount source=slow,target=/data big:1 sh -c 'ls /anon /data; echo told; sleep 1000'
	end=$((SECONDS + 10))
	pruned=$(until sb ps -q --filter name=slow. | grep -q . || [ $SECONDS -ge $end ]; do "$client" volume prune -af; done)
	within 10 "$who: a prune in the midst of a container's creation" told slow
	is "$who: takes none of its volumes" "$(seen slow | grep -c filling)$(grep -c slow <<<"$pruned")" 20
	sb service rm slow >/dev/null
	within 10 "$who: the container goes" no_containers
	sb volume rm slow >/dev/null
done
umount "$lab/host"
