#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

#define CEILING_DEFAULT ((size_t)1 << 30)

/* Larger pieces grow where they are, or are moved by the kernel. */
enum { WIPED_IN_GROWTH = 128 * 1024 };

void buf_fini(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->len);
	free(buf->data);
	*buf = (struct buf){ .ceiling = buf->ceiling };
}

void buf_finip(struct buf *buf)
{
	buf_fini(buf);
}

void buf_clear(struct buf *buf)
{
	buf_truncate(buf, 0);
	buf->overflowed = false;
}

void buf_truncate(struct buf *buf, size_t length)
{
	check(length <= buf->len);
	if (buf->data)
		explicit_bzero(buf->data + length, buf->len - length);
	buf->len = length;
}

/* Overflow is sticky: had a later, smaller piece been let in, the content would have a hole. */
static bool fits(struct buf *buf, size_t more)
{
	size_t ceiling = buf->ceiling ? buf->ceiling : CEILING_DEFAULT;

	if (more > ceiling || buf->len > ceiling - more)
		buf->overflowed = true;
	return !buf->overflowed;
}

void buf_reserve(struct buf *buf, size_t more)
{
	if (!fits(buf, more))
		return;
	size_t need = buf->len + more + 1;
	if (need <= buf->size)
		return;
	size_t size = MAX(need, MAX((size_t)128, buf->size * 2));
	if (buf->len > 0 && buf->size < WIPED_IN_GROWTH) {
		char *larger = mem_resize(NULL, size, 1);

		memcpy(larger, buf->data, buf->len);
		explicit_bzero(buf->data, buf->len);
		free(buf->data);
		buf->data = larger;
	} else {
		buf->data = mem_resize(buf->data, size, 1);
	}
	buf->size = size;
	buf->data[buf->len] = '\0';
}

void buf_add(struct buf *buf, const void *bytes, size_t count)
{
	if (!count)
		return;
	buf_reserve(buf, count);
	if (buf->overflowed)
		return;
	memcpy(buf->data + buf->len, bytes, count);
	buf->len += count;
	buf->data[buf->len] = '\0';
}

void buf_add_str(struct buf *buf, const char *text)
{
	if (text)
		buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(buf, fmt, args);
	va_end(args);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
	char small[128];
	va_list again;

	va_copy(again, args);
	int length = vsnprintf(small, sizeof(small), fmt, args);
	check(length >= 0);
	if ((size_t)length < sizeof(small)) {
		buf_add(buf, small, (size_t)length);
	} else {
		buf_reserve(buf, (size_t)length);
		if (!buf->overflowed) {
			vsnprintf(buf->data + buf->len, (size_t)length + 1, fmt, again);
			buf->len += (size_t)length;
		}
	}
	va_end(again);
}

void buf_drop_front(struct buf *buf, size_t count)
{
	check(count <= buf->len);
	if (!count)
		return;
	memmove(buf->data, buf->data + count, buf->len - count + 1);
	buf->len -= count;
	explicit_bzero(buf->data + buf->len + 1, count);
}

const char *buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
	char *text = buf->data ? buf->data : mem_new(1, 1);

	*buf = (struct buf){ .ceiling = buf->ceiling };
	return text;
}
