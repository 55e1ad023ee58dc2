#!/bin/bash
# 49-templates - {{.Node.Hostname}} and the like, on two hosts: in the environment, the hostname, mounts and what belongs to their volumes, in
# secrets and configs that were made with --template-driver. Read from inside.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 w1
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
on w1 swarm join --token "$(on m1 swarm join-token -q worker)" 10.77.0.1:2377 >/dev/null
mkdir -p "$lab/root/bin"
cp /bin/busybox "$lab/root/bin/busybox"
for name in sh sleep cat hostname stat grep; do ln -s busybox "$lab/root/bin/$name"; done
for host in m1 w1; do
	tar -C "$lab/root" -c . | on $host image import - box:1 >/dev/null
	mkdir "$lab/of-$host"; echo "this is $host" >"$lab/of-$host/file"
done
has_tasks() { [[ $(on m1 service ls --filter "name=$1" --format '{{.Replicas}}') = "$2"* ]]; }
inside() { local host=$1; shift; on "$host" exec "$(on "$host" ps -q)" "$@" 2>&1; }

# --- what is made -----------------------------------------------------------------------------------------------
word=swordfish-$RANDOM$RANDOM$RANDOM
printf %s "$word" | on m1 secret create pw - >/dev/null
printf 'raw {{.Node.ID}}' | on m1 config create plain - >/dev/null
# longer than a line of --format, and more than one frame holds
payload='host={{.Node.Hostname}} slot={{.Task.Slot}} who={{env "WHO"}} none={{env "NONE"}}.
{{- range $key, $value := .Service.Labels}} {{$key}}:{{$value}}{{end}}
pw={{secret "pw"}} plain={{config "/etc/plain"}} {{join "-" "a" "b" .Service.Name}}
{{if eq .Node.Platform.OS "linux"}}{{.Node.Platform.Architecture}}{{else}}other{{end}}
'
printf '%s' "$payload" | as_docker m1 config create --template-driver golang app - >/dev/null
{ head -c 400000 /dev/zero | tr '\0' x; printf '{{.Task.Slot}}'; } | on m1 config create --template-driver golang large - >/dev/null
printf 'user={{.Service.Name}}-{{.Task.Slot}} pw=%s' "$word" | on m1 secret create --template-driver golang login - >/dev/null
is 'the driver stands in the spec' "$(on m1 config inspect app --format '{{json .Spec.Templating}}')$(as_docker m1 secret inspect login --format '{{json .Spec.Templating}}')" \
	'{"Name":"golang"}{"Name":"golang"}'
is 'a config is shown as it was made' "$(on m1 config inspect app --format '{{.Spec.Data}}' | base64 -d)" "${payload%
}"
is 'without a driver there is none' "$(on m1 config inspect plain --format '{{json .Spec.Templating}}' 2>&1)" null
is 'another driver is refused' "$(printf x | on m1 config create --template-driver jinja x - 2>&1)" \
	'Error response from daemon: rpc error: code = InvalidArgument desc = unrecognized template type: jinja'

# --- inside -----------------------------------------------------------------------------------------------------
on m1 service create -d -q --no-resolve-image --name web --replicas 2 --replicas-max-per-node 1 --restart-delay 0s --stop-grace-period 100ms \
	--label tier=front --label zone=z --hostname '{{.Service.Name}}-{{.Node.Hostname}}' \
	-e 'WHO={{.Node.Hostname}}/{{index .Service.Labels "tier"}}{{index .Service.Labels "none"}}' -e 'TASK={{.Task.Name}}={{.Service.Name}}.{{.Task.Slot}}.{{.Task.ID}}' \
	-e 'IDS={{.Service.ID}} {{.Node.ID}}' -e 'AS_IT_IS=}}{' \
	--mount "type=bind,source=$lab/of-{{.Node.Hostname}},target=/host/{{.Node.Hostname}},readonly" \
	--mount 'type=volume,source=data-{{.Node.Hostname}},target=/data,volume-label=task={{.Task.Slot}}' \
	--secret pw --secret source=login,target=login,mode=0400,uid=7 --config source=plain,target=/etc/plain --config source=app,target=/etc/app.conf \
	--config source=large,target=/large box:1 sleep 1000 >/dev/null
