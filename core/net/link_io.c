#include "net/link_io.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "os/clock.h"

static void take_link(void *arg, const struct netlink_msg *msg)
{
	link_decode(msg, arg);
}

int link_find(struct netlink_io *route, const char *name, int index, struct link *ret,
	      struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);

	*ret = (struct link){ 0 };
	link_put_find(&request, seq, name, index);
	netlink_add_flags(&request, 0, NLM_F_ACK);
	if (netlink_io_ask(route, &request, seq, take_link, ret, err) < 0)
		return -1;
	return ret->index ? 0 : err_set(err, ERR_IO, "no such link");
}

/* In this order: the bridge gets its carrier from the port. */
static int look(struct netlink_io *route, const char *name, bool *ret_is_ready,
		struct err *err)
{
	struct link port, bridge;

	*ret_is_ready = false;
	if (link_find(route, name, 0, &port, err) < 0)
		return -1;
	if (!port.is_forwarding)
		return 0;
	if (link_find(route, NULL, port.master, &bridge, err) < 0)
		return -1;
	*ret_is_ready = bridge.is_operating;
	return 0;
}

/* The events socket is opened before the second look, so that no change falls between looking and
 * waiting. */
static int await_by_events(struct netlink_io *route, const char *name, msec wait_max,
			   struct err *err)
{
	struct netlink_io events = NETLINK_IO_NONE;
	msec deadline = clock_boot_ms() + wait_max;
	bool is_ready;
	int result;

	if (netlink_io_open_events(&events, NETLINK_ROUTE, RTMGRP_LINK, err) < 0)
		return -1;
	while ((result = look(route, name, &is_ready, err)) == 0 && !is_ready) {
		msec left = deadline - clock_boot_ms();
		if (left <= 0) {
			result = err_set(err, ERR_IO, "not forwarding after %lld ms",
					 (long long)wait_max);
			break;
		}
		netlink_io_wait(&events, left);
	}
	netlink_io_close(&events);
	return result;
}

int link_await_port(struct netlink_io *route, const char *name, msec wait_max,
		    struct err *err)
{
	bool is_ready;

	if (look(route, name, &is_ready, err) < 0)
		return -1;
	return is_ready ? 0 : await_by_events(route, name, wait_max, err);
}
