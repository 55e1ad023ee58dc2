#include <string.h>

#include "base/arena.h"
#include "test/unit/runner.h"

static bool is_zero(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i])
			return false;
	return true;
}

TEST(arena_gives_zeroed_aligned_pieces_that_do_not_overlap)
{
	struct arena arena;
	uint8_t *pieces[500];

	arena_init(&arena, "test", 1 << 20);
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		pieces[i] = arena_take(&arena, i + 1);
		EXPECT(is_zero(pieces[i], i + 1));
		EXPECT((uintptr_t)pieces[i] % _Alignof(max_align_t) == 0);
		memset(pieces[i], (int)(i % 255 + 1), i + 1);
	}
	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++)
		for (size_t j = 0; j <= i; j++)
			if (pieces[i][j] != i % 255 + 1)
				EXPECT(!"a piece was overwritten");
	arena_fini(&arena);
}

TEST(arena_is_zeroed_again_when_it_is_used_again)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	for (int round = 0; round < 3; round++) {
		uint8_t *piece = arena_take(&arena, 3000);
		EXPECT(is_zero(piece, 3000));
		memset(piece, 0xee, 3000);
		arena_fini(&arena);
		EXPECT_INT(arena.total_bytes, 0);
	}
}

TEST(arena_can_be_filled_up_to_its_ceiling)
{
	struct arena arena;

	arena_init(&arena, "test", 64 * 1024);
	for (int i = 0; i < 64; i++)
		memset(arena_take(&arena, 1024), 1, 1024);
	EXPECT_INT(arena.total_bytes, 64 * 1024);
	arena_fini(&arena);
}

TEST(arena_keeps_using_its_chunk_after_a_big_piece)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	char *first = arena_take(&arena, 16);
	arena_take(&arena, 100000);
	char *second = arena_take(&arena, 16);
	EXPECT(second == first + 16);
	arena_fini(&arena);
}

TEST(arena_copies_and_prints_texts)
{
	struct arena arena;
	char long_text[400];

	memset(long_text, 'l', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(arena_strdup(&arena, "abc"), "abc");
	EXPECT_STR(arena_strdup(&arena, ""), "");
	EXPECT(arena_strdup(&arena, NULL) == NULL);
	EXPECT_STR(arena_strndup(&arena, "abcdef", 3), "abc");
	EXPECT_STR(arena_strndup(&arena, NULL, 0), "");
	EXPECT_STR(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
	EXPECT_STR(arena_printf(&arena, "%s", ""), "");
	EXPECT_STR(arena_printf(&arena, "%s", long_text), long_text);
	int *numbers = ARENA_ARRAY(&arena, int, 100);
	EXPECT(is_zero((uint8_t *)numbers, 100 * sizeof(int)));
	arena_fini(&arena);
}
