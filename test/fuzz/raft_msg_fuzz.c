/* raft_msg_fuzz.c - what another manager sends: refused, or a message that encodes to the same bytes and that a member of a cluster takes
 * without breaking down. */
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "raft/raft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A follower of three, whom the sender is a member of. */
static struct raft *member(void)
{
	struct raft *raft = raft_new();
	struct raft_event event = { .type = RAFT_EVENT_START };
	struct raft_out out;
	struct err err;

	event.start.self = 2;
	event.start.hard = (struct raft_hard){ .term = 3 };
	event.start.base.config.count = 3;
	for (raft_id id = 1; id <= 3; id++)
		event.start.base.config.members[id - 1] = (struct raft_member){ id, RAFT_VOTER, "node" };
	check(raft_step(raft, &event, 1000, &out, &err) == 0);
	event = (struct raft_event){ .type = RAFT_EVENT_PEER, .peer = { 1, RAFT_PEER_UP } };
	check(raft_step(raft, &event, 1000, &out, &err) == 0);
	return raft;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf again = BUF_INIT;
	CLEANUP(raft_freep) struct raft *raft = NULL;
	struct arena arena;
	struct raft_msg msg;
	struct raft_out out;
	struct err err;

	arena_init(&arena, "fuzz", 64 << 20);
	if (raft_msg_decode(bytes, size, &arena, &msg, &err) == 0) {
		struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { &msg } };

		raft_msg_encode(&msg, &again);
		check(again.len <= size); /* a number may come longer than it must be */
		raft = member();
		for (int i = 0; i < 2; i++)
			(void)raft_step(raft, &event, 1001, &out, &err);
	}
	arena_fini(&arena);
	return 0;
}
