#include "net/leg_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/clock.h"
#include "os/file.h"

#define FORWARDING_WAIT_MS                                                                         \
	5000 /* takes about 1; a machine that needs this long has other troubles */

/* A socket of that namespace. A thread that could not come back would do everything after this in a
 * container's network. */
static int open_inside(int netns_fd, struct netlink_io *ret, struct err *err)
{
	CLEANUP(fd_closep) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_sys(err, "open /proc/thread-self/ns/net");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_sys(err, "enter the container's network namespace");
	int result = netlink_io_open(ret, NETLINK_ROUTE, err);
	check(setns(home, CLONE_NEWNET) == 0);
	return result;
}

static int send_batch(struct netlink_io *io, struct buf *batch, size_t last_at, uint32_t first_seq,
		      uint32_t last_seq, int *ret_errno, struct err *err)
{
	netlink_add_flags(batch, last_at, NLM_F_ACK);
	return netlink_io_send(io, batch, first_seq, last_seq, ret_errno, err);
}

/* ---- the container's end ---- */

static void take_link(void *arg, const struct netlink_msg *msg)
{
	link_decode(msg, arg);
}

static int find_link(struct netlink_io *io, const char *name, struct link *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(io, 1);

	*ret = (struct link){ 0 };
	link_put_find(&request, seq, name);
	netlink_add_flags(&request, 0, NLM_F_ACK);
	if (netlink_io_ask(io, &request, seq, take_link, ret, err) < 0)
		return -1;
	return ret->index ? 0 : err_set(err, ERR_IO, "no link '%s'", name);
}

static int configure_inside(struct netlink_io *inside, const struct leg *leg, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t first = netlink_io_take_seq(inside, 4);
	struct link end;

	if (find_link(inside, LINK_LEG_NAME, &end, err) < 0)
		return -1;
	link_put_up(&batch, first, LINK_LO_INDEX);
	link_put_up(&batch, first + 1, end.index);
	link_put_address(&batch, first + 2, end.index, leg->address);
	size_t last_at = batch.len;
	link_put_default_route(&batch, first + 3, end.index, leg->gateway);
	return send_batch(inside, &batch, last_at, first, first + 3, NULL, err);
}

static int configure(int netns_fd, const struct leg *leg, struct err *err)
{
	struct netlink_io inside = NETLINK_IO_NONE;

	if (open_inside(netns_fd, &inside, err) < 0)
		return -1;
	int result = configure_inside(&inside, leg, err);
	netlink_io_close(&inside);
	return result;
}

/* ---- the pair ---- */

static int make_pair(struct netlink_io *route, const struct leg *leg, int netns_fd, int *ret_errno,
		     struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	struct link_veth veth = { .name = leg->name,
				  .bridge_index = leg->bridge_index,
				  .netns_fd = netns_fd,
				  .mtu = leg->mtu };

	link_mac_of(leg->address.ip, veth.mac);
	link_put_veth(&batch, seq, &veth);
	return send_batch(route, &batch, 0, seq, seq, ret_errno, err);
}

static int remove_one(struct netlink_io *route, const struct leg *leg, struct err *err)
{
	if (leg_doom(route, leg->doom_group, leg->name, err) < 0)
		return -1;
	return leg_end_doomed(route, leg->doom_group, err);
}

static int make_pair_afresh(struct netlink_io *route, const struct leg *leg, int netns_fd,
			    struct err *err)
{
	int code;

	if (make_pair(route, leg, netns_fd, &code, err) == 0)
		return 0;
	if (code != EEXIST || remove_one(route, leg, err) < 0)
		return -1;
	return make_pair(route, leg, netns_fd, &code, err);
}

static int finish_pair(struct netlink_io *route, const struct leg *leg, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);

	link_put_port_settings(&batch, seq, leg->name, leg->alias);
	return send_batch(route, &batch, 0, seq, seq, NULL, err);
}

int leg_make(struct netlink_io *route, const struct leg *leg, int netns_fd, struct err *err)
{
	struct err ignored;

	if (make_pair_afresh(route, leg, netns_fd, err) < 0)
		return err_wrap(err, "make the link '%s'", leg->name);
	if (configure(netns_fd, leg, err) == 0 && finish_pair(route, leg, err) == 0 &&
	    leg_await_forwarding(route, leg->name, FORWARDING_WAIT_MS, err) == 0)
		return 0;
	remove_one(route, leg, &ignored);
	return err_wrap(err, "set up the link '%s'", leg->name);
}

/* The events socket is opened before the second look, so that no change falls between looking and
 * waiting. */
static int await_by_events(struct netlink_io *route, const char *name, msec wait_max,
			   struct err *err)
{
	struct netlink_io events = NETLINK_IO_NONE;
	msec deadline = clock_boot_ms() + wait_max;
	struct link end;
	int result;

	if (netlink_io_open_events(&events, NETLINK_ROUTE, RTMGRP_LINK, err) < 0)
		return -1;
	while ((result = find_link(route, name, &end, err)) == 0 && !end.is_forwarding) {
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

/* The kernel lets the bridge use a new port in a job of its own (net/core/link_watch.c). Until then
 * what is sent there is lost, and the sender asks again after a whole second. Kernels from 6.8 do
 * that job when the link is asked for, which makes the first look enough. */
int leg_await_forwarding(struct netlink_io *route, const char *name, msec wait_max, struct err *err)
{
	struct link end;

	if (find_link(route, name, &end, err) < 0)
		return -1;
	return end.is_forwarding ? 0 : await_by_events(route, name, wait_max, err);
}

int leg_doom(struct netlink_io *route, uint32_t group, const char *name, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	int code;

	link_put_group(&batch, seq, name, group);
	if (send_batch(route, &batch, 0, seq, seq, &code, err) == 0 || code == ENODEV)
		return 0;
	return err_wrap(err, "remove the link '%s'", name);
}

int leg_end_doomed(struct netlink_io *route, uint32_t group, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	int code;

	link_put_delete_group(&batch, seq, group);
	if (send_batch(route, &batch, 0, seq, seq, &code, err) == 0 || code == ENODEV)
		return 0;
	return err_wrap(err, "remove links");
}

int leg_loopback(int netns_fd, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	struct netlink_io inside = NETLINK_IO_NONE;

	if (open_inside(netns_fd, &inside, err) < 0)
		return -1;
	uint32_t seq = netlink_io_take_seq(&inside, 1);
	link_put_up(&batch, seq, LINK_LO_INDEX);
	int result = send_batch(&inside, &batch, 0, seq, seq, NULL, err);
	netlink_io_close(&inside);
	return result < 0 ? err_wrap(err, "bring up lo") : 0;
}
