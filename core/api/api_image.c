#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/image_filter.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "image/image_import.h"
#include "image/image_manifest.h"
#include "model/image_ref.h"
#include "os/clock.h"

static void add_id(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *hex)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "sha256:%s", hex);
	api_add_str(doc, object, key, buf_text(&text));
}

static void add_strings(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct strlist *list)
{
	yyjson_mut_val *array = yyjson_mut_obj_add_arr(doc, object, key);

	for (size_t i = 0; i < list->count; i++)
		yyjson_mut_arr_add_strcpy(doc, array, list->items[i]);
}

static bool is_of_repository(const char *digest, const struct image *image, const struct strlist *tags)
{
	size_t length = strcspn(digest, "@");

	if (image->tags.count == 0)              /* pulled by digest */
		return true;
	for (size_t i = 0; i < tags->count; i++)
		if (strncmp(tags->items[i], digest, length) == 0 && tags->items[i][length] == ':')
			return true;
	return false;
}

/* tags: those of its names that were asked for; digests go with their repository. */
static void add_names(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image *image, const struct strlist *tags)
{
	CLEANUP(strlist_finip) struct strlist all = { 0 }, digests = { 0 };

	image_repo_digests(image, &all);
	for (size_t i = 0; i < all.count; i++)
		if (is_of_repository(all.items[i], image, tags))
			strlist_add(&digests, all.items[i]);
	add_strings(doc, object, "RepoTags", tags);
	add_strings(doc, object, "RepoDigests", &digests);
}

static void add_labels(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_config *config)
{
	yyjson_mut_val *labels = yyjson_mut_obj_add_obj(doc, object, "Labels");

	for (size_t i = 0; i < config->labels.count; i++)
		yyjson_mut_obj_add(labels, yyjson_mut_strcpy(doc, config->labels.items[i].name),
				   yyjson_mut_strcpy(doc, config->labels.items[i].value ? config->labels.items[i].value : ""));
}

yyjson_mut_val *shape_image(const struct image *image, const struct strlist *tags, yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = yyjson_mut_obj(doc);

	add_id(doc, ret, "Id", image->id);
	api_add_str(doc, ret, "ParentId", "");
	add_names(doc, ret, image, tags);
	yyjson_mut_obj_add_int(doc, ret, "Created", image->config.created == STAMP_ZERO ? 0 : image->config.created / 1000000000);
	yyjson_mut_obj_add_int(doc, ret, "Size", image->size_bytes);
	yyjson_mut_obj_add_int(doc, ret, "SharedSize", -1);
	yyjson_mut_obj_add_int(doc, ret, "Containers", -1);
	add_labels(doc, ret, &image->config);
	return ret;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

void api_image_list(struct api *api, struct http_request *req, const char *name)
{
	const struct image *image;
	struct image_filter filter;
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;
	struct err err;

	(void)name;
	if (image_filter_parse(http_query(req, "filters"), IMAGE_FILTER_LIST, api->host.images, clock_wall_ns(), http_arena(req), &filter, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	list = yyjson_mut_arr(doc);
	for (size_t at = 0; (image = image_store_at(api->host.images, at)); at++) {
		CLEANUP(strlist_finip) struct strlist tags = { 0 };

		if (image_filter_holds(&filter, image, &tags))
			yyjson_mut_arr_append(list, shape_image(image, &tags, doc));
	}
	api_reply_doc(req, 200, doc, list);
}

/* ---- one image --------------------------------------------------------------------------------------------------- */

static void add_layers(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image *image)
{
	yyjson_mut_val *root = yyjson_mut_obj_add_obj(doc, object, "RootFS"), *layers;

	api_add_str(doc, root, "Type", "layers");
	layers = yyjson_mut_obj_add_arr(doc, root, "Layers");
	for (size_t i = 0; i < image->layer_count; i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		buf_printf(&text, "sha256:%s", image->layers[i].diff_id);
		yyjson_mut_arr_add_strcpy(doc, layers, buf_text(&text));
	}
}

static void add_config(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_config *config)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_doc *parsed;

	image_config_format_run(config, &text);
	parsed = yyjson_read(text.data, text.len, 0);
	if (parsed)
		yyjson_mut_obj_add_val(doc, object, "Config", yyjson_val_mut_copy(doc, yyjson_doc_get_root(parsed)));
	yyjson_doc_free(parsed);
}

void api_image_inspect(struct api *api, struct http_request *req, const char *name)
{
	const struct image *image;
	struct runtime_facts runtime;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;
	struct err err;

	if (image_store_get(api->host.images, name, &image, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	runtime_facts(api->host.runtime, &runtime);
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	add_id(doc, root, "Id", image->id);
	add_names(doc, root, image, &image->tags);
	api_add_str(doc, root, "Parent", "");
	api_add_str(doc, root, "Comment", image->config.comment);
	api_add_stamp(doc, root, "Created", image->config.created);
	api_add_str(doc, root, "DockerVersion", "");
	api_add_str(doc, root, "Author", image->config.author);
	add_config(doc, root, &image->config);
	api_add_str(doc, root, "Architecture", image->config.architecture);
	if (!str_is_empty(image->config.variant))
		api_add_str(doc, root, "Variant", image->config.variant);
	api_add_str(doc, root, "Os", image->config.os);
	yyjson_mut_obj_add_int(doc, root, "Size", image->size_bytes);
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, root, "GraphDriver"), "Name", runtime.storage_driver);
	add_layers(doc, root, image);
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, root, "Metadata"), "LastTagTime", "0001-01-01T00:00:00Z");
	api_reply_doc(req, 200, doc, root);
}

