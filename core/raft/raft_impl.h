/* raft_impl.h - what the files of this room share. Not for others. */
#pragma once
#include "raft/raft.h"
#include "raft/raft_entries.h"

/* A persist that is under way: what will be durable when it completes. */
struct raft_pending { uint64_t number; raft_index last; struct raft_hard hard; };

struct raft {
	bool is_started;
	enum raft_role role;
	raft_id self, leader;
	/* as of now; hard_durable is what the disk is known to hold */
	struct raft_hard hard;
	struct raft_hard hard_durable;
	struct raft_entries log;
	raft_index durable, commit, handed_out, applied;

	raft_index config_index;
	struct raft_membership config;

	struct raft_pending pending[RAFT_PERSISTS_MAX];         /* a ring in order of number */
	size_t pending_first, pending_count;
	uint64_t last_number;

	/* waiting; handed out from ready_reads */
	struct raft_read_result reads[RAFT_READS_MAX];
	size_t read_count;
	struct raft_read_result ready_reads[RAFT_READS_MAX];

	msec now;                       /* of the latest step */
	/* cluster time at the moment cluster_at of the caller's clock */
	msec cluster_ms, cluster_at;
};

/* raft_start.c */
int raft_start_from(struct raft *raft, const struct raft_start *start, struct raft_out *out,
		    struct err *err);

/* raft_vote.c */
void raft_vote_stand(struct raft *raft, struct raft_out *out);
/* after a persist: our own vote may have become durable */
void raft_vote_count(struct raft *raft, struct raft_out *out);

/* raft_append.c */
int raft_append_proposals(struct raft *raft, const struct raft_proposal *items, size_t count,
			  struct raft_out *out, struct err *err);
void raft_append_noop(struct raft *raft, struct raft_out *out);

/* raft_persist.c */
bool raft_persist_is_full(const struct raft *raft);
/* Fills out->persist with the hard state and the log from first on (0: no entries). At most once a
 * step. */
void raft_persist_queue(struct raft *raft, raft_index first, struct raft_out *out);
void raft_persist_done(struct raft *raft, uint64_t number);

/* raft_commit.c */
/* leader: to what a majority holds durably */
void raft_commit_advance(struct raft *raft);
void raft_commit_hand_out(struct raft *raft, struct raft_out *out);

/* raft_read.c */
int raft_read_ask(struct raft *raft, uint64_t token, struct err *err);
void raft_read_answer(struct raft *raft, struct raft_out *out);
