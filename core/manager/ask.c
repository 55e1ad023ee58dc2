/* Verbs on their way: one request to the replica each. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"
#include "os/entropy.h"

/* A spec arrives in a body of at most 4 MiB. */
enum { ASK_BYTES_MAX = 64 << 20 };

struct ask *ask_new(struct manager *m, enum verb_kind kind, const char *id, control_done_fn *done, void *arg)
{
	struct ask *ask = NEW(struct ask);

	arena_init(&ask->arena, "ask", ASK_BYTES_MAX);
	ask->manager = m;
	ask->verb.kind = kind;
	ask->verb.id = arena_strdup(&ask->arena, id);
	ask->done = done;
	ask->arg = arg;
	list_add_last(&m->asks, &ask->link);
	return ask;
}

static void answer(struct ask *ask, uint64_t index, const struct err *err)
{
	list_remove(&ask->link);
	ask->done(ask->arg, ask->verb.id, index, err);
	arena_fini(&ask->arena);
	free(ask);
}

void manager_roster(const struct manager *m, struct roster *ret)
{
	ret->count = 1;
	ret->items[0] = (struct roster_member){ .raft_id = 1, .votes = true, .is_leader = true, .is_reachable = true };
	str_copy(ret->items[0].node_id, ID_SIZE, m->node_id);
}

static int check_ask(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct ask *ask = arg;
	struct roster roster;
	struct verb_scene scene = { .overlay = overlay, .now_ms = time.now_ms, .roster = &roster };

	if (ask->failure.code) {
		*err = ask->failure;
		return -1;
	}
	entropy_fill(&scene.seed, sizeof scene.seed);
	manager_roster(ask->manager, &roster);
	return verb_check(&ask->verb, &scene, out, err);
}

static void asked(void *arg, uint64_t index, const struct err *err)
{
	answer(arg, index, err);
}

void ask_begin(struct ask *ask)
{
	replica_request(ask->manager->replica, REPLICA_REQUEST, check_ask, asked, ask);
}

void ask_refuse(struct ask *ask, const struct err *err)
{
	ask->failure = *err;
	ask_begin(ask);
}

void asks_end(struct manager *m)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the cluster state is being closed; it is not known whether the change was made");
	LIST_EACH(link, &m->asks)
		answer(CONTAINER_OF(link, struct ask, link), 0, &err);
}