static yyjson_mut_val *history_item(const struct image *image, const struct image_history *h, int64_t size_bytes, bool is_top, yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = yyjson_mut_obj(doc);

	api_add_str(doc, ret, "Comment", h->comment);
	yyjson_mut_obj_add_int(doc, ret, "Created", h->created == STAMP_ZERO ? 0 : h->created / 1000000000);
	api_add_str(doc, ret, "CreatedBy", h->created_by);
	if (is_top) {
		add_id(doc, ret, "Id", image->id);
		add_strings(doc, ret, "Tags", &image->tags);
	} else {
		api_add_str(doc, ret, "Id", "<missing>");
		yyjson_mut_obj_add_null(doc, ret, "Tags");
	}
	yyjson_mut_obj_add_int(doc, ret, "Size", size_bytes);
	return ret;
}

/* Newest first. Steps that made no layer have no size; what the config tells too much, or not at all, has none either. */
void api_image_history(struct api *api, struct http_request *req, const char *name)
{
	const struct image *image;
	size_t layer = 0;
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;
	struct err err;

	if (image_store_get(api->host.images, name, &image, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	list = yyjson_mut_arr(doc);
	for (size_t i = 0; i < image->config.history_count; i++) {
		const struct image_history *h = &image->config.history[i];
		int64_t size = !h->is_empty_layer && layer < image->layer_count ? image->layers[layer++].size_bytes : 0;

		yyjson_mut_arr_prepend(list, history_item(image, h, size, i + 1 == image->config.history_count, doc));
	}
	api_reply_doc(req, 200, doc, list);
}

static void tagged(void *arg, const struct err *err)
{
	if (err)
		http_reply_error(arg, err);
	else
		http_reply_empty(arg, 201);
}

void api_image_tag(struct api *api, struct http_request *req, const char *name)
{
	const char *repository = http_query(req, "repo"), *tag = http_query(req, "tag");
	const char *target;

	if (str_is_empty(repository)) {
		http_reply_message(req, 400, "invalid reference format: the parameter repo is empty");
		return;
	}
	target = str_is_empty(tag) ? repository : arena_printf(http_arena(req), "%s:%s", repository, tag);
	image_store_tag(api->host.images, name, target, tagged, req);
}

static void add_removed(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct image_removed *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		api_add_str(doc, yyjson_mut_arr_add_obj(doc, list), items[i].is_untagged ? "Untagged" : "Deleted", items[i].text);
}

static void removed(void *arg, const struct image_removed *items, size_t count, const struct err *err)
{
	struct http_request *req = arg;
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;

	if (err) {
		http_reply_error(req, err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	list = yyjson_mut_arr(doc);
	add_removed(doc, list, items, count);
	api_reply_doc(req, 200, doc, list);
}

void api_image_remove(struct api *api, struct http_request *req, const char *name)
{
	image_store_remove(api->host.images, name, http_query_is_true(req, "force"), removed, req);
}

struct pruning { struct http_request *req; struct image_filter filter; };       /* in the request's arena */

static bool wants_to_prune(void *arg, const struct image *image)
{
	return image_filter_holds(&((struct pruning *)arg)->filter, image, NULL);
}

static void pruned(void *arg, const struct image_removed *items, size_t count, int64_t reclaimed_bytes, const struct err *err)
{
	struct http_request *req = ((struct pruning *)arg)->req;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (err) {
		http_reply_error(req, err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	if (count)
		add_removed(doc, yyjson_mut_obj_add_arr(doc, root, "ImagesDeleted"), items, count);
	else
		yyjson_mut_obj_add_null(doc, root, "ImagesDeleted");
	yyjson_mut_obj_add_int(doc, root, "SpaceReclaimed", reclaimed_bytes);
	api_reply_doc(req, 200, doc, root);
}

void api_image_prune(struct api *api, struct http_request *req, const char *name)
{
	struct pruning *pruning = ARENA_NEW(http_arena(req), struct pruning);
	struct err err;

	(void)name;
	pruning->req = req;
	if (image_filter_parse(http_query(req, "filters"), IMAGE_FILTER_PRUNE, api->host.images, clock_wall_ns(), http_arena(req), &pruning->filter,
			       &err) < 0)
		http_reply_error(req, &err);
	else
		image_store_prune(api->host.images, wants_to_prune, pruned, pruning);
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

/* The body is handed to the import as it comes. */
struct importing { struct http_request *req; struct image_import *import; };

static void import_writable(void *arg)
{
	struct importing *importing = arg;
	http_body_pause(importing->req, false);
}

static void imported(void *arg, const char *id, const struct err *err)
{
	struct importing *importing = arg;
	CLEANUP(buf_finip) struct buf line = BUF_INIT;

	importing->import = NULL;
	if (err) {
		http_reply_error(importing->req, err);
	} else {
		buf_printf(&line, "{\"status\":\"%s\"}\r\n", id);
		http_reply_json(importing->req, 200, line.data, line.len);
	}
	free(importing);
}

static void body_bytes(void *arg, const uint8_t *bytes, size_t count)
{
	struct importing *importing = arg;

	if (importing->import && !image_import_feed(importing->import, bytes, count))
		http_body_pause(importing->req, true);
}

/* When the import has ended on its own (a broken archive) importing is gone, and so is the request: nothing comes here then. */
static void body_end(void *arg, bool is_complete)
{
	struct importing *importing = arg;

	if (is_complete) {
		image_import_finish(importing->import);
		return;
	}
	image_import_abort(importing->import);
	http_reply_message(importing->req, 400, "image import: the archive broke off");
	free(importing);
}

static size_t collect_changes(struct http_request *req, const char **ret, size_t max)
{
	size_t count = 0;
	const char *change;

	for (size_t at = 0; count < max && (change = http_query_next(req, "changes", &at));)
		ret[count++] = change;
	return count;
}

void api_image_create(struct api *api, struct http_request *req, const char *name)
{
	static const struct http_body_events body_events = { body_bytes, body_end };
	static const struct image_import_events import_events = { import_writable, imported };
	const char *repository = http_query(req, "repo"), *tag = http_query(req, "tag"), *source = http_query(req, "fromSrc");
	const char *changes[101];
	struct image_import_options options = { .message = http_query(req, "message"), .platform = http_query(req, "platform"),
						.changes = changes };
	struct importing *importing;
	struct err err;

	(void)name;
	if (!str_is_empty(http_query(req, "fromImage"))) {
		api_pull(api, req);
		return;
	}
	if (!str_eq(source, "-")) {
		http_reply_message(req, 501, "image import from a URL ('%.100s') is not supported by swarmbox yet: send the archive itself",
				   source ? source : "");
		return;
	}
	options.ref = str_is_empty(repository) || str_is_empty(tag) ? repository : arena_printf(http_arena(req), "%s:%s", repository, tag);
	options.change_count = collect_changes(req, changes, ARRAY_COUNT(changes));
	importing = NEW(struct importing);
	importing->req = req;
	if (image_import_begin(api->host.images, &options, &import_events, importing, &importing->import, &err) < 0) {
		free(importing);
		http_reply_error(req, &err);
		return;
	}
	http_body_stream(req, &body_events, importing);
}
