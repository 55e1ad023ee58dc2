/* world.h - a cluster for tests of the orchestrator: a view, what is dirty, a clock that stands still until it is moved.
 *
 * Every change goes the real way: encoded, decoded, applied, its events fed to the dirty set.
 */
#pragma once
#include "base/rng.h"
#include "orchestrate/orchestrate.h"

struct world {
	struct view *view;
	struct dirty *dirty;
	struct rng rng;
	uint64_t index;
	msec now_ms, next_ms;           /* next: what orchestrate asked for */
	bool more;
	struct orchestrate_limits limits;
	void (*on_change)(void *arg, const struct change *change);     /* of orchestrate, before it is applied; may be NULL */
	void *arg;
};

void world_init(struct world *world, uint64_t seed);     /* a cluster object and nothing else, at one second of cluster time */
void world_fini(struct world *world);
void world_commit(struct world *world, const struct change_list *list);
/* Once; returns the number of changes. */
size_t world_step(struct world *world);
/* Until it has nothing to say; returns the number of changes of all calls. */
size_t world_settle(struct world *world);
/* The clock goes on, stopping wherever orchestrate wanted to be called. */
void world_wait(struct world *world, msec ms);

/* As manager/control does it. The spec is normalized and validated; id is the service's. */
void world_create_service(struct world *world, const char *id, const struct service_spec *spec);
void world_update_service(struct world *world, const char *id, const struct service_spec *spec);
void world_remove_service(struct world *world, const char *id);
void world_put_node(struct world *world, const char *id, const struct node *node);       /* new or changed */
void world_remove_node(struct world *world, const char *id);
void world_set_history(struct world *world, uint64_t limit);
/* What a node says about a task; states never go back. */
void world_report(struct world *world, const char *task_id, enum task_state state, const char *error);
