#include <stdlib.h>
#include <string.h>

#include "agent/solo.h"
#include "base/buf.h"
#include "base/str.h"
#include "test/unit/runner.h"

/* A shell that answers each act at once, with success unless told otherwise, and writes down what it did. */
struct bench {
	struct solo solo;
	msec now;
	struct buf trace;
	enum solo_act fails;            /* this one, once */
	bool has_failure;
	int failure_code;
	bool exits_when_asked;          /* a signal ends it */
	int exit_due;                   /* an exit comes after the round, never inside the call */
	unsigned depth;
	unsigned started, failed, ended, gone, dead;
};

static const char *const names[] = {
	"SAVE", "MAKE", "ATTACH", "PUBLISH", "CONNECT", "START", "WITHDRAW", "DETACH", "REMOVE", "FORGET",
	"note", "SIGNAL", "KILL", "timer", "started", "failed", "ended", "dead", "gone",
};

static void feed(struct bench *b, struct solo_in in);

static void answer(struct bench *b, enum solo_act what)
{
	struct solo_in in = { .event = SOLO_ANSWER };

	if (b->has_failure && b->fails == what) {
		b->has_failure = false;
		in.error = "it cannot be";
		in.exit_code = b->failure_code;
	}
	feed(b, in);
}

static void perform(struct bench *b, enum solo_act what)
{
	buf_printf(&b->trace, "%s%s", b->trace.len ? " " : "", names[what]);
	switch (what) {
	case SOLO_ACT_SIGNAL:
		if (b->exits_when_asked)
			b->exit_due = 128 + (b->solo.signal ? b->solo.signal : 15);
		return;
	case SOLO_ACT_KILL:
		b->exit_due = 137;
		return;
	case SOLO_ACT_TELL_STARTED:
		b->started++;
		return;
	case SOLO_ACT_TELL_FAILED:
		b->failed++;
		return;
	case SOLO_ACT_TELL_ENDED:
		b->ended++;
		return;
	case SOLO_ACT_TELL_DEAD:
		b->dead++;
		return;
	case SOLO_ACT_TELL_GONE:
		b->gone++;
		return;
	case SOLO_ACT_NOTE:
	case SOLO_ACT_TIMER:
		return;
	default:
		answer(b, what);
	}
}

static void feed(struct bench *b, struct solo_in in)
{
	struct solo_out out;

	in.now = b->now;
	solo_step(&b->solo, &in, &out);
	b->depth++;
	for (unsigned i = 0; i < out.count; i++)
		perform(b, out.acts[i]);
	b->depth--;
	if (b->depth == 0 && b->exit_due) {
		int code = b->exit_due;

		b->exit_due = 0;
		feed(b, (struct solo_in){ .event = SOLO_EXIT, .exit_code = code });
	}
}

static void tell(struct bench *b, enum solo_event event)
{
	feed(b, (struct solo_in){ .event = event, .grace_ms = -1 });
}

static void end(struct bench *b, int code)
{
	feed(b, (struct solo_in){ .event = SOLO_EXIT, .exit_code = code });
}

/* What happened since the last look. */
static const char *trace(struct bench *b)
{
	static char text[1024];

	str_copy(text, sizeof text, buf_text(&b->trace));
	buf_clear(&b->trace);
	return text;
}

static void pass(struct bench *b, msec delay)
{
	b->now += delay;
	if (b->solo.timer_ms && b->solo.timer_ms <= b->now)
		tell(b, SOLO_TIMER);
}

static void bench_init(struct bench *b, enum solo_policy policy)
{
	*b = (struct bench){ .now = 1000000, .exits_when_asked = true };
	solo_init(&b->solo, true, true, 10000);
	b->solo.policy = policy;
}

static void run(struct bench *b)
{
	tell(b, SOLO_START);
	trace(b);
}

