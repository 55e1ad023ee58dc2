/* task_table.h - tasks as `service ps` and `node ps` show them.
 */
#pragma once
#include <yyjson.h>

#include "applets/listing.h"

struct task_table_args {
	struct strlist filters;
	const char *format;
	bool no_resolve, no_trunc, quiet;
};
#define TASK_TABLE_OPTIONS                                                                         \
	OPT_FILTER(struct task_table_args, filters),                                                \
	OPT_STRING(struct task_table_args, format, 0, "format", "string", LISTING_FORMAT_HELP),     \
	OPT_BOOL(struct task_table_args, no_resolve, 0, "no-resolve", "Show IDs, not names"),       \
	OPT_BOOL(struct task_table_args, no_trunc, 0, "no-trunc", "Show IDs and errors in full"),   \
	OPT_BOOL(struct task_table_args, quiet, 'q', "quiet", "Show only the tasks' IDs")

/* GETs the tasks that fit and prints them; returns the exit code. */
int task_table_print(struct call *call, const struct task_table_args *args,
		     const struct strlist *filters);
