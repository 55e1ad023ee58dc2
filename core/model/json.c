#include "model/json.h"

#include <string.h>

#include <math.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"

/* Bytes of the character at text, at most 4; 0 when it is none. */
static size_t character_bytes(const char *text, size_t left)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= left; bytes++)
		if (text[0] == '\0' || str_is_utf8(text, bytes))
			return bytes;
	return 0;
}

static void mend_string(yyjson_mut_doc *doc, yyjson_mut_val *value)
{
	const char *text = yyjson_mut_get_str(value);
	size_t length = yyjson_mut_get_len(value), bytes;
	CLEANUP(buf_finip) struct buf mended = BUF_INIT;
	yyjson_mut_val *copy;

	for (size_t at = 0; at < length; at += bytes ? bytes : 1) {
		bytes = character_bytes(text + at, length - at);
		if (bytes)
			buf_add(&mended, text + at, bytes);
		else
			buf_add_str(&mended, "\xef\xbf\xbd");
	}
	copy = yyjson_mut_strncpy(doc, buf_text(&mended), mended.len);
	yyjson_mut_set_strn(value, yyjson_mut_get_str(copy), mended.len);
}

static void mend(yyjson_mut_doc *doc, yyjson_mut_val *value)
{
	yyjson_mut_val *key, *item;
	size_t i, count;

	if (yyjson_mut_is_str(value))
		mend_string(doc, value);
	else if (yyjson_mut_is_real(value) && !isfinite(yyjson_mut_get_real(value)))
		yyjson_mut_set_null(value);
	yyjson_mut_arr_foreach(value, i, count, item)
		mend(doc, item);
	yyjson_mut_obj_foreach(value, i, count, key, item) {
		mend_string(doc, key);
		mend(doc, item);
	}
}

void json_write(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_write_flag flags, struct buf *out)
{
	size_t length;

	yyjson_mut_doc_set_root(doc, root);
	char *text = yyjson_mut_write(doc, flags, &length);
	if (!text) {                    /* what is mended here is rare, so nobody else pays for the walk */
		mend(doc, root);
		text = yyjson_mut_write(doc, flags, &length);
	}
	check(text);
	buf_add(out, text, length);
	free(text);
	yyjson_mut_doc_free(doc);
}

void json_write_shape(const struct shape *shape, const void *value, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	json_write(doc, shape_to_json(shape, value, doc), 0, out);
}

int json_read_shape(const struct shape *shape, const char *text, struct arena *arena, void *ret, struct err *err)
{
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	int result = doc ? shape_from_json(shape, yyjson_doc_get_root(doc), arena, ret, err)
			 : err_set(err, ERR_INVALID, "%s: not JSON", shape->name);

	yyjson_doc_free(doc);
	return result;
}
