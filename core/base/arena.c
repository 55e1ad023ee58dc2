#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

enum { CHUNK_MIN = 4096, CHUNK_MAX = 1024 * 1024 };

/* Most arenas live for a moment: some chunks of each usual size are kept for the next ones, each thread has its own. musl would give
 * their pages back to the kernel and ask for others, hundreds of times a second. Where the sanitizers look on nothing is kept. */
enum { SPARE_SIZES = 6 };       /* 4 to 128 KiB */
#ifdef __SANITIZE_ADDRESS__
enum { SPARE_BYTES = 0 };
#else
enum { SPARE_BYTES = 768 << 10 };
#endif

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};
static _Thread_local struct { struct arena_chunk *first[SPARE_SIZES]; size_t bytes; } spare;

void arena_init(struct arena *arena, const char *name, size_t ceiling_bytes)
{
	check(ceiling_bytes > 0);
	*arena = (struct arena){ .name = name, .ceiling_bytes = ceiling_bytes };
}

/* NULL: chunks of that size are not kept. */
static struct arena_chunk **spare_of(size_t size)
{
	for (size_t i = 0; i < SPARE_SIZES; i++)
		if (size == (size_t)CHUNK_MIN << i)
			return &spare.first[i];
	return NULL;
}

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk **first = spare_of(size), *chunk = first ? *first : NULL;

	if (chunk) {
		*first = chunk->next;
		spare.bytes -= size;
	} else {
		chunk = mem_resize(NULL, 1, sizeof(*chunk) + size);
	}
	chunk->used = 0;
	chunk->size = size;
	return chunk;
}

static void chunk_free(struct arena_chunk *chunk)
{
	struct arena_chunk **first = spare_of(chunk->size);

	if (!first || spare.bytes + chunk->size > SPARE_BYTES) {
		free(chunk);
		return;
	}
	chunk->next = *first;
	*first = chunk;
	spare.bytes += chunk->size;
}

void arena_fini(struct arena *arena)
{
	struct arena_chunk *next;

	for (struct arena_chunk *chunk = arena->head; chunk; chunk = next) {
		next = chunk->next;
		explicit_bzero(chunk->data, chunk->used);
		chunk_free(chunk);
	}
	arena->head = NULL;
	arena->total_bytes = 0;
}

/* Chunks double, so that a big arena costs few calls and a small one little memory. */
static size_t chunk_size_for(const struct arena *arena, size_t need)
{
	size_t left = arena->ceiling_bytes - arena->total_bytes;

	if (need > left)
		panic("arena '%s': over its ceiling of %zu bytes", arena->name,
		      arena->ceiling_bytes);
	size_t wish = MAX((size_t)CHUNK_MIN, MIN(arena->total_bytes, (size_t)CHUNK_MAX));
	return MIN(MAX(wish, need), left);
}

static struct arena_chunk *arena_grow(struct arena *arena, size_t need)
{
	size_t size = chunk_size_for(arena, need);
	struct arena_chunk *chunk = chunk_new(size);

	arena->total_bytes += size;

	/* A chunk of one big piece goes behind the head: what is left of the head stays usable. */
	struct arena_chunk *head = arena->head;
	if (head && size == need && head->size - head->used > 0) {
		chunk->next = head->next;
		head->next = chunk;
	} else {
		chunk->next = head;
		arena->head = chunk;
	}
	return chunk;
}

void *arena_take(struct arena *arena, size_t bytes)
{
	size_t need = ALIGN_UP(bytes, _Alignof(max_align_t));

	check(need >= bytes);                        /* the rounding did not wrap */
	struct arena_chunk *chunk = arena->head;
	if (!chunk || chunk->size - chunk->used < need)
		chunk = arena_grow(arena, need);

	char *place = chunk->data + chunk->used;
	chunk->used += need;
	return memset(place, 0, bytes);
}

void *arena_take_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		panic("arena '%s': %zu times %zu bytes", arena->name, count, size);
	return arena_take(arena, bytes);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_take(arena, length + 1);

	if (length)
		memcpy(copy, text, length);
	return copy;
}

/* Without a detour by the heap: a young process has none, and musl would get a page for each text and give it back. */
char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	char small[128];
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	int length = vsnprintf(small, sizeof(small), fmt, args);
	check(length >= 0);
	char *text = arena_take(arena, (size_t)length + 1);

	if ((size_t)length < sizeof(small))
		memcpy(text, small, (size_t)length);
	else
		vsnprintf(text, (size_t)length + 1, fmt, again);
	va_end(again);
	va_end(args);
	return text;
}
