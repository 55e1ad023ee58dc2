/* raft_snapshot.c - who is too far behind for the log becomes what a snapshot says (§5, Figure 5.3). The bytes
 * travel outside of this room; here only what they stand for. */
#include "base/panic.h"
#include "raft/raft_impl.h"

enum { SETTLE_MS = 10000 };

/* ---- the follower ---------------------------------------------------------------------------------- */

static void reply(struct raft *raft, raft_id to, raft_index index)
{
	struct raft_msg *msg = raft_send(raft, to, RAFT_MSG_SNAPSHOT_REPLY);

	msg->snapshot_reply = (struct raft_msg_snapshot_reply){ index, true };
}

void raft_snapshot_offered(struct raft *raft, const struct raft_msg *msg)
{
	const struct raft_base *base = &msg->snapshot.base;

	if (base->index <= raft->commit) {
		/* it is in the log here: said when the disk has it */
		raft->owes_ack = true;
		raft->acked = 0;
		return;
	}
	raft->offer = *base;
	raft->offer_ticket = msg->snapshot.ticket;
	raft->offer_from = msg->from;
	raft->has_offer = true;
	raft->is_offer_told = false;
}

/* Not before the term is durable: what the state will hold must not be of a term the log has never reached. */
void raft_snapshot_tell(struct raft *raft, struct raft_out *out)
{
	if (!raft->has_offer || raft->is_offer_told || raft->hard_durable.term != raft->hard.term)
		return;
	raft->is_offer_told = true;
	out->install = &raft->offer;
	out->install_ticket = raft->offer_ticket;
}

static bool log_goes_on_from(const struct raft *raft, const struct raft_base *base)
{
	if (base->index > raft_entries_last(&raft->log))
		return false;
	return raft_entries_term(&raft->log, base->index) == base->term;
}

static void forget_log(struct raft *raft, const struct raft_base *base)
{
	raft_entries_fini(&raft->log);
	raft_entries_init(&raft->log, base->index, base->term);
	raft_persist_truncated(raft, base->index + 1);
	raft->dirty_from = 0;
	raft->forgets_log = true;
	raft_persist_hard(raft);
	raft->durable = raft->matched = base->index;
}

void raft_snapshot_installed(struct raft *raft, const struct raft_base *base)
{
	raft->has_offer = false;
	if (base->index <= raft->handed_out)
		return;
	if (log_goes_on_from(raft, base))
		raft_entries_cut(&raft->log, base->index);
	else
		forget_log(raft, base);
	raft->durable = MAX(raft->durable, base->index);
	raft->matched = MAX(raft->matched, base->index);
	raft->commit = MAX(raft->commit, base->index);
	raft->handed_out = raft->applied = base->index;
	raft->settled = base->config;
	raft->settled_index = base->config_index;
	raft->cluster_ms = MAX(raft->cluster_ms, base->now_ms);
	raft_change_revert(raft);
	if (raft->role == RAFT_FOLLOWER && raft->leader)
		reply(raft, raft->leader, base->index);
}

/* ---- the leader -------------------------------------------------------------------------------------- */

/* The stream is at its end, the follower perhaps not: it is asked from there on, and may say no for a while. */
void raft_snapshot_sent(struct raft *raft, raft_id to, bool is_complete, raft_index index)
{
	struct raft_peer *peer = raft_peer_find(raft, to);

	if (raft->role != RAFT_LEADER || !peer || peer->mode != RAFT_MODE_SNAPSHOT)
		return;
	raft_append_begin(raft, peer);
	if (!is_complete) {
		raft_append_pause(raft, peer); /* the next attempt waits for a sign of life */
		return;
	}
	peer->next = MAX(peer->next, index + 1);
	peer->settles_until = raft->now + MAX(SETTLE_MS, 4 * raft->hard.election_ms);
}

void raft_snapshot_answered(struct raft *raft, const struct raft_msg *msg)
{
	struct raft_peer *peer = raft_peer_find(raft, msg->from);
	raft_index index = msg->snapshot_reply.index;

	if (raft->role != RAFT_LEADER || !peer || index > raft_entries_last(&raft->log))
		return;
	peer->heard_at = raft->now;
	if (!msg->snapshot_reply.installed)
		return;
	peer->match = MAX(peer->match, index);
	raft_append_begin(raft, peer);
	/* If the log has gone on without it, another snapshot waits for a sign of life: they are dear. */
	if (peer->next < raft_entries_first(&raft->log))
		raft_append_pause(raft, peer);
	raft_commit_advance(raft);
}
