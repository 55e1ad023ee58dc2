#include "orchestrate/ledger.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"

struct ledger {
	struct map *lines;              /* node id -> struct ledger_line */
	struct ledger_line **order;     /* as the view's nodes */
	size_t count;
	bool is_ordered;
	struct ledger_line **changed;   /* during one call */
	size_t changed_count, changed_size;
};

struct ledger *ledger_new(void)
{
	struct ledger *ledger = NEW(struct ledger);

	ledger->lines = map_new();
	return ledger;
}

static void line_free(struct ledger_line *line)
{
	free(line->node_id);
	free(line->ports);
	free(line);
}

void ledger_forget_all(struct ledger *ledger)
{
	void *line;

	for (size_t at = 0; map_next(ledger->lines, &at, NULL, &line);)
		line_free(line);
	map_free(ledger->lines);
	ledger->lines = map_new();
	ledger->is_ordered = false;
	ledger->count = ledger->changed_count = 0;
}

void ledger_free(struct ledger *ledger)
{
	ledger_forget_all(ledger);
	map_free(ledger->lines);
	free(ledger->order);
	free(ledger->changed);
	free(ledger);
}

void ledger_forget(struct ledger *ledger, const char *node_id)
{
	struct ledger_line *line = map_get(ledger->lines, node_id);

	if (line)
		line->is_known = false;
}

void ledger_forget_order(struct ledger *ledger)
{
	ledger->is_ordered = false;
}

void ledger_settle(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->changed_count; i++)
		ledger->changed[i]->is_known = ledger->changed[i]->is_changed = false;
	ledger->changed_count = 0;
}

static struct ledger_line *get_line(struct ledger *ledger, const char *node_id)
{
	struct ledger_line *line = map_get(ledger->lines, node_id);

	if (!line) {
		line = NEW(struct ledger_line);
		line->node_id = str_dup(node_id);
		map_put(ledger->lines, node_id, line);
	}
	return line;
}

static void drop_lines_of_the_gone(struct ledger *ledger, const struct view *view)
{
	const char *id;
	void *line;

	for (size_t at = 0; map_next(ledger->lines, &at, &id, &line);) {
		if (view_node(view, id))
			continue;
		map_remove(ledger->lines, id);
		line_free(line);
	}
}

/* Only between calls: lines that a call has changed are still there when it settles. */
static void put_in_order(struct ledger *ledger, const struct view *view)
{
	const struct view_object *node;
	size_t count = 0;

	check(ledger->changed_count == 0);
	drop_lines_of_the_gone(ledger, view);
	ledger->order = mem_resize(ledger->order, view_count(view, KIND_NODE) + 1, sizeof(struct ledger_line *));
	for (size_t at = 0; (node = view_next(view, KIND_NODE, &at)); count++) {
		ledger->order[count] = get_line(ledger, node->meta.id);
		ledger->order[count]->at = count;
	}
	ledger->count = count;
	ledger->is_ordered = true;
}

size_t ledger_open(struct ledger *ledger, const struct view *view)
{
	if (!ledger->is_ordered)
		put_in_order(ledger, view);
	check(ledger->count == view_count(view, KIND_NODE));
	return ledger->count;
}

bool ledger_counts(const struct task *task)
{
	return !str_is_empty(task->node_id) && task->state >= TASK_ASSIGNED && task->state <= TASK_RUNNING;
}

bool port_is_fixed_on_host(const struct port_config *port)
{
	return port->publish_mode == PUBLISH_HOST && port->published_port != 0;
}

static void add_port(struct ledger_line *line, const struct port_config *port)
{
	if (line->port_count == line->port_size) {
		line->port_size = MAX((size_t)4, line->port_size * 2);
		line->ports = mem_resize(line->ports, line->port_size, sizeof(struct host_port));
	}
	line->ports[line->port_count++] = (struct host_port){ port->protocol, port->published_port };
}

static void add_spec(struct ledger_line *line, const struct service_spec *spec)
{
	line->nano_cpus += spec->task.resources.reservations.nano_cpus;
	line->memory_bytes += spec->task.resources.reservations.memory_bytes;
	for (size_t i = 0; i < spec->endpoint.ports.count; i++)
		if (port_is_fixed_on_host(&spec->endpoint.ports.items[i]))
			add_port(line, &spec->endpoint.ports.items[i]);
}

static struct ledger_line *known(const struct view *view, struct ledger_line *line)
{
	const struct view_object *object;

	if (line->is_known)
		return line;
	line->nano_cpus = line->memory_bytes = 0;
	line->active = line->port_count = 0;
	for (object = view_tasks_of_node(view, line->node_id); object; object = object->next_of_node) {
		const struct task *task = object->value;
		const struct service_spec *spec;

		if (!ledger_counts(task))
			continue;
		spec = view_service_spec(view, task->service_id, task->spec_version);
		check(spec);
		add_spec(line, spec);
		line->active += task_is_wanted(task);
	}
	line->is_known = true;
	return line;
}

struct ledger_line *ledger_at(struct ledger *ledger, const struct view *view, size_t at)
{
	check(at < ledger->count);
	return known(view, ledger->order[at]);
}

struct ledger_line *ledger_find(struct ledger *ledger, const struct view *view, const char *node_id)
{
	struct ledger_line *line = map_get(ledger->lines, node_id);

	return line ? known(view, line) : NULL;
}

void ledger_add(struct ledger *ledger, struct ledger_line *line, const struct service_spec *spec)
{
	add_spec(line, spec);
	line->active++;
	if (line->is_changed)
		return;
	line->is_changed = true;
	if (ledger->changed_count == ledger->changed_size) {
		ledger->changed_size = MAX((size_t)64, ledger->changed_size * 2);
		ledger->changed = mem_resize(ledger->changed, ledger->changed_size, sizeof(struct ledger_line *));
	}
	ledger->changed[ledger->changed_count++] = line;
}

bool ledger_has_port(const struct ledger_line *line, const struct port_config *port)
{
	for (size_t i = 0; i < line->port_count; i++)
		if (line->ports[i].protocol == port->protocol && line->ports[i].port == port->published_port)
			return true;
	return false;
}
