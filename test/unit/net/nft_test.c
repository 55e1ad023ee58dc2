#include "net/nft.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

#include "base/encode.h"
#include "net/net_plan.h"
#include "net/nft_diff.h"
#include "net/nft_state.h"
#include "test/unit/runner.h"

/* ---- bytes ---- */

static const char *hex_of(const struct buf *bytes)
{
	static char text[4096];

	EXPECT(bytes->len * 2 < sizeof(text));
	hex_encode((const uint8_t *)bytes->data, bytes->len, text);
	return text;
}

TEST(nft_encodes_a_transaction_byte_for_byte)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	const struct nft_chain chain = { .name = "c", .hook = { "nat", 3, -100 } };
	struct nft_ops ops = { 0 };
	uint32_t ack;

	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_ADD_TABLE });
	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_ADD_CHAIN, .name = "c", .chain = &chain });
	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_FLUSH_CHAIN, .name = "c" });
	nft_encode(&ops, "t", 7, &out, &ack);
	EXPECT_INT(ack, 10);
	EXPECT(nft_encode_seqs(&ops) >= 5);
	/* little-endian headers: length, type, flags, sequence, port; then family, version,
	 * resource */
	EXPECT_STR(hex_of(&out), "14000000"
				 "1000"
				 "0100"
				 "07000000"
				 "00000000"
				 "00"
				 "00"
				 "000a" /* BATCH_BEGIN for nf_tables */
				 "1c000000"
				 "000a"
				 "0104"
				 "08000000"
				 "00000000"
				 "02"
				 "00"
				 "0000" /* NEWTABLE, create */
				 "0600"
				 "0100"
				 "74000000" /* name */
				 "48000000"
				 "030a"
				 "0104"
				 "09000000"
				 "00000000"
				 "02"
				 "00"
				 "0000" /* NEWCHAIN */
				 "0600"
				 "0100"
				 "74000000"
				 "0600"
				 "0300"
				 "63000000" /* table, name */
				 "1400"
				 "0480"
				 "0800"
				 "0100"
				 "00000003"
				 "0800"
				 "0200"
				 "ffffff9c" /* hook 3, priority -100 */
				 "0800"
				 "0700"
				 "6e617400"
				 "0800"
				 "0500"
				 "00000001" /* type nat, policy accept */
				 "24000000"
				 "080a"
				 "0500"
				 "0a000000"
				 "00000000"
				 "02"
				 "00"
				 "0000" /* DELRULE, request and ack */
				 "0600"
				 "0100"
				 "74000000"
				 "0600"
				 "0200"
				 "63000000" /* table, chain, no handle: all */
				 "14000000"
				 "1100"
				 "0100"
				 "0b000000"
				 "00000000"
				 "00"
				 "00"
				 "000a"); /* BATCH_END */
	nft_ops_fini(&ops);
}

TEST(nft_encodes_a_rule_byte_for_byte)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct nft_rule rule = { 0 };
	struct nft_ops ops = { 0 };
	uint32_t ack;

	nft_drop(&rule);
	nft_rule_seal(&rule);
	memcpy(rule.digest, "sb:0", 5);
	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_ADD_RULE, .name = "c", .rule = &rule });
	nft_encode(&ops, "t", 1, &out, &ack);
	buf_drop_front(&out, 20);
	out.len -= 20;
	EXPECT_STR(hex_of(&out), "64000000"
				 "060a"
				 "050c"
				 "02000000"
				 "00000000"
				 "02"
				 "00"
				 "0000" /* NEWRULE, create, append, ack */
				 "0600"
				 "0100"
				 "74000000"
				 "0600"
				 "0200"
				 "63000000" /* table, chain */
				 "3400"
				 "0480"
				 "3000"
				 "0180" /* expressions, the first */
				 "0e00"
				 "0100"
				 "696d6d656469617465000000" /* immediate */
				 "1c00"
				 "0280"
				 "0800"
				 "0100"
				 "00000000" /* to the verdict register */
				 "1000"
				 "0280"
				 "0c00"
				 "0280"
				 "0800"
				 "0100"
				 "00000000" /* drop */
				 "0b00"
				 "0700"
				 "0005"
				 "73623a3000"
				 "00"); /* comment */
	nft_ops_fini(&ops);
}

/* Every message of it, walked: lengths fit, sequence numbers count up, only the last before the end
 * asks for an acknowledgement. */
