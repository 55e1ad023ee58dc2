#include "raft/raft.h"

#include <stdlib.h>

#include "base/panic.h"
#include "raft/raft_impl.h"

struct raft *raft_new(void)
{
	struct raft *raft = NEW(struct raft);

	raft->role = RAFT_FOLLOWER;
	raft->now = INT64_MIN;
	return raft;
}

void raft_free(struct raft *raft)
{
	if (!raft)
		return;
	raft_entries_fini(&raft->log);
	free(raft);
}

void raft_freep(struct raft **raft)
{
	raft_free(*raft);
	*raft = NULL;
}

static void note_applied(struct raft *raft, raft_index index)
{
	check(index >= raft->applied);
	check(index <= raft->handed_out);
	raft->applied = index;
}

static void cut(struct raft *raft, raft_index index)
{
	check(index <= raft->applied);
	raft_entries_cut(&raft->log, index);
}

/* The one place where a cluster of one says no to what takes two. */
static int refuse(const char *what, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "%s needs more than one manager, and this version of swarmbox runs one",
		       what);
}

static int turn(struct raft *raft, const struct raft_event *event, struct raft_out *out,
		struct err *err)
{
	switch (event->type) {
	case RAFT_EVENT_START:
		check(!raft->is_started);
		return raft_start_from(raft, &event->start, out, err);
	case RAFT_EVENT_TIMER:
		return 0; /* one voter never waits for anybody */
	case RAFT_EVENT_PROPOSE:
		return raft_append_proposals(raft, event->propose.items, event->propose.count, out,
					     err);
	case RAFT_EVENT_PERSISTED:
		raft_persist_done(raft, event->persisted.number);
		raft_vote_count(raft, out);
		raft_commit_advance(raft);
		return 0;
	case RAFT_EVENT_APPLIED:
		note_applied(raft, event->applied.index);
		return 0;
	case RAFT_EVENT_CUT:
		cut(raft, event->cut.index);
		return 0;
	case RAFT_EVENT_READ:
		return raft_read_ask(raft, event->read.token, err);
	case RAFT_EVENT_RECEIVE:
		return refuse("a message of another manager", err);
	case RAFT_EVENT_PEER:
		return refuse("a connection to another manager", err);
	case RAFT_EVENT_DISK:
		return refuse("giving up leadership because of a slow disk", err);
	case RAFT_EVENT_CHANGE_MEMBER:
		return refuse("changing the list of managers", err);
	case RAFT_EVENT_TRANSFER:
		return refuse("handing over leadership", err);
	case RAFT_EVENT_SNAPSHOT_SENT:
	case RAFT_EVENT_SNAPSHOT_INSTALLED:
		return refuse("a snapshot", err);
	}
	panic("raft event %d does not exist", (int)event->type);
}

int raft_step(struct raft *raft, const struct raft_event *event, msec now, struct raft_out *out,
	      struct err *err)
{
	check(now >= raft->now);
	check(raft->is_started || event->type == RAFT_EVENT_START);
	raft->now = now;

	*out = (struct raft_out){ .deadline = RAFT_NEVER };
	if (turn(raft, event, out, err) < 0)
		return -1;
	raft_commit_hand_out(raft, out);
	raft_read_answer(raft, out);
	return 0;
}

struct raft_status raft_status(const struct raft *raft)
{
	return (struct raft_status){
		.role = raft->role,
		.self = raft->self,
		.leader = raft->leader,
		.hard = raft->hard,
		.first = raft_entries_first(&raft->log),
		.last = raft_entries_last(&raft->log),
		.durable = raft->durable,
		.commit = raft->commit,
		.handed_out = raft->handed_out,
		.applied = raft->applied,
		.log_bytes = raft->log.bytes,
		.config_index = raft->config_index,
		.config = &raft->config,
	};
}

msec raft_cluster_ms(const struct raft *raft, msec now)
{
	return raft->cluster_ms + MAX(now - raft->cluster_at, 0);
}
