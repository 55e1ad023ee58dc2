#include "depot/depot_serve_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_server_io.h"
#include "image/image_blob.h"
#include "image/image_manifest.h"
#include "os/log.h"

enum { QUEUE_BYTES = 128 * 1024, HEAD_BYTES = 4096, IDLE_MS = 120000 };

struct depot {
	struct loop *loop;
	struct image_store *store;
	struct http_server *server;
	msec stall_ms;
	struct line { char node_id[ID_SIZE], manifest[SHA256_HEX_SIZE]; } *lines;        /* by descriptor: whose stream it is, and what for */
	size_t line_count;
};

/* One answer on its way. */
struct giving {
	struct depot *depot;
	struct http_request *req;
	struct image_blob_reader *reader;
	struct timer stall;
	bool is_reading;
};

static void next(struct giving *giving);

static void end(struct giving *giving)
{
	timer_cancel(&giving->stall);
	image_blob_free(giving->reader);
	free(giving);
}

static void cut_off(void *arg)
{
	struct giving *giving = arg;

	http_on_gone(giving->req, NULL, NULL);
	http_reply_abort(giving->req);
	end(giving);
}

static void on_stall(void *arg)
{
	log_info("depot: a node takes nothing: cut off");
	cut_off(arg);
}

static void on_room(void *arg)
{
	struct giving *giving = arg;

	if (!giving->is_reading)
		next(giving);
}

static void got_piece(void *arg, const void *bytes, size_t count, const struct err *err)
{
	struct giving *giving = arg;

	giving->is_reading = false;
	if (err) {
		log_error("depot: %s", err->text);
		cut_off(giving);
	} else if (count == 0) {
		http_on_gone(giving->req, NULL, NULL);
		http_reply_end(giving->req);
		end(giving);
	} else {
		timer_set_in(&giving->stall, giving->depot->stall_ms);
		if (http_reply_write(giving->req, bytes, count))
			next(giving);
	}
}

static void next(struct giving *giving)
{
	giving->is_reading = true;
	image_blob_next(giving->reader, got_piece, giving);
}

/* "bytes=N-", which is all that is ever asked for; else all of it. */
static int64_t offset_of(const struct http_request *req)
{
	const char *range = http_header(req, "Range"), *from = range ? str_after(range, "bytes=") : NULL;
	int64_t offset = 0;

	if (from && str_ends(from, "-")) {
		CLEANUP(str_freep) char *number = str_printf("%.*s", (int)strlen(from) - 1, from);

		if (str_to_i64(number, &offset) < 0 || offset < 0)
			offset = 0;
	}
	return offset;
}

static void give(struct depot *depot, struct http_request *req, const struct image *image, const char *digest)
{
	CLEANUP(str_freep) char *range = NULL;
	int64_t offset = offset_of(req);
	struct image_blob_reader *reader;
	struct err err;

	if (image_blob_open(depot->store, image, digest, offset, &reader, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	struct giving *giving = NEW(struct giving);
	*giving = (struct giving){ .depot = depot, .req = req, .reader = reader };
	timer_init(&giving->stall, depot->loop, on_stall, giving);
	http_on_gone(req, cut_off, giving);
	http_on_writable(req, on_room, giving);
	if (offset) {
		range = str_printf("bytes %lld-*/*", (long long)offset);
		http_reply_header(req, "Content-Range", range);
	}
	http_reply_begin(req, offset ? 206 : 200, !str_eq(digest, image->manifest) ? "application/octet-stream" :
			 image->is_docker_manifest ? IMAGE_DOCKER_MANIFEST_TYPE : IMAGE_MANIFEST_TYPE);
	next(giving);
}

static const struct image *image_of(const struct depot *depot, const struct http_request *req)
{
	int fd = http_peer_fd(req);

	for (size_t i = 0; fd >= 0 && (size_t)fd < depot->line_count && i < image_store_count(depot->store); i++) {
		const struct image *image = image_store_at(depot->store, i);

		if (image->manifest[0] && str_eq(image->manifest, depot->lines[fd].manifest))
			return image;
	}
	return NULL;
}

static void handle(void *arg, struct http_request *req)
{
	struct depot *depot = arg;
	const struct image *image = image_of(depot, req);
	const char *path = http_path(req), *digest = strrchr(path, '/');

	digest = str_starts(path, "/v2/") && digest ? str_after(digest, "/sha256:") : NULL;
	if (!str_eq(http_method(req), "GET") || !digest)
		http_reply_message(req, 404, "page not found");
	else if (!image)
		http_reply_message(req, 404, "the image is not here any more");
	else
		give(depot, req, image, digest);
}

static void on_close(void *arg, int fd)
{
	struct depot *depot = arg;

	if (fd >= 0 && (size_t)fd < depot->line_count)
		depot->lines[fd].node_id[0] = depot->lines[fd].manifest[0] = '\0';
}

struct depot *depot_new(struct loop *loop, struct image_store *store, msec stall_ms)
{
	struct http_config config = { .limits = HTTP_LIMITS_DEFAULT, .on_close = on_close };
	struct depot *depot = NEW(struct depot);

	config.limits.connections = DEPOT_STREAMS_MAX;
	config.limits.queue_bytes = QUEUE_BYTES;
	config.limits.head_bytes = HEAD_BYTES;
	config.limits.idle_ms = IDLE_MS;
	config.limits.drain_ms = stall_ms;
	*depot = (struct depot){ .loop = loop, .store = store, .stall_ms = stall_ms };
	depot->server = http_server_new(loop, &config, handle, depot);
	return depot;
}

void depot_free(struct depot *depot)
{
	if (!depot)
		return;
	http_server_free(depot->server);
	free(depot->lines);
	free(depot);
}

int depot_check_room(const struct depot *depot, const char *node_id, struct err *err)
{
	size_t own = 0;

	for (size_t i = 0; i < depot->line_count; i++)
		own += str_eq(depot->lines[i].node_id, node_id);
	if (own >= DEPOT_STREAMS_PER_NODE || http_server_connections(depot->server) >= DEPOT_STREAMS_MAX)
		return err_set(err, ERR_EXHAUSTED, "this manager gives as many images as it can already, %zu of them to this node", own);
	return 0;
}

void depot_serve(struct depot *depot, int fd, const char *node_id, const char *manifest)
{
	struct err ignored;
	size_t at = (size_t)fd;

	if (depot_check_room(depot, node_id, &ignored) < 0) {
		close(fd);
		return;
	}
	if (at >= depot->line_count) {
		depot->lines = mem_resize(depot->lines, at + 1, sizeof *depot->lines);
		memset(depot->lines + depot->line_count, 0, (at + 1 - depot->line_count) * sizeof *depot->lines);
		depot->line_count = at + 1;
	}
	str_copy(depot->lines[at].node_id, ID_SIZE, node_id);
	str_copy(depot->lines[at].manifest, SHA256_HEX_SIZE, manifest);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	http_server_accept(depot->server, fd);
}
