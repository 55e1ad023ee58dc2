#include "http/http_parse.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"

/* llhttp calls back; each callback notes what happened and returns HPE_PAUSED, which makes it stop
 * right there. */
static int stop_with(struct http_parse *parse, enum http_parse_event event)
{
	parse->event = event;
	return HPE_PAUSED;
}

static int refuse(struct http_parse *parse, const char *reason)
{
	parse->is_too_large = true;
	llhttp_set_error_reason(&parse->llhttp, reason);
	return HPE_USER;
}

static int keep(struct http_parse *parse, const char *at, size_t length)
{
	size_t *used = parse->has_head ? &parse->trailer_bytes : &parse->text.len;

	if (length >= parse->bound || *used >= parse->bound - length)
		return refuse(parse, "the head of the message is too large");
	if (parse->has_head)
		*used += length;
	else
		buf_add(&parse->text, at, length);
	return 0;
}

static int on_message_begin(llhttp_t *llhttp)
{
	struct http_parse *parse = llhttp->data;

	buf_clear(&parse->text);
	parse->field_count = 0;
	parse->trailer_bytes = 0;
	parse->has_head = false;
	parse->has_begun = true;
	return 0;
}

/* llhttp also knows 0.9 and 2.0, which have no heads like this one. */
static int on_version_complete(llhttp_t *llhttp)
{
	if (llhttp->http_major == 1)
		return 0;
	((struct http_parse *)llhttp->data)->is_other_version = true;
	return HPE_USER;
}

static int on_text(llhttp_t *llhttp, const char *at, size_t length)
{
	return keep(llhttp->data, at, length);
}

static int on_text_complete(llhttp_t *llhttp)
{
	return keep(llhttp->data, "", 1);
}

/* A name begins where the text ends; its first piece is the moment to note that. */
static int on_name(llhttp_t *llhttp, const char *at, size_t length)
{
	struct http_parse *parse = llhttp->data;
	bool is_first = parse->text.len == 0 || parse->text.data[parse->text.len - 1] == '\0';

	if (!parse->has_head && is_first) {
		if (parse->field_count == HTTP_MAX_FIELDS)
			return refuse(parse, "the message has too many header fields");
		parse->fields[parse->field_count++].name = parse->text.len;
	}
	return keep(parse, at, length);
}

static int on_name_complete(llhttp_t *llhttp)
{
	struct http_parse *parse = llhttp->data;
	int result = keep(parse, "", 1);

	if (!parse->has_head && parse->field_count)
		parse->fields[parse->field_count - 1].value = parse->text.len;
	return result;
}

static int on_value_complete(llhttp_t *llhttp)
{
	struct buf *text = &((struct http_parse *)llhttp->data)->text;

	/* llhttp leaves the blanks behind a value on it; they are not part of it (RFC 9110,
	 * 5.5). */
	while (text->len > 0 && (text->data[text->len - 1] == ' ' || text->data[text->len - 1] == '\t'))
		text->len--;
	return on_text_complete(llhttp);
}

static int on_headers_complete(llhttp_t *llhttp)
{
	struct http_parse *parse = llhttp->data;

	parse->has_head = true;
	llhttp->upgrade = 0;            /* an offer we may leave aside (RFC 9110, 7.8) */
	if (parse->has_no_body)
		llhttp->flags |= F_SKIPBODY;
	return stop_with(parse, HTTP_PARSE_HEAD);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
	struct http_parse *parse = llhttp->data;

	if (length == 0)
		/* asked again with an empty window; pausing would never end */
		return 0;
	parse->piece = (const uint8_t *)at;
	parse->piece_bytes = length;
	return stop_with(parse, HTTP_PARSE_PIECE);
}

static int on_message_complete(llhttp_t *llhttp)
{
	struct http_parse *parse = llhttp->data;

	parse->has_begun = false;
	return stop_with(parse, HTTP_PARSE_END);
}

static const llhttp_settings_t settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_text,
	.on_url_complete = on_text_complete,
	.on_version_complete = on_version_complete,
	.on_header_field = on_name,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_text,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void http_parse_init(struct http_parse *parse, enum http_side side, size_t bound)
{
	*parse = (struct http_parse){ .bound = bound };
	llhttp_init(&parse->llhttp, side == HTTP_SIDE_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE,
		    &settings);
	parse->llhttp.data = parse;
}

void http_parse_fini(struct http_parse *parse)
{
	buf_fini(&parse->text);
}

static enum http_parse_event failed(struct http_parse *parse, struct err *err)
{
	const char *reason = llhttp_get_error_reason(&parse->llhttp);

	/* two numbers, but not those that it knows; what is no version at all, or has no end, has the same code */
	if (llhttp_get_errno(&parse->llhttp) == HPE_INVALID_VERSION && str_eq(reason, "Invalid HTTP version"))
		parse->is_other_version = true;
	if (parse->is_other_version)
		err_set(err, ERR_INVALID, "unsupported protocol version");
	else
		err_set(err, ERR_INVALID, "malformed HTTP: %s", str_is_empty(reason) ? "?" : reason);
	return HTTP_PARSE_ERROR;
}

enum http_parse_event http_parse_next(struct http_parse *parse, const uint8_t **bytes,
				      size_t *count, struct err *err)
{
	const char *at = (const char *)*bytes;

	llhttp_resume(&parse->llhttp);
	parse->event = HTTP_PARSE_MORE;
	llhttp_errno_t result = llhttp_execute(&parse->llhttp, at, *count);
	if (result == HPE_OK) {
		*bytes += *count;
		*count = 0;
		return HTTP_PARSE_MORE;
	}
	if (result != HPE_PAUSED)
		return failed(parse, err);

	size_t used = (size_t)(llhttp_get_error_pos(&parse->llhttp) - at);
	check(used <= *count);
	*bytes += used;
	*count -= used;
	return parse->event;
}

enum http_parse_event http_parse_eof(struct http_parse *parse, struct err *err)
{
	llhttp_resume(&parse->llhttp);
	parse->event = HTTP_PARSE_ERROR;
	llhttp_errno_t result = llhttp_finish(&parse->llhttp);
	if (result == HPE_PAUSED && parse->event == HTTP_PARSE_END)
		return HTTP_PARSE_END;
	err_set(err, ERR_IO, parse->has_begun ? "the connection ended within a message" :
						"the connection ended");
	return HTTP_PARSE_ERROR;
}

const char *http_parse_method(const struct http_parse *parse)
{
	return llhttp_method_name((llhttp_method_t)parse->llhttp.method);
}

const char *http_parse_target(const struct http_parse *parse)
{
	return parse->text.data;     /* the first text of a request */
}

int http_parse_status(const struct http_parse *parse)
{
	return parse->llhttp.status_code;
}

bool http_parse_is_http10(const struct http_parse *parse)
{
	return parse->llhttp.http_major < 1 ||
	       (parse->llhttp.http_major == 1 && parse->llhttp.http_minor == 0);
}

bool http_parse_keeps_alive(const struct http_parse *parse)
{
	return llhttp_should_keep_alive(&parse->llhttp);
}

bool http_parse_has_body(const struct http_parse *parse)
{
	return !(parse->llhttp.flags & F_SKIPBODY) &&
	       ((parse->llhttp.flags & F_CHUNKED) || parse->llhttp.content_length > 0);
}

const char *http_parse_field(const struct http_parse *parse, const char *name)
{
	for (unsigned i = 0; i < parse->field_count; i++)
		if (str_eq_nocase(parse->text.data + parse->fields[i].name, name))
			return parse->text.data + parse->fields[i].value;
	return NULL;
}
