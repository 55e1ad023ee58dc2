/* orchestrate.h - what ought to be: compares what is asked for with what there is, and returns the changes that bring them together.
 *
 * Pure. Runs on the leader after each applied entry and at the time it asked for; its list is proposed first in the next entry, so it
 * cannot conflict. All it knows is the view: a new leader that starts with dirty_add_all goes on where the old one stopped. Run again
 * on the result, it returns nothing.
 *
 * The order of the stages: nodes first (enforce); then for each dirty service ports, restarts, slots (replicated or global), update,
 * scheduling, reaping. A task made in this call may leave it assigned: one entry, not four. Semantics are swarmkit's
 * (moby/swarmkit, manager/orchestrator and manager/scheduler), with these departures: restart attempts are in slot rows, so history
 * is always the cluster's limit and a new leader goes on counting; delays and windows are cluster time; a failed node is weighed by
 * the task history that is left; UpdateStatus is completed when the last new task runs, without watching it further.
 */
#pragma once
#include "base/rng.h"
#include "orchestrate/dirty.h"
#include "state/change.h"

struct orchestrate_limits { size_t objects, changes; };  /* of one call; 0 means 2,000 and 1,000 */
enum { ORCHESTRATE_OBJECTS = 2000 };

struct orchestrate_in {
	const struct view *view;
	struct dirty *dirty;            /* what is looked at; emptied as far as the limits allow */
	msec now_ms;                    /* cluster time, not before view_now */
	nsec wall;                      /* stamped on what people see */
	struct rng *rng;                /* ids of new tasks */
	struct arena *arena;            /* the answer and all scratch; some 100 bytes for each task of the services looked at */
	struct orchestrate_limits limits;
};
struct orchestrate_out {
	struct change_list changes;
	msec next_ms;                   /* call again then even if nothing happens; INT64_MAX: no need */
	bool more;                      /* dirty is not empty: call again as soon as these changes are applied */
};
void orchestrate(const struct orchestrate_in *in, struct orchestrate_out *out);
