/* process_table.c - one process, one line. */
#include "runtime/process_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

enum { COMMAND_MAX_BYTES = 4096, USER_COLUMNS = 8 };

enum kind {
	KIND_ARGS, KIND_BSD_TIME, KIND_C, KIND_COMM, KIND_ELAPSED, KIND_ELAPSED_S, KIND_GID, KIND_GROUP, KIND_LONG_START, KIND_MEMORY, KIND_NICE,
	KIND_PERCENT, KIND_PGID, KIND_PID, KIND_PPID, KIND_PRIORITY, KIND_RSS, KIND_SESSION, KIND_START, KIND_STARTED, KIND_STAT, KIND_STATE,
	KIND_THREADS, KIND_TIME, KIND_TTY, KIND_UID, KIND_USER, KIND_VSZ,
};

/* ps(1), STANDARD FORMAT SPECIFIERS: what it calls a column, and what stands over it. */
static const struct { const char *name, *title; enum kind kind; } columns[] = {
	{ "%cpu", "%CPU", KIND_PERCENT }, { "%mem", "%MEM", KIND_MEMORY }, { "args", "COMMAND", KIND_ARGS }, { "bsdtime", "TIME", KIND_BSD_TIME },
	{ "c", "C", KIND_C }, { "cmd", "CMD", KIND_ARGS }, { "comm", "COMMAND", KIND_COMM }, { "command", "COMMAND", KIND_ARGS },
	{ "cputime", "TIME", KIND_TIME }, { "egid", "EGID", KIND_GID }, { "egroup", "EGROUP", KIND_GROUP }, { "etime", "ELAPSED", KIND_ELAPSED },
	{ "etimes", "ELAPSED", KIND_ELAPSED_S }, { "euid", "EUID", KIND_UID }, { "euser", "EUSER", KIND_USER }, { "gid", "GID", KIND_GID },
	{ "group", "GROUP", KIND_GROUP }, { "lstart", "STARTED", KIND_LONG_START }, { "ni", "NI", KIND_NICE }, { "nice", "NI", KIND_NICE },
	{ "nlwp", "NLWP", KIND_THREADS }, { "pcpu", "%CPU", KIND_PERCENT }, { "pgid", "PGID", KIND_PGID }, { "pgrp", "PGRP", KIND_PGID },
	{ "pid", "PID", KIND_PID }, { "pmem", "%MEM", KIND_MEMORY }, { "ppid", "PPID", KIND_PPID }, { "pri", "PRI", KIND_PRIORITY },
	{ "rss", "RSS", KIND_RSS }, { "rsz", "RSZ", KIND_RSS }, { "s", "S", KIND_STATE }, { "sess", "SESS", KIND_SESSION },
	{ "sid", "SID", KIND_SESSION }, { "start", "STARTED", KIND_STARTED }, { "start_time", "START", KIND_START }, { "stat", "STAT", KIND_STAT },
	{ "state", "S", KIND_STATE }, { "stime", "STIME", KIND_START }, { "thcount", "THCNT", KIND_THREADS }, { "time", "TIME", KIND_TIME },
	{ "tname", "TTY", KIND_TTY }, { "tt", "TT", KIND_TTY }, { "tty", "TT", KIND_TTY }, { "ucmd", "CMD", KIND_COMM },
	{ "ucomm", "COMMAND", KIND_COMM }, { "uid", "UID", KIND_UID }, { "uname", "USER", KIND_USER }, { "user", "USER", KIND_USER },
	{ "vsize", "VSZ", KIND_VSZ }, { "vsz", "VSZ", KIND_VSZ },
};

/* --- which columns ----------------------------------------------------------------------------- */

struct asked { bool has_f, has_u, is_bsd, has_own; struct process_format *format; struct arena *arena; };

