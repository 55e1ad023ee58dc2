#include "image/image_json.h"

#include <string.h>

#include "base/id.h"
#include "base/str.h"

yyjson_doc *image_json_read(const char *json, size_t bytes, const char *what, size_t max_bytes, struct err *err)
{
	yyjson_read_err fault;

	if (bytes > max_bytes) {
		err_set(err, ERR_INVALID, "%s: %zu bytes, more than %zu", what, bytes, max_bytes);
		return NULL;
	}
	/* No in-situ parsing, although the library's type does not say so. */
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, bytes, 0, NULL, &fault);
	if (!doc)
		err_set(err, ERR_INVALID, "%s: byte %zu: %s", what, fault.pos, fault.msg);
	return doc;
}

const char *image_json_text(yyjson_val *value)
{
	const char *text = yyjson_get_str(value);

	return text && !memchr(text, 0, yyjson_get_len(value)) ? text : NULL;
}

const char *image_json_digest(yyjson_val *value)
{
	const char *text = image_json_text(value), *hex = text ? str_after(text, "sha256:") : NULL;

	return hex && hex_id_is_valid(hex) ? hex : NULL;
}

int image_json_blob(yyjson_val *object, const char *what, struct image_blob *ret, struct err *err)
{
	const char *hex = image_json_digest(yyjson_obj_get(object, "digest"));
	yyjson_val *size = yyjson_obj_get(object, "size");

	if (!hex)
		return err_set(err, ERR_INVALID, "%s: no sha256 digest", what);
	if (!yyjson_is_int(size) || yyjson_get_sint(size) < 0)       /* above INT64_MAX it is negative, too */
		return err_set(err, ERR_INVALID, "%s: no size", what);
	str_copy(ret->digest, sizeof(ret->digest), hex);
	ret->bytes = yyjson_get_sint(size);
	return 0;
}
