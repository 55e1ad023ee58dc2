#include "client/json_message.h"

#include <string.h>
#include <yyjson.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "client/dig.h"
#include "http/http_client_io.h"

enum { PIECE_BYTES = 16 * 1024, BAR_STEPS = 10000 };

static void show(const struct json_message_sink *sink, yyjson_val *root, const char *id)
{
	int64_t current = dig_int(dig(root, "progressDetail"), "current");
	int64_t total = dig_int(dig(root, "progressDetail"), "total");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_add_str(&text, dig_str(root, "status"));
	if (total <= 0) {
		sink->line(sink->screen, id, buf_text(&text), 0, 0);
		return;
	}
	current = MAX(MIN(current, total), (int64_t)0);
	buf_add_char(&text, ' ');
	units_format_size(current, &text);
	buf_add_char(&text, '/');
	units_format_size(total, &text);
	sink->line(sink->screen, id, buf_text(&text),
		   (unsigned)((double)current / (double)total * BAR_STEPS), BAR_STEPS);
}

static int take(const struct json_message_sink *sink, yyjson_val *root, struct err *err)
{
	const char *stream = dig_str(root, "stream"), *status = dig_str(root, "status");
	const char *id = dig_str(root, "id");

	if (dig(root, "error")) {
		err_set(err, ERR_IO, "%s", dig_str(root, "error"));
		str_make_line(err->text);
		return -1;
	}
	if (*id && *status && sink->screen) {
		show(sink, root, id);
		return 0;
	}
	if (*id && *status) {
		if (dig(root, "progressDetail.current"))
			return 0;
		sink->print(id, strlen(id));
		sink->print(": ", 2);
	}
	sink->print(stream, strlen(stream));
	if (*status) {
		sink->print(status, strlen(status));
		sink->print("\n", 1);
	}
	return 0;
}

int json_message_take(const struct json_message_sink *sink, const char *line, size_t bytes,
		      struct err *err)
{
	while (bytes && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
		bytes--;
	if (bytes == 0)
		return 0;
	yyjson_doc *doc = yyjson_read(line, bytes, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	int result = yyjson_is_obj(root) ? take(sink, root, err) :
		     err_set(err, ERR_IO, "the agent answered with something that is no message");
	yyjson_doc_free(doc);
	return result;
}

static int take_lines(const struct json_message_sink *sink, struct buf *text, struct err *err)
{
	const char *end;

	while (text->len && (end = memchr(text->data, '\n', text->len))) {
		size_t length = (size_t)(end - text->data) + 1;

		if (json_message_take(sink, text->data, length, err) < 0)
			return -1;
		buf_drop_front(text, length);
	}
	if (text->len > JSON_MESSAGE_MAX_BYTES)
		return err_set(err, ERR_IO, "the agent answered with a line that has no end");
	return 0;
}

int json_message_read(const struct json_message_sink *sink, struct http_client *client,
		      struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char piece[PIECE_BYTES];
	size_t count;

	do {
		if (http_client_read(client, piece, sizeof(piece), &count, err) < 0)
			return -1;
		buf_add(&text, piece, count);
		if (take_lines(sink, &text, err) < 0)
			return -1;
	} while (count);
	return json_message_take(sink, buf_text(&text), text.len, err);
}
