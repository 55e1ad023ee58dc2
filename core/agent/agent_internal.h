/* agent_internal.h - what the files of this room share about the agent and its tasks. Nobody else includes it. */
#pragma once
#include "agent/agent_io.h"
#include "agent/health_io.h"
#include "agent/secret_files_io.h"
#include "agent/task_again.h"
#include "agent/task_run.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "model/expand.h"

struct agent {
	struct agent_config cfg;
	struct map *runs;               /* task id -> struct run, owned */
	struct map *boxes;              /* container id -> struct solo_box, owned */
	struct map *execs;              /* id -> struct agent_exec, owned */
	struct map *by_container;       /* container id -> struct hosted: those that people see */
	struct list pending;            /* of struct pending: what waits for store or net, freed if they close first */
	struct secret_files *secrets;
	struct timer again;             /* while tasks have ended that may be started again */
	msec alone_since;               /* as that timer has seen; 0: a manager is in reach */
	struct rng names;               /* for containers whose creator gave none */
	bool flush_is_due;              /* the port table changed in this round */
	bool is_ready;
	void (*ready)(void *arg, const struct err *err);
	void *ready_arg;
	void (*stopped)(void *arg);     /* agent_stop_all's caller; NULL when nobody waits */
	void *stopped_arg;
	enum agent_stop stop;
};

/* Those that wait for one answer: of a write to node.db, of a port table. By id, for one may be gone by then. */
struct pending { struct list node; struct agent *agent; struct strlist ids; };
struct pending *pending_new(struct agent *agent);
void pending_free(struct pending *pending);

/* One container as this host carries it, whoever wants it: inside of a struct run (a task's) or of a struct solo_box (a person's). */
struct hosted {
	struct agent *agent;
	bool is_solo;
	const char *leg;                /* names its network leg and its entries in the port table: the task's id, the container's */
	struct arena arena;             /* what lives as long as the container: spec, image id */
	struct container_spec spec;
	const char *image_id;           /* "" while there is none */
	char container_id[HEX_ID_SIZE]; /* "" while there is none */
	struct image_hold *hold;
	struct ip address;
	struct port_config *ports;      /* published, host-mode ones with the port that was reserved; heap */
	size_t port_count;
	struct health_watch *health;    /* NULL: it is not checked, or not yet started */
	void (*health_changed)(void *arg, enum health_status status);   /* NULL: nobody else wants to know */
	void *health_arg;
	bool has_told_mounted;          /* its volumes are, people know */
	bool is_stopping;               /* its end is the one that somebody's stop asked for */
	bool in_table;
	bool awaits_table;              /* its act under way is answered when the port table is in force */
	struct list waits;              /* of struct agent_wait */
};

/* hosted_signal_io.c */
/* Tells that it was sent. wakes: one that stands still goes on, to get it. */
int hosted_signal(struct hosted *hosted, int number, bool wakes, struct err *err);
void hosted_exit_event(struct hosted *hosted, const struct runtime_exit *exit);
bool hosted_is_paused(const struct hosted *hosted);

/* hosted_io.c */
void hosted_init(struct hosted *hosted, struct agent *agent, bool is_solo, const char *leg, const char *arena_name);
void hosted_fini(struct hosted *hosted);
void hosted_take_container(struct hosted *hosted, const char *container_id);    /* from now on people see it */
void hosted_drop_container(struct hosted *hosted);
/* Checks it from now on, unless the config says that there is nothing to check. changed is told after the event. */
void hosted_watch_health(struct hosted *hosted, const struct health_config *config, nsec started_wall, bool was_healthy,
			 void (*changed)(void *arg, enum health_status status), void *arg);
