#include "http/http_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/panic.h"
#include "base/str.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte behind a percent sign, -1 if no two hex digits follow within left characters. */
static int hex_pair(const char *text, size_t left)
{
	if (left < 2)
		return -1;
	int high = hex_digit(text[0]), low = hex_digit(text[1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int http_decode(struct arena *arena, const char *text, size_t length, bool plus_is_space,
		char **ret)
{
	char *out = arena_take(arena, length + 1);
	size_t used = 0;

	for (size_t at = 0; at < length; at++) {
		int c = (unsigned char)text[at];
		if (c == '+' && plus_is_space) {
			c = ' ';
		} else if (c == '%') {
			c = hex_pair(text + at + 1, length - at - 1);
			at += 2;
		}
		if (c <= 0)
			return -1;
		out[used++] = (char)c;
	}
	if (!str_is_utf8(out, used))
		return -1;
	*ret = out;
	return 0;
}

static bool is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void http_encode(const char *text, const char *keep, struct buf *out)
{
	for (; *text; text++) {
		if (is_unreserved(*text) || strchr(keep, *text))
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

const char *http_reason(int status)
{
	static const struct { int status; const char *phrase; } reasons[] = {
		{ 100, "Continue" }, { 101, "UPGRADED" }, { 200, "OK" }, { 201, "Created" },
		{ 202, "Accepted" }, { 204, "No Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
		{ 408, "Request Timeout" }, { 409, "Conflict" }, { 411, "Length Required" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" },
		{ 501, "Not Implemented" }, { 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].phrase;
	return "Unknown";
}

static void put_digits(char *at, int number, size_t count)
{
	for (; count; number /= 10)
		at[--count] = (char)('0' + number % 10);
}

/* Not strftime, whose names of days would follow a locale; and by hand, for each reply has one. */
const char *http_date(nsec wall, char ret_text[HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall / 1000000000);
	struct tm tm;

	strcpy(ret_text, "Thu, 01 Jan 1970 00:00:00 GMT");
	if (!gmtime_r(&seconds, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
		return ret_text;
	memcpy(ret_text, days + 3 * tm.tm_wday, 3);
	put_digits(ret_text + 5, tm.tm_mday, 2);
	memcpy(ret_text + 8, months + 3 * tm.tm_mon, 3);
	put_digits(ret_text + 12, tm.tm_year + 1900, 4);
	put_digits(ret_text + 17, tm.tm_hour, 2);
	put_digits(ret_text + 20, tm.tm_min, 2);
	put_digits(ret_text + 23, tm.tm_sec, 2);
	return ret_text;
}

bool http_status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

void http_error_body(const char *message, struct buf *out)
{
	buf_add_str(out, "{\"message\":\"");
	/* What is not UTF-8 (a name from a stranger, quoted) must not make the JSON unreadable. */
	bool is_text = str_is_utf8(message, strlen(message));
	for (; *message; message++) {
		unsigned char c = (unsigned char)*message;
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_add_str(out, "\\n");
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add_char(out, c >= 0x80 && !is_text ? '?' : (char)c);
	}
	buf_add_str(out, "\"}\n");
}

void http_add_field(struct buf *out, const char *name, const char *value)
{
	buf_add_str(out, name);
	buf_add_str(out, ": ");
	size_t at = out->len;
	buf_add_str(out, value);
	for (; at < out->len; at++)
		if ((unsigned char)out->data[at] < 0x20 || out->data[at] == 0x7f)
			out->data[at] = ' ';
	buf_add_str(out, "\r\n");
}
