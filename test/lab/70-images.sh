#!/bin/bash
# Images that others made, by the tools they use: nginx from Debian's packages (glibc) packed by umoci and skopeo, a static program on musl; in, running,
# out again, and into other people's tools. With both command lines.
. "${0%/*}/lib.sh"
root=$top/build/lab/nginx
for tool in umoci skopeo zstd; do command -v $tool >/dev/null || { bad "$tool is installed"; exit; }; done
[ -e "$root/.made" ] || { bad 'the root file system with nginx is there'; exit; }
docker=$(command -v docker) || docker=
dk() { if [ -n "$docker" ]; then "$docker" "$@"; else sb "$@"; fi; }
cd "$lab" || exit
export XDG_RUNTIME_DIR=$lab
copy() { skopeo copy --insecure-policy -q "$@"; }

# nginx in two layers: its files, and a change that takes some of them away again
umoci init --layout oci && umoci new --image oci:nginx && umoci unpack --image oci:nginx bundle >/dev/null 2>&1
cp -a "$root/." bundle/rootfs/ && umoci repack --image oci:nginx bundle >/dev/null 2>&1 && rm -r bundle
umoci config --image oci:nginx --config.cmd /usr/sbin/nginx --config.exposedports 80 --config.label team=lab
umoci unpack --image oci:nginx bundle >/dev/null 2>&1
sed -i 's/return 200 .*"/return 200 "hello from a layer\\n"/' bundle/rootfs/etc/nginx/nginx.conf
rm -r bundle/rootfs/usr/share/nginx bundle/rootfs/etc/nginx/koi-utf && mkdir bundle/rootfs/usr/share/nginx && echo new >bundle/rootfs/usr/share/nginx/new  # a folder in place of another: opaque
umoci repack --image oci:nginx --history.created_by 'change the page' bundle >/dev/null 2>&1 && rm -r bundle
# a static program on musl: our own binary, which is one
mkdir -p bundle/rootfs && umoci new --image oci:musl && umoci insert --image oci:musl "$binary" /bin/whoami-server >/dev/null 2>&1
umoci config --image oci:musl --config.cmd /bin/whoami-server --config.cmd whoami
copy oci:oci:nginx docker-archive:docker.tar:nginx:docker
copy oci:oci:nginx oci-archive:oci.tar:nginx:oci
copy --dest-compress-format zstd oci:oci:nginx oci:zstd:nginx:zstd && tar -C zstd -cf zstd.tar .
copy oci:oci:musl docker-archive:musl.tar:example.org/team/musl:1
gzip -1 -k docker.tar && zstd -q oci.tar
digest_of() { skopeo inspect --raw "$1" | sha256sum | cut -d' ' -f1; }
is 'umoci and skopeo packed what they should' "$(ls docker.tar oci.tar zstd.tar musl.tar docker.tar.gz oci.tar.zst 2>&1 | wc -l)" 6

start_agent && init
is 'a docker-archive of skopeo is loaded' "$(sb load -i docker.tar 2>&1)" 'Loaded image: nginx:docker'
is 'an OCI archive is loaded, with docker'"'"'s own client' "$(dk load -i oci.tar 2>&1)" 'Loaded image: nginx:oci'
is 'one whose layers are zstd, from a pipe' "$(cat zstd.tar | dk image load 2>&1)" 'Loaded image: nginx:zstd'
is 'a gzipped archive' "$(sb load -q <docker.tar.gz 2>&1)" 'Loaded image: nginx:docker'
is 'a zstd archive' "$(sb image load --input oci.tar.zst 2>&1)" 'Loaded image: nginx:oci'
is 'a static image' "$(dk load -i musl.tar 2>&1)" 'Loaded image: example.org/team/musl:1'
is 'all makes of nginx are one image' "$(sb images nginx -q | sort -u | wc -l)" 1
# ages are told in seconds: between the two looks one may go by
lists_alike() { [ "$(dk images --digests --no-trunc)" = "$(sb images --digests --no-trunc)" ]; }
within 5 'both clients list the same' lists_alike
is 'its history is told' "$(sb history nginx:oci --format '{{.CreatedBy}}' | head -n 1)" 'change the page'
tell_alike() { [ "$(dk history --no-trunc nginx:oci)" = "$(sb history --no-trunc nginx:oci)" ]; }
within 5 'both clients tell the same history' tell_alike
is 'labels are there' "$(sb images -q --filter label=team=lab | sort -u | wc -l)" 1

answer() { python3 -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:$1/', timeout=60).read().decode().strip().split(chr(10))[0])" 2>/dev/null; }
answers_so() { [[ $(answer "$1") == $2 ]]; }   # PORT PATTERN
port=8081
for name in nginx:docker nginx:oci nginx:zstd; do
	sb service create -d -q --name "s$port" -p "$port:80" "$name" >/dev/null
	within 20 "$name runs" runs "s$port" 1/1
	within 10 "$name answers" answers_so $port 'hello from a layer'
	port=$((port + 1))
done
sb service create -d -q --name musl -p 8090:80 example.org/team/musl:1 /bin/whoami-server whoami >/dev/null
within 20 'the static image runs' runs musl 1/1
within 10 'the static image answers' answers_so 8090 '*:*'
pid=$(for p in /proc/[0-9]*; do case $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null) in 'nginx: master'*) echo "${p#/proc/}"; break ;; esac; done)
is 'what a layer took away is gone, what it brought is there' "$(ls /proc/"$pid"/root/usr/share/nginx 2>&1)/$(ls /proc/"$pid"/root/etc/nginx | grep -c koi-utf)" 'new/0'