TEST(solo_starts_and_ends_in_order)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	EXPECT_INT(solo_status(&b.solo), SOLO_CREATED);
	EXPECT(solo_is_at_rest(&b.solo));
	tell(&b, SOLO_START);
	EXPECT_STR(trace(&b), "MAKE ATTACH PUBLISH CONNECT START note started");
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	EXPECT(!solo_is_at_rest(&b.solo));
	end(&b, 3);
	EXPECT_STR(trace(&b), "WITHDRAW DETACH note ended");
	EXPECT_INT(solo_status(&b.solo), SOLO_EXITED);
	EXPECT_INT(b.solo.exit_code, 3);
	EXPECT(solo_is_at_rest(&b.solo));
	tell(&b, SOLO_START);
	EXPECT_STR(trace(&b), "MAKE ATTACH PUBLISH CONNECT START note started");
	EXPECT_INT(b.solo.exit_code, 0);
	buf_fini(&b.trace);
}

TEST(solo_without_network_or_ports_takes_the_short_way)
{
	struct bench b = { .now = 1 };

	solo_init(&b.solo, false, false, 10000);
	tell(&b, SOLO_START);
	EXPECT_STR(trace(&b), "MAKE CONNECT START note started");
	end(&b, 0);
	EXPECT_STR(trace(&b), "DETACH note ended");
	buf_fini(&b.trace);
}

TEST(solo_saves_that_it_was_stopped_before_it_is_signalled)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	tell(&b, SOLO_STOP);
	EXPECT_STR(trace(&b), "SAVE SIGNAL timer timer WITHDRAW DETACH note ended");
	EXPECT(b.solo.is_stopped && solo_is_at_rest(&b.solo));
	EXPECT_INT(b.solo.exit_code, 143);
	EXPECT_INT(solo_status(&b.solo), SOLO_EXITED);
	buf_fini(&b.trace);
}

TEST(solo_is_killed_when_its_grace_is_over)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	run(&b);
	b.exits_when_asked = false;
	tell(&b, SOLO_STOP);
	EXPECT_STR(trace(&b), "SAVE SIGNAL timer");
	pass(&b, 9999);
	EXPECT_STR(trace(&b), "");
	pass(&b, 1);
	EXPECT_STR(trace(&b), "KILL WITHDRAW DETACH note ended");
	EXPECT_INT(b.solo.exit_code, 137);
	buf_fini(&b.trace);
}

TEST(solo_that_may_take_for_ever_is_never_killed)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	run(&b);
	b.exits_when_asked = false;
	feed(&b, (struct solo_in){ .event = SOLO_STOP, .grace_ms = SOLO_FOREVER });
	EXPECT_STR(trace(&b), "SAVE SIGNAL");
	EXPECT_INT(b.solo.timer_ms, 0);
	feed(&b, (struct solo_in){ .event = SOLO_STOP, .grace_ms = 5 });        /* somebody is less patient */
	pass(&b, 5);
	EXPECT_STR(trace(&b), "timer SAVE KILL WITHDRAW DETACH note ended");
	buf_fini(&b.trace);
}

TEST(solo_waits_longer_before_each_restart)
{
	static const msec delays[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 };
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	for (size_t i = 0; i < ARRAY_COUNT(delays); i++) {
		end(&b, 0);
		EXPECT_INT(b.solo.timer_ms - b.now, delays[i]);
		EXPECT_INT(solo_status(&b.solo), SOLO_RESTARTING);
		pass(&b, delays[i]);
		EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	}
	EXPECT_INT(b.solo.restarts, ARRAY_COUNT(delays));
	EXPECT_INT(b.ended, ARRAY_COUNT(delays));
	b.now += SOLO_SETTLED_MS;
	end(&b, 0);
	EXPECT_INT(b.solo.timer_ms - b.now, SOLO_DELAY_MIN_MS);
	buf_fini(&b.trace);
}

TEST(solo_on_failure_restarts_failures_up_to_its_bound)
{
	struct bench b;

	bench_init(&b, SOLO_ON_FAILURE);
	b.solo.max_restarts = 2;
	run(&b);
	end(&b, 1);
	pass(&b, 100);
	end(&b, 1);
	pass(&b, 200);
	EXPECT_INT(b.started, 3);
	end(&b, 1);
	EXPECT_INT(solo_status(&b.solo), SOLO_EXITED);
	EXPECT(solo_is_at_rest(&b.solo));
	run(&b);                                /* a person's start counts afresh */
	EXPECT_INT(b.solo.restarts, 0);
	end(&b, 0);
	EXPECT_INT(solo_status(&b.solo), SOLO_EXITED);
	buf_fini(&b.trace);
}

