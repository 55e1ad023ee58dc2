#include "agent/task_run.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

void task_run_init(struct task_run *run, int desired, bool needs_network, bool has_ports, msec grace_ms)
{
	*run = (struct task_run){ .needs_network = needs_network, .has_ports = has_ports, .grace_ms = grace_ms, .desired = desired,
				  .state = TASK_ASSIGNED, .stop_grace_ms = grace_ms, .message = "" };
}

void task_run_resume(struct task_run *run, const struct task_facts *facts)
{
	run->state = facts->state;
	run->has_container = facts->has_container;
	run->is_attached = facts->is_attached;
	run->is_started = facts->is_started;
	run->has_exited = facts->has_exited;
	run->exit_code = facts->exit_code;
	run->oom_killed = facts->oom_killed;
	run->has_health = facts->has_health;
	run->is_healthy = facts->has_health && facts->was_running;
	if (run->is_started && !run->has_exited)
		run->state = !run->has_health || run->is_healthy ? TASK_RUNNING : TASK_STARTING;
	else if (run->has_container && !run->has_exited && run->state < TASK_PREPARING)
		run->state = TASK_PREPARING;
	else if (!run->has_container && !task_is_done(&(struct task){ .state = run->state }))
		run->state = TASK_ASSIGNED;             /* nothing is left of the attempt: from the start */
	run->message = run->state == TASK_RUNNING ? "started" : "";
}

static void act(struct task_out *out, enum task_act what)
{
	check(out->count < TASK_ACTS_MAX);
	out->acts[out->count++] = what;
}

/* An act that waits: nothing else is decided until its answer is there. */
static void ask(struct task_run *run, struct task_out *out, enum task_act what)
{
	check(!run->is_busy);
	run->is_busy = true;
	run->is_cancelled = false;
	run->busy_with = what;
	act(out, what);
}

static void enter(struct task_run *run, enum task_state state, const char *message, struct task_out *out)
{
	check((int)state > run->state);                 /* a Lamport clock: only forward */
	run->state = state;
	run->message = message;
	act(out, TASK_ACT_REPORT);
}

static void set_timer(struct task_run *run, msec at, struct task_out *out)
{
	run->timer_ms = at;
	act(out, TASK_ACT_TIMER);
}

static bool is_over(const struct task_run *run)
{
	return run->state > TASK_RUNNING;
}

static bool must_end(const struct task_run *run)
{
	return run->is_unassigned || run->is_stopped || run->is_purged || run->is_unhealthy || run->desired > TASK_RUNNING;
}

/* An error before the user's program was started rejects the task, afterwards it fails. */
static void fail(struct task_run *run, const char *error, struct task_out *out)
{
	if (error != run->error)
		str_copy(run->error, sizeof run->error, error);
	enter(run, run->state < TASK_STARTING ? TASK_REJECTED : TASK_FAILED, run->message, out);
}

/* Swarm's words and those of the check. How a program ends that was told to is no success. */
static void fail_unhealthy(struct task_run *run, struct task_out *out)
{
	char text[sizeof run->error], code[40] = "";

	if (run->exit_code != 0)
		snprintf(code, sizeof code, "non-zero exit (%d): ", run->exit_code);
	snprintf(text, sizeof text, "task: %sdockerexec: unhealthy container%s%s", code, run->last_check[0] ? ": " : "", run->last_check);
	fail(run, text, out);
}

static void name_the_end(struct task_run *run, struct task_out *out)
{
	if (run->timer_ms)
		set_timer(run, 0, out);
	if (run->is_unassigned || run->desired > TASK_RUNNING) {
		enter(run, TASK_SHUTDOWN, "shutdown", out);
	} else if (!run->is_started) {
		fail(run, run->error[0] ? run->error : "task: the container ended before it was started", out);
	} else if (run->is_unhealthy) {
		fail_unhealthy(run, out);
	} else if (run->exit_code == 0 && !run->error[0]) {
		enter(run, TASK_COMPLETE, "finished", out);
	} else {
		char text[sizeof run->error];

		if (run->oom_killed)
			snprintf(text, sizeof text, "task: non-zero exit (%d): out of memory", run->exit_code);
		else if (run->error[0])
			snprintf(text, sizeof text, "task: %.*s", (int)(sizeof text - 8), run->error);
		else
			snprintf(text, sizeof text, "task: non-zero exit (%d)", run->exit_code);
		fail(run, text, out);
	}
}

