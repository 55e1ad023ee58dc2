/* raft_beat.c - heartbeats, check-quorum (§6.2), and the measuring of E.
 *
 * E is the cluster's one election timeout. The leader makes it of what it sees: ten times the append-to-
 * acknowledgement, fsync included, of the slowest member of the fastest majority. So a cluster on good
 * disks fails over in half a second, and one on slow ones does not fall over itself. Of sixteen in a row the
 * longest does not count: on a wire that flaps now and then TCP brings one of many late, by the time
 * that it was off, and ten times that would be E just where it must be short.
 */
#include "base/panic.h"
#include "raft/raft_impl.h"

enum { BEATS_PER_TIMEOUT = 8, LAGS_PER_TIMEOUT = 10, MEASURE_MS = 1000 };

static bool has_followers(const struct raft *raft)
{
	return raft->config.count > 1;
}

void raft_beat_begin(struct raft *raft)
{
	raft->heartbeat_at = has_followers(raft) ? raft->now : RAFT_NEVER;
	raft->quorum_floor = raft->measured_at = raft->now;
	raft->own_lag = (struct raft_samples){ .count = 0 };
}

static void beat(struct raft *raft, const struct raft_peer *peer, bool has_sum)
{
	struct raft_msg *msg = raft_send(raft, peer->id, RAFT_MSG_HEARTBEAT);

	/* not more than it is known to hold: what lies behind may not be ours */
	msg->heartbeat = (struct raft_msg_heartbeat){
		.commit = MIN(raft->commit, peer->match),
		.now_ms = raft_cluster_ms(raft, raft->now),
		.election_ms = raft->hard.election_ms,
		.round = raft->round,
		.has_sum = has_sum,
		.sum_index = has_sum ? raft->sum_index : 0,
		.sum = has_sum ? raft->sum : 0,
	};
}

void raft_beat_round(struct raft *raft)
{
	bool has_sum = raft->has_sum && ++raft->heartbeats % RAFT_SUM_EVERY == 0;
	struct raft_peer *peer;

	if (has_sum)
		raft_sum_ask(raft);
	raft->round++;
	raft->wants_round = false;
	raft->heartbeat_at = has_followers(raft) ?
				     raft->now + raft->hard.election_ms / BEATS_PER_TIMEOUT :
				     RAFT_NEVER;
	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		if (peer->link == RAFT_PEER_UP)
			beat(raft, peer, has_sum);
}

/* ---- E --------------------------------------------------------------------------------------------- */

void raft_beat_sample(struct raft_samples *samples, msec took)
{
	samples->items[samples->at] = MAX(took, 0);
	samples->at = (samples->at + 1) % RAFT_SAMPLES;
	samples->count = MIN(samples->count + 1, (size_t)RAFT_SAMPLES);
}

/* Quicker is more, so that a majority's best is found as elsewhere; 0: nothing is known. */
static uint64_t speed(const struct raft_samples *samples)
{
	msec longest[RAFT_SAMPLES / RAFT_SAMPLES_BESIDE + 1] = { 0 };   /* falling */
	size_t beside = samples->count / RAFT_SAMPLES_BESIDE;

	for (size_t i = 0; i < samples->count; i++) {
		size_t place = beside + 1;

		for (; place > 0 && longest[place - 1] < samples->items[i]; place--)
			if (place <= beside)
				longest[place] = longest[place - 1];
		if (place <= beside)
			longest[place] = samples->items[i];
	}
	return samples->count ? UINT64_MAX - (uint64_t)longest[beside] : 0;
}

static uint64_t speed_of(const struct raft_peer *peer)
{
	return peer->disk_stalled ? 0 : speed(&peer->lag);
}

static msec clamp(msec e)
{
	return MIN(MAX(e, RAFT_ELECTION_MIN_MS), RAFT_ELECTION_MAX_MS);
}

/* Up at once, for waiting would cost the leadership; down by one step a second. */
static msec step_towards(msec e, msec wanted)
{
	while (e < wanted && e < RAFT_ELECTION_MAX_MS)
		e = clamp(e * 3 / 2);
	if (wanted <= clamp(e * 2 / 3))
		e = clamp(e * 2 / 3);
	return e;
}

static void measure(struct raft *raft)
{
	if (raft->voter_count < 2 || raft->now - raft->measured_at < MEASURE_MS)
		return;
	raft->measured_at = raft->now;
	uint64_t best = raft_majority(raft, speed(&raft->own_lag), speed_of);
	if (!best)
		return;
	uint64_t lag = UINT64_MAX - best;
	msec wanted = clamp((msec)MIN(lag, (uint64_t)RAFT_ELECTION_MAX_MS) * LAGS_PER_TIMEOUT);
	msec e = step_towards(raft->hard.election_ms, wanted);
	if (e == raft->hard.election_ms)
		return;
	raft->hard.election_ms = e;
	raft_persist_hard(raft);
}

/* ---- the leader's clock ------------------------------------------------------------------------------ */

static uint64_t heard_at(const struct raft_peer *peer)
{
	return (uint64_t)peer->heard_at;
}

/* A leader that a majority has not answered for E may have a successor: it leads no more (§6.2). If it is only deaf, the others hear it
 * still, and would wait for one E more: it says goodbye. */
static void check_quorum(struct raft *raft)
{
	msec heard = (msec)raft_majority(raft, (uint64_t)raft->now, heard_at);
	struct raft_msg goodbye;

	if (raft->now - MAX(heard, raft->quorum_floor) < raft->hard.election_ms)
		return;
	if (raft_farewell(raft, &goodbye))
		raft_send(raft, goodbye.to, goodbye.type);
	raft_vote_follow(raft, raft->hard.term, 0);
}

void raft_beat_time(struct raft *raft)
{
	if (raft->role != RAFT_LEADER)
		return;
	check_quorum(raft);
	if (raft->role != RAFT_LEADER)
		return;
	measure(raft);
	raft_change_go_on(raft);
	if (raft->role == RAFT_LEADER && raft->now >= raft->heartbeat_at)
		raft_beat_round(raft);
}

void raft_beat_answered(struct raft *raft, const struct raft_msg *msg)
{
	const struct raft_msg_heartbeat_reply *reply = &msg->heartbeat_reply;
	struct raft_peer *peer = raft_peer_find(raft, msg->from);

	if (raft->role != RAFT_LEADER || !peer || reply->round > raft->round)
		return;
	peer->heard_at = raft->now;
	peer->acked_round = MAX(peer->acked_round, reply->round);
	peer->disk_stalled = reply->disk_stalled;
	raft_append_nudge(raft, peer);
}

/* ---- a follower hears it -------------------------------------------------------------------------------- */

static void take_timeout(struct raft *raft, msec e)
{
	if (e == raft->hard.election_ms || e != clamp(e))
		return;
	raft->hard.election_ms = e;
	raft_persist_hard(raft);
	raft_vote_arm(raft);
}

void raft_beat_heard(struct raft *raft, const struct raft_msg *msg, struct raft_out *out)
{
	const struct raft_msg_heartbeat *beat = &msg->heartbeat;

	take_timeout(raft, beat->election_ms);
	raft_commit_learn(raft, beat->commit);
	raft->cluster_ms = MAX(raft->cluster_ms, beat->now_ms);
	raft->cluster_at = raft->now;
	if (beat->has_sum) {
		out->check_sum = true;
		out->sum_index = beat->sum_index;
		out->sum = beat->sum;
	}
	raft_send(raft, msg->from, RAFT_MSG_HEARTBEAT_REPLY)->heartbeat_reply =
		(struct raft_msg_heartbeat_reply){ beat->round, raft->disk_is_stalled };
}
