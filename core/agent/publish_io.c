/* The port table of this host: rebuilt once a round when tasks have come or gone, each task answered when its table is in force. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "agent/port_table.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/str.h"

enum { TABLE_ARENA_MAX = 64 << 20 };

static bool waits(const struct run *run)
{
	return run->machine.is_busy &&
	       (run->machine.busy_with == TASK_ACT_PUBLISH || run->machine.busy_with == TASK_ACT_WITHDRAW);
}

static struct pending *collect_waiting(struct agent *agent)
{
	struct pending *pending = pending_new(agent);
	void *run;
	const char *id;

	for (size_t at = 0; map_next(agent->runs, &at, &id, &run);)
		if (waits(run))
			strlist_add(&pending->task_ids, id);
	return pending;
}

static const struct err *refusal_of(const struct run *run, const struct net_refusal *refused, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < run->port_count; j++)
			if (refused[i].port == run->ports[j].published_port && refused[i].proto == port_proto(&run->ports[j]))
				return &refused[i].err;
	return NULL;
}

static void published(void *arg, const struct net_refusal *refused, size_t refused_count, const struct err *err)
{
	struct pending *pending = arg;

	if (err && pending->task_ids.count == 0)
		log_warn("published ports: %s", err->text);
	for (size_t i = 0; i < pending->task_ids.count; i++) {
		struct run *run = map_get(pending->agent->runs, pending->task_ids.items[i]);

		if (run && waits(run))
			run_answer(run, err ? err : refusal_of(run, refused, refused_count));
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
	sources = ARENA_ARRAY(&arena, struct port_source, map_count(agent->runs));
	for (size_t at = 0; map_next(agent->runs, &at, NULL, &value);) {
		const struct run *run = value;
		if (run->in_table)
			sources[count++] = (struct port_source){ run->assignment.task_id, run->assignment.service_id, run->ports,
								 run->port_count };
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

void agent_publish(struct run *run, bool in_table)
{
	run->in_table = in_table;
	agent_publish_flush_later(run->agent);
}
