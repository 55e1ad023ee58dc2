#include "client/columns.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/template.h"

#define MIN_WIDTH 10
#define PADDING 3
#define MAX_CELLS 64

struct cell { char *text; bool is_bool; };      /* text NULL for "" */
struct columns {
	const struct column *columns;
	size_t width, row_count, row_size;
	const char *usual;
	struct cell **rows;             /* width cells each */
};

struct columns *columns_new(const struct column *columns, const char *usual)
{
	struct columns *made = NEW(struct columns);

	made->columns = columns;
	made->usual = usual;
	while (columns[made->width].name)
		made->width++;
	return made;
}

void columns_free(struct columns *columns)
{
	if (!columns)
		return;
	for (size_t i = 0; i < columns->row_count; i++) {
		for (size_t at = 0; at < columns->width; at++)
			free(columns->rows[i][at].text);
		free(columns->rows[i]);
	}
	free(columns->rows);
	free(columns);
}

void columns_freep(struct columns **columns)
{
	columns_free(*columns);
}

size_t columns_count(const struct columns *columns)
{
	return columns->row_count;
}

void columns_add_row(struct columns *columns)
{
	if (columns->row_count == columns->row_size) {
		columns->row_size = MAX((size_t)16, columns->row_size * 2);
		columns->rows = mem_resize(columns->rows, columns->row_size, sizeof(*columns->rows));
	}
	columns->rows[columns->row_count++] = NEW_ARRAY(struct cell, columns->width);
}

static size_t find_column(const struct columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->width; i++)
		if (strcmp(columns->columns[i].name, name) == 0)
			return i;
	panic("no column %s", name);
}

static struct cell *cell_of(struct columns *columns, const char *name)
{
	return &columns->rows[columns->row_count - 1][find_column(columns, name)];
}

void columns_put(struct columns *columns, const char *name, const char *value)
{
	struct cell *cell = cell_of(columns, name);

	free(cell->text);
	cell->text = str_dup(value);
}

void columns_put_bool(struct columns *columns, const char *name, bool value)
{
	columns_put(columns, name, value ? "true" : "false");
	cell_of(columns, name)->is_bool = true;
}

void columns_putf(struct columns *columns, const char *name, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	columns_put(columns, name, buf_text(&text));
}

/* --- printing --- */

/* A row as a template sees it; NULL makes the row of heads. */
static yyjson_doc *row_of(const struct columns *columns, const struct cell *row)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *object = yyjson_mut_obj(doc);

	yyjson_mut_doc_set_root(doc, object);
	for (size_t i = 0; i < columns->width; i++) {
		const char *name = columns->columns[i].name;
		const char *value = row ? row[i].text : columns->columns[i].head;
		if (row && row[i].is_bool)
			yyjson_mut_obj_add_bool(doc, object, name, str_eq(value, "true"));
		else
			yyjson_mut_obj_add_str(doc, object, name, value ? value : "");
	}
	yyjson_doc *made = yyjson_mut_doc_imut_copy(doc, NULL);
	yyjson_mut_doc_free(doc);
	check(made);
	return made;
}

static int print_row(const struct columns *columns, const struct template *template,
		     const struct cell *row, struct buf *out, struct err *err)
{
	yyjson_doc *doc = row_of(columns, row);
	int result = template_run(template, yyjson_doc_get_root(doc), TEMPLATE_ABSENT_IS_ERROR, out, err);

	yyjson_doc_free(doc);
	buf_add_char(out, '\n');
	return result;
}

static int print_by(const struct columns *columns, const char *text, bool is_table,
		    struct buf *out, struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_finip) struct buf lines = BUF_INIT;

	if (template_parse(text, &template, err) < 0)
		return -1;
	if (is_table && print_row(columns, template, NULL, &lines, err) < 0)
		return -1;
	for (size_t i = 0; i < columns->row_count; i++)
		if (print_row(columns, template, columns->rows[i], &lines, err) < 0)
			return -1;
	if (is_table)
		columns_align(buf_text(&lines), MIN_WIDTH, PADDING, out);
	else
		buf_add(out, lines.data, lines.len);
	return 0;
}

void columns_unescape(const char *format, struct buf *out)
{
	for (; *format; format++) {
		if (format[0] == '\\' && (format[1] == 't' || format[1] == 'n'))
			buf_add_char(out, *++format == 't' ? '\t' : '\n');
		else
			buf_add_char(out, *format);
	}
}

int columns_print(const struct columns *columns, const char *format, struct buf *out,
		  struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (str_is_empty(format) || str_eq(format, "table"))
		return print_by(columns, columns->usual, true, out, err);
	if (str_eq(format, "json"))
		return print_by(columns, "{{json .}}", false, out, err);
	const char *behind = str_after(format, "table");
	bool is_table = behind && (*behind == ' ' || *behind == '\\' || *behind == '\t');
	if (is_table)
		behind += strspn(behind, " \t");
	columns_unescape(is_table ? behind : format, &text);
	return print_by(columns, buf_text(&text), is_table, out, err);
}

void columns_print_one(const struct columns *columns, const char *name, struct buf *out)
{
	size_t at = find_column(columns, name);

	for (size_t i = 0; i < columns->row_count; i++)
		buf_printf(out, "%s\n", columns->rows[i][at].text ? columns->rows[i][at].text : "");
}

/* --- layout --- */

/* Characters, not bytes: what continues a UTF-8 sequence takes no room. */
static size_t width_of(const char *text, size_t length)
{
	size_t width = 0;

	for (size_t i = 0; i < length; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

static void measure(const char *text, size_t min_width, size_t padding, size_t widths[MAX_CELLS])
{
	size_t cell = 0;

	for (size_t i = 0; i < MAX_CELLS; i++)
		widths[i] = min_width;
	while (*text) {
		size_t length = strcspn(text, "\t\n");
		if (text[length] == '\t' && cell < MAX_CELLS)
			widths[cell] = MAX(widths[cell], width_of(text, length) + padding);
		cell = text[length] == '\t' ? cell + 1 : 0;
		text += length;
		text += *text != '\0';
	}
}

void columns_align(const char *text, size_t min_width, size_t padding, struct buf *out)
{
	size_t widths[MAX_CELLS], cell = 0;

	measure(text, min_width, padding, widths);
	while (*text) {
		size_t length = strcspn(text, "\t\n"), width = width_of(text, length);
		buf_add(out, text, length);
		if (text[length] == '\t' && cell < MAX_CELLS)
			for (; width < widths[cell]; width++)
				buf_add_char(out, ' ');
		cell = text[length] == '\t' ? cell + 1 : 0;
		text += length;
		if (*text == '\n')
			buf_add_char(out, '\n');
		text += *text != '\0';
	}
}
