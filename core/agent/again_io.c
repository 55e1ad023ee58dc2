/* Tasks that have ended while no manager is in reach: started again by their policy (task_again.h). */
#include "agent/agent_internal.h"
#include "os/log.h"
#include "store/node_tables.h"

enum { LOOK_MS = 500 };

bool run_may_begin_again(const struct run *run)
{
	const struct task_run *machine = &run->machine;

	return machine->state > TASK_RUNNING && machine->desired <= TASK_RUNNING && !machine->is_unassigned &&
	       task_again_is_allowed(&run->again, &run->assignment.spec, machine->state, loop_now(run->hosted.agent->cfg.loop));
}

/* Its end was kept for the next start of the agent; from here on that has not happened. */
static int forget_end(struct run *run, struct err *err)
{
	struct store_row row = { .table = NODE_TABLE_STATUS, .id = run->assignment.task_id };

	return store_node_write(run->hosted.agent->cfg.store, &row, 1, NULL, NULL, err);
}

static void begin_again(struct run *run, msec now)
{
	struct err err;

	task_again_note(&run->again, &run->assignment.spec, now);
	run->again.ended_at = now;      /* what fails here is tried again after its delay */
	if (forget_end(run, &err) < 0) {
		log_warn("task %s: not started again: %s", run->assignment.task_id, err.text);
		return;
	}
	log_info("task %s: started again: no manager is in reach", run->assignment.task_id);
	run->was_running = run->has_ended = false;
	run_feed(run, &(struct task_in){ .event = TASK_AGAIN });
}

/* Is there anything to wait for? What was told to a manager is that manager's. */
static bool is_open(const struct run *run, const struct agent *agent, msec now)
{
	return run_may_begin_again(run) && (agent->alone_since ? agent->alone_since : now) - run->again.ended_at <= TASK_TOLD_MS;
}

static void look(void *arg)
{
	struct agent *agent = arg;
	msec now = loop_now(agent->cfg.loop);
	bool is_alone = agent->cfg.is_alone && agent->cfg.is_alone(agent->cfg.arg), is_any = false;
	void *value;

	agent->alone_since = !is_alone ? 0 : agent->alone_since ? agent->alone_since : now;
	for (size_t at = 0; map_next(agent->runs, &at, NULL, &value);) {
		struct run *run = value;

		if (run->machine.is_again || !is_open(run, agent, now))
			continue;
		is_any = true;
		if (!run->machine.is_busy &&
		    task_again_at(&run->again, &run->assignment.spec, run->machine.state, agent->alone_since, now) <= now)
			begin_again(run, now);
	}
	if (is_any)
		timer_set_in(&agent->again, LOOK_MS);
}

void agent_open_again(struct agent *agent)
{
	timer_init(&agent->again, agent->cfg.loop, look, agent);
}

void run_has_ended(struct run *run)
{
	struct agent *agent = run->hosted.agent;

	if (run->has_ended)
		return;                         /* told once more */
	run->has_ended = true;
	run->again.ended_at = loop_now(agent->cfg.loop);
	if (run_may_begin_again(run))
		timer_set_in(&agent->again, LOOK_MS);
}
