#include "orchestrate/dirty.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/panic.h"
#include "base/str.h"
#include "orchestrate/ledger.h"

struct service_time { struct heap_node node; char *id; };

struct dirty {
	struct map *services, *nodes;   /* queues: id -> present */
	struct map *waiting;            /* service id -> present */
	struct map *times;              /* service id -> struct service_time */
	struct heap heap;
	struct ledger *ledger;
	bool was_freed;                 /* a port, a place or a node: those that wait may try again */
};
static char present;

struct dirty *dirty_new(void)
{
	struct dirty *dirty = NEW(struct dirty);

	dirty->services = map_new();
	dirty->nodes = map_new();
	dirty->waiting = map_new();
	dirty->times = map_new();
	dirty->ledger = ledger_new();
	return dirty;
}

static void free_time(struct dirty *dirty, struct service_time *time)
{
	heap_remove(&dirty->heap, &time->node);
	free(time->id);
	free(time);
}

static void clear_times(struct dirty *dirty)
{
	void *time;

	for (size_t at = 0; map_next(dirty->times, &at, NULL, &time);)
		free_time(dirty, time);
	map_free(dirty->times);
	dirty->times = map_new();
}

void dirty_free(struct dirty *dirty)
{
	if (!dirty)
		return;
	clear_times(dirty);
	map_free(dirty->times);
	heap_fini(&dirty->heap);
	map_free(dirty->services);
	map_free(dirty->nodes);
	map_free(dirty->waiting);
	ledger_free(dirty->ledger);
	free(dirty);
}

void dirty_add_service(struct dirty *dirty, const char *service_id)
{
	if (!str_is_empty(service_id))
		map_put(dirty->services, service_id, &present);
}

void dirty_add_node(struct dirty *dirty, const char *node_id)
{
	map_put(dirty->nodes, node_id, &present);
}

/* What its node may or must do with a task changed: it moved on, it came or it went. Being made or placed is the orchestrator's own
 * doing, which it need not look at again. */
static void add_task_event(struct dirty *dirty, const struct state_event *event)
{
	const struct task *before = event->before, *after = event->after;

	if (before && !str_is_empty(before->node_id))
		ledger_forget(dirty->ledger, before->node_id);
	if (after && !str_is_empty(after->node_id))
		ledger_forget(dirty->ledger, after->node_id);
	if (!before)
		return;
	if (!after || (after->state != before->state && task_is_done(after)))
		dirty->was_freed = true;
	else if (after->state == before->state || after->state < TASK_RUNNING)
		return;
	dirty_add_service(dirty, before->service_id);
}

static bool is_same_place(const struct node *a, const struct node *b)
{
	return a->status.state == b->status.state && str_eq(a->status.address, b->status.address) &&
	       !a->manager == !b->manager && shape_equal(&node_spec_shape, &a->spec, &b->spec) &&
	       shape_equal(&node_description_shape, &a->description, &b->description);
}

static void add_node_event(struct dirty *dirty, const struct state_event *event)
{
	if (event->before && event->after) {
		if (is_same_place(event->before, event->after))
			return;
	} else {
		ledger_forget_order(dirty->ledger);
	}
	dirty_add_node(dirty, event->id);
	dirty->was_freed = true;
}

/* Every service there is, and those of which only tasks, versions or slots are left. */
static void add_all_services(struct dirty *dirty, const struct view *view)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));)
		dirty_add_service(dirty, object->meta.id);
	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));)
		dirty_add_service(dirty, VIEW_VALUE(task, object)->service_id);
	for (size_t at = 0; (object = view_next(view, KIND_SERVICE_VERSION, &at));)
		dirty_add_service(dirty, VIEW_VALUE(service_version, object)->service_id);
	for (size_t at = 0; (object = view_next(view, KIND_SLOT, &at));)
		dirty_add_service(dirty, VIEW_VALUE(slot, object)->service_id);
}

void dirty_add_events(struct dirty *dirty, const struct view *view, const struct applied *applied)
{
	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];

		switch (event->kind) {
		case KIND_CLUSTER:              /* the length of task history */
			add_all_services(dirty, view);
			break;
		case KIND_NODE:
			add_node_event(dirty, event);
			break;
		case KIND_SERVICE:
			dirty_add_service(dirty, event->id);
			dirty->was_freed = true;        /* perhaps a port */
			break;
		case KIND_TASK:
			add_task_event(dirty, event);
			break;
		case KIND_SERVICE_VERSION:
		case KIND_SLOT:
		case KIND_SECRET:
		case KIND_CONFIG:
		case KIND_IMAGE_COPY:
		case KIND_COUNT:
			break;
		}
	}
}

void dirty_add_all(struct dirty *dirty, const struct view *view)
{
	const struct view_object *object;

	clear_times(dirty);
	map_free(dirty->waiting);
	dirty->waiting = map_new();
	ledger_forget_all(dirty->ledger);
	for (size_t at = 0; (object = view_next(view, KIND_NODE, &at));)
		dirty_add_node(dirty, object->meta.id);
	add_all_services(dirty, view);
}

bool dirty_is_empty(const struct dirty *dirty)
{
	return map_count(dirty->services) == 0 && map_count(dirty->nodes) == 0;
}

msec dirty_next_ms(const struct dirty *dirty)
{
	const struct heap_node *first = heap_first(&dirty->heap);

	return first ? first->key : INT64_MAX;
}

static char *take_first(struct map *queue, struct arena *arena)
{
	const char *id;
	size_t at = 0;

	if (!map_next(queue, &at, &id, NULL))
		return NULL;
	char *copy = arena_strdup(arena, id);
	map_remove(queue, copy);
	return copy;
}

char *dirty_take_service(struct dirty *dirty, struct arena *arena)
{
	return take_first(dirty->services, arena);
}

char *dirty_take_node(struct dirty *dirty, struct arena *arena)
{
	return take_first(dirty->nodes, arena);
}

void dirty_wake(struct dirty *dirty, msec now_ms)
{
	struct heap_node *first;
	const char *id;

	while ((first = heap_first(&dirty->heap)) && first->key <= now_ms) {
		struct service_time *time = CONTAINER_OF(first, struct service_time, node);
		dirty_add_service(dirty, time->id);
		map_remove(dirty->times, time->id);
		free_time(dirty, time);
	}
	if (!dirty->was_freed)
		return;
	dirty->was_freed = false;
	for (size_t at = 0; map_next(dirty->waiting, &at, &id, NULL);)
		dirty_add_service(dirty, id);
}

void dirty_set_time(struct dirty *dirty, const char *service_id, msec at_ms)
{
	struct service_time *time = map_get(dirty->times, service_id);

	if (at_ms == INT64_MAX) {
		if (time && map_remove(dirty->times, service_id))
			free_time(dirty, time);
		return;
	}
	if (!time) {
		time = NEW(struct service_time);
		time->id = str_dup(service_id);
		map_put(dirty->times, service_id, time);
	}
	heap_put(&dirty->heap, &time->node, at_ms);
}

void dirty_set_waiting(struct dirty *dirty, const char *service_id, bool is_waiting)
{
	if (is_waiting)
		map_put(dirty->waiting, service_id, &present);
	else
		map_remove(dirty->waiting, service_id);
}

struct ledger *dirty_ledger(struct dirty *dirty)
{
	return dirty->ledger;
}
