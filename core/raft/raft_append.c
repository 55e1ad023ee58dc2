/* raft_append.c - the leader's log (§3.5), and what each follower gets of it (§10.2.1: pipelined). */
#include "base/panic.h"
#include "raft/raft_impl.h"

/* ---- our own log ---------------------------------------------------------------------------------- */

/* Cluster time never falls along the log, whichever clock it is made of. */
static msec entry_time(const struct raft *raft)
{
	raft_index last = raft_entries_last(&raft->log);
	msec now = raft_cluster_ms(raft, raft->now);

	if (!raft_entries_has(&raft->log, last))
		return now;
	return MAX(now, raft_entries_at(&raft->log, last)->now_ms);
}

void raft_append_own(struct raft *raft, enum raft_entry_type type, const void *bytes, size_t size)
{
	struct raft_entry entry = {
		.index = raft_entries_last(&raft->log) + 1,
		.term = raft->hard.term,
		.type = type,
		.now_ms = entry_time(raft),
		.bytes = bytes,
		.size = size,
	};
	raft_entries_append(&raft->log, &entry);
	raft_persist_entries(raft, entry.index);
}

static int admit(const struct raft *raft, const struct raft_proposal *items, size_t count,
		 struct err *err)
{
	size_t bytes = raft_entries_bytes_above(&raft->log, raft->commit);

	if (raft->role != RAFT_LEADER)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not lead");
	if (raft->transfer_to)
		return err_set(err, ERR_UNAVAILABLE, "leadership is being handed over");
	if (count == 0 || count > RAFT_PROPOSE_MAX)
		return err_set(err, ERR_INVALID,
			       "%zu entries proposed at once; 1 to %d are allowed", count,
			       RAFT_PROPOSE_MAX);
	for (size_t i = 0; i < count; i++) {
		if (items[i].size > RAFT_ENTRY_BYTES_MAX)
			return err_set(err, ERR_INVALID,
				       "a change of %zu bytes is too large; the most is %u",
				       items[i].size, RAFT_ENTRY_BYTES_MAX);
		bytes += items[i].size;
	}
	if (bytes > RAFT_PENDING_BYTES_MAX || raft_persist_is_full(raft))
		return err_set(err, ERR_EXHAUSTED, "too much is waiting for the disk");
	return 0;
}

int raft_append_proposals(struct raft *raft, const struct raft_proposal *items, size_t count,
			  struct raft_out *out, struct err *err)
{
	if (admit(raft, items, count, err) < 0)
		return -1;
	out->proposed_index = raft_entries_last(&raft->log) + 1;
	for (size_t i = 0; i < count; i++)
		raft_append_own(raft, RAFT_ENTRY_NORMAL, items[i].bytes, items[i].size);
	return 0;
}

/* ---- what is on its way ---------------------------------------------------------------------------- */

static void forget_inflight(struct raft_peer *peer)
{
	peer->inflight_first = peer->inflight_count = peer->inflight_bytes = 0;
}

void raft_append_begin(struct raft *raft, struct raft_peer *peer)
{
	peer->mode = RAFT_MODE_PROBE;
	peer->probe_is_out = false;
	peer->next = peer->match ? peer->match + 1 : raft_entries_last(&raft->log) + 1;
	peer->progress_at = raft->now;
	peer->settles_until = INT64_MIN;
	forget_inflight(peer);
}

void raft_append_pause(struct raft *raft, struct raft_peer *peer)
{
	peer->probe_is_out = true;
	peer->probed_round = raft->round;
}

static void note_inflight(struct raft_peer *peer, raft_index last, size_t bytes)
{
	size_t place = (peer->inflight_first + peer->inflight_count++) % RAFT_INFLIGHT_MAX;

	peer->inflight[place] = (struct raft_inflight){ last, bytes };
	peer->inflight_bytes += bytes;
}

static void pop_inflight(struct raft_peer *peer)
{
	while (peer->inflight_count > 0) {
		const struct raft_inflight *first = &peer->inflight[peer->inflight_first];
		if (first->last > peer->match)
			return;
		peer->inflight_bytes -= first->bytes;
		peer->inflight_first = (peer->inflight_first + 1) % RAFT_INFLIGHT_MAX;
		peer->inflight_count--;
	}
}

static bool has_room(const struct raft_peer *peer)
{
	return peer->inflight_count < RAFT_INFLIGHT_MAX &&
	       peer->inflight_bytes < RAFT_INFLIGHT_BYTES_MAX;
}

/* ---- sending ---------------------------------------------------------------------------------------- */

static size_t how_many(const struct raft *raft, raft_index first, size_t *ret_bytes)
{
	raft_index last = raft_entries_last(&raft->log);
	size_t count = 0;

	*ret_bytes = 0;
	while (first + count <= last) {
		size_t size = raft_entries_at(&raft->log, first + count)->size;
		if (count > 0 && *ret_bytes + size > RAFT_APPEND_BYTES_MAX)
			break;
		*ret_bytes += size;
		count++;
	}
	return count;
}