static void check_batch(const struct nft_ops *ops)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	uint32_t ack, seq = 100, acks = 0;
	struct netlink_msg msg = { 0 };

	nft_encode(ops, "t", seq, &out, &ack);
	struct netlink_walk walk = netlink_walk_of(out.data, out.len);
	while (netlink_next_msg(&walk, &msg)) {
		EXPECT_INT(msg.seq, seq++);
		acks += (msg.flags & NLM_F_ACK) != 0;
		EXPECT(!(msg.flags & NLM_F_ACK) || msg.seq == ack);
	}
	EXPECT(walk.at == walk.end);
	EXPECT_INT(msg.type, NFNL_MSG_BATCH_END);
	EXPECT_INT(acks, 1);
	EXPECT(seq - 100 <= nft_encode_seqs(ops));
}

/* ---- what is planned ---- */

static struct ip addresses[5000];

static const struct nft_table *plan(struct arena *arena, const struct net_plan_port *ports,
				    size_t count)
{
	struct net_plan_host host = {
		.instance = "t",
		.bridge = "sbt0",
		.subnet = { ip4(172, 18, 0, 0), 16 },
		.ports = ports,
		.count = count,
	};

	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++)
		addresses[i] = ip4_from_u32(0xac120002u + (uint32_t)i);
	return net_plan_table(arena, &host);
}

static const char *diff_text(const struct nft_table *want, const struct nft_state *have)
{
	static char text[4096];
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct arena arena;
	struct nft_ops ops = { 0 };

	arena_init(&arena, "test", 64 << 20);
	nft_diff(want, have, &arena, &ops);
	nft_ops_format(&ops, &out);
	if (ops.count > 0)
		check_batch(&ops);
	nft_ops_fini(&ops);
	arena_fini(&arena);
	EXPECT(out.len < sizeof(text));
	memcpy(text, buf_text(&out), out.len + 1);
	return text;
}

struct world { struct arena arena; struct nft_state have; };

static void world_init(struct world *world, const struct net_plan_port *ports, size_t count)
{
	arena_init(&world->arena, "test", 64 << 20);
	nft_state_init(&world->have);
	if (ports)
		nft_state_assume(&world->have, plan(&world->arena, ports, count));
}

static void world_fini(struct world *world)
{
	nft_state_fini(&world->have);
	arena_fini(&world->arena);
}

static const struct net_plan_port two_ports[] = {
	{ NET_TCP, 8080, 80, addresses, 3, { 0 } }, { NET_UDP, 53, 53, addresses, 1, { 0 } },
};

TEST(nft_diff_makes_everything_where_nothing_is)
{
	struct world world;

	world_init(&world, NULL, 0);
	EXPECT_STR(diff_text(plan(&world.arena, two_ports, 2), &world.have),
		   "add table\nadd map addressed\nadd map ports\n"
		   "add chain tcp_8080\nadd chain udp_53\nadd chain loopback\nadd chain guard\nadd "
		   "chain from_net\n"
		   "add chain from_host\nadd chain to_net\n"
		   "add rule tcp_8080\nadd rule udp_53\nadd rule loopback\nadd rule loopback\nadd "
		   "rule guard\nadd rule from_net\nadd rule from_net\n"
		   "add rule from_host\nadd rule from_host\nadd rule to_net\nadd rule to_net\nadd rule to_net\n"
		   "add elements ports (2)\n");
	world_fini(&world);
}

TEST(nft_diff_says_nothing_when_nothing_differs)
{
	struct world world;

	world_init(&world, two_ports, 2);
	EXPECT_STR(diff_text(plan(&world.arena, two_ports, 2), &world.have), "");
	world_fini(&world);
}

TEST(nft_diff_changes_one_chain_when_one_backend_leaves)
{
	const struct net_plan_port fewer[] = { { NET_TCP, 8080, 80, addresses, 2, { 0 } }, two_ports[1] };
	struct world world;

	world_init(&world, two_ports, 2);
	EXPECT_STR(diff_text(plan(&world.arena, fewer, 2), &world.have),
		   "flush chain tcp_8080\nadd rule tcp_8080\n");
	world_fini(&world);
}

