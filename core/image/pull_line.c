#include "image/pull_line.h"

#include <yyjson.h>

#include "base/units.h"
#include "model/json.h"

enum { BAR_WIDTH = 50 };

void pull_line_format_bar(int64_t current, int64_t total, struct buf *out)
{
	CLEANUP(buf_finip) struct buf now = BUF_INIT;
	CLEANUP(buf_finip) struct buf all = BUF_INIT;

	units_format_size(current, &now);
	if (total <= 0 || current > total) {     /* Docker leaves the bar out then */
		buf_printf(out, "%8s", buf_text(&now));
		return;
	}
	int done = (int)((double)current / (double)total * 100) / 2;
	units_format_size(total, &all);
	buf_add_char(out, '[');
	for (int i = 0; i < done; i++)
		buf_add_char(out, '=');
	buf_add_char(out, '>');
	for (int i = done; i < BAR_WIDTH; i++)
		buf_add_char(out, ' ');
	buf_printf(out, "] %8s/%s", buf_text(&now), buf_text(&all));
}

static void write_line(yyjson_mut_doc *doc, yyjson_mut_val *root, struct buf *out)
{
	json_write(doc, root, 0, out);
	buf_add_str(out, "\r\n");
}

void pull_line_format(const struct pull_line *line, struct buf *out)
{
	CLEANUP(buf_finip) struct buf bar = BUF_INIT;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_str(doc, root, "status", line->status);
	if (line->has_detail || line->is_progress) {
		yyjson_mut_val *detail = yyjson_mut_obj_add_obj(doc, root, "progressDetail");

		if (line->is_progress) {
			yyjson_mut_obj_add_sint(doc, detail, "current", line->current);
			if (line->total > 0)
				yyjson_mut_obj_add_sint(doc, detail, "total", line->total);
			pull_line_format_bar(line->current, line->total, &bar);
			yyjson_mut_obj_add_str(doc, root, "progress", buf_text(&bar));
		}
	}
	if (line->id)
		yyjson_mut_obj_add_str(doc, root, "id", line->id);
	write_line(doc, root, out);
}

void pull_line_format_error(const struct err *err, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_str(doc, yyjson_mut_obj_add_obj(doc, root, "errorDetail"), "message", err->text);
	yyjson_mut_obj_add_str(doc, root, "error", err->text);
	write_line(doc, root, out);
}
