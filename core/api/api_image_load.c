/* POST /images/load: the body is handed to the load as it comes; the answer is a stream of JSON lines, begun when there is something to tell. */
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "image/image_load.h"
#include "model/json.h"

struct loading {
	struct http_request *req;
	struct image_load *load;
	bool is_quiet, has_begun, is_slow;
};

static void put_line(struct loading *loading, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;

	json_write(doc, root, 0, &line);
	buf_add_str(&line, "\r\n");
	if (!loading->has_begun)
		http_reply_begin(loading->req, 200, "application/json");
	loading->has_begun = true;
	loading->is_slow = !http_reply_write(loading->req, line.data, line.len);
}

static void put_loaded(struct loading *loading, const char *what, const char *name)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	CLEANUP(str_freep) char *text = str_printf("%s: %s\n", what, name);

	api_add_str(doc, root, "stream", text);
	put_line(loading, doc, root);
}

static void put_error(struct loading *loading, const struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	api_add_str(doc, yyjson_mut_obj_add_obj(doc, root, "errorDetail"), "message", err->text);
	api_add_str(doc, root, "error", err->text);
	put_line(loading, doc, root);
}

static void load_writable(void *arg)
{
	http_body_pause(((struct loading *)arg)->req, false);
}

static void client_writable(void *arg)
{
	((struct loading *)arg)->is_slow = false;
}

/* A line that does not get through to a slow client is followed by a newer one. */
static void layer_got_on(void *arg, const struct image_intake_layer *layer)
{
	struct loading *loading = arg;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *detail;

	if (loading->is_quiet || loading->is_slow || layer->was_there)
		return;
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	api_add_str(doc, root, "status", "Loading layer");
	detail = yyjson_mut_obj_add_obj(doc, root, "progressDetail");
	yyjson_mut_obj_add_int(doc, detail, "current", layer->done_bytes);
	yyjson_mut_obj_add_int(doc, detail, "total", layer->blob_bytes);
	yyjson_mut_obj_add_val(doc, root, "id", yyjson_mut_strncpy(doc, layer->diff_id, 12));
	put_line(loading, doc, root);
}

static void loaded(void *arg, const struct image_loaded *images, size_t count, const struct err *err)
{
	struct loading *loading = arg;

	loading->load = NULL;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(str_freep) char *id = str_printf("sha256:%s", images[i].id);

		for (size_t n = 0; n < images[i].names.count; n++)
			put_loaded(loading, "Loaded image", images[i].names.items[n]);
		if (images[i].names.count == 0)
			put_loaded(loading, "Loaded image ID", id);
	}
	if (err && !loading->has_begun) {
		http_reply_error(loading->req, err);
	} else {
		if (err)
			put_error(loading, err);
		http_reply_end(loading->req);
	}
	free(loading);
}

static void gone(void *arg)
{
	struct loading *loading = arg;

	image_load_abort(loading->load);
	http_reply_abort(loading->req);
	free(loading);
}

static void body_bytes(void *arg, const uint8_t *bytes, size_t count)
{
	struct loading *loading = arg;

	if (!image_load_feed(loading->load, bytes, count))
		http_body_pause(loading->req, true);
}

static void body_end(void *arg, bool is_complete)
{
	struct loading *loading = arg;

	if (is_complete) {
		http_on_gone(loading->req, gone, loading);
		image_load_finish(loading->load);
		return;
	}
	image_load_abort(loading->load);
	http_reply_message(loading->req, 400, "image load: the archive broke off");
	free(loading);
}

void api_image_load(struct api *api, struct http_request *req, const char *name)
{
	static const struct http_body_events body_events = { body_bytes, body_end };
	static const struct image_load_events load_events = { load_writable, layer_got_on, loaded };
	struct loading *loading;
	const char *platform;
	struct err err;

	(void)name;
	if (api_query_platform(req, &platform, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	loading = NEW(struct loading);
	*loading = (struct loading){ .req = req, .is_quiet = http_query_is_true(req, "quiet") };
	http_on_writable(req, client_writable, loading);
	if (image_load_begin(api->host.images, platform, &load_events, loading, &loading->load, &err) < 0) {
		free(loading);
		http_reply_error(req, &err);
		return;
	}
	http_body_stream(req, &body_events, loading);
}
