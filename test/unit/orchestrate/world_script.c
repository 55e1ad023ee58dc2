#include "test/unit/orchestrate/world_script.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "test/unit/orchestrate/world.h"

struct script {
	struct world world;
	struct arena arena;
	struct map *specs, *nodes;      /* name -> struct service_spec, struct node, as they stand */
	struct map *labels, *ids;       /* task id <-> label */
	struct map *counts;             /* "web.1" -> tasks ever made there */
	struct buf *out;
	unsigned step;
};

/* ---- words ------------------------------------------------------------------------------------------ */

static char *word_after(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	*rest = *end ? end + 1 : end;
	*end = 0;
	return word;
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (str_to_u64(text, &value) < 0)
		panic("script: '%s' is not a number", text);
	return value;
}

static nsec duration(const char *text)
{
	struct err err;
	nsec value;

	if (units_parse_duration(text, &value, &err) < 0)
		panic("script: %s", err.text);
	return value;
}

static int64_t bytes(const char *text)
{
	struct err err;
	int64_t value;

	if (units_parse_bytes(text, &value, &err) < 0)
		panic("script: %s", err.text);
	return value;
}

static int64_t cpus(const char *text)
{
	struct err err;
	int64_t value;

	if (units_parse_cpus(text, &value, &err) < 0)
		panic("script: %s", err.text);
	return value;
}

static int one_of(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (str_eq(names[i], text))
			return i;
	panic("script: '%s' is not known here", text);
}

static void add_str(struct script *s, struct str_array *array, const char *text)
{
	char **items = ARENA_ARRAY(&s->arena, char *, array->count + 1);

	if (array->count)
		memcpy(items, array->items, array->count * sizeof *items);
	items[array->count++] = arena_strdup(&s->arena, text);
	array->items = items;
}

static void put_label(struct script *s, struct str_map *map, const char *key, const char *value)
{
	struct str_pair *items = ARENA_ARRAY(&s->arena, struct str_pair, map->count + 1);
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++)
		if (!str_eq(map->items[i].key, key))
			items[count++] = map->items[i];
	if (*value)
		items[count++] = (struct str_pair){ arena_strdup(&s->arena, key), arena_strdup(&s->arena, value) };
	*map = (struct str_map){ items, count };
}

/* ---- services --------------------------------------------------------------------------------------- */

/* 8080:80/udp@host, 80 */
static void add_port(struct script *s, struct endpoint_spec *endpoint, char *text)
{
	static const char *const protocols[] = { "", "tcp", "udp", "sctp", NULL };
	struct port_config *items = ARENA_ARRAY(&s->arena, struct port_config, endpoint->ports.count + 1);
	struct port_config *port = &items[endpoint->ports.count];
	char *mode = strchr(text, '@'), *protocol, *target;

	if (mode)
		*mode++ = 0;
	if ((protocol = strchr(text, '/')))
		*protocol++ = 0;
	if ((target = strchr(text, ':')))
		*target++ = 0;
	if (endpoint->ports.count)
		memcpy(items, endpoint->ports.items, endpoint->ports.count * sizeof *items);
	port->protocol = protocol ? one_of(protocol, protocols) : PROTOCOL_TCP;
	port->publish_mode = mode ? PUBLISH_HOST : PUBLISH_INGRESS;
	port->target_port = number(target ? target : text);
	port->published_port = target ? number(text) : 0;
	endpoint->ports.items = items;
	endpoint->ports.count++;
}

static struct restart_policy *policy_of(struct script *s, struct service_spec *spec)
{
	if (!spec->task.restart)
		spec->task.restart = ARENA_NEW(&s->arena, struct restart_policy);
	return spec->task.restart;
}

static struct update_config *update_of(struct script *s, struct service_spec *spec)
{
	if (!spec->update) {
		spec->update = ARENA_NEW(&s->arena, struct update_config);
		spec->update->parallelism = 1;
	}
	return spec->update;
}

static void set_mode(struct script *s, struct service_spec *spec, const char *replicas)
{
	if (!replicas) {
		spec->mode.global = ARENA_NEW(&s->arena, struct global_mode);
		return;
	}
	spec->mode.replicated = ARENA_NEW(&s->arena, struct replicated);
	spec->mode.replicated->replicas = (struct opt_u64){ true, number(replicas) };
}