TEST(solo_stopped_between_two_restarts_stays_down)
{
	struct bench b;

	bench_init(&b, SOLO_UNLESS_STOPPED);
	run(&b);
	end(&b, 0);
	trace(&b);
	EXPECT_INT(solo_status(&b.solo), SOLO_RESTARTING);
	tell(&b, SOLO_STOP);
	EXPECT_STR(trace(&b), "timer SAVE");
	EXPECT(solo_is_at_rest(&b.solo));
	pass(&b, 1000);
	EXPECT_STR(trace(&b), "");
	buf_fini(&b.trace);
}

TEST(solo_killed_by_a_person_is_not_restarted_but_after_a_mere_signal_it_is)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	b.exits_when_asked = false;
	feed(&b, (struct solo_in){ .event = SOLO_SIGNAL, .signal = 1 });
	EXPECT_STR(trace(&b), "SIGNAL");
	end(&b, 0);
	EXPECT_INT(solo_status(&b.solo), SOLO_RESTARTING);
	pass(&b, 100);
	feed(&b, (struct solo_in){ .event = SOLO_SIGNAL, .signal = 9, .is_last = true });
	end(&b, 137);
	EXPECT_INT(solo_status(&b.solo), SOLO_EXITED);
	buf_fini(&b.trace);
}

TEST(solo_restarted_by_a_person_ends_and_starts)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	b.solo.goes_at_end = true;              /* --rm: this end does not count */
	run(&b);
	tell(&b, SOLO_RESTART);
	EXPECT_STR(trace(&b), "SIGNAL timer timer WITHDRAW DETACH note ended MAKE ATTACH PUBLISH CONNECT START note started");
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	end(&b, 0);
	EXPECT_STR(trace(&b), "WITHDRAW DETACH note ended SAVE REMOVE FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_restart_of_a_stopped_one_starts_it)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	tell(&b, SOLO_RESTART);
	EXPECT_STR(trace(&b), "MAKE ATTACH PUBLISH CONNECT START note started");
	buf_fini(&b.trace);
}

