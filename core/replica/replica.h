/* replica.h - a replicated view: the marriage of raft, state and store, on one manager of perhaps many.
 *
 * Owns the order of duties: compose an entry → persist it (fsync on the store thread) and send it → commit → apply to the view → answer
 * whoever asked → write rows behind. One entry of ours is in flight; what arrives meanwhile queues and is checked and composed into the next.
 * An entry is composed of, in this order: the changes of compose_first, computed on the very view the entry is based on; status
 * reports, up to half of what is left; requests in order of arrival, each checked against the view with everything before it laid over.
 * A request that fails its check is answered with its error and left out.
 *
 * Only the leader composes; elsewhere a request is answered with ERR_UNAVAILABLE at once, and whoever has it brings it to the leader. When
 * leadership is lost with an entry in flight, its requests are answered as soon as it is known what became of it: applied; or
 * ERR_UNAVAILABLE, "was not made", when another entry stands in its place; or, after REPLICA_UNKNOWN_MS, that it is not known. Refusals, and
 * success where nothing was to be changed, are told when it is certain that we still led when they were found.
 *
 * Runs on the loop's thread; SQLite is behind the store. All callbacks but the transport's come from the loop, never from inside a call.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"
#include "raft/raft.h"
#include "state/apply.h"
#include "state/overlay.h"
#include "store/store_cluster.h"

struct replica;

/* Times that a check may use: they are the entry's. */
struct replica_time { msec now_ms; nsec wall; };

struct replica_hooks {
	/* The leader's own work, asked for at the start of each entry and whenever replica_kick was called. Adds at most max changes. */
	void (*compose_first)(void *arg, const struct view *view, struct replica_time time, size_t max, struct change_list *out);
	/* An entry that compose_first had put changes into failed to be written, and they are gone. */
	void (*on_lost)(void *arg);
	/* After each applied entry; applied is freed behind it. The view is the new one. */
	void (*on_applied)(void *arg, const struct applied *applied);
	/* A snapshot has taken the place of the view: another pointer, and anything in it may be different. */
	void (*on_replaced)(void *arg);
	/* We became leader (everything up to our own first entry is applied), or no longer are. */
	void (*on_leader)(void *arg, bool is_leader);
	/* Leader, term, role or members differ: see replica_status. May be NULL. */
	void (*on_status)(void *arg);
	/* The replica cannot go on (an entry this version does not know; the disk fails for good). It refuses writes with this error
	 * from now on; reads go on. Transient store errors are not this: they fail the requests concerned and are retried.
	 * ERR_DAMAGED: its state is not the majority's, or a file or the memory has rotted and the others can go on without this one: it is to
	 * be fetched anew, by one that joins. Not closed in here. */
	void (*on_stopped)(void *arg, const struct err *err);
	void *arg;
};

enum {
	REPLICA_QUEUE_MAX = 10000,      /* requests and reports waiting; one more is ERR_EXHAUSTED. As many reads */
	REPLICA_UNKNOWN_MS = 10000,     /* after leadership was lost: how long an entry's fate is waited for */
	REPLICA_ASK_MS = 5000,          /* how long a read or a transfer may take */
};

/* A new, empty cluster with this node as its only voter: writes hard state and membership. The store must be empty of them. */
int replica_bootstrap(struct store *store, const char *cluster_id, const char *node_id, struct err *err);
/* A place for a manager that a leader has let in under this id (replica_add_learner): an empty log that waits for that leader. */
int replica_join(struct store *store, const char *cluster_id, const char *node_id, raft_id id, struct err *err);
raft_id replica_new_id(void);                           /* for one that is let in: random, new at each join */
bool replica_exists(const struct store *store);         /* bootstrapped or joined before */
/* A cluster anew, with this node as its only member under a new raft id: the members of before are none of it, whatever they think. The log
 * gets two entries, the member's and one of what compose adds to the state as it will be. In one transaction: a kill leaves what was, or this. */
typedef int replica_compose_fn(void *arg, const struct view *view, msec now_ms, struct change_list *out, struct err *err);
/* … of all that is on this disk: entries of which nobody knows whether they were agreed are kept, for any of them may have been. The
 * replica is closed. */
int replica_refound(struct store *store, const char *node_id, replica_compose_fn *compose, void *arg, struct err *err);
/* … of a snapshot (snapshot.h), in a store without a cluster. */
int replica_restore(struct store *store, const void *snapshot, size_t size, const char *node_id, replica_compose_fn *compose, void *arg,
		    struct err *err);
/* The state as a snapshot, as of the last entry applied. ERR_DAMAGED: it is none (snapshot.h). */
int replica_save(const struct replica *replica, struct buf *out, struct err *err);
/* Loads state.db into a view, replays the log behind it, starts raft. ERR_DAMAGED: one of the files is not what was written. The store is the
 * caller's and outlives the replica. */
