#!/bin/bash
# What a container's root may send to its host over the bridge, as Docker gives it raw sockets (CAP_NET_RAW): frames made by hand, from inside
# its network namespace.
. "${0%/*}/lib.sh"
start_agent && init
sb service create -d -q --name one swarmbox:latest >/dev/null
within 10 'a container runs' runs one 1/1
pid=$(sb inspect "$(sb ps -q)" --format '{{.State.Pid}}')
bridge=$(ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/')
mac=$(ip -o link show dev "$bridge" | sed 's/.*link.ether \([0-9a-f:]*\).*/\1/')
address=$(ip -4 -o addr show dev "$bridge" | sed 's/.*inet \([0-9.]*\).*/\1/')
own=$(nsenter --net="/proc/$pid/ns/net" ip -4 -o addr show dev eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')

cat >"$lab/wire.py" <<'PY'
import socket, struct, sys
def total(b):
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0x800))
def send(mac, kind, packet):
    wire.send(bytes.fromhex(mac.replace(":", "")) + wire.getsockname()[4] + struct.pack("!H", kind) + packet)
def udp(mac, source, to, port, word):
    body = struct.pack("!HHHH", 999, port, 8 + len(word), 0) + word.encode()
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(to))
    send(mac, 0x800, head[:10] + struct.pack("!H", total(head)) + head[12:] + body)
def advertise(prefix):
    ends = socket.inet_pton(socket.AF_INET6, "fe80::bad") + socket.inet_pton(socket.AF_INET6, "ff02::1")
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400, 86400, 0) + socket.inet_pton(socket.AF_INET6, prefix)
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    body = body[:2] + struct.pack("!H", total(ends + struct.pack("!II", len(body), 58) + body)) + body[4:]
    send("33:33:00:00:00:01", 0x86dd, struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ends + body)
exec(sys.argv[1])
PY
# CVE-2024-32473: the network has IPv4 only; an address that the link gave itself would reach the host and the neighbours all the same
is "the container's link has no IPv6 address" "$(nsenter --net="/proc/$pid/ns/net" ip -6 -o addr show dev eth0)" ''
has 'its loopback has one' "$(nsenter --net="/proc/$pid/ns/net" ip -6 -o addr show dev lo)" '::1'
inside() { nsenter --net="/proc/$pid/ns/net" python3 "$lab/wire.py" "$1"; }

# two sockets of the host: one for itself alone, one for everybody
python3 - "$lab/heard" <<'PY' &
import socket, sys, select
socks = []
for host, port in ("127.0.0.1", 7001), ("0.0.0.0", 7002):
    socks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    socks[-1].bind((host, port))
open(sys.argv[1], "w").write("ready\n")
while True:
    for s in select.select(socks, [], [])[0]:
        open(sys.argv[1], "a").write(s.recv(100).decode() + "\n")
PY
listener=$!
await 10 grep -q ready "$lab/heard"

# CVE-2020-13401: an advertisement that would make the container the host's way to the IPv6 internet
inside 'advertise("2001:db8:bad::")'
# CVE-2020-8558: to the host's 127.0.0.1, put on the wire by hand. To the bridge's own address it arrives, so it is well made.
inside "udp('$mac', '$own', '127.0.0.1', 7001, 'to-loopback')"
inside "udp('$mac', '127.0.0.1', '127.0.0.1', 7001, 'from-loopback')"
inside "udp('$mac', '127.0.0.1', '$address', 7002, 'disguised')"
inside "udp('$mac', '$own', '$address', 7002, 'plain')"
within 5 'a frame made by hand reaches the host' grep -q plain "$lab/heard"
is 'none reaches its 127.0.0.1, nor comes from there' "$(grep -e loopback -e disguised "$lab/heard")" ''
# the advertisement has come as well: it was sent first on the same wire
is 'an advertisement of a container makes no route of the host' "$(ip -6 route show | grep -e default -e 2001:db8:bad)" ''
is 'nor an address' "$(ip -6 addr show dev "$bridge" | grep 2001:db8:bad)" ''
# and would have made one where nobody forbids it
echo 1 >"/proc/sys/net/ipv6/conf/$bridge/accept_ra"
inside 'advertise("2001:db8:bad::")'
within 5 'it would have' bash -c "ip -6 route show | grep -q 2001:db8:bad"

kill $listener
wait $listener 2>/dev/null
sb service rm one >/dev/null
within 10 'the container goes' no_containers
