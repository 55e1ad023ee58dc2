#include "net/netlink.h"

#include <linux/netlink.h>
#include <string.h>

#include "net/link.h"
#include "test/unit/runner.h"

TEST(netlink_builds_and_walks_the_same_message)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	const uint32_t family = 7;
	struct netlink_attr table[4];
	struct netlink_msg msg;

	size_t at = netlink_begin(&out, 16, NLM_F_REQUEST, 5, &family, sizeof(family));
	netlink_put_str(&out, 1, "abc12");               /* 6 bytes: two of padding */
	size_t nest = netlink_nest(&out, 2);
	netlink_put_be16(&out, 3, 0x1234);
	netlink_unnest(&out, nest);
	netlink_end(&out, at);
	netlink_add_flags(&out, at, NLM_F_ACK);
	EXPECT_INT(out.len, 16 + 4 + 12 + 4 + 8);

	struct netlink_walk walk = netlink_walk_of(out.data, out.len);
	EXPECT(netlink_next_msg(&walk, &msg));
	EXPECT_INT(msg.type, 16);
	EXPECT_INT(msg.flags, NLM_F_REQUEST | NLM_F_ACK);
	EXPECT_INT(msg.seq, 5);
	netlink_index(netlink_attrs_of(&msg, sizeof(family)), table, 4);
	EXPECT_STR(netlink_str(&table[1]), "abc12");
	netlink_index(netlink_nested(&table[2]), table, 4);
	EXPECT_INT(netlink_be16(&table[3]), 0x1234);
	EXPECT(!netlink_next_msg(&walk, &msg));
}

TEST(netlink_stops_at_lengths_that_lie)
{
	struct nlmsghdr header = { .nlmsg_len = 15 };
	struct nlattr attr = { .nla_len = 3 };
	struct netlink_msg msg;
	struct netlink_attr piece;

	struct netlink_walk walk = netlink_walk_of(&header, sizeof(header));
	EXPECT(!netlink_next_msg(&walk, &msg) && walk.at == walk.end);
	header.nlmsg_len = 17;
	walk = netlink_walk_of(&header, sizeof(header));
	EXPECT(!netlink_next_msg(&walk, &msg));
	walk = netlink_walk_of(&attr, sizeof(attr));
	EXPECT(!netlink_next_attr(&walk, &piece) && walk.at == walk.end);
	attr.nla_len = 5;
	walk = netlink_walk_of(&attr, sizeof(attr));
	EXPECT(!netlink_next_attr(&walk, &piece));
}

TEST(netlink_gives_nothing_for_values_of_another_size)
{
	struct netlink_attr attr = { .data = (const uint8_t *)"abc", .bytes = 3 }, absent = { 0 };

	EXPECT_INT(netlink_u32(&attr), 0);
	EXPECT_INT(netlink_be32(&attr), 0);
	EXPECT_INT(netlink_be16(&attr), 0);
	EXPECT_INT(netlink_u8(&attr), 0);
	EXPECT_STR(netlink_str(&attr), NULL);
	EXPECT_STR(netlink_str(&absent), NULL);
}

TEST(link_reads_back_what_the_kernel_would_say_of_a_leg)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct link link;
	struct netlink_msg msg;

	link_put_port_settings(&out, 1, "sb0123456789ab", "swarmbox t a 172.18.0.2");
	struct netlink_walk walk = netlink_walk_of(out.data, out.len);
	EXPECT(netlink_next_msg(&walk, &msg));
	EXPECT(link_decode(&msg, &link));
	EXPECT_STR(link.name, "sb0123456789ab");
	EXPECT(!link.is_forwarding);
	msg.bytes = 8;
	EXPECT(!link_decode(&msg, &link));
}

TEST(link_macs_follow_the_address)
{
	static const uint8_t want[] = { 0x02, 0x42, 172, 18, 1, 254 };
	uint8_t mac[LINK_MAC_BYTES];

	link_mac_of(ip4(172, 18, 1, 254), mac);
	EXPECT(memcmp(mac, want, sizeof(want)) == 0);
}
