#include "net/leg_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <unistd.h>

#include "base/panic.h"
#include "net/link_io.h"
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

static int configure_inside(struct netlink_io *inside, const struct leg *leg, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t first = netlink_io_take_seq(inside, 4);
	struct link end;

	if (link_find(inside, LINK_LEG_NAME, 0, &end, err) < 0)
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
	    link_await_port(route, leg->name, FORWARDING_WAIT_MS, err) == 0)
		return 0;
	remove_one(route, leg, &ignored);
	return err_wrap(err, "set up the link '%s'", leg->name);
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
