/* roster.h - who manages the cluster, who of them can be reached, and what that allows: quorum arithmetic and the next change of members.
 *
 * Pure. Filled from raft's configuration and the state of connections; one change of members at a time, as raft wants it.
 */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "state/view.h"

enum { ROSTER_MAX = 32 };
struct roster_member {
	char node_id[ID_SIZE];
	uint64_t raft_id;
	bool votes, is_leader, is_reachable;
};
struct roster { struct roster_member items[ROSTER_MAX]; size_t count; };

const struct roster_member *roster_find(const struct roster *roster, const char *node_id);
size_t roster_voters(const struct roster *roster, bool reachable_only);
/* Without it, do those that can be reached still decide? */
bool roster_can_spare(const struct roster *roster, const char *node_id);

/* May people take the role away from this one? swarmkit's words. */
int roster_check_demote(const struct roster *roster, const char *node_id, struct err *err);
/* May it leave without --force? The daemon's words when not. A node that may is demoted first. */
int roster_check_leave(const struct roster *roster, const char *node_id, struct err *err);

/* What the leader does next so that raft's members are those nodes whose role says so. */
enum roster_act {
	ROSTER_REST,
	ROSTER_VOTE,            /* a learner that is wanted: let it vote as soon as it has caught up */
	ROSTER_REMOVE,          /* no manager any more, and it can be spared */
	ROSTER_HAND_OVER,       /* the same, but it is the leader: another one removes it */
};
enum roster_act roster_next(const struct roster *roster, const struct view *view, const struct roster_member **ret);
