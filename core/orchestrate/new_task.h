/* new_task.h - makes the task of a slot from the service's current spec. */
#pragma once
#include "orchestrate/slot_group.h"

/* Desired ready (prepare, then wait to be started) or running. Costs one change. */
struct draft_task *new_task(struct draft *draft, struct draft_service *service, struct slot_group *slot,
			    enum task_state desired);
