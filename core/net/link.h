/* link.h - rtnetlink messages for what this room makes, and the reading of what the kernel has.
 * Pure.
 *
 * rtnetlink(7), linux/if_link.h, linux/veth.h. Each link_put_* appends one message; indexes are the
 * kernel's, addresses IPv4.
 */
#pragma once
#include <net/if.h>

#include "base/buf.h"
#include "base/ip.h"
#include "net/netlink.h"

#define LINK_MAC_BYTES  6
#define LINK_ALIAS_SIZE 256      /* IFALIASZ: what the kernel keeps of a link's alias, with NUL */
#define LINK_LO_INDEX   1        /* in every network namespace */
#define LINK_LEG_NAME   "eth0"   /* the container's end */

struct link {
	int index, master;               /* master 0: none */
	unsigned mtu, flags;             /* IFF_* */
	uint32_t group;
	bool is_operating;               /* RFC 2863: up and able to pass packets */
	bool is_forwarding;              /* a port of a bridge through which packets pass */
	char name[IF_NAMESIZE];
	char kind[16];                   /* "veth", "bridge", "" */
	char alias[LINK_ALIAS_SIZE];
};
struct link_addr { int index; struct cidr address; };
struct link_route { struct cidr to; int out_index; };    /* prefix 0: a default route */

/* False for messages of another kind, and for addresses and routes that are not IPv4 unicast. */
bool link_decode(const struct netlink_msg *msg, struct link *ret);
bool link_decode_addr(const struct netlink_msg *msg, struct link_addr *ret);
bool link_decode_route(const struct netlink_msg *msg, struct link_route *ret);

/* RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE, whole table. */
void link_put_dump(struct buf *out, uint32_t seq, uint16_t type);
/* One link by its name, or by its index when name is NULL; the answer is an RTM_NEWLINK and an
 * acknowledgement. */
void link_put_find(struct buf *out, uint32_t seq, const char *name, int index);

void link_put_bridge(struct buf *out, uint32_t seq, const char *name,
		     const uint8_t mac[LINK_MAC_BYTES], unsigned mtu);
/* A pair: the host's end is up and a port of the bridge, the other is made in the namespace and
 * stays down, because a peer that is made up fails with ENOTCONN (seen on 6.1 and 6.18). */
struct link_veth {
	const char *name;
	int bridge_index, netns_fd;
	unsigned mtu;
	uint8_t mac[LINK_MAC_BYTES];     /* of the container's end */
};
void link_put_veth(struct buf *out, uint32_t seq, const struct link_veth *veth);
/* Can only fail: with EOPNOTSUPP where the kernel has no such kind of link, else because of its
 * name. */
void link_put_probe(struct buf *out, uint32_t seq, const char *kind);
/* A port's alias, and hairpin: with bridge-nf-call-iptables on, a container that picks itself
 * behind a published port gets its own packet back through the port it came from. */
void link_put_port_settings(struct buf *out, uint32_t seq, const char *name, const char *alias);
void link_put_alias(struct buf *out, uint32_t seq, int index, const char *alias);
void link_put_up(struct buf *out, uint32_t seq, int index);
/* Links of one group end together: the kernel waits once for all of them, not once for each (36 ms
 * on a loaded machine). */
void link_put_group(struct buf *out, uint32_t seq, const char *name, uint32_t group);
void link_put_delete_group(struct buf *out, uint32_t seq, uint32_t group);
void link_put_address(struct buf *out, uint32_t seq, int index, struct cidr address);
void link_put_default_route(struct buf *out, uint32_t seq, int index, struct ip gateway);

/* 02:42 and the address, as Docker does: locally administered, and the same address never changes
 * its MAC. */
void link_mac_of(struct ip ip, uint8_t ret_mac[LINK_MAC_BYTES]);
