/* conntrack_io.h - counts and forgets connections in the kernel's table. Blocks, with the size of
 * the table; for work threads. */
#pragma once
#include "base/err.h"
#include "net/conntrack.h"
#include "net/netlink_io.h"

/* One container's part in the answer; deleting a flow makes its next packet find another backend.
 */
struct conntrack_target {
	struct ip ip;
	size_t live_count; /* set: connections through published ports that may still carry data */
	bool forget_all;   /* delete every one, else only the datagram flows, which have no end */
};
int conntrack_io_scan(struct netlink_io *io, struct conntrack_target *targets, size_t count,
		      struct err *err);

/* Forgets the unanswered UDP flows to these local ports (network and host made them before the port
 * was published: they would pass by the new rule for as long as they keep sending). */
int conntrack_io_forget_udp(struct netlink_io *io, const uint16_t *ports, size_t count,
			    struct err *err);
