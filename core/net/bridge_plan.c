#include "net/bridge_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "net/net_plan.h"
#include "net/subnet.h"

#define MTU_DEFAULT 1500
#define MTU_MIN     576          /* RFC 791: what every host must take */

const struct link *reality_find_link(const struct reality *reality, const char *name)
{
	for (size_t i = 0; i < reality->link_count; i++)
		if (str_eq(reality->links[i].name, name))
			return &reality->links[i];
	return NULL;
}

static const struct link *find_by_index(const struct reality *reality, int index)
{
	for (size_t i = 0; i < reality->link_count; i++)
		if (reality->links[i].index == index)
			return &reality->links[i];
	return NULL;
}

/* A container's packets must fit where most of them go: a tunnel or a cloud's network may take less
 * than 1500 bytes. */
static unsigned choose_mtu(const struct reality *reality)
{
	unsigned mtu = MTU_DEFAULT;

	for (size_t i = 0; i < reality->route_count; i++) {
		const struct link_route *route = &reality->routes[i];
		const struct link *out = route->to.prefix == 0
						 ? find_by_index(reality, route->out_index)
						 : NULL;
		if (out && out->mtu >= MTU_MIN && out->mtu < mtu)
			mtu = out->mtu;
	}
	return mtu;
}

static int check_ours(const struct link *bridge, const char *instance, struct err *err)
{
	char alias[LINK_ALIAS_SIZE];

	if (!str_eq(bridge->kind, "bridge"))
		return err_set(err, ERR_CONFLICT,
			       "bridge '%s': a link of that name exists and is no bridge",
			       bridge->name);
	net_plan_bridge_alias(instance, alias);
	if (bridge->alias[0] && !str_eq(bridge->alias, alias))
		return err_set(err, ERR_CONFLICT,
			       "bridge '%s': belongs to '%s'; choose another name", bridge->name,
			       bridge->alias);
	return 0;
}

static const struct link_addr *find_address(const struct reality *reality, int index)
{
	for (size_t i = 0; i < reality->addr_count; i++)
		if (reality->addrs[i].index == index)
			return &reality->addrs[i];
	return NULL;
}

static int keep_range(const char *name, struct cidr have, struct cidr asked,
		      struct bridge_plan *plan, struct err *err)
{
	char text[CIDR_TEXT_SIZE], asked_text[CIDR_TEXT_SIZE];

	plan->has_address = true;
	plan->gateway = have.ip;
	plan->subnet = (struct cidr){ subnet_first(have), have.prefix };
	if (subnet_check(have, err) < 0)
		return err_wrap(err, "bridge '%s'", name);
	if (asked.ip.family == 0 ||
	    (asked.prefix == have.prefix && ip_eq(subnet_first(asked), plan->subnet.ip)))
		return 0;
	return err_set(
		err, ERR_CONFLICT,
		"bridge '%s': has %s already, not %s; remove the bridge or ask for its range", name,
		cidr_format(have, text), cidr_format(asked, asked_text));
}

/* Everything the host can reach without its default route, and its own addresses. What goes out by
 * the bridge itself is not in the way. */
static size_t collect_taken(const struct reality *reality, int bridge_index, struct cidr *ret_taken)
{
	size_t count = 0;

	for (size_t i = 0; i < reality->addr_count; i++)
		if (reality->addrs[i].index != bridge_index)
			ret_taken[count++] = reality->addrs[i].address;
	for (size_t i = 0; i < reality->route_count; i++)
		if (bridge_index == 0 || reality->routes[i].out_index != bridge_index)
			ret_taken[count++] = reality->routes[i].to;
	return count;
}

static int choose_range(const struct reality *reality, struct cidr asked, struct bridge_plan *plan,
			struct err *err)
{
	struct cidr *taken = NEW_ARRAY(struct cidr, reality->addr_count + reality->route_count + 1);
	size_t count = collect_taken(reality, plan->index, taken);
	int result;

	if (asked.ip.family == 0) {
		result = subnet_choose(taken, count, &plan->subnet, err);
	} else {
		plan->subnet = (struct cidr){ subnet_first(asked), asked.prefix };
		result = subnet_check_free(plan->subnet, taken, count, err);
	}
	free(taken);
	if (result == 0)
		plan->gateway = subnet_gateway(plan->subnet);
	return result;
}

int bridge_plan_make(const struct reality *reality, const char *instance, const char *name,
		     struct cidr asked, struct bridge_plan *ret, struct err *err)
{
	const struct link *bridge = reality_find_link(reality, name);
	struct bridge_plan plan = { .mtu = choose_mtu(reality) };

	if (asked.ip.family != 0 && subnet_check(asked, err) < 0)
		return -1;
	if (bridge && check_ours(bridge, instance, err) < 0)
		return -1;
	plan.index = bridge ? bridge->index : 0;
	plan.is_ours = !bridge || bridge->alias[0]; /* check_ours has refused another instance's */

	const struct link_addr *have = bridge ? find_address(reality, bridge->index) : NULL;
	int result = have ? keep_range(name, have->address, asked, &plan, err)
			  : choose_range(reality, asked, &plan, err);
	if (result == 0)
		*ret = plan;
	return result;
}
