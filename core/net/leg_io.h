/* leg_io.h - makes and removes the legs of containers in the kernel.
 *
 * Blocks, about 0.6 ms a leg; for work threads. A thread that makes a leg visits the container's network namespace for one socket call
 * and is back before it returns (setns(2) is per thread).
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
	unsigned mtu;
	struct cidr address;
	struct ip gateway;
};
/* A veth pair, the container's end with address, default route and lo up, the alias last: so that a leg with an alias is whole.
 * A half-made one of the same name, left by a crash, is replaced. On failure nothing is left. */
int leg_make(struct netlink_io *route, const struct leg *leg, int netns_fd, struct err *err);
/* Removes links by their names; missing ones are success. */
int leg_remove(struct netlink_io *route, const char (*names)[IF_NAMESIZE], size_t count, struct err *err);
/* lo up, nothing else. */
int leg_loopback(int netns_fd, struct err *err);
