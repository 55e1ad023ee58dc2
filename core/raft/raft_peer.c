/* raft_peer.c - the table of the others: members, and connections of those who are none yet. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "raft/raft_impl.h"

struct raft_peer *raft_peer_find(struct raft *raft, raft_id id)
{
	for (size_t i = 0; i < raft->peer_count; i++)
		if (raft->peers[i].id == id)
			return &raft->peers[i];
	return NULL;
}

static bool is_needed(const struct raft_peer *peer)
{
	return peer->is_member || peer->link == RAFT_PEER_UP;
}

static void drop_unneeded(struct raft *raft)
{
	size_t kept = 0;

	for (size_t i = 0; i < raft->peer_count; i++)
		if (is_needed(&raft->peers[i]))
			raft->peers[kept++] = raft->peers[i];
	raft->peer_count = kept;
}

struct raft_peer *raft_peer_take(struct raft *raft, raft_id id)
{
	struct raft_peer *peer = raft_peer_find(raft, id);

	if (peer)
		return peer;
	if (raft->peer_count == RAFT_PEERS_MAX)
		drop_unneeded(raft);
	if (raft->peer_count == RAFT_PEERS_MAX)
		return NULL;
	peer = &raft->peers[raft->peer_count++];
	*peer = (struct raft_peer){ .id = id };
	raft_append_begin(raft, peer);
	return peer;
}

/* Members first find a place: there are twice as many as members, and whoever is none and not
 * connected makes room. Connections of strangers may be forgotten; they are told again. */
static void enlist(struct raft *raft, const struct raft_member *member)
{
	struct raft_peer *peer = raft_peer_take(raft, member->id);

	for (size_t i = 0; !peer && i < raft->peer_count; i++)
		if (!raft_membership_find(&raft->config, raft->peers[i].id)) {
			raft->peers[i] = (struct raft_peer){ .id = member->id };
			peer = &raft->peers[i];
			raft_append_begin(raft, peer);
		}
	check(peer);
	if (!peer->is_member) {
		peer->match = peer->told_commit = 0;
		peer->heard_at = raft->now;
		raft_append_begin(raft, peer);
	}
	peer->is_member = true;
	peer->is_voter = member->suffrage == RAFT_VOTER;
}

void raft_peers_settle(struct raft *raft)
{
	const struct raft_member *own = raft_membership_find(&raft->config, raft->self);

	raft->is_voter = own && own->suffrage == RAFT_VOTER;
	raft->voter_count = 0;
	for (size_t i = 0; i < raft->peer_count; i++)
		if (!raft_membership_find(&raft->config, raft->peers[i].id))
			raft->peers[i].is_member = raft->peers[i].is_voter = false;
	for (size_t i = 0; i < raft->config.count; i++) {
		const struct raft_member *member = &raft->config.members[i];
		raft->voter_count += member->suffrage == RAFT_VOTER;
		if (member->id != raft->self)
			enlist(raft, member);
	}
}

struct raft_peer *raft_peers_next(struct raft *raft, size_t *at)
{
	while (*at < raft->peer_count) {
		struct raft_peer *peer = &raft->peers[(*at)++];
		if (peer->is_member)
			return peer;
	}
	return NULL;
}

struct raft_msg *raft_send(struct raft *raft, raft_id to, enum raft_msg_type type)
{
	if (raft->message_count == raft->message_size) {
		raft->message_size = raft->message_size ? raft->message_size * 2 : 32;
		raft->messages =
			mem_resize(raft->messages, raft->message_size, sizeof(*raft->messages));
	}
	struct raft_msg *msg = &raft->messages[raft->message_count++];
	*msg = (struct raft_msg){
		.type = type, .from = raft->self, .to = to, .term = raft->hard.term
	};
	return msg;
}

static int compare_down(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

uint64_t raft_majority(struct raft *raft, uint64_t ours,
		       uint64_t (*of)(const struct raft_peer *peer))
{
	uint64_t values[RAFT_MEMBERS_MAX];
	size_t count = 0;
	struct raft_peer *peer;

	if (raft->is_voter)
		values[count++] = ours;
	for (size_t at = 0; (peer = raft_peers_next(raft, &at));)
		if (peer->is_voter)
			values[count++] = of(peer);
	check(count == raft->voter_count && count > 0);
	qsort(values, count, sizeof(values[0]), compare_down);
	return values[count / 2];
}

void raft_peer_note(struct raft *raft, raft_id id, enum raft_peer_state state)
{
	struct raft_peer *peer = raft_peer_take(raft, id);

	if (!peer || id == raft->self)
		return;
	peer->link = state;
	if (raft->role == RAFT_LEADER) {
		/* what was on its way may be lost, whether it broke or is new */
		raft_append_begin(raft, peer);
		if (state == RAFT_PEER_UP)
			raft->wants_round = true;
	} else if (state == RAFT_PEER_UP) {
		if (id == raft->leader)
			raft_read_drop(raft); /* what it was asked over another connection may never have come */
		raft_vote_ask_again(raft, peer);
	} else if (state == RAFT_PEER_LOST && id == raft->leader) {
		raft_vote_leader_died(raft);
	}
}
