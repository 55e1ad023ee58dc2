#include "orchestrate/restart.h"

#include <string.h>

#include "base/str.h"
#include "model/defaults.h"
#include "orchestrate/new_task.h"
#include "orchestrate/outdated.h"

enum {
	STOP_PATIENCE_MS = 60 * 1000,   /* from the making of the replacement, delay included */
	RESTARTS_KEPT = 1000,           /* in one window; whoever allows more is not counted */
	RESTART_BYTES = 16,             /* of one in a change */
};
static const nsec ms = 1000000;

bool restart_node_is_lost(const struct node *node)
{
	return !node || node->status.state == NODE_DOWN || node->spec.availability == AVAILABILITY_DRAIN;
}

static const struct node *node_of(const struct draft *draft, const struct task *task)
{
	return str_is_empty(task->node_id) ? NULL : view_node(draft->view, task->node_id);
}

/* ---- the policy ---------------------------------------------------------------------------------- */

/* Restarts that count for a task which ended at this time: those in the window before it. */
static uint64_t restarts_in_window(const struct slot *history, msec ended_ms, nsec window_ns)
{
	msec window_ms = window_ns / ms + (window_ns % ms != 0);
	uint64_t count = 0;

	for (size_t i = 0; i < history->restarts.count; i++) {
		msec at = history->restarts.items[i].at_ms;
		count += at <= ended_ms && ended_ms - at < window_ms;
	}
	return count;
}

static bool has_attempts_left(const struct task_spec *spec, const struct slot *history, const struct task *task)
{
	uint64_t max = restart_max_attempts(spec);
	nsec window_ns = restart_window_ns(spec);

	if (max == 0 || !history || history->spec_version != task->spec_version)
		return true;                    /* an update begins anew */
	if (window_ns == 0)
		return history->attempts < max;
	return restarts_in_window(history, task->state_ms, window_ns) < max;
}

bool restart_is_allowed(struct draft *draft, struct draft_service *service, const struct slot_group *slot,
			const struct task *task)
{
	const struct task_spec *spec = &draft_spec_of(draft, service, task->spec_version)->task;
	int condition = restart_condition_of(spec);

	if (condition == RESTART_NONE || (condition == RESTART_ON_FAILURE && task->state == TASK_COMPLETE))
		return false;
	return has_attempts_left(spec, slot_history(slot), task);
}

static void note_restart(struct draft *draft, struct slot *history, nsec window_ns)
{
	struct slot_restart *items;
	size_t count = 0;
	msec window_ms = window_ns / ms + 1;

	history->attempts++;
	if (window_ns == 0)
		return;
	items = ARENA_ARRAY(draft->arena, struct slot_restart, history->restarts.count + 1);
	for (size_t i = 0; i < history->restarts.count; i++)
		if (draft->now_ms - history->restarts.items[i].at_ms < window_ms && count < RESTARTS_KEPT)
			items[count++] = history->restarts.items[i];
	items[count++] = (struct slot_restart){ draft->now_ms };
	history->restarts.items = items;
	history->restarts.count = count;
}

static size_t history_bytes(const struct slot_group *slot)
{
	const struct slot *history = slot_history(slot);

	return history ? (history->restarts.count + 1) * RESTART_BYTES : 0;
}

/* One row a slot, only where the policy has a limit. */
static void count_restart(struct draft *draft, struct draft_service *service, struct slot_group *slot)
{
	struct slot *history;

	if (restart_max_attempts(&service->spec->task) == 0)
		return;
	if (!slot->row)
		slot->row = draft_new_row(draft, slot_row_id(draft, service, slot));
	draft_charge(draft, history_bytes(slot));
	history = draft_edit_slot(draft, slot->row);
	if (history->spec_version != service->service->spec_version)
		*history = (struct slot){ .service_id = (char *)(uintptr_t)service->id,
					  .spec_version = service->service->spec_version };
	note_restart(draft, history, restart_window_ns(&service->spec->task));
}

/* ---- starting ------------------------------------------------------------------------------------ */

/* Is a task of this slot on its way to stop? One that nobody asked to stop is not waited for. */
static bool is_stopping(const struct draft *draft, const struct slot_group *slot)
{
	for (const struct draft_task *other = slot->first; other; other = other->next) {
		const struct task *t = other->task;
		const struct node *node;

		if (task_is_wanted(t) || t->state < TASK_ASSIGNED || task_is_done(t))
			continue;
		node = node_of(draft, t);
		if (node && node->status.state != NODE_DOWN)
			return true;
	}
	return false;
}

