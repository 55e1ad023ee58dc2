/* process_table.h - processes as `ps -ef` shows them, from the kernel's texts. Pure: times and names of users are handed in.
 */
#pragma once
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "runtime/runtime.h"

struct process_facts {
	int64_t pid, parent;
	char comm[32], tty[16];          /* tty: "pts/0", "?" */
	unsigned uid;                    /* the effective one */
	uint64_t start_ticks, cpu_ticks; /* since the host's boot; user and system together */
};
/* /proc/<pid>/stat and status; ERR_INVALID for anything else. */
int process_facts_parse(const char *stat, const char *status, struct process_facts *ret, struct err *err);

/* The cells' texts lie in the arena. */
struct process_row {
	const char *user;                /* a name, or a number */
	const char *command;             /* /proc/<pid>/cmdline: words behind each other, each ended by NUL; none for a process without */
	size_t command_bytes;
	msec age_ms;                     /* since it was started */
	unsigned ticks_per_second;
	struct tm started, now;          /* local time */
};
void process_cells(const struct process_facts *facts, const struct process_row *row, struct arena *arena, const char *ret[RUNTIME_TOP_COLUMNS]);
extern const char *const process_titles[RUNTIME_TOP_COLUMNS];
