#!/bin/bash
# Containers outside of services: made, started, stopped, renamed, removed, restarted by their policies; with our own client and, where it is
# installed, with docker's. What the agent knows of them survives it.
. "${0%/*}/lib.sh"
start_agent

mkdir -p "$lab/root/bin" "$lab/root/tmp" "$lab/root/etc" "$lab/root/data" "$lab/root/www"
echo 'served' >"$lab/root/www/index.html"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo env id ls touch hostname mount true false mkfifo httpd; do ln -s busybox "$lab/root/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$lab/root/etc/passwd"
echo 'from the image' >"$lab/root/data/hello"
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sh"]' -c 'ENV FROM=image' -c 'VOLUME /data' - box:1 >/dev/null

serve='httpd -f -p 80 -h /www'
state() { sb inspect "$1" --format '{{.State.Status}}' 2>/dev/null; }
in_state() { [ "$(state "$1")" = "$2" ]; }
serves() { [ "$(curl -s "$1")" = served ]; }
logs() { sb logs "$1" 2>&1; }
volumes() { sb volume ls -q | wc -l; }
rc() { "$@" >/dev/null 2>&1; echo $?; }
# a program that waits for a signal without a child of its own
waits='trap "exit 5" TERM; trap "echo usr1" USR1; echo up; while :; do read line </pipe; done'