static bool set_restart_word(struct script *s, struct service_spec *spec, const char *key, const char *value)
{
	static const char *const conditions[] = { "", "none", "on-failure", "any", NULL };

	if (str_eq(key, "restart"))
		policy_of(s, spec)->condition = one_of(value, conditions);
	else if (str_eq(key, "delay"))
		policy_of(s, spec)->delay_ns = (struct opt_u64){ true, (uint64_t)duration(value) };
	else if (str_eq(key, "max-attempts"))
		policy_of(s, spec)->max_attempts = (struct opt_u64){ true, number(value) };
	else if (str_eq(key, "window"))
		policy_of(s, spec)->window_ns = (struct opt_u64){ true, (uint64_t)duration(value) };
	else
		return false;
	return true;
}

static void set_platform(struct script *s, struct service_spec *spec, char *value)
{
	struct platform *platform = ARENA_NEW(&s->arena, struct platform);
	char *slash = strchr(value, '/');

	check(slash);
	*slash = 0;
	*platform = (struct platform){ .os = arena_strdup(&s->arena, value), .architecture = arena_strdup(&s->arena, slash + 1) };
	spec->task.placement.platforms.items = platform;
	spec->task.placement.platforms.count = 1;
}

static void set_service_word(struct script *s, struct service_spec *spec, const char *key, char *value)
{
	static const char *const orders[] = { "", "stop-first", "start-first", NULL };

	if (str_eq(key, "replicas"))
		set_mode(s, spec, value);
	else if (str_eq(key, "global"))
		set_mode(s, spec, NULL);
	else if (str_eq(key, "image"))
		spec->task.container.image = arena_strdup(&s->arena, value);
	else if (str_eq(key, "force"))
		spec->task.force_update++;
	else if (str_eq(key, "label"))
		put_label(s, &spec->labels, "label", value);
	else if (str_eq(key, "constraint"))
		add_str(s, &spec->task.placement.constraints, value);
	else if (str_eq(key, "no-constraints"))
		spec->task.placement.constraints = (struct str_array){ 0 };
	else if (str_eq(key, "max-per-node"))
		spec->task.placement.max_replicas = number(value);
	else if (str_eq(key, "platform"))
		set_platform(s, spec, value);
	else if (str_eq(key, "reserve-cpu"))
		spec->task.resources.reservations.nano_cpus = cpus(value);
	else if (str_eq(key, "reserve-memory"))
		spec->task.resources.reservations.memory_bytes = bytes(value);
	else if (str_eq(key, "port"))
		add_port(s, &spec->endpoint, value);
	else if (str_eq(key, "no-ports"))
		spec->endpoint.ports.count = 0;
	else if (str_eq(key, "parallelism"))
		update_of(s, spec)->parallelism = number(value);
	else if (str_eq(key, "order"))
		update_of(s, spec)->order = one_of(value, orders);
	else if (!set_restart_word(s, spec, key, value))
		panic("script: service: '%s'?", key);
}

static char *split_value(char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return word + strlen(word);
	*value = 0;
	return value + 1;
}

static void do_service(struct script *s, char *rest)
{
	const char *name = word_after(&rest);
	struct service_spec *spec = map_get(s->specs, name);
	bool is_new = !view_service(s->world.view, name);

	if (!spec) {
		spec = ARENA_NEW(&s->arena, struct service_spec);
		spec->name = arena_strdup(&s->arena, name);
		spec->task.container.image = arena_strdup(&s->arena, "a");
		map_put(s->specs, name, spec);
	}
	while (*rest) {
		char *word = word_after(&rest), *value = split_value(word);
		set_service_word(s, spec, word, value);
	}
	if (is_new)
		world_create_service(&s->world, name, spec);
	else
		world_update_service(&s->world, name, spec);
}

/* ---- nodes ------------------------------------------------------------------------------------------ */

static void set_node_word(struct script *s, struct node *node, const char *key, const char *value)
{
	static const char *const availabilities[] = { "active", "pause", "drain", NULL };
	static const char *const states[] = { "unknown", "down", "ready", "disconnected", NULL };
	struct node_description *description = &node->description;

	if (str_eq(key, "availability"))
		node->spec.availability = one_of(value, availabilities);
	else if (str_eq(key, "state"))
		node->status.state = one_of(value, states);
	else if (str_eq(key, "role"))
		node->manager = str_eq(value, "manager") ? ARENA_NEW(&s->arena, struct manager_status) : NULL;
	else if (str_eq(key, "cpus"))
		description->resources.nano_cpus = cpus(value);
	else if (str_eq(key, "memory"))
		description->resources.memory_bytes = bytes(value);
	else if (str_eq(key, "arch"))
		description->platform.architecture = arena_strdup(&s->arena, value);
	else if (str_eq(key, "ip"))
		node->status.address = arena_strdup(&s->arena, value);
	else if (str_after(key, "label."))
		put_label(s, &node->spec.labels, str_after(key, "label."), value);
	else
		panic("script: node: '%s'?", key);
}

