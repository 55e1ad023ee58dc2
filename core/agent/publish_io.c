/* The port table of this host: rebuilt once a round when tasks have come or gone, each task answered when its table is in force. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "agent/port_table.h"
#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"

enum { TABLE_ARENA_MAX = 64 << 20 };

static void answer(struct hosted *hosted, const struct err *failure)
{
	hosted->awaits_table = false;
	if (hosted->is_solo)
		box_answer(CONTAINER_OF(hosted, struct solo_box, hosted), failure, 0);
	else
		run_answer(CONTAINER_OF(hosted, struct run, hosted), failure);
}

static struct pending *collect_waiting(struct agent *agent)
{
	struct pending *pending = pending_new(agent);
	void *hosted;
	const char *id;

	for (size_t at = 0; map_next(agent->by_container, &at, &id, &hosted);)
		if (((struct hosted *)hosted)->awaits_table)
			strlist_add(&pending->ids, id);
	return pending;
}

static const struct err *refusal_of(const struct hosted *hosted, const struct net_refusal *refused, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < hosted->port_count; j++)
			if (refused[i].port == hosted->ports[j].published_port && refused[i].proto == port_proto(&hosted->ports[j]) &&
			    ip_eq(refused[i].address, hosted->ports[j].host_ip))
				return &refused[i].err;
	return NULL;
}

static void published(void *arg, const struct net_refusal *refused, size_t refused_count, const struct err *err)
{
	struct pending *pending = arg;

	if (err && pending->ids.count == 0)
		log_warn("published ports: %s", err->text);
	for (size_t i = 0; i < pending->ids.count; i++) {
		struct hosted *hosted = map_get(pending->agent->by_container, pending->ids.items[i]);

		if (hosted && hosted->awaits_table)
			answer(hosted, err ? err : refusal_of(hosted, refused, refused_count));
	}
	pending_free(pending);
}

static void flush(void *arg)
{
	struct agent *agent = arg;
	struct arena arena;
	struct port_source *sources;
	struct net_port *table;
	size_t count = 0, entries;
	void *value;

	agent->flush_is_due = false;
	arena_init(&arena, "port table", TABLE_ARENA_MAX);
	sources = ARENA_ARRAY(&arena, struct port_source, map_count(agent->by_container));
	for (size_t at = 0; map_next(agent->by_container, &at, NULL, &value);) {
		const struct hosted *hosted = value;
		if (hosted->in_table)
			sources[count++] = (struct port_source){ hosted->leg, hosted->is_solo ? hosted->leg :
				CONTAINER_OF(hosted, const struct run, hosted)->assignment.service_id, hosted->ports, hosted->port_count };
	}
	table = port_table(sources, count, &arena, &entries);
	net_publish(agent->cfg.net, table, entries, published, collect_waiting(agent));
	arena_fini(&arena);
}

void agent_publish_flush_later(struct agent *agent)
{
	if (agent->flush_is_due)
		return;
	agent->flush_is_due = true;
	loop_defer(agent->cfg.loop, flush, agent);
}

void agent_publish(struct hosted *hosted, bool in_table)
{
	hosted->in_table = in_table;
	hosted->awaits_table = true;
	agent_publish_flush_later(hosted->agent);
}
