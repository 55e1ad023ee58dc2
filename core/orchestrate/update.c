#include "orchestrate/update.h"

#include "base/str.h"
#include "model/defaults.h"
#include "orchestrate/new_task.h"
#include "orchestrate/outdated.h"
#include "orchestrate/restart.h"

enum progress {
	SLOT_DONE,
	SLOT_OUTDATED,          /* to be replaced */
	SLOT_UNDER_WAY,         /* its new task has not run yet */
	SLOT_DOUBLE,            /* the new task runs, others are still wanted */
};
struct look {
	enum progress progress;
	struct draft_task *fresh;
	bool has_outdated;      /* one that is wanted, or the last one of a slot that has come to rest */
	bool has_spare;         /* a second fresh one: its node's label came back */
};

/* A new task that ended for good beside an old one that still runs: replacing once more would only go round. */
static bool has_failed(const struct draft *draft, const struct draft_service *service, const struct slot_group *slot)
{
	for (const struct draft_task *task = slot->first; task; task = task->next)
		if (task_is_done(task->task) && task->task->update_version == service->service->spec_version &&
		    !task_is_outdated(draft->view, task->task))
			return true;
	return false;
}

static struct look look_stopped(const struct draft *draft, const struct slot_group *slot)
{
	struct draft_task *newest = slot_newest(slot);
	bool is_outdated = newest && task_is_outdated(draft->view, newest->task);

	return (struct look){ is_outdated ? SLOT_OUTDATED : SLOT_DONE, NULL, is_outdated, false };
}

static enum progress progress_of(const struct draft *draft, const struct draft_service *service, const struct slot_group *slot,
				 const struct draft_task *fresh, size_t wanted)
{
	if (!fresh)
		return has_failed(draft, service, slot) ? SLOT_UNDER_WAY : SLOT_OUTDATED;
	if (wanted > 1)
		return fresh->task->state == TASK_RUNNING ? SLOT_DOUBLE : SLOT_UNDER_WAY;
	return fresh->task->update_version && fresh->task->state < TASK_RUNNING ? SLOT_UNDER_WAY : SLOT_DONE;
}

/* The one that is meant to run is better than one that is only prepared; then, the one that is further. */
static bool is_better(const struct task *a, const struct task *b)
{
	return a->desired != b->desired ? a->desired > b->desired : a->state > b->state;
}

static struct look look_at(const struct draft *draft, const struct draft_service *service, const struct slot_group *slot)
{
	struct draft_task *fresh = NULL;
	size_t wanted = 0, outdated = 0;

	for (struct draft_task *task = slot->first; task; task = task->next) {
		if (!task_is_wanted(task->task))
			continue;
		wanted++;
		if (task_is_outdated(draft->view, task->task))
			outdated++;
		else if (!fresh || is_better(task->task, fresh->task))
			fresh = task;
	}
	if (wanted == 0)
		return look_stopped(draft, slot);
	return (struct look){ progress_of(draft, service, slot, fresh, wanted), fresh, outdated > 0, wanted - outdated > 1 };
}

/* Slots that are on their way out, and those of nodes that take nothing new, are left as they are. */
static bool takes_part(struct draft *draft, struct draft_service *service, const struct slot_group *slot)
{
	const struct node *node;

	if (!slot_is_kept(draft, service, slot))
		return false;
	if (slot->number)
		return true;
	node = view_node(draft->view, slot->node_id);
	return !restart_node_is_lost(node) && node->spec.availability == AVAILABILITY_ACTIVE &&
	       constraint_match(&service->constraints, slot->node_id, node);
}

static size_t count_wanted(const struct slot_group *slot)
{
	size_t count = 0;

	for (const struct draft_task *task = slot->first; task; task = task->next)
		count += task_is_wanted(task->task);
	return count;
}

