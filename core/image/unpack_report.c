#include "image/unpack_report.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/str.h"
#include "model/json.h"

static void write_line(yyjson_mut_doc *doc, yyjson_mut_val *root, struct buf *out)
{
	json_write(doc, root, 0, out);
	buf_add_char(out, '\n');
}

void unpack_report_format(const struct unpack_report *r, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	char name[sizeof(r->xattr_skipped)];

	str_copy(name, sizeof(name), r->xattr_skipped);
	str_make_line(name);
	yyjson_mut_obj_add_str(doc, root, "diff_id", r->diff_id);
	yyjson_mut_obj_add_str(doc, root, "blob", r->blob);
	yyjson_mut_obj_add_sint(doc, root, "blob_bytes", r->blob_bytes);
	yyjson_mut_obj_add_sint(doc, root, "kind", (int64_t)r->kind);
	yyjson_mut_obj_add_sint(doc, root, "data_bytes", r->data_bytes);
	yyjson_mut_obj_add_sint(doc, root, "entries", r->entries);
	yyjson_mut_obj_add_sint(doc, root, "newest_s", r->newest_s);
	yyjson_mut_obj_add_sint(doc, root, "xattrs_skipped", r->xattrs_skipped);
	yyjson_mut_obj_add_str(doc, root, "xattr_skipped", name);
	write_line(doc, root, out);
}

void unpack_report_format_error(const struct err *error, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	char text[sizeof(error->text)];

	str_copy(text, sizeof(text), error->text);
	str_make_line(text);                         /* it may be cut inside of a character */
	yyjson_mut_obj_add_sint(doc, root, "code", (int64_t)error->code);
	yyjson_mut_obj_add_str(doc, root, "error", text);
	write_line(doc, root, out);
}

static bool take_digest(yyjson_val *root, const char *key, char ret[SHA256_HEX_SIZE])
{
	const char *text = yyjson_get_str(yyjson_obj_get(root, key));

	return text && strlen(text) == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1 &&
	       str_copy(ret, SHA256_HEX_SIZE, text);
}

static bool take_count(yyjson_val *root, const char *key, int64_t *ret)
{
	yyjson_val *value = yyjson_obj_get(root, key);

	*ret = yyjson_get_sint(value);
	return yyjson_is_int(value) && *ret >= 0;
}

static bool take_kind(yyjson_val *root, enum inflate_kind *ret)
{
	int64_t number;

	if (!take_count(root, "kind", &number) || number > INFLATE_ZSTD)
		return false;
	*ret = (enum inflate_kind)number;
	return true;
}

int unpack_report_parse_error(yyjson_val *root, struct err *err)
{
	int64_t code = yyjson_get_sint(yyjson_obj_get(root, "code"));
	const char *text = yyjson_get_str(yyjson_obj_get(root, "error"));

	err_set(err, code >= ERR_INVALID && code <= ERR_IO ? (enum err_code)code : ERR_IO, "%s", text ? text : "");
	str_make_line(err->text);
	return -1;
}

int unpack_report_parse(const char *line, size_t bytes, struct unpack_report *ret, struct err *err)
{
	yyjson_doc *doc = yyjson_read(line, bytes, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *xattr = yyjson_get_str(yyjson_obj_get(root, "xattr_skipped"));
	int result = 0;

	memset(ret, 0, sizeof(*ret));
	str_copy(ret->xattr_skipped, sizeof(ret->xattr_skipped), xattr ? xattr : "");
	if (yyjson_obj_get(root, "error"))
		result = unpack_report_parse_error(root, err);
	else if (!take_digest(root, "diff_id", ret->diff_id) || !take_digest(root, "blob", ret->blob) ||
		 !take_count(root, "blob_bytes", &ret->blob_bytes) || !take_kind(root, &ret->kind) ||
		 !take_count(root, "data_bytes", &ret->data_bytes) || !take_count(root, "entries", &ret->entries) ||
		 !take_count(root, "newest_s", &ret->newest_s) || !take_count(root, "xattrs_skipped", &ret->xattrs_skipped))
		result = err_set(err, ERR_IO, "the unpacking process answered with something that makes no sense");
	yyjson_doc_free(doc);
	return result;
}
