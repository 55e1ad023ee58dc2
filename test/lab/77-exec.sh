#!/bin/bash
# Processes beside a container's own: exec with and without a terminal; in containers of people and of tasks; with our own client and, where it is
# installed, docker's.
. "${0%/*}/lib.sh"
start_agent
mkdir -p "$lab/root/bin" "$lab/root/tmp" "$lab/root/etc"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo env id ls stty tty wc head dd true kill pwd grep touch; do ln -s busybox "$lab/root/bin/$name"; done
printf 'root:x:0:0:root:/:/bin/sh\nann:x:1234:77::/:/bin/sh\n' >"$lab/root/etc/passwd"
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sh"]' - box:1 >/dev/null
on_tty() { timeout 300 python3 "$top/test/lab/on_tty.py" "$@"; }
rc() { "$@" >/dev/null 2>&1; echo $?; }
events() { sb events --since 1h --until 0s --filter "container=$1" --format '{{.Action}}'; }
told() { events "$1" | grep -qx "$2"; }

for cli in ${CLIS:-"$binary" docker}; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	c() { timeout 120 "$cli" "$@"; }
	c run -d --name e1 -e A=1 -w /tmp box:1 sleep 1000 >/dev/null
	id=$(sb inspect e1 --format '{{.Id}}')

	# --- without a terminal ---
	is "$who: its output" "$(c exec e1 echo hello)" hello
	is "$who: and its error output apart" "$(c exec e1 sh -c 'echo out; echo err >&2' 2>/dev/null)" out
	is "$who: its code" "$(rc c exec e1 sh -c 'exit 42')" 42
	is "$who: input, and its end" "$(echo some words | c exec -i e1 wc -w)" 2
	is "$who: no input without -i" "$(echo some words | c exec e1 wc -w)" 0
	is "$who: a lot goes through unharmed" "$(head -c 3000000 /dev/zero | c exec -i e1 cat | wc -c)" 3000000
	is "$who: the container's environment and folder" "$(c exec e1 sh -c 'echo $A; pwd')" "$(printf '1\n/tmp')"
	is "$who: others, given" "$(c exec -e A=2 -e B=3 -w /etc e1 sh -c 'echo $A $B; pwd')" "$(printf '2 3\n/etc')"
	printf 'C=4\n# no\nD=5\n' >"$lab/env"
	is "$who: out of a file" "$(c exec --env-file "$lab/env" e1 sh -c 'echo $C $D')" '4 5'
	is "$who: another user" "$(c exec -u ann e1 sh -c 'id -u; id -g')" "$(printf '1234\n77')"
	is "$who: by numbers" "$(c exec -u 5:6 e1 sh -c 'id -u; id -g')" "$(printf '5\n6')"
	without=$(c exec e1 grep CapEff /proc/self/status) with=$(c exec --privileged e1 grep CapEff /proc/self/status)
	is "$who: --privileged has more" "$([ $((0x${with#*:?})) -gt $((0x${without#*:?})) ]; echo $?)" 0
	is "$who: it is inside" "$(c exec e1 cat /proc/1/cmdline | tr '\0' ' ')" 'sleep 1000 '

	# --- what cannot be ---
	is "$who: a command that is not there" "$(rc c exec e1 nosuch)" 127
	is "$who: a file that is no program" "$(rc c exec e1 /etc/passwd)" 126
	has "$who: it says why" "$(c exec e1 nosuch 2>&1)" 'OCI runtime exec failed: exec failed'
	has "$who: a container that is not there" "$(c exec nosuch true 2>&1)" 'No such container: nosuch'
	has "$who: a user that is not there" "$(c exec -u nosuch e1 true 2>&1)" 'nosuch'
	has "$who: -t without a terminal" "$(echo | c exec -it e1 true 2>&1)" 'the input device is not a TTY'
	c create --name e2 box:1 true >/dev/null
	has "$who: a container that does not run" "$(c exec e2 true 2>&1)" 'is not running'
	c rm e2 >/dev/null

	# --- detached ---
	is "$who: -d says nothing" "$(c exec -d e1 sh -c 'echo $$ >/tmp/pid; exec sleep 500')" ''
	within 10 "$who: but runs" c exec e1 sh -c 'kill -0 $(cat /tmp/pid)'
	only_it() { [ "$(sb inspect e1 --format '{{len .ExecIDs}}')" = 1 ]; }
	within 10 "$who: its id is in the container's" only_it
	c exec e1 sh -c 'kill $(cat /tmp/pid)'
	within 10 "$who: until it ends" sh -c "[ \"\$('$binary' inspect e1 --format '{{.ExecIDs}}')\" = '[]' ] || [ \"\$('$binary' inspect e1 --format '{{.ExecIDs}}')\" = '<no value>' ]"

	# --- events ---
	c exec e1 true
	within 5 "$who: create is told" told e1 'exec_create: true'
	within 5 "$who: start is told" told e1 'exec_start: true'
	within 5 "$who: die is told" told e1 'exec_die'

	# --- on a terminal ---
	out=$(on_tty size:31x97 'expect:# ' 'send:stty size\n' 'expect:31 97' 'send:tty\n' 'expect:/dev/pts/' 'send:exit 3\n' -- "$cli" exec -it e1 sh)
	has "$who: a shell on a terminal of its own size" "$out" 'rc=3'
	out=$(on_tty 'expect:# ' until:17x71 'send:exit\n' -- "$cli" exec -it e1 sh)
	has "$who: the size follows" "$out" 'rc=0'
	out=$(on_tty 'expect:# ' 'send:echo x >/tmp/left; sleep 300\n' 'send:\x10\x11' -- "$cli" exec -it e1 sh)
	has "$who: the detach keys leave it" "$out" 'rc='
	within 10 "$who: and it goes on" c exec e1 sh -c '[ -e /tmp/left ]'

	# --- with the container's end everything ends ---
	timeout 30 "$cli" exec e1 sh -c 'touch /tmp/started; exec sleep 400' >/dev/null 2>&1 &
	client=$!
	within 10 "$who: it runs" c exec e1 sh -c '[ -e /tmp/started ]'
	c rm -f e1 >/dev/null
	wait $client
	is "$who: exec ends with its container" $? 137
	within 10 "$who: nothing of it is left" sh -c "[ -z \"\$('$binary' ps -aq)\" ]"
done

# --- a task's container ---
init
sb service create -d -q --name svc --entrypoint sleep box:1 1000 >/dev/null
task() { sb ps -q --filter name=svc; }
within 20 'a task runs' sh -c "'$binary' ps -q --filter name=svc | grep -q ."
is 'exec in a task' "$(sb exec -i "$(task)" sh -c 'cat; exit 4' <<<words; echo $?)" "$(printf 'words\n4')"
out=$(on_tty 'expect:# ' 'send:exit 6\n' -- "$binary" exec -it "$(task)" sh)
has 'on a terminal' "$out" 'rc=6'
# --- and what a service on a terminal writes ---
sb service create -d -q -t --name wordy --entrypoint sh box:1 -c 'echo words; sleep 1000' >/dev/null
words() { [ "$(timeout 60 "${1:-$binary}" service logs --raw wordy | od -An -c | tr -d ' \n')" = 'words\r\n' ]; }
within 20 'service logs of a terminal are as they were written' words
command -v docker >/dev/null && is 'docker sees the same' "$(words docker; echo $?)" 0
sb service rm wordy svc >/dev/null
within 20 'nothing is left' nothing_left
