/* reap.h - what is over goes: tasks that were to vanish and have stopped, history beyond the cluster's limit, and whatever a removed
 * service or slot leaves behind.
 *
 * An object of a task that may still run is never deleted: its node removes the container when the object is gone, and would be asked
 * to forget before it was asked to stop. The newest task of a slot always stays: it is what says that the slot is finished.
 */
#pragma once
#include "orchestrate/slot_group.h"

/* Tasks of a service that is gone are to vanish. */
void reap_orphaned_service(struct draft *draft, struct draft_service *service);
void reap_service(struct draft *draft, struct draft_service *service);
