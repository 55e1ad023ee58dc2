#include <stdlib.h>
#include <string.h>

#include "api/log_frame.h"
#include "base/str.h"
#include "test/unit/runner.h"

static struct container_log_entry entry_of(enum container_log_stream stream, const char *text)
{
	return (struct container_log_entry){ .stream = stream, .wall = 1767225600000000005, .text = text, .length = strlen(text) };
}

static void expect_frame(const struct buf *got, int stream, const char *text)
{
	const uint8_t *data = (const uint8_t *)got->data;
	size_t length = strlen(text);

	EXPECT_INT(got->len, length + 8);
	if (got->len != length + 8)
		return;
	EXPECT(data[0] == stream && !data[1] && !data[2] && !data[3]);
	EXPECT_INT((size_t)data[4] << 24 | (size_t)data[5] << 16 | (size_t)data[6] << 8 | data[7], length);
	EXPECT(memcmp(data + 8, text, length) == 0);
}

TEST(log_frame_tells_stream_and_length_before_the_text)
{
	struct container_log_entry out = entry_of(CONTAINER_LOG_STDOUT, "hello\n"), error = entry_of(CONTAINER_LOG_STDERR, "");
	CLEANUP(buf_finip) struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;

	log_frame(&out, false, NULL, &a);
	expect_frame(&a, 1, "hello\n");
	log_frame(&error, false, NULL, &b);
	expect_frame(&b, 2, "");
	log_frame_error("gone", &c);
	expect_frame(&c, 3, "gone\n");
}

TEST(log_frame_puts_time_and_details_before_the_text)
{
	struct container_log_entry entry = entry_of(CONTAINER_LOG_STDOUT, "hi\n"), piece = entry_of(CONTAINER_LOG_STDOUT, "pie");
	CLEANUP(buf_finip) struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;

	log_frame(&entry, true, NULL, &a);
	expect_frame(&a, 1, "2026-01-01T00:00:00.000000005Z hi\n");
	log_frame(&entry, true, "k=v", &b);
	expect_frame(&b, 1, "2026-01-01T00:00:00.000000005Z k=v hi\n");
	log_frame(&piece, false, "k=v", &c);
	expect_frame(&c, 1, "k=v pie\n");
}

TEST(log_frame_raw_has_no_header)
{
	struct container_log_entry entry = entry_of(CONTAINER_LOG_STDOUT, "hi\r\n");
	CLEANUP(buf_finip) struct buf a = BUF_INIT;

	log_frame_raw(&entry, false, NULL, &a);
	log_frame_raw(&entry, true, "k=v", &a);
	EXPECT_STR(buf_text(&a), "hi\r\n2026-01-01T00:00:00.000000005Z k=v hi\r\n");
}

TEST(log_frame_length_is_big_endian_beyond_a_byte)
{
	char text[70001];
	struct container_log_entry entry;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	entry = entry_of(CONTAINER_LOG_STDOUT, text);
	log_frame(&entry, false, NULL, &out);
	expect_frame(&out, 1, text);
}

TEST(log_frame_details_are_swarms_labels_escaped)
{
	struct container_pair labels[] = { { "com.docker.swarm.task.id", "t 1" }, { "com.docker.swarm.node.id", "a,b=c%" }, { "x", "y" } };
	struct container_spec spec = { .labels = { labels, ARRAY_COUNT(labels) } };
	char *text = log_frame_details(&spec);

	EXPECT_STR(text, "com.docker.swarm.node.id=a%2Cb%3Dc%25,com.docker.swarm.service.id=,com.docker.swarm.task.id=t+1");
	free(text);
}
