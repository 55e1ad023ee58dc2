#include "net/nft_watch_io.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/netlink_io.h"
#include "net/nft.h"

#define MESSAGES_A_ROUND 64      /* so that a flood leaves the loop time for others */

struct nft_watch {
	struct netlink_io socket;
	struct watch *watch;
	struct timer settle;
	bool is_settling;
	char table[NFT_NAME_SIZE];
	uint32_t own_port;
	void (*fn)(void *arg);
	void *arg;
};

static void on_settled(void *arg)
{
	struct nft_watch *watch = arg;

	watch->is_settling = false;
	watch->fn(watch->arg);
}

static void notice(struct nft_watch *watch)
{
	if (watch->is_settling)
		return;
	watch->is_settling = true;
	timer_set_in(&watch->settle, NFT_WATCH_SETTLE_MS);
}

/* Tables, chains, rules, sets and elements all name their table in attribute 1. */
static bool is_about_us(const struct nft_watch *watch, const struct netlink_msg *msg)
{
	struct netlink_attr attrs[NFTA_TABLE_NAME + 1];

	if (msg->type >> 8 != NFNL_SUBSYS_NFTABLES || (msg->type & 0xff) == NFT_MSG_NEWGEN ||
	    msg->port == watch->own_port)
		return false;
	netlink_index(netlink_attrs_of(msg, sizeof(struct nfgenmsg)), attrs, ARRAY_COUNT(attrs));
	return str_eq(netlink_str(&attrs[NFTA_TABLE_NAME]), watch->table);
}

static void on_readable(void *arg, unsigned events UNUSED)
{
	struct nft_watch *watch = arg;
	struct netlink_walk walk;
	struct netlink_msg msg;
	int result = 0;

	for (int i = 0;
	     i < MESSAGES_A_ROUND && (result = netlink_io_hear(&watch->socket, &walk)) > 0; i++)
		while (netlink_next_msg(&walk, &msg))
			if (is_about_us(watch, &msg))
				notice(watch);
	if (result < 0)
		notice(watch);
}

int nft_watch_new(struct loop *loop, const char *table, uint32_t own_port, void (*fn)(void *arg),
		  void *arg, struct nft_watch **ret, struct err *err)
{
	struct netlink_io socket = NETLINK_IO_NONE;

	if (netlink_io_open_events(&socket, NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1), err) <
	    0)
		return -1;
	struct nft_watch *watch = NEW(struct nft_watch);
	*watch = (struct nft_watch){ .socket = socket, .own_port = own_port, .fn = fn, .arg = arg };
	str_copy(watch->table, sizeof(watch->table), table);
	timer_init(&watch->settle, loop, on_settled, watch);
	watch->watch = watch_new(loop, socket.fd, LOOP_READ, on_readable, watch);
	*ret = watch;
	return 0;
}

void nft_watch_free(struct nft_watch *watch)
{
	if (!watch)
		return;
	timer_cancel(&watch->settle);
	watch_free(watch->watch);
	netlink_io_close(&watch->socket);
	free(watch);
}
