#!/bin/bash
# Clients at the streams of containers: run, attach, start -a, with and without a terminal; with our own client and, where it is installed, docker's.
. "${0%/*}/lib.sh"
. "${0%/*}/past.sh"
start_agent
mkdir -p "$lab/root/bin" "$lab/root/tmp" "$lab/root/etc"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat echo env id ls stty tty wc head dd true kill seq; do ln -s busybox "$lab/root/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$lab/root/etc/passwd"
tar -C "$lab/root" -c . | sb image import -c 'CMD ["sh"]' - box:1 >/dev/null
on_tty() { timeout 300 python3 "$top/test/lab/on_tty.py" "$@"; }
rc() { "$@" >/dev/null 2>&1; echo $?; }
gone() { [ -z "$(sb ps -aq)" ]; }

for cli in ${CLIS:-"$binary" docker}; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	c() { timeout 120 "$cli" "$@"; }

	# --- without a terminal ---
	is "$who: run gives the output" "$(c run --rm box:1 echo hello)" hello
	is "$who: and the error output apart" "$(c run --rm box:1 sh -c 'echo out; echo err >&2' 2>/dev/null)" out
	is "$who: and the error output" "$(c run --rm box:1 sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err
	is "$who: the code goes through" "$(rc c run --rm box:1 sh -c 'exit 42')" 42
	is "$who: of a signal, too" "$(rc c run --rm box:1 sh -c 'kill -9 $$; sleep 1; exit 3')" 3
	is "$who: a command that is not there" "$(rc c run --rm box:1 nosuch)" 127
	is "$who: a file that is no program" "$(rc c run --rm box:1 /etc/passwd)" 126
	within 5 "$who: nothing of all these is left" gone
	is "$who: input goes in, its end too" "$(echo some words | c run --rm -i box:1 wc -w)" 2
	is "$who: without -i there is none" "$(echo some words | c run --rm box:1 wc -w)" 0
	is "$who: a lot goes through unharmed" "$(head -c 3000000 /dev/zero | c run --rm -i box:1 cat | wc -c)" 3000000
	is "$who: what it says after the end of input arrives" "$(echo x | c run --rm -i box:1 sh -c 'cat; echo after')" "$(printf 'x\nafter')"
	c create -i --name st1 box:1 sh -c 'read line; echo got $line; exit 6' >/dev/null
	is "$who: start -ai" "$(echo words | c start -ai st1; echo $?)" "$(printf 'got words\n6')"
	is "$who: start -ai once more, with no input" "$(c start -ai st1 </dev/null; echo $?)" "$(printf 'got\n6')"
	c rm st1 >/dev/null

	# --- somebody else's ---
	c run -d -i --name at-$who box:1 sh -c 'while read line; do echo heard $line; [ $line = end ] && exit 8; done' >/dev/null
	c attach --no-stdin at-$who >"$lab/other" 2>&1 &
	other=$!
	within 10 "$who: a second client is there" bash -c "'$binary' system events --since 1h --until 0s --filter container=at-$who --filter event=attach | grep -q attach"
	is "$who: attach" "$( (echo one; echo end; sleep 1) | c attach at-$who; echo $?)" "$(printf 'heard one\nheard end\n8')"
	wait $other
	is "$who: the one without input has the code" $? 8
	has "$who: and has seen it" "$(cat "$lab/other")" 'heard end'
	is "$who: nobody attaches to what does not run" "$(c attach at-$who 2>&1 | grep -ci 'stopped container')" 1
	c rm at-$who >/dev/null

	# --- signals are handed on ---
	"$cli" run --rm --name sig1 box:1 sh -c 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$lab/sig" 2>&1 &
	client=$!
	within 10 "$who: it is ready" grep -q ready "$lab/sig"
	kill -TERM $client
	wait $client
	is "$who: a signal to the client reaches it" "$(cat "$lab/sig") $?" "$(printf 'ready\ncaught') 0"
	within 5 "$who: and it is gone" gone

	# --- what was said before, and then what is said: everything, once ---
	for tty in '' -t; do
		c run -d $tty --name past box:1 sh -c "$two_halves" >/dev/null
		told "$DOCKER_HOST" past 1 >"$lab/past.0" & clients=$!
		within 10 "$who: the line that has begun is sent" grep -q begun "$lab/past.0"
		sb exec past sh -c '>/tmp/go'
		for n in 1 2 3 4 5; do told "$DOCKER_HOST" past 1 >"$lab/past.$n" & clients="$clients $!"; done
		for n in 1 2 3 4 5; do await 20 test -s "$lab/past.$n"; done       # one that comes after the end would wait for the next start
		sb exec past sh -c '>/tmp/end'
		c wait past >/dev/null
		wait $clients
		told "$DOCKER_HOST" past 0 >"$lab/past.6"
		for n in 0 1 2 3 4 5 6; do
			is "$who: attached $n${tty:+ to a terminal}: everything, once" "$(plain "$lab/past.$n" "$tty")" "$(whole_sum)"
		done
		told "$DOCKER_HOST" past 1 >"$lab/past.7" & clients=$!
		within 10 "$who: of what has ended${tty:+ on a terminal} the past comes at once" grep -q 1999 "$lab/past.7"
		c start past >/dev/null
		wait $clients
		is "$who: and what comes after its next start" "$(plain "$lab/past.7" "$tty")" "$( (all_of; all_of) | cksum)"
		c wait past >/dev/null
		c rm past >/dev/null
	done
	# a client who takes nothing for a while: the past is more than fits in between, and so is what comes after it
	c run -d --name past box:1 sh -c 'seq 200000; echo half; until [ -e /tmp/go ]; do sleep 0.1; done; seq 200001 300000' >/dev/null
	await 60 sh -c "'$binary' logs --tail 1 past | grep -q half"
	rm -f "$lab/open"
	{ told "$DOCKER_HOST" past 1 | { head -c 1; await 300 test -e "$lab/open"; cat; } >"$lab/past.8"; } & clients=$!
	await 20 test -s "$lab/past.8"
	sb exec past sh -c '>/tmp/go'
	>"$lab/open"
	wait $clients
	is "$who: a slow one has everything, once, too" "$(frames <"$lab/past.8" | cksum)" "$( (seq 200000; echo half; seq 200001 300000) | cksum)"
	c rm -f past >/dev/null
	c run -d --log-driver none --name past box:1 sleep 100 >/dev/null
	is "$who: without a log there is no past" "$(told "$DOCKER_HOST" past 1)" '{"message":"configured logging driver does not support reading"}'
	c rm -f past >/dev/null

	# --- on a terminal ---
	out=$(on_tty size:31x97 'expect:# ' 'send:stty size\n' 'expect:31 97' 'send:tty\n' 'expect:/dev/pts/0' 'send:exit 3\n' -- "$cli" run -it --rm box:1 sh)
	has "$who: a shell on a terminal of its own size" "$out" 'rc=3'
	out=$(on_tty 'expect:# ' until:17x71 'send:exit\n' -- "$cli" run -it --rm box:1 sh)
	has "$who: the size follows" "$out" 'rc=0'
	out=$(on_tty 'expect:# ' 'send:\x10\x11' -- "$cli" run -it --name keys1 box:1 sh)
	has "$who: the detach keys leave it" "$out" 'rc=0'
	is "$who: running" "$(sb inspect keys1 --format '{{.State.Status}}')" running
	out=$(on_tty 'send:echo h$((20+1))\n' 'expect:h21' 'send:\x02' -- "$cli" attach --detach-keys ctrl-b keys1)
	has "$who: attached again, with keys of one's own" "$out" 'h21'
	is "$who: still running" "$(sb inspect keys1 --format '{{.State.Status}}')" running
	out=$(on_tty 'send:\n' 'expect:# ' 'send:exit 5\n' -- "$cli" attach keys1)
	has "$who: its end is the client's, with its code" "$out" 'rc=5'
	c rm keys1 >/dev/null
	# Docker's client takes no notice of the first three.
	if [ "$cli" = "$binary" ]; then
		c run -dt --name int1 box:1 sh -c 'while :; do echo tick; sleep 0.2; done' >/dev/null
		for proxy in true false; do
			has "$who: Ctrl-C leaves a terminal without input, --sig-proxy=$proxy" "$(on_tty 'expect:tick' 'send:\x03' -- "$cli" attach --sig-proxy=$proxy int1)" 'rc=-2'
			is "$who: which goes on" "$(sb inspect int1 --format '{{.State.Status}}')" running
		done
		c rm -f int1 >/dev/null
		c run -d --name int2 box:1 sh -c 'trap "exit 7" INT; while :; do echo tick; sleep 0.2; done' >/dev/null
		has "$who: without a terminal Ctrl-C is its own with --sig-proxy=false" "$(on_tty 'expect:tick' 'send:\x03' -- "$cli" attach --sig-proxy=false int2)" 'rc=-2'
		has "$who: and else the container's" "$(on_tty 'expect:tick' 'send:\x03' -- "$cli" attach int2)" 'rc=7'
		c rm -f int2 >/dev/null
	fi
	c run -d -t --name lt1 box:1 echo words >/dev/null
	c wait lt1 >/dev/null
	is "$who: logs of a terminal are as they were written" "$(c logs lt1 | od -An -c | tr -d ' ')" 'words\r\n'
	c rm lt1 >/dev/null
	has "$who: -t without a terminal" "$(echo | c run --rm -it box:1 true 2>&1)" 'the input device is not a TTY'
done
within 5 'nothing is left' nothing_left
