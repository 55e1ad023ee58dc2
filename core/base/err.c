#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text that was cut must not end in half a character: it goes into JSON. */
static void cut_at_character(char *text, size_t length)
{
	size_t at = length;

	while (at > 0 && ((uint8_t)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && (uint8_t)text[at - 1] >= 0xc0)
		text[at - 1] = '\0';
}

/* The arguments may point into err->text itself, so everything is put together aside. */
PRINTF_LIKE(4, 0)
static int store(struct err *err, enum err_code code, const char *tail, const char *fmt,
		 va_list args)
{
	char text[sizeof(err->text)];

	if (!err)
		return -1;
	int used = vsnprintf(text, sizeof(text), fmt, args);
	size_t at = used < 0 ? 0 : (size_t)used;
	if (at < sizeof(text) && tail)
		at += (size_t)snprintf(text + at, sizeof(text) - at, ": %s", tail);
	if (at >= sizeof(text))
		cut_at_character(text, sizeof(text) - 1);
	err->code = code;
	memcpy(err->text, text, sizeof(text));
	return -1;
}

/* Names in parentheses: lint.sh has macros of the same names (test/lint/known.h). */
int (err_set)(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	store(err, code, NULL, fmt, args);
	va_end(args);
	return -1;
}

int (err_sys)(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	store(err, ERR_IO, strerror(saved), fmt, args);
	va_end(args);
	errno = saved;
	return -1;
}

int (err_wrap)(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	va_list args;

	if (!err)
		return -1;
	memcpy(inner, err->text, sizeof(inner));
	va_start(args, fmt);
	store(err, err->code, inner, fmt, args);
	va_end(args);
	return -1;
}

int err_http_status(enum err_code code)
{
	switch (code) {
	case ERR_INVALID:
		return 400;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_CONFLICT:
		return 409;
	case ERR_DENIED:
		return 403;
	case ERR_EXHAUSTED:
	case ERR_UNAVAILABLE:
		return 503;
	case ERR_UNSUPPORTED:
		return 501;
	case ERR_STALE:
	case ERR_IO:
	case ERR_DAMAGED:
		return 500;
	case ERR_UNAUTHORIZED:
		return 401;
	}
	return 500;
}