/* All others, or (placed_too false) only those that never got a node: there is nothing in them to keep running. */
static void stop_others(struct draft *draft, struct slot_group *slot, struct draft_task *fresh, bool placed_too)
{
	for (struct draft_task *task = slot->first; task; task = task->next)
		if (task != fresh && task_is_wanted(task->task) && (placed_too || task->task->state < TASK_ASSIGNED))
			draft_set_desired(draft, task, TASK_SHUTDOWN);
}

static void stop_spare(struct draft *draft, struct slot_group *slot, struct draft_task *fresh)
{
	for (struct draft_task *task = slot->first; task; task = task->next)
		if (task != fresh && task_is_wanted(task->task) && !task_is_outdated(draft->view, task->task))
			draft_set_desired(draft, task, TASK_SHUTDOWN);
}

/* A slot is changed as a whole, or not in this call. */
static bool has_room(struct draft *draft, struct draft_service *service, size_t changes)
{
	if (draft_has_room(draft, changes))
		return true;
	draft_put_off(service);
	return false;
}

/* Returns false when there was no room. */
static bool replace(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	bool starts_first = update_starts_first(service->spec);
	struct draft_task *fresh;

	if (!has_room(draft, service, count_wanted(slot) + 1))
		return false;
	fresh = new_task(draft, service, slot, starts_first ? TASK_RUNNING : TASK_READY);
	draft_edit_task(draft, fresh)->update_version = service->service->spec_version;
	stop_others(draft, slot, fresh, !starts_first);
	return true;
}

static void set_status(struct draft *draft, struct draft_service *service, enum update_state state, const char *message)
{
	struct update_status *status;

	if (!has_room(draft, service, 1))
		return;
	status = &draft_edit_service(draft, service)->update;
	status->state = (int)state;
	status->message = (char *)(uintptr_t)message;
	if (state == UPDATE_UPDATING)
		status->started_wall = draft->in->wall;
	else
		status->completed_wall = draft->in->wall;
}

struct sum { size_t outdated, under_way, begun; };

/* What is double ends at once: that costs nobody a place. */
static struct look look_and_tidy(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	struct look look = look_at(draft, service, slot);

	if (look.progress != SLOT_DOUBLE && !look.has_spare)
		return look;
	if (!has_room(draft, service, count_wanted(slot)))
		return look;
	if (look.progress == SLOT_DOUBLE)
		stop_others(draft, slot, look.fresh, true);
	else
		stop_spare(draft, slot, look.fresh);
	return look_at(draft, service, slot);
}

static struct sum look_at_all(struct draft *draft, struct draft_service *service, struct look *looks)
{
	struct sum sum = { 0 };

	for (size_t i = 0; i < service->slot_count; i++) {
		if (!takes_part(draft, service, service->slots[i]))
			continue;
		looks[i] = look_and_tidy(draft, service, service->slots[i]);
		sum.outdated += looks[i].progress == SLOT_OUTDATED;
		sum.under_way += looks[i].progress == SLOT_UNDER_WAY;
		sum.begun += looks[i].has_outdated;
	}
	return sum;
}

void update_service(struct draft *draft, struct draft_service *service)
{
	struct look *looks = ARENA_ARRAY(draft->arena, struct look, service->slot_count);
	uint64_t parallelism = update_parallelism(service->spec);
	int state = service->service->update.state;
	struct sum sum;

	if (state == UPDATE_PAUSED)
		return;
	sum = look_at_all(draft, service, looks);
	if (sum.outdated + sum.under_way == 0) {
		if (state == UPDATE_UPDATING)
			set_status(draft, service, UPDATE_COMPLETED, "update completed");
		return;
	}
	if (state == UPDATE_NONE && sum.begun > 0)
		set_status(draft, service, UPDATE_UPDATING, "update in progress");
	for (size_t i = 0; i < service->slot_count; i++) {
		if (looks[i].progress != SLOT_OUTDATED)
			continue;
		if (parallelism && sum.under_way >= parallelism)
			return;
		if (!replace(draft, service, service->slots[i]))
			return;
		sum.under_way++;
	}
}
