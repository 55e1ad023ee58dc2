/* replica.h - a replicated view: the marriage of raft, state and store.
 *
 * Owns the order of duties: compose an entry → persist it (fsync on the store thread) → commit → apply to the view → answer whoever
 * asked → write rows behind. One entry of ours is in flight; what arrives meanwhile queues and is checked and composed into the next.
 * An entry is composed of, in this order: the changes of compose_first, computed on the very view the entry is based on; status
 * reports, up to half of what is left; requests in order of arrival, each checked against the view with everything before it laid over.
 * A request that fails its check is answered with its error and left out.
 *
 * Runs on the loop's thread; SQLite is behind the store. All callbacks come from the loop, never from inside the call.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"
#include "state/apply.h"
#include "state/overlay.h"
#include "store/store.h"

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
	/* We became leader (everything up to our own first entry is applied), or no longer are. */
	void (*on_leader)(void *arg, bool is_leader);
	/* The replica cannot go on (an entry this version does not know; the disk fails for good). It refuses writes with this error
	 * from now on; reads go on. Transient store errors are not this: they fail the requests concerned and are retried. */
	void (*on_stopped)(void *arg, const struct err *err);
	void *arg;
};

enum { REPLICA_QUEUE_MAX = 10000 };     /* requests and reports waiting; one more is ERR_EXHAUSTED */

/* A new, empty cluster with this node as its only voter: writes hard state and membership. The store must be empty of them. */
int replica_bootstrap(struct store *store, const char *cluster_id, const char *node_id, struct err *err);
bool replica_exists(const struct store *store);         /* bootstrapped or joined before */
/* Loads state.db into a view, replays the log behind it, starts raft. The store is the caller's and outlives the replica. */
int replica_open(struct loop *loop, struct store *store, const char *node_id, const struct replica_hooks *hooks, struct replica **ret,
		 struct err *err);
/* NULL is welcome. Requests that wait are answered from inside with ERR_UNAVAILABLE; one whose entry is in flight may be there later. */
void replica_close(struct replica *replica);

const struct view *replica_view(const struct replica *replica);
msec replica_now(const struct replica *replica);        /* cluster time, continued by our own clock */
bool replica_is_leader(const struct replica *replica);
const char *replica_cluster_id(const struct replica *replica);

enum replica_lane { REPLICA_STATUS, REPLICA_REQUEST };
/* Adds this request's changes to out (arena: out->arena) or fails; pure apart from its own arg. Called once, when its entry is composed. */
typedef int replica_check_fn(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err);
/* err NULL: applied at index. Nothing to change is success too, at the view's index. */
typedef void replica_done_fn(void *arg, uint64_t index, const struct err *err);
void replica_request(struct replica *replica, enum replica_lane lane, replica_check_fn *check, replica_done_fn *done, void *arg);
/* compose_first has something: an entry is composed as soon as none is in flight. */
void replica_kick(struct replica *replica);
