/* What nodes say of their tasks, on its way into the state: the newest of each task, many in one request. A follower brings them to the
 * leader, with what it knows of the nodes it holds; what the leader has not acknowledged is kept. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"
#include "os/clock.h"

/* One request's worth; the rest waits for the next. */
enum { REPORTS_PER_REQUEST = 250, RETRY_MS = 1000, TOGETHER_MS = 20, BEAT_MS = 500, TIDINGS_CALL_MS = 5000, SIGHTS_MAX = 4096 /* more than connections are accepted */,
       TIDINGS_ARENA_MAX = 64 << 20, REPORT_TEXT_MAX = 1023 };

struct report { struct task_status status; uint64_t number; };  /* number: the larger, the newer */
struct batch {
	struct report *items[REPORTS_PER_REQUEST];
	size_t count;
	struct manager *manager;
	/* of a follower's, which keeps them until it is told; NULL: our own */
	replica_done_fn *done;
	void *arg;
};

/* No text is longer than our own agents' are. */
static struct report *report_new(const struct task_status *status)
{
	struct report *report = NEW(struct report);

	shape_copy(&task_status_shape, status, NULL, &report->status);
	describe_tidy_line(report->status.message, REPORT_TEXT_MAX);
	describe_tidy_line(report->status.error, REPORT_TEXT_MAX);
	describe_tidy_line(report->status.container_id, REPORT_TEXT_MAX);
	describe_tidy_line(report->status.address, REPORT_TEXT_MAX);
	return report;
}

static void report_free(struct report *report)
{
	shape_fini(&task_status_shape, &report->status);
	free(report);
}

void reports_free(struct map *reports)
{
	void *report;

	for (size_t at = 0; map_next(reports, &at, NULL, &report);)
		report_free(report);
	map_free(reports);
}

static void write_status(const struct task_status *status, struct replica_time time, const struct task *old, struct change_list *out)
{
	uint64_t mask = FIELD_BIT(TASK_STATE) | FIELD_BIT(TASK_STATUS_WALL) | FIELD_BIT(TASK_STATE_MS) | FIELD_BIT(TASK_MESSAGE) |
			FIELD_BIT(TASK_ERROR) | FIELD_BIT(TASK_CONTAINER) | FIELD_BIT(TASK_PID) | FIELD_BIT(TASK_EXIT_CODE) |
			FIELD_BIT(TASK_HOST_PORTS) | FIELD_BIT(TASK_ADDRESS);
	struct task task = {
		.state = status->state, .status_wall = status->wall, .state_ms = time.now_ms, .message = status->message,
		.error = status->error, .container_id = status->container_id, .pid = status->pid, .exit_code = status->exit_code,
		.address = status->address,
	};
	struct task *change;

	/* an ended task has no process and no ports, but people still ask which container it was */
	if (str_is_empty(task.container_id))
		task.container_id = old->container_id;
	task.host_ports.items = status->host_ports.items;
	task.host_ports.count = status->host_ports.count;
	change = change_update(out, KIND_TASK, status->task_id, mask);
	shape_copy(&task_shape, &task, out->arena, change);
}

/* State is a Lamport clock: a report of a lower one comes too late. The same state may carry news (a refused port, an image that is waited for). */
static bool is_news(const struct task_status *status, const struct task *task)
{
	if (status->state != task->state)
		return status->state > task->state;
	return !str_eq(status->error, task->error) || !str_eq(status->message, task->message) || !str_eq(status->container_id, task->container_id) || status->pid != task->pid;
}

static int check_reports(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct batch *batch = arg;

	(void)err;
	for (size_t i = 0; i < batch->count; i++) {
		const struct task_status *status = &batch->items[i]->status;
		const struct task *task = overlay_find(overlay, KIND_TASK, status->task_id);

		if (task && is_news(status, task))
			write_status(status, time, task, out);
	}
	return 0;
}

/* A batch that could not be written (disk full) goes back, unless something newer is known by now. Of two batches under way the older one
 * may have come back first. */
static void put_back(struct manager *m, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct report *report = batch->items[i], *other = map_get(m->reports, report->status.task_id);

		if (other && other->number > report->number) {
			report_free(report);
			continue;
		}
		map_put(m->reports, report->status.task_id, report);
		if (other)
			report_free(other);
	}
	batch->count = 0;
}

static void free_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		report_free(batch->items[i]);
	free(batch);
}

static void proposed(void *arg, uint64_t index, const struct err *err)
{
	struct batch *batch = arg;
	struct manager *m = batch->manager;

	if (batch->done) {
		batch->done(batch->arg, index, err);
	} else if (err && m->replica) {
		put_back(m, batch);
		timer_set_in(&m->propose, RETRY_MS);    /* a full disk has room again some day, and there is a leader again */
	}
	free_batch(batch);
}

static struct batch *take_batch(struct manager *m)
{
	struct batch *batch = NEW(struct batch);
	const char *id;
	void *report;

	batch->manager = m;
	for (size_t at = 0; batch->count < REPORTS_PER_REQUEST && map_next(m->reports, &at, &id, &report);) {
		batch->items[batch->count++] = report;
		map_remove(m->reports, id);
	}
	return batch;
}

