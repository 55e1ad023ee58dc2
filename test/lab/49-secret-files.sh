#!/bin/bash
# 49-secret-files - what containers find of secrets and configs: every target, owner and mode, beside mounts that are in the way; and what
# stays of them where a container has been: nothing but the empty names they were mounted on.
. "${0%/*}/lib.sh"
start_agent --log-level debug && init
mkdir -p "$lab/root/bin" "$lab/root/etc" "$lab/root/tmp"
printf 'root:x:0:0::/:/bin/sh\nother:x:1000:1000::/:/bin/sh\n' >"$lab/root/etc/passwd"
echo 'of the image' >"$lab/root/etc/there"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat stat mount umount touch ls rm mv chmod id grep; do ln -s busybox "$lab/root/bin/$name"; done
tar -C "$lab/root" -c . | sb image import - box:1 >/dev/null
word=swordfish-$RANDOM$RANDOM$RANDOM base64=$(printf %s "$word" | base64)
other=marlin-$RANDOM$RANDOM$RANDOM
printf %s "$word" | sb secret create pw - >/dev/null
printf %s "$other" | sb secret create pw2 - >/dev/null
echo config | sb config create cfg - >/dev/null
printf '#!/bin/sh\nid -u\n' | sb secret create script - >/dev/null
head -c 3000 /dev/urandom >"$lab/bytes"; sb secret create bytes "$lab/bytes" >/dev/null
container() { sb ps -q --filter "name=$1."; }
inside() { local name=$1; shift; sb exec "$(container "$name")" "$@" 2>&1; }
has_tasks() { [ "$(sb service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
create() { local name=$1; shift; sb service create -d -q --no-resolve-image --name "$name" --stop-grace-period 100ms --restart-delay 0s "$@" box:1 sleep 1000 >/dev/null && within 30 "$name runs" has_tasks "$name" 1/1; }
error_of() { sb service ps "$1" --no-trunc --format '{{.CurrentState}} {{.Error}}'; }
says() { [[ $(error_of "$1") == *"$2"* ]]; }
rejected() { # NAME WORDS OPTIONS...
	local name=$1 words=$2; shift 2
	sb service create -d -q --no-resolve-image --name "$name" --restart-condition none "$@" box:1 sleep 1000 >/dev/null || return
	within 30 "$name: it says $words" says "$name" "$words" || error_of "$name"
	sb service rm "$name" >/dev/null
}
file() { inside "$1" stat -c '%u %g %a %F' "$2"; }

# --- where, whose, and what may be done with it -------------------------------------------------------------------
create forms --user 1000 --secret pw --secret src=pw,target=own,uid=1000,gid=7,mode=0400 --secret src=pw,target=foreign,uid=123456,gid=654321,mode=0400 \
	--secret src=pw,target=a/b/c --secret src=pw,target=/abs/d --secret src=pw,target=../up --secret src=script,target=script,mode=06755 \
	--secret src=pw,target=none,mode=0 --secret 'src=pw,target=two words' --secret src=bytes,target=/etc/there --config src=cfg,target=/run/secrets/cfg \
	--config src=cfg,target=sub/cfg --mount type=tmpfs,target=/run --mount type=volume,source=vol,target=/abs --read-only
is 'a secret' "$(inside forms cat /run/secrets/pw) $(file forms /run/secrets/pw)" "$word 0 0 444 regular file"
is 'for its owner alone' "$(inside forms cat /run/secrets/own) $(file forms /run/secrets/own)" "$word 1000 7 400 regular file"
has 'another one does not read it' "$(inside forms cat /run/secrets/foreign)" 'Permission denied'
is 'owners that the image does not know' "$(file forms /run/secrets/foreign)" '123456 654321 400 regular file'
is 'a mode of nothing' "$(file forms /run/secrets/none)" '0 0 0 regular file'
is 'in folders' "$(inside forms cat /run/secrets/a/b/c /run/up '/run/secrets/two words')" "$word$word$word"
is 'in a volume' "$(inside forms cat /abs/d)" "$word"
is 'a config where secrets are' "$(inside forms cat /run/secrets/cfg /sub/cfg)" "config
config"
is 'in place of a file of the image, every byte' "$(inside forms cat /etc/there | sha256sum)" "$(sha256sum <"$lab/bytes")"
has 'no secret is a program' "$(inside forms /run/secrets/script)" 'ermission denied'
for act in 'echo x >/run/secrets/own' 'rm /run/secrets/own' 'mv /run/secrets/own /run/x' 'chmod 777 /run/secrets/own' 'umount /run/secrets/own' 'mount -o remount,rw /run/secrets/own'; do
	inside forms sh -c "$act" | grep -qiE 'read-only|busy|permitted|denied|must be|are you root' && ok "not: $act" || bad "not: $act" "$(inside forms sh -c "$act")"
done
is 'it is what it was' "$(inside forms cat /run/secrets/own)" "$word"
sb service rm forms >/dev/null; await 30 no_containers
create root --secret pw --cap-add SYS_ADMIN
for act in 'echo x >/run/secrets/pw' 'rm /run/secrets/pw' 'chmod 777 /run/secrets/pw'; do
	inside root sh -c "$act" | grep -qiE 'read-only|busy' && ok "not even root: $act" || bad "not even root: $act" "$(inside root sh -c "$act")"
done
sb service rm root >/dev/null; await 30 no_containers

# --- what is in the way -------------------------------------------------------------------------------------------
rejected folder 'bin' --secret src=pw,target=/bin
has 'the root is no file' "$(sb service create -d --no-resolve-image --secret src=pw,target=/ box:1 sleep 1 2>&1)" 'malformed file secret reference, invalid target file name provided'
rejected proc '/proc' --secret src=pw,target=/proc/x
rejected below-a-file 'a/b' --secret src=pw,target=a --secret src=pw,target=a/b
create over --secret src=pw,target=x --secret src=pw2,target=/run/secrets/x --secret src=pw,target=/y --config src=cfg,target=/y --secret src=pw,target=/etc/hosts
is 'of two at one place the last lies above' "$(inside over cat /run/secrets/x /y)" "${other}config"
is 'in place of what every container has' "$(inside over cat /etc/hosts)" "$word"
sb service rm over >/dev/null; await 30 no_containers

# --- nothing is left ----------------------------------------------------------------------------------------------
nothing_kept() { [ -z "$(ls -A "$run/secrets/bytes")" ] && [ "$(ls -A "$run/secrets")" = bytes ]; }
within 30 'the bytes have gone with the last task' nothing_kept
create once --secret pw --restart-condition none
kill -9 "$(sb inspect "$(container once)" --format '{{.State.Pid}}')"
within 30 'also with one that is not started again' nothing_kept
sb service rm once >/dev/null
create scaled --secret pw --config cfg
sb service scale -d scaled=0 >/dev/null
within 30 'and when there are to be none' nothing_kept
sb service rm scaled >/dev/null

# --- nobody quotes it ---------------------------------------------------------------------------------------------
raw() { curl -s --unix-socket "$run/swarmbox.sock" -X POST -H 'Content-Type: application/json' -d "$2" "http://x/v1.41$1"; }
for body in "{\"Name\":\"x\",\"Data\":\"$base64\"" "{\"Name\":\"x\",\"Data\":\"$base64!\"}" "{\"Name\":\"-\",\"Data\":\"$base64\"}" "{\"Name\":\"x\",\"Data\":[\"$base64\"]}" \
	"{\"Name\":\"x\",\"Data\":\"$base64\",\"Driver\":{\"Name\":\"x\"}}" "{\"Name\":\"pw\",\"Data\":\"$base64\"}" "\"$base64\"" "$base64"; do
	told=$(raw /secrets/create "$body")
	[[ $told == *message* && $told != *"${base64:2:12}"* ]] && ok "not in: ${told:0:110}" || bad 'a refusal quotes no secret' "$told"
done
version=$(sb secret inspect pw --format '{{.Version.Index}}')
has 'the bytes never change' "$(raw "/secrets/pw/update?version=$version" "{\"Name\":\"pw\",\"Data\":\"$(printf %s "x$word" | base64)\"}")" 'only updates to Labels are allowed'
is 'the same ones are no change' "$(raw "/secrets/pw/update?version=$version" "{\"Name\":\"pw\",\"Data\":\"$base64\",\"Labels\":{\"a\":\"b\"}}")" ''
forgotten() { [ "$("$top/test/lab/memory_of.py" "$agent" "$word" "${base64:4:16}")" = 0 ]; }
within 30 'the agent has forgotten it, whatever came of it' forgotten
is 'labels change' "$(sb secret inspect pw --format '{{json .Spec.Labels}}')" '{"a":"b"}'
is 'no file has it' "$(grep -rlF -e "$word" -e "${base64:0:20}" -e "$other" "$data" "$lab/agent.log")" ''
finish
