#include "orchestrate/new_task.h"

#include "base/panic.h"

struct draft_task *new_task(struct draft *draft, struct draft_service *service, struct slot_group *slot,
			    enum task_state desired)
{
	struct draft_task *task = draft_new_task(draft, service, slot);
	struct task *fresh = draft_set_state(draft, task, TASK_NEW, "created", NULL);

	check(desired == TASK_READY || desired == TASK_RUNNING);
	fresh->service_id = (char *)(uintptr_t)service->id;
	fresh->spec_version = service->service->spec_version;
	fresh->slot = slot->number;
	fresh->node_id = (char *)(uintptr_t)slot->node_id;      /* given for global services only */
	fresh->desired = (int)desired;
	fresh->created_ms = draft->now_ms;
	return task;
}