TEST(nft_diff_takes_a_port_out_of_the_map_before_its_chain_goes)
{
	const struct net_plan_port empty[] = { { NET_TCP, 8080, 80, addresses, 0, { 0 } }, two_ports[1] };
	struct world world;

	world_init(&world, two_ports, 2);
	EXPECT_STR(diff_text(plan(&world.arena, two_ports + 1, 1), &world.have),
		   "delete elements ports (1)\ndelete chain tcp_8080\n");
	EXPECT_STR(diff_text(plan(&world.arena, empty, 2), &world.have),
		   "delete elements ports (1)\ndelete chain tcp_8080\n");
	world_fini(&world);
}

/* The same port on two addresses of the host, and another on all of them. */
TEST(nft_plans_a_port_for_one_address_in_a_map_of_its_own)
{
	const struct net_plan_port ports[] = {
		{ NET_TCP, 8080, 80, addresses, 1, ip4(127, 0, 0, 1) },
		{ NET_TCP, 8080, 80, addresses + 1, 1, ip4(192, 0, 2, 1) },
		two_ports[1],
	};
	static const uint8_t key[NFT_KEY_MAX] = { 192, 0, 2, 1, NET_TCP, 0, 0, 0, 0x1f, 0x90 };
	struct world world;

	world_init(&world, two_ports, 2);
	const struct nft_table *table = plan(&world.arena, ports, 3);
	EXPECT_INT(table->map_count, 2);
	EXPECT_STR(table->maps[0].name, "addressed");
	EXPECT_INT(table->maps[0].count, 2);
	EXPECT_INT(table->maps[1].count, 1);
	EXPECT_STR(table->maps[0].elems[1].chain, "tcp_8080_192.0.2.1");
	EXPECT(memcmp(table->maps[0].elems[1].key, key, sizeof(key)) == 0);
	EXPECT_STR(diff_text(table, &world.have),
		   "add chain tcp_8080_127.0.0.1\nadd chain tcp_8080_192.0.2.1\n"
		   "delete elements ports (1)\nadd rule tcp_8080_127.0.0.1\n"
		   "add rule tcp_8080_192.0.2.1\nadd elements addressed (2)\n"
		   "delete chain tcp_8080\n");
	nft_state_assume(&world.have, table);
	EXPECT_STR(diff_text(table, &world.have), "");
	EXPECT_STR(diff_text(plan(&world.arena, ports + 1, 2), &world.have),
		   "delete elements addressed (1)\ndelete chain tcp_8080_127.0.0.1\n");
	world_fini(&world);
}

TEST(nft_diff_removes_what_nobody_planned)
{
	struct world world;

	world_init(&world, two_ports, 2);
	/* A chain and a rule of somebody else, and a port that leads elsewhere. */
	struct nft_state_chain *chain = &world.have.chains[0];
	struct nft_state_chain foreign = world.have.chains[1];
	memcpy(foreign.name, "other", 6);
	world.have.chains[world.have.chain_count++] = foreign;
	memcpy(chain->digests[0], "accept!", 8);
	memcpy(world.have.maps[1].elems[1].chain, "other", 6);
	EXPECT_STR(diff_text(plan(&world.arena, two_ports, 2), &world.have),
		   "delete elements ports (1)\nflush chain tcp_8080\nadd rule tcp_8080\nadd "
		   "elements ports (1)\ndelete chain other\n");
	world_fini(&world);
}

TEST(nft_diff_makes_the_table_anew_when_a_hook_or_a_map_has_another_shape)
{
	struct world world;

	world_init(&world, two_ports, 2);
	world.have.chains[2].priority = -299;
	const char *text = diff_text(plan(&world.arena, two_ports, 2), &world.have);
	EXPECT(strncmp(text, "delete table\nadd table\nadd map addressed\nadd map ports\n", 55) ==
	       0);
	nft_state_assume(&world.have, plan(&world.arena, two_ports, 2));
	world.have.maps[0].key_bytes = 4;
	EXPECT(strncmp(diff_text(plan(&world.arena, two_ports, 2), &world.have), "delete table\n",
		       13) == 0);
	world_fini(&world);
}

TEST(nft_splits_large_maps_into_messages_that_fit)
{
	const struct net_plan_port large = { NET_TCP, 80, 80, addresses, ARRAY_COUNT(addresses), { 0 } };
	struct world world;

	world_init(&world, NULL, 0);
	EXPECT(strstr(diff_text(plan(&world.arena, &large, 1), &world.have), "add rule tcp_80\n") !=
	       NULL);
	world_fini(&world);
}

