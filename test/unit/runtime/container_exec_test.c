/* What an exec is told, and what is refused. */
#include "runtime/container_exec.h"

#include <string.h>

#include "test/unit/runner.h"

static const char *words[] = { "sh", "-c", "echo \"x\"" }, *env[] = { "A=1", "B=" };

TEST(an_exec_comes_back_as_it_was_told)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct container_exec exec = { .argv = { words, 3 }, .env = { env, 2 }, .user = "web:www", .cwd = "/srv", .tty_rows = 24, .tty_columns = 80,
				       .has_tty = true, .has_stdin = true, .is_privileged = true, .ends_with_agent = true }, back;
	struct arena arena;
	struct err err = { .code = 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(container_exec_encode(&exec, &text, &err) == 0);
	EXPECT(container_exec_decode(text.data, text.len, &arena, &back, &err) == 0);
	EXPECT_INT(back.argv.count, 3);
	EXPECT_STR(back.argv.items[2], words[2]);
	EXPECT_STR(back.env.items[1], "B=");
	EXPECT_STR(back.user, "web:www");
	EXPECT_STR(back.cwd, "/srv");
	EXPECT(back.tty_rows == 24 && back.tty_columns == 80 && back.has_tty && back.has_stdin && !back.has_output && back.is_privileged &&
	       back.ends_with_agent);
	EXPECT(container_exec_decode("{}", 2, &arena, &back, &err) == -1);
	EXPECT_STR(err.text, "No exec command specified");
	EXPECT(container_exec_decode("{\"argv\":[\"a\"],\"colour\":1}", 25, &arena, &back, &err) == -1);
	EXPECT_STR(err.text, "exec: unknown field 'colour'");
	arena_fini(&arena);
}

TEST(an_exec_that_nobody_could_run_is_refused)
{
	const char *nameless[] = { "=x" }, *bare[] = { "PATH" }, *nothing[] = { "" }, *bytes[] = { "\xff" };
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct container_exec exec = { .argv = { words, 1 } };
	struct err err = { .code = 0 };

	EXPECT(container_exec_check(&exec, &err) == 0);
	exec.env = (struct container_strings){ nameless, 1 };
	EXPECT(container_exec_check(&exec, &err) == -1);
	EXPECT_STR(err.text, "invalid environment variable: =x");
	exec.env.items = bare;
	EXPECT(container_exec_check(&exec, &err) == -1);
	EXPECT_STR(err.text, "invalid environment variable: PATH");
	exec.env.count = 0;
	exec.cwd = "srv";
	EXPECT(container_exec_check(&exec, &err) == -1);
	EXPECT_STR(err.text, "Cwd must be an absolute path");
	exec.cwd = NULL;
	exec.tty_rows = 65536;
	EXPECT(container_exec_check(&exec, &err) == -1);
	EXPECT_STR(err.text, "a terminal of 65536 by 0 is too large");
	exec.tty_rows = 0;
	exec.argv.items = nothing;
	EXPECT(container_exec_check(&exec, &err) == -1);
	EXPECT_STR(err.text, "No exec command specified");
	exec.argv.items = bytes;
	EXPECT(container_exec_encode(&exec, &text, &err) == -1);
	EXPECT_STR(err.text, "exec: a text in it is not UTF-8");
}
