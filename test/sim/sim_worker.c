/* sim_worker.c - a worker: the real session of a node; its tasks are steps in time, by dice. */
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "test/sim/sim.h"

enum { ADDRESSES_MAX = 250 };

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

/* The node hands its addresses out as core/net does: no two at a time. */
static unsigned free_address(const struct sim_worker *w)
{
	for (unsigned address = 2; address < ADDRESSES_MAX; address++) {
		bool is_taken = false;
		for (size_t i = 0; i < w->task_count; i++)
			is_taken |= w->tasks[i].address == address;
		if (!is_taken)
			return address;
	}
	panic("a worker has no address left");
}

static void report(const struct sim_worker *w, const struct sim_task *task)
{
	char address[32] = "", container[ID_SIZE];
	struct task_status status = { .task_id = (char *)(uintptr_t)task->id, .state = task->state, .wall = sim_time.now * 1000000,
				      .address = address, .container_id = container };

	str_copy(container, sizeof(container), task->id);
	if (task->address)
		snprintf(address, sizeof(address), "172.17.0.%u", task->address);
	TRACE("%s: task %s is %s", w->name, task->id, task_state_name((enum task_state)task->state));
	dispatch_client_report(w->client, &status);
}

static void report_all(const struct sim_worker *w)
{
	for (size_t i = 0; i < w->task_count; i++)
		report(w, &w->tasks[i]);
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

static void step(struct sim_worker *w, struct sim_task *task)
{
	bool fails = !world.is_calm && sim_chance(40);
	int next = task->state + 1 + (int)sim_dice(3);

	if (task->desired > TASK_RUNNING)
		task->state = TASK_SHUTDOWN;
	else if (task->state >= task->desired)
		task->state = world.is_calm ? task->state : sim_chance(300) ? TASK_COMPLETE : TASK_FAILED;
	else if (fails)
		task->state = task->state < TASK_STARTING ? TASK_REJECTED : TASK_FAILED;
	else
		task->state = MIN(task->desired, next);
	if (is_over(task))
		task->address = 0;
	else if (task->state == TASK_RUNNING && !task->address)
		task->address = free_address(w);
	plan(task);
	report(w, task);
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

	sim_site_enter(&w->site);
	for (size_t i = 0; i < w->task_count; i++)
		if (w->tasks[i].next_at <= sim_time.now)
			step(w, &w->tasks[i]);
	sim_leave();
	arm(w);
}

/* ---- what it is told -------------------------------------------------------------------------------- */

static void forget(struct sim_worker *w, struct sim_task *task)
{
	*task = w->tasks[--w->task_count];
}

static bool is_named(const struct assignment *items, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(items[i].task_id, id))
			return true;
	return false;
}

static void obey(struct sim_worker *w, const struct assignment *item)
{
	struct sim_task *task = find(w, item->task_id);

	sim_demand(str_eq(item->node_id, w->node_id), "%s is told to run task %s of node %s", w->name, item->task_id, item->node_id);
	if (!task) {
		sim_demand(w->task_count < SIM_TASKS, "%s has %d tasks and more to come", w->name, SIM_TASKS);
		if (world.failed)
			return;
		task = &w->tasks[w->task_count++];
		*task = (struct sim_task){ .state = TASK_ACCEPTED, .desired = -1 };
		str_copy(task->id, ID_SIZE, item->task_id);
		report(w, task);
	}
	if (task->desired == item->desired)
		return;
	task->desired = item->desired;
	plan(task);
}

/* A manager that speaks of all that ought to run knows of everything that was ever told to anybody. */
static void check_forgotten(const struct sim_worker *w, const char *id)
{
	const struct view *newest = NULL;
	const struct task *task;

	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		const struct sim_manager *m = &world.manager[i];

		if (m->is_running && m->replica && (!newest || view_index(replica_view(m->replica)) > view_index(newest)))
			newest = replica_view(m->replica);
	}
	task = newest ? view_task(newest, id) : NULL;
	sim_demand(!task || !str_eq(task->node_id, w->node_id), "%s is told to forget task %s, which is its own", w->name, id);
}

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *gone, size_t gone_count, bool is_complete)
{
	struct sim_worker *w = arg;

	for (size_t i = w->task_count; is_complete && i-- > 0;)
		if (!is_named(items, count, w->tasks[i].id)) {
			check_forgotten(w, w->tasks[i].id);
			forget(w, &w->tasks[i]);
		}
	for (size_t i = 0; i < gone_count; i++) {
		struct sim_task *task = find(w, gone[i]);
		if (task)
			forget(w, task);
	}
	for (size_t i = 0; i < count; i++)
		obey(w, &items[i]);
	if (is_complete)
		report_all(w);
	arm(w);
}

static void describe(void *arg, struct arena *arena UNUSED, struct session_ask *ret)
{
	ret->description.hostname = ((struct sim_worker *)arg)->hostname;
	ret->clock = clock_wall_ns();
	ret->description.resources = (struct node_resources){ 8000000000, (int64_t)16 << 30 };
}

