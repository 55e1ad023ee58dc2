/* sim_worker.c - a worker: beats to one manager, obeys what it says, reports what became of it, looks for another when nobody answers. */
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/sim/sim.h"

enum { BEAT_MS = 1000, UNANSWERED_MAX = 2 };

struct order { struct sim_status status; int desired; };

static void beat(struct sim_event *event);

/* Everything it has goes along: what got lost is said again. */
static void say(struct sim_worker *w)
{
	struct sim_letter *letter = sim_letter_new(LETTER_BEAT, (size_t)(w - world.worker), w->manager);

	for (size_t i = 0; i < w->task_count; i++) {
		struct sim_status status = { .state = w->tasks[i].state };
		str_copy(status.task_id, ID_SIZE, w->tasks[i].id);
		buf_add(&letter->bytes, &status, sizeof(status));
	}
	sim_post(letter);
}

static void choose_manager(struct sim_worker *w)
{
	for (int i = 0; i < 20; i++) {
		w->manager = (size_t)sim_dice(SIM_MANAGERS);
		if (world.manager[w->manager].node_id[0])
			return;
	}
}

static void beat(struct sim_event *event)
{
	struct sim_worker *w = CONTAINER_OF(event, struct sim_worker, beat);

	if (w->unanswered++ >= UNANSWERED_MAX || !world.manager[w->manager].node_id[0]) {
		choose_manager(w);
		w->unanswered = 0;
	}
	say(w);
	sim_at(&w->beat, sim_time.now + BEAT_MS - 50 + sim_some(100), beat);
}

/* ---- tasks ---------------------------------------------------------------------------------------- */

static struct sim_task *find(struct sim_worker *w, const char *id)
{
	for (size_t i = 0; i < w->task_count; i++)
		if (str_eq(w->tasks[i].id, id))
			return &w->tasks[i];
	return NULL;
}

static bool is_over(const struct sim_task *task)
{
	return task->state > TASK_RUNNING;
}

/* When it does its next step; INT64_MAX: it has nothing to do. */
static void plan(struct sim_task *task)
{
	bool rests = task->state == TASK_RUNNING || task->state == TASK_READY;

	if (is_over(task))
		task->next_at = INT64_MAX;
	else if (task->desired > TASK_RUNNING)
		task->next_at = sim_time.now + 10 + sim_some(300);
	else if (task->state < task->desired)
		task->next_at = sim_time.now + 5 + sim_some(200);
	else if (rests && !world.is_calm && sim_chance(100))
		task->next_at = sim_time.now + 500 + sim_some(20000); /* it will crash */
	else
		task->next_at = INT64_MAX;
}

static void step(struct sim_task *task)
{
	bool fails = !world.is_calm && sim_chance(40);

	if (task->desired > TASK_RUNNING)
		task->state = TASK_SHUTDOWN;
	else if (task->state >= task->desired)
		task->state = world.is_calm ? task->state : TASK_FAILED;
	else if (fails)
		task->state = task->state < TASK_STARTING ? TASK_REJECTED : TASK_FAILED;
	else
		task->state = MIN(task->desired, task->state + 1 + (int)sim_dice(3));
	plan(task);
}

static void work(struct sim_event *event);

static void arm(struct sim_worker *w)
{
	msec at = INT64_MAX;

	for (size_t i = 0; i < w->task_count; i++)
		at = MIN(at, w->tasks[i].next_at);
	if (at < INT64_MAX)
		sim_at(&w->work, at, work);
	else
		sim_cancel(&w->work);
}

static void work(struct sim_event *event)
{
	struct sim_worker *w = CONTAINER_OF(event, struct sim_worker, work);

	for (size_t i = 0; i < w->task_count; i++)
		if (w->tasks[i].next_at <= sim_time.now)
			step(&w->tasks[i]);
	say(w);
	arm(w);
}

/* Whatever is not in the list is gone from the state, and so from here. */
static void forget_others(struct sim_worker *w, const struct order *orders, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->task_count; i++) {
		bool is_wanted = false;
		for (size_t k = 0; k < count && !is_wanted; k++)
			is_wanted = str_eq(orders[k].status.task_id, w->tasks[i].id);
		if (is_wanted)
			w->tasks[kept++] = w->tasks[i];
	}
	w->task_count = kept;
}

static void obey(struct sim_worker *w, const struct order *order)
{
	struct sim_task *task = find(w, order->status.task_id);

	if (!task) {
		if (w->task_count == SIM_TASKS || order->status.state < TASK_ASSIGNED || order->status.state > TASK_RUNNING)
			return;
		task = &w->tasks[w->task_count++];
		*task = (struct sim_task){ .state = MAX(order->status.state, (int)TASK_ACCEPTED), .desired = -1 };
		str_copy(task->id, ID_SIZE, order->status.task_id);
	}
	if (task->desired == order->desired)
		return;
	task->desired = order->desired;
	plan(task);
}

/* An older manager's list may lack tasks, but it never names one that was not ordered. */
void sim_worker_take_orders(struct sim_worker *w, const struct sim_letter *letter)
{
	const struct order *orders = (const struct order *)(const void *)letter->bytes.data;
	size_t count = letter->bytes.len / sizeof(*orders);

	if (!w->is_running || letter->from != w->manager)
		return;
	w->unanswered = 0;
	if (letter->number < w->heard)
		return; /* overtaken */
	w->heard = letter->number;
	forget_others(w, orders, count);
	for (size_t i = 0; i < count; i++)
		obey(w, &orders[i]);
	arm(w);
}

/* ---- life and death -------------------------------------------------------------------------------- */

static void come_back(struct sim_event *event)
{
	sim_worker_start(CONTAINER_OF(event, struct sim_worker, back));
}

void sim_worker_kill(struct sim_worker *w, msec back_in)
{
	if (!w->is_running)
		return;
	TRACE("%s dies", w->node_id);
	w->is_running = false;
	sim_cancel(&w->beat);
	sim_cancel(&w->work);
	sim_at(&w->back, sim_time.now + back_in, come_back);
}

void sim_worker_start(struct sim_worker *w)
{
	if (w->is_running || !w->is_there)
		return;
	w->is_running = true;
	sim_cancel(&w->back);
	for (size_t i = 0; i < w->task_count; i++)
		if (!is_over(&w->tasks[i]) && w->tasks[i].state > TASK_ACCEPTED) {
			w->tasks[i].state = TASK_FAILED; /* "host restarted" */
			w->tasks[i].next_at = INT64_MAX;
		}
	choose_manager(w);
	arm(w);
	sim_at(&w->beat, sim_time.now + sim_some(BEAT_MS), beat);
}

void sim_workers_init(void)
{
	for (size_t i = 0; i < world.workers; i++) {
		struct sim_worker *w = &world.worker[i];
		snprintf(w->node_id, sizeof(w->node_id), "w%zu", i);
		w->is_there = true;
		sim_worker_start(w);
	}
}