for cli in "$binary" docker; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	c() { "$cli" "$@"; }

	# --- the life of one ---
	id=$(c create --name life box:1 sh -c 'echo started; exit 7')
	is "$who: create gives an id" "${#id}" 64
	is "$who: it is created" "$(state life)" created
	is "$who: nothing runs for it" "$(find /sys/fs/cgroup -type d -name "$id" | wc -l)" 0
	c start life >/dev/null
	is "$who: wait tells its code" "$(c wait life)" 7
	is "$who: it has exited" "$(state life)" exited
	is "$who: its code is kept" "$(sb inspect life --format '{{.State.ExitCode}}')" 7
	is "$who: its log is kept" "$(logs life)" started
	c start life >/dev/null
	c wait life >/dev/null
	is "$who: started again it writes to the same log" "$(logs life | wc -l)" 2
	is "$who: the name is taken" "$(c create --name life box:1 2>&1 | grep -c "Conflict. The container name \"/life\" is already in use by container \"$id\"")" 1
	c rename life other
	is "$who: renamed" "$(sb ps -a --format '{{.Names}}')" other
	is "$who: a name that is none" "$(c rename other a/b 2>&1 | grep -c 'Error when allocating new name: Invalid container name (/a/b), only')" 1
	c rm other >/dev/null
	is "$who: removed" "$(sb ps -aq)" ''

	# --- running ones ---
	c run -d --name run1 -e A=b --hostname hh --label k=v box:1 sh -c 'echo $A/$FROM/$(hostname); mkfifo /pipe; '"$waits" >/dev/null
	is "$who: it runs" "$(state run1)" running
	within 5 "$who: with its environment and name" bash -c "[ \"\$('$binary' logs run1 | head -1)\" = b/image/hh ]"
	is "$who: it is not removed while it runs" "$(c rm run1 2>&1 | grep -c 'container is running: stop the container before removing or force remove')" 1
	within 5 "$who: and listens to signals" bash -c "'$binary' logs run1 | grep -q up"
	c kill -s USR1 run1 >/dev/null
	within 5 "$who: a signal reaches it" bash -c "'$binary' logs run1 | grep -q usr1"
	c stop -t 60 run1 >/dev/null
	is "$who: stopped by its own signal" "$(sb inspect run1 --format '{{.State.ExitCode}}')" 5
	c start run1 >/dev/null
	c restart -t 5 run1 >/dev/null
	is "$who: restarted it runs" "$(state run1)" running
	c kill run1 >/dev/null
	is "$who: killed" "$(c wait run1)" 137
	c rm -f run1 >/dev/null
	is "$who: gone" "$(state run1)" ''

	# --- what cannot start ---
	is "$who: run of a command that is not there" "$(rc c run -d --name no1 box:1 nosuch)" 127
	is "$who: it stays created, with the reason" "$(sb inspect no1 --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}')" \
		'created 127 exec: "nosuch": executable file not found in $PATH'
	is "$who: run of what is no program" "$(rc c run -d --rm box:1 /etc/passwd)" 126
	is "$who: run of an image that is not there" "$(rc c run -d --pull never nosuch:1)" 125
	has "$who: and says so" "$(c create --pull never nosuch:1 2>&1)" 'No such image: nosuch:1'
	has "$who: what no host of ours can do is refused by name" "$(c create --pid host box:1 2>&1)" 'not supported by swarmbox yet'
	c rm no1 >/dev/null

	# --- its end ---
	sb volume rm $(sb volume ls -q) >/dev/null 2>&1         # of those that went: some go only now
	settled() { [ "$(volumes)" = 0 ]; }
	within 5 "$who: nothing of theirs is left" settled
	before=0
	c run -d --rm --name gone box:1 true >/dev/null
	within 5 "$who: --rm removes it" bash -c "[ -z \"\$('$binary' ps -aq)\" ]"
	within 5 "$who: and its anonymous volume" settled
	is "$who: --rm and --restart exclude each other" "$(rc c run -d --rm --restart always box:1)" 125

	# --- volumes ---
	c run -d --name vol1 -v "named$who:/named" box:1 sh -c 'cat /data/hello; echo x >/named/f' >/dev/null
	c wait vol1 >/dev/null
	is "$who: a volume begins with the image's content" "$(logs vol1)" 'from the image'
	is "$who: it has two" "$(sb inspect vol1 --format '{{range .Mounts}}{{.Destination}} {{end}}' | tr ' ' '\n' | sort | xargs)" '/data /named'
	c run -d --name vol2 --volumes-from vol1:ro box:1 sh -c 'cat /named/f; touch /named/g' >/dev/null
	c wait vol2 >/dev/null
	has "$who: another one has them, too" "$(logs vol2)" x
	has "$who: but may not write" "$(logs vol2)" 'Read-only file system'
	c rm vol1 >/dev/null
	is "$who: rm leaves both" "$(volumes)" $((before + 2))
	c rm -v vol2 >/dev/null
	is "$who: rm -v takes only what is its own" "$(volumes)" $((before + 2))
	c create --name vol3 box:1 >/dev/null
	c rm -v vol3 >/dev/null
	is "$who: rm -v takes its anonymous one" "$(volumes)" $((before + 2))
	sb volume rm $(sb volume ls -q) >/dev/null

	# --- a container that is made with another one's volume while that one goes ---
	lost=0
	for round in 1 2 3 4 5 6 7 8 9 10; do
		c run -d --name from box:1 sh -c 'echo kept >/data/own' >/dev/null
		c wait from >/dev/null
		c rm -v from >/dev/null &
		going=$!
		c create --name to --volumes-from from box:1 cat /data/own >/dev/null 2>&1 && { [ "$(c start -a to)" = kept ] || lost=$((lost + 1)); }
		wait $going
		c rm -fv to >/dev/null 2>&1
	done
	is "$who: the volume stays for it" "$lost" 0
	sb volume prune -f >/dev/null

	# --- ports and networks ---
	c run -d --name web -p 8099:80 box:1 $serve >/dev/null
	within 5 "$who: its port answers" serves 127.0.0.1:8099/
	is "$who: ps shows it" "$(sb ps --format '{{.Ports}}')" '0.0.0.0:8099->80/tcp'
	has "$who: the port is taken" "$(c run -d --name web2 -p 8099:80 box:1 $serve 2>&1)" 'port is already allocated'
	is "$who: the second one does not run" "$(state web2)" created
	c stop web >/dev/null
	c start web2 >/dev/null
	within 5 "$who: it is free when the first one has stopped" serves 127.0.0.1:8099/
	c rm -f web web2 >/dev/null

	# --- on one address of the host ---
	c run -d --name one -p 127.0.0.1:8099:80 box:1 $serve >/dev/null
	c run -d --name two -p 127.0.0.2:8099:80 -p 127.0.0.2::80 -p 127.0.0.2:8200-8203:80 box:1 sh -c "rm /www/index.html; exec $serve" >/dev/null
	within 5 "$who: a port of one address answers there" serves 127.0.0.1:8099/
	serves 127.0.0.3:8099/ && bad "$who: and nowhere else"
	is "$who: ps shows the address" "$(c ps --filter name=one --format '{{.Ports}}')" '127.0.0.1:8099->80/tcp'
	is "$who: and port" "$(c port one)" '80/tcp -> 127.0.0.1:8099'
	is "$who: and inspect" "$(c inspect one --format '{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}')" \
		'{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8099"}]} {"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8099"}]}'
	has "$who: the same port of another address is another one's" "$(c port two 80)" 127.0.0.2:8099
	has "$who: of a range on an address the first free one" "$(c port two 80)" 127.0.0.2:8200
	is "$who: and the free one that was chosen" "$(c port two 80 | wc -l)" 3
	within 5 "$who: the other one answers there" bash -c "curl -s -o /dev/null -w '%{http_code}' 127.0.0.2:8099/ | grep 404"
	has "$who: the address and port are taken" "$(c run --rm -p 127.0.0.1:8099:80 box:1 true 2>&1)" 'Bind for 127.0.0.1:8099 failed: port is already allocated'
	has "$who: all addresses are taken with one" "$(c run --rm -p 8099:80 box:1 true 2>&1)" 'failed to bind host port 0.0.0.0:8099/tcp: address already in use'
	has "$who: an address that the host has not" "$(c run --rm -p 192.0.2.1:8099:80 box:1 true 2>&1)" \
		'failed to bind host port 192.0.2.1:8099/tcp: cannot assign requested address'
	has "$who: an IPv6 address" "$(c run --rm -p '[::1]:8099:80' box:1 true 2>&1)" \
		"publishing a port on an IPv6 address ('::1') is not supported by swarmbox yet: its networks have IPv4 only"
	has "$who: no address" "$(c run --rm -p 1.2.3:8099:80 box:1 true 2>&1)" 'invalid IP address: 1.2.3'
	c rm -f one two >/dev/null
	c run -d --name rng -p 8200-8203:80 box:1 $serve >/dev/null
	c run -d --name any -P --expose 80 box:1 $serve >/dev/null
	is "$who: filters know what is published" "$(c ps --filter publish=80 -q | wc -l) $(c ps --filter publish=81-90/tcp -q | wc -l) $(c ps --filter publish=80/udp -q | wc -l)" '2 0 0'
	is "$who: and exposed" "$(c ps --filter expose=70-80/tcp --format '{{.Names}}' | xargs)" 'any rng'
	is "$who: and what came before and after" "$(c ps --filter before=any --format '{{.Names}}') $(c ps --filter since=rng --format '{{.Names}}')" 'rng any'
	has "$who: a port that is none" "$(c ps --filter publish=x 2>&1)" "invalid filter 'publish=x'"
	is "$who: of a range the first free one" "$(sb ps --filter name=rng --format '{{.Ports}}')" '0.0.0.0:8200->80/tcp'
	within 5 "$who: -P finds a free port" serves "$(sb ps --filter name=any --format '{{.Ports}}' | sed 's/->.*//')/"
	c rm -f rng any >/dev/null
	c run -d --name hnet --network host box:1 sh -c 'ls /sys/class/net; hostname' >/dev/null
	c run -d --name nnet --network none box:1 sh -c 'ls /sys/class/net' >/dev/null
	c wait hnet nnet >/dev/null
	has "$who: --network host sees the host's" "$(logs hnet)" "$(hostname)"
	is "$who: --network none has only lo" "$(logs nnet)" lo
	c rm hnet nnet >/dev/null

	# --- policies ---
	c run -d --name pol1 --restart on-failure:2 box:1 sh -c 'echo try; exit 3' >/dev/null
	gives_up() { [ "$(sb inspect pol1 --format '{{.RestartCount}} {{.State.Status}}')" = '2 exited' ]; }
	within 10 "$who: on-failure:2 gives up after two, and counts them" gives_up
	is "$who: it was tried three times" "$(logs pol1 | wc -l)" 3
	c run -d --name pol2 --restart always box:1 sh -c 'echo try' >/dev/null
	within 10 "$who: always means also after success" bash -c "[ \$('$binary' logs pol2 | wc -l) -ge 3 ]"
	c stop pol2 >/dev/null
	is "$who: until a person stops it" "$(state pol2)" exited
	c rm pol1 pol2 >/dev/null

	# --- changed afterwards ---
	c create --name up1 box:1 sh -c 'exit 3' >/dev/null
	is "$who: update tells the name" "$(c update --restart on-failure:1 -m 64m --pids-limit 50 up1)" up1
	is "$who: and changes it" "$(sb inspect up1 --format '{{json .HostConfig.RestartPolicy}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}')" \
		'{"Name":"on-failure","MaximumRetryCount":1} 67108864 50'
	c start up1 >/dev/null
	tried() { [ "$(sb inspect up1 --format '{{.RestartCount}} {{.State.Status}}')" = '1 exited' ]; }
	within 10 "$who: it is restarted by its new policy" tried
	c run -d --name up2 --rm box:1 sleep 1000 >/dev/null
	# what the kernel holds it to, as it is seen from inside
	limit() { c exec up2 cat "/sys/fs/cgroup/$1" 2>/dev/null || c exec up2 cat "/sys/fs/cgroup/$2"; }
	is "$who: update of one that runs tells the name" "$(c update -m 64m --memory-swap 128m --pids-limit 50 --cpus 0.5 up2)" up2
	is "$who: its memory is limited at once" "$(limit memory.max memory/memory.limit_in_bytes)" 67108864
	is "$who: its processes too" "$(limit pids.max pids/pids.max)" 50
	has "$who: and its time" "$(limit cpu.max cpu/cpu.cfs_quota_us)" 50000
	is "$who: more memory than it had with swap" "$(c update -m 256m --memory-swap 256m up2 >/dev/null; limit memory.max memory/memory.limit_in_bytes)" 268435456
	is "$who: a limit is lifted" "$(c update --pids-limit -1 up2 >/dev/null; limit pids.max pids/pids.max)" max
	is "$who: inspect tells what holds" "$(sb inspect up2 --format '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}')" '268435456 500000000'
	has "$who: a limit that cannot be" "$(c update -m 1m up2 2>&1)" 'Minimum memory limit allowed is 6MB'
	has "$who: --rm and a policy" "$(c update --restart always up2 2>&1)" 'Restart policy cannot be updated because AutoRemove is enabled for the container'
	has "$who: a policy that is none" "$(c update --restart nonsense up1 2>&1)" "unknown policy 'nonsense'"
	has "$who: what we do not have is named" "$(c update --cpu-shares 5 up1 2>&1 | tr A-Z a-z | tr -d -)" 'cpushares'
	c rm -f up1 up2 >/dev/null

	# --- prune ---
	c create --name pr1 --label a=b box:1 >/dev/null
	c create --name pr2 box:1 >/dev/null
	c run -d --name pr3 box:1 sleep 1000 >/dev/null
	c container prune -f --filter label=a=b >/dev/null
	is "$who: prune keeps to its filter" "$(sb ps -a --format '{{.Names}}' | sort | xargs)" 'pr2 pr3'
	c run --name pr4 box:1 sh -c 'busybox head -c 7000 /dev/zero >/zeros'
	has "$who: prune tells what that frees" "$(c container prune -f)" 'Total reclaimed space: 7kB'
	is "$who: prune takes what does not run" "$(sb ps -a --format '{{.Names}}' | xargs)" pr3
	c rm -fv pr3 >/dev/null
	sb volume rm $(sb volume ls -q) >/dev/null 2>&1
