/* task_again.h - when a task that has ended is started again by its own node, because no manager is in reach that could replace it
 * (design §4: autonomy).
 *
 * Pure. It is the same task that goes on, in a new container: a manager that comes back finds it running, or has replaced it meanwhile and
 * ends it. The service's restart policy decides, counted here: condition, delay, attempts in a window (whole windows, one after the other).
 * Whoever was in reach of a manager when it ended, and for TOLD_MS after it, has told that manager, and waits for its decision.
 */
#pragma once
#include "model/task.h"

enum {
	TASK_ALONE_MS = 3000,           /* so long nobody must have been in reach */
	TASK_TOLD_MS = 10000,
	TASK_AGAIN_MIN_MS = 1000,       /* the least delay: what ends at once makes no tight loop */
};
struct task_again {
	msec ended_at;
	uint64_t attempts;              /* since window_at */
	msec window_at;
};
/* Does its policy allow it at all? state: how it ended, enum task_state. */
bool task_again_is_allowed(const struct task_again *again, const struct task_spec *spec, int state, msec now);
/* When it is due; INT64_MAX: never. alone_since: 0 while a manager is in reach. */
msec task_again_at(const struct task_again *again, const struct task_spec *spec, int state, msec alone_since, msec now);
void task_again_note(struct task_again *again, const struct task_spec *spec, msec now);         /* it is started again */
