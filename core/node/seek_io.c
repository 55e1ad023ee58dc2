/* Images that tasks of this host need and that are not here: who has them, asked of the manager in this process or of another one, and streams from
 * those who do. What the puller does with it: image/image_swarm.h. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "depot/depot_find.h"
#include "node/node_internal.h"
#include "pki/tls_io.h"

enum { SEEK_CALL_MS = 5000, SEEK_AGAIN_MS = 250, SEEK_MS = 6000, FULL_AGAIN_MS = 500, FULL_TRIES_MAX = 1200, SEEK_ARENA_MAX = 1 << 20 };

struct seeking {
	struct list link;
	struct host *host;
	char name[IMAGE_REF_TEXT_SIZE];
	char address[ADDRESS_SIZE];     /* of the node that is dialled; "": it is asked who has it */
	struct timer timer;             /* asks, and asks again */
	msec until;                     /* it is tried again; then the registry is asked instead */
	unsigned full_tries;
	struct errand *errand;
	struct rpc_call *call;
	struct rpc_ticket *ticket;
	image_found_fn *found;
	image_dialled_fn *dialled;
	void *arg;
};

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void quiet(struct seeking *seeking)
{
	timer_cancel(&seeking->timer);
	errand_forget(seeking->errand);
	rpc_call_forget(seeking->call);
	rpc_ticket_forget(seeking->ticket);
	seeking->errand = NULL;
	seeking->call = NULL;
	seeking->ticket = NULL;
}

static void forget(void *arg UNUSED, void *question)
{
	struct seeking *seeking = question;

	quiet(seeking);
	list_remove(&seeking->link);
	free(seeking);
}

static void finish(struct seeking *seeking, int fd, const struct image_found *found, const struct err *err)
{
	struct seeking ended = *seeking;

	forget(NULL, seeking);
	if (ended.found)
		ended.found(ended.arg, found, err);
	else
		ended.dialled(ended.arg, fd, err);
}

/* A manager may be away for a moment, or not know of the task yet; one that gives to many already has room again some time. */
static void fail(struct seeking *seeking, const struct err *err)
{
	if (err->code == ERR_EXHAUSTED && ++seeking->full_tries < FULL_TRIES_MAX)
		timer_set_in(&seeking->timer, FULL_AGAIN_MS);
	else if ((err->code == ERR_DENIED || (err->code == ERR_UNAVAILABLE && seeking->found)) &&
		 loop_now(seeking->host->loop) < seeking->until)
		timer_set_in(&seeking->timer, SEEK_AGAIN_MS);
	else
		finish(seeking, -1, NULL, err);
}

/* ---- a stream ---------------------------------------------------------------------------------------------------- */

static void on_stream(void *arg, int fd, const struct err *err)
{
	struct seeking *seeking = arg;

	seeking->ticket = NULL;
	if (err)
		fail(seeking, err);
	else
		finish(seeking, fd, NULL, NULL);
}

static void take_ticket(struct seeking *seeking, const void *body, size_t size)
{
	const struct tls_trust own_roots = { 0 };
	struct err err;

	if (size != RPC_TICKET_BYTES) {
		err_set(&err, ERR_INVALID, "that is no ticket");
		fail(seeking, &err);
		return;
	}
	seeking->ticket = rpc_ticket_redeem(seeking->host->swarm.rpc, seeking->address, &own_roots, body, on_stream, seeking);
}

/* ---- who has it -------------------------------------------------------------------------------------------------- */

static void take_answer(struct seeking *seeking, const void *body, size_t size)
{
	struct image_found found = { 0 };
	struct image_answer answer;
	struct arena arena;
	struct err err;

	arena_init(&arena, "image", SEEK_ARENA_MAX);
	if (dispatch_read(&image_answer_shape, body, size, &arena, &answer, &err) < 0) {
		fail(seeking, &err);
	} else {
		str_copy(found.manifest, sizeof found.manifest, answer.manifest ? answer.manifest : "");
		str_copy(found.index, sizeof found.index, answer.index ? answer.index : "");
		found.sources = answer.sources;
		finish(seeking, -1, &found, NULL);
	}
	arena_fini(&arena);
}

