/* reality_io.h - reads what the host's network namespace has, and gives it its bridge. Blocks for a
 * few milliseconds. */
#pragma once
#include "base/err.h"
#include "net/bridge_plan.h"
#include "net/netlink_io.h"

int reality_read(struct netlink_io *route, struct reality *ret, struct err *err);
void reality_fini(struct reality *reality);
void reality_finip(struct reality *reality);

/* Makes what the plan says is missing and brings the bridge up; sets plan->index. Can be repeated.
 */
int reality_make_bridge(struct netlink_io *route, const char *name, const char *alias,
			struct bridge_plan *plan, struct err *err);
/* ERR_UNSUPPORTED when the kernel has no links of that kind. */
int reality_probe_kind(struct netlink_io *route, const char *kind, struct err *err);
/* Forwarding on, 127.0.0.0/8 allowed as a source into the bridge: 127.0.0.1:PORT needs it (the
 * rules keep strangers out), and what containers say of IPv6 routes not listened to. */
int reality_set_sysctls(const char *bridge, struct err *err);