static int add_column(struct asked *asked, const char *text, size_t length, struct err *err)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length, at = 0;

	while (at < ARRAY_COUNT(columns) && !(strlen(columns[at].name) == name_length && memcmp(columns[at].name, text, name_length) == 0))
		at++;
	if (at == ARRAY_COUNT(columns))
		return err_set(err, ERR_UNSUPPORTED, "ps column '%.*s' is not supported by swarmbox yet", (int)MIN(name_length, (size_t)64), text);
	if (asked->format->count == PROCESS_COLUMNS_MAX)
		return err_set(err, ERR_INVALID, "ps: more than %d columns", PROCESS_COLUMNS_MAX);
	asked->format->columns[asked->format->count++] = (struct process_column){
		(int)columns[at].kind, equals ? arena_strndup(asked->arena, equals + 1, length - name_length - 1) : columns[at].title };
	return 0;
}

/* "pid,comm=NAME" */
static int add_columns(struct asked *asked, const char *list, struct err *err)
{
	while (true) {
		size_t length = strcspn(list, ",");

		if (add_column(asked, list, length, err) < 0)
			return -1;
		if (!list[length])
			return 0;
		list += length + 1;
	}
}

/* Letters of one word; *next is the word behind it, which a format may be. */
static int take_letters(struct asked *asked, const char *letters, bool is_bsd, char **next, bool *ret_took_next, struct err *err)
{
	for (; *letters; letters++) {
		if (*letters == 'o') {
			const char *list = letters[1] ? letters + 1 : *next;

			if (!list)
				return err_set(err, ERR_INVALID, "ps: option 'o' needs a list of columns");
			asked->has_own = true;
			*ret_took_next = !letters[1];
			return add_columns(asked, list, err);
		}
		if (!strchr(is_bsd ? "auxw" : "eAfw", *letters))
			return err_set(err, ERR_UNSUPPORTED, "ps option '%s%c' is not supported by swarmbox yet", is_bsd ? "" : "-",
				       (unsigned char)*letters < ' ' || (unsigned char)*letters > '~' ? '?' : *letters);
		asked->has_f |= *letters == 'f';
		asked->has_u |= *letters == 'u';
		asked->is_bsd |= is_bsd;
	}
	return 0;
}

static int take_word(struct asked *asked, char **word, bool *ret_took_next, struct err *err)
{
	const char *text = str_eq(*word, "-aux") ? "aux" : *word, *list = NULL;        /* as ps takes it */

	*ret_took_next = false;
	if (!str_starts(text, "--") && !str_eq(text, "-"))
		return take_letters(asked, *text == '-' ? text + 1 : text, *text != '-', word + 1, ret_took_next, err);
	if (str_starts(text, "--format="))
		list = text + strlen("--format=");
	else if (str_eq(text, "--format"))
		list = word[1];
	else
		return err_set(err, ERR_UNSUPPORTED, "ps option '%.64s' is not supported by swarmbox yet", text);
	if (!list)
		return err_set(err, ERR_INVALID, "ps: option '--format' needs a list of columns");
	asked->has_own = true;
	*ret_took_next = list == word[1];
	return add_columns(asked, list, err);
}

int process_format_parse(const char *options, struct arena *arena, struct process_format *ret, struct err *err)
{
	CLEANUP(str_freep) char *line = str_dup(str_is_empty(options) ? "-ef" : options);
	struct asked asked = { .format = ret, .arena = arena };
	char **words = ARENA_ARRAY(arena, char *, strlen(line) / 2 + 2), *rest = line;
	size_t count = 0;

	for (char *word; (word = strtok_r(rest, " \t", &rest));)
		words[count++] = word;
	ret->count = 0;
	for (char **word = words; *word; word++) {
		bool took_next;

		if (take_word(&asked, word, &took_next, err) < 0) {
			str_make_line(err->text);
			return -1;
		}
		word += took_next;
	}
	if (asked.has_own + asked.has_f + asked.has_u > 1)
		return err_set(err, ERR_INVALID, "ps: conflicting format options");
	if (asked.has_own)
		return 0;
	/* "user=UID": what -f calls UID is a name */
	return add_columns(&asked, asked.has_f ? "user=UID,pid,ppid,c,stime,tname,time,cmd"
				 : asked.has_u ? "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,args"
				 : asked.is_bsd ? "pid,tname,stat,bsdtime,args" : "pid,tname,time,ucmd", err);
}

