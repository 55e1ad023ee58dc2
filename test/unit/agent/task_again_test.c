#include "agent/task_again.h"
#include "test/unit/runner.h"

#define S 1000
static const struct opt_u64 nothing;

static struct opt_u64 seconds(uint64_t count) { return (struct opt_u64){ true, count * 1000000000 }; }

/* Ended at 100 s. When is it due? -1: never. */
static const struct { int condition, state; uint64_t delay_s; msec alone_since, due; const char *why; } cases[] = {
	{ RESTART_ANY, TASK_FAILED, 5, 90 * S, 105 * S, "the delay" },
	{ RESTART_ANY, TASK_COMPLETE, 5, 90 * S, 105 * S, "any" },
	{ RESTART_ANY, TASK_REJECTED, 5, 90 * S, 105 * S, "its image may be here now" },
	{ RESTART_ANY, TASK_SHUTDOWN, 5, 90 * S, -1, "somebody wanted it" },
	{ RESTART_ON_FAILURE, TASK_FAILED, 5, 90 * S, 105 * S, "a failure" },
	{ RESTART_ON_FAILURE, TASK_COMPLETE, 5, 90 * S, -1, "none" },
	{ RESTART_NONE, TASK_FAILED, 5, 90 * S, -1, "never" },
	{ RESTART_ANY, TASK_FAILED, 0, 90 * S, 101 * S, "no tight loop" },
	{ RESTART_ANY, TASK_FAILED, 1, 99 * S, 102 * S, "three seconds alone" },
	{ RESTART_ANY, TASK_FAILED, 1, 0, -1, "a manager is there" },
	{ RESTART_ANY, TASK_FAILED, 1, 105 * S, 108 * S, "it may not have been told" },
	{ RESTART_ANY, TASK_FAILED, 1, 111 * S, -1, "it was told" },
};

TEST(a_task_is_started_again_by_its_policy_when_nobody_else_can)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct restart_policy policy = { cases[i].condition, seconds(cases[i].delay_s), nothing, nothing };
		struct task_spec spec = { .restart = &policy };
		struct task_again again = { .ended_at = 100 * S };
		msec at = task_again_at(&again, &spec, cases[i].state, cases[i].alone_since, 112 * S);

		EXPECT_INT(at == INT64_MAX ? -1 : at, cases[i].due);
	}
}

TEST(attempts_are_counted_in_their_window)
{
	struct restart_policy policy = { RESTART_ANY, seconds(1), { true, 2 }, nothing };
	struct task_spec spec = { .restart = &policy };
	struct task_again again = { .ended_at = 1 * S };

	task_again_note(&again, &spec, 2 * S);
	EXPECT(task_again_is_allowed(&again, &spec, TASK_FAILED, 3 * S));
	task_again_note(&again, &spec, 3 * S);
	EXPECT(!task_again_is_allowed(&again, &spec, TASK_FAILED, 1000 * S));   /* no window: for ever */
	policy.window_ns = seconds(60);
	EXPECT(!task_again_is_allowed(&again, &spec, TASK_FAILED, 61 * S));
	EXPECT(task_again_is_allowed(&again, &spec, TASK_FAILED, 62 * S));
	task_again_note(&again, &spec, 62 * S);
	EXPECT_INT(again.attempts, 1);
	policy.max_attempts = nothing;
	again.attempts = 1000000;
	EXPECT(task_again_is_allowed(&again, &spec, TASK_FAILED, 63 * S));
}
