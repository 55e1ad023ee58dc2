/* netlink_io.h - one netlink socket: send a batch and wait for its verdict, or dump a table.
 *
 * Blocks: for work threads, one at a time per socket. It belongs to the network namespace of the
 * thread that opened it, for good (network_namespaces(7)), so it may be used from anywhere. The
 * kernel answers within the system call; a reply that does not come within 10 s is an error, not a
 * hang.
 */
#pragma once
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/netlink.h"

struct netlink_io { int fd; uint32_t seq; struct buf reply; };
#define NETLINK_IO_NONE { .fd = -1 }

/* protocol: NETLINK_ROUTE or NETLINK_NETFILTER. ERR_UNSUPPORTED when the kernel has no such family.
 */
int netlink_io_open(struct netlink_io *io, int protocol, struct err *err);
/* One that hears what happens in the groups (RTMGRP_*, or 1 << (NFNLGRP_* - 1)) instead of asking.
 */
int netlink_io_open_events(struct netlink_io *io, int protocol, uint32_t groups, struct err *err);
/* Until something happened since the last call, or wait_max is over; what it was is for the caller
 * to find out. */
void netlink_io_wait(struct netlink_io *io, msec wait_max);
/* One datagram of what happened, without waiting: 1, 0 when there is none, -1 when some were lost.
 */
int netlink_io_hear(struct netlink_io *io, struct netlink_walk *ret);
uint32_t netlink_io_port(const struct netlink_io *io);	 /* the kernel's name for this socket: the
							    sender in messages about its doings */
void netlink_io_close(struct netlink_io *io);            /* also of NETLINK_IO_NONE */

/* A range of count sequence numbers for the messages of one batch; the first. */
uint32_t netlink_io_take_seq(struct netlink_io *io, uint32_t count);

/* Sends the bytes and waits for the acknowledgement of last_seq, whose message has NLM_F_ACK. The
 * kernel handles messages in order and reports each that fails: the first failure is the result,
 * its errno in ret_errno (0 on success, may be NULL) and the kernel's own words, where it has some,
 * in the text. */
int netlink_io_send(struct netlink_io *io, const struct buf *batch, uint32_t first_seq,
		    uint32_t last_seq, int *ret_errno, struct err *err);

typedef void netlink_io_fn(void *arg, const struct netlink_msg *msg);
/* Sends one request, with NLM_F_ACK or NLM_F_DUMP, and gives each message of the answer to fn.
 * ERR_CONFLICT when the table changed while it was dumped (NLM_F_DUMP_INTR): what fn was given is
 * not to be trusted, ask again. */
int netlink_io_ask(struct netlink_io *io, const struct buf *request, uint32_t seq,
		   netlink_io_fn *fn, void *arg, struct err *err);