/* --- what a process is ------------------------------------------------------------------------- */

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
enum {
	STAT_PARENT, STAT_GROUP, STAT_SESSION, STAT_TTY, STAT_TTY_GROUP, STAT_USER = 10, STAT_SYSTEM, STAT_PRIORITY = 14, STAT_NICE, STAT_THREADS,
	STAT_START = 18, STAT_SIZE, STAT_RESIDENT, STAT_COUNT, ID_EFFECTIVE = 1, ID_COUNT,
};

/* Numbers of a line of status; false when it has none. */
static bool take_line(const char *status, const char *name, long long *ret, size_t count)
{
	const char *line = strstr(status, name);

	return line && take_numbers(line + strlen(name), ret, count);
}

/* "7 (a ) name) S 1 …": the name may hold anything, so its end is the last parenthesis. */
int process_facts_parse(const char *stat, const char *status, struct process_facts *ret, struct err *err)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct process_facts facts = { .pid = strtoll(stat, NULL, 10) };
	long long n[STAT_COUNT], uids[ID_COUNT], gids[ID_COUNT] = { 0 }, locked = 0;

	if (facts.pid <= 0 || !open || !close || close < open || strlen(close) < 4 || !take_numbers(close + 3, n, STAT_COUNT) ||
	    !take_line(status, "\nUid:", uids, ID_COUNT))
		return err_set(err, ERR_INVALID, "these are not the files of a process");
	take_line(status, "\nGid:", gids, ID_COUNT);
	take_line(status, "\nVmLck:", &locked, 1);
	facts.parent = n[STAT_PARENT];
	facts.group = n[STAT_GROUP];
	facts.session = n[STAT_SESSION];
	facts.tty_group = n[STAT_TTY_GROUP];
	facts.state = close[2] >= 'A' && close[2] <= 'z' ? close[2] : '?';
	facts.uid = (unsigned)uids[ID_EFFECTIVE];
	facts.gid = (unsigned)gids[ID_EFFECTIVE];
	facts.cpu_ticks = (unsigned long long)n[STAT_USER] + (unsigned long long)n[STAT_SYSTEM];
	facts.priority = n[STAT_PRIORITY];
	facts.nice = n[STAT_NICE];
	facts.threads = n[STAT_THREADS];
	facts.start_ticks = (unsigned long long)n[STAT_START];
	facts.size_bytes = (unsigned long long)n[STAT_SIZE];
	facts.resident_pages = (unsigned long long)n[STAT_RESIDENT];
	facts.has_locked_memory = locked > 0;
	snprintf(facts.comm, sizeof facts.comm, "%.*s", (int)MIN((size_t)(close - open - 1), sizeof facts.comm - 1), open + 1);
	tty_name((long)n[STAT_TTY], facts.tty, sizeof facts.tty);
	*ret = facts;
	return 0;
}

/* --- cells ------------------------------------------------------------------------------------- */

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

/* "Nov28", or within a day the time: */
static const char *started_cell(const struct process_row *row, struct arena *arena)
{
	char text[32];
	size_t length = strftime(text, sizeof text, row->age_ms > 86400000 ? "%b %d" : "%H:%M:%S", &row->started);

	return arena_strndup(arena, text, length);
}

static const char *long_start_cell(const struct process_row *row, struct arena *arena)
{
	char text[48];
	size_t length = strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &row->started);

	return arena_strndup(arena, text, length);
}

/* [[days-]hours:]minutes:seconds */
static const char *elapsed_cell(uint64_t seconds, struct arena *arena)
{
	return seconds >= 3600 ? time_cell(seconds, arena)
			       : arena_printf(arena, "%02u:%02u", (unsigned)seconds / 60, (unsigned)seconds % 60);
}

