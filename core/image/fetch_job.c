#include "image/fetch_job.h"

#include <string.h>
#include <yyjson.h>

#include "base/str.h"
#include "model/json.h"

static const char *const work_names[] = { "pull", "resolve", "login", NULL };
static const struct field fetch_job_fields[] = {
	F_ENUM(1, fetch_job, work, "work", FIELD_ALWAYS, work_names),
	F(2, STR, fetch_job, domain, "domain", 0),
	F(3, STR, fetch_job, repository, "repository", 0),
	F(4, STR, fetch_job, tag, "tag", 0),
	F(5, STR, fetch_job, digest, "digest", 0),
	F(6, STR, fetch_job, platform, "platform", 0),
	F_OF(7, OPTION, fetch_job, auth, "auth", 0, registry_auth_shape),
	F(8, STR_LIST, fetch_job, insecure, "insecure", 0),
	F(9, STR_LIST, fetch_job, mirrors, "mirrors", 0),
	F(10, STR_LIST, fetch_job, certs_dirs, "certs_dirs", 0),
	F(11, STR, fetch_job, ca_file, "ca_file", 0),
	F(12, STR, fetch_job, http_proxy, "http_proxy", 0),
	F(13, STR, fetch_job, https_proxy, "https_proxy", 0),
	F(14, STR, fetch_job, no_proxy, "no_proxy", 0),
	F(15, STR, fetch_job, user_agent, "user_agent", 0),
	F(16, U64, fetch_job, stall_ms, "stall_ms", 0),
	F(17, U64, fetch_job, retry_ms, "retry_ms", 0),
	F(18, STR_LIST, fetch_job, sources, "sources", 0),
};
const struct shape fetch_job_shape = SHAPE(fetch_job, fetch_job_fields);

static const struct field fetch_order_fields[] = {
	F(1, STR_LIST, fetch_order, want, "want", FIELD_ALWAYS),
};
static const struct shape fetch_order_shape = SHAPE(fetch_order, fetch_order_fields);

static const char *const what_names[] = { "image", "progress", "retry", "blob", "resolved", "logged_in", "note", "done", "failed", NULL };
static const struct field fetch_event_fields[] = {
	F_ENUM(1, fetch_event, what, "what", FIELD_ALWAYS, what_names),
	F(2, STR, fetch_event, digest, "digest", 0),
	F(3, STR, fetch_event, index, "index", 0),
	F(4, STR, fetch_event, type, "type", 0),
	F(5, I64, fetch_event, bytes, "bytes", 0),
	F(6, I64, fetch_event, seconds, "seconds", 0),
	F(7, STR_LIST, fetch_event, platforms, "platforms", 0),
	F(8, I64, fetch_event, code, "code", 0),
	F(9, STR, fetch_event, text, "text", 0),
};
static const struct shape fetch_event_shape = SHAPE(fetch_event, fetch_event_fields);

/* ---- lines ------------------------------------------------------------------------------------------------------------------ */

static void format_line(const struct shape *shape, const void *value, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	json_write(doc, shape_to_json(shape, value, doc), 0, out);
	buf_add_char(out, '\n');
}

static int parse_line(const struct shape *shape, const char *line, size_t bytes, const char *what, struct arena *arena, void *ret,
		      struct err *err)
{
	yyjson_doc *doc = bytes <= FETCH_LINE_MAX_BYTES ? yyjson_read(line, bytes, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);

	memset(ret, 0, shape->size);
	int rc = yyjson_is_obj(root) ? shape_from_json(shape, root, arena, ret, err) : err_set(err, ERR_INVALID, "no JSON object");
	yyjson_doc_free(doc);
	return rc < 0 ? err_wrap(err, "%s", what) : 0;
}

bool fetch_is_digest(const char *hex)
{
	return hex && strlen(hex) == SHA256_HEX_SIZE - 1 && strspn(hex, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

/* ---- job and order ---------------------------------------------------------------------------------------------------------- */

void fetch_job_format(const struct fetch_job *job, struct buf *out)
{
	format_line(&fetch_job_shape, job, out);
}

int fetch_job_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_job *ret, struct err *err)
{
	if (parse_line(&fetch_job_shape, line, bytes, "job", arena, ret, err) < 0)
		return -1;
	if (str_is_empty(ret->domain) || (ret->work != FETCH_LOGIN && str_is_empty(ret->repository)))
		return err_set(err, ERR_INVALID, "job: no registry or no repository");
	if (ret->sources.count > FETCH_SOURCES_MAX || (ret->sources.count && (ret->work != FETCH_PULL || str_is_empty(ret->digest))))
		return err_set(err, ERR_INVALID, "job: nodes are only asked for one digest, and %d of them at most", FETCH_SOURCES_MAX);
	return 0;
}

void fetch_order_format(const struct fetch_order *order, struct buf *out)
{
	format_line(&fetch_order_shape, order, out);
}

int fetch_order_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_order *ret, struct err *err)
{
	if (parse_line(&fetch_order_shape, line, bytes, "order", arena, ret, err) < 0)
		return -1;
	if (ret->want.count > FETCH_WANT_MAX)
		return err_set(err, ERR_INVALID, "order: more than %d blobs", FETCH_WANT_MAX);
	for (size_t i = 0; i < ret->want.count; i++)
		if (!fetch_is_digest(ret->want.items[i]))
			return err_set(err, ERR_INVALID, "order: no digest");
	return 0;
}

/* ---- events ----------------------------------------------------------------------------------------------------------------- */

void fetch_event_format(const struct fetch_event *event, struct buf *out)
{
	format_line(&fetch_event_shape, event, out);
}

static bool is_type(const char *type)
{
	return str_is_empty(type) || (strlen(type) <= 255 && strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+.-_") ==
								     strlen(type));
}

static bool makes_sense(const struct fetch_event *event)
{
	if (!str_is_empty(event->index) && !fetch_is_digest(event->index))
		return false;
	if (event->bytes < 0 || event->seconds < 0 || !is_type(event->type) || event->platforms.count > FETCH_PLATFORMS_MAX)
		return false;
	switch ((enum fetch_what)event->what) {
	case FETCH_IMAGE:
	case FETCH_PROGRESS:
	case FETCH_RETRY:
	case FETCH_BLOB:
	case FETCH_RESOLVED:
		return fetch_is_digest(event->digest);
	case FETCH_LOGGED_IN:
	case FETCH_NOTE:
	case FETCH_DONE:
		return true;
	case FETCH_FAILED:
		return event->code >= ERR_INVALID && event->code <= ERR_UNAUTHORIZED && !str_is_empty(event->text);
	}
	return false;
}

int fetch_event_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_event *ret, struct err *err)
{
	struct image_platform platform;
	struct err ignored;

	if (parse_line(&fetch_event_shape, line, bytes, "fetch", arena, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->platforms.count; i++)
		if (str_is_empty(ret->platforms.items[i]) || strlen(ret->platforms.items[i]) >= IMAGE_PLATFORM_TEXT_SIZE ||
		    image_platform_parse(ret->platforms.items[i], &platform, &ignored) < 0)
			return err_set(err, ERR_INVALID, "fetch: '%.40s' is no platform", ret->platforms.items[i]);
	if (!makes_sense(ret))
		return err_set(err, ERR_INVALID, "fetch: an event that makes no sense");
	if (ret->text)
		str_make_line(ret->text);
	return 0;
}
