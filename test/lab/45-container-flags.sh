#!/bin/bash
# What a service's flags ask of its containers, seen from inside of them; asked with Docker's own client, where it is installed, and with ours.
. "${0%/*}/lib.sh"
start_agent && init

id=$(sb service create -d -q --replicas 0 swarmbox:latest)
has 'a service without a name is given one' "$(sb service inspect "$id" --format '{{.Spec.Name}}')" '_'
sb service rm "$id" >/dev/null

mkdir -p "$lab/root/bin" "$lab/root/tmp" "$lab/root/etc" "$lab/root/data"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat grep id ulimit echo hostname touch; do ln -s busybox "$lab/root/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$lab/root/etc/passwd"
printf 'root:x:0:\naudio:x:63:\n' >"$lab/root/etc/group"
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null

tell='s() { grep "^$1:" /proc/self/status | grep -o "[0-9a-fx]*\$"; }
echo caps=$(s CapEff) nnp=$(s NoNewPrivs) seccomp=$(s Seccomp)
echo files=$(ulimit -n)/$(ulimit -Hn) oom=$(cat /proc/self/oom_score_adj) groups=$(id -G)
echo sysctl=$(cat /proc/sys/net/core/somaxconn) links=$(echo $(ls /sys/class/net))
touch /x 2>/dev/null && echo root=rw || echo root=ro
cat /etc/hosts /etc/resolv.conf
echo told; sleep 1000'
told() { sb service logs --raw "$1" 2>/dev/null | grep -qx told; }
seen() { sb service logs --raw "$1" 2>/dev/null; }

# Docker's client lists its flags; ours knows each of them, if only to refuse it by its name.
for verb in create update; do
	command -v docker >/dev/null || continue
	flags=$(docker service $verb --help | sed -nE 's/^ {2,6}(-., )?--([a-z-]+).*/\2/p')
	unknown=$(for flag in $flags; do sb service $verb --$flag 2>&1 | grep 'unknown flag'; done)
	is "service $verb knows all $(echo "$flags" | wc -l) flags of docker" "$unknown" ''
	[ "$(echo "$flags" | wc -l)" -gt 60 ] || bad 'the walk found the flags' "$flags"
done

for client in "$binary" docker; do
	command -v "$client" >/dev/null || continue
	who=$(basename "$client")
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name plain box:1 sh -c "$tell" >/dev/null
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name flags --cap-drop ALL --cap-add net_admin --ulimit nofile=100:200 --sysctl net.core.somaxconn=77 \
		--group audio --group 44 --read-only --oom-score-adj 300 --host db:10.1.2.3 --host out:host-gateway --dns 10.9.8.7 --dns-search lan.test \
		--dns-option ndots:3 --mount type=tmpfs,target=/tmp box:1 sh -c "$tell" >/dev/null
	within 10 "$who: a service with no flags tells what it sees" told plain
	within 10 "$who: a service with many tells too" told flags
	has "$who: Docker's fourteen capabilities" "$(seen plain)" 'caps=00000000a80425fb'
	has "$who: only the capability that was added" "$(seen flags)" 'caps=0000000000001000'
	has "$who: limits, soft and hard" "$(seen flags)" 'files=100/200 oom=300 groups=0 44 63'
	has "$who: a sysctl" "$(seen flags)" 'sysctl=77'
	has "$who: the root is writable" "$(seen plain)" 'root=rw'
	has "$who: and read-only when asked" "$(seen flags)" 'root=ro'
	has "$who: an entry in /etc/hosts" "$(seen flags)" '10.1.2.3	db'
	has "$who: the host as seen from inside" "$(seen flags)" "$(sb network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')	out"
	has "$who: a name server" "$(seen flags)" 'nameserver 10.9.8.7'
	has "$who: a search domain and an option" "$(seen flags)" 'search lan.test
