/* GET /images/get and /images/{name}/get: an archive, as fast as the client takes it. */
#include <stdlib.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "image/image_save.h"
#include "os/log.h"

enum { NAMES_MAX = 1024 };

struct saving { struct http_request *req; struct image_save *save; bool has_begun, is_reading, is_gone; };

static void next(struct saving *saving);

static void end(struct saving *saving)
{
	image_save_free(saving->save);
	free(saving);
}

static void gone(void *arg)
{
	struct saving *saving = arg;

	http_reply_abort(saving->req);
	end(saving);
}

static void client_writable(void *arg)
{
	struct saving *saving = arg;

	if (!saving->is_reading)
		next(saving);
}

/* What goes wrong before the first byte has a status; later the client sees that something is missing. */
static void fail(struct saving *saving, const struct err *err)
{
	http_on_gone(saving->req, NULL, NULL);
	if (saving->has_begun) {
		log_error("image save: %s", err->text);
		http_reply_abort(saving->req);
	} else {
		http_reply_error(saving->req, err);
	}
	end(saving);
}

static void got_piece(void *arg, const void *bytes, size_t count, const struct err *err)
{
	struct saving *saving = arg;

	saving->is_reading = false;
	if (err) {
		fail(saving, err);
		return;
	}
	if (!saving->has_begun)
		http_reply_begin(saving->req, 200, "application/x-tar");
	saving->has_begun = true;
	if (count == 0) {
		http_on_gone(saving->req, NULL, NULL);
		http_reply_end(saving->req);
		end(saving);
	} else if (http_reply_write(saving->req, bytes, count)) {
		next(saving);
	}
}

static void next(struct saving *saving)
{
	saving->is_reading = true;
	image_save_next(saving->save, got_piece, saving);
}

static void save_names(struct api *api, struct http_request *req, const char *const *names, size_t count)
{
	struct saving *saving;
	struct image_save *save;
	const char *platform;
	struct err err;

	if (api_query_platform(req, &platform, &err) < 0 || image_save_begin(api->host.images, names, count, platform, &save, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	saving = NEW(struct saving);
	*saving = (struct saving){ .req = req, .save = save };
	http_on_gone(req, gone, saving);
	http_on_writable(req, client_writable, saving);
	next(saving);
}

void api_image_save(struct api *api, struct http_request *req, const char *name)
{
	save_names(api, req, &name, 1);
}

void api_image_save_all(struct api *api, struct http_request *req, const char *name)
{
	const char **names = ARENA_ARRAY(http_arena(req), const char *, NAMES_MAX);
	size_t count = 0, at = 0;

	(void)name;
	while (count < NAMES_MAX && (names[count] = http_query_next(req, "names", &at)))
		count++;
	if (count == 0)
		http_reply_message(req, 400, "image save: no names of images are given");
	else if (count == NAMES_MAX)
		http_reply_message(req, 400, "image save: %d names or more at one time", NAMES_MAX);
	else
		save_names(api, req, names, count);
}
