/* What node.db remembers of the cluster: where this node listens and is reached, where the managers are. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "node/node_internal.h"
#include "os/log.h"

static void read_managers(struct swarm *swarm, const char *text)
{
	struct session_news news;
	struct err err;

	if (dispatch_read(&session_news_shape, text, strlen(text), &swarm->managers_arena, &news, &err) < 0)
		log_warn("node.db: %s; the managers' addresses are unknown", err.text);
	else {
		swarm->managers = news.managers;
		swarm->generation = news.generation;
	}
}

void swarm_take_setting(struct host *host, const char *id, const char *value)
{
	struct swarm *swarm = &host->swarm;

	if (str_eq(id, "listen"))
		str_copy(swarm->listen, sizeof swarm->listen, value);
	else if (str_eq(id, "advertise"))
		str_copy(swarm->advertise, sizeof swarm->advertise, value);
	else if (str_eq(id, "interface"))
		str_copy(swarm->interface, sizeof swarm->interface, value);
	else if (str_eq(id, "managers"))
		read_managers(swarm, value);
}

static bool are_kept(const struct host *host, const struct manager_ats *managers)
{
	const struct manager_ats *kept = &host->swarm.managers;
	size_t same = 0, others = 0;

	for (size_t i = 0; i < managers->count; i++) {
		const struct manager_at *at = &managers->items[i];

		if (str_eq(at->node_id, host->node_id) || str_is_empty(at->address))
			continue;
		same += others < kept->count && str_eq(kept->items[others].node_id, at->node_id) &&
			str_eq(kept->items[others].address, at->address);
		others++;
	}
	return same == others && others == kept->count;
}

void swarm_keep_managers(struct host *host, const struct manager_ats *managers, uint64_t generation)
{
	struct swarm *swarm = &host->swarm;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct session_news news = { 0 };
	struct arena old = swarm->managers_arena;
	struct err err;

	if (are_kept(host, managers) && generation <= swarm->generation)
		return;
	news.generation = swarm->generation = MAX(generation, swarm->generation);
	arena_init(&swarm->managers_arena, "managers", MANAGERS_BYTES_MAX);
	news.managers.items = ARENA_ARRAY(&swarm->managers_arena, struct manager_at, managers->count);
	for (size_t i = 0; i < managers->count; i++)
		if (!str_eq(managers->items[i].node_id, host->node_id) && !str_is_empty(managers->items[i].address))
			news.managers.items[news.managers.count++] = (struct manager_at){
				arena_strdup(&swarm->managers_arena, managers->items[i].node_id),
				arena_strdup(&swarm->managers_arena, managers->items[i].address) };
	swarm->managers = news.managers;
	arena_fini(&old);
	dispatch_write(&session_news_shape, &news, &text);
	if (node_set(host, "managers", buf_text(&text), &err) < 0)
		log_warn("node.db: %s; the managers' addresses are not kept", err.text);
}

const char *swarm_manager_addresses(const struct host *host, struct arena *arena)
{
	const struct manager_ats *managers = &host->swarm.managers;
	const char *list = "";

	for (size_t i = 0; i < managers->count; i++)
		list = arena_printf(arena, "%s%s%s", list, i ? "," : "", managers->items[(i + host->swarm.managers_first) % managers->count].address);
	return list;
}

/* "10.0.0.1:2377" without the port. */
void swarm_learn_address(struct host *host, const char *at)
{
	char address[256];
	uint16_t port;
	struct err err;

	if (hostport_parse(at, CLUSTER_PORT, address, &port, &err) == 0)
		str_copy(host->swarm.address, sizeof host->swarm.address, address);
}

/* "0.0.0.0:2377" is said of who listens everywhere, also where others know an address of version six. */
static void learn_listen(struct swarm *swarm, const char *listen, const char *advertise)
{
	const char *port = *advertise == '[' ? str_after(listen, "0.0.0.0:") : NULL;
	char text[AT_SIZE];

	snprintf(text, sizeof text, "%s%s", port ? "[::]:" : "", port ? port : listen);
	str_copy(swarm->listen, sizeof swarm->listen, text);
}

int swarm_set_address(struct host *host, const char *listen, const char *advertise, struct err *err)
{
	struct swarm *swarm = &host->swarm;

	learn_listen(swarm, listen, advertise);
	str_copy(swarm->advertise, sizeof swarm->advertise, advertise);
	swarm_learn_address(host, advertise);
	reach_look(host);
	return node_set(host, "listen", swarm->listen, err) < 0 || node_set(host, "advertise", advertise, err) < 0 ? -1 : 0;
}
