#include "orchestrate/schedule.h"

#include "base/panic.h"
#include "base/str.h"
#include "orchestrate/schedule_rank.h"

struct on_node { uint64_t active, failures; };
/* One for all rounds of a call: as long as there are nodes, and clean between rounds. */
struct scratch { struct on_node *on_nodes; struct candidate_node *candidates; };
struct round {
	struct draft *draft;
	struct draft_service *service;
	struct ledger *ledger;
	uint64_t version;
	const struct service_spec *spec;        /* of this version */
	struct constraint_list constraints;
	struct on_node *on_nodes;               /* by position of the node */
	struct candidate_node *candidates;
	size_t node_count;
};

static bool is_unplaced(const struct draft_task *task)
{
	return task->task->state == TASK_PENDING && task_is_wanted(task->task);
}

static bool failed_lately(const struct round *round, const struct task *task)
{
	return (task->state == TASK_FAILED || task->state == TASK_REJECTED) && task->spec_version == round->version &&
	       round->draft->now_ms - task->state_ms <= RANK_FAILURE_WINDOW_MS;
}

/* What this service has and had on each node, as this call leaves it. */
static void count_on_nodes(struct round *round)
{
	for (size_t i = 0; i < round->service->count; i++) {
		const struct task *task = round->service->tasks[i]->task;
		struct ledger_line *line;

		if (str_is_empty(task->node_id) || !(line = ledger_find(round->ledger, round->draft->view, task->node_id)))
			continue;
		if (ledger_counts(task) && task_is_wanted(task))
			round->on_nodes[line->at].active++;
		if (failed_lately(round, task))
			round->on_nodes[line->at].failures++;
	}
}

static void parse_constraints(struct round *round)
{
	struct err err;

	if (round->version == round->service->service->spec_version)
		round->constraints = round->service->constraints;
	else if (constraint_parse(&round->spec->task.placement.constraints, round->draft->arena, &round->constraints, &err) < 0)
		panic("service %s: %s", round->service->id, err.text);
}

static struct scratch *scratch_of(struct draft *draft, size_t node_count)
{
	struct scratch *scratch = draft->schedule_scratch;

	if (!scratch) {
		scratch = ARENA_NEW(draft->arena, struct scratch);
		scratch->on_nodes = ARENA_ARRAY(draft->arena, struct on_node, node_count);
		scratch->candidates = ARENA_ARRAY(draft->arena, struct candidate_node, node_count);
		draft->schedule_scratch = scratch;
	}
	return scratch;
}

static void round_open(struct round *round, struct draft *draft, struct draft_service *service, uint64_t version)
{
	struct scratch *scratch;

	*round = (struct round){ .draft = draft, .service = service, .version = version };
	round->ledger = dirty_ledger(draft->in->dirty);
	round->spec = draft_spec_of(draft, service, version);
	parse_constraints(round);
	round->node_count = ledger_open(round->ledger, draft->view);
	scratch = scratch_of(draft, round->node_count);
	round->on_nodes = scratch->on_nodes;
	round->candidates = scratch->candidates;
	count_on_nodes(round);
	draft->nodes_left -= MIN(draft->nodes_left, round->node_count);
}

/* What was counted was counted for this service's tasks. */
static void round_close(struct round *round)
{
	for (size_t i = 0; i < round->service->count; i++) {
		const char *node_id = round->service->tasks[i]->task->node_id;
		const struct ledger_line *line = str_is_empty(node_id) ? NULL :
			ledger_find(round->ledger, round->draft->view, node_id);
		if (line)
			round->on_nodes[line->at] = (struct on_node){ 0 };
	}
}

static void explain(struct round *round, struct draft_task *task, const char *error)
{
	round->service->is_waiting = true;
	if (str_eq(task->task->error, error))
		return;
	if (task->object.is_counted || draft_has_room(round->draft, 1))
		draft_set_state(round->draft, task, TASK_PENDING, task->task->message, error);
	else
		draft_put_off(round->service);
}

static bool can_edit(struct round *round, struct draft_task *task)
{
	if (task->object.is_counted || draft_has_room(round->draft, 1))
		return true;
	draft_put_off(round->service);
	return false;
}

static void place(struct round *round, struct draft_task *task, struct filter_node *at, const char *message)
{
	struct task *edited = draft_set_state(round->draft, task, TASK_ASSIGNED, message, NULL);

	edited->node_id = (char *)(uintptr_t)at->id;
	at->of_service++;
	round->on_nodes[at->line->at].active++;
	ledger_add(round->ledger, at->line, round->spec);
}

