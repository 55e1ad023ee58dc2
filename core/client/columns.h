/* columns.h - rows of named texts, printed as a table, as JSON lines or by a template.
 *
 * Pure. The formats are docker's: "" or "table" (the usual columns), "table TEMPLATE", "json",
 * "TEMPLATE". Tables are laid out as Go's tabwriter does it for docker: cells at least ten wide,
 * three blanks between them, the last one as it is.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* {{.name}}; a table of them ends with a NULL name */
struct column { const char *name, *head; };
struct columns;
/* usual: the template of the table without a format of one's own, "{{.ID}}\t{{.Name}}". The names
 * must be sorted: JSON shows them so. */
struct columns *columns_new(const struct column *columns, const char *usual);
void columns_free(struct columns *columns);
void columns_freep(struct columns **columns);

void columns_add_row(struct columns *columns);
/* A value of the row added last. Copied; what is not put is "". */
void columns_put(struct columns *columns, const char *name, const char *value);
void columns_putf(struct columns *columns, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same, true or false to templates and in JSON. */
void columns_put_bool(struct columns *columns, const char *name, bool value);
size_t columns_count(const struct columns *columns);

/* format as the user gave it; NULL for the usual table. */
int columns_print(const struct columns *columns, const char *format, struct buf *out, struct err *err);
/* One value of each row, a line each: --quiet. */
void columns_print_one(const struct columns *columns, const char *name, struct buf *out);
/* Lines of cells separated by tabs, made into columns; the layout by itself. */
void columns_align(const char *text, size_t min_width, size_t padding, struct buf *out);
/* Backslash-t and backslash-n as written in a shell become a tab and a newline. */
void columns_unescape(const char *format, struct buf *out);
