/* raft_vote.c - roles and elections: pre-vote (§9.6), votes (§3.4, §3.6.1), leases (§4.2.3).
 *
 *   follower → pre-candidate → candidate → leader, and back to follower from everywhere
 *
 * A pre-candidate asks whether it would win and changes nothing, so that a member that was cut off
 * comes back without a higher term. While a follower hears from a leader it grants nobody else either; two
 * things lift that lease: the leader's own wish, and that the asker and the asked have both lost
 * their connection to it, which means that its process has died. That its next process is connected
 * already does not bring the leader back.
 */
#include "base/panic.h"
#include "raft/raft_impl.h"

/* ---- timers ------------------------------------------------------------------------------------ */

static bool may_stand(const struct raft *raft)
{
	return raft->is_voter && !(raft->disk_is_stalled && raft->voter_count > 1);
}

/* Uniform in [E, 2E). Who does not vote waits too: for the leader that it has heard of to be forgotten. */
void raft_vote_arm(struct raft *raft)
{
	raft->election_at = RAFT_NEVER;
	if (raft->role == RAFT_LEADER)
		return;
	msec e = raft->hard.election_ms;
	raft->election_at = raft->now + e + (msec)rng_below(&raft->rng, (uint64_t)e);
}

void raft_vote_leader_died(struct raft *raft)
{
	raft->lost_leader = true;
	if (raft->role != RAFT_FOLLOWER || !may_stand(raft))
		return;
	msec at = raft->now + (msec)rng_below(&raft->rng, RAFT_FAST_VOTE_MS);
	raft->election_at = MIN(raft->election_at, at);
}

/* Its connection was reset or refused: a process has died, not a network. */
static bool has_lost_leader(struct raft *raft)
{
	struct raft_peer *peer = raft->leader ? raft_peer_find(raft, raft->leader) : NULL;

	return peer && peer->link == RAFT_PEER_LOST;
}

/* ---- roles -------------------------------------------------------------------------------------- */

static void leave_leadership(struct raft *raft)
{
	raft->heartbeat_at = raft->transfer_until = RAFT_NEVER;
	raft->transfer_to = 0;
	raft->leader = 0;
	raft->wants_round = false;
	raft_read_drop(raft);
}

/* The leader's silence begins anew with each term, but not each time a candidate's message comes. */
void raft_vote_follow(struct raft *raft, raft_term term, raft_id leader)
{
	check(term >= raft->hard.term);
	bool is_new = term > raft->hard.term;

	if (is_new) {
		raft->hard.term = term;
		raft->hard.vote = 0;
		raft->matched = raft->commit;
		raft->acked = 0;
		raft->owes_ack = false;
		raft->has_offer = false;        /* the next leader has no such ticket */
		raft_persist_hard(raft);
	}
	if (raft->role == RAFT_LEADER)
		leave_leadership(raft);
	else if (is_new || (leader && leader != raft->leader))
		raft_read_drop(raft);
	if (is_new || raft->role != RAFT_FOLLOWER || leader != raft->leader)
		raft->status_changed = true;
	bool was_other = raft->role != RAFT_FOLLOWER;
	raft->role = RAFT_FOLLOWER;
	raft->leader = leader ? leader : is_new ? 0 : raft->leader;
	raft->leader_is_forced = false;
	if (leader) {
		raft->heard_at = raft->now;
		raft->lost_leader = false;
	}
	if (leader || was_other || raft->election_at == RAFT_NEVER)
		raft_vote_arm(raft);
}

static void lead(struct raft *raft)
{
	struct raft_peer *peer;

	raft->role = RAFT_LEADER;
	raft->leader = raft->self;
	raft->election_at = RAFT_NEVER;
	raft->leader_is_forced = false;
	raft->status_changed = true;
	for (size_t at = 0; (peer = raft_peers_next(raft, &at));) {
		peer->match = peer->told_commit = 0;
		peer->heard_at = raft->now;
		peer->acked_round = 0;
		peer->disk_stalled = false;
		raft_append_begin(raft, peer);
	}
	raft_append_own(raft, RAFT_ENTRY_NOOP, NULL, 0);
	raft_beat_begin(raft);
}

