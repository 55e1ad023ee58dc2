#!/bin/bash
# An image with a layer of 1 GB goes through an agent that may use 64 MB of memory: loaded as it is, gzipped and as zstd, run, saved, loaded again.
# Everything the agent starts for that counts: it is all in one memory cgroup.
. "${0%/*}/../lab/lib.sh"
for tool in skopeo umoci zstd; do command -v $tool >/dev/null || { bad "$tool is installed"; exit; }; done
limit=$((64 << 20))
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then group=/sys/fs/cgroup/swarmbox-large-$$ max=memory.max peak=memory.peak
else group=/sys/fs/cgroup/memory/swarmbox-large-$$ max=memory.limit_in_bytes peak=memory.max_usage_in_bytes; fi
mkdir "$group" && echo $limit >"$group/$max" || { bad 'a memory cgroup is there'; exit; }
[ ! -e "$group/memory.memsw.limit_in_bytes" ] || echo $limit >"$group/memory.memsw.limit_in_bytes"
[ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
end() { [ -z "$agent" ] || { kill "$agent" 2>/dev/null; wait "$agent" 2>/dev/null; agent=; }; rmdir "$group"; finish; }
trap end EXIT
cd "$lab" || exit
export XDG_RUNTIME_DIR=$lab

# Half of it does not shrink, half of it does.
mkdir -p root/bin && cp "$binary" root/bin/server && head -c 500000000 /dev/urandom >root/noise && head -c 500000000 /dev/zero >root/zeros
tar -C root -cf layer.tar . && sum=$(sha256sum <root/noise) && rm -r root
diff=$(sha256sum <layer.tar | cut -d' ' -f1)
printf '{"os":"linux","architecture":"amd64","config":{"Cmd":["/bin/server","whoami"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$diff" >config.json
printf '[{"Config":"config.json","RepoTags":["large:docker"],"Layers":["layer.tar"]}]' >manifest.json
tar -cf large.tar config.json layer.tar manifest.json && rm layer.tar
skopeo copy --insecure-policy -q docker-archive:large.tar oci-archive:gzip.tar:large:gzip
skopeo copy --insecure-policy -q --dest-compress-format zstd docker-archive:large.tar oci:zdir:large:zstd && tar -C zdir -cf zstd.tar . && rm -r zdir

"$BASH" -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$binary" agent --data-root "$data" --run-root "$run" --log-level info >"$lab/agent.log" 2>&1 &
agent=$!
await 20 answers || { bad 'the agent starts'; exit; }
init
took() { local start=$SECONDS; "$@"; echo "   $((SECONDS - start)) s" >&2; }
for kind in docker gzip zstd; do
	file=$kind.tar; [ $kind != docker ] || file=large.tar
	is "a layer of 1 GB is loaded ($kind)" "$(took sb load -i $file 2>&1 | grep -v ' s$')" "Loaded image: large:$kind"
	sb service create -d -q --name "$kind" -p 8081:80 "large:$kind" >/dev/null
	within 30 "it runs ($kind)" runs "$kind" 1/1
	id=$(sb ps -q --no-trunc | head -n 1)
	is "its content is what was packed ($kind)" "$(sha256sum <"$(find "$data/images/layers" -maxdepth 3 -name noise)")" "$sum"
	is "it is of the size it should be ($kind)" "$(sb images --format '{{.Size}}' "large:$kind")" 1GB
	sb service rm "$kind" >/dev/null
	within 30 "removed ($kind)" no_containers
	is "saved and loaded it has the same id ($kind)" "$(took sb save "large:$kind" >saved.tar; was=$(sb images -q --no-trunc "large:$kind"); sb rmi "large:$kind" >/dev/null
		took sb load -qi saved.tar >/dev/null; [ "$(sb images -q --no-trunc "large:$kind")" = "$was" ] && echo same)" same
	sb rmi "large:$kind" >/dev/null
	swept() { [ -z "$(ls "$data/images/blobs/sha256" "$data/images/staging" | grep -v :)" ]; }
	within 30 "swept ($kind)" swept
done
has 'the agent was in its cgroup all the time' "$(cat "/proc/$agent/cgroup")" "/${group##*/}"
echo "   peak of the cgroup, page cache included: $(($(cat "$group/$peak") >> 20)) MB; agent: $(awk '/VmHWM/ { print $2 }' "/proc/$agent/status") kB"
is 'nobody was killed for want of memory' "$(grep -c 'ended by signal' "$lab/agent.log")/$(awk '/oom_kill / { print $2 }' "$group/memory.oom_control" "$group/memory.events" 2>/dev/null)" 0/0
