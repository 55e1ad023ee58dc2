#include "api/log_frame.h"

#include <string.h>

#include "base/str.h"
#include "base/units.h"

enum { STREAM_ERROR = 3 };

void log_frame_header(unsigned stream, size_t length, struct buf *out)
{
	const uint8_t header[8] = { (uint8_t)stream, 0, 0, 0, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
				    (uint8_t)length };
	buf_add(out, header, sizeof header);
}

void log_frame_raw(const struct container_log_entry *entry, bool with_time, const char *details, struct buf *out)
{
	char stamp[STAMP_TEXT_SIZE];

	if (with_time)
		buf_printf(out, "%s ", stamp_format_fixed(entry->wall, stamp));
	if (details)
		buf_printf(out, "%s ", details);
	buf_add(out, entry->text, entry->length);
	if (details && (entry->length == 0 || entry->text[entry->length - 1] != '\n'))
		buf_add_char(out, '\n');
}

void log_frame(const struct container_log_entry *entry, bool with_time, const char *details, struct buf *out)
{
	CLEANUP(buf_finip) struct buf payload = BUF_INIT;

	log_frame_raw(entry, with_time, details, &payload);
	log_frame_header(entry->stream == CONTAINER_LOG_STDERR ? 2 : 1, payload.len, out);
	buf_add(out, payload.data, payload.len);
}

void log_frame_error(const char *text, struct buf *out)
{
	log_frame_header(STREAM_ERROR, strlen(text) + 1, out);
	buf_printf(out, "%s\n", text);
}

static void add_escaped(const char *text, struct buf *out)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c))
			buf_add_char(out, (char)c);
		else if (c == ' ')
			buf_add_char(out, '+');
		else
			buf_printf(out, "%%%02X", c);
	}
}

static const char *const keys[] = { "com.docker.swarm.node.id", "com.docker.swarm.service.id", "com.docker.swarm.task.id" };

char *log_frame_context(const char *node_id, const char *service_id, const char *task_id)
{
	const char *const values[] = { node_id, service_id, task_id };
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		buf_printf(&out, "%s%s=", i ? "," : "", keys[i]);
		add_escaped(values[i] ? values[i] : "", &out);
	}
	return buf_take(&out);
}

char *log_frame_details(const struct container_spec *spec)
{
	return log_frame_context(container_label(spec, keys[0]), container_label(spec, keys[1]), container_label(spec, keys[2]));
}
