#include "manager/roster.h"

#include "base/str.h"

const struct roster_member *roster_find(const struct roster *roster, const char *node_id)
{
	for (size_t i = 0; i < roster->count; i++)
		if (str_eq(roster->items[i].node_id, node_id))
			return &roster->items[i];
	return NULL;
}

static size_t count_voters(const struct roster *roster, const char *but, bool reachable_only)
{
	size_t count = 0;

	for (size_t i = 0; i < roster->count; i++) {
		const struct roster_member *member = &roster->items[i];

		count += member->votes && (member->is_reachable || !reachable_only) && !str_eq(member->node_id, but);
	}
	return count;
}

size_t roster_voters(const struct roster *roster, bool reachable_only)
{
	return count_voters(roster, NULL, reachable_only);
}

bool roster_can_spare(const struct roster *roster, const char *node_id)
{
	size_t left = count_voters(roster, node_id, false);

	return left && count_voters(roster, node_id, true) >= left / 2 + 1;
}

int roster_check_demote(const struct roster *roster, const char *node_id, struct err *err)
{
	const struct roster_member *member = roster_find(roster, node_id);

	if (!member)            /* a manager on paper: its raft never came */
		return 0;
	if (count_voters(roster, node_id, false) == 0)
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the "
			       "swarm");
	if (!roster_can_spare(roster, node_id))
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would "
			       "result in a loss of quorum");
	return 0;
}

int roster_check_leave(const struct roster *roster, const char *node_id, struct err *err)
{
	size_t all = roster_voters(roster, false), reachable = roster_voters(roster, true);
	static const char *const begin = "You are attempting to leave the swarm on a node that is participating as a manager. ";

	if (!roster_find(roster, node_id) || roster_can_spare(roster, node_id))
		return 0;
	if (all <= 1)
		return err_set(err, ERR_UNAVAILABLE, "%sRemoving the last manager erases all current state of the swarm. Use `--force` to "
			       "ignore this message. ", begin);
	return err_set(err, ERR_UNAVAILABLE, "%sRemoving this node leaves %zu managers out of %zu. Without a Raft quorum your swarm will be "
		       "inaccessible. The only way to restore a swarm that has lost consensus is to reinitialize it with "
		       "`--force-new-cluster`. Use `--force` to suppress this message.", begin, reachable ? reachable - 1 : 0, all);
}

static bool is_wanted(const struct view *view, const struct roster_member *member)
{
	const struct node *node = view_node(view, member->node_id);

	return node && node->spec.role == ROLE_MANAGER;
}

/* Those that go first, for each makes the quorum of the rest smaller; the leader last. */
enum roster_act roster_next(const struct roster *roster, const struct view *view, const struct roster_member **ret)
{
	const struct roster_member *leader = NULL;

	for (size_t i = 0; i < roster->count; i++) {
		const struct roster_member *member = *ret = &roster->items[i];

		if (is_wanted(view, member) || (member->votes && !roster_can_spare(roster, member->node_id)))
			continue;
		if (!member->is_leader)
			return ROSTER_REMOVE;
		leader = member;
	}
	if ((*ret = leader))
		return ROSTER_HAND_OVER;
	for (size_t i = 0; i < roster->count; i++) {
		*ret = &roster->items[i];
		if (!(*ret)->votes && is_wanted(view, *ret) && (*ret)->is_reachable)
			return ROSTER_VOTE;
	}
	*ret = NULL;
	return ROSTER_REST;
}
