/* panic.h - assertions that stay on in release builds, and the one place where running out of memory ends.
 *
 * They guard our own logic only. What came from a network, a disk or a user is never checked this way: that is a struct err.
 */
#pragma once
#include "base/base.h"

/* Prints "panic: file:line: text" on stderr and aborts. */
NORETURN void panic_at(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define panic(...)  panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define check(cond) do { if (__builtin_expect(!(cond), 0)) panic_at(__FILE__, __LINE__, "%s", #cond); } while (0)

/* malloc family that never returns NULL; sizes that overflow panic too. mem_new zeroes. Free with free(). */
void *mem_new(size_t count, size_t size);
void *mem_resize(void *old, size_t count, size_t size);
#define NEW(type)          ((type *)mem_new(1, sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)mem_new((n), sizeof(type)))
