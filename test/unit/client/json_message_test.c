#include "client/json_message.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "test/unit/runner.h"

static struct buf said;

static void print(const char *text, size_t length)
{
	buf_add(&said, text, length);
}

static void line(void *screen, const char *id, const char *text, unsigned current, unsigned total)
{
	(void)screen;
	buf_printf(&said, "[%s|%s|%u%%]", id, text, total ? current * 100 / total : 0);
}

/* What comes of a message: on a terminal, or without one; or the error. */
static const char *shown(const char *message, bool has_screen)
{
	static struct err err;
	struct json_message_sink sink = { print, line, has_screen ? &said : NULL };

	buf_fini(&said);
	return json_message_take(&sink, message, strlen(message), &err) < 0 ? err.text : buf_text(&said);
}

TEST(a_message_is_printed_as_docker_prints_it)
{
	EXPECT_STR(shown("{\"stream\":\"Loaded image: a:1\\n\"}\r\n", false), "Loaded image: a:1\n");
	EXPECT_STR(shown("{\"status\":\"sha256:1234\"}\r\n", false), "sha256:1234\n");
	EXPECT_STR(shown("{\"status\":\"Loading layer\",\"id\":\"abc\"}", false), "abc: Loading layer\n");
	EXPECT_STR(shown("{\"status\":\"Loading layer\",\"id\":\"abc\",\"progressDetail\":{\"current\":1,\"total\":2}}", false), "");
	EXPECT_STR(shown("{\"status\":\"Loading layer\",\"id\":\"abc\"}", true), "[abc|Loading layer|0%]");
	EXPECT_STR(shown("\r\n", false), "");
	buf_fini(&said);
}

TEST(a_message_with_progress_is_a_bar_that_is_never_longer_than_whole)
{
	EXPECT_STR(shown("{\"status\":\"Loading layer\",\"progressDetail\":{\"current\":1500000,\"total\":3000000},\"id\":\"abc\"}", true),
		   "[abc|Loading layer 1.5MB/3MB|50%]");
	EXPECT_STR(shown("{\"status\":\"x\",\"progressDetail\":{\"current\":9,\"total\":3},\"id\":\"abc\"}", true), "[abc|x 3B/3B|100%]");
	EXPECT_STR(shown("{\"status\":\"x\",\"progressDetail\":{\"current\":-9,\"total\":3},\"id\":\"abc\"}", true), "[abc|x 0B/3B|0%]");
	EXPECT_STR(shown("{\"status\":\"x\",\"progressDetail\":{\"current\":9223372036854775807,\"total\":9223372036854775807},\"id\":\"a\"}", true),
		   "[a|x 9.22EB/9.22EB|100%]");
	EXPECT_STR(shown("{\"status\":\"x\",\"progressDetail\":{},\"id\":\"a\"}", true), "[a|x|0%]");
	buf_fini(&said);
}

TEST(a_message_that_tells_of_a_failure_is_the_error_in_one_line)
{
	EXPECT_STR(shown("{\"errorDetail\":{\"message\":\"no\"},\"error\":\"no such\\nthing\\u001b[2J\"}", false), "no such?thing?[2J");
	EXPECT_STR(shown("[1]", false), "the agent answered with something that is no message");
	EXPECT_STR(shown("{\"stream\":", false), "the agent answered with something that is no message");
	buf_fini(&said);
}
