/* Netlink messages as the kernel might send them: links, addresses, routes, rules and connections
 * are read without reading past the end, and whatever rules were read, there is a difference to
 * what is wanted that can be encoded. */
#include <string.h>

#include "base/panic.h"
#include "net/conntrack.h"
#include "net/link.h"
#include "net/net_plan.h"
#include "net/nft_diff.h"
#include "net/nft_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void read_one(struct nft_state *state, const struct netlink_msg *msg)
{
	struct link link;
	struct link_addr addr;
	struct link_route route;
	struct conntrack_entry entry;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	if (link_decode(msg, &link))
		check(memchr(link.name, 0, sizeof(link.name)) &&
		      memchr(link.alias, 0, sizeof(link.alias)));
	if (link_decode_addr(msg, &addr))
		check(addr.address.ip.family == 4 && addr.address.prefix <= 32);
	if (link_decode_route(msg, &route))
		check(route.to.ip.family == 4 && route.to.prefix <= 32);
	if (conntrack_decode(msg, &entry))
		conntrack_put_delete(&out, 1, &entry);
	nft_state_read(state, "swarmbox_t", msg);
}

static void encode_difference(const struct nft_state *state)
{
	static const struct ip backends[] = { { 4, { 172, 18, 0, 2 } }, { 4, { 172, 18, 0, 3 } } };
	const struct net_plan_port port = { NET_TCP, 8080, 80, backends, 2, { 0 } };
	const struct net_plan_host host = {
		.instance = "t",
		.bridge = "sb0",
		.subnet = { { 4, { 172, 18, 0, 0 } }, 16 },
		.ports = &port,
		.count = 1,
	};
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct nft_ops ops = { 0 };
	struct arena arena;
	uint32_t ack;

	arena_init(&arena, "fuzz", 16 << 20);
	nft_diff(net_plan_table(&arena, &host), state, &arena, &ops);
	if (ops.count > 0)
		nft_encode(&ops, "swarmbox_t", 1, &out, &ack);
	nft_ops_fini(&ops);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct netlink_walk walk = netlink_walk_of(bytes, count);
	struct netlink_msg msg;
	struct nft_state state;

	nft_state_init(&state);
	state.has_table = true;
	while (netlink_next_msg(&walk, &msg))
		read_one(&state, &msg);
	encode_difference(&state);
	nft_state_fini(&state);
	return 0;
}
