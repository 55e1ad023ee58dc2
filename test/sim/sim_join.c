/* sim_join.c - what needs to see a manager's inside: the verb of a node that joins, as serve_io.c makes it of an ISSUE call, but nobody has
 * certificates here; and a note of its that is torn up. */
#include "manager/manager_internal.h"

/* sim.h cannot be read beside the above: two rooms have a struct ask inside. */
void sim_join(struct manager *m, const char *node_id, const char *address, const char *token, control_done_fn *done, void *arg);
void sim_forget_removals(struct manager *m);

void sim_join(struct manager *m, const char *node_id, const char *address, const char *token, control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_JOIN, node_id, done, arg);

	ask->verb.token = arena_strdup(&ask->arena, token);
	ask->verb.address = arena_strdup(&ask->arena, address);
	ask->verb.node.availability = AVAILABILITY_DRAIN;
	ask_begin(ask);
}

void sim_forget_removals(struct manager *m)
{
	gone_begin(&m->gone, 0);
}
