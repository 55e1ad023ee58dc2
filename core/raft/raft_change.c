/* raft_change.c - members come and go, one at a time (§4.1, §4.2.1); leadership is handed over (§3.10). */
#include <string.h>

#include "base/panic.h"
#include "raft/raft_impl.h"

/* ---- the configuration in force --------------------------------------------------------------------- */

void raft_change_take(struct raft *raft, raft_index index, const struct raft_membership *config)
{
	raft->config = *config;
	raft->config_index = index;
	raft->status_changed = true;
	raft_peers_settle(raft);
	if (raft->role != RAFT_LEADER)
		raft_vote_arm(raft);
	else if (raft->heartbeat_at == RAFT_NEVER && config->count > 1)
		raft->heartbeat_at = raft->now;
}

/* The newest in the log is in force, committed or not (§4.1). */
void raft_change_revert(struct raft *raft)
{
	struct raft_membership config = raft->settled;
	raft_index index = raft->settled_index;
	struct err ignored;

	for (raft_index i = raft_entries_last(&raft->log); i > index; i--) {
		if (!raft_entries_has(&raft->log, i))
			break;
		const struct raft_entry *entry = raft_entries_at(&raft->log, i);
		if (entry->type != RAFT_ENTRY_CONFIG)
			continue;
		check(raft_membership_decode(entry->bytes, entry->size, &config, &ignored) == 0);
		index = i;
		break;
	}
	raft_change_take(raft, index, &config);
}

/* ---- one member --------------------------------------------------------------------------------------- */

/* A second change before the first is agreed could make two majorities that do not meet (§4.1), and
 * so could one before this term's first commit (Ongaro's note of 2015 on §4.1). */
static int check_time(const struct raft *raft, struct err *err)
{
	if (raft->role != RAFT_LEADER)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not lead");
	if (raft->transfer_to)
		return err_set(err, ERR_UNAVAILABLE, "leadership is being handed over");
	if (raft->config_index > raft->commit)
		return err_set(err, ERR_UNAVAILABLE,
			       "another change of the managers is under way: try again");
	if (raft_entries_term(&raft->log, raft->commit) != raft->hard.term)
		return err_set(err, ERR_UNAVAILABLE, "this manager has just begun to lead: try again");
	if (raft_persist_is_full(raft))
		return err_set(err, ERR_EXHAUSTED, "too much is waiting for the disk");
	return 0;
}

static struct raft_member *find(struct raft_membership *config, raft_id id)
{
	return (struct raft_member *)raft_membership_find(config, id);
}

