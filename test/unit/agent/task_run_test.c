#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/task_run.h"
#include "base/buf.h"
#include "base/rng.h"
#include "base/str.h"
#include "test/unit/runner.h"

static const char *const act_names[] = { "report", "prepare", "attach", "start", "publish", "withdraw", "drain", "detach", "remove",
					 "cancel", "signal", "kill", "timer", "forget" };

static bool has_answer(enum task_act act)
{
	return act >= TASK_ACT_PREPARE && act <= TASK_ACT_REMOVE;
}

static const char *state_name(int state)
{
	switch (state) {
	case TASK_ASSIGNED: return "assigned";
	case TASK_ACCEPTED: return "accepted";
	case TASK_PREPARING: return "preparing";
	case TASK_READY: return "ready";
	case TASK_STARTING: return "starting";
	case TASK_RUNNING: return "running";
	case TASK_COMPLETE: return "complete";
	case TASK_SHUTDOWN: return "shutdown";
	case TASK_FAILED: return "failed";
	case TASK_REJECTED: return "rejected";
	}
	return "?";
}

/* One word of a script: run, ready, end (desires), ok, bad (answers), exit0, exit1, oom, stop, stop5, purge, unassign, timer. */
static struct task_in event_of(const char *word)
{
	struct task_in in = { .event = TASK_ANSWER, .now = 1000, .grace_ms = -1 };

	if (str_eq(word, "run"))
		in = (struct task_in){ .event = TASK_DESIRE, .now = 1000, .desired = TASK_RUNNING };
	else if (str_eq(word, "ready"))
		in = (struct task_in){ .event = TASK_DESIRE, .now = 1000, .desired = TASK_READY };
	else if (str_eq(word, "end"))
		in = (struct task_in){ .event = TASK_DESIRE, .now = 1000, .desired = TASK_SHUTDOWN };
	else if (str_eq(word, "bad"))
		in.error = "no luck";
	else if (str_eq(word, "exit0") || str_eq(word, "exit1"))
		in = (struct task_in){ .event = TASK_EXIT, .now = 1000, .exit_code = word[4] - '0' };
	else if (str_eq(word, "oom"))
		in = (struct task_in){ .event = TASK_EXIT, .now = 1000, .exit_code = 137, .oom_killed = true };
	else if (str_eq(word, "stop"))
		in.event = TASK_STOP;
	else if (str_eq(word, "stop5"))
		in = (struct task_in){ .event = TASK_STOP, .now = 1000, .grace_ms = 5 };
	else if (str_eq(word, "purge"))
		in.event = TASK_PURGE;
	else if (str_eq(word, "unassign"))
		in.event = TASK_UNASSIGN;
	else if (str_eq(word, "timer"))
		in.event = TASK_TIMER;
	else if (str_eq(word, "again"))
		in.event = TASK_AGAIN;
	else if (str_eq(word, "healthy"))
		in.event = TASK_HEALTHY;
	else if (str_eq(word, "unhealthy"))
		in = (struct task_in){ .event = TASK_UNHEALTHY, .now = 1000, .error = "no answer" };
	else
		EXPECT_STR(word, "ok");
	return in;
}

static void tell(const struct task_run *run, const struct task_out *out, struct buf *text)
{
	for (unsigned i = 0; i < out->count; i++) {
		buf_printf(text, " %s", act_names[out->acts[i]]);
		if (out->acts[i] == TASK_ACT_TIMER)
			buf_printf(text, "=%lld", (long long)run->timer_ms);
	}
	buf_printf(text, " |");
}

/* Each word's acts up to a bar, then the state and the error. Network and ports; grace 10 s. */
static void play(struct task_run *run, const char *script, struct buf *text)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof copy, "%s", script);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct task_in in = event_of(word);
		struct task_out out;

		task_run_step(run, &in, &out);
		tell(run, &out, text);
	}
	buf_printf(text, " %s: %s", state_name(run->state), run->error);
}

