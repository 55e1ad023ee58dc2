/* pull_line.h - how a pull gets on, in the lines that Docker's API streams.
 *
 * Pure. {"status":"Downloading","progressDetail":{"current":1,"total":2},"progress":"[====>   ]  1B/2B","id":"0123456789ab"}.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct pull_line {
	const char *status;                              /* "Pull complete" */
	const char *id;                                  /* NULL: none */
	bool is_progress;                                /* current and total mean something */
	bool has_detail;                                 /* an empty progressDetail, as all lines of layers have one */
	int64_t current, total;                          /* total 0: unknown */
};
/* One line with its end (CR LF). */
void pull_line_format(const struct pull_line *line, struct buf *out);
/* {"errorDetail":{"message":…},"error":…}: the last line of a pull that failed after it had begun. */
void pull_line_format_error(const struct err *err, struct buf *out);
/* "[=====>      ]  1.2MB/3.4MB" */
void pull_line_format_bar(int64_t current, int64_t total, struct buf *out);
