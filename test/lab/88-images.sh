#!/bin/bash
# Images where they are needed: loaded on one manager, they start on every node; the one who gives them may die, or forget them.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1 w2
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for name in m2 m3; do on $name swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
for name in w1 w2; do on $name swarm join --token "$worker" 10.77.0.2:2377 >/dev/null; done

# A program, and something to carry that does not become smaller on the way; as an archive of `docker save`'s kind.
archive() { # NAME MIB
	mkdir -p "$lab/root/bin" && cp /bin/busybox "$lab/root/bin/sleep" && head -c "$2M" /dev/urandom >"$lab/root/freight"
	tar -C "$lab/root" -c . | on w2 image import - "$1" >/dev/null && on w2 save -o "$lab/$1.tar" "$1" && on w2 rmi "$1" >/dev/null
	rm -r "$lab/root"
}
archive app:1 4; archive app:2 1; archive big:1 24
given() { cat "$lab"/*/agent.log | grep -c "image $1.*: is given to node"; }
all_run() { [ "$(on m1 service ls --filter "name=$1" --format '{{.Replicas}}')" = "$2" ]; }
image_of() { on "$1" service inspect "$2" --format '{{.Spec.TaskTemplate.ContainerSpec.Image}}'; }
create() { local host=$1 name=$2; shift 2; on "$host" service create -d -q --name "$name" --restart-delay 0s --stop-grace-period 100ms "$@" >/dev/null; }

# --- everywhere -------------------------------------------------------------------------------------------------
is 'an image is loaded on a manager that does not lead' "$(on m2 load -i "$lab/app:1.tar")" 'Loaded image: app:1'
first=$(on m2 images --digests --format '{{.Digest}}' app:1)
known() { on "$1" service create -d -q --name probe --replicas 0 "$2" >/dev/null 2>&1; local got; got=$(image_of "$1" probe); on "$1" service rm probe >/dev/null; [ "$got" = "$2@$3" ]; }
within 30 'every manager knows it by its digest' known m3 app:1 "$first"
create m3 web --replicas 10 app:1 sleep 1000
within 20 'ten tasks of it run' all_run web 10/10
is 'on all five hosts' "$(on m1 service ps web --format '{{.Node}}' | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 2 m1; 2 m2; 2 m3; 2 w1; 2 w2;'
is 'to each of the other four it was given once' "$(given app)" 4
is 'it is the same there' "$(on w1 images --digests --format '{{.Digest}}' | grep -c "$first")" 1
is "the stock client on a worker is told of it" "$(as_docker w1 images -q --no-trunc | grep -cFx "$(on m2 images -q --no-trunc app:1)")" 1

# --- another one of that name -----------------------------------------------------------------------------------
on m2 rmi -f app:1 >/dev/null
is 'it is removed where it was loaded' "$(on m2 images -q app:1)" ''
is 'its tasks run on' "$(on m1 service ls --filter name=web --format '{{.Replicas}}')" 10/10
on m3 load -i "$lab/app:2.tar" >/dev/null && on m3 tag app:2 app:1
second=$(on m3 images --digests --format '{{.Digest}}' app:2)
within 30 'a name stands for what it was given to last' known m1 app:1 "$second"
create m1 next --constraint node.hostname==w2 app:1 sleep 1000
within 20 'which is what a new service gets' all_run next 1/1
on m1 service scale -d web=15 >/dev/null
within 20 'an older one gets its own, from whoever has it' all_run web 15/15

# --- the giver dies ---------------------------------------------------------------------------------------------
for name in m2 m3; do on $name load -i "$lab/big:1.tar" >/dev/null; done
big=$(on m2 images --digests --format '{{.Digest}}' big:1)
within 30 'a large one is known' known m1 big:1 "$big"
slow w1 6        # for half a minute, so that it can be seen
create m1 large --constraint node.hostname==w1 --replicas 10 big:1 sleep 1000
part() { [ -n "$(find "$lab/w1/data/images/staging" -path '*/part/*' -size +1M 2>/dev/null)" ]; }
within 20 'a worker on a slow line fetches it' part
waits_for() { from=$(on m1 inspect "$(on m1 service ps -q large | head -n 1)" --format '{{.Status.Message}}' | grep -oP "^preparing: waits for image big:1@$big from \K10.77.0.[23]:2377\$"); }
within 20 'people see what its tasks wait for' waits_for
case $from in *.2:2377) giver=m2 ;; *) giver=m3 ;; esac
kill_host $giver
quick w1
within 30 'it is killed, and another one gives the rest' all_run large 10/10
is 'once for ten tasks, and once more for the rest' "$(given big)" 2
start_host $giver

# --- nowhere ----------------------------------------------------------------------------------------------------
why() { on m1 service ps "$1" --no-trunc --format '{{.Error}}' | grep -m 1 .; }
create m1 nowhere --constraint node.hostname==w1 --restart-condition none 10.77.0.254:1/nowhere:1
within 20 'an image that is nowhere' why nowhere
has 'is told with what was tried' "$(why nowhere)" 'No such image: 10.77.0.254:1/nowhere:1: no manager of the swarm has it; then: Get "https://10.77.0.254:1/v2/'
other=linux/arm64; [ "$(uname -m)" != aarch64 ] || other=linux/amd64
mkdir "$lab/root" && echo >"$lab/root/file" && tar -C "$lab/root" -c . | on m1 image import --platform $other - 10.77.0.254:1/alien:1 >/dev/null
create m1 alien --no-resolve-image --constraint node.hostname==w1 --restart-condition none 10.77.0.254:1/alien:1
within 20 'one for other machines only' why alien
has 'is told so' "$(why alien)" 'no matching manifest for linux/'
