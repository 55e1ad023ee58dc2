#!/bin/bash
# Every flag that docker's client has for containers is known to ours, if only to be refused by its name; and what nobody has here is refused by its
# name to docker's client, too, with nothing half-made.
. "${0%/*}/lib.sh"
start_agent
if command -v docker >/dev/null; then
	for verb in run create exec start stop restart kill rm logs attach stats update 'container prune'; do
		flags=$(docker $verb --help | sed -nE 's/^ {2,6}(-., )?--([a-z0-9-]+).*/\2/p')
		unknown=$(for flag in $flags; do timeout 1 "$binary" $verb --$flag 2>&1 </dev/null | grep 'unknown flag'; done)
		is "$verb knows all $(wc -w <<<"$flags") flags of docker" "$unknown" ''
		[ -n "$flags" ] || bad "the walk found flags of $verb"
	done
fi
for cli in "$binary" docker; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	while read -r flag; do
		out=$("$cli" create $flag swarmbox:latest 2>&1) && bad "$who: $flag is refused" "$out"
		has "$who: ${flag%% *} is refused by name" "$out" 'supported by swarmbox yet'
	done <<-END
		--annotation a=b
		--blkio-weight 100
		--blkio-weight-device /dev/null:100
		--cgroup-parent /x
		--cgroupns host
		--cpu-rt-period 1000
		--cpu-rt-runtime 100
		--cpu-shares 5
		--cpuset-cpus 0
		--cpuset-mems 0
		--device-read-bps /dev/null:1mb
		--device-read-iops /dev/null:5
		--device-write-bps /dev/null:1mb
		--device-write-iops /dev/null:5
		--gpus all
		--ip 10.1.1.1
		--ip6 fd00::5
		--ipc host
		--isolation hyperv
		--link x
		--link-local-ip 169.254.1.1
		--mac-address 92:d0:c6:0a:29:33
		--memory-reservation 10m
		--memory-swappiness 5
		--network container:x
		--oom-kill-disable
		--pid host
		--runtime kata
		--security-opt apparmor=x
		--storage-opt size=1g
		--uts host
		--volume-driver x
	END
	id=$("$cli" create swarmbox:latest)
	while read -r flag; do
		out=$("$cli" update $flag "$id" 2>&1) && bad "$who: update $flag is refused" "$out"
		has "$who: update ${flag%% *} is refused by name" "$out" 'supported by swarmbox yet'
	done <<-END
		--blkio-weight 100
		--cpu-rt-period 1000
		--cpu-rt-runtime 100
		--cpu-shares 5
		--cpuset-cpus 0
		--cpuset-mems 0
		--memory-reservation 10m
	END
	sb rm "$id" >/dev/null
	is "$who: nothing is left of what was refused" "$(sb ps -aq)" ''
done