static void do_node(struct script *s, char *rest)
{
	const char *name = word_after(&rest);
	struct node *node = map_get(s->nodes, name);

	if (!node) {
		node = ARENA_NEW(&s->arena, struct node);
		node->status.state = NODE_READY;
		node->description.hostname = arena_strdup(&s->arena, name);
		node->description.platform = (struct platform){ arena_strdup(&s->arena, "x86_64"), arena_strdup(&s->arena, "linux") };
		node->description.resources = (struct node_resources){ 4000000000, (int64_t)8 << 30 };
		map_put(s->nodes, name, node);
	}
	while (*rest) {
		char *word = word_after(&rest), *value = split_value(word);
		set_node_word(s, node, word, value);
	}
	world_put_node(&s->world, name, node);
}

/* ---- tasks ------------------------------------------------------------------------------------------ */

static const char *place_of(struct script *s, const struct task *task)
{
	if (task->slot)
		return arena_printf(&s->arena, "%s.%llu", task->service_id, (unsigned long long)task->slot);
	return arena_printf(&s->arena, "%s.%s", task->service_id, task->node_id ? task->node_id : "");
}

static void name_task(struct script *s, const char *id, const struct task *task)
{
	const char *place = place_of(s, task);
	uintptr_t count = (uintptr_t)map_get(s->counts, place) + 1;
	char *label = arena_printf(&s->arena, "%s#%zu", place, (size_t)count);

	map_put(s->counts, place, (void *)count);
	map_put(s->labels, id, label);
	map_put(s->ids, label, arena_strdup(&s->arena, id));
}

static const char *task_id(struct script *s, const char *label)
{
	const char *id;

	if (!strchr(label, '#'))
		label = arena_printf(&s->arena, "%s#%zu", label, (size_t)(uintptr_t)map_get(s->counts, label));
	id = map_get(s->ids, label);
	if (!id)
		panic("script: no task '%s'", label);
	return id;
}

static enum task_state state_named(const char *name)
{
	for (enum task_state state = 0; state < TASK_STATE_COUNT; state++)
		if (str_eq(task_state_name(state), name))
			return state;
	panic("script: no task is '%s'", name);
}

static void do_report(struct script *s, char *rest)
{
	const char *id = task_id(s, word_after(&rest));
	enum task_state state = state_named(word_after(&rest));

	world_report(&s->world, id, state, *rest ? rest : NULL);
}

/* What a node that works does next about a task; -1: nothing. */
static int next_state(const struct script *s, const struct task *task)
{
	const struct node *node = view_node(s->world.view, task->node_id ? task->node_id : "");

	if (!node || node->status.state != NODE_READY || task->state < TASK_ASSIGNED || task_is_done(task))
		return -1;
	if (task->desired > TASK_RUNNING)
		return TASK_SHUTDOWN;
	if (task->desired == TASK_READY && task->state < TASK_READY)
		return TASK_READY;
	return task->desired == TASK_RUNNING && task->state < TASK_RUNNING ? TASK_RUNNING : -1;
}

static const char *one_to_play(const struct script *s, int *ret_state)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(s->world.view, KIND_TASK, &at));)
		if ((*ret_state = next_state(s, object->value)) >= 0)
			return object->meta.id;
	return NULL;
}

static void do_play(struct script *s)
{
	const char *id;
	int state;

	world_settle(&s->world);
	while ((id = one_to_play(s, &state))) {
		world_report(&s->world, id, (enum task_state)state, NULL);
		world_settle(&s->world);
	}
}

/* ---- printing --------------------------------------------------------------------------------------- */

static void print_field(struct script *s, const struct field *field, const void *value)
{
	struct shape one = { "one", 0, field, 1 };
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	CLEANUP(buf_finip) struct buf payload = BUF_INIT;

	field_encode(field, value, &payload);
	yyjson_mut_doc_set_root(doc, shape_to_json(&one, value, doc));
	char *text = yyjson_mut_write(doc, 0, NULL);
	check(text);
	if (payload.len == 0)
		buf_printf(s->out, " %s:none", field->json);
	else
		buf_printf(s->out, " %.*s", (int)strlen(text) - 2, text + 1);
	free(text);
	yyjson_mut_doc_free(doc);
}

/* In the message's place a plain reader sees what is new; who and when it was made follow from the task's name and the clock. */
static bool is_shown(const struct change *change, const struct field *field)
{
	const uint64_t dull = FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_SLOT) | FIELD_BIT(TASK_STATE_MS) | FIELD_BIT(TASK_CREATED_MS);
	uint64_t bit = FIELD_BIT(field->number);

	return field->type != FIELD_REFUSED && (change->mask & bit) && !(change->kind == KIND_TASK && (dull & bit));
}

