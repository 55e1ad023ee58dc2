#include "net/conntrack.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "net/net.h"

#define TYPE_OF(message) ((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | (message)))

/* ---- reading ---- */

static bool read_address(const struct netlink_attr *attr, struct ip *ret)
{
	if (!attr->data || attr->bytes != 4)
		return false;
	*ret = ip4(attr->data[0], attr->data[1], attr->data[2], attr->data[3]);
	return true;
}

static bool read_tuple(const struct netlink_attr *attr, uint8_t *ret_proto,
		       struct conntrack_tuple *ret)
{
	struct netlink_attr parts[CTA_TUPLE_PROTO + 1], ip[CTA_IP_V4_DST + 1],
		proto[CTA_PROTO_DST_PORT + 1];

	netlink_index(netlink_nested(attr), parts, ARRAY_COUNT(parts));
	netlink_index(netlink_nested(&parts[CTA_TUPLE_IP]), ip, ARRAY_COUNT(ip));
	netlink_index(netlink_nested(&parts[CTA_TUPLE_PROTO]), proto, ARRAY_COUNT(proto));

	*ret_proto = netlink_u8(&proto[CTA_PROTO_NUM]);
	ret->source_port = netlink_be16(&proto[CTA_PROTO_SRC_PORT]);
	ret->dest_port = netlink_be16(&proto[CTA_PROTO_DST_PORT]);
	return proto[CTA_PROTO_DST_PORT].data && read_address(&ip[CTA_IP_V4_SRC], &ret->source) &&
	       read_address(&ip[CTA_IP_V4_DST], &ret->dest);
}

static uint8_t read_state(const struct netlink_attr *attr, uint8_t proto)
{
	struct netlink_attr kinds[CTA_PROTOINFO_SCTP + 1], state[CTA_PROTOINFO_TCP_STATE + 1];

	netlink_index(netlink_nested(attr), kinds, ARRAY_COUNT(kinds));
	netlink_index(
		netlink_nested(&kinds[proto == NET_SCTP ? CTA_PROTOINFO_SCTP : CTA_PROTOINFO_TCP]),
		state, ARRAY_COUNT(state));
	_Static_assert(CTA_PROTOINFO_TCP_STATE == (int)CTA_PROTOINFO_SCTP_STATE,
		       "one number for both states");
	return netlink_u8(&state[CTA_PROTOINFO_TCP_STATE]);
}

bool conntrack_decode(const struct netlink_msg *msg, struct conntrack_entry *ret)
{
	struct netlink_attr table[CTA_ZONE + 1];
	struct conntrack_entry entry = { 0 };
	uint8_t reply_proto;

	if (msg->type != TYPE_OF(IPCTNL_MSG_CT_NEW) || msg->bytes < sizeof(struct nfgenmsg) ||
	    msg->body[0] != NFPROTO_IPV4)
		return false;
	netlink_index(netlink_attrs_of(msg, sizeof(struct nfgenmsg)), table, ARRAY_COUNT(table));
	if (!read_tuple(&table[CTA_TUPLE_ORIG], &entry.proto, &entry.original) ||
	    !read_tuple(&table[CTA_TUPLE_REPLY], &reply_proto, &entry.reply))
		return false;
	entry.status = netlink_be32(&table[CTA_STATUS]);
	entry.id = netlink_be32(&table[CTA_ID]);
	entry.zone = netlink_be16(&table[CTA_ZONE]);
	entry.state = read_state(&table[CTA_PROTOINFO], entry.proto);
	*ret = entry;
	return true;
}

/* ---- asking ---- */

static size_t begin(struct buf *out, uint32_t seq, uint16_t type, uint16_t flags)
{
	struct nfgenmsg family = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };

	return netlink_begin(out, TYPE_OF(type), NLM_F_REQUEST | flags, seq, &family,
			     sizeof(family));
}

void conntrack_put_dump(struct buf *out, uint32_t seq, uint32_t status_bits)
{
	size_t at = begin(out, seq, IPCTNL_MSG_CT_GET, NLM_F_DUMP);

	if (status_bits) {
		netlink_put_be32(out, CTA_STATUS, status_bits);
		netlink_put_be32(out, CTA_STATUS_MASK, status_bits);
	}
	netlink_end(out, at);
}

static void put_tuple(struct buf *out, uint8_t proto, const struct conntrack_tuple *tuple)
{
	size_t at = netlink_nest(out, CTA_TUPLE_ORIG);
	size_t ip = netlink_nest(out, CTA_TUPLE_IP);

	netlink_put(out, CTA_IP_V4_SRC, tuple->source.bytes, 4);
	netlink_put(out, CTA_IP_V4_DST, tuple->dest.bytes, 4);
	netlink_unnest(out, ip);
	size_t ports = netlink_nest(out, CTA_TUPLE_PROTO);
	netlink_put_u8(out, CTA_PROTO_NUM, proto);
	netlink_put_be16(out, CTA_PROTO_SRC_PORT, tuple->source_port);
	netlink_put_be16(out, CTA_PROTO_DST_PORT, tuple->dest_port);
	netlink_unnest(out, ports);
	netlink_unnest(out, at);
}

void conntrack_put_delete(struct buf *out, uint32_t seq, const struct conntrack_entry *entry)
{
	size_t at = begin(out, seq, IPCTNL_MSG_CT_DELETE, 0);

	put_tuple(out, entry->proto, &entry->original);
	if (entry->zone)
		netlink_put_be16(out, CTA_ZONE, entry->zone);
	/* The id keeps us from deleting a new connection of the same addresses and ports. */
	netlink_put_be32(out, CTA_ID, entry->id);
	netlink_end(out, at);
}

/* ---- meaning ---- */

bool conntrack_is_published(const struct conntrack_entry *entry)
{
	return (entry->status & IPS_DST_NAT) != 0;
}

bool conntrack_is_live(const struct conntrack_entry *entry)
{
	if (entry->proto == NET_TCP)
		return entry->state >= TCP_CONNTRACK_SYN_SENT &&
		       entry->state <= TCP_CONNTRACK_CLOSE_WAIT;
	if (entry->proto == NET_SCTP)
		return entry->state >= SCTP_CONNTRACK_COOKIE_WAIT &&
		       entry->state <= SCTP_CONNTRACK_ESTABLISHED;
	return false;
}
