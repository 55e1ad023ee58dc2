/* json_message.h - the lines of JSON in which the agent tells how a load, an import or a pull gets on.
 *
 * json_message_take is pure. {"stream":text} and {"status":text} are printed, those with an id are
 * lines of a screen (client/screen.h) with progressDetail as a bar, {"error":text} ends it.
 */
#pragma once
#include "base/err.h"
#include "client/progress.h"

#define JSON_MESSAGE_MAX_BYTES (1024 * 1024)    /* of one line */

struct json_message_sink {
	void (*print)(const char *text, size_t length);
	progress_line_fn *line;         /* with screen */
	void *screen;                   /* NULL: lines with an id are printed, those with a bar left out */
};
/* -1 with the error that the line tells, or when it is no such line. Blank ones are fine. */
int json_message_take(const struct json_message_sink *sink, const char *line, size_t bytes,
		      struct err *err);
/* All lines of a body. Blocks. */
struct http_client;
int json_message_read(const struct json_message_sink *sink, struct http_client *client,
		      struct err *err);
