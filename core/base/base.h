/* base.h - the handful of macros and scalar types that every room uses. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t msec;   /* a duration or a moment in milliseconds; which clock is said where it is stored */
typedef int64_t nsec;   /* a duration in nanoseconds, or nanoseconds since 1970 (UTC) where named wall */

#define ARRAY_COUNT(a)       (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)            ((a) < (b) ? (a) : (b))
#define MAX(a, b)            ((a) > (b) ? (a) : (b))
#define ALIGN_UP(n, to)      (((n) + (to) - 1) & ~((size_t)(to) - 1))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))

#define CLEANUP(f)           __attribute__((cleanup(f)))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))
#define NORETURN             __attribute__((noreturn))
#define UNUSED               __attribute__((unused))
#define FALLTHROUGH          __attribute__((fallthrough))
