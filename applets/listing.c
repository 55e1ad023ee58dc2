#include "applets/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/inspect.h"
#include "client/natural.h"
#include "model/image_ref.h"
#include "model/json.h"
#include "os/clock.h"

int listing_check_filter(void *args UNUSED, const struct option *option UNUSED, const char *value,
			 struct err *err)
{
	if (*value && !strchr(value, '='))
		return err_set(err, ERR_INVALID, "bad format of filter (expected name=value)");
	return 0;
}

void listing_add_filter(struct strlist *filters, const char *name, const char *value)
{
	strlist_add_printf(filters, "%s=%s", name, value);
}

/* Blanks around name and value go, the name is made small, as docker does. */
static void add_filter(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *filter)
{
	const char *equals = strchr(filter, '=');
	char name[64] = "";
	size_t length = 0;

	if (!equals)
		return;
	for (const char *c = filter; c < equals && length < sizeof(name) - 1; c++)
		if (*c != ' ' && *c != '\t')
			name[length++] = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	const char *value = equals + 1 + strspn(equals + 1, " \t");
	yyjson_mut_val *values = yyjson_mut_obj_get(object, name);
	if (!values) {
		values = yyjson_mut_obj(doc);
		yyjson_mut_obj_add(object, yyjson_mut_strcpy(doc, name), values);
	}
	yyjson_mut_obj_put(values, yyjson_mut_strcpy(doc, value), yyjson_mut_bool(doc, true));
}

void listing_add_filters(const struct strlist *filters, struct buf *path)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	for (size_t i = 0; i < filters->count; i++)
		add_filter(doc, object, filters->items[i]);
	json_write(doc, object, 0, &text);
	if (!str_eq(buf_text(&text), "{}"))
		call_add_query(path, "filters", buf_text(&text));
}

static int compare_at(const void *a, const void *b, void *path)
{
	yyjson_val *const *left = a, *const *right = b;

	return natural_compare(dig_str(*left, path), dig_str(*right, path));
}

yyjson_val **listing_sorted(yyjson_val *all, const char *path)
{
	yyjson_val **items = NEW_ARRAY(yyjson_val *, yyjson_arr_size(all) + 1), *item;
	yyjson_arr_iter iter;
	size_t count = 0;

	yyjson_arr_iter_init(all, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		items[count++] = item;
	qsort_r(items, count, sizeof *items, compare_at, (void *)(uintptr_t)path);
	return items;
}

int listing_print(const struct columns *columns, const char *format, bool quiet, const char *id)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	if (quiet && str_is_empty(format))
		columns_print_one(columns, id, &out);
	else if (columns_print(columns, format, &out, &err) < 0)
		return cli_fail(&err);
	cli_print_buf(&out);
	return EXIT_OK;
}

/* --- inspect, rm and the like --- */

struct inspection {
	yyjson_doc **docs;
	yyjson_val **roots;
	struct strlist errors;
	size_t count;
};

/* False when there is no point in asking for the next: nobody answers. */
static bool inspect_one(struct call *call, struct inspection *in, const char *path,
			const char *name, const char *query, const char *kind)
{
	CLEANUP(buf_finip) struct buf target = BUF_INIT;
	struct err err = {0};

	buf_add_str(&target, path);
	call_add_segment(&target, name);
	buf_add_str(&target, query);
	if (call_get(call, &in->docs[in->count], &err, "%s", buf_text(&target)) == 0) {
		in->roots[in->count] = yyjson_doc_get_root(in->docs[in->count]);
		in->count++;
		return true;
	}
	if (kind && call_status(call) == 404)
		strlist_add_printf(&in->errors, "Error: no such %s: %s", kind, name);
	else
		strlist_add(&in->errors, err.text);
	return call_status(call) != 0;
}

static int finish_inspection(struct inspection *in, const char *format)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};
	int code = EXIT_OK;

	if (inspect_print(in->roots, in->count, format, &out, &err) < 0)
		code = cli_fail(&err);
	cli_print_buf(&out);
	for (size_t i = 0; i < in->errors.count; i++) {
		cli_warn("%s", in->errors.items[i]);
		code = EXIT_FAILED;
	}
	for (size_t i = 0; i < in->count; i++)
		yyjson_doc_free(in->docs[i]);
	free(in->docs);
	free(in->roots);
	strlist_fini(&in->errors);
	return code;
}

