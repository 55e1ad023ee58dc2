/* conntrack.h - ctnetlink messages: the kernel's table of connections, read and thinned out. Pure.
 *
 * linux/netfilter/nfnetlink_conntrack.h. A connection that came through a published port has the
 * client as original source, the port as original destination, and the container as source of the
 * replies.
 */
#pragma once
#include "base/buf.h"
#include "base/ip.h"
#include "net/netlink.h"

struct conntrack_tuple { struct ip source, dest; uint16_t source_port, dest_port; };
struct conntrack_entry {
	uint8_t proto;                   /* IPPROTO_* */
	uint8_t state; /* of TCP or SCTP: enum tcp_conntrack, enum sctp_conntrack */
	uint16_t zone;
	uint32_t status;                 /* IPS_* */
	uint32_t id;                     /* the kernel's, to be handed back */
	struct conntrack_tuple original, reply;
};
/* False for what is not IPv4, has no ports, or is malformed. */
bool conntrack_decode(const struct netlink_msg *msg, struct conntrack_entry *ret);

/* The whole table, or what has one of these status bits (kernels before 5.15 give the whole table
 * all the same). */
void conntrack_put_dump(struct buf *out, uint32_t seq, uint32_t status_bits);
/* Exactly this entry; ENOENT when it ended meanwhile. */
void conntrack_put_delete(struct buf *out, uint32_t seq, const struct conntrack_entry *entry);

/* Did it come through a published port? */
bool conntrack_is_published(const struct conntrack_entry *entry);
/* TCP or SCTP that may still carry data; one that both sides have closed is not. */
bool conntrack_is_live(const struct conntrack_entry *entry);
