#include "net/link.h"

#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <string.h>

#include "base/str.h"

#define CREATE (NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL)

/* IF_OPER_UP of linux/if.h, which cannot stand beside net/if.h */
#define OPER_UP 6

/* ---- reading ---- */

static void copy_str(char *to, size_t size, const struct netlink_attr *attr)
{
	const char *text = netlink_str(attr);

	str_copy(to, size, text ? text : "");
}

static bool is_forwarding(const struct netlink_attr *info)
{
	struct netlink_attr port[IFLA_BRPORT_STATE + 1];

	netlink_index(netlink_nested(&info[IFLA_INFO_SLAVE_DATA]), port, ARRAY_COUNT(port));
	return str_eq(netlink_str(&info[IFLA_INFO_SLAVE_KIND]), "bridge") &&
	       netlink_u8(&port[IFLA_BRPORT_STATE]) == BR_STATE_FORWARDING;
}

bool link_decode(const struct netlink_msg *msg, struct link *ret)
{
	struct ifinfomsg info;
	struct netlink_attr table[IFLA_GROUP + 1], kinds[IFLA_INFO_SLAVE_DATA + 1];

	if (msg->type != RTM_NEWLINK || msg->bytes < sizeof(info))
		return false;
	memcpy(&info, msg->body, sizeof(info));
	if (info.ifi_family != AF_UNSPEC)
		return false;
	netlink_index(netlink_attrs_of(msg, sizeof(info)), table, ARRAY_COUNT(table));
	netlink_index(netlink_nested(&table[IFLA_LINKINFO]), kinds, ARRAY_COUNT(kinds));

	*ret = (struct link){
		.index = info.ifi_index,
		.flags = info.ifi_flags,
		.master = (int)netlink_u32(&table[IFLA_MASTER]),
		.mtu = netlink_u32(&table[IFLA_MTU]),
		.group = netlink_u32(&table[IFLA_GROUP]),
		.is_operating = netlink_u8(&table[IFLA_OPERSTATE]) == OPER_UP,
		.is_forwarding = is_forwarding(kinds),
	};
	copy_str(ret->name, sizeof(ret->name), &table[IFLA_IFNAME]);
	copy_str(ret->alias, sizeof(ret->alias), &table[IFLA_IFALIAS]);
	copy_str(ret->kind, sizeof(ret->kind), &kinds[IFLA_INFO_KIND]);
	return true;
}

static bool read_ip4(const struct netlink_attr *attr, struct ip *ret)
{
	if (!attr->data || attr->bytes != 4)
		return false;
	*ret = ip4(attr->data[0], attr->data[1], attr->data[2], attr->data[3]);
	return true;
}

bool link_decode_addr(const struct netlink_msg *msg, struct link_addr *ret)
{
	struct ifaddrmsg info;
	struct netlink_attr table[IFA_LOCAL + 1];

	if (msg->type != RTM_NEWADDR || msg->bytes < sizeof(info))
		return false;
	memcpy(&info, msg->body, sizeof(info));
	netlink_index(netlink_attrs_of(msg, sizeof(info)), table, ARRAY_COUNT(table));
	if (info.ifa_family != AF_INET || info.ifa_prefixlen > 32)
		return false;

	ret->index = (int)info.ifa_index;
	ret->address.prefix = info.ifa_prefixlen;
	return read_ip4(&table[IFA_LOCAL], &ret->address.ip) ||
	       read_ip4(&table[IFA_ADDRESS], &ret->address.ip);
}

bool link_decode_route(const struct netlink_msg *msg, struct link_route *ret)
{
	struct rtmsg info;
	struct netlink_attr table[RTA_OIF + 1];

	if (msg->type != RTM_NEWROUTE || msg->bytes < sizeof(info))
		return false;
	memcpy(&info, msg->body, sizeof(info));
	netlink_index(netlink_attrs_of(msg, sizeof(info)), table, ARRAY_COUNT(table));
	if (info.rtm_family != AF_INET || info.rtm_type != RTN_UNICAST || info.rtm_dst_len > 32)
		return false;

	ret->to = (struct cidr){ ip4(0, 0, 0, 0), info.rtm_dst_len };
	ret->out_index = (int)netlink_u32(&table[RTA_OIF]);
	return read_ip4(&table[RTA_DST], &ret->to.ip) || info.rtm_dst_len == 0;
}

/* ---- asking ---- */

void link_put_dump(struct buf *out, uint32_t seq, uint16_t type)
{
	struct ifinfomsg any = { .ifi_family = type == RTM_GETLINK ? AF_UNSPEC : AF_INET };

	/* The first byte is the family in all three; the rest of a longer header is zero, which
	 * means no filter. */
	netlink_end(out,
		    netlink_begin(out, type, NLM_F_REQUEST | NLM_F_DUMP, seq, &any, sizeof(any)));
}

static size_t begin_link(struct buf *out, uint32_t seq, uint16_t type, uint16_t flags, int index,
			 unsigned up)
{
	struct ifinfomsg info = { .ifi_index = index, .ifi_flags = up, .ifi_change = up };

	return netlink_begin(out, type, NLM_F_REQUEST | flags, seq, &info, sizeof(info));
}

void link_put_find(struct buf *out, uint32_t seq, const char *name, int index)
{
	size_t at = begin_link(out, seq, RTM_GETLINK, 0, name ? 0 : index, 0);

	if (name)
		netlink_put_str(out, IFLA_IFNAME, name);
	netlink_end(out, at);
}

/* ---- making ---- */

