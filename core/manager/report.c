/* What nodes say of their tasks, on its way into the state: the newest of each task, many in one request. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"

/* One request's worth; the rest waits for the next. */
enum { REPORTS_PER_REQUEST = 250, RETRY_MS = 1000 };

struct report { struct task_status status; };
struct batch { struct report *items[REPORTS_PER_REQUEST]; size_t count; struct manager *manager; };

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

/* State is a Lamport clock: a report of a lower one comes too late. The same state may carry news (a refused port). */
static bool is_news(const struct task_status *status, const struct task *task)
{
	if (status->state != task->state)
		return status->state > task->state;
	return !str_eq(status->error, task->error) || !str_eq(status->container_id, task->container_id) || status->pid != task->pid;
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

/* A batch that could not be written (disk full) goes back, unless something newer is known by now. */
static void put_back(struct manager *m, struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct report *report = batch->items[i];

		if (map_get(m->reports, report->status.task_id))
			report_free(report);
		else
			map_put(m->reports, report->status.task_id, report);
	}
	batch->count = 0;
}

static void proposed(void *arg, uint64_t index, const struct err *err)
{
	struct batch *batch = arg;

	(void)index;
	if (err && batch->manager->replica) {
		put_back(batch->manager, batch);
		timer_set_in(&batch->manager->propose, RETRY_MS);       /* a full disk has room again some day */
	}
	for (size_t i = 0; i < batch->count; i++)
		report_free(batch->items[i]);
	free(batch);
}

void reports_propose(void *arg)
{
	struct manager *m = arg;
	const char *id;
	void *report;

	while (map_count(m->reports)) {
		struct batch *batch = NEW(struct batch);

		batch->manager = m;
		for (size_t at = 0; batch->count < REPORTS_PER_REQUEST && map_next(m->reports, &at, &id, &report);) {
			batch->items[batch->count++] = report;
			map_remove(m->reports, id);
		}
		replica_request(m->replica, REPLICA_STATUS, check_reports, proposed, batch);
	}
}

void manager_report(struct manager *m, const struct task_status *status)
{
	struct report *report = map_get(m->reports, status->task_id), *fresh;

	if (report && report->status.state > status->state)
		return;
	fresh = NEW(struct report);
	shape_copy(&task_status_shape, status, NULL, &fresh->status);
	map_put(m->reports, status->task_id, fresh);
	if (report)
		report_free(report);
	timer_set_in(&m->propose, 0);
}