ageless() { sed -E 's/(Less than a second|About a minute|[0-9]+ (second|minute)s?)/AGE/g' | tr -s ' '; }
is 'both clients say the same of the disk' "$({ dk system df; dk system df -v; } | ageless)" "$({ sb system df; sb system df -v; } | ageless)"
is 'four containers of two images' "$(sb system df --format '{{.Type}} {{.Active}}' | head -n 2 | tr '\n' ' ')" 'Images 2 Containers 4 '

ask() { python3 -c 'import http.client, socket, sys
c = http.client.HTTPConnection("x"); c.sock = socket.socket(socket.AF_UNIX); c.sock.connect(sys.argv[1]); c.request("GET", sys.argv[2]); print(c.getresponse().read().decode())' "$run/swarmbox.sock" "$1"; }
has 'one kind alone can be asked for' "$(ask '/system/df?type=volume')" '{"Containers":[],"Volumes":['
has 'a kind that is none is refused' "$(ask '/system/df?type=disk')" '"unknown object type: disk"'

# out again
is 'a terminal gets no archive' "$(script -qec "$binary save nginx:oci" /dev/null 2>&1 </dev/null | tr -d '\r' | tail -n 1)" 'cowardly refusing to save to a terminal. Use the -o flag or redirect'
sb save -o saved.tar nginx:oci && dk save -o saved2.tar nginx:oci
is 'both clients save the same bytes' "$(sha256sum <saved.tar)" "$(sha256sum <saved2.tar)"
pinned=$(sb images --digests --format '{{.Digest}}' nginx:oci)
is 'skopeo reads the digest we tell' "sha256:$(digest_of oci-archive:saved.tar)" "$pinned"
copy docker-archive:saved.tar:nginx:oci docker-archive:again.tar:nginx:again && copy oci-archive:saved.tar oci:layout:x
is 'skopeo reads it as a docker-archive too' "$(sb load -i again.tar 2>&1)" 'Loaded image: nginx:again'
umoci unpack --image layout:x unpacked >/dev/null 2>&1
is 'umoci unpacks what we save' "$(cat unpacked/rootfs/usr/share/nginx/new 2>&1)" new
id=$(sb images -q --no-trunc nginx:oci)
has 'the built-in image is not saved' "$(sb save swarmbox 2>&1 >/dev/null)" "each host's own binary"
for s in s8081 s8082 s8083 musl; do sb service rm $s >/dev/null; done
within 20 'removed' no_containers
sb rmi $(sb images nginx --format '{{.Repository}}:{{.Tag}}') >/dev/null
is 'nothing of nginx is left' "$(sb images -q nginx)" ''
is 'it comes back with the same id' "$(dk load -qi saved.tar >/dev/null 2>&1; sb images -q --no-trunc nginx:oci)" "$id"
is 'and the same digest' "$(sb images --digests --format '{{.Digest}}' nginx:oci)" "$pinned"
has 'a list of makes without ours is refused' "$(sb load --platform linux/riscv64 -i saved.tar 2>&1)" 'does not match the specified platform: wanted linux/riscv64, actual: linux/amd64'
printf 'no archive at all, however long it may be' >junk
is 'junk is refused in one line' "$(dk load -i junk 2>&1)" 'Error response from daemon: not a tar archive: it ends in its first header'

# a layer that puts a file into a folder without listing the folder: that stays what the layer below says it is
python3 - <<'PY'
import hashlib, io, json, tarfile
def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, type, mode, owner, data in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid, entry.size = type, mode, owner, owner, len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
layers = [layer(("bin/busybox", tarfile.REGTYPE, 0o755, 0, open("/bin/busybox", "rb").read()), ("var", tarfile.DIRTYPE, 0o711, 0, b""),
                ("var/lib", tarfile.DIRTYPE, 0o755, 0, b""), ("var/lib/x", tarfile.DIRTYPE, 0o700, 33, b"")),
          layer(("var/lib/x/new", tarfile.REGTYPE, 0o600, 33, b"new"))]
config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"User": "33"}, "rootfs": {
    "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(one).hexdigest() for one in layers]}}).encode()
manifest = json.dumps([{"Config": "config", "RepoTags": ["unlisted:1"], "Layers": ["0", "1"]}]).encode()
with tarfile.open("unlisted.tar", "w") as tar:
    for name, data in (("config", config), ("0", layers[0]), ("1", layers[1]), ("manifest.json", manifest)):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
PY
sb load -q -i unlisted.tar >/dev/null
is 'a folder that a layer does not list keeps owner and mode' "$(sb run --rm unlisted:1 /bin/busybox stat -c '%a %u:%g' /var /var/lib /var/lib/x | xargs)" '711 0:0 755 0:0 700 33:33'
is 'so its owner can use it' "$(sb run --rm unlisted:1 /bin/busybox sh -c 'cd /var/lib/x && cat new && echo -more >>new && cat new')" "$(printf 'newnew-more')"
sb rmi unlisted:1 >/dev/null

# cleaning up
sb tag nginx:oci keep:1 && sb rmi nginx:oci >/dev/null
has 'prune leaves what has a name' "$(sb image prune -f)" 'Total reclaimed space: 0B'
has 'prune of all takes what no container uses' "$(dk image prune -af)" 'untagged: keep:1'
is 'only the built-in image is left' "$(sb images --format '{{.Repository}}')" swarmbox
blobs() { [ "$(ls "$data/images/blobs/sha256" | wc -l)/$(ls "$data/images/layers" | wc -l)/$(ls "$data/images/staging" | wc -l)" = 0/1/0 ]; }
within 10 'and nothing of the others on disk' blobs
finish