TEST(solo_start_that_fails_gives_everything_back)
{
	static const struct { enum solo_act act; int code, want; const char *trace; } cases[] = {
		{ SOLO_ACT_MAKE, 0, 128, "MAKE DETACH note failed" },
		{ SOLO_ACT_ATTACH, 0, 128, "MAKE ATTACH KILL DETACH note failed" },
		{ SOLO_ACT_PUBLISH, 0, 128, "MAKE ATTACH PUBLISH KILL WITHDRAW DETACH note failed" },
		{ SOLO_ACT_START, 127, 127, "MAKE ATTACH PUBLISH CONNECT START WITHDRAW DETACH note failed" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bench b;

		bench_init(&b, SOLO_ALWAYS);
		b.fails = cases[i].act;
		b.has_failure = true;
		b.failure_code = cases[i].code;
		tell(&b, SOLO_START);
		EXPECT_STR(trace(&b), cases[i].trace);
		EXPECT_INT(solo_status(&b.solo), SOLO_CREATED);
		EXPECT_INT(b.solo.exit_code, cases[i].want);
		EXPECT_STR(b.solo.error, "it cannot be");
		EXPECT(solo_is_at_rest(&b.solo));
		tell(&b, SOLO_START);
		EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
		EXPECT_STR(b.solo.error, "");
		buf_fini(&b.trace);
	}
}

TEST(solo_that_goes_at_its_end_goes_when_it_cannot_start)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	b.solo.goes_at_end = b.has_failure = true;
	b.fails = SOLO_ACT_MAKE;
	tell(&b, SOLO_START);
	EXPECT_STR(trace(&b), "MAKE DETACH note failed SAVE FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_restart_by_policy_that_fails_is_tried_again)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	end(&b, 0);
	b.fails = SOLO_ACT_MAKE;
	b.has_failure = true;
	pass(&b, 100);
	EXPECT_INT(solo_status(&b.solo), SOLO_RESTARTING);
	EXPECT_INT(b.failed, 0);
	pass(&b, 200);
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	buf_fini(&b.trace);
}

TEST(solo_removed_while_it_runs_is_written_down_then_killed)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	tell(&b, SOLO_REMOVE);
	EXPECT_STR(trace(&b), "SAVE KILL WITHDRAW DETACH note ended REMOVE FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_that_cannot_be_removed_is_dead_until_somebody_tries_again)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	run(&b);
	end(&b, 0);
	trace(&b);
	b.fails = SOLO_ACT_REMOVE;
	b.has_failure = true;
	tell(&b, SOLO_REMOVE);
	EXPECT_STR(trace(&b), "SAVE REMOVE dead");
	EXPECT_INT(solo_status(&b.solo), SOLO_DEAD);
	tell(&b, SOLO_START);
	EXPECT_STR(trace(&b), "");
	tell(&b, SOLO_REMOVE);
	EXPECT_STR(trace(&b), "REMOVE FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_shut_down_with_the_agent_is_not_restarted_but_wanted_next_time)
{
	struct bench b;

	bench_init(&b, SOLO_UNLESS_STOPPED);
	run(&b);
	tell(&b, SOLO_SHUTDOWN);
	EXPECT_STR(trace(&b), "SIGNAL timer timer WITHDRAW DETACH note ended");
	EXPECT(!b.solo.is_stopped && solo_is_at_rest(&b.solo));
	/* the next agent */
	solo_resume(&b.solo, &(struct solo_facts){ .has_files = true }, b.now);
	b.solo.is_shut = false;
	tell(&b, SOLO_RESUME);
	EXPECT_INT(solo_status(&b.solo), SOLO_RESTARTING);
	pass(&b, 60000);
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	buf_fini(&b.trace);
}

/* A fresh machine, as the next agent makes it from the row. */
static void resume(struct bench *b, const struct solo_facts *facts)
{
	struct solo before = b->solo;

	solo_init(&b->solo, before.needs_network, before.has_ports, before.grace_ms);
	b->solo.goes_at_end = before.goes_at_end;
	b->solo.policy = before.policy;
	b->solo.max_restarts = before.max_restarts;
	b->solo.was_started = before.was_started;
	b->solo.is_stopped = before.is_stopped;
	b->solo.is_removing = before.is_removing;
	b->solo.restarts = before.restarts;
	b->solo.exit_code = before.exit_code;
	buf_clear(&b->trace);
	solo_resume(&b->solo, facts, b->now);
	tell(b, SOLO_RESUME);
}

TEST(solo_found_running_goes_on_and_publishes_its_ports_again)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	run(&b);
	resume(&b, &(struct solo_facts){ .has_files = true, .is_made = true, .is_started = true, .is_attached = true, .ran_ms = 50 });
	EXPECT_STR(trace(&b), "PUBLISH");
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	end(&b, 4);
	EXPECT_STR(trace(&b), "WITHDRAW DETACH note ended");
	buf_fini(&b.trace);
}

TEST(solo_found_running_survives_a_port_that_is_lost)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	run(&b);
	b.fails = SOLO_ACT_PUBLISH;
	b.has_failure = true;
	resume(&b, &(struct solo_facts){ .has_files = true, .is_made = true, .is_started = true, .is_attached = true });
	EXPECT_STR(trace(&b), "PUBLISH");
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	buf_fini(&b.trace);
}

TEST(solo_found_ended_is_told_and_restarted_by_its_policy)
{
	struct bench b;

	bench_init(&b, SOLO_UNLESS_STOPPED);
	run(&b);
	resume(&b, &(struct solo_facts){ .has_files = true, .has_exited = true, .exit_code = 255, .error = "host restarted" });
	EXPECT_STR(trace(&b), "timer note ended");
	EXPECT_STR(b.solo.error, "host restarted");
	pass(&b, 100);
	EXPECT_INT(solo_status(&b.solo), SOLO_RUNNING);
	buf_fini(&b.trace);
}

TEST(solo_found_at_its_gate_is_undone)
{
	struct bench b;

	bench_init(&b, SOLO_NEVER);
	resume(&b, &(struct solo_facts){ .has_files = true, .is_made = true, .is_attached = true });
	EXPECT_STR(trace(&b), "KILL DETACH note");
	EXPECT_INT(solo_status(&b.solo), SOLO_CREATED);
	EXPECT(solo_is_at_rest(&b.solo));
	buf_fini(&b.trace);
}

TEST(solo_found_half_removed_is_removed)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	run(&b);
	b.solo.is_removing = true;
	resume(&b, &(struct solo_facts){ .has_files = true, .is_made = true, .is_started = true, .is_attached = true });
	EXPECT_STR(trace(&b), "KILL DETACH note ended REMOVE FORGET gone");
	buf_fini(&b.trace);
	bench_init(&b, SOLO_ALWAYS);
	b.solo.is_removing = true;
	resume(&b, &(struct solo_facts){ 0 });
	EXPECT_STR(trace(&b), "FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_policies_at_the_start_of_the_agent)
{
	static const struct { enum solo_policy policy; bool is_stopped; int code; bool starts; } cases[] = {
		{ SOLO_NEVER, false, 1, false }, { SOLO_ALWAYS, false, 0, true }, { SOLO_ALWAYS, true, 0, true },
		{ SOLO_UNLESS_STOPPED, false, 0, true }, { SOLO_UNLESS_STOPPED, true, 0, false },
		{ SOLO_ON_FAILURE, false, 1, true }, { SOLO_ON_FAILURE, false, 0, false }, { SOLO_ON_FAILURE, true, 143, false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bench b;

		bench_init(&b, cases[i].policy);
		b.solo.was_started = true;
		b.solo.is_stopped = cases[i].is_stopped;
		b.solo.exit_code = cases[i].code;
		resume(&b, &(struct solo_facts){ .has_files = true });
		EXPECT_INT(solo_status(&b.solo), cases[i].starts ? SOLO_RESTARTING : SOLO_EXITED);
		buf_fini(&b.trace);
	}
}

TEST(solo_never_started_stays_created_at_the_start_of_the_agent)
{
	struct bench b;

	bench_init(&b, SOLO_ALWAYS);
	resume(&b, &(struct solo_facts){ 0 });
	EXPECT_STR(trace(&b), "");
	EXPECT_INT(solo_status(&b.solo), SOLO_CREATED);
	b.solo.goes_at_end = true;
	b.solo.policy = SOLO_NEVER;
	resume(&b, &(struct solo_facts){ 0 });
	EXPECT_STR(trace(&b), "SAVE FORGET gone");
	buf_fini(&b.trace);
}

TEST(solo_exit_that_overtakes_the_answer_to_its_start_keeps_its_code)
{
	struct solo solo;
	struct solo_out out;

	solo_init(&solo, false, false, 10000);
	solo_step(&solo, &(struct solo_in){ .event = SOLO_START, .now = 1 }, &out);
	solo_step(&solo, &(struct solo_in){ .event = SOLO_ANSWER, .now = 1 }, &out);     /* MAKE */
	solo_step(&solo, &(struct solo_in){ .event = SOLO_ANSWER, .now = 1 }, &out);     /* CONNECT */
	EXPECT_INT(solo.busy_with, SOLO_ACT_START);
	solo_step(&solo, &(struct solo_in){ .event = SOLO_EXIT, .exit_code = 7, .now = 2 }, &out);
	EXPECT_INT(out.count, 0);
	solo_step(&solo, &(struct solo_in){ .event = SOLO_ANSWER, .now = 2 }, &out);
	EXPECT_INT(out.acts[1], SOLO_ACT_TELL_STARTED);
	EXPECT_INT(out.acts[2], SOLO_ACT_DETACH);
	solo_step(&solo, &(struct solo_in){ .event = SOLO_ANSWER, .now = 2 }, &out);
	EXPECT_INT(solo.exit_code, 7);
	EXPECT_INT(solo_status(&solo), SOLO_EXITED);
}
