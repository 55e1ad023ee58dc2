/* container_log.c - one log entry to bytes and back. */
#include "runtime/container_log.h"

#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/panic.h"
#include "base/units.h"

/* How many bytes the UTF-8 sequence at text has; 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *text, size_t left)
{
	unsigned char c = text[0];
	size_t length = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) || (c == 0xf0 && text[1] < 0x90) ||
	    (c == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

size_t container_log_escape(const char *text, size_t length, char *to)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = (const unsigned char *)text;
	char *at = to;

	for (size_t i = 0; i < length;) {
		unsigned char c = from[i];
		size_t sequence = utf8_length(from + i, length - i);

		if (c == '"' || c == '\\') {
			*at++ = '\\';
			*at++ = (char)c;
		} else if (c == '\n' || c == '\r' || c == '\t') {
			*at++ = '\\';
			*at++ = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
		} else if (c < 0x20 || c == 0x7f) {
			memcpy(at, "\\u00", 4);
			at[4] = digits[c >> 4];
			at[5] = digits[c & 15];
			at += 6;
		} else if (!sequence) {
			memcpy(at, "\\ufffd", 6);
			at += 6;
		} else {
			memcpy(at, from + i, sequence);
			at += sequence;
		}
		i += sequence ? sequence : 1;
	}
	return (size_t)(at - to);
}

size_t container_log_format(const struct container_log_entry *entry, char *to, size_t room)
{
	static const char start[] = "{\"log\":\"";
	char stamp[STAMP_TEXT_SIZE];
	size_t used = sizeof start - 1;

	check(entry->length <= CONTAINER_LOG_PIECE_BYTES && room >= CONTAINER_LOG_ENTRY_MAX_BYTES);
	memcpy(to, start, used);
	used += container_log_escape(entry->text, entry->length, to + used);
	used += (size_t)snprintf(to + used, room - used, "\",\"stream\":\"%s\",\"time\":\"%s\"}\n",
				 entry->stream == CONTAINER_LOG_STDERR ? "stderr" : "stdout", stamp_format(entry->wall, stamp));
	return used;
}

static int parse_object(yyjson_val *root, struct buf *scratch, struct container_log_entry *ret)
{
	yyjson_val *log = yyjson_obj_get(root, "log"), *stream = yyjson_obj_get(root, "stream");
	const char *stamp = yyjson_get_str(yyjson_obj_get(root, "time"));
	struct container_log_entry entry = { .stream = CONTAINER_LOG_STDOUT };

	if (!yyjson_is_str(log) || !stamp || stamp_parse(stamp, &entry.wall) < 0)
		return -1;
	if (yyjson_equals_str(stream, "stderr"))
		entry.stream = CONTAINER_LOG_STDERR;
	else if (!yyjson_equals_str(stream, "stdout"))
		return -1;
	buf_clear(scratch);
	buf_add(scratch, yyjson_get_str(log), yyjson_get_len(log));
	entry.text = buf_text(scratch);
	entry.length = scratch->len;
	entry.is_partial = !entry.length || entry.text[entry.length - 1] != '\n';
	*ret = entry;
	return 0;
}

int container_log_parse(const char *line, size_t length, struct buf *scratch, struct container_log_entry *ret, struct err *err)
{
	yyjson_doc *doc = yyjson_read(line, length, 0);
	int result = doc ? parse_object(yyjson_doc_get_root(doc), scratch, ret) : -1;

	yyjson_doc_free(doc);
	return result < 0 ? err_set(err, ERR_INVALID, "log line is not one of json-file's") : 0;
}