done

# --- events: of names that no invented one begins with, for filters take beginnings ---
told=$(sb run -d --name zz-told --stop-timeout 1 box:1 sleep 1000)
sb rename zz-told zz-told-2 && sb stop zz-told-2 >/dev/null && sb rm zz-told-2 >/dev/null
is 'events are as docker tells them' "$(sb system events --since 1h --until 0s --filter container=zz-told --filter container=zz-told-2 --format '{{.Action}}' | xargs)" \
	'create start rename kill kill stop die destroy'
is 'its volume was mounted for it, and unmounted' "$(sb system events --since 1h --until 0s --filter type=volume \
	--format '{{.Action}} {{index .Actor.Attributes "container"}}' | sed -n "s/ $told//p" | xargs)" 'mount unmount'

# --- the agent goes and comes ---
sb run -d --name keep1 --restart unless-stopped -p 8098:80 box:1 $serve >/dev/null
sb run -d --name keep2 --restart unless-stopped box:1 sleep 1000 >/dev/null
sb run -d --name keep3 box:1 sh -c 'exit 9' >/dev/null
sb run -d --name keep4 --rm box:1 sleep 1000 >/dev/null
sb create --name keep5 -p 8097:80 box:1 $serve >/dev/null
sb stop -t 0 keep2 >/dev/null
sb wait keep3 >/dev/null
pid=$(sb inspect keep1 --format '{{.State.Pid}}')
gone=$(sb inspect keep4 --format '{{.State.Pid}}')
kill_agent
kill -9 "$gone"                         # while nobody looks
start_agent
is 'one that runs is found running' "$(sb inspect keep1 --format '{{.State.Status}} {{.State.Pid}}')" "running $pid"
within 5 'its port answers' curl -sf 127.0.0.1:8098/
is 'one that a person stopped stays stopped' "$(state keep2)" exited
is 'one that had ended keeps its code' "$(sb inspect keep3 --format '{{.State.Status}} {{.State.ExitCode}}')" 'exited 9'
within 5 'one with --rm that ended meanwhile goes' bash -c "! '$binary' inspect keep4 >/dev/null 2>&1"
is 'one that was only created is created' "$(state keep5)" created
sb start keep5 keep2 >/dev/null
within 5 'and starts' serves 127.0.0.1:8097/
stop_agent
start_agent --stop-containers
is 'a clean stop leaves them running' "$(state keep1)" running
stop_agent
start_agent
within 10 'after --stop-containers what nobody stopped comes back' in_state keep1 running
is 'and what no policy restarts does not' "$(state keep5)" exited
sb rm -fv keep1 keep2 keep3 keep5 >/dev/null
sb volume rm $(sb volume ls -q) >/dev/null 2>&1
within 5 'nothing is left' nothing_left
is 'nothing at all' "$(leftovers)" ''
