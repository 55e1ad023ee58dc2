#include "orchestrate/slot_group.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "orchestrate/restart.h"

static const char *node_of(const struct draft_task *task)
{
	return task->task->node_id ? task->task->node_id : "";
}

static int compare_place(uint64_t number, const char *node_id, const struct slot_group *slot)
{
	if (number != slot->number)
		return number < slot->number ? -1 : 1;
	return number ? 0 : strcmp(node_id, slot->node_id);
}

/* By place, then by age: the tasks are sorted by age already, and what is equal keeps its order by their position. */
struct placed { struct draft_task *task; size_t age; };

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	uint64_t x_number = x->task->task->slot, y_number = y->task->task->slot;
	int order = 0;

	if (x_number != y_number)
		return x_number < y_number ? -1 : 1;
	if (x_number == 0)
		order = strcmp(node_of(x->task), node_of(y->task));
	if (order == 0)
		order = x->age < y->age ? -1 : 1;
	return order;
}

static bool are_in_place(const struct placed *placed, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_placed(&placed[i - 1], &placed[i]) > 0)
			return false;
	return true;
}

struct slot_group *slots_add(struct draft *draft, struct draft_service *service, uint64_t number, const char *node_id)
{
	struct slot_group *slot = ARENA_NEW(draft->arena, struct slot_group);

	*slot = (struct slot_group){ .number = number, .node_id = number ? "" : node_id };
	service->slots = draft_grow(draft, service->slots, service->slot_count, &service->slot_size);
	service->slots[service->slot_count++] = slot;
	return slot;
}

static void append(struct draft *draft, struct draft_service *service, struct draft_task *task)
{
	struct slot_group *slot = service->slot_count ? service->slots[service->slot_count - 1] : NULL;

	if (!slot || compare_place(task->task->slot, node_of(task), slot) != 0)
		slot = slots_add(draft, service, task->task->slot, node_of(task));
	*(slot->last ? &slot->last->next : &slot->first) = task;
	slot->last = task;
}

const char *slot_row_id(struct draft *draft, const struct draft_service *service, const struct slot_group *slot)
{
	if (slot->number)
		return arena_printf(draft->arena, "%s.%" PRIu64, service->id, slot->number);
	return arena_printf(draft->arena, "%s.%s", service->id, slot->node_id);
}

/* Rows exist only where restarts are counted. */
static void load_rows(struct draft *draft, struct draft_service *service)
{
	if (!view_slots_of_service(draft->view, service->id))
		return;
	for (size_t i = 0; i < service->slot_count; i++) {
		const char *id = slot_row_id(draft, service, service->slots[i]);
		const struct view_object *object = view_find(draft->view, KIND_SLOT, id);
		if (!object)
			continue;
		service->slots[i]->row = ARENA_NEW(draft->arena, struct draft_object);
		*service->slots[i]->row = (struct draft_object){ .kind = KIND_SLOT, .id = id, .before = object->value };
	}
}

void slots_load(struct draft *draft, struct draft_service *service)
{
	struct placed *placed = ARENA_ARRAY(draft->arena, struct placed, service->count);

	for (size_t i = 0; i < service->count; i++)
		placed[i] = (struct placed){ service->tasks[i], i };
	if (!are_in_place(placed, service->count))
		qsort(placed, service->count, sizeof *placed, compare_placed);
	for (size_t i = 0; i < service->count; i++)
		append(draft, service, placed[i].task);
	service->sorted_count = service->slot_count;
	load_rows(draft, service);
}

struct slot_group *slots_find(const struct draft_service *service, uint64_t number, const char *node_id)
{
	size_t low = 0, high = service->sorted_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_place(number, node_id, service->slots[middle]);
		if (order == 0)
			return service->slots[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool slot_has_wanted(const struct slot_group *slot)
{
	for (const struct draft_task *task = slot->first; task; task = task->next)
		if (task_is_wanted(task->task))
			return true;
	return false;
}

struct draft_task *slot_newest(const struct slot_group *slot)
{
	struct draft_task *newest = NULL;

	for (struct draft_task *task = slot->first; task; task = task->next)
		if (task->task->desired != TASK_REMOVE)
			newest = task;
	return newest;
}

bool slot_is_kept(struct draft *draft, struct draft_service *service, const struct slot_group *slot)
{
	struct draft_task *newest;

	if (slot_has_wanted(slot))
		return true;
	newest = slot_newest(slot);
	return newest && !restart_is_allowed(draft, service, slot, newest->task);
}

const struct slot *slot_history(const struct slot_group *slot)
{
	if (!slot->row || slot->row->is_removed)
		return NULL;
	return slot->row->edited ? slot->row->edited : slot->row->before;
}
