/* manager_internal.h - what the files of this room share. Nobody else includes it. */
#pragma once
#include "base/map.h"
#include "base/rng.h"
#include "manager/manager.h"
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
};

/* report.c */
void reports_propose(void *manager);
void reports_free(struct map *reports);
