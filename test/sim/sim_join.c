/* sim_join.c - the verb of a node that joins, as serve_io.c makes it of an ISSUE call: but nobody has certificates here. */
#include "manager/manager_internal.h"

/* sim.h cannot be read beside the above: two rooms have a struct ask inside. */
void sim_join(struct manager *m, const char *node_id, const char *address, const char *token, control_done_fn *done, void *arg);

void sim_join(struct manager *m, const char *node_id, const char *address, const char *token, control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_JOIN, node_id, done, arg);

	ask->verb.token = arena_strdup(&ask->arena, token);
	ask->verb.address = arena_strdup(&ask->arena, address);
	ask->verb.node.availability = AVAILABILITY_DRAIN;
	ask_begin(ask);
}
