#!/bin/bash
# System call filters of one's own, for containers and for services, proven from inside: which calls are refused, and with which errno.
. "${0%/*}/lib.sh"
start_agent && init

mkdir -p "$lab/root/bin" "$lab/root/tmp"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat grep echo mkdir mknod mv kill; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
cat >"$lab/profile.json" <<'END'
{
	"defaultAction": "SCMP_ACT_ALLOW",
	"archMap": [ { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [ "SCMP_ARCH_X86", "SCMP_ARCH_X32" ] } ],
	"syscalls": [
		{ "names": [ "mkdir", "mkdirat" ], "action": "SCMP_ACT_ERRNO", "comment": "as the default has it: 1" },
		{ "names": [ "mknod", "mknodat" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 },
		{ "names": [ "rename", "renameat", "renameat2" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "excludes": { "caps": [ "CAP_SYS_BOOT" ] } },
		{ "names": [ "kill" ], "action": "SCMP_ACT_ERRNO", "errnoRet": 11, "args": [ { "index": 1, "value": 23, "op": "SCMP_CMP_EQ" } ] }
	]
}
END
tell='mkdir /d 2>&1; mknod /n c 1 3 2>&1; echo x >/a; mv /a /b 2>&1; kill -URG $$ 2>&1; kill -CONT $$ && echo continued; grep ^Seccomp: /proc/self/status'
held() { # WHAT TEXT
	has "$1: mkdir is not permitted" "$2" "mkdir: can't create directory '/d': Operation not permitted"
	has "$1: mknod is not implemented" "$2" 'mknod: /n: Function not implemented'
	has "$1: rename finds no space" "$2" "mv: can't rename '/a': No space left on device"
	has "$1: one signal is to be tried again" "$2" 'Resource temporarily unavailable'
	has "$1: another one is sent" "$2" 'continued'
	has "$1: a filter is there" "$2" 'Seccomp:	2'
}

for cli in "$binary" docker; do
	command -v "$cli" >/dev/null || continue
	who=$(basename "$cli")
	held "$who: run" "$("$cli" run --rm --security-opt seccomp="$lab/profile.json" box:1 sh -c "$tell" 2>&1)"
	text=$("$cli" run --rm --cap-add SYS_BOOT --security-opt seccomp="$lab/profile.json" box:1 sh -c 'echo x >/a; mv /a /b && echo moved' 2>&1)
	is "$who: a rule that a capability switches off" "$text" moved
	"$cli" create --name twice --security-opt no-new-privileges --security-opt seccomp="$lab/profile.json" box:1 \
		sh -c "[ -e /a ] || { $tell; exit 3; }; mkdir /again; sleep 1000" >/dev/null
	is "$who: inspect has the profile, in one line" "$(sb inspect twice --format '{{len .HostConfig.SecurityOpt}} {{index .HostConfig.SecurityOpt 1}}')" \
		"2 seccomp=$(tr -d '\n\t ' <"$lab/profile.json" | sed 's/asthedefaulthasit:1/as the default has it: 1/')"
	is "$who: start" "$("$cli" start twice)" twice
	is "$who: its program ended" "$("$cli" wait twice)" 3
	held "$who: create and start" "$(sb logs twice 2>&1)"
	"$cli" start twice >/dev/null
	has "$who: and started again" "$(await 10 eval 'sb logs twice 2>&1 | grep -q again'; sb logs twice 2>&1)" \
		"mkdir: can't create directory '/again': Operation not permitted"
	held "$who: exec" "$("$cli" exec twice sh -c "$tell" 2>&1)"
	"$cli" rm -f twice >/dev/null

	has "$who: a file that is not there" "$("$cli" create --security-opt seccomp=/nothing box:1 2>&1)" 'opening seccomp profile (/nothing) failed: '
	echo 'no JSON' >"$lab/text"
	has "$who: a file without JSON" "$("$cli" create --security-opt seccomp="$lab/text" box:1 2>&1)" "compacting json for seccomp profile ($lab/text) failed: "
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":7}' >"$lab/wrong.json"
	has "$who: a profile that is none" "$("$cli" run --name wrong --security-opt seccomp="$lab/wrong.json" box:1 true 2>&1)" 'Decoding seccomp profile failed: '
	is "$who: and its container was not started" "$(sb inspect wrong --format '{{.State.Status}}')" created
	"$cli" rm wrong >/dev/null
	echo '{"defaultAction":"SCMP_ACT_NOTIFY"}' >"$lab/notify.json"
	has "$who: an action that nobody would answer" "$("$cli" run --rm --security-opt seccomp="$lab/notify.json" box:1 true 2>&1)" \
		'seccomp action SCMP_ACT_NOTIFY is not supported by swarmbox yet'
	echo '{"defaultAction":"SCMP_ACT_ERRNO"}' >"$lab/nothing.json"
	has "$who: one with which nothing starts" "$(timeout 20 "$cli" run --rm --security-opt seccomp="$lab/nothing.json" box:1 true 2>&1)" \
		"seccomp profile: it does not allow 'prctl', which the start of a container needs"
done

# --- services, by the API alone: Docker's client has no flag for them ---
create() { # NAME SECCOMP
	curl -s --max-time 60 --unix-socket "$run/swarmbox.sock" -H 'Content-Type: application/json' http://x/v1.48/services/create -d "{\"Name\":\"$1\",
		\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"box:1\",\"Command\":[\"sh\",\"-c\",\"$tell; echo told; sleep 1000\"],\"StopGracePeriod\":100000000,
		\"Privileges\":{\"Seccomp\":$2}}},\"Mode\":{\"Replicated\":{\"Replicas\":1}}}"
}
profile=$(base64 -w 0 <"$lab/profile.json")
has 'a service with a profile is made' "$(create own "{\"Mode\":\"custom\",\"Profile\":\"$profile\"}")" '"ID"'
told() { sb service logs --raw "$1" 2>/dev/null | grep -qx told; }
within 20 'its task tells' told own
held 'a service' "$(sb service logs --raw own 2>&1)"
is 'inspect gives it back' "$(sb service inspect own --format '{{json .Spec.TaskTemplate.ContainerSpec.Privileges.Seccomp}}')" \
	"{\"Mode\":\"custom\",\"Profile\":\"$profile\"}"
has 'a profile without its mode is refused' "$(create no "{\"Mode\":\"default\",\"Profile\":\"e30=\"}")" 'Mode \"custom\" and a Profile of at most'
has 'and the mode without a profile' "$(create no '{"Mode":"custom"}')" 'Mode \"custom\" and a Profile of at most'
has 'a profile that is none is refused before any task is made' "$(create wrong '{"Mode":"custom","Profile":"bm8="}')" \
	'ContainerSpec: Privileges.Seccomp: Decoding seccomp profile failed: '
has 'and one with which nothing starts' "$(create wrong "{\"Mode\":\"custom\",\"Profile\":\"$(base64 -w 0 <"$lab/nothing.json")\"}")" \
	"ContainerSpec: Privileges.Seccomp: seccomp profile: it does not allow 'prctl', which the start of a container needs"
is 'neither was made' "$(sb service ls -q | wc -l)" 1
sb service rm own >/dev/null
within 20 'they go' no_containers
finish
