/* replica_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "raft/raft.h"
#include "replica/propose.h"

struct replica {
	struct loop *loop;
	struct store *store;
	struct replica_hooks hooks;
	struct view *view;
	const char *tables[KIND_COUNT]; /* of state.db: one per kind, by the kind's number */
	struct raft *raft;              /* NULL while raft.db cannot be written */
	raft_id self;
	struct raft_membership config;      /* as applied */
	raft_index config_index;

	struct request_queue queue;
	struct list answers;            /* requests that are done with, and not told yet */
	struct batch batch;             /* the entry of ours that is in flight */
	bool in_flight;
	raft_index batch_index;
	raft_term batch_term;
	/* raft's persists that are on the disk; they come in order */
	uint64_t persisted;

	bool is_open;                   /* before, and after the close, no hook is called */
	bool is_kicked;                 /* compose_first wants to be asked */
	bool leads, told_leads;
	bool is_state_full;             /* state.db lags: nothing new until there is room */
	bool is_down;                   /* raft.db fails, and it was said */
	struct err failure;             /* why raft.db cannot be written, while raft is NULL */
	struct err stopped;             /* code 0: it goes on */
	struct timer pump, retry;
	msec cluster_ms, cluster_at;    /* cluster time when raft was given up */
	/* callbacks of ours on the stack: a close inside one frees at its end */
	unsigned depth;
};

/* replica_io.c */
/* takes log */
int replica_start_raft(struct replica *r, struct store_log *log, struct err *err);
void replica_pump(void *replica);
void replica_retry(void *replica);
void replica_answer_all(struct replica *r, const struct err *err);      /* everything that waits */
void replica_destroy(struct replica *r);
extern const struct store_events replica_store_events;
