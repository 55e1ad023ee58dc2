#!/bin/bash
# 92-clock - clocks that are off by years, ahead and behind: such hosts join, are warned about on both sides, get certificates that the
# cluster dates, and come back after a restart; also when the founder's own clock is one of them.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
. "${0%/*}/clock.sh"
year=31536000
hosts
for name in m1 m2 w1 w2; do make_host $name; done
for name in m1 w2; do start_host $name; done
start_off $((2 * year)) m2
start_off $((-20 * year)) w1

on m1 swarm init --advertise-addr 10.77.0.1 --cert-expiry 1h >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
is 'a host whose clock is 20 years behind joins' "$(on w1 swarm join --token "$worker" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a worker.'
is 'and one that is 2 years ahead, as a manager' "$(on m2 swarm join --token "$manager" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a manager.'
is 'and one whose clock is right' "$(on w2 swarm join --token "$worker" 10.77.0.1:2377 2>&1)" 'This node joined a swarm as a worker.'
ready() { [ "$(on m1 node ls --format '{{.Status}}' | grep -c Ready)" = 4 ]; }
within 15 'all are ready' ready
said() { grep -qF -- "$2" "$lab/$1/agent.log"; }
told() { grep -q "its clock is .* behind the swarm's" "$lab"/m[12]/agent.log && grep -q "this host's clock is .* behind the one of the manager" "$lab/w1/agent.log"; }
within 5 'both sides say so in their logs' told
has 'and whoever asks is told' "$(on w1 info --format '{{.Warnings}}')" "years behind the swarm's"
has 'at that host, by check too' "$(on w1 check --data-root "$lab/w1/data" 2>&1)" "This host's clock is"
behind() { on "$1" node inspect --pretty w1 | grep -q "Message: .*its clock is .* the swarm's"; }
for name in m1 m2; do within 5 "by $name too, in node inspect" behind $name; done
ahead() { on "$1" node inspect --pretty m2 | grep -q "Message: .*its clock is .* ahead of the swarm's"; }
for name in m1 m2; do within 10 "by $name, of the manager whose clock is off" ahead $name; done
has 'which is told so itself' "$(on m2 info --format '{{.Warnings}}')" "ahead of the swarm's"
is 'of nobody else' "$(on m1 node inspect --pretty m1 w2 | grep -c Message:)" 0
seconds() { date -ud "$(openssl x509 -in "$lab/$1/data/certificates/swarm-node.crt" -noout "-$2" | command cut -d= -f2)" +%s; }
dated() { local begin=$(seconds "$1" startdate) now; now=$(date +%s); [ $((now - begin)) -ge 3500 ] && [ $((now - begin)) -le 3800 ]; }
if command -v openssl >/dev/null; then for name in m1 m2 w1 w2; do within 1 "$name: its certificate is dated by the cluster" dated $name; done; fi
mkdir -p "$lab/root/bin"
cp /bin/busybox "$lab/root/bin/busybox"
ln -s busybox "$lab/root/bin/sleep"
for name in m1 m2 w1 w2; do tar -C "$lab/root" -c . | on $name image import - box:1 >/dev/null; done
on m1 service create -d -q --no-resolve-image --name web --mode global --restart-delay 0s --stop-grace-period 100ms box:1 sleep 1000 >/dev/null
whole() { [ "$(on m1 service ls --format '{{.Replicas}}')" = 4/4 ]; }
within 15 'tasks run on all of them' whole

# --- they come back ---------------------------------------------------------------------------------------------
renewals() { grep -c "certificate is new" "$lab/$1/agent.log"; }
for name in m2 w1; do kill_host $name; done
start_off $((20 * year)) w1
start_off $((-1 * year)) m2
within 20 'with their clocks off the other way they come back' ready
back() { on m2 node ls; }
within 15 'the manager manages' back
within 15 'and the tasks run' whole
on m1 node demote m2 >/dev/null
is_worker() { [ "$(on m2 info --format '{{.Swarm.ControlAvailable}}')" = false ]; }
within 15 'it is demoted' is_worker
on m1 node promote m2 >/dev/null
within 20 'and promoted' back
within 15 'all are ready' ready
is 'nobody renews without need' "$(renewals w1) $(renewals w2)" '0 0'
on m1 service rm web >/dev/null
for name in m1 m2 w1 w2; do await 10 bash -c "[ -z \"\$('$shipped' -H 'unix://$lab/$name/run/swarmbox.sock' ps -aq)\" ]"; done
