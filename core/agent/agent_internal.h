/* agent_internal.h - what the files of this room share about the agent and its tasks. Nobody else includes it. */
#pragma once
#include "agent/agent_io.h"
#include "agent/health_io.h"
#include "agent/task_run.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"

struct agent {
	struct agent_config cfg;
	struct map *runs;               /* task id -> struct run, owned */
	struct map *by_container;       /* container id -> struct run */
	struct list pending;            /* of struct pending: what waits for store or net, freed if they close first */
	bool flush_is_due;              /* the port table changed in this round */
	bool is_ready;
	void (*ready)(void *arg, const struct err *err);
	void *ready_arg;
	void (*stopped)(void *arg);     /* agent_stop_all's caller; NULL when nobody waits */
	void *stopped_arg;
	bool forget;
};

/* Tasks that wait for one answer: of a write to node.db, of a port table. By id, for a task may be gone by then. */
struct pending { struct list node; struct agent *agent; struct strlist task_ids; };
struct pending *pending_new(struct agent *agent);
void pending_free(struct pending *pending);

/* Somebody waits for the end or the removal of a task's container. */
struct waiter { struct waiter *next; bool for_removal; runtime_done_fn *done; void *arg; };

struct run {
	struct agent *agent;
	struct assignment assignment;   /* heap, shape_fini */
	struct task_run machine;
	struct timer timer;
	struct arena arena;             /* what lives as long as the container: spec, image id */
	struct container_spec spec;
	const char *image_id;
	char container_id[HEX_ID_SIZE]; /* "" while there is none */
	struct image_hold *hold;
	struct ip address;
	struct port_config *ports;      /* the assignment's, host-mode ones with the port that was reserved; heap */
	size_t port_count;
	bool in_table, is_saved;
	bool was_running;               /* said so before the agent was restarted */
	struct health_watch *health;    /* NULL: it is not checked, or not yet started */
	struct err save_failure;        /* code 0: none */
	struct err answer;              /* of an act that was answered at once; code 0: success */
	struct waiter *waiters;
};

/* agent_io.c */
struct run *run_new(struct agent *agent, const struct assignment *assignment);
void run_feed(struct run *run, const struct task_in *in);
void run_answer(struct run *run, const struct err *failure);            /* to the act under way, from a callback */
void run_answer_later(struct run *run, const struct err *failure);      /* the same from inside the act */
void run_take_container(struct run *run, const char *container_id);

/* task_prepare_io.c */
void run_prepare(struct run *run);                                      /* TASK_ACT_PREPARE */
void run_release(struct run *run);                                      /* hold, anonymous volumes, spec */
void run_release_ports(struct run *run);
const char *agent_host_gateway(const struct agent *agent, char ret_text[IP_TEXT_SIZE]);        /* "" when there is no bridge */

/* task_health_io.c */
void run_learn_health(struct run *run);                                 /* from its container's spec: the machine waits for it */
void run_watch_health(struct run *run, nsec started_wall);              /* its program runs */
void run_forget_health(struct run *run);

/* publish_io.c */
void agent_publish(struct run *run, bool in_table);                     /* answers when it is in force */
void agent_publish_flush_later(struct agent *agent);

/* recover_io.c */
int agent_recover(struct agent *agent, struct err *err);
