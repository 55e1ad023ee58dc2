/* replica_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "replica/propose.h"
#include "replica/snapshot.h"

enum {
	REPLICA_LINKS_MAX = 2 * RAFT_MEMBERS_MAX,
	REPLICA_INBOX_MAX = 4096,               /* messages of others that wait for their turn */
	REPLICA_PERSISTS_MAX = RAFT_PERSISTS_MAX,
	REPLICA_OFFERS_MAX = 8,                 /* snapshots that others may come for */
	REPLICA_SUMS_MAX = 64,
};

/* An entry of ours on its way. What became of it is known when one is applied at its index. */
struct flight {
	bool is_up;
	raft_index index;               /* 0: raft has not taken it */
	raft_term term;
};

/* A question that raft answers: `request` is told, its lane and check are not used. */
enum ask_type { ASK_READ, ASK_CHANGE, ASK_TRANSFER };
struct ask {
	struct request request;         /* first: whoever answers frees this */
	enum ask_type type;
	bool is_asked;
	enum raft_member_change change;
	struct raft_member member;      /* TRANSFER: to its id */
	uint64_t token;                 /* READ; 0: not asked yet */
	raft_index index;               /* READ: to be applied; 0: not confirmed yet */
	msec deadline;
};

struct link { raft_id id; enum raft_peer_state state; };

/* What came from outside and waits for the pump: a message, or news of a connection. */
struct incoming {
	struct list link;
	struct arena arena;
	struct link peer;               /* id 0: it is a message */
	struct raft_msg msg;            /* its entries point into the arena */
};

/* A snapshot that somebody may come for. */
struct snapshot_copy { unsigned users; struct raft_base base; struct buf bytes; };
struct offer {
	uint64_t ticket;                /* 0: free */
	raft_id to;
	struct snapshot_copy *copy;
	msec expires_at;                /* RAFT_NEVER: its stream is open */
};

/* One that is being fetched, then written. */
struct install {
	uint64_t ticket;                /* 0: none is being fetched */
	struct raft_base base;          /* as offered */
	raft_id from;
	msec heard_at;                  /* the last piece of it */
	struct buf bytes;
	struct view *view;              /* it is whole, and on its way to the disk */
};

struct replica {
	struct loop *loop;
	struct store *store;
	struct replica_hooks hooks;
	struct replica_transport transport;
	bool is_connected;
	struct view *view;
	const char *tables[KIND_COUNT]; /* of state.db: one per kind, by the kind's number */
	struct raft *raft;              /* NULL while raft.db cannot be written */
	struct store_self me;
	struct raft_membership config;  /* as applied */
	raft_index config_index;
	msec applied_ms;                /* cluster time of the last entry applied */

	struct request_queue queue;
	struct list answers;            /* requests that are done with, and not told yet */
	struct batch batch;             /* the entry of ours that is in flight */
	struct flight flight;
	/* answers that change nothing, until it is confirmed that we led when they were found: else they are
	 * those of a leader that had a successor already (§6.4) */
	struct list held;
	uint64_t confirm_token;         /* 0: none is held */
	struct list asks;               /* waiting for the pump, or for raft */
	size_t ask_count;
	struct ask *change;             /* the change of members that is in flight */
	struct flight change_flight;
	msec unknown_at;                /* leadership was lost with something in flight: its end; 0: no */
	uint64_t last_token;

	struct list inbox;
	size_t inbox_count;
	struct link links[REPLICA_LINKS_MAX];
	size_t link_count;

	/* raft's persists: they come back in order */
	uint64_t persisted, persist_last;
	msec persist_at[REPLICA_PERSISTS_MAX];  /* when each was queued, by number */
	msec persisted_at;                      /* when the last one was done */
	bool is_stalled;

	struct offer offers[REPLICA_OFFERS_MAX];
	uint64_t last_ticket;
	struct install install;
	struct state_sum { raft_index index; uint64_t sum; } sums[REPLICA_SUMS_MAX], leader_sum;
	raft_index owes_sum;            /* raft has asked for it, and it is known; 0: none */