void link_put_bridge(struct buf *out, uint32_t seq, const char *name,
		     const uint8_t mac[LINK_MAC_BYTES], unsigned mtu)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, CREATE, 0, IFF_UP);

	netlink_put_str(out, IFLA_IFNAME, name);
	/* A MAC of its own: else the bridge takes the lowest of its ports', and changes it as
	 * containers come and go. */
	netlink_put(out, IFLA_ADDRESS, mac, LINK_MAC_BYTES);
	netlink_put_u32(out, IFLA_MTU, mtu);
	size_t info = netlink_nest(out, IFLA_LINKINFO);
	netlink_put_str(out, IFLA_INFO_KIND, "bridge");
	size_t data = netlink_nest(out, IFLA_INFO_DATA);
	/* Without snooping the bridge sends no queries and keeps no group timers per port. */
	netlink_put_u8(out, IFLA_BR_MCAST_SNOOPING, 0);
	netlink_unnest(out, data);
	netlink_unnest(out, info);
	netlink_end(out, at);
}

static void put_peer(struct buf *out, const struct link_veth *veth)
{
	size_t at = netlink_nest(out, VETH_INFO_PEER);
	struct ifinfomsg down = { 0 };

	buf_add(out, &down, sizeof(down));
	netlink_put_str(out, IFLA_IFNAME, LINK_LEG_NAME);
	netlink_put(out, IFLA_ADDRESS, veth->mac, LINK_MAC_BYTES);
	netlink_put_u32(out, IFLA_MTU, veth->mtu);
	netlink_put_u32(out, IFLA_NET_NS_FD, (uint32_t)veth->netns_fd);
	netlink_unnest(out, at);
}

void link_put_veth(struct buf *out, uint32_t seq, const struct link_veth *veth)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, CREATE, 0, IFF_UP);

	netlink_put_str(out, IFLA_IFNAME, veth->name);
	netlink_put_u32(out, IFLA_MTU, veth->mtu);
	netlink_put_u32(out, IFLA_MASTER, (uint32_t)veth->bridge_index);
	size_t info = netlink_nest(out, IFLA_LINKINFO);
	netlink_put_str(out, IFLA_INFO_KIND, "veth");
	size_t data = netlink_nest(out, IFLA_INFO_DATA);
	put_peer(out, veth);
	netlink_unnest(out, data);
	netlink_unnest(out, info);
	netlink_end(out, at);
}

void link_put_probe(struct buf *out, uint32_t seq, const char *kind)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, CREATE | NLM_F_ACK, 0, 0);

	netlink_put_str(out, IFLA_IFNAME, "a/b");
	size_t info = netlink_nest(out, IFLA_LINKINFO);
	netlink_put_str(out, IFLA_INFO_KIND, kind);
	netlink_unnest(out, info);
	netlink_end(out, at);
}

void link_put_port_settings(struct buf *out, uint32_t seq, const char *name, const char *alias)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, 0, 0, 0);

	netlink_put_str(out, IFLA_IFNAME, name);
	netlink_put(out, IFLA_IFALIAS, alias, strlen(alias));
	size_t info = netlink_nest(out, IFLA_LINKINFO);
	netlink_put_str(out, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t data = netlink_nest(out, IFLA_INFO_SLAVE_DATA);
	netlink_put_u8(out, IFLA_BRPORT_MODE, 1);
	netlink_unnest(out, data);
	netlink_unnest(out, info);
	netlink_end(out, at);
}

void link_put_alias(struct buf *out, uint32_t seq, int index, const char *alias)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, 0, index, 0);

	netlink_put(out, IFLA_IFALIAS, alias, strlen(alias));
	netlink_end(out, at);
}

void link_put_up(struct buf *out, uint32_t seq, int index)
{
	netlink_end(out, begin_link(out, seq, RTM_NEWLINK, 0, index, IFF_UP));
}

void link_put_group(struct buf *out, uint32_t seq, const char *name, uint32_t group)
{
	size_t at = begin_link(out, seq, RTM_NEWLINK, 0, 0, 0);

	netlink_put_str(out, IFLA_IFNAME, name);
	netlink_put_u32(out, IFLA_GROUP, group);
	netlink_end(out, at);
}

void link_put_delete_group(struct buf *out, uint32_t seq, uint32_t group)
{
	size_t at = begin_link(out, seq, RTM_DELLINK, 0, 0, 0);

	netlink_put_u32(out, IFLA_GROUP, group);
	netlink_end(out, at);
}

void link_put_address(struct buf *out, uint32_t seq, int index, struct cidr address)
{
	struct ifaddrmsg info = { .ifa_family = AF_INET,
				  .ifa_prefixlen = address.prefix,
				  .ifa_index = (uint32_t)index };
	uint32_t host_bits = address.prefix == 32 ? 0 : UINT32_MAX >> address.prefix;
	size_t at = netlink_begin(out, RTM_NEWADDR, CREATE, seq, &info, sizeof(info));

	netlink_put(out, IFA_LOCAL, address.ip.bytes, 4);
	netlink_put(out, IFA_ADDRESS, address.ip.bytes, 4);
	netlink_put_be32(out, IFA_BROADCAST, ip4_to_u32(address.ip) | host_bits);
	netlink_end(out, at);
}

void link_put_default_route(struct buf *out, uint32_t seq, int index, struct ip gateway)
{
	struct rtmsg info = {
		.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
	};
	size_t at = netlink_begin(out, RTM_NEWROUTE, CREATE, seq, &info, sizeof(info));

	netlink_put(out, RTA_GATEWAY, gateway.bytes, 4);
	netlink_put_u32(out, RTA_OIF, (uint32_t)index);
	netlink_end(out, at);
}

void link_mac_of(struct ip ip, uint8_t ret_mac[LINK_MAC_BYTES])
{
	ret_mac[0] = 0x02;
	ret_mac[1] = 0x42;
	memcpy(ret_mac + 2, ip.bytes, 4);
}