within 60 'a task on each of two hosts runs' has_tasks web 2/2
service=$(on m1 service inspect web --format '{{.ID}}')
declare -A node=([m1]=$(on m1 info --format '{{.Swarm.NodeID}}') [w1]=$(on w1 info --format '{{.Swarm.NodeID}}'))
declare -A name_of
for host in m1 w1; do name_of[$host]=$(on m1 service ps web --filter "node=$host" --no-trunc --format '{{.Name}}.{{.ID}}'); done
for host in m1 w1; do
	in_memory() { [ "$("$top/test/lab/memory_of.py" "$(agent_of $host)" "$word")" = 0 ]; }
	within 30 "$host: the agent's memory has forgotten the secrets" in_memory
	name=${name_of[$host]}
	slot=${name#web.} slot=${slot%%.*}
	is "$host: hostname" "$(inside $host hostname)" "web-$host"
	is "$host: environment" "$(inside $host sh -c 'echo "$WHO $TASK $IDS $AS_IT_IS"')" "$host/front $name=$name $service ${node[$host]} }}{"
	is "$host: a folder of its own" "$(inside $host cat /host/$host/file)" "this is $host"
	is "$host: a volume of its own" "$(on $host volume inspect data-$host --format '{{.Labels.task}}')" "$slot"
	is "$host: a config" "$(inside $host cat /etc/app.conf)" "host=$host slot=$slot who=$host/front none=. tier:front zone:z
pw=$word plain=raw {{.Node.ID}} a-b-web
$(uname -m)"
	is "$host: a large one" "$(inside $host sh -c 'cat /large | grep -c "^xx*[12]$"') $(inside $host stat -c %s /large)" '1 400001'
	is "$host: a secret, with owner and mode" "$(inside $host cat /run/secrets/login) $(inside $host stat -c '%u %a' /run/secrets/login)" "user=web-$slot pw=$word 7 400"
	case $(inside $host grep -F ' /etc/app.conf ' /proc/mounts) in
	*noswap* | ramfs*) ok "$host: what was expanded lies in memory that is never swapped" ;;
	*) bad "$host: what was expanded lies in memory that is never swapped" "$(inside $host cat /proc/mounts)" ;;
	esac
	container() { on $host inspect "$(on $host ps -q)" --format "$1"; }
	is "$host: people are told the same" "$(container '{{.Config.Hostname}} {{index .Config.Env 0}} {{(index .HostConfig.Mounts 0).Source}}')" \
		"web-$host WHO=$host/front $lab/of-$host"
	kill_host $host; start_host $host
	is "$host: also after a restart of the agent" "$(container '{{.Config.Hostname}} {{index .Config.Env 0}} {{(index .HostConfig.Mounts 0).Source}}')" \
		"web-$host WHO=$host/front $lab/of-$host"
done
within 60 'they run on' has_tasks web 2/2
is 'the service shows its templates' "$(on m1 service inspect web --format '{{.Spec.TaskTemplate.ContainerSpec.Hostname}}')" '{{.Service.Name}}-{{.Node.Hostname}}'
is "the secret's bytes are on no disk of the cluster, and nobody is told" "$(grep -rlF "$word" "$lab"/*/data "$lab"/*/*.log 2>/dev/null
	for host in m1 w1; do on $host inspect "$(on $host ps -q)" | grep -F "$word"; done)" ''
on m1 service rm web >/dev/null
gone() { [ -z "$(on m1 ps -aq)$(on w1 ps -aq)" ]; }
within 60 'the service goes' gone

# --- a task on every host has the host in place of a slot -------------------------------------------------------
on m1 service create -d -q --no-resolve-image --name all --mode global --stop-grace-period 100ms -e 'SLOT={{.Task.Slot}}' box:1 sleep 1000 >/dev/null
within 60 'a global service runs' has_tasks all 2/2
is 'its slots are nodes' "$(for host in m1 w1; do inside $host sh -c 'echo $SLOT'; done)" "${node[m1]}
${node[w1]}"
on m1 service rm all >/dev/null
within 60 'it goes' gone

# --- what can never be expanded is refused, what cannot be here is rejected -------------------------------------
refused() { is "refused: $1" "$(on m1 service create -d --no-resolve-image "${@:3}" box:1 sleep 1 2>&1)" "Error response from daemon: rpc error: code = InvalidArgument desc = $2"; }
refused 'no template' 'expanding env failed: expanding env "A={{": template: expansion:1: unclosed action' -e 'A={{'
refused 'no such field' 'expanding hostname failed: template: expansion:1:7: executing "expansion" at <.Task.Nope>: can'\''t evaluate field Nope in type struct { ID string; Name string; Slot string }' \
	--hostname '{{.Task.Nope}}'
refused 'a secret in the environment' 'expanding env failed: expanding env "A={{secret \"pw\"}}": template: expansion:1: function "secret" not defined' -e 'A={{secret "pw"}}'
refused 'a target that is none' 'invalid mount target, must be an absolute path: 1' --mount 'type=volume,source=v,target={{.Task.Slot}}'
says() { [[ $(on m1 service ps "$1" --no-trunc --format '{{.CurrentState}} {{.Error}}') == Rejected*"$2"* ]]; }
rejected() { # NAME WHY OPTIONS...
	on m1 service create -d -q --no-resolve-image --name "$1" --restart-condition none "${@:3}" box:1 sleep 1 >/dev/null
	within 60 "rejected: $1" says "$1" "$2" || on m1 service ps "$1" --no-trunc --format '{{.CurrentState}} {{.Error}}'
	on m1 service rm "$1" >/dev/null
}
printf '\n {{secret "nosuch"}}' | on m1 config create --template-driver golang lost - >/dev/null
printf '%s {{if' "$word" | on m1 secret create --template-driver golang broken - >/dev/null
printf '{{%s}}' "$word" | on m1 secret create --template-driver golang shown - >/dev/null
rejected no-target 'failed to expand templated config lost: template: expansion:2:3: executing "expansion" at <secret "nosuch">: error calling secret: secret target nosuch not found"' \
	--config source=lost,target=/lost
rejected broken 'failed to expand templated secret broken: template: expansion:1: ' --secret broken
rejected quotes-nothing 'failed to expand templated secret shown: template: expansion:1: ' --secret shown
rejected too-long "hostname 'nn" --hostname 'n{{if ne .Node.Hostname "nodeHostname"}}{{printf "n%070d" 1}}{{end}}'
is 'a secret that is broken is not quoted' "$(grep -rlF "$word" "$lab"/*/data "$lab"/*/*.log 2>/dev/null)" ''
within 60 'nothing is left' gone