int listing_inspect(struct cli *cli, const char *path, char *const *names, const char *query,
		    const char *format, const char *kind)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	size_t count = 0;

	if (!call)
		return cli_fail(&err);
	while (names[count])
		count++;
	struct inspection in = {
		.docs = NEW_ARRAY(yyjson_doc *, count + 1), .roots = NEW_ARRAY(yyjson_val *, count + 1),
	};
	for (size_t i = 0; i < count; i++)
		if (!inspect_one(call, &in, path, names[i], query, kind))
			break;
	return finish_inspection(&in, format);
}

int listing_each(struct cli *cli, const char *method, const char *path, char *const *names,
		 const char *query)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = call ? EXIT_OK : cli_fail(&err);
	bool is_forced = strstr(query, "force=1") != NULL;

	for (; call && *names; names++) {
		CLEANUP(buf_finip) struct buf target = BUF_INIT;
		bool is_delete = str_eq(method, "DELETE");

		buf_add_str(&target, path);
		call_add_segment(&target, *names);
		buf_add_str(&target, query);
		int result = is_delete ? call_delete(call, NULL, &err, "%s", buf_text(&target)) :
					 call_post(call, NULL, NULL, &err, "%s", buf_text(&target));
		if (result == 0) {
			cli_printf("%s\n", *names);
			continue;
		}
		cli_fail(&err);
		/* what is not there is gone, which is all that -f asks for */
		if (!is_forced || call_status(call) != 404)
			code = EXIT_FAILED;
		if (result < 0 && call_status(call) == 0)
			break;
	}
	return code;
}

char *listing_resolve_self(struct call *call, const char *name, struct err *err)
{
	yyjson_doc *info = NULL;
	char *id;

	if (!str_eq(name, "self"))
		return str_dup(name);
	if (call_get(call, &info, err, "/info") < 0)
		return NULL;
	id = str_dup(dig_str(yyjson_doc_get_root(info), "Swarm.NodeID"));
	yyjson_doc_free(info);
	if (*id)
		return id;
	free(id);
	/* Asking any node for it gives the agent's own words. */
	if (call_get(call, NULL, err, "/nodes") == 0)
		err_set(err, ERR_NOT_FOUND, "node ID not found in /info");
	return NULL;
}

/* --- texts --- */

void listing_age(nsec since_wall, struct buf *out)
{
	units_format_human_duration(clock_wall_ns() - since_wall, out);
}

void listing_moment(nsec wall, struct buf *out)
{
	char stamp[STAMP_TEXT_SIZE];

	/* 2026-01-31T10:00:00.5Z with other words between */
	for (const char *c = stamp_format(wall, stamp); *c && *c != 'Z'; c++)
		buf_add_char(out, *c == 'T' ? ' ' : *c);
	buf_add_str(out, " +0000 UTC");
}

void listing_labels(yyjson_val *labels, const char *separator, struct buf *out)
{
	struct strlist pairs = {0};
	yyjson_obj_iter iter;
	yyjson_val *key;

	yyjson_obj_iter_init(labels, &iter);
	while ((key = yyjson_obj_iter_next(&iter)))
		strlist_add_printf(&pairs, "%s=%s", yyjson_get_str(key),
				   yyjson_get_str(yyjson_obj_iter_get_val(key)));
	strlist_sort(&pairs);
	for (size_t i = 0; i < pairs.count; i++)
		buf_printf(out, "%s%s", i ? separator : "", pairs.items[i]);
	strlist_fini(&pairs);
}

void listing_image(const char *image, struct buf *out)
{
	struct image_ref ref;
	char text[IMAGE_REF_TEXT_SIZE];
	struct err ignored = {0};

	if (image_ref_parse(image, &ref, &ignored) < 0 || !ref.tag[0]) {
		buf_add_str(out, image);
		return;
	}
	ref.digest[0] = '\0';
	buf_add_str(out, image_ref_format_familiar(&ref, text));
}

void listing_ellipsis(const char *text, size_t length, struct buf *out)
{
	size_t width = 0, keep = 0;

	for (size_t i = 0; text[i]; i++) {
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (width < length)
			keep = i + 1;   /* whole characters, one short for the … */
	}
	if (width <= length) {
		buf_add_str(out, text);
		return;
	}
	buf_add(out, text, keep);
	buf_add_str(out, "…");
}

void listing_capital(const char *text, struct buf *out)
{
	char c = text[0];

	if (!c)
		return;
	buf_add_char(out, (char)(c >= 'a' && c <= 'z' ? c - 32 : c));
	buf_add_str(out, text + 1);
}
