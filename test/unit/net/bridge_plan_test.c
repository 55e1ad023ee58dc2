#include "net/bridge_plan.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "net/conntrack.h"
#include "net/net.h"
#include "test/unit/runner.h"

static struct link links[] = {
	{ .index = 1, .name = "lo", .mtu = 65536 },
	{ .index = 2, .name = "eth0", .mtu = 1450 },
	{ .index = 7, .name = "sb0", .kind = "bridge", .alias = "swarmbox t bridge", .mtu = 1500 },
	{ .index = 8, .name = "mine", .kind = "bridge", .mtu = 1500 },
	{ .index = 9, .name = "jumbo", .mtu = 9000 },
};
static struct link_addr addrs[] = {
	{ 1, { { 4, { 127, 0, 0, 1 } }, 8 } },
	{ 2, { { 4, { 172, 18, 3, 4 } }, 24 } },
	{ 7, { { 4, { 172, 20, 0, 1 } }, 16 } },
};
static struct link_route routes[] = {
	{ { { 4, { 0 } }, 0 }, 2 },
	{ { { 4, { 172, 18, 3, 0 } }, 24 }, 2 },
	{ { { 4, { 172, 20, 0, 0 } }, 16 }, 7 },
};
static const struct reality reality = {
	links, addrs, routes, ARRAY_COUNT(links), ARRAY_COUNT(addrs), ARRAY_COUNT(routes)
};

static struct bridge_plan plan;

/* "" or what is wrong. */
static const char *make(const char *name, const char *asked)
{
	static struct err err;
	struct cidr range = { 0 };

	err.text[0] = 0;
	if (asked)
		EXPECT(cidr_parse(asked, &range) == 0);
	return bridge_plan_make(&reality, "t", name, range, &plan, &err) == 0 ? "" : err.text;
}

TEST(bridge_plan_gives_a_new_bridge_the_first_free_range_and_the_mtu_of_the_way_out)
{
	char text[CIDR_TEXT_SIZE];

	EXPECT_STR(make("new0", NULL), "");
	EXPECT_STR(cidr_format(plan.subnet, text), "172.19.0.0/16");
	EXPECT(ip_eq(plan.gateway, ip4(172, 19, 0, 1)));
	EXPECT(plan.index == 0 && plan.is_ours && !plan.has_address);
	EXPECT_INT(plan.mtu, 1450);
}

TEST(bridge_plan_keeps_the_range_of_our_own_bridge)
{
	EXPECT_STR(make("sb0", NULL), "");
	EXPECT(plan.index == 7 && plan.is_ours && plan.has_address);
	EXPECT(ip_eq(plan.gateway, ip4(172, 20, 0, 1)) &&
	       ip_eq(plan.subnet.ip, ip4(172, 20, 0, 0)));
	EXPECT_STR(make("sb0", "172.20.9.9/16"), "");
	EXPECT_STR(make("sb0", "10.1.0.0/16"),
		   "bridge 'sb0': has 172.20.0.1/16 already, not 10.1.0.0/16; remove the bridge or "
		   "ask for its range");
}

TEST(bridge_plan_uses_a_bridge_of_the_users_without_owning_it)
{
	EXPECT_STR(make("mine", "10.1.2.0/24"), "");
	EXPECT(plan.index == 8 && !plan.is_ours && !plan.has_address);
	EXPECT(ip_eq(plan.gateway, ip4(10, 1, 2, 1)));
}

TEST(bridge_plan_refuses_what_collides)
{
	struct err err = { 0 };

	EXPECT_STR(make("new0", "172.18.0.0/16"),
		   "subnet '172.18.0.0/16': overlaps 172.18.3.4/24, which this host already uses");
	EXPECT_STR(make("eth0", NULL),
		   "bridge 'eth0': a link of that name exists and is no bridge");
	EXPECT_STR(make("new0", "10.0.0.0/30"), "subnet '10.0.0.0/30': the prefix must be 8 to 29");
	EXPECT(bridge_plan_make(&reality, "u", "sb0", (struct cidr){ 0 }, &plan, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT_STR(err.text, "bridge 'sb0': belongs to 'swarmbox t bridge'; choose another name");
}

/* ---- conntrack ---- */

static struct conntrack_entry entry_of(uint8_t proto, uint8_t state)
{
	return (struct conntrack_entry){
		.proto = proto, .state = state, .status = IPS_DST_NAT, .id = 0x01020304, .zone = 3,
		.original = { ip4(198, 51, 100, 9), ip4(198, 51, 100, 1), 40000, 8080 },
	};
}

TEST(conntrack_names_the_entry_to_delete_by_tuple_zone_and_id)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct conntrack_entry entry = entry_of(NET_TCP, 3), read;
	struct netlink_msg msg;
	struct netlink_attr table[CTA_ZONE + 1];

	conntrack_put_delete(&out, 1, &entry);
	struct netlink_walk walk = netlink_walk_of(out.data, out.len);
	EXPECT(netlink_next_msg(&walk, &msg));
	netlink_index(netlink_attrs_of(&msg, 4), table, ARRAY_COUNT(table));
	EXPECT_INT(netlink_be32(&table[CTA_ID]), 0x01020304);
	EXPECT_INT(netlink_be16(&table[CTA_ZONE]), 3);
	EXPECT_INT(table[CTA_TUPLE_ORIG].bytes, 4 + 8 + 8 + 4 + 8 + 8 + 8);
	EXPECT(!conntrack_decode(&msg, &read));              /* it is no entry, and has no reply */
}

TEST(conntrack_counts_what_may_still_carry_data)
{
	static const struct { uint8_t proto, state; bool is_live;
	} cases[] = {
		{ NET_TCP, 0, false }, { NET_TCP, 1, true },   { NET_TCP, 3, true },
		{ NET_TCP, 4, true },  { NET_TCP, 5, true },   { NET_TCP, 6, false },
		{ NET_TCP, 7, false }, { NET_TCP, 8, false }, /* LAST_ACK, TIME_WAIT, CLOSE */
		{ NET_SCTP, 4, true }, { NET_SCTP, 7, false }, { NET_UDP, 0, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct conntrack_entry entry = entry_of(cases[i].proto, cases[i].state);
		EXPECT(conntrack_is_live(&entry) == cases[i].is_live);
	}
}
