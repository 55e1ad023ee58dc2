#!/bin/bash
# Secrets and configs: files in containers, and nowhere else; with Docker's client, where it is installed, and ours.
. "${0%/*}/lib.sh"
start_agent && init

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat stat mount touch ls; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null

container() { sb ps -q --filter "name=$1."; }
inside() { local name=$1; shift; sb exec "$(container "$name")" "$@" 2>&1; }
word() { printf 'swordfish-%s-%s' "$1" "$RANDOM$RANDOM$RANDOM"; }
# Where on this host's disk a word stands: the log, the states, containers, images.
on_disk() { grep -rlF -- "$1" "$data" "$lab/agent.log" 2>/dev/null; }

for client in "$binary" docker; do
	command -v "$client" >/dev/null || continue
	who=$(basename "$client")
	secret=$(word "$who") config=$(word "config-$who")
	printf %s "$secret" | "$client" secret create "$who-pw" - >/dev/null
	printf %s "$config" >"$lab/config"; "$client" config create "$who-cfg" "$lab/config" >/dev/null; rm "$lab/config"

	"$client" service create -d -q --no-resolve-image --name "$who" --stop-grace-period 100ms --replicas 2 --secret "$who-pw" \
		--secret "source=$who-pw,target=own,uid=7,gid=8,mode=0400" --secret "source=$who-pw,target=/etc/pw" \
		--config "$who-cfg" --config "source=$who-cfg,target=/etc/app/c.conf,mode=0440" --restart-delay 0s box:1 sleep 1000 >/dev/null
	within 10 "$who: two tasks with secrets run" runs "$who" 2/2
	sb service scale -d "$who=1" >/dev/null; await 10 runs "$who" 1/1; await 10 bash -c "[ \$('$binary' ps -q --filter name=$who. | wc -l) = 1 ]"
	is "$who: a secret lies below /run/secrets" "$(inside "$who" cat "/run/secrets/$who-pw")" "$secret"
	is "$who: under another name, owner and mode" "$(inside "$who" cat /run/secrets/own) $(inside "$who" stat -c '%u %g %a' /run/secrets/own)" "$secret 7 8 400"
	is "$who: or wherever it is wanted" "$(inside "$who" cat /etc/pw)" "$secret"
	is "$who: a config lies at the root" "$(inside "$who" cat "/$who-cfg") $(inside "$who" stat -c '%u %g %a' "/$who-cfg")" "$config 0 0 444"
	is "$who: or wherever it is wanted, folders made" "$(inside "$who" cat /etc/app/c.conf) $(inside "$who" stat -c %a /etc/app/c.conf)" "$config 440"
	has "$who: nobody in the container writes to it" "$(inside "$who" sh -c "echo x >/run/secrets/$who-pw")" 'Read-only file system'
	has "$who: what it lies in is memory" "$(inside "$who" sh -c "mount" | grep "/run/secrets/$who-pw ")" 'noswap'
	is "$who: people are told of no mounts for them" "$(sb inspect "$(container "$who")" --format '{{len .Mounts}}')" 0
	is "$who: the secret's bytes are on no disk of this host" "$(on_disk "$secret")" ''
	is "$who: inspect does not show them" "$(sb secret inspect "$who-pw" | grep -c "$secret\|Data")" 0
	has "$who: one in use stays, and its service is named" "$("$client" secret rm "$who-pw" 2>&1)" "secret '$who-pw' is in use by the following service: $who"
	has "$who: a config too" "$("$client" config rm "$who-cfg" 2>&1)" "config '$who-cfg' is in use by the following service: $who"

	# the process dies, then the agent: the bytes are still here for the next one
	kill -9 "$(sb inspect "$(container "$who")" --format '{{.State.Pid}}')"
	died() { [ "$(sb service ps "$who" --format '{{.CurrentState}}' | grep -c Failed)" -ge 1 ] && runs "$who" 1/1; }
	within 10 "$who: a replacement has them" died
	is "$who: the same ones" "$(inside "$who" cat "/run/secrets/$who-pw")" "$secret"
	kill_agent; start_agent
	within 10 "$who: after a kill of the agent it runs on" runs "$who" 1/1
	is "$who: with its secrets" "$(inside "$who" cat "/run/secrets/$who-pw")" "$secret"

	"$client" service update -d -q --secret-rm "$who-pw" --config-rm "$who-cfg" "$who" >/dev/null
	gone() { [[ $(inside "$who" ls /run/secrets) != *"$who-pw"* ]] && runs "$who" 1/1; }
	within 10 "$who: an update takes them away" gone
	is "$who: now they can be removed" "$("$client" secret rm "$who-pw" 2>&1; "$client" config rm "$who-cfg" 2>&1)" "$who-pw
$who-cfg"
	nothing_kept() { [ -z "$(ls -A "$run/secrets/bytes")" ]; }
	within 10 "$who: and nothing of them stays on this host" nothing_kept

	has "$who: one that is not there is named" "$("$client" service create -d --no-resolve-image --name none --secret nosuch box:1 sleep 1 2>&1)" 'secret not found: nosuch'
	sb service rm "$who" >/dev/null; await 10 no_containers
done

# the largest ones
head -c 511999 /dev/urandom | tee "$lab/large" | sb secret create large - >/dev/null
head -c 1023999 /dev/urandom | sb config create large - >/dev/null
sb service create -d -q --name large --secret large --config source=large,target=/large box:1 sleep 1000 >/dev/null
within 10 'a task with the largest secret and config runs' runs large 1/1
is 'every byte came' "$(inside large cat /run/secrets/large | sha256sum)" "$(sha256sum <"$lab/large")"
rm "$lab/large"
has 'one byte more is refused' "$(head -c 512000 /dev/zero | sb secret create larger - 2>&1)" 'secret data must be larger than 0 and less than 512000 bytes'
sb service create -d -q --name folder --restart-condition none --config source=large,target=/bin box:1 sleep 1 >/dev/null
says() { [[ $(sb service ps "$1" --no-trunc --format '{{.Error}}') == *"$2"* ]]; }
within 10 'a target that is a folder is named' says folder '/bin'
sb service rm large folder >/dev/null; await 10 no_containers

# leaving forgets the key too: what was sealed opens never again
sb swarm leave --force >/dev/null
is 'a host that left has no key' "$(ls -A "$data/certificates" 2>/dev/null)" ''
stop_agent; agent=
is 'a purge leaves nothing' "$("$binary" agent --data-root "$data" --run-root "$run" --log-level error --purge 2>&1; ls -A "$data" "$run" 2>/dev/null; grep -F "$run" /proc/self/mountinfo)" ''
finish