static const struct { const char *script, *want; } lives[] = {
	/* normal */
	{ "run ok ok ok ok", " report report prepare | attach | report report start | publish | report | running: " },
	{ "ready ok ok", " report report prepare | attach | report | ready: " },
	{ "ready ok ok run", " report report prepare | attach | report | report start | starting: " },
	{ "run ok ok ok ok end ok ok exit0 ok unassign ok",
	  " report report prepare | attach | report report start | publish | report | withdraw | drain | signal timer=11000 |"
	  " timer=0 report detach | | remove | forget | shutdown: " },
	{ "run ok ok ok ok end ok ok timer exit1",
	  " report report prepare | attach | report report start | publish | report | withdraw | drain | signal timer=11000 | kill |"
	  " report detach | shutdown: " },
	/* exits */
	{ "run ok exit1", " report report prepare | attach | | preparing: " },
	{ "run exit1 ok", " report report prepare | | report | rejected: task: the container ended before it was started" },
	{ "run ok exit1 ok", " report report prepare | attach | | report detach | rejected: task: the container ended before it was started" },
	{ "run ok ok exit0 ok", " report report prepare | attach | report report start | | report detach | complete: " },
	{ "run ok ok exit1 bad", " report report prepare | attach | report report start | | report detach | failed: no luck" },
	{ "run ok ok ok exit0 bad ok",
	  " report report prepare | attach | report report start | publish | | report withdraw | detach | complete: " },
	{ "run ok ok ok ok exit1 ok ok",
	  " report report prepare | attach | report report start | publish | report | report withdraw | detach | |"
	  " failed: task: non-zero exit (1)" },
	{ "run ok ok ok ok oom",
	  " report report prepare | attach | report report start | publish | report | report withdraw |"
	  " failed: task: non-zero exit (137): out of memory" },
	{ "run ok ok ok bad exit0",
	  " report report prepare | attach | report report start | publish | report | report withdraw | complete: " },
	/* each act fails */
	{ "run bad", " report report prepare | report | rejected: no luck" },
	{ "run ok bad exit1", " report report prepare | attach | report kill | | rejected: no luck" },
	{ "run ok ok bad ok", " report report prepare | attach | report report start | report detach | | failed: no luck" },
	{ "run ok ok ok bad", " report report prepare | attach | report report start | publish | report | running: no luck" },
	{ "run ok ok ok ok unassign bad bad exit0 bad bad",
	  " report report prepare | attach | report report start | publish | report | withdraw | drain | signal timer=11000 |"
	  " timer=0 report detach | remove | forget | shutdown: " },
	/* ended before it was started */
	{ "end", " report | shutdown: " },
	{ "run end ok exit1", " report report prepare | cancel | kill | report | shutdown: " },
	/* an image that is on its way is given up, once */
	{ "run end bad", " report report prepare | cancel | report | shutdown: " },
	{ "run stop end bad", " report report prepare | cancel | | report | shutdown: " },
	{ "run stop bad", " report report prepare | cancel | report | rejected: task: stopped before it was started" },
	{ "run stop ok exit1", " report report prepare | cancel | kill | report | rejected: task: the container ended before it was started" },
	{ "ready ok ok end exit1", " report report prepare | attach | report | kill | report detach | shutdown: " },
	/* unassigned */
	{ "unassign", " report forget | shutdown: " },
	{ "run unassign bad", " report report prepare | cancel | report forget | shutdown: " },
	{ "run unassign ok exit1 ok", " report report prepare | cancel | kill | report remove | forget | shutdown: " },
	{ "run ok unassign bad ok", " report report prepare | attach | | report remove | forget | rejected: no luck" },
	{ "run ok ok unassign ok ok", " report report prepare | attach | report report start | | drain | signal timer=11000 | starting: " },
	{ "run bad unassign", " report report prepare | report | forget | rejected: no luck" },
	/* it has ended, and no manager can replace it */
	{ "run ok ok ok ok exit1 ok ok again ok ok ok ok",
	  " report report prepare | attach | report report start | publish | report | report withdraw | detach | | remove |"
	  " report report prepare | attach | report report start | publish | starting: " },
	{ "run ok ok ok ok exit1 again ok ok ok ok ok ok ok",
	  " report report prepare | attach | report report start | publish | report | report withdraw | | detach | remove |"
	  " report report prepare | attach | report report start | publish | report | running: " },
	{ "run bad again bad", " report report prepare | report | report report prepare | report | rejected: no luck" },
	{ "run ok ok ok ok exit1 ok ok again end ok",
	  " report report prepare | attach | report report start | publish | report | report withdraw | detach | | remove | | |"
	  " failed: task: non-zero exit (1)" },
	{ "run ok ok ok ok exit1 ok ok again unassign ok",
	  " report report prepare | attach | report report start | publish | report | report withdraw | detach | | remove | | forget |"
	  " failed: task: non-zero exit (1)" },
	{ "run ok again", " report report prepare | attach | | preparing: " },
	{ "run ok ok ok ok end exit0 ok ok again", " report report prepare | attach | report report start | publish | report | withdraw | |"
	  " report detach | | | shutdown: " },
	/* by a person */
	{ "run ok ok ok ok stop5 ok ok exit0 ok",
	  " report report prepare | attach | report report start | publish | report | withdraw | drain | signal timer=1005 |"
	  " timer=0 report detach | | complete: " },
	{ "run ok ok ok ok stop ok ok stop5",
	  " report report prepare | attach | report report start | publish | report | withdraw | drain | signal timer=11000 | timer=1005 |"
	  " running: " },
	{ "run ok ok ok ok purge ok exit1 ok ok",
	  " report report prepare | attach | report report start | publish | report | kill withdraw | | report detach | remove | |"
	  " failed: task: non-zero exit (1)" },
	{ "run purge ok exit1 ok", " report report prepare | cancel | kill | report remove | |"
	  " rejected: task: the container ended before it was started" },
	{ "run ok ok purge ok exit1 ok ok",
	  " report report prepare | attach | report report start | kill | | report detach | remove | |"
	  " failed: task: non-zero exit (1)" },
};

