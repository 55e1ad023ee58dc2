#include "net/leg_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/file.h"

/* A socket of that namespace. A thread that could not come back would do everything after this in a container's network. */
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

static int send_batch(struct netlink_io *io, struct buf *batch, size_t last_at, uint32_t first_seq, uint32_t last_seq, int *ret_errno,
		      struct err *err)
{
	netlink_add_flags(batch, last_at, NLM_F_ACK);
	return netlink_io_send(io, batch, first_seq, last_seq, ret_errno, err);
}

/* ---- the container's end ---- */

static void take_index(void *arg, const struct netlink_msg *msg)
{
	int *index = arg;
	struct link link;

	if (link_decode(msg, &link))
		*index = link.index;
}

/* The new namespace has two or three links, so all of them cost no more than one. */
static int find_leg(struct netlink_io *inside, int *ret_index, struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(inside, 1);

	*ret_index = 0;
	link_put_find(&request, seq, LINK_LEG_NAME);
	netlink_add_flags(&request, 0, NLM_F_ACK);
	if (netlink_io_ask(inside, &request, seq, take_index, ret_index, err) < 0)
		return -1;
	return *ret_index ? 0 : err_set(err, ERR_IO, "no link '%s'", LINK_LEG_NAME);
}

static int configure_inside(struct netlink_io *inside, const struct leg *leg, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t first = netlink_io_take_seq(inside, 4);
	int index;

	if (find_leg(inside, &index, err) < 0)
		return -1;
	link_put_up(&batch, first, LINK_LO_INDEX);
	link_put_up(&batch, first + 1, index);
	link_put_address(&batch, first + 2, index, leg->address);
	size_t last_at = batch.len;
	link_put_default_route(&batch, first + 3, index, leg->gateway);
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

static int make_pair(struct netlink_io *route, const struct leg *leg, int netns_fd, int *ret_errno, struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t seq = netlink_io_take_seq(route, 1);
	struct link_veth veth = { .name = leg->name, .bridge_index = leg->bridge_index, .netns_fd = netns_fd, .mtu = leg->mtu };

	link_mac_of(leg->address.ip, veth.mac);
	link_put_veth(&batch, seq, &veth);
	return send_batch(route, &batch, 0, seq, seq, ret_errno, err);
}

static int make_pair_afresh(struct netlink_io *route, const struct leg *leg, int netns_fd, struct err *err)
{
	int code;

	if (make_pair(route, leg, netns_fd, &code, err) == 0)
		return 0;
	if (code != EEXIST || leg_remove(route, &leg->name, 1, err) < 0)
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
	if (configure(netns_fd, leg, err) == 0 && finish_pair(route, leg, err) == 0)
		return 0;
	leg_remove(route, &leg->name, 1, &ignored);
	return err_wrap(err, "set up the link '%s'", leg->name);
}

/* One message at a time: a link that is gone already must not hide the failure of another. */
int leg_remove(struct netlink_io *route, const char (*names)[IF_NAMESIZE], size_t count, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_finip) struct buf batch = BUF_INIT;
		uint32_t seq = netlink_io_take_seq(route, 1);
		int code;

		link_put_delete_by_name(&batch, seq, names[i]);
		if (send_batch(route, &batch, 0, seq, seq, &code, err) < 0 && code != ENODEV)
			result = err_wrap(err, "remove the link '%s'", names[i]);
	}
	return result;
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
