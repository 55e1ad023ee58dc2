/* Where this node listens, and where others reach it; also when this host's addresses change. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"
#include "node/address_io.h"
#include "node/node_internal.h"
#include "os/file.h"
#include "os/log.h"

enum { SETTLE_MS = 200 };

int reach_choose(const struct host *host, const char *listen, const char *advertise, const char *data_path, bool must_advertise,
		 struct reach *ret, struct err *err)
{
	struct ip ip;
	uint16_t port;

	*ret = (struct reach){ .listen_port = CLUSTER_PORT };
	if (address_parse_listen(str_is_empty(listen) ? host->settings->listen_addr : listen, CLUSTER_PORT, &ip, &ret->listen_port, err) < 0)
		return -1;
	address_format(ip, ret->listen_port, ret->listen);
	if (!str_is_empty(data_path) && address_data_path(data_path, &ip, err) < 0)
		return -1;
	if (!str_is_empty(data_path))
		ip_format(ip, ret->data_path);
	if (str_is_empty(advertise))
		advertise = host->settings->advertise_addr;
	if (str_is_empty(advertise) && !must_advertise)
		return 0;
	if (address_choose(advertise, ret->listen_port, &ip, &port, err) < 0)
		return -1;
	address_format(ip, port, ret->advertise);
	return 0;
}

int reach_set(struct host *host, const struct reach *reach, struct err *err)
{
	return swarm_set_address(host, reach->listen, reach->advertise, err) < 0 ? -1 :
	       node_set(host, "data_path", reach->data_path[0] ? reach->data_path : NULL, err);
}

/* ---- the host's addresses change --------------------------------------------------------------------------------- */

/* Everything that is dialled or accepted hangs on an address that is gone. */
static void tell_others(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	if (swarm->manager) {
		manager_set_address(swarm->manager, swarm->advertise);
		swarm_describe_manager(host);
	}
	if (swarm->client)
		dispatch_client_renew(swarm->client);
}

static int move_to(struct host *host, struct ip was, struct ip ip, uint16_t port, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	char advertise[ADDRESS_TEXT_SIZE], listen[ADDRESS_TEXT_SIZE], text[256];
	uint16_t listen_port = port;
	struct ip listened;

	address_format(ip, port, advertise);
	str_copy(listen, sizeof listen, swarm->listen);
	if (hostport_parse(swarm->listen, CLUSTER_PORT, text, &listen_port, err) == 0 && ip_parse(text, &listened) == 0 && ip_eq(listened, was)) {
		address_format(ip, listen_port, listen);
		if (swarm->is_listening) {
			rpc_unlisten(swarm->rpc);
			swarm->is_listening = false;
			timer_set_in(&swarm->listen_again, 0);
		}
	}
	log_warn("swarm: this node is reached at %s from now on, not at %s", advertise, swarm->advertise);
	return swarm_set_address(host, listen, advertise, err);
}

static bool look_for_move(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	struct host_addresses now;
	char text[256];
	uint16_t port;
	struct ip ip, was;

	if (!host->node_id[0] || hostport_parse(swarm->advertise, CLUSTER_PORT, text, &port, err) < 0 || ip_parse(text, &ip) < 0 ||
	    address_list(&now, err) < 0)
		return false;
	was = ip;
	if (!moved_look(&now, &ip, swarm->interface))
		return false;
	if (node_set(host, "interface", swarm->interface, err) < 0)
		log_warn("node.db: %s", err->text);
	if (ip_eq(was, ip))
		return false;
	if (move_to(host, was, ip, port, err) < 0)
		log_warn("node.db: %s", err->text);
	return true;
}

/* What the agent was started with comes before what was known. */
static void obey_settings(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	char text[256], wanted[ADDRESS_TEXT_SIZE];
	uint16_t port = CLUSTER_PORT;
	struct ip ip;

	if (!host->node_id[0] || !swarm->advertise[0] || str_is_empty(host->settings->advertise_addr) ||
	    hostport_parse(swarm->advertise, CLUSTER_PORT, text, &port, err) < 0)
		return;
	if (address_choose(host->settings->advertise_addr, port, &ip, &port, err) < 0) {
		log_warn("agent: --advertise-addr: %s", err->text);
	} else if (!str_eq(address_format(ip, port, wanted), swarm->advertise)) {
		log_warn("swarm: this node is reached at %s from now on, not at %s", wanted, swarm->advertise);
		if (swarm_set_address(host, swarm->listen, wanted, err) < 0)
			log_warn("node.db: %s", err->text);
	}
}

static void settled(void *arg)
{
	struct host *host = arg;
	struct err err;

	if (look_for_move(host, &err))
		tell_others(host);
}

static void changed(void *arg, unsigned events UNUSED)
{
	struct host *host = arg;
	char bytes[8192];

	while (recv(host->swarm.reach_fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	timer_set_in(&host->swarm.reach_look, SETTLE_MS);
}

void reach_look(struct host *host)
{
	timer_set_in(&host->swarm.reach_look, 0);
}

void reach_open(struct host *host)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR };
	struct swarm *swarm = &host->swarm;
	struct err err;

	timer_init(&swarm->reach_look, host->loop, settled, host);
	obey_settings(host, &err);
	look_for_move(host, &err);
	swarm->reach_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (swarm->reach_fd < 0 || bind(swarm->reach_fd, (const struct sockaddr *)(const void *)&own, sizeof own) < 0) {
		log_warn("swarm: %s: another address of this host is noticed only at the next start", strerror(errno));
		fd_closep(&swarm->reach_fd);
		return;
	}
	swarm->reach_watch = watch_new(host->loop, swarm->reach_fd, LOOP_READ, changed, host);
}

void reach_close(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	timer_cancel(&swarm->reach_look);
	watch_free(swarm->reach_watch);
	swarm->reach_watch = NULL;
	fd_closep(&swarm->reach_fd);
}
