#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "model/json.h"

/* ---- queries ----------------------------------------------------------------------------------------------------- */

int api_query_platform(struct http_request *req, const char **ret, struct err *err)
{
	const char *text = http_query(req, "platform");
	struct arena *arena = http_arena(req);

	*ret = str_is_empty(text) ? NULL : text;
	if (!*ret || *text != '{')
		return 0;
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *os = yyjson_get_str(yyjson_obj_get(root, "os")), *architecture = yyjson_get_str(yyjson_obj_get(root, "architecture"));
	const char *variant = yyjson_get_str(yyjson_obj_get(root, "variant"));
	if (os && architecture)
		*ret = arena_printf(arena, "%s/%s%s%s", os, architecture, str_is_empty(variant) ? "" : "/", variant ? variant : "");
	yyjson_doc_free(doc);
	return os && architecture ? 0 : err_set(err, ERR_INVALID, "invalid platform: not a JSON object with os and architecture");
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

/* A few bytes of JSON may become hundreds in a struct of ours: "{}" in a list. What is in the request's arena is bounded by this, too. */
enum { BODY_VALUES_MAX = 100000 };
struct body { struct api *api; const char *name; api_body_fn *fn; };

static void collected(void *arg, struct http_request *req, const char *bytes, size_t count)
{
	struct body *body = arg;
	yyjson_read_err why;
	yyjson_doc *doc;
	char *text;

	if (!bytes)
		return;
	if (count == 0) {
		http_reply_message(req, 400, "invalid JSON: got EOF while reading request body");
		return;
	}
	text = mem_new(count + YYJSON_PADDING_SIZE, 1);
	memcpy(text, bytes, count);
	doc = yyjson_read_opts(text, count, YYJSON_READ_INSITU, NULL, &why);
	if (!doc)
		http_reply_message(req, 400, "invalid JSON at byte %zu: %s", why.pos, why.msg);
	else if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
		http_reply_message(req, 400, "invalid JSON: expected an object");
	else if (yyjson_doc_get_val_count(doc) > BODY_VALUES_MAX)
		http_reply_message(req, 400, "invalid JSON: more than %d names and values", BODY_VALUES_MAX);
	else
		body->fn(body->api, req, yyjson_doc_get_root(doc), body->name);
	yyjson_doc_free(doc);
	/* whatever came of it, it may have been a password, or a secret; the bytes themselves are the connection's, which wipes them too */
	explicit_bzero(text, count);
	free(text);
}

void api_with_body(struct api *api, struct http_request *req, const char *name, api_body_fn *fn)
{
	struct body *body = ARENA_NEW(http_arena(req), struct body);

	*body = (struct body){ api, name, fn };
	http_body_collect(req, HTTP_JSON_BODY_BYTES, collected, body);
}

int api_query_version(struct http_request *req, uint64_t *ret)
{
	const char *text = http_query(req, "version");

	if (text && str_to_u64(text, ret) == 0)
		return 0;
	http_reply_message(req, 400, "invalid version '%.40s': the parameter version must be the object's Version.Index", text ? text : "");
	return -1;
}

int api_parse_moment(const char *text, nsec *ret)
{
	uint64_t seconds, fraction = 0;
	char whole[24];
	const char *dot;
	size_t digits;

	*ret = 0;
	if (str_is_empty(text))
		return 0;
	if (stamp_parse(text, ret) == 0)
		return 0;
	dot = strchr(text, '.');
	digits = dot ? strlen(dot + 1) : 0;
	if ((dot ? (size_t)(dot - text) : strlen(text)) >= 12 || digits > 9)
		return -1;
	snprintf(whole, sizeof whole, "%.*s", (int)(dot ? dot - text : (long)strlen(text)), text);
	if (str_to_u64(whole, &seconds) < 0 || (digits && str_to_u64(dot + 1, &fraction) < 0))
		return -1;
	for (; digits < 9; digits++)
		fraction *= 10;
	*ret = seconds < INT64_MAX / 1000000000 ? (nsec)(seconds * 1000000000 + fraction) : INT64_MAX;
	return 0;
}

/* ---- replies ----------------------------------------------------------------------------------------------------- */

void api_reply_doc(struct http_request *req, int status, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	json_write(doc, root, 0, &out);
	buf_add_char(&out, '\n');
	http_reply_json(req, status, out.data, out.len);
}

/* What every write is answered with; an id holds nothing that JSON would write otherwise. */
void api_reply_id(struct http_request *req, int status, const char *key, const char *id)
{
	const char *warnings = status == 201 && str_eq(key, "ID") ? ",\"Warnings\":null" : "";
	char text[2 * ID_SIZE + 128];
	int length = snprintf(text, sizeof text, "{\"%s\":\"%s\"%s}\n", key, id, warnings);

	check(length > 0 && (size_t)length < sizeof text);
	http_reply_json(req, status, text, (size_t)length);
}

void api_done_ok(void *arg, const char *object_id, uint64_t index, const struct err *err)
{
	struct http_request *req = arg;

	(void)object_id;
	(void)index;
	if (err)
		http_reply_error(req, err);
	else
		http_reply_empty(req, 200);
}

void api_add_stamp(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, nsec wall)
{
	char text[STAMP_TEXT_SIZE];
	yyjson_mut_obj_add_strcpy(doc, object, key, stamp_format(wall ? wall : STAMP_ZERO, text));
}

void api_add_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *value)
{
	yyjson_mut_obj_add_strcpy(doc, object, key, value ? value : "");
}

/* ---- long lists -------------------------------------------------------------------------------------------------- */

enum { PIECE_BYTES = 32 * 1024 };
struct listing { struct api *api; struct strlist ids; size_t at; api_item_fn *item; unsigned flags; bool has_begun, has_item; };

static void add_item(struct listing *list, const char *id, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *value = list->item(list->api, id, list->flags, doc);

	if (!value) {
		yyjson_mut_doc_free(doc);
		return;
	}
	if (list->has_item)
		buf_add_char(out, ',');
	list->has_item = true;
	json_write(doc, value, 0, out);
}

static bool piece(void *arg, struct buf *out)
{
	struct listing *list = arg;
	size_t before = out->len;

	if (!list->has_begun)
		buf_add_char(out, '[');
	list->has_begun = true;
	while (list->at < list->ids.count && out->len - before < PIECE_BYTES)
		add_item(list, list->ids.items[list->at++], out);
	if (list->at < list->ids.count)
		return true;
	buf_add_str(out, "]\n");
	return false;
}

static void listed(void *arg)
{
	struct listing *list = arg;

	strlist_fini(&list->ids);
	free(list);
}

void api_reply_list(struct api *api, struct http_request *req, struct strlist *ids, api_item_fn *item, unsigned flags)
{
	struct listing *list = NEW(struct listing);

	*list = (struct listing){ .api = api, .ids = *ids, .item = item, .flags = flags };
	*ids = (struct strlist){ 0 };
	http_reply_begin(req, 200, "application/json");
	http_reply_pull(req, piece, listed, list);
}
