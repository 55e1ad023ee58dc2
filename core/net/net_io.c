/* net_io.c - opening and closing the network of one host; the rest of net.h is in net_leg_io.c,
 * net_publish_io.c, net_drain_io.c. */
#include <linux/netlink.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/net_inside.h"
#include "net/reality_io.h"
#include "net/subnet.h"

#define RETRY_MS 5       /* the jobs that fill the work threads' queue are milliseconds long */

/* ---- lifetime ---- */

void net_hold(struct net *net)
{
	net->references++;
}

static void net_free(struct net *net)
{
	net_drain_fini(net);
	net_publish_fini(net);
	net_legs_fini(net);
	netlink_io_close(&net->route);
	netlink_io_close(&net->leg_conntrack);
	netlink_io_close(&net->publish_conntrack);
	netlink_io_close(&net->drain_conntrack);
	ipam_free(net->ipam);
	free(net);
}

void net_let_go(struct net *net)
{
	check(net->references > 0);
	if (--net->references == 0)
		net_free(net);
}

void net_close(struct net *net)
{
	if (!net)
		return;
	check(!net->is_closed);
	net->is_closed = true;
	timer_cancel(&net->drain_timer);
	timer_cancel(&net->retry);
	nft_watch_free(net->nft_watch);
	net->nft_watch = NULL;
	/* The ports are free from now on, not when the last job is back: another agent may be
	 * waiting for them. */
	port_holds_free(net->holds);
	net->holds = NULL;
	net_let_go(net);
}

static void retry(void *arg)
{
	struct net *net = arg;

	net_legs_start(net);
	net_publish_start(net);
	net_drain_start(net);
}

void net_retry_soon(struct net *net)
{
	timer_set_in(&net->retry, RETRY_MS);
}

/* ---- answers ---- */

struct late_answer { struct net *net; struct net_answer answer; bool is_error; struct err err; };

static void give_answer(void *arg)
{
	struct late_answer *late = arg;
	const struct net_answer *answer = &late->answer;
	const struct err *err = late->is_error ? &late->err : NULL;

	if (late->net->is_closed)
		goto out;
	if (answer->attached)
		answer->attached(answer->arg, (struct ip){ 0 }, err);
	if (answer->published)
		answer->published(answer->arg, NULL, 0, err);
	if (answer->done)
		answer->done(answer->arg, err);
out:
	net_let_go(late->net);
	free(late);
}

void net_answer_later(struct net *net, struct net_answer answer, const struct err *err)
{
	struct late_answer *late = NEW(struct late_answer);

	check(err || answer.done);
	*late = (struct late_answer){ .net = net, .answer = answer, .is_error = err != NULL };
	if (err)
		late->err = *err;
	net_hold(net);
	loop_defer(net->loop, give_answer, late);
}

/* ---- opening ---- */

static int check_config(const struct net_config *config, struct err *err)
{
	if (!net_plan_is_instance(config->instance))
		return err_set(err, ERR_INVALID, "instance '%s': must be 1 to %d of a-z and 0-9",
			       config->instance ? config->instance : "", NET_INSTANCE_MAX);
	if (!net_plan_is_link_name(config->bridge))
		return err_set(err, ERR_INVALID,
			       "bridge '%s': must be 1 to 15 letters, digits, '_', '.' or '-'",
			       config->bridge ? config->bridge : "");
	return config->subnet.ip.family ? subnet_check(config->subnet, err) : 0;
}

static struct net *net_new(const struct net_config *config)
{
	struct net *net = NEW(struct net);

	net->loop = config->loop;
	net->work = config->work;
	str_copy(net->instance, sizeof(net->instance), config->instance);
	str_copy(net->bridge, sizeof(net->bridge), config->bridge);
	net->references = 1;
	net->route.fd = net->leg_conntrack.fd = net->publish_conntrack.fd =
		net->drain_conntrack.fd = -1;
	timer_init(&net->retry, net->loop, retry, net);
	net_legs_init(net);
	net_publish_init(net);
	net_drain_init(net);
	return net;
}

/* A feature is missing, and so what builds on it. */
static void lack(struct net *net, enum net_feature feature, const struct err *why)
{
	net->missing[feature] = *why;
	net->missing[feature].code = ERR_UNSUPPORTED;
	if (feature == NET_ATTACH)
		lack(net, NET_PUBLISH, why);
}

static int open_bridge(struct net *net, struct cidr subnet, struct err *err)
{
	CLEANUP(reality_finip) struct reality reality = { 0 };
	char alias[LINK_ALIAS_SIZE];
	struct err why;

	if (reality_read(&net->route, &reality, err) < 0)
		return -1;
	if (bridge_plan_make(&reality, net->instance, net->bridge, subnet, &net->plan, err) < 0)
		return -1;
	if (reality_probe_kind(&net->route, "veth", &why) < 0) {
		lack(net, NET_ATTACH, &why);
		return 0;
	}
	net_plan_bridge_alias(net->instance, alias);
	if (reality_make_bridge(&net->route, net->bridge, alias, &net->plan, &why) < 0) {
		if (why.code == ERR_UNSUPPORTED) {
			lack(net, NET_ATTACH, &why);
			return 0;
		}
		*err = why;
		return -1;
	}
	net->ipam = ipam_new(net->plan.subnet);
	if (ipam_take_exact(net->ipam, net->plan.gateway, err) < 0)
		return -1;
	net_legs_recover(net, &reality);
	return 0;
}

static int open_all(struct net *net, struct cidr subnet, struct err *err)
{
	struct err why;

	if (netlink_io_open(&net->route, NETLINK_ROUTE, &why) < 0) {
		lack(net, NET_ATTACH, &why);
		return 0;
	}
	if (open_bridge(net, subnet, err) < 0)
		return -1;
	if (net_can(net, NET_ATTACH, &why) < 0)
		return 0;
	if (reality_set_sysctls(net->bridge, &why) < 0 || net_publish_open(net, &why) < 0)
		lack(net, NET_PUBLISH, &why);
	return 0;
}

int net_open(const struct net_config *config, struct net **ret, struct err *err)
{
	if (check_config(config, err) < 0)
		return -1;
	struct net *net = net_new(config);
	if (open_all(net, config->subnet, err) < 0) {
		net_close(net);
		return -1;
	}
	*ret = net;
	return 0;
}

/* ---- asking ---- */

int net_can(const struct net *net, enum net_feature feature, struct err *err)
{
	if (net->missing[feature].code == 0)
		return 0;
	*err = net->missing[feature];
	return err_wrap(err, "%s",
			feature == NET_ATTACH ? "container networks are not possible here"
					      : "published ports are not possible here");
}

struct net_info net_describe(const struct net *net)
{
	return (struct net_info){ net->bridge, net->plan.subnet, net->plan.gateway, net->plan.mtu };
}

bool net_next(const struct net *net, size_t *at, struct net_endpoint *ret)
{
	void *value;

	while (map_next(net->attachments, at, NULL, &value)) {
		const struct attachment *attachment = value;
		if (attachment->state != ATTACHMENT_READY)
			continue;
		*ret = (struct net_endpoint){ .id = attachment->id, .ip = attachment->ip };
		link_mac_of(attachment->ip, ret->mac);
		return true;
	}
	return false;
}