/* ---- tasks that have their node ------------------------------------------------------------------ */

static void check_preassigned(struct round *round, struct draft_task *task)
{
	const struct view_object *object = view_find(round->draft->view, KIND_NODE, task->task->node_id);
	size_t stopped[FILTER_COUNT] = { 0 };
	struct filter_node at;
	enum filter filter;

	if (!object || !can_edit(round, task))
		return;
	at = (struct filter_node){ object->meta.id, object->value,
				   ledger_find(round->ledger, round->draft->view, object->meta.id), 0 };
	at.of_service = round->on_nodes[at.line->at].active;
	filter = filter_check(round->spec, &round->constraints, &at);
	if (filter == FILTER_PASSED) {
		place(round, task, &at, "scheduler confirmed task can run on preassigned node");
		return;
	}
	stopped[filter] = 1;
	explain(round, task, filter_explain(stopped, round->draft->arena));
}

/* ---- tasks that go anywhere ---------------------------------------------------------------------- */

static void find_candidates(struct round *round, struct rank *rank, size_t stopped[FILTER_COUNT])
{
	const struct view_object *object;
	size_t at = 0;

	rank->items = round->candidates;
	for (size_t i = 0; (object = view_next(round->draft->view, KIND_NODE, &at)); i++) {
		struct ledger_line *line = ledger_at(round->ledger, round->draft->view, i);
		struct filter_node node = { object->meta.id, object->value, line, round->on_nodes[i].active };
		enum filter filter = filter_check(round->spec, &round->constraints, &node);

		if (filter == FILTER_PASSED)
			rank->items[rank->count++] = (struct candidate_node){ node, round->on_nodes[i].failures };
		else
			stopped[filter]++;
	}
	rank_build(rank);
}

static void spread(struct round *round, struct draft_task **tasks, size_t count)
{
	size_t stopped[FILTER_COUNT] = { 0 }, next = 0;
	struct rank rank = { 0 };
	const char *why;

	find_candidates(round, &rank, stopped);
	while (next < count && rank.count > 0) {
		struct filter_node *first = &rank.items[0].at;
		enum filter filter;

		if (!can_edit(round, tasks[next]))
			return;
		place(round, tasks[next++], first, "scheduler assigned task to node");
		filter = filter_check(round->spec, &round->constraints, first);
		if (filter == FILTER_PASSED) {
			rank_sink_first(&rank);
		} else {
			stopped[filter]++;
			rank_drop_first(&rank);
		}
	}
	if (next == count)
		return;
	why = filter_explain(stopped, round->draft->arena);
	why = *why ? arena_printf(round->draft->arena, "no suitable node (%s)", why) : "no suitable node";
	while (next < count)
		explain(round, tasks[next++], why);
}

static void schedule_version(struct draft *draft, struct draft_service *service, uint64_t version)
{
	struct draft_task **free_tasks = ARENA_ARRAY(draft->arena, struct draft_task *, service->count);
	struct round round;
	size_t count = 0;

	round_open(&round, draft, service, version);
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];
		if (!is_unplaced(task) || task->task->spec_version != version)
			continue;
		if (str_is_empty(task->task->node_id))
			free_tasks[count++] = task;
		else
			check_preassigned(&round, task);
	}
	if (count > 0)
		spread(&round, free_tasks, count);
	round_close(&round);
}

static bool has_unplaced(const struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++)
		if (is_unplaced(service->tasks[i]))
			return true;
	return false;
}

/* Versions one after the other, oldest first: mostly there is one. A service is done as a whole or not in this call: one that always
 * stopped half-way would never come to its end. */
void schedule_service(struct draft *draft, struct draft_service *service)
{
	uint64_t done = 0;

	if (draft->nodes_left == 0 && has_unplaced(service)) {
		draft_put_off(service);
		return;
	}
	for (;;) {
		uint64_t version = UINT64_MAX;
		for (size_t i = 0; i < service->count; i++)
			if (is_unplaced(service->tasks[i]) && service->tasks[i]->task->spec_version > done)
				version = MIN(version, service->tasks[i]->task->spec_version);
		if (version == UINT64_MAX)
			return;
		schedule_version(draft, service, version);
		done = version;
	}
}
