/* enforce.h - a node changed: which of its tasks may not stay? And: whose reports will never come?
 *
 * Constraints are those of the service now, not those the task was made with; reservations must fit what the node says it has. Only
 * active nodes: a drained one loses its tasks anyway. Nothing is moved because another node became better.
 */
#pragma once
#include "orchestrate/draft.h"

/* Rejects what may not stay and marks the node's services dirty. False when there was no room: call again with the rest. */
bool enforce_node(struct draft *draft, const char *node_id);
/* Tasks on nodes that are gone, or down for a day, are orphaned: the last thing ever said of them. */
void enforce_orphans(struct draft *draft, struct draft_service *service);