/* ---- standing ------------------------------------------------------------------------------------ */

static void ask(struct raft *raft, const struct raft_peer *peer)
{
	bool is_pre = raft->role == RAFT_PRE_CANDIDATE;
	struct raft_msg *msg;

	if (!peer->is_voter || peer->link != RAFT_PEER_UP)
		return;
	msg = raft_send(raft, peer->id, is_pre ? RAFT_MSG_PRE_VOTE : RAFT_MSG_VOTE);
	if (is_pre)
		msg->term++;
	msg->vote = (struct raft_msg_vote){
		.last_index = raft_entries_last(&raft->log),
		.last_term = raft_entries_last_term(&raft->log),
		.lost_leader = raft->lost_leader || has_lost_leader(raft),
		.is_transfer = raft->leader_is_forced,
	};
}

static void ask_all(struct raft *raft)
{
	struct raft_peer *peer;

	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		ask(raft, peer);
}

static void clear_ballots(struct raft *raft)
{
	for (size_t i = 0; i < raft->peer_count; i++)
		raft->peers[i].ballot = RAFT_BALLOT_NONE;
}

void raft_vote_ask_again(struct raft *raft, struct raft_peer *peer)
{
	bool stands = raft->role == RAFT_PRE_CANDIDATE || raft->role == RAFT_CANDIDATE;

	if (stands && peer->ballot == RAFT_BALLOT_NONE)
		ask(raft, peer);
}

void raft_vote_stand(struct raft *raft, bool is_forced)
{
	check(raft->role != RAFT_LEADER);
	raft->role = RAFT_CANDIDATE;
	raft->leader_is_forced = is_forced;
	raft->lost_leader |= has_lost_leader(raft);
	raft->leader = 0;
	raft->hard.term++;
	raft->hard.vote = raft->self;
	raft->matched = raft->commit;
	raft->acked = 0;
	raft->owes_ack = false;
	raft->status_changed = true;
	raft_persist_hard(raft);
	raft_read_drop(raft);
	clear_ballots(raft);
	ask_all(raft);
	raft_vote_arm(raft);
	if (raft->voter_count == 1)
		raft->election_at = RAFT_NEVER; /* nobody else can lead: only our disk is waited for */
}

static void start_pre_vote(struct raft *raft)
{
	raft->status_changed |= raft->role != RAFT_PRE_CANDIDATE;
	raft->role = RAFT_PRE_CANDIDATE;
	raft->leader_is_forced = false;
	clear_ballots(raft);
	ask_all(raft);
	raft_vote_arm(raft);
}

/* It has been silent for longer than a leader may be, whatever comes of the election. */
static void forget_leader(struct raft *raft)
{
	raft->lost_leader |= has_lost_leader(raft);
	if (!raft->leader)
		return;
	raft->leader = 0;
	raft->status_changed = true;
	raft_read_drop(raft);
}

void raft_vote_time_out(struct raft *raft)
{
	forget_leader(raft);
	if (!may_stand(raft)) {
		raft_vote_arm(raft);
		return;
	}
	if (raft->voter_count == 1)
		raft_vote_stand(raft, false);
	else
		start_pre_vote(raft);
}

/* A vote counts when it is durable: a member that forgot one could give a second in the same term,
 * and then two leaders share it. */
static bool own_vote_is_durable(const struct raft *raft)
{
	return raft->hard_durable.term == raft->hard.term && raft->hard_durable.vote == raft->self;
}

static uint64_t yes(const struct raft_peer *peer)
{
	return peer->ballot == RAFT_BALLOT_YES;
}

static uint64_t not_no(const struct raft_peer *peer)
{
	return peer->ballot != RAFT_BALLOT_NO;
}