static void on_answer(void *arg, const void *body, size_t size, const struct err *err)
{
	struct seeking *seeking = arg;

	seeking->call = NULL;
	if (err)
		fail(seeking, err);
	else if (seeking->found)
		take_answer(seeking, body, size);
	else
		take_ticket(seeking, body, size);
}

static void on_errand(void *arg, const void *body, size_t size, const char *own_address UNUSED, const struct err *err)
{
	((struct seeking *)arg)->errand = NULL;
	on_answer(arg, body, size, err);
}

static void ask(void *arg)
{
	struct seeking *seeking = arg;
	struct host *host = seeking->host;
	struct manager *manager = swarm_manager(host);
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct image_platform platform = image_platform_host();
	char text[IMAGE_PLATFORM_TEXT_SIZE];
	struct image_ask said = { seeking->name, (char *)(uintptr_t)image_platform_format(&platform, text) };
	struct arena arena;
	struct err err;

	arena_init(&arena, "image", SEEK_ARENA_MAX);
	dispatch_write(&image_ask_shape, &said, &body);
	if (!host->swarm.rpc) {
		err_set(&err, ERR_UNAVAILABLE, "this node stops");
		fail(seeking, &err);
	} else if (seeking->address[0]) {
		seeking->errand = errand_new(host->loop, host->swarm.rpc, seeking->address, NULL, RPC_BLOB, &body, SEEK_CALL_MS, on_errand, seeking);
	} else if (manager && manager_is_current(manager)) {
		CLEANUP(buf_finip) struct buf answer = BUF_INIT;

		if (image_answer(host, host->node_id, &said, &answer, &err) < 0)
			fail(seeking, &err);
		else
			take_answer(seeking, answer.data, answer.len);
	} else if (host->swarm.client && dispatch_client_conn(host->swarm.client)) {
		seeking->call = rpc_call(dispatch_client_conn(host->swarm.client), RPC_IMAGE, body.data, body.len, SEEK_CALL_MS, on_answer, seeking);
	} else if (host->swarm.managers.count) {
		seeking->errand = errand_new(host->loop, host->swarm.rpc, swarm_manager_addresses(host, &arena), NULL, RPC_IMAGE, &body,
					     SEEK_CALL_MS, on_errand, seeking);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "no manager of the swarm is known");
		fail(seeking, &err);
	}
	arena_fini(&arena);
}

static struct seeking *begin(struct host *host, const char *name, void *arg)
{
	struct seeking *seeking = NEW(struct seeking);

	*seeking = (struct seeking){ .host = host, .arg = arg, .until = loop_now(host->loop) + SEEK_MS };
	check(str_copy(seeking->name, sizeof seeking->name, name));
	list_add_last(&host->seekings, &seeking->link);
	timer_init(&seeking->timer, host->loop, ask, seeking);
	timer_set_in(&seeking->timer, 0);
	return seeking;
}

static bool is_alone(const struct host *host)
{
	const struct manager *manager = swarm_manager(host);
	const struct view_object *object;

	for (size_t at = 0; manager && (object = view_next(manager_view(manager), KIND_NODE, &at));)
		if (VIEW_VALUE(node, object)->manager && !str_eq(object->meta.id, host->node_id))
			return false;
	return !host->swarm.managers.count;
}

/* One that is the only manager asks nobody. */
static void *find(void *arg, const char *name, image_found_fn *fn, void *fn_arg)
{
	struct host *host = arg;

	if (!host->swarm.rpc || !host->node_id[0] || is_alone(host))
		return NULL;
	struct seeking *seeking = begin(host, name, fn_arg);
	seeking->found = fn;
	return seeking;
}

static void *dial(void *arg, const char *name, const char *address, image_dialled_fn *fn, void *fn_arg)
{
	struct seeking *seeking = begin(arg, name, fn_arg);

	seeking->dialled = fn;
	check(str_copy(seeking->address, sizeof seeking->address, address));
	return seeking;
}

void seek_open(struct host *host)
{
	const struct image_swarm swarm = { find, dial, forget, host };

	list_init(&host->seekings);
	image_puller_set_swarm(host->puller, &swarm);
}

void seek_close(struct host *host)
{
	LIST_EACH(link, &host->seekings)
		quiet(CONTAINER_OF(link, struct seeking, link));
}