int replica_open(struct loop *loop, struct store *store, const char *node_id, const struct replica_hooks *hooks, struct replica **ret,
		 struct err *err);
/* NULL is welcome. Requests that wait are answered from inside with ERR_UNAVAILABLE; one whose entry is in flight may be there later. */
void replica_close(struct replica *replica);

const struct view *replica_view(const struct replica *replica);
msec replica_now(const struct replica *replica);        /* cluster time, continued by our own clock */
bool replica_is_leader(const struct replica *replica);
const char *replica_cluster_id(const struct replica *replica);

struct replica_status {
	raft_id self, leader;           /* leader 0: none known */
	enum raft_role role;            /* 0: the log cannot be written, and takes no part */
	raft_term term;
	raft_index commit, applied;
	msec election_ms;
	/* in force: who they are, and which of them vote. Good until the loop goes on */
	const struct raft_membership *config;
};
struct replica_status replica_status(const struct replica *replica);
/* Its connection, as replica_peer said; 0: nothing is known. */
enum raft_peer_state replica_link(const struct replica *replica, raft_id id);

/* --- asking ------------------------------------------------------------------------------------ */

enum replica_lane { REPLICA_STATUS, REPLICA_REQUEST };
/* Adds this request's changes to out (arena: out->arena) or fails; pure apart from its own arg. Called once, when its entry is composed. */
typedef int replica_check_fn(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err);
/* err NULL: applied at index. Nothing to change is success too, at the view's index. */
typedef void replica_done_fn(void *arg, uint64_t index, const struct err *err);
void replica_request(struct replica *replica, enum replica_lane lane, replica_check_fn *check, replica_done_fn *done, void *arg);
/* compose_first has something: an entry is composed as soon as none is in flight. */
void replica_kick(struct replica *replica);
/* On any manager. done without an error: the view holds all that was answered to anybody before the call, and may be read. */
void replica_read(struct replica *replica, replica_done_fn *done, void *arg);

/* --- members: on the leader -------------------------------------------------------------------------
 *
 * One change at a time; a second one is ERR_UNAVAILABLE until the first is applied. done: it is agreed and applied.
 */

void replica_add_learner(struct replica *replica, raft_id id, const char *node_id, replica_done_fn *done, void *arg);
/* ERR_UNAVAILABLE until the learner has caught up: try again. */
void replica_make_voter(struct replica *replica, raft_id id, replica_done_fn *done, void *arg);
/* Not the leader itself: it hands over first. */
void replica_remove(struct replica *replica, raft_id id, replica_done_fn *done, void *arg);
/* To that voter, or with 0 to whoever is furthest. done: another one leads. */
void replica_transfer(struct replica *replica, raft_id to, replica_done_fn *done, void *arg);

/* --- the way to the other managers --------------------------------------------------------------
 */

/* These are called from inside calls of the replica: they queue, and call nothing of it but replica_status. */
struct replica_transport {
	/* Best effort: what cannot be queued is lost, and is sent again when it matters. node_id is "" for one that no configuration names. A question
	 * is answered at once by whoever gets it: raft_msg_is_question. */
	void (*send)(void *arg, raft_id to, const char *node_id, const void *bytes, size_t size, bool is_question);
	/* Brings a snapshot of that member: replica_snapshot_bytes, then replica_snapshot_end. A new fetch replaces the one before. */
	void (*fetch)(void *arg, raft_id from, const char *node_id, uint64_t ticket);
	/* Members came or went: see replica_status. */
	void (*on_members)(void *arg);
	void *arg;
};
/* NULL: alone again. Until then nobody is reached. */
void replica_connect(struct replica *replica, const struct replica_transport *transport);
/* A message of a manager whose certificate was checked and names node_id. -1: it does not speak for that id, or sends what cannot be. */
int replica_receive(struct replica *replica, const char *node_id, const void *bytes, size_t size, struct err *err);
/* What is known of the connection to a member. Messages go to those that are UP. */
void replica_peer(struct replica *replica, raft_id id, enum raft_peer_state state);

/* A snapshot on its way out: a consistent copy, made when it was offered. ERR_NOT_FOUND: the ticket is unknown, used or too old. */
struct replica_snapshot;
int replica_snapshot_open(struct replica *replica, uint64_t ticket, struct replica_snapshot **ret, struct err *err);
size_t replica_snapshot_read(struct replica_snapshot *snapshot, void *bytes, size_t max);      /* 0: that was all */
void replica_snapshot_close(struct replica_snapshot *snapshot);        /* before the replica is closed */
/* One on its way in: installed whole or not at all. -1: this is none; let it go. */
int replica_snapshot_bytes(struct replica *replica, uint64_t ticket, const void *bytes, size_t size, struct err *err);
void replica_snapshot_end(struct replica *replica, uint64_t ticket, bool is_complete);
