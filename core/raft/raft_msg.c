/* raft_msg.c - messages as bytes: format, type, from, to, term, then the type's own fields in the order of raft.h. */
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "raft/raft.h"

enum { FORMAT = 1, ENTRIES_MAX = 65536 };

static void put_flag(struct buf *out, bool flag)
{
	put_u8(out, flag);
}

/* Strict, so that equal messages are equal bytes. */
static bool get_flag(struct reader *in)
{
	uint8_t flag = get_u8(in);

	in->failed |= flag > 1;
	return flag == 1;
}

/* Times are not negative on either side. */
static void put_ms(struct buf *out, msec ms)
{
	put_varint(out, (uint64_t)ms);
}

static msec get_ms(struct reader *in)
{
	uint64_t ms = get_varint(in);

	in->failed |= ms > INT64_MAX;
	return in->failed ? 0 : (msec)ms;
}

/* ---- entries ----------------------------------------------------------------------------------------- */

static void put_entry(struct buf *out, const struct raft_entry *entry)
{
	put_varint(out, entry->index);
	put_varint(out, entry->term);
	put_u8(out, (uint8_t)entry->type);
	put_ms(out, entry->now_ms);
	put_bytes(out, entry->bytes, entry->size);
}

static void get_entry(struct reader *in, struct raft_entry *entry)
{
	entry->index = get_varint(in);
	entry->term = get_varint(in);
	uint8_t type = get_u8(in);
	in->failed |= type < RAFT_ENTRY_NORMAL || type > RAFT_ENTRY_NOOP;
	entry->type = (enum raft_entry_type)type;
	entry->now_ms = get_ms(in);
	entry->bytes = get_bytes(in, &entry->size);
	in->failed |= entry->size > RAFT_ENTRY_BYTES_MAX;
}

/* An entry has five bytes at the least, so a count cannot promise more than there is. */
static void get_entries(struct reader *in, struct arena *arena, struct raft_msg_append *ret)
{
	uint64_t count = get_varint(in);

	if (in->failed || count > ENTRIES_MAX || count * 5 > (size_t)(in->end - in->at)) {
		in->failed = true;
		return;
	}
	struct raft_entry *entries = ARENA_ARRAY(arena, struct raft_entry, (size_t)count + 1);
	for (size_t i = 0; i < count && !in->failed; i++)
		get_entry(in, &entries[i]);
	ret->entries = count ? entries : NULL;
	ret->entry_count = (size_t)count;
}

/* ---- the types ----------------------------------------------------------------------------------------- */

static void put_base(struct buf *out, const struct raft_base *base)
{
	put_varint(out, base->index);
	put_varint(out, base->term);
	put_ms(out, base->now_ms);
	put_varint(out, base->config_index);
	size_t begin = put_bytes_begin(out);
	raft_membership_encode(&base->config, out);
	put_bytes_end(out, begin);
}

static void get_base(struct reader *in, struct raft_base *base)
{
	size_t size;
	struct err ignored;

	base->index = get_varint(in);
	base->term = get_varint(in);
	base->now_ms = get_ms(in);
	base->config_index = get_varint(in);
	const uint8_t *config = get_bytes(in, &size);
	if (!in->failed && raft_membership_decode(config, size, &base->config, &ignored) < 0)
		in->failed = true;
}

static void put_heartbeat(struct buf *out, const struct raft_msg_heartbeat *beat)
{
	put_varint(out, beat->commit);
	put_ms(out, beat->now_ms);
	put_ms(out, beat->election_ms);
	put_varint(out, beat->round);
	put_flag(out, beat->has_sum);
	put_varint(out, beat->sum_index);
	put_u64(out, beat->sum);
}

static void get_heartbeat(struct reader *in, struct raft_msg_heartbeat *beat)
{
	beat->commit = get_varint(in);
	beat->now_ms = get_ms(in);
	beat->election_ms = get_ms(in);
	beat->round = get_varint(in);
	beat->has_sum = get_flag(in);
	beat->sum_index = get_varint(in);
	beat->sum = get_u64(in);
}

bool raft_msg_is_question(const struct raft_msg *msg)
{
	return msg->type == RAFT_MSG_HEARTBEAT || msg->type == RAFT_MSG_PRE_VOTE;
}

