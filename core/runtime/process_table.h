/* process_table.h - processes as ps(1) shows them, from the kernel's texts. Pure: times and names of users are handed in.
 *
 * Docker runs the host's `ps`; we have none, and need none to be installed. Which columns there are stands in one table, process_table.c.
 */
#pragma once
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "runtime/runtime.h"

enum { PROCESS_COLUMNS_MAX = 64 };

/* The columns that ps's options ask for; "" means -ef. What there is not is refused by its name: ERR_UNSUPPORTED, and ERR_INVALID for what has no sense.
 * Options: -e -A -f -w -o FORMAT (also -eo, --format), BSD's a u x w o. A column's head may be given: pid=PROCESS. */
struct process_format {
	struct process_column { int kind; const char *title; } columns[PROCESS_COLUMNS_MAX];    /* titles: the arena's */
	size_t count;
};
int process_format_parse(const char *options, struct arena *arena, struct process_format *ret, struct err *err);

struct process_facts {
	int64_t pid, parent, group, session, tty_group;
	char comm[32], tty[16], state;   /* tty: "pts/0", "?" */
	unsigned uid, gid;               /* the effective ones */
	int64_t priority, nice, threads;
	uint64_t start_ticks, cpu_ticks; /* since the host's boot; user and system together */
	uint64_t size_bytes, resident_pages;
	bool has_locked_memory;
};
/* /proc/<pid>/stat and status; ERR_INVALID for anything else. */
int process_facts_parse(const char *stat, const char *status, struct process_facts *ret, struct err *err);

/* The cells' texts lie in the arena. */
struct process_row {
	const char *user, *group;        /* a name, or a number */
	const char *command;             /* /proc/<pid>/cmdline: words behind each other, each ended by NUL; none for a process without */
	size_t command_bytes;
	msec age_ms;                     /* since it was started */
	unsigned ticks_per_second;
	uint64_t page_bytes, host_memory_bytes;
	struct tm started, now;          /* local time */
};
/* As many cells as the format has columns. */
void process_cells(const struct process_format *format, const struct process_facts *facts, const struct process_row *row, struct arena *arena,
		   const char **ret);
