#include "api/log_line.h"

#include <string.h>

#include "api/log_frame.h"
#include "base/str.h"
#include "base/units.h"

enum { STREAM_FAILURE = 3, HEADER_BYTES = 8 };

void log_line_write(const struct container_log_entry *entry, const char *details, struct buf *out)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char stamp[STAMP_TEXT_SIZE];

	buf_printf(&text, "%s %s ", stamp_format_fixed(entry->wall, stamp), details);
	buf_add(&text, entry->text, entry->length);
	log_frame_header(entry->stream == CONTAINER_LOG_STDERR ? 2 : 1, text.len, out);
	buf_add(out, text.data, text.len);
}

/* Up to the next blank, which is passed over. NULL: there is none. */
static const char *word(const char **at, const char *end, size_t *ret_length)
{
	const char *begin = *at, *blank = memchr(begin, ' ', (size_t)(end - begin));

	if (!blank)
		return NULL;
	*ret_length = (size_t)(blank - begin);
	*at = blank + 1;
	return begin;
}

static bool read_text(const char *at, const char *end, struct log_line *ret)
{
	char stamp[STAMP_TEXT_SIZE];
	size_t length;
	const char *time = word(&at, end, &length);

	if (!time || length >= sizeof stamp)
		return false;
	memcpy(stamp, time, length);
	stamp[length] = 0;
	if (stamp_parse(stamp, &ret->entry.wall) < 0 || !(ret->details = word(&at, end, &ret->details_length)))
		return false;
	ret->entry.text = at;
	ret->entry.length = (size_t)(end - at);
	return true;
}

enum log_line_result log_line_read(const void *bytes, size_t count, struct log_line *ret, size_t *ret_used, struct err *err)
{
	const uint8_t *head = bytes;
	const char *text = (const char *)bytes + HEADER_BYTES;
	size_t length;

	*ret = (struct log_line){ 0 };
	if (count < HEADER_BYTES)
		return LOG_LINE_MORE;
	length = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
	if (head[0] < CONTAINER_LOG_STDOUT || head[0] > STREAM_FAILURE || length > LOG_LINE_MAX_BYTES) {
		err_set(err, ERR_INVALID, "a frame of stream %u with %zu bytes", head[0], length);
		return LOG_LINE_BAD;
	}
	if (count - HEADER_BYTES < length)
		return LOG_LINE_MORE;
	*ret_used = HEADER_BYTES + length;
	ret->is_failure = head[0] == STREAM_FAILURE;
	if (ret->is_failure) {
		ret->entry.text = text;
		ret->entry.length = length;
		return LOG_LINE_READY;
	}
	ret->entry.stream = head[0] == CONTAINER_LOG_STDERR ? CONTAINER_LOG_STDERR : CONTAINER_LOG_STDOUT;
	if (read_text(text, text + length, ret))
		return LOG_LINE_READY;
	err_set(err, ERR_INVALID, "a line without a time or a context");
	return LOG_LINE_BAD;
}
