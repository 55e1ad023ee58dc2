#include "os/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"

/* One write of at most PIPE_BUF bytes: lines of several threads and processes on one pipe do
 * not mix (pipe(7)). */
enum { LINE_MAX_BYTES = 4096, TEXT_MAX_BYTES = 3072 };

static enum log_level log_level = LOG_LEVEL_INFO;
static bool log_journal;

static const struct { const char *name, *priority; } levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "<3>" },
	[LOG_LEVEL_WARN] = { "warn", "<4>" },
	[LOG_LEVEL_INFO] = { "info", "<6>" },
	[LOG_LEVEL_DEBUG] = { "debug", "<7>" },
};

void log_set_level(enum log_level level)
{
	__atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		if (str_eq(text, levels[i].name)) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

void log_set_journal(bool enabled)
{
	__atomic_store_n(&log_journal, enabled, __ATOMIC_RELAXED);
}

static size_t put_head(enum log_level level, char *line, size_t size)
{
	struct timespec now;
	char stamp[STAMP_TEXT_SIZE];

	if (__atomic_load_n(&log_journal, __ATOMIC_RELAXED))
		return (size_t)snprintf(line, size, "%s", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	stamp_format_fixed((nsec)now.tv_sec * 1000000000 + now.tv_nsec, stamp);
	return (size_t)snprintf(line, size, "%.23sZ %s ", stamp, levels[level].name);
}

/* What could start a new line or steer a terminal: C0, DEL, and C1 in its UTF-8 form. */
static size_t control_length(const uint8_t *s)
{
	if (*s < 0x20 || *s == 0x7f)
		return 1;
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f ? 2 : 0;
}

static size_t put_escaped(const char *text, char *line, size_t size)
{
	size_t at = 0;

	for (const uint8_t *s = (const uint8_t *)text; *s && at + 9 < size; ) {
		size_t control = control_length(s);
		if (!control)
			line[at++] = (char)*s++;
		else if (*s == '\n')
			at += (size_t)sprintf(line + at, "\\n"), s++;
		else
			for (; control; control--)
				at += (size_t)sprintf(line + at, "\\x%02x", *s++);
	}
	return at;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX_BYTES], line[LINE_MAX_BYTES];
	int saved = errno;
	va_list args;

	if (level > __atomic_load_n(&log_level, __ATOMIC_RELAXED))
		return;
	va_start(args, fmt);
	int length = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (length >= (int)sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);

	size_t used = put_head(level, line, sizeof(line));
	used += put_escaped(length < 0 ? fmt : text, line + used, sizeof(line) - used - 1);
	line[used++] = '\n';
	/* A log that fails has nobody to tell. */
	ssize_t written UNUSED = write(STDERR_FILENO, line, used);
	errno = saved;
}
