#include "net/reality_io.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/link_io.h"
#include "os/file.h"

#define TRIES_MAX 4      /* against somebody who changes links while we read them */

void reality_fini(struct reality *reality)
{
	free(reality->links);
	free(reality->addrs);
	free(reality->routes);
	*reality = (struct reality){ 0 };
}

void reality_finip(struct reality *reality)
{
	reality_fini(reality);
}

/* ---- reading ---- */

/* Room for one more; capacities are the powers of two, so that the count alone says when one is
 * full. */
static void *room_for_one(void *items, size_t count, size_t bytes)
{
	return count == 0 || (count & (count - 1)) == 0
		       ? mem_resize(items, MAX(2 * count, (size_t)1), bytes)
		       : items;
}

static void take_message(void *arg, const struct netlink_msg *msg)
{
	struct reality *reality = arg;
	struct link link;
	struct link_addr addr;
	struct link_route route;

	if (link_decode(msg, &link)) {
		reality->links = room_for_one(reality->links, reality->link_count, sizeof(link));
		reality->links[reality->link_count++] = link;
	} else if (link_decode_addr(msg, &addr)) {
		reality->addrs = room_for_one(reality->addrs, reality->addr_count, sizeof(addr));
		reality->addrs[reality->addr_count++] = addr;
	} else if (link_decode_route(msg, &route)) {
		reality->routes = room_for_one(reality->routes, reality->route_count,
					       sizeof(route));
		reality->routes[reality->route_count++] = route;
	}
}

static int read_once(struct netlink_io *io, struct reality *reality, struct err *err)
{
	static const uint16_t types[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE };

	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		CLEANUP(buf_finip) struct buf request = BUF_INIT;
		uint32_t seq = netlink_io_take_seq(io, 1);
		link_put_dump(&request, seq, types[i]);
		if (netlink_io_ask(io, &request, seq, take_message, reality, err) < 0)
			return -1;
	}
	return 0;
}

int reality_read(struct netlink_io *route, struct reality *ret, struct err *err)
{
	for (int tries = 1;; tries++) {
		struct reality reality = { 0 };
		if (read_once(route, &reality, err) == 0) {
			*ret = reality;
			return 0;
		}
		reality_fini(&reality);
		if (err->code != ERR_CONFLICT || tries == TRIES_MAX)
			return err_wrap(err, "read the host's links");
	}
}

/* ---- the bridge ---- */

static int send_one(struct netlink_io *route, struct buf *batch, uint32_t seq, int *ret_errno,
		    struct err *err)
{
	netlink_add_flags(batch, 0, NLM_F_ACK);
	return netlink_io_send(route, batch, seq, seq, ret_errno, err);
}

static int make_link(struct netlink_io *route, const char *name, const struct bridge_plan *plan,
		     struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	uint8_t mac[LINK_MAC_BYTES];
	int code;

	link_mac_of(plan->gateway, mac);
	link_put_bridge(&batch, seq, name, mac, plan->mtu);
	if (send_one(route, &batch, seq, &code, err) == 0)
		return 0;
	if (code == EOPNOTSUPP)
		return err_set(err, ERR_UNSUPPORTED, "the kernel has no links of kind bridge");
	return err_wrap(err, "make the bridge '%s'", name);
}

static int configure(struct netlink_io *route, const char *alias, const struct bridge_plan *plan,
		     struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t first = netlink_io_take_seq(route, 3);
	size_t last_at = 0;

	if (plan->is_ours)
		link_put_alias(&batch, first, plan->index, alias);
	if (!plan->has_address) {
		struct cidr address = { plan->gateway, plan->subnet.prefix };
		link_put_address(&batch, first + 1, plan->index, address);
	}
	last_at = batch.len;
	link_put_up(&batch, first + 2, plan->index);
	netlink_add_flags(&batch, last_at, NLM_F_ACK);
	return netlink_io_send(route, &batch, first, first + 2, NULL, err);
}

int reality_make_bridge(struct netlink_io *route, const char *name, const char *alias,
			struct bridge_plan *plan, struct err *err)
{
	struct link bridge;

	if (plan->index == 0 && make_link(route, name, plan, err) < 0)
		return -1;
	if (link_find(route, name, 0, &bridge, err) < 0)
		return err_wrap(err, "find the bridge '%s'", name);
	plan->index = bridge.index;
	if (configure(route, alias, plan, err) < 0)
		return err_wrap(err, "set up the bridge '%s'", name);
	return 0;
}

int reality_probe_kind(struct netlink_io *route, const char *kind, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	struct err ignored;
	int code;

	link_put_probe(&batch, seq, kind);
	netlink_io_send(route, &batch, seq, seq, &code, &ignored);
	if (code == EOPNOTSUPP)
		return err_set(err, ERR_UNSUPPORTED, "the kernel has no links of kind %s", kind);
	return 0;
}

/* ---- sysctls ---- */

/* Only written when it differs: /proc/sys may be read-only and right. */
static int set_one(const char *path, const char *value, struct err *err)
{
	CLEANUP(buf_finip) struct buf old = BUF_INIT;

	if (file_read(path, 64, &old, err) == 0 && old.len > 0 && old.data[0] == value[0])
		return 0;
	return file_poke(path, value, err);
}

/* A container must not become the host's router by saying that it is one (CVE-2020-13401). */
static int ignore_advertisements(const char *bridge, struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", bridge);
	return file_exists(path) ? set_one(path, "0", err) : 0;
}

int reality_set_sysctls(const char *bridge, struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge);
	if (set_one("/proc/sys/net/ipv4/ip_forward", "1", err) < 0 || set_one(path, "1", err) < 0)
		return -1;
	return ignore_advertisements(bridge, err);
}
