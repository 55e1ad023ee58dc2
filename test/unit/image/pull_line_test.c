#include "image/pull_line.h"

#include "test/unit/runner.h"

static const char *written(struct pull_line line)
{
	static struct buf out;

	buf_clear(&out);
	pull_line_format(&line, &out);
	return buf_text(&out);
}

TEST(a_line_of_a_pull_is_dockers)
{
	EXPECT_STR(written((struct pull_line){ .status = "Pulling from library/alpine", .id = "latest" }),
		   "{\"status\":\"Pulling from library/alpine\",\"id\":\"latest\"}\r\n");
	EXPECT_STR(written((struct pull_line){ .status = "Pull complete", .id = "0123456789ab", .has_detail = true }),
		   "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"0123456789ab\"}\r\n");
	EXPECT_STR(written((struct pull_line){ .status = "Digest: sha256:00" }), "{\"status\":\"Digest: sha256:00\"}\r\n");
	EXPECT_STR(written((struct pull_line){ .status = "Downloading", .id = "x", .is_progress = true, .current = 1500, .total = 3000 }),
		   "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":1500,\"total\":3000},"
		   "\"progress\":\"[=========================>                         ]    1.5kB/3kB\",\"id\":\"x\"}\r\n");
}

static const char *bar(int64_t current, int64_t total)
{
	static struct buf out;

	buf_clear(&out);
	pull_line_format_bar(current, total, &out);
	return buf_text(&out);
}

TEST(a_bar_is_dockers_too)
{
	EXPECT_STR(bar(0, 146), "[>                                                  ]       0B/146B");
	EXPECT_STR(bar(146, 146), "[==================================================>]     146B/146B");
	EXPECT_STR(bar(147, 146), "    147B");
	EXPECT_STR(bar(5, 0), "      5B");
}

TEST(the_end_of_a_pull_that_failed_says_it_twice)
{
	struct buf out = BUF_INIT;
	struct err err;

	err_set(&err, ERR_IO, "no \"luck\"");
	pull_line_format_error(&err, &out);
	EXPECT_STR(buf_text(&out), "{\"errorDetail\":{\"message\":\"no \\\"luck\\\"\"},\"error\":\"no \\\"luck\\\"\"}\r\n");
	buf_fini(&out);
}
