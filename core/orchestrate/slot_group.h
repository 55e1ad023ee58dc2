/* slot_group.h - the tasks of a service by the place they were made for.
 *
 * A slot counts as kept while it has a task that is wanted, and also when its newest task ended and must not be restarted: such a
 * slot is not empty, it is finished (swarm-semantics §4, and trap 4 of §25).
 */
#pragma once
#include "orchestrate/draft.h"

void slots_load(struct draft *draft, struct draft_service *service);
/* Of those that slots_load found; NULL when it is none of them. */
struct slot_group *slots_find(const struct draft_service *service, uint64_t number, const char *node_id);
struct slot_group *slots_add(struct draft *draft, struct draft_service *service, uint64_t number, const char *node_id);

bool slot_has_wanted(const struct slot_group *slot);
/* Leaves out those that are to vanish; NULL when there is no other. */
struct draft_task *slot_newest(const struct slot_group *slot);
bool slot_is_kept(struct draft *draft, struct draft_service *service, const struct slot_group *slot);
/* "service.3", "service.<node>" */
const char *slot_row_id(struct draft *draft, const struct draft_service *service, const struct slot_group *slot);
/* NULL when nothing was written down yet */
const struct slot *slot_history(const struct slot_group *slot);
