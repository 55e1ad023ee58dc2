/* process_table.c - one process, one line. */
#include "runtime/process_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { COMMAND_MAX_BYTES = 4096, USER_COLUMNS = 8 };

const char *const process_titles[RUNTIME_TOP_COLUMNS] = { "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD" };

/* Unix98 terminals have the majors 136 to 143; others by their numbers, as far as anybody still has one. */
static void tty_name(long number, char *ret, size_t size)
{
	unsigned major = (unsigned)number >> 8 & 0xfff, minor = ((unsigned)number & 0xff) | ((unsigned)number >> 12 & 0xfff00);

	if (!number)
		str_copy(ret, size, "?");
	else if (major >= 136 && major <= 143)
		snprintf(ret, size, "pts/%u", minor + (major - 136) * 256);
	else if (major == 4 && minor < 64)
		snprintf(ret, size, "tty%u", minor);
	else
		snprintf(ret, size, "%u:%u", major, minor);
}

/* Whole numbers with blanks between them; false when there are fewer. */
static bool take_numbers(const char *text, long long *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;

		ret[i] = strtoll(text, &end, 10);
		if (end == text)
			return false;
		text = end;
	}
	return true;
}

/* proc_pid_stat(5): places behind the state, and behind "Uid:" the effective one */
enum { STAT_PARENT, STAT_TTY = 3, STAT_USER = 10, STAT_SYSTEM, STAT_START = 18, STAT_COUNT, UID_EFFECTIVE = 1, UID_COUNT };

/* "7 (a ) name) S 1 …": the name may hold anything, so its end is the last parenthesis. */
int process_facts_parse(const char *stat, const char *status, struct process_facts *ret, struct err *err)
{
	const char *uid = strstr(status, "\nUid:");
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct process_facts facts = { .pid = strtoll(stat, NULL, 10) };
	long long n[STAT_COUNT], uids[UID_COUNT];

	if (facts.pid <= 0 || !open || !close || close < open || strlen(close) < 4 || !take_numbers(close + 3, n, STAT_COUNT) || !uid ||
	    !take_numbers(uid + strlen("\nUid:"), uids, UID_COUNT))
		return err_set(err, ERR_INVALID, "these are not the files of a process");
	facts.parent = n[STAT_PARENT];
	facts.uid = (unsigned)uids[UID_EFFECTIVE];
	facts.cpu_ticks = (unsigned long long)n[STAT_USER] + (unsigned long long)n[STAT_SYSTEM];
	facts.start_ticks = (unsigned long long)n[STAT_START];
	snprintf(facts.comm, sizeof facts.comm, "%.*s", (int)MIN((size_t)(close - open - 1), sizeof facts.comm - 1), open + 1);
	tty_name((long)n[STAT_TTY], facts.tty, sizeof facts.tty);
	*ret = facts;
	return 0;
}

/* A name that is too long for its column ends in a plus. */
static const char *user_cell(const char *user, struct arena *arena)
{
	return strlen(user) <= USER_COLUMNS ? arena_strdup(arena, user) : arena_printf(arena, "%.*s+", USER_COLUMNS - 1, user);
}

static const char *start_cell(const struct process_row *row, struct arena *arena)
{
	char text[32];
	bool is_this_year = row->started.tm_year == row->now.tm_year;
	bool is_today = is_this_year && row->started.tm_yday == row->now.tm_yday;
	size_t length = is_today ? strftime(text, sizeof text, "%H:%M", &row->started)
		      : is_this_year ? strftime(text, sizeof text, "%b%d", &row->started) : strftime(text, sizeof text, "%Y", &row->started);

	return arena_strndup(arena, text, length);
}

static const char *time_cell(uint64_t seconds, struct arena *arena)
{
	unsigned long long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

	return days ? arena_printf(arena, "%llu-%02llu:%02llu:%02llu", days, hours, minutes, (unsigned long long)seconds % 60)
		    : arena_printf(arena, "%02llu:%02llu:%02llu", hours, minutes, (unsigned long long)seconds % 60);
}

static const char *command_cell(const struct process_facts *facts, const struct process_row *row, struct arena *arena)
{
	size_t length = MIN(row->command_bytes, (size_t)COMMAND_MAX_BYTES);

	while (length && !row->command[length - 1])
		length--;
	char *text = length ? arena_take(arena, length + 1) : arena_printf(arena, "[%s]", facts->comm);

	for (size_t i = 0; i < length; i++)
		text[i] = row->command[i] ? row->command[i] : ' ';
	str_make_line(text);
	return text;
}

void process_cells(const struct process_facts *facts, const struct process_row *row, struct arena *arena, const char *ret[RUNTIME_TOP_COLUMNS])
{
	uint64_t cpu_ms = facts->cpu_ticks * 1000 / row->ticks_per_second;
	uint64_t percent = row->age_ms > 0 ? cpu_ms * 100 / (uint64_t)row->age_ms : 0;

	ret[0] = user_cell(row->user, arena);
	ret[1] = arena_printf(arena, "%lld", (long long)facts->pid);
	ret[2] = arena_printf(arena, "%lld", (long long)facts->parent);
	ret[3] = arena_printf(arena, "%llu", (unsigned long long)MIN(percent, 99u));
	ret[4] = start_cell(row, arena);
	ret[5] = arena_strdup(arena, facts->tty);
	ret[6] = time_cell(cpu_ms / 1000, arena);
	ret[7] = command_cell(facts, row, arena);
}
