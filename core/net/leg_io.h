/* leg_io.h - makes and removes the legs of containers in the kernel.
 *
 * Blocks, about 0.6 ms a leg; for work threads. A thread that makes a leg visits the container's
 * network namespace for one socket call and is back before it returns (setns(2) is per thread).
 */
#pragma once
#include <net/if.h>

#include "base/err.h"
#include "base/ip.h"
#include "net/link.h"
#include "net/netlink_io.h"

struct leg {
	char name[IF_NAMESIZE];          /* of the host's end */
	char alias[LINK_ALIAS_SIZE];
	int bridge_index;
	uint32_t doom_group;             /* for leg_doom */
	unsigned mtu;
	struct cidr address;
	struct ip gateway;
};
/* A veth pair, the container's end with address, default route and lo up, the alias last: so that a
 * leg with an alias is whole. A half-made one of the same name, left by a crash, is replaced. On
 * failure nothing is left. */
int leg_make(struct netlink_io *route, const struct leg *leg, int netns_fd, struct err *err);
/* Removing is two steps, so that many cost one wait: put each link into a group that nobody else
 * uses, then end the group. A missing link is success. */
int leg_doom(struct netlink_io *route, uint32_t group, const char *name, struct err *err);
int leg_end_doomed(struct netlink_io *route, uint32_t group, struct err *err);
/* lo up, nothing else. */
int leg_loopback(int netns_fd, struct err *err);