void raft_vote_count(struct raft *raft)
{
	if (raft->role != RAFT_PRE_CANDIDATE && raft->role != RAFT_CANDIDATE)
		return;
	if (!raft->is_voter || !raft_majority(raft, true, not_no)) {
		raft_vote_follow(raft, raft->hard.term, 0); /* lost; the timer goes on */
		return;
	}
	bool is_ours = raft->role == RAFT_PRE_CANDIDATE || own_vote_is_durable(raft);
	if (!raft_majority(raft, is_ours, yes))
		return;
	if (raft->role == RAFT_PRE_CANDIDATE)
		raft_vote_stand(raft, false);
	else
		lead(raft);
}

/* ---- being asked --------------------------------------------------------------------------------- */

/* §3.6.1: by the term of the last entry, then by length. */
static bool is_as_good_as_ours(const struct raft *raft, const struct raft_msg_vote *vote)
{
	raft_term own = raft_entries_last_term(&raft->log);

	if (vote->last_term != own)
		return vote->last_term > own;
	return vote->last_index >= raft_entries_last(&raft->log);
}

static bool lease_holds(struct raft *raft, raft_id from, const struct raft_msg_vote *vote)
{
	if (vote->is_transfer || raft->leader == from)
		return false; /* a leader that asks for votes leads no more */
	if (raft->role == RAFT_LEADER)
		return true; /* check-quorum ends it when it is over */
	if (!raft->leader || raft->heard_at == INT64_MIN)
		return false;
	if (raft->now - raft->heard_at >= raft->hard.election_ms)
		return false;
	return !(vote->lost_leader && (raft->lost_leader || has_lost_leader(raft)));
}

static void refuse(struct raft *raft, const struct raft_msg *msg)
{
	bool is_pre = msg->type == RAFT_MSG_PRE_VOTE;

	raft_send(raft, msg->from, is_pre ? RAFT_MSG_PRE_VOTE_REPLY : RAFT_MSG_VOTE_REPLY);
}

/* Learners answer too: who asks may know a newer configuration, in which they vote (§4.2.1). */
void raft_vote_asked(struct raft *raft, const struct raft_msg *msg)
{
	bool is_pre = msg->type == RAFT_MSG_PRE_VOTE;

	if (msg->term < raft->hard.term || lease_holds(raft, msg->from, &msg->vote)) {
		refuse(raft, msg);
		return;
	}
	if (!is_pre && msg->term > raft->hard.term)
		raft_vote_follow(raft, msg->term, 0);
	bool is_free = is_pre ? msg->term > raft->hard.term :
				!raft->hard.vote || raft->hard.vote == msg->from;
	if (!is_free || !is_as_good_as_ours(raft, &msg->vote)) {
		refuse(raft, msg);
	} else if (is_pre) {
		struct raft_msg *reply = raft_send(raft, msg->from, RAFT_MSG_PRE_VOTE_REPLY);
		reply->term = msg->term;
		reply->vote_reply.granted = true;
	} else if (raft->hard.vote == msg->from) {
		raft_vote_owed(raft); /* asked again: the answer was lost, or still waits for the disk */
	} else {
		raft->hard.vote = msg->from;
		raft_persist_hard(raft);
		raft_vote_arm(raft);
	}
}

void raft_vote_owed(struct raft *raft)
{
	raft_id to = raft->hard.vote;

	/* once the term has its leader nobody waits for it any more */
	if (!to || to == raft->self || raft->role == RAFT_LEADER || raft->leader)
		return;
	if (raft->hard_durable.term != raft->hard.term || raft->hard_durable.vote != to)
		return;
	raft_send(raft, to, RAFT_MSG_VOTE_REPLY)->vote_reply.granted = true;
}

void raft_vote_answered(struct raft *raft, const struct raft_msg *msg)
{
	bool is_pre = msg->type == RAFT_MSG_PRE_VOTE_REPLY;
	struct raft_peer *peer = raft_peer_find(raft, msg->from);
	/* a granted pre-vote speaks of the term that we would stand in */
	raft_term term = raft->hard.term + (is_pre && msg->vote_reply.granted);

	if (!peer || msg->term != term)
		return;
	if (raft->role != (is_pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE))
		return;
	peer->ballot = msg->vote_reply.granted ? RAFT_BALLOT_YES : RAFT_BALLOT_NO;
	raft_vote_count(raft);
}
