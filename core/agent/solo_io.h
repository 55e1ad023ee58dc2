/* solo_io.h - containers outside of services on this host: the shell of solo.h, and its rows in node.db. For the files of this room. */
#pragma once
#include "agent/agent_internal.h"
#include "agent/solo.h"
#include "agent/solo_plan.h"

enum box_ask_kind { BOX_ASK_START, BOX_ASK_STOP, BOX_ASK_RESTART, BOX_ASK_REMOVE };
struct box_ask { struct list node; enum box_ask_kind kind; runtime_done_fn *done; void *arg; };

struct solo_box {
	struct hosted hosted;
	struct solo machine;
	struct container_row row;       /* heap, shape_fini */
	struct timer timer;
	struct list asks;               /* of struct box_ask */
	struct list attaches;           /* of struct agent_attach, that wait for its start */
	unsigned connecting;            /* of those, the runtime is being asked for */
	bool is_saved;                  /* node.db has it: people see it */
	bool emits_restart;             /* its next start is the one that a person's restart asked for */
	struct err answer;              /* of an act that was answered at once; code 0: success */
	struct err failure;             /* of the last start */
	/* agent_create's caller, until it is saved */
	agent_created_fn *created;
	void *created_arg;
};

/* solo_io.c: its acts */
void box_feed(struct solo_box *box, const struct solo_in *in);
void box_answer(struct solo_box *box, const struct err *failure, int exit_code);        /* to the act under way, from a callback; failure NULL: success */
void box_answer_later(struct solo_box *box, const struct err *failure);                 /* the same from inside the act */
void box_act_done(void *arg, const struct err *failure);                                /* box_answer as a runtime_done_fn */
void box_exit(struct solo_box *box, const struct runtime_exit *exit);
void box_watch_health(struct solo_box *box, bool was_running);                          /* its program runs, perhaps for long */
void box_remove_volumes(struct solo_box *box);                                          /* its anonymous ones, but those that somebody else has, too */

/* solo_box_io.c: the thing itself */
struct solo_box *box_new(struct agent *agent, const struct container_row *row);         /* copies; in agent->boxes */
void box_free(struct solo_box *box);                                                    /* out of it */
/* The row as it should be now. done may be NULL. */
int box_save(struct solo_box *box, store_done_fn *done, void *arg, struct err *err);
/* From its row, after that has changed. */
void box_set_policy(struct solo_box *box);
/* Its spec anew, after its row has changed or was loaded. */
int box_plan(struct solo_box *box, struct err *err);

/* solo_start_io.c: SOLO_ACT_MAKE, _ATTACH, _DETACH */
void box_make(struct solo_box *box);
void box_attach(struct solo_box *box);
void box_detach(struct solo_box *box);

/* solo_tell_io.c: SOLO_ACT_TELL_... */
void box_tell_started(struct solo_box *box);
void box_tell_failed(struct solo_box *box);
void box_tell_ended(struct solo_box *box);
void box_tell_dead(struct solo_box *box);
void box_tell_gone(struct solo_box *box);               /* it is freed later in this round */
/* At rest: whoever waits for a stop has it; whoever waits for a start that nobody will make hears so. */
void box_tell_rest(struct solo_box *box);

/* solo_recover_io.c */
int boxes_load(struct agent *agent, struct err *err);                   /* rows -> boxes, before the runtime is recovered */
void boxes_adopt(struct agent *agent);                                  /* brought together with what the host has */
void boxes_feed(struct agent *agent, const struct solo_in *in);           /* each of them; one may go meanwhile */

/* containers_io.c */
/* NULL, err is set: there is none, or it is a task's, which its service alone starts, names, changes. */
struct solo_box *box_find(const struct agent *agent, const char *id, const char *what, struct err *err);
/* From the loop, never inside the call; err NULL: success. */
void agent_answer_later(const struct agent *agent, runtime_done_fn *done, void *arg, const struct err *err);

/* attach_io.c */
void box_connect(struct solo_box *box);                                 /* SOLO_ACT_CONNECT */
void box_drop_attaches(struct solo_box *box, const struct err *why);    /* it could not be started, or is gone; NULL: the agent closes */
