/* manager.h - the head of a cluster: what a manager does besides keeping a replica.
 *
 * Feeds the orchestrator with what changed, proposes what it decides, calls it again at the time it asks for; answers the verbs of
 * control.h, here or at the leader; tells nodes what they are assigned: its own through the hook, others through sessions; judges, as the
 * leader, who is there, and makes those nodes members of raft whose role says so.
 */
#pragma once
#include "dispatch/dispatch_msg.h"
#include "manager/roster.h"
#include "model/kinds.h"
#include "os/loop.h"
#include "pki/seal.h"
#include "replica/replica.h"
#include "rpc/rpc_io.h"

struct manager;
struct manager_hooks {
	/* What this node must run, as differences: once the view is current, everything (is_complete), then one call per applied entry that
	 * matters. The items are good during the call. */
	void (*on_assign)(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count, bool is_complete);
	/* Every applied entry, for the API's event stream and its waiters. */
	void (*on_applied)(void *arg, const struct applied *applied);
	void (*on_stopped)(void *arg, const struct err *err);
	/* The other end of a manager_open_line to this node itself; the callee's fd. */
	void (*on_stream)(void *arg, enum open_kind kind, int fd);
	/* The cluster has been made anew without this manager. Told again with every other manager that says so. */
	void (*on_outlived)(void *arg);
	void *arg;
};

/* What init makes a cluster of; all strings are copied. */
struct manager_init {
	const char *node_id;
	const char *advertise_addr;     /* "ip:port" */
	const struct cluster_spec *spec;
	const struct node_description *description;
	int availability;               /* enum availability */
	const char *const *address_pools;
	size_t pool_count;
	uint64_t subnet_size, data_path_port;
};
/* rpc is the node's: what a manager serves on it is served until the close. address: where others reach it, "ip:port". */
/* key: of the cluster, copied; NULL while this manager has not been given it: then secrets can neither be made nor opened here. */
int manager_open(struct loop *loop, struct store *store, struct rpc *rpc, const char *node_id, const char *address,
		 const struct seal_key *key, const struct manager_hooks *hooks, struct manager **ret, struct err *err);
/* Behind replica_bootstrap: writes the cluster and this node into the empty state. Until then manager_is_founded is false, also after a
 * crash in between: such a store is wiped. */
void manager_found(struct manager *manager, const struct manager_init *init, replica_done_fn *done, void *arg);
bool manager_is_founded(const struct manager *manager);
/* Before a clean stop: hands leadership over and tells the next leader that this node is away for a moment or, when its containers end
 * too, stopped. done comes once, from the loop, within MANAGER_GO_MS; not when it is closed before. */
enum { MANAGER_GO_MS = 2000 };
void manager_go(struct manager *manager, bool containers_end, void (*done)(void *arg), void *arg);
void manager_close(struct manager *manager);            /* NULL is welcome */

const struct view *manager_view(const struct manager *manager);
const char *manager_cluster_id(const struct manager *manager);
struct replica *manager_replica(struct manager *manager);
/* Who manages the cluster, as this manager sees it. */
void manager_roster(const struct manager *manager, struct roster *ret);
/* The view has been as new as the cluster's once. */
bool manager_is_current(const struct manager *manager);
/* The cluster's time of the wall: when it was founded, and the time since in which it had a leader. Certificates are dated and judged by it,
 * so that no clock of any node decides who is let in; it may lag behind, and the worse for nobody. 0: not known yet. */
nsec manager_calendar(const struct manager *manager);
/* How this host's clock differs from those of most managers, in the words of clock_skew.h; false where there is nothing to tell. */
bool manager_clock_skew(const struct manager *manager, struct buf *out);
/* A leader is known. */
bool manager_has_leader(const struct manager *manager);
#define MANAGER_LEADERLESS "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the " \
	"managers are online."
/* What this manager shows may be old: it is one of several, and hears of no leader (it is cut off with a minority, or they are just electing
 * one), cannot write its own log, or has not heard since its start what was agreed on. NULL: it follows, and is as new as any view but the
 * leader's; else a sentence that says so. */
