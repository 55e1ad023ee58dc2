#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "test/unit/runner.h"

/* Runs fn in a process of its own; true when it aborted with these words on stderr. */
static bool panics_with(void (*fn)(void), const char *words)
{
	char text[4096];
	int ends[2], status = 0;
	size_t length = 0;
	ssize_t got;

	if (pipe(ends) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while (length + 1 < sizeof(text) &&
	       (got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && str_starts(text, "panic: ") &&
	       str_ends(text, "\n") && strstr(text, words);
}

static void false_check(void)
{
	int apples = 3;

	check(apples == 4);
}

static void long_panic(void)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	panic("start %s", text);
}

static void too_much_memory(void)
{
	free(mem_new(SIZE_MAX / 2, 4));
}

static void too_much_resized(void)
{
	free(mem_resize(NULL, SIZE_MAX / 2, 4));
}

static void arena_over_ceiling(void)
{
	struct arena arena;

	arena_init(&arena, "plan", 10000);
	for (;;)
		arena_take(&arena, 1000);
}

static void dice_without_sides(void)
{
	struct rng rng;

	rng_seed(&rng, 1);
	rng_below(&rng, 0);
}

static void too_few_digits(void)
{
	uint8_t number[2] = { 0xff, 0xff };
	char text[4];

	base36_encode(number, sizeof(number), 3, text);
}

TEST(check_that_fails_names_the_place_and_the_condition)
{
	EXPECT(panics_with(false_check, "panic_test.c:"));
	EXPECT(panics_with(false_check, "apples == 4"));
}

TEST(panic_text_that_is_too_long_is_cut_and_still_a_line)
{
	EXPECT(panics_with(long_panic, "start xxxx"));
}

TEST(out_of_memory_ends_in_one_place)
{
	EXPECT(panics_with(too_much_memory, "out of memory"));
	EXPECT(panics_with(too_much_resized, "out of memory"));
}

TEST(arena_over_its_ceiling_panics_with_its_name)
{
	EXPECT(panics_with(arena_over_ceiling, "arena 'plan': over its ceiling of 10000 bytes"));
}

TEST(misuse_of_numbers_panics)
{
	EXPECT(panics_with(dice_without_sides, "bound > 0"));
	EXPECT(panics_with(too_few_digits, "number[j] == 0"));
}

TEST(memory_of_nothing_can_be_freed)
{
	void *nothing = mem_new(0, 8);

	EXPECT(nothing);
	nothing = mem_resize(nothing, 0, 0);
	EXPECT(nothing);
	free(nothing);
}
