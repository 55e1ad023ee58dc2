#include "agent/task_again.h"

#include "model/defaults.h"

static const nsec ms = 1000000;

static bool is_window_over(const struct task_again *again, const struct task_spec *spec, msec now)
{
	nsec window = restart_window_ns(spec);

	return again->attempts == 0 || (window > 0 && (now - again->window_at) >= window / ms);
}

bool task_again_is_allowed(const struct task_again *again, const struct task_spec *spec, int state, msec now)
{
	int condition = restart_condition_of(spec);
	uint64_t max = restart_max_attempts(spec);

	if (state != TASK_COMPLETE && state != TASK_FAILED && state != TASK_REJECTED)
		return false;
	if (condition == RESTART_NONE || (condition == RESTART_ON_FAILURE && state == TASK_COMPLETE))
		return false;
	return max == 0 || again->attempts < max || is_window_over(again, spec, now);
}

msec task_again_at(const struct task_again *again, const struct task_spec *spec, int state, msec alone_since, msec now)
{
	msec due = again->ended_at + MAX(restart_delay_ns(spec) / ms, (nsec)TASK_AGAIN_MIN_MS);

	if (alone_since == 0 || alone_since - again->ended_at > TASK_TOLD_MS || !task_again_is_allowed(again, spec, state, now))
		return INT64_MAX;
	return MAX(due, alone_since + TASK_ALONE_MS);
}

void task_again_note(struct task_again *again, const struct task_spec *spec, msec now)
{
	if (is_window_over(again, spec, now)) {
		again->attempts = 0;
		again->window_at = now;
	}
	again->attempts++;
}
