/* buf.h - a growing run of bytes, always followed by a NUL that is not counted.
 *
 * Owned by whoever declared it: BUF_INIT, then buf_fini (or CLEANUP(buf_finip)). Growth is bounded by the ceiling: past it the buffer
 * turns "overflowed", keeps what it had and ignores the rest; the owner asks once, at the end. Ceiling 0 means 1 GiB.
 * What leaves it (fini, clear, drop, growth) is overwritten, since it may have been a password.
 */
#pragma once
#include <stdarg.h>

#include "base/base.h"

struct buf {
	char *data;             /* NULL until the first byte; use buf_text for a C string */
	size_t len, size, ceiling;
	bool overflowed;
};
#define BUF_INIT { 0 }

void buf_fini(struct buf *buf);
void buf_finip(struct buf *buf);
void buf_clear(struct buf *buf);                 /* keeps the memory */
void buf_truncate(struct buf *buf, size_t length);      /* to what it was; not over its length */
void buf_reserve(struct buf *buf, size_t more);  /* room for more bytes behind len, unless it overflowed: ask first */
void buf_add(struct buf *buf, const void *bytes, size_t count);
void buf_add_str(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void buf_drop_front(struct buf *buf, size_t count);
const char *buf_text(const struct buf *buf);     /* "" when empty */
char *buf_take(struct buf *buf);                 /* ownership of the bytes goes to the caller (free); buf is empty afterwards */
