/* agent_io.h - the hands: runs the tasks that are assigned to this host, keeps them running without a manager, reports what became of them.
 *
 * Assignments are written to node.db before they are acted on. Each task is driven by a pure task_run (task_run.h); this file
 * performs its acts on image, runtime, net and volumes. After a restart of the agent the same tasks are found again: containers by their
 * shims, assignments in node.db.
 */
#pragma once
#include "agent/health.h"
#include "agent/volumes_io.h"
#include "image/image_store.h"
#include "model/task.h"
#include "net/net.h"
#include "runtime/runtime.h"
#include "store/store.h"

struct agent;
struct agent_config {
	struct loop *loop;
	struct work *work;
	struct store *store;            /* node.db */
	struct runtime *runtime;        /* its on_exit is agent_on_exit */
	struct image_store *images;
	struct net *net;
	struct volumes *volumes;
	/* A task's state changed. Repeated for every task when a manager is (re)attached. */
	void (*on_status)(void *arg, const struct task_status *status);
	/* Something for docker events: type "container", action "start" … and the container's labels as attributes. */
	void (*on_event)(void *arg, const char *action, const char *container_id, const struct container_spec *spec, const char *extra);
	void *arg;
};
/* Adopts what runs; ready is called, from the loop, when every container is accounted for and what nobody explains is swept away.
 * Nothing else may be asked of the agent before. */
int agent_open(const struct agent_config *config, void (*ready)(void *arg, const struct err *err), void *ready_arg, struct agent **ret,
	       struct err *err);
void agent_close(struct agent *agent);                   /* leaves containers running */
void agent_on_exit(void *agent, const struct runtime_exit *exit);

void agent_assign(struct agent *agent, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
		  bool is_complete);
/* All tasks' statuses are reported again: a manager is (newly) there. */
void agent_report_all(struct agent *agent);
/* Ends every task and removes its container: `swarm leave`, --stop-containers (keep = do not forget the assignments). */
void agent_stop_all(struct agent *agent, bool forget, void (*done)(void *arg), void *arg);

/* ---- containers, for the API: all that exist on this host ---- */
struct agent_container {
	struct runtime_info info;
	const struct container_spec *spec;      /* lives as long as the container */
	const char *task_id, *image_id;         /* "" when it is no task's */
	struct ip address;
	const struct assignment *assignment;
	const struct health *health;            /* NULL: it is not checked, or was not started */
	const struct health_config *health_config;       /* NULL with it */
	const struct port_config *ports;        /* published, host-mode ones with the port that was taken */
	size_t port_count;
};
bool agent_next_container(const struct agent *agent, size_t *at, struct agent_container *ret);
/* Full id, name, or a unique start of an id; Docker's words: "No such container: x". */
int agent_find_container(const struct agent *agent, const char *reference, struct agent_container *ret, struct err *err);
/* People's stop: signal (0: the container's own), then kill after grace_ms (-1: the container's own). The task then fails or completes, and is replaced by its policy. */
void agent_stop_container(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg);
void agent_remove_container(struct agent *agent, const char *id, bool force, runtime_done_fn *done, void *arg);
