/* manager_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "manager/control.h"
#include "manager/manager.h"
#include "manager/verb.h"
#include "orchestrate/orchestrate.h"

struct manager {
	struct loop *loop;
	struct manager_hooks hooks;
	struct replica *replica;
	char node_id[ID_SIZE];
	struct rng rng;
	struct dirty *dirty;
	struct timer again;             /* when the orchestrator wants to be asked next */
	struct map *reports;            /* task id -> struct report: the newest of each task that is not proposed yet */
	struct timer propose;           /* at once, but not inside a callback; a timer because it can be cancelled */
	bool has_assigned;              /* the node has been told everything once */
	struct list asks;               /* verbs under way */
};

/* A verb on its way through the cluster, and whom to answer. */
struct ask {
	struct list link;
	struct manager *manager;
	struct arena arena;
	struct verb verb;               /* in the arena */
	struct err failure;             /* code 0: none yet */
	control_done_fn *done;
	void *arg;
};

/* ask.c */
struct ask *ask_new(struct manager *m, enum verb_kind kind, const char *id, control_done_fn *done, void *arg);
void ask_begin(struct ask *ask);
/* Answered from the loop: the callback never comes inside the call that asked. */
void ask_refuse(struct ask *ask, const struct err *err);
void asks_end(struct manager *m);       /* the manager is closed: each is answered so */
void manager_roster(const struct manager *m, struct roster *ret);

/* report.c */
void reports_propose(void *manager);
void reports_free(struct map *reports);
