/* The port table of this host: rebuilt once a round when tasks have come or gone, each task answered when its table is in force. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "agent/port_table.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/str.h"

/* The tasks that wait for one table. */
struct publication { struct agent *agent; char **task_ids; size_t count; };

enum { TABLE_ARENA_MAX = 64 << 20 };

static bool waits(const struct run *run)
{
	return run->machine.is_busy &&
	       (run->machine.busy_with == TASK_ACT_PUBLISH || run->machine.busy_with == TASK_ACT_WITHDRAW);
}

static void collect_waiting(struct agent *agent, struct publication *publication)
{
	void *run;
	const char *id;

	publication->agent = agent;
	publication->task_ids = NEW_ARRAY(char *, map_count(agent->runs) + 1);
	for (size_t at = 0; map_next(agent->runs, &at, &id, &run);)
		if (waits(run))
			publication->task_ids[publication->count++] = str_dup(id);
}

static void publication_free(struct publication *publication)
{
	for (size_t i = 0; i < publication->count; i++)
		free(publication->task_ids[i]);
	free(publication->task_ids);
	free(publication);
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
	struct publication *publication = arg;

	if (err && publication->count == 0)
		log_warn("published ports: %s", err->text);
	for (size_t i = 0; i < publication->count; i++) {
		struct run *run = map_get(publication->agent->runs, publication->task_ids[i]);

		if (run && waits(run))
			run_answer(run, err ? err : refusal_of(run, refused, refused_count));
	}
	publication_free(publication);
}

static void flush(void *arg)
{
	struct agent *agent = arg;
	struct publication *publication = NEW(struct publication);
	struct arena arena;
	struct port_source *sources;
	struct net_port *table;
	size_t count = 0, entries;
	void *value;

	agent->flush_is_due = false;
	collect_waiting(agent, publication);
	arena_init(&arena, "port table", TABLE_ARENA_MAX);
	sources = ARENA_ARRAY(&arena, struct port_source, map_count(agent->runs));
	for (size_t at = 0; map_next(agent->runs, &at, NULL, &value);) {
		const struct run *run = value;
		if (run->in_table)
			sources[count++] = (struct port_source){ run->assignment.task_id, run->assignment.service_id, run->ports,
								 run->port_count };
	}
	table = port_table(sources, count, &arena, &entries);
	net_publish(agent->cfg.net, table, entries, published, publication);
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