static void end_step(struct task_run *run, msec now, struct task_out *out)
{
	if (!run->has_container) {
		if (run->is_unassigned || run->desired > TASK_RUNNING)
			enter(run, TASK_SHUTDOWN, "shutdown", out);
		else
			fail(run, "task: stopped before it was started", out);
	} else if (run->is_purged && !run->is_killed) {
		run->is_killed = true;                  /* purged while it was being made */
		act(out, TASK_ACT_KILL);
	} else if (run->is_published) {
		ask(run, out, TASK_ACT_WITHDRAW);
	} else if (run->is_killed) {
		return;                                 /* its exit is all that is left to come */
	} else if (run->is_started && run->has_ports && run->is_attached && !run->is_drained) {
		ask(run, out, TASK_ACT_DRAIN);
	} else if (!run->is_started) {
		run->is_killed = true;
		act(out, TASK_ACT_KILL);
	} else if (!run->is_signalled) {
		run->is_signalled = true;
		act(out, TASK_ACT_SIGNAL);
		set_timer(run, now + run->stop_grace_ms, out);
	}
}

static void begin_step(struct task_run *run, struct task_out *out)
{
	if (run->state < TASK_ACCEPTED) {
		enter(run, TASK_ACCEPTED, "accepted", out);
	} else if (!run->has_container) {
		if (run->state < TASK_PREPARING)
			enter(run, TASK_PREPARING, "preparing", out);
		ask(run, out, TASK_ACT_PREPARE);
	} else if (run->needs_network && !run->is_attached) {
		ask(run, out, TASK_ACT_ATTACH);
	} else if (run->state < TASK_READY) {
		enter(run, TASK_READY, "prepared", out);
	} else if (run->desired >= TASK_RUNNING && !run->is_started) {
		if (run->state < TASK_STARTING)
			enter(run, TASK_STARTING, "starting", out);
		ask(run, out, TASK_ACT_START);
	} else if (run->has_health && !run->is_healthy) {
		return;                                 /* its first good check is waited for */
	} else if (run->is_started && run->has_ports && !run->is_published) {
		ask(run, out, TASK_ACT_PUBLISH);
	} else if (run->is_started && run->state < TASK_RUNNING) {
		enter(run, TASK_RUNNING, "started", out);
	}
}

/* Its states are entered once more. Who hears of it knows them as past, or knows nothing of its end. */
static void begin_anew(struct task_run *run, struct task_out *out)
{
	task_run_init(run, run->desired, run->needs_network, run->has_ports, run->grace_ms);
	begin_step(run, out);
}

static void cleanup_step(struct task_run *run, struct task_out *out)
{
	if (run->is_published)
		ask(run, out, TASK_ACT_WITHDRAW);
	else if (run->is_attached)
		ask(run, out, TASK_ACT_DETACH);
	else if ((run->is_unassigned || run->is_purged || run->is_again) && run->has_container)
		ask(run, out, TASK_ACT_REMOVE);
	else if (run->is_unassigned)
		act(out, TASK_ACT_FORGET);
	else if (run->is_again)
		begin_anew(run, out);
	/* A container that was refused while being made has no exit to wait for; one that was made and then failed to attach is
	 * ended by the removal, or here, so that no process waits at a gate that nobody will open. */
	else if (run->has_container && !run->has_exited && !run->is_killed) {
		run->is_killed = true;
		act(out, TASK_ACT_KILL);
	}
}

/* One decision from the facts. */
static void advance(struct task_run *run, msec now, struct task_out *out)
{
	if (is_over(run))
		cleanup_step(run, out);
	else if (run->has_exited)
		name_the_end(run, out);
	else if (must_end(run))
		end_step(run, now, out);
	else
		begin_step(run, out);
}

