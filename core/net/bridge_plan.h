/* bridge_plan.h - which range, which address and which size of packets the bridge gets, from what
 * the host has. Pure. */
#pragma once
#include "base/err.h"
#include "base/ip.h"
#include "net/link.h"

/* What the host's network namespace has. */
struct reality {
	struct link *links;
	struct link_addr *addrs;
	struct link_route *routes;
	size_t link_count, addr_count, route_count;
};
const struct link *reality_find_link(const struct reality *reality,
				     const char *name); /* NULL when there is none */

struct bridge_plan {
	int index;               /* 0: must be made */
	bool is_ours;            /* made by us, now or before: net_purge may remove it */
	bool has_address;
	struct cidr subnet;      /* ip is the first address of the range */
	struct ip gateway;       /* the bridge's own */
	unsigned mtu;            /* that of the way out, at most 1500 */
};
/* An existing bridge keeps its range. ERR_INVALID, ERR_EXHAUSTED as subnet.h says; ERR_CONFLICT
 * when the name is taken by something else or another instance, the bridge has another range than
 * the one asked for (family 0: any), or a new range overlaps. */
int bridge_plan_make(const struct reality *reality, const char *instance, const char *name,
		     struct cidr asked, struct bridge_plan *ret, struct err *err);
