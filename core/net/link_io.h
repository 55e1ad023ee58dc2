/* link_io.h - asks the kernel for one link, and waits until one carries packets. Blocks; for work
 * threads. */
#pragma once
#include "base/err.h"
#include "net/link.h"
#include "net/netlink_io.h"

/* By its name, or by its index when name is NULL. ERR_IO with the kernel's words when there is
 * none. */
int link_find(struct netlink_io *route, const char *name, int index, struct link *ret,
	      struct err *err);
/* Until packets pass through that port of a bridge and through the bridge; ERR_IO when they do not
 * in time.
 *
 * The kernel takes a new port into use in a job of its own (net/core/link_watch.c), and after it the
 * bridge, if it had none before. Until then what is sent there is lost, and the sender asks again
 * after a whole second. Kernels from 6.8 do that job when the link is asked for, so that the first
 * look is enough. */
int link_await_port(struct netlink_io *route, const char *name, msec wait_max,
		    struct err *err);