void hosted_stop_health(struct hosted *hosted);                                 /* no check any more; what is known stays, … */
void hosted_resume_health(struct hosted *hosted);                               /* and it is checked again, from what is known on … */
void hosted_forget_health(struct hosted *hosted);                               /* … or does not */
void hosted_event(const struct hosted *hosted, const char *action, const struct container_pair *extra, size_t count);
void hosted_tell_mounted(struct hosted *hosted, bool is_mounted);               /* its volumes; harmless when that is known */
void hosted_tell_exit(struct hosted *hosted, int exit_code);                    /* to whoever waits for its end … */
void hosted_tell_removed(struct hosted *hosted, int exit_code);                 /* … or its removal */
int hosted_check_network(const struct hosted *hosted, bool needs_network, struct err *err);
int hosted_check_binds(const struct mount *mounts, size_t count, struct err *err);
void hosted_release_ports(struct hosted *hosted);
/* For an adoption; failures are only logged. */
void hosted_reserve_again(struct hosted *hosted);
void hosted_hold_again(struct hosted *hosted, const char *const *diff_ids, size_t count);
const char *hosted_name(const struct hosted *hosted);                           /* for messages: "task x", "container y"; until the next call */

struct run {
	struct hosted hosted;
	struct assignment assignment;   /* heap, shape_fini */
	struct expand_task self;        /* what templates are told */
	struct container_spec_model own;        /* of the assignment, with its templates expanded, in own_arena */
	struct arena own_arena;
	struct err expansion_failure;   /* code 0: none */
	struct task_run machine;
	struct task_again again;
	struct timer timer;
	bool is_saved;
	bool awaits_secret;             /* PREPARE goes on when a manager has sent it */
	bool has_ended;                 /* run_has_ended was told */
	bool awaits_credentials;        /* the same, before the pull */
	bool was_running;               /* said so before the agent was restarted */
	struct err save_failure;        /* code 0: none */
	struct err answer;              /* of an act that was answered at once; code 0: success */
	struct image_pull *pull;        /* its image is on its way; NULL: no */
	char said[300];                 /* the machine's message meanwhile */
	struct ask *asks;
};

/* Somebody waits for the end or the removal of a task's container. */
struct ask { struct ask *next; bool for_removal; runtime_done_fn *done; void *arg; };

/* agent_io.c */
void agent_check_stopped(struct agent *agent);                           /* whether agent_stop_all is done */
struct run *run_new(struct agent *agent, const struct assignment *assignment);
void run_feed(struct run *run, const struct task_in *in);
void run_report(struct run *run);                                       /* what its machine says has changed */
void run_answer(struct run *run, const struct err *failure);            /* to the act under way, from a callback */
void run_answer_later(struct run *run, const struct err *failure);      /* the same from inside the act */

/* task_prepare_io.c */
void run_prepare(struct run *run);                                      /* TASK_ACT_PREPARE */
void run_cancel(struct run *run);                                       /* TASK_ACT_CANCEL */
void run_leave_pull(struct run *run);                                   /* without an answer */
void run_release(struct run *run);                                      /* hold, anonymous volumes, spec */
const char *agent_host_gateway(const struct agent *agent, char ret_text[IP_TEXT_SIZE]);        /* "" when there is no bridge */

void run_prepare_on(struct run *run);                                   /* its secrets are here */
void run_refuse(struct run *run, const struct err *why);                /* PREPARE has failed; nothing is left of it */

/* task_secrets_io.c */
void run_take_credentials(struct run *run, const char *credentials, const struct err *failure);   /* for the registry, and the pull begins */
bool run_want_secrets(struct run *run);                                 /* asks for one that is missing; false: none is */
void run_drop_secrets(struct run *run);                                 /* the files of its container */
void run_end_secrets(struct run *run);                                  /* it runs no more: what only it needed goes */
void agent_sweep_secrets(struct agent *agent);                          /* what no task needs that runs or will run here */

/* task_health_io.c */
void run_learn_health(struct run *run);                                 /* from its container's spec: the machine waits for it */
void run_watch_health(struct run *run, nsec started_wall);              /* its program runs */

/* publish_io.c */
void agent_publish(struct hosted *hosted, bool in_table);               /* answers when it is in force */
void agent_publish_flush_later(struct agent *agent);

/* solo_create_io.c */
int agent_check_container_name(const struct agent *agent, const char *name, struct err *err);   /* good, and nobody's */

/* exec_io.c */
void execs_free_all(struct agent *agent);

/* again_io.c */
void agent_open_again(struct agent *agent);
void run_has_ended(struct run *run);                                    /* it may have to be started again by ourselves */
bool run_may_begin_again(const struct run *run);

/* recover_io.c */
int agent_recover(struct agent *agent, struct err *err);
