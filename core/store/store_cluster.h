/* store_cluster.h - the cluster's two files, on managers only.
 *
 *   raft.db    log, term, vote. WAL, synchronous=FULL: a done callback without an error means that
 *              the disk has it. Appends that wait together become one transaction and one fsync.
 *   state.db   the cluster's objects, written behind: many entries in one transaction, with the
 *              mark that says how far they go. synchronous=NORMAL: after a power loss consistent,
 *              perhaps older; the log from there on makes up for it (see on_durable).
 *
 * An append that fails leaves the log closed: nothing is known of the disk then, so every further
 * append fails too, until store_log_reopen has read what it really holds. Writes to state.db are kept
 * and tried again each second, on_trouble tells; nothing is lost meanwhile, the log has it.
 */
#pragma once
#include "base/id.h"
#include "store/store.h"

enum {
	STORE_LOG_QUEUE_BYTES = 64 << 20,       /* appends that wait */
	STORE_STATE_QUEUE_BYTES = 64 << 20,     /* rows that wait for state.db */
};

struct store_hard {
	uint64_t term, vote;
	msec election_ms;
};
struct store_entry {
	uint64_t index, term;
	unsigned type;
	msec now_ms;
	const void *bytes;
	size_t size;
};
/* Whose log it is; written once, when the cluster's files are made. */
struct store_self {
	uint64_t raft_id;
	char cluster_id[ID_SIZE], node_id[ID_SIZE];
};
/* What becomes durable together. Entries replace whatever the log holds from the first one's index on. */
struct store_append {
	struct store_hard hard;
	bool forgets_log;               /* every entry goes first: a snapshot has taken their place */
	const struct store_entry *entries;
	size_t entry_count;
};
/* What raft.db holds. Entries without a gap, in order. */
struct store_log {
	struct store_self self;         /* raft_id 0: made by a version that did not write it down */
	struct store_hard hard;         /* term 0: nothing was ever written */
	struct store_entry *entries;    /* owned, with their bytes */
	size_t entry_count;
};
/* How far state.db goes; written with the rows that took it there. */
struct store_mark {
	uint64_t index, term;   /* last entry applied; 0: none */
	msec now_ms;            /* its cluster time */
	uint64_t sum;           /* state sum after it */
	uint64_t format_level;
	uint64_t members_index; /* entry that named the members */
	const void *members;    /* opaque */
	size_t members_size;
};

struct store_events {
	/* state.db is checkpointed and fsynced up to this entry: the log may be cut at or below. */
	void (*on_durable)(void *arg, uint64_t index);
	/* state.db cannot be written, and why; NULL: it can again. */
	void (*on_trouble)(void *arg, const struct err *err);
	/* store_state_write had said false; there is room again. */
	void (*on_state_room)(void *arg);
};

struct store_cluster_options {
	/* of state.db: one per kind, in the order of the kinds' numbers */
	const char *const *tables;
	size_t table_count;             /* a NULL in the list is a number without a table */
	const struct store_events *events;
	void *events_arg;
	/* gets every row of state.db, on the store thread; ret->mark of store_cluster_open is known by then */
	store_row_fn *row_fn;
	void *row_arg;
};
struct store_loaded {
	struct store_log log;
	struct store_mark mark;         /* members owned */
};
bool store_cluster_exists(const struct store *store);
/* Blocks: makes the files, with this in the log and no state; whole or not at all, whenever the power
 * goes. ERR_CONFLICT when there is a cluster, ERR_IO when a state.db without its log is in the way. */
int store_cluster_make(struct store *store, const struct store_self *self,
		       const struct store_append *first, struct err *err);
/* The same with a state behind whose mark the log begins. */
struct store_state {
	const char *const *tables;      /* as in store_cluster_options */
	size_t table_count;
	const struct store_row *rows;
	size_t row_count;
	const struct store_mark *mark;
};
int store_cluster_make_of(struct store *store, const struct store_state *state, const struct store_self *self,
			  const struct store_append *first, struct err *err);
/* Blocks, while the cluster is closed: its log gets another owner and these entries, in one transaction. */
int store_cluster_hand_over(struct store *store, const struct store_self *self, const struct store_append *append,
			    struct err *err);
/* Blocks: opens both files (state.db is made if missing), checks them, loads everything. ERR_DAMAGED: what
 * is there is not what was written; ERR_IO names the file and what is wrong with it. */
int store_cluster_open(struct store *store, const struct store_cluster_options *options,
		       struct store_loaded *ret, struct err *err);
void store_loaded_fini(struct store_loaded *loaded);
void store_log_fini(struct store_log *log);
/* Blocks: writes what is queued and closes both files. */
void store_cluster_close(struct store *store);
/* Blocks: closes and removes both files, whole even if killed half-way: the next store_open ends it. */
int store_cluster_wipe(struct store *store, struct err *err);
/* Blocks: the same, but what was there is kept as raft.db.damaged and state.db.damaged, in the place of any before, for whoever wants to look at
 * it. The files are closed. */
int store_cluster_set_aside(struct store *store, struct err *err);

/* ERR_EXHAUSTED when too much is queued. */
int store_log_append(struct store *store, const struct store_append *append, store_done_fn *done,
		     void *arg, struct err *err);
/* Entries at or below index go, when there is time. Needs no answer: if it is lost they go later. */
void store_log_cut(struct store *store, uint64_t index);
/* After a failed append: closes raft.db, opens it again, makes sure that what it shows is on the
 * disk, and gives that; the callee takes what log points to (store_log_fini). Appends queued
 * until then fail, and are told before. err set: log is NULL, try again later. */
typedef void store_reopened_fn(void *arg, struct store_log *log, const struct err *err);
void store_log_reopen(struct store *store, store_reopened_fn *done, void *arg);

/* The rows one entry changed, and the mark after it. False: more than STORE_STATE_QUEUE_BYTES wait
 * now (this is queued all the same): apply no more until on_state_room. */
bool store_state_write(struct store *store, const struct store_row *rows, size_t count,
		       const struct store_mark *mark);
/* The same with a snapshot: these rows take the place of all there were. Checkpointed at once, so that
 * on_durable tells when it is on the disk. */
bool store_state_replace(struct store *store, const struct store_row *rows, size_t count,
			 const struct store_mark *mark);
/* As soon as the thread has time: writes what is queued and checkpoints, so that on_durable comes. */
void store_state_checkpoint(struct store *store);
