#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "os/log.h"
#include "test/unit/runner.h"

/* stderr leads into a pipe as long as a test runs; each test is a process of its own. */
static int catch_stderr(void)
{
	int ends[2];

	EXPECT(pipe(ends) == 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static const char *read_line(int fd, char *text, size_t size)
{
	ssize_t got = read(fd, text, size - 1);

	text[got < 0 ? 0 : got] = '\0';
	return text;
}

TEST(log_lines_have_a_stamp_a_level_and_words)
{
	char text[8192];
	int fd = catch_stderr();

	log_info("task %s: running, pid %d", "x", 7);
	read_line(fd, text, sizeof(text));
	EXPECT_STR(text + strlen("2026-01-31T12:00:00.123Z"), " info task x: running, pid 7\n");
	EXPECT(text[10] == 'T' && text[19] == '.' && text[23] == 'Z');
}

TEST(log_lines_under_the_journal_have_a_priority_instead)
{
	char text[8192];
	int fd = catch_stderr();

	log_set_journal(true);
	log_set_level(LOG_LEVEL_DEBUG);
	log_error("e");
	EXPECT_STR(read_line(fd, text, sizeof(text)), "<3>e\n");
	log_warn("w");
	EXPECT_STR(read_line(fd, text, sizeof(text)), "<4>w\n");
	log_info("i");
	EXPECT_STR(read_line(fd, text, sizeof(text)), "<6>i\n");
	log_debug("d");
	EXPECT_STR(read_line(fd, text, sizeof(text)), "<7>d\n");
}

TEST(log_lines_above_the_level_are_not_written)
{
	char text[8192];
	int fd = catch_stderr();

	log_set_journal(true);
	log_debug("no");
	log_set_level(LOG_LEVEL_ERROR);
	log_info("no");
	log_warn("no");
	log_error("yes");
	EXPECT_STR(read_line(fd, text, sizeof(text)), "<3>yes\n");
}

TEST(log_line_stays_one_line_whatever_is_in_it)
{
	char text[8192];
	int fd = catch_stderr();

	log_set_journal(true);
	log_info("name '%s'", "a\nb\r\t\x1b[31m\x7f\xc2\x9b" "2J\u00e9");
	EXPECT_STR(read_line(fd, text, sizeof(text)),
		   "<6>name 'a\\nb\\x0d\\x09\\x1b[31m\\x7f\\xc2\\x9b2J\u00e9'\n");
}

TEST(log_line_that_is_too_long_is_cut_and_still_a_line)
{
	char text[8192], words[6000];
	int fd = catch_stderr();

	log_set_journal(true);
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	log_info("%s", words);
	read_line(fd, text, sizeof(text));
	EXPECT(strlen(text) > 3000 && strlen(text) <= 4096);
	EXPECT(str_ends(text, "w...\n"));
	memset(words, '\x01', sizeof(words) - 1);
	log_info("%s", words);
	read_line(fd, text, sizeof(text));
	EXPECT(strlen(text) <= 4096);
	EXPECT(str_ends(text, "\\x01\n"));
}

TEST(log_keeps_errno_also_when_nobody_reads)
{
	int fd = catch_stderr();

	close(fd);
	close(STDERR_FILENO);
	errno = ENOENT;
	log_error("x");
	EXPECT_INT(errno, ENOENT);
}

TEST(log_levels_are_read_by_name)
{
	enum log_level level = LOG_LEVEL_INFO;

	EXPECT(log_level_parse("debug", &level) == 0 && level == LOG_LEVEL_DEBUG);
	EXPECT(log_level_parse("error", &level) == 0 && level == LOG_LEVEL_ERROR);
	EXPECT(log_level_parse("warn", &level) == 0 && level == LOG_LEVEL_WARN);
	EXPECT(log_level_parse("info", &level) == 0 && level == LOG_LEVEL_INFO);
	EXPECT_INT(log_level_parse("loud", &level), -1);
	EXPECT_INT(log_level_parse("", &level), -1);
	EXPECT_INT(log_level_parse(NULL, &level), -1);
	EXPECT_INT(level, LOG_LEVEL_INFO);
}