TEST(a_task_run_asks_for_the_acts_of_its_life_in_order)
{
	for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		struct task_run run;

		task_run_init(&run, TASK_ASSIGNED, true, true, 10000);
		play(&run, lives[i].script, &text);
		EXPECT_STR(buf_text(&text), lives[i].want);
	}
}

/* The same for a task whose health is checked. */
static const struct { const char *script, *want; } checked_lives[] = {
	{ "run ok ok ok", " report report prepare | attach | report report start | | starting: " },
	{ "run ok ok ok healthy ok healthy",
	  " report report prepare | attach | report report start | | publish | report | | running: " },
	/* it need not have been told that it runs */
	{ "run ok ok healthy ok ok", " report report prepare | attach | report report start | | publish | report | running: " },
	{ "run ok ok ok unhealthy ok exit1 ok",
	  " report report prepare | attach | report report start | | drain | signal timer=11000 | timer=0 report detach | |"
	  " failed: task: non-zero exit (1): dockerexec: unhealthy container: no answer" },
	{ "run ok ok ok healthy ok unhealthy ok ok exit0 ok",
	  " report report prepare | attach | report report start | | publish | report | withdraw | drain | signal timer=11000 |"
	  " timer=0 report detach | | failed: task: dockerexec: unhealthy container: no answer" },
	{ "run ok ok ok unhealthy ok timer exit1",
	  " report report prepare | attach | report report start | | drain | signal timer=11000 | kill | report detach |"
	  " failed: task: non-zero exit (1): dockerexec: unhealthy container: no answer" },
	/* it ends by itself before it was healthy */
	{ "run ok ok ok exit0 ok", " report report prepare | attach | report report start | | report detach | | complete: " },
	{ "run ok ok ok exit1 ok", " report report prepare | attach | report report start | | report detach | | failed: task: non-zero exit (1)" },
	/* unhealthy while it is being ended anyway is no news */
	{ "run ok ok ok end ok unhealthy exit1 ok",
	  " report report prepare | attach | report report start | | drain | signal timer=11000 | | timer=0 report detach | | shutdown: " },
	{ "run ok ok ok unhealthy end ok exit1 ok",
	  " report report prepare | attach | report report start | | drain | | signal timer=11000 | timer=0 report detach | | shutdown: " },
};

TEST(a_task_run_waits_for_health_before_it_is_published_and_ends_without)
{
	for (size_t i = 0; i < ARRAY_COUNT(checked_lives); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		struct task_run run;

		task_run_init(&run, TASK_ASSIGNED, true, true, 10000);
		run.has_health = true;
		play(&run, checked_lives[i].script, &text);
		EXPECT_STR(buf_text(&text), checked_lives[i].want);
	}
}

static const struct { struct task_facts facts; const char *script, *want; } revivals[] = {
	{ { .state = TASK_ASSIGNED, .has_container = true, .is_attached = true, .is_started = true, .has_health = true, .was_running = true },
	  "run ok", " publish | | running: " },
	{ { .state = TASK_ASSIGNED, .has_container = true, .is_attached = true, .is_started = true, .has_health = true },
	  "run healthy ok", " | publish | report | running: " },
	{ { .state = TASK_RUNNING, .has_container = true, .is_attached = true, .is_started = true }, "run ok", " publish | | running: " },
	{ { .state = TASK_RUNNING, .has_container = true, .is_attached = true, .is_started = true }, "run bad",
	  " publish | report | running: no luck" },
	{ { .state = TASK_STARTING, .has_container = true, .is_attached = true }, "run", " start | starting: " },
	{ { .state = TASK_ASSIGNED, .has_container = true }, "run ok", " attach | report report start | starting: " },
	{ { .state = TASK_READY }, "run", " report report prepare | preparing: " },
	{ { .state = TASK_RUNNING, .has_container = true, .is_attached = true, .is_started = true, .has_exited = true, .exit_code = 3 },
	  "run ok", " report detach | | failed: task: non-zero exit (3)" },
	{ { .state = TASK_FAILED, .has_container = true, .is_attached = true, .is_started = true, .has_exited = true },
	  "unassign ok ok", " detach | remove | forget | failed: " },
	{ { .state = TASK_REJECTED, .has_container = true }, "run exit1 unassign", " kill | | remove | rejected: " },
	{ { .state = TASK_COMPLETE }, "unassign", " forget | complete: " },
};