static int add_learner(struct raft_membership *config, const struct raft_member *member, struct err *err)
{
	if (member->id == 0 || find(config, member->id))
		return err_set(err, ERR_CONFLICT, "node %s is a manager already", member->node_id);
	if (config->count == RAFT_MEMBERS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d managers are the most", RAFT_MEMBERS_MAX);
	config->members[config->count] = *member;
	config->members[config->count++].suffrage = RAFT_LEARNER;
	return 0;
}

static int make_voter(struct raft *raft, struct raft_membership *config, raft_id id, struct err *err)
{
	struct raft_member *member = find(config, id);
	struct raft_peer *peer = raft_peer_find(raft, id);

	if (!member || !peer)
		return err_set(err, ERR_NOT_FOUND, "no such manager");
	if (member->suffrage == RAFT_VOTER)
		return err_set(err, ERR_CONFLICT, "node %s votes already", member->node_id);
	/* a host without power is connected until TCP gives it up, and with it as a voter nothing might be agreed any more */
	if (peer->link != RAFT_PEER_UP || raft->now - peer->heard_at >= raft->hard.election_ms ||
	    peer->match + RAFT_CAUGHT_UP < raft_entries_last(&raft->log))
		return err_set(err, ERR_UNAVAILABLE, "node %s has not caught up yet", member->node_id);
	member->suffrage = RAFT_VOTER;
	return 0;
}

static int remove_member(const struct raft *raft, struct raft_membership *config, raft_id id, struct err *err)
{
	struct raft_member *member = find(config, id);

	if (!member)
		return err_set(err, ERR_NOT_FOUND, "no such manager");
	if (id == raft->self)
		return err_set(err, ERR_CONFLICT, "node %s leads: leadership must be handed over first",
			       member->node_id);
	*member = config->members[--config->count];
	return 0;
}

int raft_change_member(struct raft *raft, enum raft_member_change change, const struct raft_member *member,
		       struct err *err)
{
	struct raft_membership config = raft->config;
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	int got = -1;

	if (check_time(raft, err) < 0)
		return -1;
	switch (change) {
	case RAFT_ADD_LEARNER:
		got = add_learner(&config, member, err);
		break;
	case RAFT_MAKE_VOTER:
		got = make_voter(raft, &config, member->id, err);
		break;
	case RAFT_REMOVE:
		got = remove_member(raft, &config, member->id, err);
		break;
	}
	if (got < 0)
		return -1;
	raft_membership_encode(&config, &bytes);
	raft_append_own(raft, RAFT_ENTRY_CONFIG, bytes.data, bytes.len);
	raft_change_take(raft, raft_entries_last(&raft->log), &config);
	return 0;
}

/* ---- handing over ---------------------------------------------------------------------------------------- */

static bool can_lead(const struct raft_peer *peer)
{
	return peer->is_voter && peer->link == RAFT_PEER_UP && !peer->disk_stalled;
}

/* Of those that are equally far whoever was heard last: a host without power is connected for a while. */
static bool is_better(const struct raft_peer *peer, const struct raft_peer *best)
{
	return !best || peer->match > best->match || (peer->match == best->match && peer->heard_at > best->heard_at);
}

static struct raft_peer *furthest(struct raft *raft)
{
	struct raft_peer *peer, *best = NULL;

	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		if (can_lead(peer) && is_better(peer, best))
			best = peer;
	return best;
}

bool raft_farewell(struct raft *raft, struct raft_msg *ret)
{
	const struct raft_peer *next = raft->role == RAFT_LEADER ? furthest(raft) : NULL;

	if (next)
		*ret = (struct raft_msg){ .type = RAFT_MSG_TIMEOUT_NOW, .from = raft->self, .to = next->id, .term = raft->hard.term };
	return next != NULL;
}

int raft_change_transfer(struct raft *raft, raft_id to, struct err *err)
{
	if (raft->role != RAFT_LEADER)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not lead");
	if (raft->transfer_to)
		return err_set(err, ERR_CONFLICT, "leadership is being handed over already");
	struct raft_peer *peer = to ? raft_peer_find(raft, to) : furthest(raft);
	if (!peer || !can_lead(peer))
		return err_set(err, ERR_UNAVAILABLE, "no other manager can take over");
	raft->transfer_to = peer->id;
	raft->transfer_was_sent = false;
	raft->transfer_until = raft->now + raft->hard.election_ms;
	raft_change_go_on(raft);
	return 0;
}

/* It did not come about. Who cannot write lets others find a leader all the same, if there may be one. */
static void give_up(struct raft *raft)
{
	raft->transfer_to = 0;
	raft->transfer_until = RAFT_NEVER;
	if (raft->disk_is_stalled && furthest(raft))
		raft_vote_follow(raft, raft->hard.term, 0);
}

void raft_change_go_on(struct raft *raft)
{
	struct raft_peer *peer = raft->transfer_to ? raft_peer_find(raft, raft->transfer_to) : NULL;

	if (raft->role != RAFT_LEADER || !raft->transfer_to)
		return;
	if (raft->now >= raft->transfer_until || !peer || !can_lead(peer)) {
		give_up(raft);
	} else if (!raft->transfer_was_sent && peer->match == raft_entries_last(&raft->log)) {
		raft_send(raft, peer->id, RAFT_MSG_TIMEOUT_NOW);
		raft->transfer_was_sent = true;
	}
}

void raft_change_disk(struct raft *raft, bool is_stalled)
{
	struct err ignored;

	raft->disk_is_stalled = is_stalled;
	if (is_stalled && raft->role == RAFT_LEADER && !raft->transfer_to)
		(void)raft_change_transfer(raft, 0, &ignored); /* nobody can: a slow leader is better than none */
}
