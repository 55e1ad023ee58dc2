#include "orchestrate/replicated.h"

#include <stdlib.h>

#include "base/str.h"
#include "orchestrate/new_task.h"

/* kept is sorted by number */
static void add_slots(struct draft *draft, struct draft_service *service, struct slot_group **kept, size_t kept_count,
		      uint64_t missing)
{
	size_t next = 0;

	for (uint64_t number = 1; missing > 0; number++) {
		struct slot_group *slot;

		while (next < kept_count && kept[next]->number < number)
			next++;
		if (next < kept_count && kept[next]->number == number)
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		slot = slots_find(service, number, NULL);
		if (!slot)
			slot = slots_add(draft, service, number, NULL);
		new_task(draft, service, slot, TASK_RUNNING);
		missing--;
	}
}

/* ---- scaling down -------------------------------------------------------------------------------- */

struct candidate {
	struct slot_group *slot;
	bool is_running;
	size_t nth;                     /* of this service on its node, 1 …; SIZE_MAX for what has no one node */
	const char *node_id;
};

static bool has_running(const struct slot_group *slot)
{
	for (const struct draft_task *task = slot->first; task; task = task->next)
		if (task->task->state == TASK_RUNNING && task_is_wanted(task->task))
			return true;
	return false;
}

/* The node of the one task that the slot stands for; NULL when there are several, or none is placed. */
static const char *only_node(const struct slot_group *slot)
{
	const struct draft_task *only = NULL;

	for (const struct draft_task *task = slot->first; task; task = task->next) {
		if (!task_is_wanted(task->task))
			continue;
		if (only)
			return NULL;
		only = task;
	}
	if (!only)
		only = slot_newest(slot);
	return only && !str_is_empty(only->task->node_id) ? only->task->node_id : NULL;
}

static int running_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->is_running != y->is_running)
		return x->is_running ? -1 : 1;
	return x->slot->number < y->slot->number ? -1 : x->slot->number > y->slot->number;
}

static int lonely_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->nth != y->nth)
		return x->nth < y->nth ? -1 : 1;
	return running_first(a, b);
}

static void count_on_nodes(struct candidate *candidates, size_t count)
{
	struct map *counts = map_new();

	for (size_t i = 0; i < count; i++) {
		const char *node = candidates[i].node_id;
		candidates[i].nth = SIZE_MAX;
		if (!node)
			continue;
		candidates[i].nth = (size_t)(uintptr_t)map_get(counts, node) + 1;
		map_put(counts, node, (void *)(uintptr_t)candidates[i].nth);
	}
	map_free(counts);
}

static void let_go(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	for (struct draft_task *task = slot->first; task; task = task->next) {
		if (task->task->desired == TASK_REMOVE)
			continue;
		if (!draft_has_room(draft, 1)) {
			draft_put_off(service);
			return;
		}
		draft_set_desired(draft, task, TASK_REMOVE);
	}
}

/* What is not running goes first, then one after the other from the nodes that have most, then the highest numbers. */
static void drop_slots(struct draft *draft, struct draft_service *service, struct slot_group **kept, size_t kept_count,
		       size_t wanted)
{
	struct candidate *candidates = ARENA_ARRAY(draft->arena, struct candidate, kept_count);

	for (size_t i = 0; i < kept_count; i++)
		candidates[i] = (struct candidate){ kept[i], has_running(kept[i]), 0, only_node(kept[i]) };
	qsort(candidates, kept_count, sizeof *candidates, running_first);
	count_on_nodes(candidates, kept_count);
	qsort(candidates, kept_count, sizeof *candidates, lonely_first);
	for (size_t i = wanted; i < kept_count; i++)
		let_go(draft, service, candidates[i].slot);
}

void replicated_service(struct draft *draft, struct draft_service *service)
{
	struct slot_group **kept = ARENA_ARRAY(draft->arena, struct slot_group *, service->slot_count);
	uint64_t wanted = service_replicas(service->spec);
	size_t count = 0, sorted = service->slot_count;
	bool *is_kept = ARENA_ARRAY(draft->arena, bool, sorted);

	for (size_t i = 0; i < sorted; i++)
		if ((is_kept[i] = slot_is_kept(draft, service, service->slots[i])))
			kept[count++] = service->slots[i];
	if (count < wanted)
		add_slots(draft, service, kept, count, wanted - count);
	else if (count > wanted)
		drop_slots(draft, service, kept, count, (size_t)wanted);
	for (size_t i = 0; i < sorted; i++)     /* what is left of slots that were given up and not filled again */
		if (!is_kept[i] && !slot_has_wanted(service->slots[i]))
			let_go(draft, service, service->slots[i]);
}
