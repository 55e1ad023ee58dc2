#include "base/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void panic_at(const char *file, int line, const char *fmt, ...)
{
	/* No stdio stream and no heap: both may be what is broken. */
	char text[1024];
	int used = snprintf(text, sizeof(text), "panic: %s:%d: ", file, line);
	size_t at = used < 0 ? 0 : MIN((size_t)used, sizeof(text) - 2);

	va_list args;
	va_start(args, fmt);
	used = vsnprintf(text + at, sizeof(text) - at - 1, fmt, args);
	va_end(args);
	if (used > 0)
		at += MIN((size_t)used, sizeof(text) - at - 2);
	text[at++] = '\n';

	if (write(STDERR_FILENO, text, at) < 0)
		abort();                     /* nobody to tell; the core dump speaks */
	abort();
}

void *mem_new(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		panic("out of memory: %zu times %zu bytes", count, size);
	void *place = calloc(1, bytes ? bytes : 1);
	if (!place)
		panic("out of memory: %zu bytes", bytes);
	return place;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		panic("out of memory: %zu times %zu bytes", count, size);
	void *place = realloc(old, bytes ? bytes : 1);
	if (!place)
		panic("out of memory: %zu bytes", bytes);
	return place;
}
