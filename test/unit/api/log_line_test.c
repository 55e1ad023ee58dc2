#include "api/log_line.h"

#include <string.h>

#include "api/log_frame.h"
#include "base/str.h"
#include "test/unit/runner.h"

static const struct container_log_entry entry = { .stream = CONTAINER_LOG_STDERR, .wall = 1767225600000000005, .text = "two words\n", .length = 10 };

TEST(log_line_reads_what_was_written_and_waits_for_the_rest)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct log_line line;
	struct err err = { 0 };
	size_t used = 0;

	log_line_write(&entry, "a=b", &bytes);
	for (size_t count = 0; count < bytes.len; count++)
		EXPECT(log_line_read(bytes.data, count, &line, &used, &err) == LOG_LINE_MORE);
	EXPECT_INT(used, 0);
	buf_add_str(&bytes, "next");
	EXPECT(log_line_read(bytes.data, bytes.len, &line, &used, &err) == LOG_LINE_READY);
	EXPECT_INT(used, bytes.len - 4);
	EXPECT(!line.is_failure && line.entry.stream == CONTAINER_LOG_STDERR && line.entry.wall == entry.wall);
	EXPECT(line.details_length == 3 && memcmp(line.details, "a=b", 3) == 0);
	EXPECT(line.entry.length == 10 && memcmp(line.entry.text, entry.text, 10) == 0);
}

TEST(log_line_adds_no_newline_to_a_piece)
{
	const struct container_log_entry piece = { .stream = CONTAINER_LOG_STDOUT, .wall = 1, .text = "pie", .length = 3, .is_partial = true };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct log_line line;
	struct err err = { 0 };
	size_t used;

	log_line_write(&piece, "a=b", &bytes);
	EXPECT(log_line_read(bytes.data, bytes.len, &line, &used, &err) == LOG_LINE_READY);
	EXPECT(line.entry.length == 3 && memcmp(line.entry.text, "pie", 3) == 0);
}

TEST(log_line_knows_a_sentence_of_the_nodes)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct log_line line;
	struct err err = { 0 };
	size_t used;

	log_frame_error("its log is gone", &bytes);
	EXPECT(log_line_read(bytes.data, bytes.len, &line, &used, &err) == LOG_LINE_READY);
	EXPECT(line.is_failure && line.entry.length == 16 && memcmp(line.entry.text, "its log is gone\n", 16) == 0);
}

static void expect_bad(unsigned stream, const char *text, size_t length, const char *want)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct log_line line;
	struct err err = { 0 };
	size_t used;

	log_frame_header(stream, length, &bytes);
	buf_add_str(&bytes, text);
	EXPECT(log_line_read(bytes.data, bytes.len, &line, &used, &err) == LOG_LINE_BAD);
	EXPECT_STR(err.text, want);
}

TEST(log_line_refuses_what_is_none)
{
	expect_bad(0, "", 0, "a frame of stream 0 with 0 bytes");
	expect_bad(4, "", 0, "a frame of stream 4 with 0 bytes");
	expect_bad(1, "", LOG_LINE_MAX_BYTES + 1, "a frame of stream 1 with 65537 bytes");
	expect_bad(1, "", 0, "a line without a time or a context");
	expect_bad(1, "2026-01-01T00:00:00.000000005Z", 30, "a line without a time or a context");
	expect_bad(2, "2026-01-01T00:00:00.000000005Z a=b", 34, "a line without a time or a context");
	expect_bad(2, "yesterday a=b text", 18, "a line without a time or a context");
}
