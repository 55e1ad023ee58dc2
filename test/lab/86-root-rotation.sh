#!/bin/bash
# 86-root-rotation - the root certificate is replaced under three managers and two workers: every node renews, services go on, tokens of
# before let nobody in and those of after do, a node that is away is waited for, and nothing of the old root is left.
. "${0%/*}/lib.sh"
. "${0%/*}/hosts.sh"
hosts m1 m2 m3 w1 w2 w3
on m1 swarm init --advertise-addr 10.77.0.1 >/dev/null
worker=$(on m1 swarm join-token -q worker) manager=$(on m1 swarm join-token -q manager)
for host in m2 m3; do on $host swarm join --token "$manager" 10.77.0.1:2377 >/dev/null; done
for host in w1 w2; do on $host swarm join --token "$worker" 10.77.0.1:2377 >/dev/null; done
all_ready() { [ "$(on m1 node ls --format '{{.Status}}' | grep -c Ready)" = "$1" ]; }
within 5 'five nodes are ready' all_ready 5
on m1 service create -d -q --name web --replicas 5 swarmbox:latest >/dev/null
whole() { [ "$(on m1 service ls --filter name=web --format '{{.Replicas}}')" = 5/5 ]; }
within 10 'five tasks run' whole
containers=$(for host in m1 m2 m3 w1 w2; do on $host ps -q; done | sort)

old=$(on m1 swarm ca)
has 'flags of the replacement want it' "$(on m1 swarm ca --cert-expiry 1h 2>&1)" '`--cert-expiry` flag requires the `--rotate` flag to update the CA'

# --- one node is away -------------------------------------------------------------------------------------------
cut w2
is 'a replacement is begun by any manager' "$(on m2 swarm ca --rotate --detach 2>&1)" ''
in_progress() { on m1 info --format '{{.Swarm.Cluster.RootRotationInProgress}}'; }
is 'it goes on' "$(in_progress)" true
begin=$(milliseconds)
has 'a second one is refused meanwhile' "$(on m3 swarm ca --rotate --detach 2>&1)" 'the root certificate is being replaced already'
# what the leader refuses is not asked again and again until 20 seconds are over
[ $(($(milliseconds) - begin)) -lt 19000 ] && ok 'at once' || bad 'at once' "after $(($(milliseconds) - begin)) ms"
issuer_of() { on m1 node inspect "$1" --format '{{.Description.TLSInfo.CertIssuerPublicKey}}'; }
has_new() { for host; do [ "$(issuer_of "$host")" != "$before" ] || return 1; done; }
before=$(issuer_of w2)
within 10 'all others have certificates of the new root' has_new m1 m2 m3 w1
is 'the one that is away is waited for' "$(in_progress)" true
is 'till then the old root is told to people' "$(on m1 swarm ca)" "$old"
is 'a token of before lets in still' "$(on w3 swarm join --token "$worker" 10.77.0.2:2377 2>&1)" 'This node joined a swarm as a worker.'
# who comes back knows the old root alone, and has a certificate of it
heal w2
within 20 'the one that was away renews too' has_new w2
over() { [ "$(in_progress)" = false ]; }
within 10 'and that is the end of it' over

# --- after it ---------------------------------------------------------------------------------------------------
new=$(on m3 swarm ca)
[ "$new" != "$old" ] && ok 'the root is another one' || bad 'the root is another one'
fresh=$(on m1 swarm join-token -q worker)
[ "${fresh#SWMTKN-1-}" != "${worker#SWMTKN-1-}" ] && [ "${fresh%-*}" != "${worker%-*}" ] && ok 'both parts of the tokens are' || bad 'both parts of the tokens are' "$fresh"
trusts_new() { for host; do [ "$(cat "$lab/$host/data/certificates/swarm-root-ca.crt")" = "$new" ] || return 1; done; }
within 10 'no node trusts the old root any more' trusts_new m1 m2 m3 w1 w2 w3
within 10 'all are ready' all_ready 6
within 5 'the tasks run' whole
is 'where they ran in the same containers' "$(for host in m1 m2 m3 w1; do on $host ps -q; done | grep -cFf - <(echo "$containers"))" 4
gone=$(on w3 info --format '{{.Swarm.NodeID}}')
on w3 swarm leave >/dev/null
within 5 'who has left is removed' on m1 node rm "$gone"
has 'a token of before lets nobody in' "$(on w3 swarm join --token "$worker" 10.77.0.2:2377 2>&1)" 'fingerprint'
is 'one of after does' "$(on w3 swarm join --token "$fresh" 10.77.0.3:2377 2>&1)" 'This node joined a swarm as a worker.'