const char *manager_staleness(const struct manager *manager);
/* Waits until the view holds all that any manager has told anybody before the call. done: it does, or that cannot be known, for there is no leader any more
 * (manager_staleness); is_open false: the manager is being closed, and is not to be asked for anything. False, and done is not called: there
 * is nothing to wait for. */
typedef void manager_read_fn(void *arg, bool is_open);
bool manager_read(struct manager *manager, manager_read_fn *done, void *arg);

/* Where that manager listens, before the state says so. */
void manager_hint(struct manager *manager, const char *node_id, const char *address);
/* It says itself that it is there, whatever the state says: tried, unless it is reached already. */
void manager_seen_at(struct manager *manager, const char *node_id, const char *address);
/* This manager is reached at another address from now on: its connections begin anew, and the state hears of it as soon as there is a leader. */
void manager_set_address(struct manager *manager, const char *address);

/* A secret's bytes, or with is_config a config's, appended; the buffer is the caller's to wipe (seal_wipe). */
int manager_open_secret(const struct manager *manager, bool is_config, const char *id, struct buf *out, struct err *err);
/* What people may be told: the tokens, opened into the buffers; both are the caller's to wipe. */
int manager_open_tokens(const struct manager *manager, struct buf *ret_worker, struct buf *ret_manager, struct err *err);
/* What managers' keys are locked with on their disks: 1, or 0 for nothing, or -1 when it cannot be told. */
int manager_lock(const struct manager *manager, struct seal_key *ret, struct err *err);
/* The same for a node that has to run a task of its own with it; ERR_DENIED for every other one. id the task's own: what it shows a registry. */
int manager_secret_for_task(const struct manager *manager, const char *node_id, const char *task_id, bool is_config, const char *id,
			    struct buf *out, struct err *err);

/* ---- streams to nodes ---- */
/* A stream to that node's API (OPEN_API), whichever manager holds its session; to this node itself, too. done comes once, from the loop: the
 * fd is the callee's, and as rpc_io.h says of tickets. Refused at once when the node is known not to be there (ERR_UNAVAILABLE) or has as many
 * as it may have (ERR_EXHAUSTED); nothing is waited for longer than a ticket lives. When the node turns out to be gone its streams end. */
struct manager_line;
struct manager_line *manager_open_line(struct manager *manager, const char *node_id, rpc_stream_fn *done, void *arg);
void manager_forget_line(struct manager_line *line);     /* done will not be called. NULL is welcome */
/* What the node's door (door_io.h) asks: is the other side a manager of this swarm, whatever its certificate says; where is that node's session. */
int manager_admits(const struct manager *manager, const struct rpc_conn *conn, struct err *err);
/* Is that node one, by the state and by raft's members? */
bool manager_is_manager(const struct manager *manager, const char *node_id);
struct rpc_conn *manager_session(const struct manager *manager, const char *node_id);

/* All of the cluster, for a file (backup.h); the buffer is the caller's to wipe. */
int manager_backup(const struct manager *manager, struct buf *out, struct err *err);

/* From this host's agent. Batched with others into the next entry; the leader drops what would take a state back. */
void manager_report(struct manager *manager, const struct task_status *status);
/* The host describes itself (start, changed labels, resources), "ip:port": copied, and told until the state says it, whenever that says something else. */
void manager_describe_node(struct manager *manager, const struct node_description *description, const char *address);
/* The images that are in this host's store, all of them (node_id and since_ms do not count): the swarm is told. Copied; the first IMAGE_COPIES_MAX count. */
void manager_set_images(struct manager *manager, const struct image_copy *items, size_t count);
/* What a node has whose certificate is signed now; strings in the arena or the view. */
struct tls_info manager_trust(const struct manager *manager, struct arena *arena);
/* A certificate for that node, in its present role, for the key of the request. ERR_UNAVAILABLE while it must still be a manager. */
int manager_sign(struct manager *manager, const char *node_id, const char *request_pem, struct buf *ret_chain_pem, struct err *err);
