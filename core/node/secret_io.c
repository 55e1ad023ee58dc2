/* Secrets and configs on their way to this host's agent: from the manager in this process, or piece by piece from another one. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "node/node_internal.h"
#include "pki/seal.h"

enum { WISH_CALL_MS = 5000, WISH_AGAIN_MS = 500, WISH_ARENA_MAX = 4 << 20, WISH_TRIES_MAX = 60, WISH_BYTES_MAX = 2 << 20 };

struct wish {
	struct list link;
	struct host *host;
	bool is_config;
	char task_id[ID_SIZE], id[ID_SIZE];
	struct buf bytes;               /* what has come so far */
	struct errand *errand;          /* the next piece */
	struct timer timer;             /* asks, and asks again */
	unsigned tries;
};

static void wish_free(struct wish *wish)
{
	list_remove(&wish->link);
	timer_cancel(&wish->timer);
	errand_forget(wish->errand);
	seal_wipe(&wish->bytes);
	free(wish);
}

static void end(struct wish *wish, const struct err *err)
{
	agent_take_secret(wish->host->agent, wish->task_id, wish->is_config, wish->id, wish->bytes.data, wish->bytes.len, err);
	wish_free(wish);
}

/* A manager may be away for a moment, or not know of the task yet. While none is in reach nobody has said no. */
static void fail(struct wish *wish, const struct err *err)
{
	wish->tries += !swarm_is_alone(wish->host);
	if (wish->tries >= WISH_TRIES_MAX || (err->code != ERR_UNAVAILABLE && err->code != ERR_DENIED))
		end(wish, err);
	else
		timer_set_in(&wish->timer, WISH_AGAIN_MS);
}

static void take_piece(struct wish *wish, const struct secret_piece *piece)
{
	struct err err;

	buf_add(&wish->bytes, piece->bytes.items, piece->bytes.count);
	if (wish->bytes.overflowed || piece->size > WISH_BYTES_MAX || (piece->bytes.count == 0 && wish->bytes.len < piece->size)) {
		err_set(&err, ERR_INVALID, "%s %s: a manager sent something else", wish->is_config ? "config" : "secret", wish->id);
		end(wish, &err);
	} else if (wish->bytes.len >= piece->size) {
		end(wish, NULL);
	} else {
		timer_set_in(&wish->timer, 0);
	}
}

static void answered(void *arg, const void *body, size_t size, const char *own_address UNUSED, const struct err *failure)
{
	struct wish *wish = arg;
	struct secret_piece piece;
	struct arena arena;
	struct err err;

	wish->errand = NULL;
	if (failure) {
		fail(wish, failure);
		return;
	}
	arena_init(&arena, "secret", WISH_ARENA_MAX);
	if (dispatch_read(&secret_piece_shape, body, size, &arena, &piece, &err) < 0)
		fail(wish, &err);
	else
		take_piece(wish, &piece);
	arena_fini(&arena);
}

static void ask_others(struct wish *wish)
{
	struct host *host = wish->host;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct secret_ask ask = { .task_id = wish->task_id, .id = wish->id, .is_config = wish->is_config, .offset = wish->bytes.len };
	struct arena arena;

	arena_init(&arena, "secret", WISH_ARENA_MAX);
	dispatch_write(&secret_ask_shape, &ask, &body);
	wish->errand = errand_new(host->loop, host->swarm.rpc, swarm_manager_addresses(host, &arena), NULL, RPC_SECRET, &body, WISH_CALL_MS,
				  answered, wish);
	arena_fini(&arena);
}

static void ask(void *arg)
{
	struct wish *wish = arg;
	struct host *host = wish->host;
	struct manager *manager = swarm_manager(host);
	struct err err;

	if (host->swarm.is_locked || !host->swarm.rpc) {
		timer_set_in(&wish->timer, WISH_AGAIN_MS);
		return;
	}
	if (manager && manager_secret_for_task(manager, host->node_id, wish->task_id, wish->is_config, wish->id, &wish->bytes, &err) == 0) {
		end(wish, NULL);
	} else if (host->swarm.managers.count) {
		ask_others(wish);
	} else {
		if (!manager)
			err_set(&err, ERR_UNAVAILABLE, "no manager is known that has the %s %s", wish->is_config ? "config" : "secret", wish->id);
		fail(wish, &err);
	}
}

void swarm_want_secret(void *arg, const char *task_id, bool is_config, const char *id)
{
	struct host *host = arg;
	struct wish *wish = NEW(struct wish);

	wish->host = host;
	wish->is_config = is_config;
	wish->bytes.ceiling = WISH_BYTES_MAX;
	check(str_copy(wish->task_id, sizeof wish->task_id, task_id) && str_copy(wish->id, sizeof wish->id, id));
	list_add_last(&host->swarm.wishes, &wish->link);
	timer_init(&wish->timer, host->loop, ask, wish);
	timer_set_in(&wish->timer, 0);
}

void wishes_drop(struct host *host)
{
	LIST_EACH(link, &host->swarm.wishes)
		wish_free(CONTAINER_OF(link, struct wish, link));
}
