#include "client/inspect.h"

#include <stdlib.h>

#include "base/str.h"
#include "client/columns.h"
#include "model/json.h"
#include "model/template.h"

static void print_array(yyjson_val *const *objects, size_t count, bool is_compact, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *array = yyjson_mut_arr(doc);

	if (count == 0) {
		buf_add_str(out, "[]\n");
		yyjson_mut_doc_free(doc);
		return;
	}
	for (size_t i = 0; i < count; i++)
		yyjson_mut_arr_append(array, yyjson_val_mut_copy(doc, objects[i]));
	json_write(doc, array, is_compact ? 0 : YYJSON_WRITE_PRETTY, out);
	buf_add_char(out, '\n');
}

const char *inspect_format_of_one(const char *format)
{
	return str_eq(format, "json") ? "{{json .}}" : format;
}

int inspect_print(yyjson_val *const *objects, size_t count, const char *format, struct buf *out,
		  struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (str_is_empty(format) || str_eq(format, "json")) {
		print_array(objects, count, !str_is_empty(format), out);
		return 0;
	}
	columns_unescape(format, &text);
	if (template_parse(buf_text(&text), &template, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (template_run(template, objects[i], TEMPLATE_ABSENT_TOP_IS_ERROR, out, err) < 0)
			return -1;
		buf_add_char(out, '\n');
	}
	return 0;
}
