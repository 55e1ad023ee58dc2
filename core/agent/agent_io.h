/* agent_io.h - the hands: runs the tasks that are assigned to this host, keeps them running without a manager, reports what became of them.
 *
 * Assignments are written to node.db before they are acted on. Each task is driven by a pure task_run (task_run.h); this file
 * performs its acts on image, runtime, net and volumes. After a restart of the agent the same tasks are found again: containers by their
 * shims, assignments in node.db.
 */
#pragma once
#include "agent/health.h"
#include "agent/solo.h"
#include "image/image_pull.h"
#include "model/container.h"
#include "model/task.h"
#include "net/net.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "volume/volumes_io.h"

struct agent;
struct agent_config {
	struct loop *loop;
	struct work *work;
	struct store *store;            /* node.db */
	struct runtime *runtime;        /* its on_exit is agent_on_exit */
	struct image_store *images;
	struct image_puller *puller;    /* closed after the agent */
	struct net *net;
	struct volumes *volumes;
	const char *run_root;           /* for the files of secrets */
	const char *hostname, *architecture, *os;                /* for templates */
	/* A task's state changed. Repeated for every task when a manager is (re)attached. */
	void (*on_status)(void *arg, const struct task_status *status);
	/* A secret, or with is_config a config, of a task, or by the task's own id what it shows a registry: agent_take_secret answers, later. */
	void (*want_secret)(void *arg, const char *task_id, bool is_config, const char *id);
	/* Is no manager in reach that could replace a task? */
	bool (*is_alone)(void *arg);
	/* Something for docker events: type "container", action "start" … and the container's labels as attributes. */
	void (*on_event)(void *arg, const char *action, const char *container_id, const struct container_spec *spec,
			 const struct container_pair *extra, size_t extra_count);
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
/* What was wanted, or why it is not to be had: the task is then rejected. The bytes are read during the call; nobody waiting is fine. */
void agent_take_secret(struct agent *agent, const char *task_id, bool is_config, const char *id, const void *bytes, size_t size,
		       const struct err *failure);
/* All tasks' statuses are reported again: a manager is (newly) there. */
void agent_report_all(struct agent *agent);
enum agent_stop {
	AGENT_STOP,             /* --stop-containers: everything ends, and is wanted again at the next start */
	AGENT_FORGET_TASKS,     /* swarm leave: tasks and their containers go; containers outside of services stay */
	AGENT_PURGE,            /* everything goes */
};
void agent_stop_all(struct agent *agent, enum agent_stop what, void (*done)(void *arg), void *arg);

/* ---- containers, for the API: all that exist on this host ---- */
struct agent_container {
	struct runtime_info info;               /* state CREATED when the runtime does not know it (yet) */
	const struct container_spec *spec;      /* lives as long as the container */
	const char *task_id, *image_id;         /* "" when it is no task's */
	struct ip address;
	const struct assignment *assignment;    /* NULL when it is no task's */
	const struct container_spec_model *own; /* the assignment's, its templates expanded; NULL with it */
	const struct container_row *row;        /* NULL when it is a task's */
	const struct health *health;            /* NULL: it is not checked, or was not started */
	const struct health_config *health_config;       /* NULL with it */
	const struct port_config *ports;        /* published, host-mode ones with the port that was taken; 0 while there is none */
	size_t port_count;
	enum solo_status status;
	nsec created_wall, started_wall, finished_wall;
	int exit_code;
	bool oom_killed;
	const char *error;
	unsigned restarts;                      /* by policy */
};
bool agent_next_container(const struct agent *agent, size_t *at, struct agent_container *ret);
/* Full id, name, or a unique start of an id; Docker's words: "No such container: x". */
int agent_find_container(const struct agent *agent, const char *reference, struct agent_container *ret, struct err *err);
/* For events that the API itself makes: attach, resize, exec_create …; harmless when the container is gone. */
void agent_tell_event(struct agent *agent, const char *id, const char *action, const struct container_pair *extra, size_t count);

/* ---- what people do; each answers once, from the loop. Docker's words. Of a task's container only stop, signal, removal, wait, attach ---- */
/* name "": invented. platform "": any. id is NULL on failure; ERR_NOT_FOUND "No such image: x" for the client to pull it. */
typedef void agent_created_fn(void *arg, const char *id, const struct err *failure);
void agent_create(struct agent *agent, const char *name, const char *platform, const struct container_request *request, agent_created_fn *done,
		  void *arg);
void agent_start(struct agent *agent, const char *id, runtime_done_fn *done, void *arg);        /* success when it runs already */
void agent_restart(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg);
void agent_rename_container(struct agent *agent, const char *id, const char *name, runtime_done_fn *done, void *arg);
/* What is set in changes: the restart policy, and limits, at once when it runs. */
void agent_update_container(struct agent *agent, const char *id, const struct host_config *changes, runtime_done_fn *done, void *arg);
int agent_signal_container(struct agent *agent, const char *id, int number, struct err *err);
/* People's stop: signal (0: the container's own), then kill after grace_ms (-1: the container's own). The task then fails or completes, and is replaced by its policy. */
void agent_stop_container(struct agent *agent, const char *id, int signal, msec grace_ms, runtime_done_fn *done, void *arg);
/* All its processes stand still, or go on. Docker's words for what is not so: ERR_CONFLICT. */
void agent_pause_container(struct agent *agent, const char *id, bool is_paused, runtime_done_fn *done, void *arg);
void agent_remove_container(struct agent *agent, const char *id, bool force, bool with_volumes, runtime_done_fn *done, void *arg);

enum agent_wait_for { AGENT_WAIT_NOT_RUNNING, AGENT_WAIT_NEXT_EXIT, AGENT_WAIT_REMOVED };
struct agent_wait;
/* Once, from the loop. Its owner frees it, before that or in it; id is a whole one. */
typedef void agent_waited_fn(void *arg, int exit_code);
int agent_wait_new(struct agent *agent, const char *id, enum agent_wait_for what, agent_waited_fn *fn, void *arg, struct agent_wait **ret,
		   struct err *err);
void agent_wait_free(struct agent_wait *wait);          /* NULL is welcome */

/* runtime_attach, which waits for the next start of a container that does not run. Freed by its owner only to give up before fn is called. */
struct agent_attach;
struct agent_attach *agent_attach_new(struct agent *agent, const char *id, const struct runtime_attachment *want, runtime_stream_fn *fn, void *arg);
void agent_attach_free(struct agent_attach *attach);