/* When may this prepared task start? INT64_MAX: when something else happens. */
static msec start_time(const struct draft *draft, const struct slot_group *slot, const struct draft_task *task)
{
	msec patience_ends = task->task->created_ms + STOP_PATIENCE_MS;

	if (draft->now_ms < task->task->start_after_ms)
		return task->task->start_after_ms;
	if (draft->now_ms < patience_ends && is_stopping(draft, slot))
		return patience_ends;
	return draft->now_ms;
}

static bool is_waiting(const struct draft_task *task)
{
	return task->task->desired == TASK_READY;
}

void restart_start_due(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->slot_count; i++) {
		struct slot_group *slot = service->slots[i];
		for (struct draft_task *task = slot->first; task; task = task->next) {
			msec at;
			if (!is_waiting(task))
				continue;
			at = start_time(draft, slot, task);
			if (at > draft->now_ms) {
				draft_wake_at(service, at);
			} else if (task_is_done(task->task)) {
				continue;               /* restart_service's */
			} else if (!draft_has_room(draft, 1)) {
				draft_put_off(service);
			} else {
				struct task *edited = draft_edit_task(draft, task);
				edited->desired = TASK_RUNNING;
				edited->start_after_ms = 0;
			}
		}
	}
}

/* ---- replacing ----------------------------------------------------------------------------------- */

static void replace(struct draft *draft, struct draft_service *service, struct slot_group *slot, struct draft_task *old)
{
	const struct task_spec *spec = &draft_spec_of(draft, service, old->task->spec_version)->task;
	const struct node *node = node_of(draft, old->task);
	/* the delay slows down what fails again and again; these tasks did not */
	bool is_the_nodes = node && (node->spec.availability == AVAILABILITY_DRAIN || node->status.state == NODE_DOWN);
	msec delay_ms = is_the_nodes ? 0 : restart_delay_ns(spec) / ms;
	struct draft_task *fresh = new_task(draft, service, slot, TASK_READY);

	if (delay_ms > 0)
		draft_edit_task(draft, fresh)->start_after_ms = draft->now_ms + MIN(delay_ms, INT64_MAX / 4);
	count_restart(draft, service, slot);
}

static bool needs_restart(const struct draft *draft, const struct draft_task *task)
{
	const struct task *t = task->task;

	if (!task_is_wanted(t))
		return false;
	return task_is_done(t) || (!str_is_empty(t->node_id) && restart_node_is_lost(node_of(draft, t)));
}

/* A global service's task has no other node to go to. */
static bool may_run_there_again(struct draft_service *service, const struct draft *draft, const struct task *task)
{
	const struct node *node;

	if (!service_is_global(service->spec))
		return true;
	node = node_of(draft, task);
	return node && !restart_node_is_lost(node) && node->spec.availability == AVAILABILITY_ACTIVE &&
	       constraint_match(&service->constraints, task->node_id, node);
}

/* While an update starts the new one first, an old one that fails has its successor already. */
static bool has_successor(const struct draft *draft, const struct slot_group *slot, const struct draft_task *task)
{
	for (const struct draft_task *other = slot->first; other; other = other->next)
		if (other != task && task_is_wanted(other->task) && !task_is_outdated(draft->view, other->task))
			return true;
	return false;
}

static void restart(struct draft *draft, struct draft_service *service, struct slot_group *slot, struct draft_task *task)
{
	if (is_waiting(task) && start_time(draft, slot, task) > draft->now_ms)
		return;                         /* not before its turn; restart_start_due sets the time */
	if (!draft_has_room_for(draft, 3, history_bytes(slot))) {
		draft_put_off(service);
		return;
	}
	bool again = !has_successor(draft, slot, task) && may_run_there_again(service, draft, task->task) &&
		     restart_is_allowed(draft, service, slot, task->task);
	draft_set_desired(draft, task, TASK_SHUTDOWN);
	if (again)
		replace(draft, service, slot, task);
}

void restart_service(struct draft *draft, struct draft_service *service)
{
	size_t count = service->slot_count;

	for (size_t i = 0; i < count; i++)
		for (struct draft_task *task = service->slots[i]->first; task; task = task->next)
			if (needs_restart(draft, task))
				restart(draft, service, service->slots[i], task);
}
