/* Images that this host has, as a manager: the swarm is told which, nodes are told who has what, and given it. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "depot/depot_find.h"
#include "node/node_internal.h"
#include "os/log.h"
#include "pki/cert.h"

enum { STOCK_ARENA_MAX = 16 << 20, GIVE_ARENA_MAX = 4 << 20 };

/* ---- which --------------------------------------------------------------------------------------------------------- */

static void tell(void *arg)
{
	struct host *host = arg;
	struct image_copy *items;
	struct arena arena;
	size_t count;

	if (!host->swarm.manager)
		return;
	arena_init(&arena, "images", STOCK_ARENA_MAX);
	items = depot_stock(host->images, &arena, &count);
	manager_set_images(host->swarm.manager, items, count);
	arena_fini(&arena);
}

/* In the next round, so that whoever has been answered that an image is here finds that the swarm is told before his next question. */
void give_look(struct host *host)
{
	if (host->depot)
		timer_set_in(&host->stock, 0);
}

/* ---- who has what -------------------------------------------------------------------------------------------------- */

static const char *peer_of(const struct rpc_conn *conn)
{
	const struct cert_name *peer = rpc_conn_peer(conn);

	return peer ? peer->node_id : "";
}

/* What the asker may know and have: the images of its own tasks. Images of private registries are others' secrets as well. */
static int read_ask(struct host *host, const char *asker, const struct image_ask *said, struct image_ref *ret_ref, struct err *err)
{
	struct manager *manager = swarm_manager(host);

	if (!manager)
		return err_set(err, ERR_UNAVAILABLE, "this manager does not know the cluster yet");
	if (image_ref_parse(said->name ? said->name : "", ret_ref, err) < 0)
		return -1;
	image_ref_add_default_tag(ret_ref);
	if (!depot_may_have(manager_view(manager), asker, ret_ref))
		return err_set(err, ERR_DENIED, "node %s: has no task of this image", asker);
	return 0;
}

int image_answer(struct host *host, const char *asker, const struct image_ask *said, struct buf *out, struct err *err)
{
	struct image_answer answer = { 0 };
	struct image_platform platform;
	struct depot_found found;
	struct image_ref ref;
	struct arena arena;
	int rc = -1;

	arena_init(&arena, "image", GIVE_ARENA_MAX);
	if (read_ask(host, asker, said, &ref, err) == 0 && image_platform_parse(said->platform, &platform, err) == 0) {
		struct depot_wish wish = { &ref, &platform, asker, host->node_id };

		rc = depot_find(manager_view(swarm_manager(host)), &wish, &arena, &found, err);
	}
	if (rc == 0 && found.copy)
		answer = (struct image_answer){ found.copy->manifest, (char *)(uintptr_t)found.index,
						{ found.sources.items, MIN(found.sources.count, (size_t)FETCH_SOURCES_MAX) } };
	if (rc == 0)
		dispatch_write(&image_answer_shape, &answer, out);
	arena_fini(&arena);
	return rc;
}

static void on_image(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct image_ask said;
	struct arena arena;
	struct err err;

	arena_init(&arena, "image", GIVE_ARENA_MAX);
	if (dispatch_read(&image_ask_shape, body, size, &arena, &said, &err) < 0 || image_answer(arg, peer_of(conn), &said, &out, &err) < 0)
		rpc_reply_error(ask, &err);
	else
		rpc_reply(ask, out.data, out.len);
	arena_fini(&arena);
}

/* ---- giving -------------------------------------------------------------------------------------------------------- */

struct offer { struct host *host; char manifest[SHA256_HEX_SIZE], node_id[ID_SIZE], name[IMAGE_REF_TEXT_SIZE]; };

static void on_taken(void *arg, int fd, const struct err *err)
{
	struct offer *offer = arg;

	if (err) {
		log_debug("image %s: %s", offer->name, err->text);
	} else {
		log_info("image %s: is given to node %s", offer->name, offer->node_id);
		depot_serve(offer->host->depot, fd, offer->node_id, offer->manifest);
	}
	free(offer);
}

static int make_ticket(struct host *host, const char *asker, const struct image_ask *said, uint8_t ret_ticket[RPC_TICKET_BYTES], struct err *err)
{
	const struct image *image;
	struct image_ref ref;
	struct offer *offer;

	if (read_ask(host, asker, said, &ref, err) < 0 || image_store_get(host->images, said->name, &image, err) < 0)
		return -1;
	if (image->is_builtin || image->is_going)
		return err_set(err, ERR_NOT_FOUND, "No such image: %.300s", said->name);
	if (depot_check_room(host->depot, asker, err) < 0)
		return -1;
	offer = NEW(struct offer);
	*offer = (struct offer){ .host = host };
	str_copy(offer->manifest, sizeof offer->manifest, image->manifest);
	str_copy(offer->node_id, sizeof offer->node_id, asker);
	image_ref_format_familiar(&ref, offer->name);
	if (rpc_ticket_new(host->swarm.rpc, asker, ret_ticket, on_taken, offer, err))
		return 0;
	free(offer);
	return -1;
}

static void on_blob(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct image_ask said;
	struct arena arena;
	struct err err;

	arena_init(&arena, "image", GIVE_ARENA_MAX);
	if (dispatch_read(&image_ask_shape, body, size, &arena, &said, &err) < 0 || make_ticket(arg, peer_of(conn), &said, ticket, &err) < 0)
		rpc_reply_error(ask, &err);
	else
		rpc_reply(ask, ticket, sizeof ticket);
	arena_fini(&arena);
}

void give_serve(struct host *host, bool is_on)
{
	rpc_serve(host->swarm.rpc, RPC_IMAGE, is_on ? on_image : NULL, host);
	rpc_serve(host->swarm.rpc, RPC_BLOB, is_on ? on_blob : NULL, host);
	give_look(host);
}

void give_open(struct host *host)
{
	host->depot = depot_new(host->loop, host->images, DEPOT_STALL_MS);
	timer_init(&host->stock, host->loop, tell, host);
}

void give_close(struct host *host)
{
	if (host->depot)
		timer_cancel(&host->stock);
	depot_free(host->depot);
	host->depot = NULL;
}