static void answered(struct task_run *run, const char *error, struct task_out *out)
{
	enum task_act what = run->busy_with;

	check(run->is_busy);
	run->is_busy = false;
	switch (what) {
	case TASK_ACT_PREPARE:
		run->has_container = !error;
		break;
	case TASK_ACT_ATTACH:
		run->is_attached = !error;
		break;
	case TASK_ACT_START:
		run->is_started = !error;
		run->has_exited = run->has_exited || error;
		break;
	case TASK_ACT_PUBLISH:
		/* A port somebody else on this host holds: the task serves all the same, and says what is wrong. */
		run->is_published = true;
		if (error && !run->has_exited && !is_over(run)) {
			str_copy(run->error, sizeof run->error, error);
			if (run->state == TASK_RUNNING)         /* resumed: no change of state will tell it */
				act(out, TASK_ACT_REPORT);
		}
		return;
	case TASK_ACT_WITHDRAW:
		run->is_published = false;
		return;
	case TASK_ACT_DRAIN:
		run->is_drained = true;
		return;
	case TASK_ACT_DETACH:
		run->is_attached = false;
		return;
	case TASK_ACT_REMOVE:
		run->has_container = false;
		return;
	case TASK_ACT_REPORT:
	case TASK_ACT_CANCEL:
	case TASK_ACT_SIGNAL:
	case TASK_ACT_KILL:
	case TASK_ACT_TIMER:
	case TASK_ACT_FORGET:
		panic("task_run: act %d has no answer", what);
	}
	if (error && !is_over(run) && !run->is_cancelled)
		fail(run, error, out);
}

static void exited(struct task_run *run, const struct task_in *in)
{
	if (run->has_exited)
		return;
	run->has_exited = true;
	if (is_over(run))
		return;                                 /* the reason is known: this end only follows from it */
	run->exit_code = in->exit_code;
	run->oom_killed = in->oom_killed;
	/* What was said about a refused port is no reason for the end. */
	str_copy(run->error, sizeof run->error, in->error ? in->error : "");
}

static void unhealthy(struct task_run *run, const struct task_in *in)
{
	if (run->has_exited || is_over(run) || must_end(run))
		return;                                 /* it ends for a reason of its own */
	run->is_unhealthy = true;
	str_copy(run->last_check, sizeof run->last_check, in->error ? in->error : "");
}

static void timer_fired(struct task_run *run, struct task_out *out)
{
	run->timer_ms = 0;
	if (run->is_signalled && !run->has_exited && !run->is_killed) {
		run->is_killed = true;
		act(out, TASK_ACT_KILL);
	}
}

static void stopped(struct task_run *run, const struct task_in *in, struct task_out *out)
{
	run->is_stopped = true;
	if (in->grace_ms >= 0)
		run->stop_grace_ms = in->grace_ms;
	if (run->is_signalled && !run->has_exited)      /* a shorter grace than the one under way */
		set_timer(run, in->now + run->stop_grace_ms, out);
}

static void purged(struct task_run *run, struct task_out *out)
{
	run->is_purged = true;
	if (run->has_container && !run->has_exited && !run->is_killed) {
		run->is_killed = true;
		act(out, TASK_ACT_KILL);
	}
}

/* An image may be long on its way: what nobody wants any more is not waited for. */
static void cancel(struct task_run *run, struct task_out *out)
{
	if (!run->is_busy || run->busy_with != TASK_ACT_PREPARE || run->is_cancelled || !must_end(run))
		return;
	run->is_cancelled = true;
	act(out, TASK_ACT_CANCEL);
}

void task_run_step(struct task_run *run, const struct task_in *in, struct task_out *out)
{
	unsigned before;

	out->count = 0;
	switch (in->event) {
	case TASK_DESIRE:
		run->desired = MAX(run->desired, in->desired);  /* never goes down */
		break;
	case TASK_UNASSIGN:
		run->is_unassigned = true;
		break;
	case TASK_PURGE:
		purged(run, out);
		break;
	case TASK_STOP:
		stopped(run, in, out);
		break;
	case TASK_ANSWER:
		answered(run, in->error, out);
		break;
	case TASK_EXIT:
		exited(run, in);
		break;
	case TASK_HEALTHY:
		run->is_healthy = true;
		break;
	case TASK_UNHEALTHY:
		unhealthy(run, in);
		break;
	case TASK_TIMER:
		timer_fired(run, out);
		break;
	case TASK_AGAIN:
		run->is_again = is_over(run) && !run->is_unassigned;
		break;
	}
	run->is_again = run->is_again && run->desired <= TASK_RUNNING;  /* a manager is back and wants no more of it */
	cancel(run, out);
	do {
		before = out->count;
		if (!run->is_busy)
			advance(run, in->now, out);
	} while (out->count > before && !run->is_busy && out->acts[out->count - 1] != TASK_ACT_FORGET);
}