void raft_msg_encode(const struct raft_msg *msg, struct buf *out)
{
	put_u8(out, FORMAT);
	put_u8(out, (uint8_t)msg->type);
	put_u64(out, msg->from);
	put_u64(out, msg->to);
	put_varint(out, msg->term);
	switch (msg->type) {
	case RAFT_MSG_PRE_VOTE:
	case RAFT_MSG_VOTE:
		put_varint(out, msg->vote.last_index);
		put_varint(out, msg->vote.last_term);
		put_flag(out, msg->vote.lost_leader);
		put_flag(out, msg->vote.is_transfer);
		return;
	case RAFT_MSG_PRE_VOTE_REPLY:
	case RAFT_MSG_VOTE_REPLY:
		put_flag(out, msg->vote_reply.granted);
		return;
	case RAFT_MSG_APPEND:
		put_varint(out, msg->append.prev_index);
		put_varint(out, msg->append.prev_term);
		put_varint(out, msg->append.commit);
		put_ms(out, msg->append.sent_ms);
		put_varint(out, msg->append.entry_count);
		for (size_t i = 0; i < msg->append.entry_count; i++)
			put_entry(out, &msg->append.entries[i]);
		return;
	case RAFT_MSG_APPEND_REPLY:
		put_flag(out, msg->append_reply.matched);
		put_varint(out, msg->append_reply.last_index);
		put_varint(out, msg->append_reply.last_term);
		put_ms(out, msg->append_reply.sent_ms);
		put_flag(out, msg->append_reply.disk_stalled);
		return;
	case RAFT_MSG_HEARTBEAT:
		put_heartbeat(out, &msg->heartbeat);
		return;
	case RAFT_MSG_HEARTBEAT_REPLY:
		put_varint(out, msg->heartbeat_reply.round);
		put_flag(out, msg->heartbeat_reply.disk_stalled);
		return;
	case RAFT_MSG_SNAPSHOT:
		put_base(out, &msg->snapshot.base);
		put_u64(out, msg->snapshot.ticket);
		return;
	case RAFT_MSG_SNAPSHOT_REPLY:
		put_varint(out, msg->snapshot_reply.index);
		put_flag(out, msg->snapshot_reply.installed);
		return;
	case RAFT_MSG_TIMEOUT_NOW:
		return;
	case RAFT_MSG_READ:
		put_u64(out, msg->read.token);
		return;
	case RAFT_MSG_READ_REPLY:
		put_u64(out, msg->read_reply.token);
		put_flag(out, msg->read_reply.is_confirmed);
		put_varint(out, msg->read_reply.index);
		return;
	case RAFT_MSG_SUM:
	case RAFT_MSG_DIFFERS:
		put_varint(out, msg->sum.index);
		put_u64(out, msg->sum.sum);
		return;
	}
}

static void get_body(struct reader *in, struct arena *arena, struct raft_msg *msg)
{
	switch (msg->type) {
	case RAFT_MSG_PRE_VOTE:
	case RAFT_MSG_VOTE:
		msg->vote.last_index = get_varint(in);
		msg->vote.last_term = get_varint(in);
		msg->vote.lost_leader = get_flag(in);
		msg->vote.is_transfer = get_flag(in);
		return;
	case RAFT_MSG_PRE_VOTE_REPLY:
	case RAFT_MSG_VOTE_REPLY:
		msg->vote_reply.granted = get_flag(in);
		return;
	case RAFT_MSG_APPEND:
		msg->append.prev_index = get_varint(in);
		msg->append.prev_term = get_varint(in);
		msg->append.commit = get_varint(in);
		msg->append.sent_ms = get_ms(in);
		get_entries(in, arena, &msg->append);
		return;
	case RAFT_MSG_APPEND_REPLY:
		msg->append_reply.matched = get_flag(in);
		msg->append_reply.last_index = get_varint(in);
		msg->append_reply.last_term = get_varint(in);
		msg->append_reply.sent_ms = get_ms(in);
		msg->append_reply.disk_stalled = get_flag(in);
		return;
	case RAFT_MSG_HEARTBEAT:
		get_heartbeat(in, &msg->heartbeat);
		return;
	case RAFT_MSG_HEARTBEAT_REPLY:
		msg->heartbeat_reply.round = get_varint(in);
		msg->heartbeat_reply.disk_stalled = get_flag(in);
		return;
	case RAFT_MSG_SNAPSHOT:
		get_base(in, &msg->snapshot.base);
		msg->snapshot.ticket = get_u64(in);
		return;
	case RAFT_MSG_SNAPSHOT_REPLY:
		msg->snapshot_reply.index = get_varint(in);
		msg->snapshot_reply.installed = get_flag(in);
		return;
	case RAFT_MSG_TIMEOUT_NOW:
		return;
	case RAFT_MSG_READ:
		msg->read.token = get_u64(in);
		return;
	case RAFT_MSG_READ_REPLY:
		msg->read_reply.token = get_u64(in);
		msg->read_reply.is_confirmed = get_flag(in);
		msg->read_reply.index = get_varint(in);
		return;
	case RAFT_MSG_SUM:
	case RAFT_MSG_DIFFERS:
		msg->sum.index = get_varint(in);
		msg->sum.sum = get_u64(in);
		return;
	}
	in->failed = true;
}

int raft_msg_decode(const void *bytes, size_t size, struct arena *arena, struct raft_msg *ret, struct err *err)
{
	struct reader in = reader_of(bytes, size);

	memset(ret, 0, sizeof(*ret));
	in.failed |= get_u8(&in) != FORMAT;
	ret->type = (enum raft_msg_type)get_u8(&in);
	ret->from = get_u64(&in);
	ret->to = get_u64(&in);
	ret->term = get_varint(&in);
	if (!in.failed)
		get_body(&in, arena, ret);
	if (in.failed || in.at != in.end)
		return err_set(err, ERR_INVALID, "a raft message of %zu bytes that is none", size);
	return 0;
}
