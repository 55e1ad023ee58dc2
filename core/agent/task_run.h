/* task_run.h - the life of one task on its host, as a pure machine: what has happened goes in, what must be done now comes out.
 *
 * At most one act that waits for an answer is under way; its answer is the next input. An exit may arrive at any time. The machine is
 * resumed after a restart of the agent from what the host still has (task_run_resume), so it keeps facts, not history.
 *
 *   accepted → preparing (image, volumes, container up to its gate, network leg) → ready → starting (until it is healthy, where its
 *   health is checked) → running
 *   end: withdraw its published ports → wait for their connections, at most 2 s → stop signal → grace → kill
 */
#pragma once
#include "model/task.h"

enum { TASK_DRAIN_MS = 2000 };

enum task_act {
	TASK_ACT_REPORT,        /* run->state, message, error have changed */
	/* those with an answer */
	TASK_ACT_PREPARE,       /* pull the image if it is not here, hold it, make volumes and container up to its gate */
	TASK_ACT_ATTACH,        /* network leg */
	TASK_ACT_START,         /* open the gate */
	TASK_ACT_PUBLISH,       /* put it into the port table, wait until that is in force */
	TASK_ACT_WITHDRAW,      /* take it out, wait until that is in force */
	TASK_ACT_DRAIN,         /* until no connection is left, at most TASK_DRAIN_MS */
	TASK_ACT_DETACH,        /* give the network leg back */
	TASK_ACT_REMOVE,        /* container, hold, reserved ports, anonymous volumes */
	/* those without */
	TASK_ACT_CANCEL,        /* PREPARE, which is under way, is for nothing: it may answer soon, and failure is no fault */
	TASK_ACT_SIGNAL,        /* the stop signal: an exit follows */
	TASK_ACT_KILL,          /* the same */
	TASK_ACT_TIMER,         /* call TASK_TIMER at run->timer_ms; 0 cancels */
	TASK_ACT_FORGET,        /* nothing is left of it on this host: drop the run */
};
enum { TASK_ACTS_MAX = 16 };

enum task_event {
	TASK_DESIRE,            /* desired: what the manager wants now */
	TASK_UNASSIGN,          /* its object is gone: end it, remove everything */
	TASK_PURGE,             /* a person removes its container: it is killed if it runs, and goes */
	TASK_STOP,              /* a person stopped it (signal, grace): it ends, but the manager did not want that */
	TASK_ANSWER,            /* to the act under way; error NULL: success */
	TASK_EXIT,              /* the container has ended */
	TASK_HEALTHY,           /* a check of its health has succeeded for the first time */
	TASK_UNHEALTHY,         /* too many have failed: it is ended. error: what the last one printed */
	TASK_TIMER,
	TASK_AGAIN,             /* it has ended and nobody can replace it: what is left of it goes, and it begins anew (task_again.h) */
};
struct task_in {
	enum task_event event;
	msec now;
	int desired;            /* DESIRE */
	msec grace_ms;          /* STOP: -1 for the spec's */
	const char *error;      /* ANSWER: sentence; EXIT: "" or what went wrong besides the code; UNHEALTHY */
	int exit_code;          /* EXIT */
	bool oom_killed;        /* EXIT */
};
struct task_out { enum task_act acts[TASK_ACTS_MAX]; unsigned count; };

struct task_run {
	/* fixed */
	bool needs_network, has_ports;
	bool has_health;                        /* known once it is prepared: the check may be the image's */
	msec grace_ms;
	/* what is so */
	int desired;
	int state;
	bool is_unassigned, is_stopped, is_purged;      /* the last two by a person */
	bool has_container, is_attached, is_started, is_published, is_drained, has_exited, is_killed;
	bool is_healthy, is_unhealthy;          /* neither: its check has not decided yet */
	bool is_again;                          /* it is to begin anew */
	bool is_busy;                           /* an act waits for its answer */
	enum task_act busy_with;
	bool is_cancelled;                      /* it was told so */
	bool is_signalled;
	msec stop_grace_ms;                     /* of this stop */
	msec timer_ms;
	int exit_code;
	bool oom_killed;
	const char *message;                    /* a constant; while it prepares perhaps its owner's words */
	char error[512];
	char last_check[256];                   /* of an unhealthy one: what was printed */
};

void task_run_init(struct task_run *run, int desired, bool needs_network, bool has_ports, msec grace_ms);
/* What the host still has of it after a restart of the agent. was_running: it was reported so, hence healthy, if that is checked. */
struct task_facts {
	int state;
	bool has_container, is_attached, is_started, has_exited, has_health, was_running;
	int exit_code;
	bool oom_killed;
};
void task_run_resume(struct task_run *run, const struct task_facts *facts);

void task_run_step(struct task_run *run, const struct task_in *in, struct task_out *out);
