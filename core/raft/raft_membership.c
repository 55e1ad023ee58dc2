/* raft_membership.c - the members as bytes: cluster, count, (id, suffrage, node id) each. First byte: the
 * format, so that it can change once. */
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "raft/raft.h"

enum { FORMAT = 1 };

void raft_membership_encode(const struct raft_membership *config, struct buf *out)
{
	put_u8(out, FORMAT);
	put_str(out, config->cluster_id);
	put_varint(out, config->count);
	for (size_t i = 0; i < config->count; i++) {
		const struct raft_member *member = &config->members[i];
		put_u64(out, member->id);
		put_u8(out, (uint8_t)member->suffrage);
		put_str(out, member->node_id);
	}
}

const struct raft_member *raft_membership_find(const struct raft_membership *config, raft_id id)
{
	for (size_t i = 0; i < config->count; i++)
		if (config->members[i].id == id)
			return &config->members[i];
	return NULL;
}

/* A text with its NUL into a field of ID_SIZE. */
static bool decode_id(struct reader *in, char ret_id[ID_SIZE])
{
	size_t length;
	const uint8_t *text = get_bytes(in, &length);

	if (in->failed || length >= ID_SIZE || (length > 0 && memchr(text, 0, length)))
		return false;
	memset(ret_id, 0, ID_SIZE);
	if (length > 0)
		memcpy(ret_id, text, length);
	return true;
}

static bool decode_member(struct reader *in, struct raft_member *member)
{
	member->id = get_u64(in);
	uint8_t suffrage = get_u8(in);
	if (!decode_id(in, member->node_id) || member->id == 0)
		return false;
	if (suffrage != RAFT_VOTER && suffrage != RAFT_LEARNER)
		return false;
	member->suffrage = (enum raft_suffrage)suffrage;
	return true;
}

static bool decode(struct reader *in, struct raft_membership *config)
{
	size_t voters = 0;

	if (get_u8(in) != FORMAT || !decode_id(in, config->cluster_id))
		return false;
	uint64_t count = get_varint(in);
	if (in->failed || count > RAFT_MEMBERS_MAX)
		return false;
	while (config->count < count) {
		struct raft_member member = { 0 };
		if (!decode_member(in, &member) || raft_membership_find(config, member.id))
			return false;
		voters += member.suffrage == RAFT_VOTER;
		config->members[config->count++] = member;
	}
	return in->at == in->end && voters > 0;
}

int raft_membership_decode(const void *bytes, size_t size, struct raft_membership *ret,
			   struct err *err)
{
	struct reader in = reader_of(bytes, size);
	struct raft_membership config = { 0 };

	if (!decode(&in, &config))
		return err_set(err, ERR_INVALID,
			       "list of managers: not a valid encoding (%zu bytes)", size);
	*ret = config;
	return 0;
}

void raft_first(const struct raft_membership *config, struct raft_hard *ret_hard,
		struct raft_entry *ret_entry, struct buf *bytes)
{
	check(config->count == 1 && config->members[0].suffrage == RAFT_VOTER);
	raft_membership_encode(config, bytes);
	*ret_hard = (struct raft_hard){ .term = 1, .election_ms = RAFT_ELECTION_MIN_MS };
	*ret_entry = (struct raft_entry){ .index = 1,
					  .term = 1,
					  .type = RAFT_ENTRY_CONFIG,
					  .bytes = bytes->data,
					  .size = bytes->len };
}
