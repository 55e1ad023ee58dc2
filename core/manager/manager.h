/* manager.h - the head of a cluster: what a manager does besides keeping a replica.
 *
 * Feeds the orchestrator with what changed, proposes what it decides, calls it again at the time it asks for; answers the verbs of
 * control.h; tells its node what it is assigned (on this host directly, later through sessions).
 */
#pragma once
#include "model/kinds.h"
#include "os/loop.h"
#include "replica/replica.h"

struct manager;
struct manager_hooks {
	/* What this node must run, as differences: after opening, everything (is_complete), then one call per applied entry that matters.
	 * The items are good during the call. */
	void (*on_assign)(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count, bool is_complete);
	/* Every applied entry, for the API's event stream and its waiters. */
	void (*on_applied)(void *arg, const struct applied *applied);
	void (*on_stopped)(void *arg, const struct err *err);
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
int manager_open(struct loop *loop, struct store *store, const char *node_id, const struct manager_hooks *hooks, struct manager **ret,
		 struct err *err);
/* Behind replica_bootstrap: writes the cluster and this node into the empty state. Until then manager_is_founded is false, also after a
 * crash in between: such a store is wiped. */
void manager_found(struct manager *manager, const struct manager_init *init, replica_done_fn *done, void *arg);
bool manager_is_founded(const struct manager *manager);
void manager_close(struct manager *manager);            /* NULL is welcome */

const struct view *manager_view(const struct manager *manager);
const char *manager_node_id(const struct manager *manager);
struct replica *manager_replica(struct manager *manager);

/* From this host's agent. Batched with others into the next entry; the leader drops what would take a state back. */
void manager_report(struct manager *manager, const struct task_status *status);
/* The host describes itself (start, changed labels, resources): written only when it differs. */
void manager_describe_node(struct manager *manager, const struct node_description *description);