static void send_one(struct raft *raft, struct raft_peer *peer)
{
	size_t bytes, count = how_many(raft, peer->next, &bytes);
	struct raft_msg *msg = raft_send(raft, peer->id, RAFT_MSG_APPEND);

	msg->append = (struct raft_msg_append){
		.prev_index = peer->next - 1,
		.prev_term = raft_entries_term(&raft->log, peer->next - 1),
		.commit = raft->commit,
		.sent_ms = count || peer->mode == RAFT_MODE_PROBE ? raft->now : 0,
		.entries = count ? raft_entries_at(&raft->log, peer->next) : NULL,
		.entry_count = count,
	};
	if (peer->mode == RAFT_MODE_PROBE) {
		raft_append_pause(raft, peer);
		return;
	}
	if (count > 0)
		note_inflight(peer, peer->next + count - 1, bytes);
	peer->next += count;
	peer->told_commit = raft->commit;
}

/* The log begins behind what it would need. */
static bool needs_snapshot(const struct raft *raft, const struct raft_peer *peer)
{
	return peer->next < raft_entries_first(&raft->log);
}

static void ask_for_snapshot(struct raft *raft, struct raft_peer *peer)
{
	peer->mode = RAFT_MODE_SNAPSHOT;
	raft->snapshot_peers[raft->snapshot_peer_count++] = peer->id;
}

/* A follower applies what it knows to be committed: it is told at once, not at the next heartbeat. */
static bool has_news(const struct raft *raft, const struct raft_peer *peer)
{
	return peer->next <= raft_entries_last(&raft->log) ||
	       peer->told_commit < MIN(raft->commit, peer->match);
}

static void send_to(struct raft *raft, struct raft_peer *peer)
{
	if (peer->link != RAFT_PEER_UP || peer->mode == RAFT_MODE_SNAPSHOT || peer->probe_is_out)
		return;
	if (needs_snapshot(raft, peer)) {
		ask_for_snapshot(raft, peer);
	} else if (peer->mode == RAFT_MODE_PROBE) {
		send_one(raft, peer);
	} else {
		while (has_news(raft, peer) && has_room(peer) && !needs_snapshot(raft, peer))
			send_one(raft, peer);
	}
}

void raft_append_send(struct raft *raft)
{
	struct raft_peer *peer;

	if (raft->role != RAFT_LEADER)
		return;
	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		send_to(raft, peer);
}

/* Whoever lives and has not said for E/2 that it got what was sent has not got it. Of a probe only an answer to what was sent behind it says so:
 * where a wire was off for a while a hundred answers come at once, and each would have it sent again. */
void raft_append_nudge(struct raft *raft, struct raft_peer *peer)
{
	bool is_stuck = raft->now - peer->progress_at > raft->hard.election_ms / 2;

	if (peer->mode == RAFT_MODE_PROBE && peer->acked_round > peer->probed_round)
		peer->probe_is_out = false;
	else if (peer->mode == RAFT_MODE_STREAM && peer->inflight_count > 0 && is_stuck)
		raft_append_begin(raft, peer);
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* The follower's hint is the last of its entries that may fit. Ours of the newest term not above
 * the hint's is the next guess, so that a probe skips a term, not an entry. */
static void step_back(struct raft *raft, struct raft_peer *peer, const struct raft_msg_append_reply *reply)
{
	raft_index guess = MIN(reply->last_index, raft_entries_last(&raft->log));
	raft_index base = raft_entries_first(&raft->log) - 1;

	while (guess > base && raft_entries_term(&raft->log, guess) > reply->last_term)
		guess--;
	if (guess <= base && base > 0 && reply->last_index < base)
		guess = reply->last_index; /* below our log: only a snapshot helps */
	raft_append_begin(raft, peer);
	peer->next = MAX(peer->match, guess) + 1;
}

static void match(struct raft *raft, struct raft_peer *peer, const struct raft_msg_append_reply *reply)
{
	if (reply->last_index > peer->match) {
		peer->match = reply->last_index;
		peer->progress_at = raft->now;
	}
	pop_inflight(peer);
	peer->next = MAX(peer->next, peer->match + 1);
	peer->probe_is_out = false;
	if (peer->mode == RAFT_MODE_PROBE) {
		peer->mode = RAFT_MODE_STREAM;
		forget_inflight(peer);
		peer->next = peer->match + 1;
	} else if (peer->mode == RAFT_MODE_SNAPSHOT && !needs_snapshot(raft, peer)) {
		raft_append_begin(raft, peer); /* it got there by another road */
	}
	if (reply->sent_ms && !reply->disk_stalled)
		raft_beat_sample(&peer->lag, raft->now - reply->sent_ms);
}

void raft_append_answered(struct raft *raft, const struct raft_msg *msg)
{
	const struct raft_msg_append_reply *reply = &msg->append_reply;
	struct raft_peer *peer = raft_peer_find(raft, msg->from);

	if (raft->role != RAFT_LEADER || !peer || !peer->is_member)
		return;
	peer->heard_at = raft->now;
	peer->disk_stalled = reply->disk_stalled;
	if (!reply->matched) {
		/* An answer to what was sent before a newer one fitted says nothing; nor does one
		 * from somebody who is still becoming what a snapshot says. */
		if (peer->mode != RAFT_MODE_SNAPSHOT && reply->last_index >= peer->match &&
		    raft->now >= peer->settles_until)
			step_back(raft, peer, reply);
		return;
	}
	if (reply->last_index > raft_entries_last(&raft->log))
		return; /* nobody has more in our term than we sent */
	match(raft, peer, reply);
	raft_commit_advance(raft);
	raft_change_go_on(raft);
}
