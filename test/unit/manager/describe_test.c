/* What nodes say of themselves, as it comes into the state. */
#include <string.h>

#include "base/str.h"
#include "manager/manager_internal.h"
#include "test/unit/runner.h"

TEST(a_node_s_words_are_lines_that_end)
{
	char plain[] = "box-1", escape[] = "a\033[2Jb\nc", broken[] = "h\xc3", cut[] = "abcd\xc3\xa4", host[400], version[] = "1\r2";
	struct node_description description = { .hostname = host, .engine = { .version = version } };

	describe_tidy_line(NULL, 4);
	describe_tidy_line(plain, 100);
	EXPECT_STR(plain, "box-1");
	describe_tidy_line(escape, 100);
	EXPECT_STR(escape, "a?[2Jb?c");
	describe_tidy_line(broken, 100);
	EXPECT_STR(broken, "h?");
	describe_tidy_line(cut, 5);             /* in the middle of a letter */
	EXPECT_STR(cut, "abcd?");
	memset(host, 'x', sizeof host);
	host[sizeof host - 1] = 0;
	describe_tidy(&description);
	EXPECT_INT(strlen(host), 255);
	EXPECT_STR(version, "1?2");
}
