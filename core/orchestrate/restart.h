/* restart.h - the restart supervisor: replaces tasks that ended or lost their node, as the policy of their spec allows.
 *
 * A replacement is a new task. It is prepared at once and started when its delay is over and the one before it has stopped, or a
 * minute after it was made (a stuck container must not hold a service up for ever). All of that can be read from the tasks
 * themselves, so nothing is lost with a leader. A replacement that ends before its delay is over waits for it like any other: an
 * image that does not exist makes no tight loop.
 */
#pragma once
#include "orchestrate/slot_group.h"

void restart_service(struct draft *draft, struct draft_service *service);
/* Starts what was prepared and is due; sets the time of what is not. */
void restart_start_due(struct draft *draft, struct draft_service *service);
/* May this task be replaced, now that it has ended? */
bool restart_is_allowed(struct draft *draft, struct draft_service *service, const struct slot_group *slot,
			const struct task *task);
/* Down, drained or gone: tasks there belong elsewhere. */
bool restart_node_is_lost(const struct node *node);
