#include "client/inspect.h"

#include <stdlib.h>

#include "base/str.h"
#include "client/columns.h"
#include "model/json.h"
#include "model/template.h"

static void print_array(yyjson_val *const *objects, size_t count, struct buf *out)
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
	json_write(doc, array, YYJSON_WRITE_PRETTY, out);
	buf_add_char(out, '\n');
}

int inspect_print(yyjson_val *const *objects, size_t count, const char *format, struct buf *out,
		  struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (str_is_empty(format)) {
		print_array(objects, count, out);
		return 0;
	}
	columns_unescape(str_eq(format, "json") ? "{{json .}}" : format, &text);
	if (template_parse(buf_text(&text), &template, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (template_run(template, objects[i], TEMPLATE_ABSENT_TOP_IS_ERROR, out, err) < 0)
			return -1;
		buf_add_char(out, '\n');
	}
	return 0;
}
