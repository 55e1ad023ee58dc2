/* The words behind --tmpfs. */
#include "runtime/tmpfs_options.h"

#include <string.h>
#include <sys/mount.h>

#include "test/unit/runner.h"

static void expect_options(const char *text, unsigned long flags, const char *data)
{
	struct tmpfs_options options;
	struct arena arena;
	struct err err = { .code = 0 };

	arena_init(&arena, "test", 1 << 16);
	EXPECT(tmpfs_options_parse(text, &arena, &options, &err) == 0);
	EXPECT(options.flags == flags);
	EXPECT_STR(options.data, data);
	arena_fini(&arena);
}

static void expect_bad_option(const char *text, const char *words)
{
	struct tmpfs_options options;
	struct arena arena;
	struct err err = { .code = 0 };

	arena_init(&arena, "test", 1 << 16);
	EXPECT(tmpfs_options_parse(text, &arena, &options, &err) == -1);
	EXPECT_STR(err.text, words);
	arena_fini(&arena);
}

TEST(a_tmpfs_is_noexec_nosuid_nodev_unless_its_options_say_otherwise)
{
	const unsigned long usual = MS_NOEXEC | MS_NOSUID | MS_NODEV;

	expect_options(NULL, usual, "");
	expect_options("", usual, "");
	expect_options("rw,size=64m,mode=1770", usual, "size=64m,mode=1770");
	expect_options("exec,,ro,dev", MS_NOSUID | MS_RDONLY, "");
	expect_options("exec,noexec,ro,rw,uid=5,uid=6", usual, "uid=5,uid=6");
}

TEST(a_word_that_tmpfs_does_not_have_is_refused_as_docker_does)
{
	char long_text[TMPFS_OPTIONS_MAX_BYTES + 1];

	expect_bad_option("rw,foo", "invalid tmpfs option [\"foo\"]");
	expect_bad_option("foo=bar=2,rw", "invalid tmpfs option [\"foo\" \"bar=2\"]");
	expect_bad_option("size", "invalid tmpfs option [\"size\"]");
	expect_bad_option("size=", "invalid tmpfs option [\"size\" \"\"]");
	expect_bad_option("rshared", "invalid tmpfs option [\"rshared\"]");
	memset(long_text, ',', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	expect_bad_option(long_text, "tmpfs options: longer than 1023 bytes");
}
