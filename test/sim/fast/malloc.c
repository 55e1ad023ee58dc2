/* malloc.c - memory for a simulation: blocks by powers of two, kept for the next one, never given back. One thread.
 *
 * Not in the sanitized build. The C library's own gives large blocks back to the kernel at each free, which then takes more time than all
 * that is simulated.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HEAD = 16, SMALLEST = 5, LARGEST = 40, REGION = 16 << 20 };

struct block { struct block *next; };
/* In front of each block; where a block was aligned by hand, in front of that place. */
struct head { uint64_t bits; uint64_t offset; };

static struct block *free_blocks[LARGEST];
static char *region, *region_end;

static void *more(size_t bytes)
{
	size_t size = bytes > REGION ? bytes : REGION;
	char *place = region;

	if ((size_t)(region_end - region) < bytes) {
		place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (place == MAP_FAILED)
			return NULL;
		region_end = place + size;
	}
	region = place + bytes;
	return place;
}

static unsigned bits_for(size_t bytes)
{
	unsigned bits = SMALLEST;

	while (((size_t)1 << bits) < bytes)
		bits++;
	return bits;
}

static struct head *head_of(void *pointer)
{
	return (struct head *)pointer - 1;
}

static size_t room_in(void *pointer)
{
	return ((size_t)1 << head_of(pointer)->bits) - head_of(pointer)->offset;
}

static void *take(size_t bytes)
{
	unsigned bits;
	char *start;

	if (bytes > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	bits = bits_for(bytes + HEAD);
	start = (char *)free_blocks[bits];
	if (start)
		free_blocks[bits] = free_blocks[bits]->next;
	else if (!(start = more((size_t)1 << bits)))
		return NULL;
	*(struct head *)(void *)start = (struct head){ bits, HEAD };
	return start + HEAD;
}

static void give_back(void *pointer)
{
	struct head head;
	struct block *block;

	if (!pointer)
		return;
	head = *head_of(pointer);
	block = (struct block *)(void *)((char *)pointer - head.offset);
	block->next = free_blocks[head.bits];
	free_blocks[head.bits] = block;
}

void *malloc(size_t bytes)
{
	return take(bytes);
}

void free(void *pointer)
{
	give_back(pointer);
}

void *calloc(size_t count, size_t size)
{
	void *pointer;

	if (size && count > PTRDIFF_MAX / 2 / size) {
		errno = ENOMEM;
		return NULL;
	}
	pointer = take(count * size);
	return pointer ? memset(pointer, 0, count * size) : NULL;
}

void *realloc(void *pointer, size_t bytes)
{
	void *other;

	if (!pointer)
		return take(bytes);
	if (bytes <= room_in(pointer) && bytes + HEAD > room_in(pointer) / 4)
		return pointer;
	other = take(bytes);
	if (!other)
		return NULL;
	memcpy(other, pointer, bytes < room_in(pointer) ? bytes : room_in(pointer));
	give_back(pointer);
	return other;
}

void *aligned_alloc(size_t align, size_t bytes)
{
	char *pointer = take(bytes + align + HEAD);
	struct head head;
	uintptr_t place;

	if (!pointer || align <= HEAD)
		return pointer;
	head = *head_of(pointer);
	place = ((uintptr_t)pointer + HEAD + align - 1) & ~(uintptr_t)(align - 1);
	head.offset += place - (uintptr_t)pointer;
	*head_of((void *)place) = head;
	return (void *)place;
}

int posix_memalign(void **ret, size_t align, size_t bytes)
{
	*ret = aligned_alloc(align, bytes);
	return *ret ? 0 : ENOMEM;
}

void *memalign(size_t align, size_t bytes)
{
	return aligned_alloc(align, bytes);
}

size_t malloc_usable_size(void *pointer)
{
	return pointer ? room_in(pointer) : 0;
}
