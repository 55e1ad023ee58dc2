/* solo.h - the life of one container outside of services, as a pure machine: what people ask and what happens goes in, what must be done
 * now comes out.
 *
 *   created → made up to its gate → network leg → ports in force → clients that attached before → gate opened: running
 *   end: ports out of force → leg given back → told; then it rests, waits for its restart by policy, or goes (--rm)
 *
 * At most one act that waits for an answer is under way; its answer is the next input. An exit may arrive at any time. Nothing exists
 * of it in the kernel while it is not running: "created" is a row in node.db, and its files once it was started.
 *
 * What must survive is written before it is acted on: that a person stopped it (SAVE, then the signal), that it is being removed (SAVE,
 * then the files). Everything else can be told from its shim and its files: solo_resume.
 */
#pragma once
#include "base/base.h"

enum {
	SOLO_DELAY_MIN_MS = 100, SOLO_DELAY_MAX_MS = 60000,     /* before a restart by policy; doubles each time */
	SOLO_SETTLED_MS = 10000,                                /* after running so long the delay starts afresh */
	SOLO_CODE_UNKNOWN = 128,                                /* of a start that failed before there was a program */
};

enum solo_policy { SOLO_NEVER, SOLO_ON_FAILURE, SOLO_ALWAYS, SOLO_UNLESS_STOPPED };
enum solo_status { SOLO_CREATED, SOLO_RUNNING, SOLO_RESTARTING, SOLO_EXITED, SOLO_REMOVING, SOLO_DEAD };

enum solo_act {
	/* those with an answer */
	SOLO_ACT_SAVE,          /* its row, as it is now; answered when node.db has it. A failure is the shell's to log: life goes on */
	SOLO_ACT_MAKE,          /* take its host ports; then create it, or renew it when it has files, up to its gate */
	SOLO_ACT_ATTACH,        /* network leg */
	SOLO_ACT_PUBLISH,       /* into the port table, until that is in force */
	SOLO_ACT_CONNECT,       /* clients that attached before the start get their streams */
	SOLO_ACT_START,         /* open the gate */
	SOLO_ACT_WITHDRAW,      /* out of the port table */
	SOLO_ACT_DETACH,        /* give leg and host ports back */
	SOLO_ACT_REMOVE,        /* its files */
	SOLO_ACT_FORGET,        /* its anonymous volumes if they go with it, its row */
	/* those without */
	SOLO_ACT_NOTE,          /* write its row, nobody waits */
	SOLO_ACT_SIGNAL,        /* solo->signal, 0 for its own stop signal */
	SOLO_ACT_KILL,          /* an exit follows */
	SOLO_ACT_TIMER,         /* call SOLO_TIMER at solo->timer_ms; 0 cancels */
	SOLO_ACT_TELL_STARTED,
	SOLO_ACT_TELL_FAILED,   /* it could not be started: error, exit_code */
	SOLO_ACT_TELL_ENDED,    /* exit_code */
	SOLO_ACT_TELL_DEAD,     /* it could not be removed: error */
	SOLO_ACT_TELL_GONE,     /* nothing is left of it: drop it; comes last */
};
enum { SOLO_ACTS_MAX = 16 };

enum solo_event {
	SOLO_START,             /* a person starts it; harmless while it runs */
	SOLO_STOP,              /* a person: signal, grace, kill */
	SOLO_RESTART,           /* a person: stop, then start */
	SOLO_SIGNAL,            /* a person sends a signal; is_last: it is one that is meant to end it */
	SOLO_REMOVE,            /* a person: killed if it runs, then everything of it goes */
	SOLO_SHUTDOWN,          /* the agent ends its containers: as STOP, but no person wanted it */
	SOLO_RESUME,            /* after solo_resume */
	SOLO_ANSWER,            /* to the act under way; error NULL: success */
	SOLO_EXIT,              /* it has ended */
	SOLO_TIMER,
};
struct solo_in {
	enum solo_event event;
	msec now;
	int signal;             /* STOP, RESTART (0: its own), SIGNAL */
	bool is_last;           /* SIGNAL */
	msec grace_ms;          /* STOP, RESTART: -1 for its own, SOLO_FOREVER */
	const char *error;      /* ANSWER; EXIT: "" or what went wrong besides the code */
	int exit_code;          /* EXIT; ANSWER to START that failed: 126, 127 */
	bool oom_killed;        /* EXIT */
};
#define SOLO_FOREVER (INT64_MAX / 4)
struct solo_out { enum solo_act acts[SOLO_ACTS_MAX]; unsigned count; };

struct solo {
	/* fixed, or changed by a person's update */
	bool needs_network, has_ports;
	bool goes_at_end;                       /* --rm */
	int policy;                             /* enum solo_policy */
	unsigned max_restarts;                  /* ON_FAILURE; 0: no bound */
	msec grace_ms;                          /* SOLO_FOREVER: never killed */
	/* in its row */
	bool was_started;                       /* ever */
	bool is_stopped;                        /* by a person, since its last start */
	bool is_removing;
	unsigned restarts;                      /* by policy, since a person's start */
	int exit_code;                          /* of its last end, or of a start that failed */
	bool oom_killed;
	char error[512];
	/* what is so */
	bool has_files;                         /* the runtime knows it: it is renewed, not created */
	bool is_made, is_attached, is_published, is_connected, is_started;
	bool holds_ports;                       /* MAKE was tried: DETACH is due at the end */
	bool is_signalled, is_killed;
	bool is_busy;
	enum solo_act busy_with;
	/* what is wanted */
	bool is_wanted;                         /* it should run */
	bool is_personal;                       /* the start under way was a person's: its failure is told, and final */
	bool is_between;                        /* a person's restart: it ends to be started again */
	bool is_shut;                           /* SHUTDOWN: no restart by policy */
	bool must_save, has_news;               /* has_news: an end nobody was told of yet */
	bool has_failed;                        /* the start under way */
	bool is_dead, is_gone;
	int signal, stop_signal;                /* for SIGNAL; of the stop under way, 0: its own */
	msec stop_grace_ms;                     /* of the stop under way */
	msec timer_ms, started_ms, delay_ms;
	bool waits;                             /* for its restart by policy */
};

void solo_init(struct solo *solo, bool needs_network, bool has_ports, msec grace_ms);
/* What the host still has of it after a restart of the agent; the members "in its row" are filled already. */
struct solo_facts {
	bool has_files, is_made, is_started, is_attached, has_exited;
	msec ran_ms;                            /* how long it runs already */
	int exit_code;                          /* has_exited */
	bool oom_killed;
	const char *error;
};
void solo_resume(struct solo *solo, const struct solo_facts *facts, msec now);
void solo_step(struct solo *solo, const struct solo_in *in, struct solo_out *out);

enum solo_status solo_status(const struct solo *solo);
bool solo_is_alive(const struct solo *solo);            /* running, or being stopped */
/* Nothing is under way and nothing will happen by itself. */
bool solo_is_at_rest(const struct solo *solo);