TEST(a_task_run_goes_on_from_what_its_host_still_has)
{
	for (size_t i = 0; i < ARRAY_COUNT(revivals); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		struct task_run run;

		task_run_init(&run, TASK_ASSIGNED, true, true, 10000);
		task_run_resume(&run, &revivals[i].facts);
		play(&run, revivals[i].script, &text);
		EXPECT_STR(buf_text(&text), revivals[i].want);
	}
}

/* A host that answers some time, in any order, with any result. */
struct host {
	struct rng rng;
	struct task_run run;
	bool is_asked, lives, is_forgotten, is_unassigned;
	enum task_act asked;
	msec now;
};

static void give(struct host *host, struct task_in in)
{
	struct task_out out;
	int before = host->run.state;

	in.now = ++host->now;
	if (in.event == TASK_ANSWER)
		host->is_asked = false;
	task_run_step(&host->run, &in, &out);
	EXPECT(host->run.state >= before);
	for (unsigned i = 0; i < out.count; i++) {
		if (has_answer(out.acts[i])) {
			EXPECT(!host->is_asked);
			host->is_asked = true;
			host->asked = out.acts[i];
		}
		if (out.acts[i] == TASK_ACT_FORGET) {
			EXPECT(host->is_unassigned && !host->is_asked && i + 1 == out.count);
			host->is_forgotten = true;
		}
	}
}

static void answer(struct host *host)
{
	bool fails = rng_below(&host->rng, 4) == 0;

	if (host->asked == TASK_ACT_PREPARE)
		host->lives = !fails;
	if (host->asked == TASK_ACT_REMOVE)
		host->lives = false;
	give(host, (struct task_in){ .event = TASK_ANSWER, .error = fails ? "no luck" : NULL });
}

static void end_container(struct host *host)
{
	host->lives = false;
	give(host, (struct task_in){ .event = TASK_EXIT, .exit_code = (int)rng_below(&host->rng, 3), .error = "",
				     .oom_killed = rng_below(&host->rng, 8) == 0 });
}

static void happen(struct host *host)
{
	static const int wants[] = { TASK_READY, TASK_RUNNING, TASK_RUNNING, TASK_SHUTDOWN };

	switch (rng_below(&host->rng, 12)) {
	case 0:
	case 1:
		give(host, (struct task_in){ .event = TASK_DESIRE, .desired = wants[rng_below(&host->rng, ARRAY_COUNT(wants))] });
		break;
	case 2:
		if (rng_below(&host->rng, 4) == 0)
			give(host, (struct task_in){ .event = TASK_STOP, .grace_ms = (msec)rng_below(&host->rng, 20) - 1 });
		break;
	case 3:
		if (rng_below(&host->rng, 4) == 0)
			give(host, (struct task_in){ .event = TASK_PURGE });
		break;
	case 4:
		if (host->run.timer_ms)
			give(host, (struct task_in){ .event = TASK_TIMER });
		break;
	case 5:
		if (host->lives && rng_below(&host->rng, 4) == 0)
			end_container(host);
		break;
	default:
		if (host->is_asked)
			answer(host);
	}
}

/* What a host does when nothing disturbs it: answers, then timers, then the end of what was told to end. */
static void settle(struct host *host)
{
	for (int i = 0; i < 64 && !host->is_forgotten; i++) {
		if (host->is_asked)
			answer(host);
		else if (host->run.timer_ms)
			give(host, (struct task_in){ .event = TASK_TIMER });
		else if (host->lives && host->run.is_killed)
			end_container(host);
	}
}

static void live_once(uint64_t seed)
{
	struct host host = { .now = 1 };
	unsigned events;

	rng_seed(&host.rng, seed);
	task_run_init(&host.run, TASK_ASSIGNED, rng_below(&host.rng, 2), rng_below(&host.rng, 2), 10);
	events = (unsigned)rng_below(&host.rng, 40);
	for (unsigned i = 0; i < events; i++)
		happen(&host);
	host.is_unassigned = true;
	give(&host, (struct task_in){ .event = TASK_UNASSIGN });
	for (unsigned i = rng_below(&host.rng, 2) ? 0 : 10; i > 0 && !host.is_forgotten; i--)
		happen(&host);
	settle(&host);
	EXPECT(host.is_forgotten);
	if (!host.is_forgotten)
		fprintf(stderr, "seed %llu: state %s, busy with %s\n", (unsigned long long)seed, state_name(host.run.state),
			host.run.is_busy ? act_names[host.run.busy_with] : "nothing");
}

TEST(a_task_run_that_is_unassigned_is_always_forgotten)
{
	for (uint64_t seed = 1; seed <= 20000; seed++)
		live_once(seed);
}