static void on_open(void *arg)
{
	const struct rpc_conn *conn = dispatch_client_conn(((struct sim_worker *)arg)->client);

	world.sessions++;
	TRACE("%s has a session at %s", ((struct sim_worker *)arg)->name, conn ? rpc_conn_address(conn) : "");
}

static void on_news(void *arg, const struct session_news *news)
{
	struct sim_worker *w = arg;

	w->known_count = news->managers.count;
	for (size_t i = 0; i < news->managers.count; i++)
		str_copy(w->known[i], sizeof(w->known[i]), news->managers.items[i].address);
}

static void on_trouble(void *arg, const struct err *err)
{
	TRACE("%s: %s", ((struct sim_worker *)arg)->name, err->text);
}

/* ---- life and death -------------------------------------------------------------------------------- */

static void come_back(struct sim_event *event)
{
	sim_worker_start(CONTAINER_OF(event, struct sim_worker, back));
}

static void close_all(struct sim_worker *w)
{
	sim_site_enter(&w->site);
	dispatch_client_free(w->client);
	rpc_free(w->rpc);
	sim_leave();
	loop_free(w->site.loop);
	w->client = NULL;
	w->rpc = NULL;
	w->site.loop = NULL;
	w->is_running = false;
	sim_cancel(&w->work);
}

void sim_worker_kill(struct sim_worker *w, msec back_in, bool is_dark)
{
	if (!w->is_running)
		return;
	TRACE("%s %s", w->name, is_dark ? "loses its power" : "dies");
	sim_site_die(&w->site, is_dark);
	close_all(w);
	sim_at(&w->back, sim_time.now + back_in, come_back);
}

static void tell_managers(struct sim_worker *w)
{
	struct manager_at items[SIM_MANAGERS];
	struct manager_ats managers = { items, 0 };

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (world.manager[i].is_joined && world.manager[i].node_id[0])
			items[managers.count++] = (struct manager_at){ world.manager[i].node_id, world.manager[i].site.address };
	dispatch_client_set_managers(w->client, &managers, 0);
}

void sim_worker_remind(struct sim_worker *w)
{
	if (!w->is_running)
		return;
	for (size_t i = 0; i < w->known_count; i++)
		if (sim_site_at(w->known[i]))
			return;
	sim_site_enter(&w->site);
	tell_managers(w);
	sim_leave();
}

void sim_worker_start(struct sim_worker *w)
{
	static const struct dispatch_client_hooks hooks = { describe, on_assign, on_open, on_news, on_trouble, NULL };
	struct dispatch_client_hooks ours = hooks;
	struct rpc_config config = { .context = NULL, .arg = &w->site, .limits = RPC_LIMITS_DEFAULT };

	if (w->is_running || !w->is_there)
		return;
	w->is_running = true;
	snprintf(w->hostname, sizeof(w->hostname), "%s-%u", w->name, ++w->boots);
	sim_cancel(&w->back);
	for (size_t i = 0; i < w->task_count; i++)
		if (!is_over(&w->tasks[i]) && w->tasks[i].state > TASK_ACCEPTED) {
			w->tasks[i].state = TASK_FAILED; /* "host restarted" */
			w->tasks[i].address = 0;
			w->tasks[i].next_at = INT64_MAX;
		}
	w->site.host.clock_rate = 950 + (int)sim_dice(101);
	w->site.host.wall_ahead = sim_chance(100) ? sim_hours_off() : 0;
	w->site.is_dark = w->site.is_mute = false;
	sim_enter(&w->site.host, NULL);
	w->site.loop = loop_new();
	sim_leave();
	sim_site_enter(&w->site);
	ours.arg = w;
	config.context = sim_no_context;
	w->rpc = rpc_new(w->site.loop, NULL, &config);
	w->client = dispatch_client_new(w->site.loop, w->rpc, w->node_id, &ours);
	tell_managers(w);
	sim_leave();
	arm(w);
}

void sim_workers_init(void)
{
	for (size_t i = 0; i < world.workers; i++) {
		struct sim_worker *w = &world.worker[i];
		snprintf(w->name, sizeof(w->name), "w%zu", i);
		sim_node_id(w->name, w->node_id);
		snprintf(w->site.address, sizeof(w->site.address), "10.1.0.%zu:40000", i + 1);
		str_copy(w->site.name.node_id, sizeof(w->site.name.node_id), w->node_id);
		str_copy(w->site.name.role, sizeof(w->site.name.role), CERT_ROLE_WORKER);
		w->is_there = true;
	}
}

void sim_workers_free(void)
{
	for (size_t i = 0; i < world.workers; i++) {
		if (world.worker[i].is_running)
			close_all(&world.worker[i]);
		sim_cancel(&world.worker[i].back);
	}
}
