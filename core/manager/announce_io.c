/* Where this manager is reached, into the state: it says so itself, whenever the state says something else and there is a leader to tell. */
#include "base/str.h"
#include "manager/manager_internal.h"

enum { AGAIN_MS = 1000 };

static void announced(void *arg, const char *id UNUSED, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->is_announcing = false;
	if (m->replica && err)
		timer_set_in(&m->announce, AGAIN_MS);
}

void announce_look(void *arg)
{
	struct manager *m = arg;
	const struct node *self = m->replica ? view_node(manager_view(m), m->node_id) : NULL;
	struct ask *ask;

	if (m->is_announcing || !m->address[0] || !self || !self->manager || str_eq(self->manager->address, m->address) || !manager_has_leader(m))
		return;
	m->is_announcing = true;
	ask = ask_new(m, VERB_MANAGER_ADDRESS, m->node_id, announced, m);
	ask->verb.address = arena_strdup(&ask->arena, m->address);
	ask_begin(ask);
}

void manager_set_address(struct manager *m, const char *address)
{
	str_copy(m->address, sizeof m->address, address);
	peers_set_own_address(m->peers, address);
	timer_set_in(&m->announce, 0);
}

void manager_seen_at(struct manager *m, const char *node_id, const char *address)
{
	peers_seen_at(m->peers, node_id, address);
}
