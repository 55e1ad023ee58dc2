/* refound.h - what changes in the state when a cluster goes on with one manager and without those of before: because they are lost, or because
 * it comes out of a backup.
 *
 * Pure. The others are workers from then on, and down: their tasks are somebody else's at once. Workers keep their state, and have the time
 * to turn up that they have with any new leader. The cluster's generation rises, so that nobody obeys those of before if they are not
 * dead after all.
 */
#pragma once
#include "state/change.h"
#include "state/view.h"

struct refound {
	const char *node_id;
	const char *address;                            /* "ip:port" */
	const struct node_description *description;     /* of this host: for a node that is new to the cluster */
	int availability;                               /* of this node, when it is another than active */
};
/* ERR_INVALID for a state that is of no cluster. */
int refound_compose(const struct refound *refound, const struct view *view, msec now_ms, struct change_list *out, struct err *err);