TEST(nft_digests_differ_with_any_backend_port_or_order)
{
	const struct ip swapped[] = { ip4(172, 18, 0, 3), ip4(172, 18, 0, 2) };
	struct world world;
	const char *seen[4];

	world_init(&world, NULL, 0);
	plan(&world.arena, NULL, 0);
	const struct net_plan_port ports[] = {
		{ NET_TCP, 80, 80, addresses, 2, { 0 } },
		{ NET_TCP, 81, 80, swapped, 2, { 0 } },
		{ NET_TCP, 82, 81, addresses, 2, { 0 } },
		{ NET_TCP, 83, 80, addresses, 3, { 0 } },
	};
	const struct nft_table *table = plan(&world.arena, ports, 4);
	for (size_t i = 0; i < 4; i++) {
		seen[i] = table->chains[i].rules[0].digest;
		EXPECT_INT(strlen(seen[i]), NFT_DIGEST_SIZE - 1);
		for (size_t j = 0; j < i; j++)
			EXPECT(strcmp(seen[i], seen[j]) != 0);
	}
	world_fini(&world);
}

/* ---- what is read ---- */

/* Our own transaction reads like a dump: the same attributes, other directions. */
TEST(nft_state_reads_back_what_was_encoded)
{
	struct world world;
	struct nft_ops ops = { 0 };
	struct nft_state read;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct netlink_msg msg;
	uint32_t ack;

	world_init(&world, NULL, 0);
	const struct nft_table *table = plan(&world.arena, two_ports, 2);
	nft_diff(table, &world.have, &world.arena, &ops);
	nft_encode(&ops, table->name, 1, &out, &ack);
	nft_state_init(&read);
	read.has_table = true;
	struct netlink_walk walk = netlink_walk_of(out.data, out.len);
	while (netlink_next_msg(&walk, &msg))
		nft_state_read(&read, table->name, &msg);
	EXPECT_INT(read.chain_count, 7);
	EXPECT_INT(read.map_count, 2);
	EXPECT_STR(diff_text(table, &read), "");
	nft_state_clear(&read);
	walk = netlink_walk_of(out.data, out.len);
	while (netlink_next_msg(&walk, &msg))
		nft_state_read(&read, "another", &msg);
	EXPECT_INT(read.chain_count + read.map_count, 0);
	nft_state_fini(&read);
	nft_ops_fini(&ops);
	world_fini(&world);
}

/* ---- names ---- */

TEST(net_plan_names_and_reads_legs)
{
	char name[IF_NAMESIZE], other[IF_NAMESIZE], alias[LINK_ALIAS_SIZE], id[NET_ID_SIZE];
	char long_id[NET_ID_SIZE + 1];
	struct ip ip;

	net_plan_leg_name("t", "abc", name);
	net_plan_leg_name("t2", "abc", other);
	EXPECT(net_plan_is_leg_name(name) && strcmp(name, other) != 0);
	EXPECT(!net_plan_is_leg_name("sbt0") && !net_plan_is_leg_name("sb0123456789aX"));
	net_plan_leg_alias("t", "abc", ip4(172, 18, 0, 9), alias);
	EXPECT_STR(alias, "swarmbox t abc 172.18.0.9");
	EXPECT(net_plan_read_alias("t", alias, id, &ip) && ip_eq(ip, ip4(172, 18, 0, 9)));
	EXPECT_STR(id, "abc");
	EXPECT(!net_plan_read_alias("u", alias, id, &ip));
	EXPECT(!net_plan_read_alias("t", "swarmbox t bridge", id, &ip));
	EXPECT(!net_plan_read_alias("t", "swarmbox t a/b 172.18.0.9", id, &ip));
	EXPECT(!net_plan_read_alias("t", "swarmbox t abc fd00::1", id, &ip));
	memset(long_id, 'x', sizeof(long_id));
	long_id[NET_ID_SIZE] = 0;
	EXPECT(!net_plan_is_id(long_id));
	long_id[NET_ID_SIZE - 1] = 0;
	EXPECT(net_plan_is_id(long_id));
	EXPECT(!net_plan_is_id("") && !net_plan_is_id(NULL) && !net_plan_is_id("a b"));
	EXPECT(!net_plan_is_link_name("..") && !net_plan_is_link_name("lo") &&
	       !net_plan_is_link_name("a/b"));
	EXPECT(!net_plan_is_instance("T") && net_plan_is_instance("t0"));
	EXPECT(net_plan_doom_group("t") != net_plan_doom_group("u") &&
	       net_plan_doom_group("t") >= 0x80000000u);
}