options ndots:3'
	"$client" service update -d -q --no-resolve-image --cap-add KILL --ulimit-rm nofile --ulimit-add core=5 --sysctl-rm net.core.somaxconn --group-rm audio \
		--group-add 45 --read-only=false --oom-score-adj 0 --host-rm db --dns-rm 10.9.8.7 --dns-add 10.9.8.6 --dns-search-rm lan.test \
		--dns-option-add edns0 flags >/dev/null
	changed() { [ "$(seen flags | grep -cx told)" = 2 ]; }
	within 15 "$who: an update replaces the task" changed
	has "$who: capabilities after the update" "$(seen flags)" 'caps=0000000000001020'
	has "$who: groups after the update" "$(seen flags)" 'groups=0 44 45'
	has "$who: the spec has what is left" "$(sb service inspect flags --format '{{json .Spec.TaskTemplate.ContainerSpec}}')" \
		'"Hosts":["host-gateway out"],"DNSConfig":{"Nameservers":["10.9.8.6"],"Options":['
	sb service rm plain flags >/dev/null
	within 10 "$who: they go" no_containers

	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name outside --network host box:1 sh -c "$tell" >/dev/null
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name alone --network none box:1 sh -c "$tell" >/dev/null
	within 10 "$who: a service on the host's network" told outside
	within 10 "$who: a service on none" told alone
	has "$who: it sees the links of the host" "$(seen outside)" "$(ip -o link show type bridge | cut -d: -f2 | tr -d ' ')"
	has "$who: the other only its own loopback" "$(seen alone)" ' links=lo
'
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name pretty --label a=1 --cap-drop ALL --ulimit nofile=5:6 --sysctl net.core.somaxconn=7 \
		--log-driver json-file --log-opt max-size=1m --network bridge --health-retries 4 -p 8080:80 --limit-pids 9 --replicas 0 box:1 >/dev/null
	await 5 bash -c "'$binary' service inspect pretty --format '{{json .Endpoint.Ports}}' | grep -q 8080"    # they are given a moment later
	[ "$who" = docker ] && is "both clients print it alike" "$(sb service inspect --pretty pretty)" "$(docker service inspect --pretty pretty)"
	sb service rm pretty >/dev/null
	is "$who: pretty names the network" "$(sb service inspect --pretty outside | grep '^Networks:')" 'Networks: host '
	"$client" service update -d -q --no-resolve-image --network-rm host --network-add none outside >/dev/null
	moved() { seen outside | grep -q ' links=lo$'; }
	within 15 "$who: an update moves it" moved
	has "$who: a network that is not there" "$("$client" service create -d -q --network nowhere box:1 2>&1)" 'network nowhere not found'
	sb service rm outside alone >/dev/null
	within 10 "$who: these go too" no_containers

	"$client" service create -d -q --no-resolve-image --name init --init box:1 sh -c 'echo pid=$$ one=$(cat /proc/1/comm); echo told; sleep 1000' >/dev/null
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name tty --tty box:1 sh -c '[ -t 1 ] && echo terminal; echo told; sleep 1000' >/dev/null
	within 10 "$who: a service with an init" told init
	has "$who: runs its program under it" "$(seen init)" 'pid=' && [[ $(seen init) != *pid=1\ * ]] && ok "$who: which is not pid 1" || bad "$who: which is not pid 1" "$(seen init)"
	terminal() { seen tty | grep -q terminal; }
	within 10 "$who: a service with a terminal has one" terminal
	sb service rm init >/dev/null
	only_tty() { [ "$(sb ps -aq | wc -l)" = 1 ]; }
	within 5 "$who: the init hands the stop signal on, so that it ends at once" only_tty
	sb service rm tty >/dev/null
	within 10 "$who: both go" no_containers

	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name quiet --log-driver none box:1 sh -c "echo heard; sleep 1000" >/dev/null
	"$client" service create -d -q --no-resolve-image --stop-grace-period 100ms --name small --log-driver json-file --log-opt max-size=1k --log-opt max-file=2 box:1 \
		sh -c 'i=0; while [ $i -lt 100 ]; do echo line $i of many; i=$((i+1)); done; echo told; sleep 1000' >/dev/null
	within 10 "$who: without a log it runs" runs quiet 1/1
	within 10 "$who: with a small log it tells" told small
	is "$who: nothing is kept of the first" "$(seen quiet | grep -c heard)" 0
	log=$(sb inspect "$(sb ps -q --filter name=small)" --format '{{.LogPath}}')
	is "$who: the second has two files of at most 1k" "$(find "${log%/*}" -name "$(basename "$log")*" -size -3 | wc -l)" 2
	sb service rm quiet small >/dev/null
	within 10 "$who: all is gone" no_containers
done