static void print_change(void *arg, const struct change *change)
{
	static const char marks[] = { [CHANGE_CREATE] = '+', [CHANGE_UPDATE] = '~', [CHANGE_REMOVE] = '-' };
	const struct shape *shape = kind_shape(change->kind);
	struct script *s = arg;
	const char *label;

	if (change->kind == KIND_TASK && change->op == CHANGE_CREATE)
		name_task(s, change->id, change->value);
	label = change->kind == KIND_TASK ? map_get(s->labels, change->id) : NULL;
	buf_printf(s->out, "%c %s %s", marks[change->op], kind_name(change->kind), label ? label : change->id);
	for (size_t i = 0; i < shape->count; i++)
		if (change->op != CHANGE_REMOVE && is_shown(change, &shape->fields[i]))
			print_field(s, &shape->fields[i], change->value);
	buf_add_char(s->out, '\n');
}

static void show_task(struct script *s, const struct view_object *object)
{
	const struct task *task = object->value;

	buf_printf(s->out, "  %-10s %-9s %-10s %-4s v%llu", (const char *)map_get(s->labels, object->meta.id),
		   task_state_name((enum task_state)task->desired), task_state_name((enum task_state)task->state),
		   task->node_id ? task->node_id : "-", (unsigned long long)task->spec_version);
	if (!str_is_empty(task->error))
		buf_printf(s->out, " \"%s\"", task->error);
	buf_add_char(s->out, '\n');
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void do_show(struct script *s)
{
	size_t count = 0;
	const struct view_object *object;
	char **labels = ARENA_ARRAY(&s->arena, char *, view_count(s->world.view, KIND_TASK));

	for (size_t at = 0; (object = view_next(s->world.view, KIND_TASK, &at));)
		labels[count++] = map_get(s->labels, object->meta.id);
	qsort(labels, count, sizeof *labels, compare_labels);
	for (size_t i = 0; i < count; i++)
		show_task(s, view_find(s->world.view, KIND_TASK, map_get(s->ids, labels[i])));
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static void do_leader(struct script *s)
{
	dirty_free(s->world.dirty);
	s->world.dirty = dirty_new();
	dirty_add_all(s->world.dirty, s->world.view);
}

static void do_limits(struct script *s, char *rest)
{
	while (*rest) {
		char *word = word_after(&rest), *value = split_value(word);
		*(str_eq(word, "objects") ? &s->world.limits.objects : &s->world.limits.changes) = number(value);
	}
}

static int do_line(struct script *s, char *line, struct err *err)
{
	char *rest = line, *verb = word_after(&rest);

	if (str_eq(verb, "node"))
		do_node(s, rest);
	else if (str_eq(verb, "service"))
		do_service(s, rest);
	else if (str_eq(verb, "remove-service"))
		world_remove_service(&s->world, word_after(&rest));
	else if (str_eq(verb, "remove-node"))
		world_remove_node(&s->world, word_after(&rest));
	else if (str_eq(verb, "history"))
		world_set_history(&s->world, number(word_after(&rest)));
	else if (str_eq(verb, "report"))
		do_report(s, rest);
	else if (str_eq(verb, "play"))
		do_play(s);
	else if (str_eq(verb, "wait"))
		world_wait(&s->world, duration(word_after(&rest)) / 1000000);
	else if (str_eq(verb, "leader"))
		do_leader(s);
	else if (str_eq(verb, "limits"))
		do_limits(s, rest);
	else if (str_eq(verb, "show"))
		do_show(s);
	else
		return err_set(err, ERR_INVALID, "script: '%s' is not a verb", verb);
	world_settle(&s->world);
	return 0;
}

static int run_lines(struct script *s, const char *script, struct err *err)
{
	while (*script) {
		size_t length = strcspn(script, "\n");
		char *line = arena_strndup(&s->arena, script, length);

		script += length + (script[length] == '\n');
		buf_printf(s->out, "%s\n", line);
		if (*line && *line != '#' && do_line(s, line, err) < 0)
			return -1;
	}
	return 0;
}

int world_script_run(const char *script, struct buf *out, struct err *err)
{
	struct script s = { .out = out, .specs = map_new(), .nodes = map_new(), .labels = map_new(), .ids = map_new(),
			    .counts = map_new() };
	int rc;

	arena_init(&s.arena, "script", 1 << 26);
	world_init(&s.world, 1);
	s.world.on_change = print_change;
	s.world.arg = &s;
	rc = run_lines(&s, script, err);
	world_fini(&s.world);
	arena_fini(&s.arena);
	map_free(s.specs), map_free(s.nodes), map_free(s.labels), map_free(s.ids), map_free(s.counts);
	return rc;
}