/* "Ss+" */
static const char *stat_cell(const struct process_facts *facts, struct arena *arena)
{
	return arena_printf(arena, "%c%s%s%s%s%s", facts->state, facts->nice < 0 ? "<" : facts->nice > 0 ? "N" : "",
			    facts->has_locked_memory ? "L" : "", facts->session == facts->pid ? "s" : "", facts->threads > 1 ? "l" : "",
			    facts->tty_group == facts->group ? "+" : "");
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

static const char *number_cell(int64_t number, struct arena *arena)
{
	return arena_printf(arena, "%lld", (long long)number);
}

static const char *tenths_cell(uint64_t tenths, struct arena *arena)
{
	return arena_printf(arena, "%llu.%u", (unsigned long long)(tenths / 10), (unsigned)(tenths % 10));
}

static const char *comm_cell(const struct process_facts *facts, struct arena *arena)
{
	char *text = arena_strdup(arena, facts->comm);

	str_make_line(text);
	return text;
}

static const char *cell(enum kind kind, const struct process_facts *facts, const struct process_row *row, struct arena *arena)
{
	uint64_t cpu_ms = facts->cpu_ticks * 1000 / row->ticks_per_second;
	uint64_t age_ms = row->age_ms > 0 ? (uint64_t)row->age_ms : 0;
	uint64_t tenths = age_ms ? cpu_ms * 1000 / age_ms : 0;
	uint64_t resident_bytes = facts->resident_pages * row->page_bytes;

	switch (kind) {
	case KIND_ARGS: return command_cell(facts, row, arena);
	case KIND_BSD_TIME: return arena_printf(arena, "%llu:%02u", (unsigned long long)(cpu_ms / 60000), (unsigned)(cpu_ms / 1000 % 60));
	case KIND_C: return number_cell((int64_t)MIN(tenths / 10, (uint64_t)99), arena);
	case KIND_COMM: return comm_cell(facts, arena);
	case KIND_ELAPSED: return elapsed_cell(age_ms / 1000, arena);
	case KIND_ELAPSED_S: return number_cell((int64_t)(age_ms / 1000), arena);
	case KIND_GID: return number_cell(facts->gid, arena);
	case KIND_GROUP: return user_cell(row->group, arena);
	case KIND_LONG_START: return long_start_cell(row, arena);
	case KIND_MEMORY:
		return tenths_cell(MIN(resident_bytes / 1024 * 1000 / (row->host_memory_bytes / 1024 + 1), (uint64_t)999), arena);
	case KIND_NICE: return number_cell(facts->nice, arena);
	case KIND_PERCENT: return tenths_cell(tenths, arena);
	case KIND_PGID: return number_cell(facts->group, arena);
	case KIND_PID: return number_cell(facts->pid, arena);
	case KIND_PPID: return number_cell(facts->parent, arena);
	case KIND_PRIORITY: return number_cell((int64_t)(39 - (uint64_t)facts->priority), arena);      /* ps(1): high numbers are high priorities */
	case KIND_RSS: return number_cell((int64_t)(resident_bytes / 1024), arena);
	case KIND_SESSION: return number_cell(facts->session, arena);
	case KIND_START: return start_cell(row, arena);
	case KIND_STARTED: return started_cell(row, arena);
	case KIND_STAT: return stat_cell(facts, arena);
	case KIND_STATE: return arena_printf(arena, "%c", facts->state);
	case KIND_THREADS: return number_cell(facts->threads, arena);
	case KIND_TIME: return time_cell(cpu_ms / 1000, arena);
	case KIND_TTY: return arena_strdup(arena, facts->tty);
	case KIND_UID: return number_cell(facts->uid, arena);
	case KIND_USER: return user_cell(row->user, arena);
	case KIND_VSZ: return number_cell((int64_t)(facts->size_bytes / 1024), arena);
	}
	panic("column %d", (int)kind);
}

void process_cells(const struct process_format *format, const struct process_facts *facts, const struct process_row *row, struct arena *arena,
		   const char **ret)
{
	for (size_t i = 0; i < format->count; i++)
		ret[i] = cell((enum kind)format->columns[i].kind, facts, row, arena);
}
