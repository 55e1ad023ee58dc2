/* What another node says its logs are: each line that is read lies within its frame, and written again it is read as the same. */
#include <string.h>

#include "api/log_line.h"
#include "base/panic.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void write_again(const struct log_line *line)
{
	CLEANUP(buf_finip) struct buf again = BUF_INIT;
	CLEANUP(str_freep) char *details = str_printf("%.*s", (int)line->details_length, line->details);
	struct log_line same;
	struct err err;
	size_t used;

	if (memchr(line->details, 0, line->details_length))
		return;
	log_line_write(&line->entry, details, &again);
	if (again.len - 8 > LOG_LINE_MAX_BYTES)         /* a short form of the time became a long one */
		return;
	check(log_line_read(again.data, again.len, &same, &used, &err) == LOG_LINE_READY && used == again.len);
	check(same.entry.wall == line->entry.wall && same.entry.stream == line->entry.stream && same.entry.length == line->entry.length);
	check(memcmp(same.entry.text, line->entry.text, same.entry.length) == 0 && same.details_length == line->details_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct log_line line;
	size_t at = 0, used;
	struct err err;

	while (log_line_read(bytes + at, size - at, &line, &used, &err) == LOG_LINE_READY) {
		check(used >= 8 && used <= size - at);
		check(line.entry.text >= (const char *)bytes + at && line.entry.text + line.entry.length == (const char *)bytes + at + used);
		if (!line.is_failure)
			write_again(&line);
		at += used;
	}
	return 0;
}