# --- nobody is away, and everybody is killed in the middle ------------------------------------------------------
begin=$(milliseconds)
is 'again, waited for: the new root is shown' "$(on m1 swarm ca --rotate | sed -n 2p)" '-----BEGIN CERTIFICATE-----'
echo "replaced in $(($(milliseconds) - begin)) ms"
is 'or nothing' "$(on m1 swarm ca --rotate --quiet 2>&1)" ''
second=$(on m1 swarm ca)
on m1 swarm ca --rotate --detach
for host in m1 m2 m3 w1; do kill_host $host; done
for host in m1 m2 m3 w1; do start_host $host; done
# a manager that was started again shows what it had on disk until it knows better
settled() { new=$(on m1 swarm ca) && [ "$new" != "$second" ] && over && trusts_new m1 m2 m3 w1 w2 w3; }
within 30 'kills in the middle change nothing: all trust the newest root alone' settled
within 20 'all are ready' all_ready 6

# --- a root of one's own ------------------------------------------------------------------------------------------
own=$lab/own
mkdir "$own"
brings() { # NAME CURVE DAYS: a root and its key
	openssl ecparam -name "$2" -genkey -noout 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -out "$own/$1.key" &&
		openssl req -new -x509 -key "$own/$1.key" -days "$3" -sha256 -subj '/C=DE/O=Acme, Inc./CN=Acme Root' -out "$own/$1.crt"
}
brings acme prime256v1 3650; brings short prime256v1 300; brings other secp384r1 3650
ca() { on m2 swarm ca "$@" 2>&1; }
has 'a root of ones own replaces only when asked to' "$(ca --ca-cert "$own/acme.crt")" '`--ca-cert` flag requires the `--rotate` flag to update the CA'
has 'it comes with its key' "$(ca --rotate --ca-cert "$own/acme.crt")" 'the --ca-cert flag requires that a --ca-key flag'
has 'a key alone is none' "$(ca --rotate --ca-key "$own/acme.key")" 'if a signing CA key is provided, the signing CA cert must also be provided'
has 'a file that is not there' "$(ca --rotate --ca-cert "$own/none" --ca-key "$own/acme.key")" "invalid argument \"$own/none\" for \"--ca-cert\" flag: "
has 'a file that is no PEM' "$(ca --rotate --ca-cert /etc/passwd --ca-key "$own/acme.key")" 'file contents must be in PEM format'
has "another's key" "$(ca --rotate --ca-cert "$own/acme.crt" --ca-key "$own/short.key")" 'InvalidArgument desc = root certificate: its key is another one'
has 'one that ends within a year' "$(ca --rotate --ca-cert "$own/short.crt" --ca-key "$own/short.key")" 'InvalidArgument desc = CA certificate expires too soon'
has 'one of another curve' "$(ca --rotate --ca-cert "$own/other.crt" --ca-key "$own/other.key")" 'P-256'
before=$(issuer_of w1)
is 'a good one, by the stock client' "$(as_docker m2 swarm ca --rotate --ca-cert "$own/acme.crt" --ca-key "$own/acme.key" --detach 2>&1)" ''
within 20 'all nodes get certificates of it' has_new m1 m2 m3 w1
within 20 'and that is the end of it' over
is 'it is the root' "$(on m3 swarm ca)" "$(cat "$own/acme.crt")"
new=$(on m3 swarm ca)
within 20 'no node trusts another' trusts_new m1 m2 m3 w1
within 20 'all are ready' all_ready 6
is 'its key lies in no state in the clear' "$(find "$lab"/m?/data -name '*.db*' -exec grep -la 'PRIVATE KEY' {} +)" ''
has 'it is not taken twice' "$(ca --rotate --ca-cert "$own/acme.crt" --ca-key "$own/acme.key")" 'Cannot update to a cert with an identical key'