/* ---- to the leader ----------------------------------------------------------------------------------------------- */

static void hear_clock(struct manager *m, const void *body, size_t size)
{
	struct tidings_answer answer;
	struct arena arena;
	struct err unused;

	arena_init(&arena, "answer to tidings", TIDINGS_ARENA_MAX);
	if (dispatch_read(&tidings_answer_shape, body, size, &arena, &answer, &unused) == 0)
		describe_clock(m, answer.clock);
	arena_fini(&arena);
}

static void told(void *arg, const void *body, size_t size, const struct err *err)
{
	struct batch *batch = arg;
	struct manager *m = batch->manager;

	m->is_telling = false;
	if (err) {
		m->link.told_in = 0;
		put_back(m, batch);
	} else if (m->replica) {
		hear_clock(m, body, size);
	}
	if (m->replica && (err || map_count(m->reports) || map_count(m->sights)))
		timer_set_in(&m->propose, err ? RETRY_MS : 0);
	free_batch(batch);
}

static void add_sight(const struct manager *m, struct tidings *tidings, const char *node_id, int sight)
{
	tidings->sightings.items[tidings->sightings.count++] = (struct sighting){
		.node_id = (char *)(uintptr_t)node_id, .sight = sight, .grace_ms = (uint64_t)dispatcher_grace_ms(m->dispatcher, node_id),
	};
}

static void gather_sights(struct manager *m, struct tidings *tidings, struct arena *arena)
{
	const char *id;
	void *sight;

	tidings->sightings.items = ARENA_ARRAY(arena, struct sighting, SIGHTS_MAX);
	/* who leads again after another one knows of nobody any more, also when we have not heard of that other one */
	tidings->is_complete = m->link.told_in != replica_status(m->replica).term;
	for (size_t at = 0; tidings->is_complete && tidings->sightings.count < SIGHTS_MAX && (id = dispatcher_next(m->dispatcher, &at));)
		add_sight(m, tidings, arena_strdup(arena, id), SIGHT_HELD);
	for (size_t at = 0; tidings->sightings.count < SIGHTS_MAX && map_next(m->sights, &at, &id, &sight);) {
		add_sight(m, tidings, arena_strdup(arena, id), (int)(uintptr_t)sight - 1);
		map_remove(m->sights, id);
	}
}

/* Also when there is nothing new: that we are there is news enough. */
static void tell_leader(struct manager *m)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct batch *batch = take_batch(m);
	struct tidings tidings = { .clock = clock_wall_ns() };
	struct arena arena;

	arena_init(&arena, "tidings", TIDINGS_ARENA_MAX);
	gather_sights(m, &tidings, &arena);
	tidings.statuses.items = ARENA_ARRAY(&arena, struct task_status, batch->count);
	for (size_t i = 0; i < batch->count; i++)
		tidings.statuses.items[tidings.statuses.count++] = batch->items[i]->status;
	to_leader_stamp(m, &tidings.told);
	dispatch_write(&tidings_shape, &tidings, &body);
	arena_fini(&arena);
	m->is_telling = true;
	m->link.told_in = replica_status(m->replica).term;
	to_leader_call(m, RPC_REPORT, &body, TIDINGS_CALL_MS, told, batch);
}

void reports_propose(void *arg)
{
	struct manager *m = arg;
	bool is_there = to_leader_is_there(m);

	if (replica_is_leader(m->replica) || (!is_there && replica_status(m->replica).config->count <= 1)) {
		while (map_count(m->reports))
			replica_request(m->replica, REPLICA_STATUS, check_reports, proposed, take_batch(m));
		return;
	}
	if (is_there && !m->is_telling && !m->going.done)
		tell_leader(m);                 /* else: when the way is there, or the call is answered */
}

void reports_beat(void *arg)
{
	struct manager *m = arg;

	timer_set_in(&m->beat, BEAT_MS);
	describe_look(m, m->node_id);
	if (to_leader_is_there(m) && !m->is_telling && !m->going.done)
		tell_leader(m);
}

void reports_take(struct manager *m, const struct task_status *items, size_t count, replica_done_fn *done, void *arg)
{
	struct batch *batch = NEW(struct batch);

	*batch = (struct batch){ .manager = m, .done = done, .arg = arg };
	for (size_t i = 0; i < MIN(count, (size_t)REPORTS_PER_REQUEST); i++)
		batch->items[batch->count++] = report_new(&items[i]);
	replica_request(m->replica, REPLICA_STATUS, check_reports, proposed, batch);
}

void manager_report(struct manager *m, const struct task_status *status)
{
	struct report *report = map_get(m->reports, status->task_id), *fresh;

	if (report && report->status.state > status->state)
		return;
	fresh = report_new(status);
	fresh->number = ++m->report_number;
	map_put(m->reports, status->task_id, fresh);
	if (report)
		report_free(report);
	timer_set_in(&m->propose, replica_is_leader(m->replica) ? 0 : TOGETHER_MS);
}