	bool is_open;                   /* before, and after the close, no hook is called */
	bool is_kicked;                 /* compose_first wants to be asked */
	bool leads, told_leads;
	raft_id told_leader;
	bool status_changed;
	bool is_state_full;             /* state.db lags: nothing new until there is room */
	bool is_down;                   /* raft.db fails, and it was said */
	bool has_rotted;                /* in memory; it goes on all the same, and has said so */
	bool keeps_no_log;              /* for tests: whoever is behind needs a snapshot */
	struct err failure;             /* why raft.db cannot be written, while raft is NULL */
	struct err stopped;             /* code 0: it goes on */
	struct timer pump, retry, tick, stall, give_up, expire;
	msec cluster_ms, cluster_at;    /* cluster time when raft was given up */
	/* callbacks of ours on the stack: a close inside one frees at its end */
	unsigned depth;
};

/* replica_io.c: what is asked for, and answers */
void replica_enter(struct replica *r);
void replica_leave(struct replica *r);
void replica_pump(void *replica);                       /* whatever can be done now */
void replica_finish(struct replica *r, struct request *request);
void replica_fail(struct replica *r, struct request *request, const struct err *err);
void replica_tell_answers(struct replica *r);           /* to those that are done with */
void replica_answer_all(struct replica *r, const struct err *err);      /* everything that waits */
void replica_drop_batch(struct replica *r, const struct err *err);
void replica_settle_batch(struct replica *r, const struct raft_entry *entry);   /* it has been applied */
void replica_settle_held(struct replica *r, bool is_confirmed);
void replica_settle_old_flights(struct replica *r, raft_term term);     /* we lead, in that term */
/* What was in flight at or below that index: nobody can say any more. */
void replica_drop_flights(struct replica *r, raft_index upto, const struct err *err);
void replica_give_up_flights(struct replica *r, raft_index upto);       /* because we lead no more */

/* replica_step_io.c: the duties of a step */
void replica_perform(struct replica *r, const struct raft_out *out);
/* What raft says to an event; false: it was refused, and err says why. */
bool replica_feed(struct replica *r, const struct raft_event *event, struct err *err);
bool replica_is_alone(const struct replica *r);         /* nobody else has to agree */
bool replica_can_be_spared(const struct replica *r);    /* the voters it is connected to are a majority without it */
void replica_tick(void *replica);
void replica_stall(void *replica);
extern const struct store_events replica_store_events;

/* replica_log_io.c: the beginning, the end, and the beginning again */
int replica_start_raft(struct replica *r, struct store_log *log, struct err *err);      /* takes log */
void replica_lose_log(struct replica *r, const struct err *err);
void replica_retry(void *replica);
void replica_stop(struct replica *r, const struct err *err);

/* replica_open_io.c */
void replica_destroy(struct replica *r);

int replica_load_row(void *view, unsigned table, const char *id, const void *bytes, size_t size, struct err *err);
void replica_tables(const char *ret[KIND_COUNT]);       /* of state.db: one per kind, by the kind's number */

/* replica_ask_io.c: reads, members, handing over */
void replica_ask_all(struct replica *r);                /* asks raft what waits for it */
void replica_take_reads(struct replica *r, const struct raft_read_result *reads, size_t count);
void replica_settle_asks(struct replica *r);            /* those that are answered by now, and those that waited too long */
void replica_settle_change(struct replica *r, const struct raft_entry *entry); /* it has been applied */
void replica_lose_change(struct replica *r);
void replica_drop_change(struct replica *r, const struct err *err);
void replica_fail_asks(struct replica *r, const struct err *err);
void replica_give_up(void *replica);                    /* the timer: too long is over for somebody */
void replica_arm_give_up(struct replica *r);

/* replica_peer_io.c */
void replica_send(struct replica *r, const struct raft_msg *messages, size_t count);
void replica_take_inbox(struct replica *r);
void replica_tell_links(struct replica *r);             /* to a raft that has just begun */
void replica_drop_inbox(struct replica *r);
void replica_note_sum(struct replica *r);               /* an entry has been applied */
void replica_compare_sum(struct replica *r, raft_index index, uint64_t sum);   /* with the leader's */
void replica_tell_sum(struct replica *r);               /* at the end of a step: what raft has asked for */
/* A majority has another state. */
void replica_differ(struct replica *r, raft_index index);

/* replica_snapshot_io.c */
void replica_offer(struct replica *r, raft_id to);
void replica_expire(void *replica);
void replica_fetch(struct replica *r, const struct raft_base *base, uint64_t ticket);
/* state.db is durable up to there: is the snapshot? */
void replica_note_installed(struct replica *r, raft_index durable);
/* Rows of this entry are in the snapshot that is being written. */
bool replica_is_covered(const struct replica *r, raft_index index);
void replica_snapshots_fini(struct replica *r);
