/* arena.h - memory that is freed all at once, and overwritten before: a request, a step, a plan.
 *
 * Zeroed, never NULL. An arena has a name and a ceiling; growing over the ceiling panics with the name, so whoever fills one from
 * outside input bounds that input first.
 */
#pragma once
#include <stdarg.h>

#include "base/base.h"

struct arena_chunk;
struct arena {
	const char *name;
	struct arena_chunk *head;
	size_t total_bytes, ceiling_bytes;
};

void arena_init(struct arena *arena, const char *name, size_t ceiling_bytes);
void arena_fini(struct arena *arena);            /* frees every chunk; the arena may be used again */
void *arena_take(struct arena *arena, size_t bytes);
void *arena_take_array(struct arena *arena, size_t count, size_t size);
char *arena_strdup(struct arena *arena, const char *text);               /* NULL stays NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define ARENA_NEW(arena, type)          ((type *)arena_take((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_take_array((arena), (count), sizeof(type)))
