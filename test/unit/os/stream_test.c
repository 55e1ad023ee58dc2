#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/stream.h"
#include "test/unit/runner.h"

/* One end is a stream whose owner does what the test says, the other end is the test's hand. */
struct side {
	struct loop *loop;
	struct stream *stream;
	int hand;
	struct buf seen;        /* all that on_data was given, call by call */
	struct buf story;
	size_t consume_most;
	bool pauses, frees;
};

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct side *side = arg;
	size_t consumed = MIN(count, side->consume_most);

	buf_add_str(&side->story, "data ");
	buf_add(&side->seen, bytes, consumed);
	if (side->pauses)
		stream_pause(side->stream, true);
	if (side->frees) {
		stream_free(side->stream);
		side->stream = NULL;
	}
	return consumed;
}

static void on_end(void *arg)
{
	struct side *side = arg;

	buf_add_str(&side->story, "end ");
}

static void on_writable(void *arg)
{
	struct side *side = arg;

	buf_add_str(&side->story, "writable ");
}

static void on_close(void *arg, const char *reason)
{
	struct side *side = arg;

	buf_printf(&side->story, "close(%s) ", reason);
	if (side->frees) {
		stream_free(side->stream);
		side->stream = NULL;
	}
}

static void on_sent(void *arg)
{
	struct side *side = arg;

	buf_add_str(&side->story, "sent ");
	if (side->frees) {
		stream_free(side->stream);
		side->stream = NULL;
	}
}

static const struct stream_events events = { on_data, on_end, on_writable, on_close, NULL };
static const struct stream_events telling_events = { on_data, on_end, on_writable, on_close, on_sent };

static void open_side_of(struct side *side, int ours, int hand, size_t bound,
			 const struct stream_events *with)
{
	*side = (struct side){
		.loop = loop_new(), .hand = hand, .consume_most = SIZE_MAX
	};
	side->stream = stream_new(side->loop, ours, bound, with, side);
}

static void open_side(struct side *side, size_t bound)
{
	int fds[2] = { -1, -1 };

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	open_side_of(side, fds[0], fds[1], bound, &events);
}

static void close_side(struct side *side)
{
	stream_free(side->stream);
	loop_free(side->loop);
	if (side->hand >= 0)
		close(side->hand);
	buf_fini(&side->seen);
	buf_fini(&side->story);
}

static void turn(struct side *side)
{
	for (int i = 0; i < 5; i++)
		loop_run_once(side->loop, 0);
}

static void expect_story(struct side *side, const char *want)
{
	EXPECT_STR(buf_text(&side->story), want);
	buf_clear(&side->story);
}

static void hand_says(struct side *side, const char *text)
{
	EXPECT(send(side->hand, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* Reads what is there for the hand; counts instead of keeping when to is NULL. */
static size_t hand_hears(struct side *side, struct buf *to)
{
	static char part[65536];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(side->hand, part, sizeof(part), MSG_DONTWAIT)) > 0) {
		total += (size_t)got;
		if (to)
			buf_add(to, part, (size_t)got);
	}
	return total;
}

TEST(stream_gives_what_comes)
{
	struct side side;

	open_side(&side, 1000);
	hand_says(&side, "hello");
	turn(&side);
	hand_says(&side, " world");
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "hello world");
	expect_story(&side, "data data ");
	close_side(&side);
}

TEST(stream_keeps_what_was_not_consumed_and_gives_it_again)
{
	struct side side;

	open_side(&side, 1000);
	side.consume_most = 3;
	hand_says(&side, "abcde");
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "abc");
	expect_story(&side, "data ");        /* not again until there is more */
	hand_says(&side, "f");
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "abcdef");
	close_side(&side);
}

TEST(stream_whose_reader_takes_nothing_of_a_full_buffer_closes)
{
	struct side side;
	char block[4096];

	open_side(&side, 1000);
	side.consume_most = 0;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < STREAM_READ_BYTES / (int)sizeof(block); i++) {
		EXPECT(send(side.hand, block, sizeof(block), MSG_NOSIGNAL) == sizeof(block));
		turn(&side);
	}
	EXPECT(strstr(buf_text(&side.story), "close(more unread bytes than the reader takes) "));
	buf_clear(&side.story);
	hand_says(&side, "x");
	turn(&side);
	expect_story(&side, "");
	close_side(&side);
}

TEST(paused_stream_is_silent_and_brings_what_was_kept_when_it_goes_on)
{
	struct side side;

	open_side(&side, 1000);
	side.pauses = true;
	side.consume_most = 2;
	hand_says(&side, "abc");
	turn(&side);
	hand_says(&side, "def");
	turn(&side);
	expect_story(&side, "data ");
	EXPECT_STR(buf_text(&side.seen), "ab");
	side.pauses = false;
	side.consume_most = SIZE_MAX;
	stream_pause(side.stream, false);
	expect_story(&side, "");             /* never from within our own call */
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "abcdef");
	close_side(&side);
}

TEST(paused_stream_with_a_full_buffer_is_not_closed_for_it)
{
	struct side side;
	char *block = malloc(STREAM_READ_BYTES);

	open_side(&side, 1000);
	side.pauses = true;
	side.consume_most = 0;
	memset(block, 'x', STREAM_READ_BYTES);
	EXPECT(send(side.hand, block, STREAM_READ_BYTES, MSG_NOSIGNAL) == STREAM_READ_BYTES);
	turn(&side);
	expect_story(&side, "data ");
	side.pauses = false;
	side.consume_most = SIZE_MAX;
	stream_pause(side.stream, false);
	turn(&side);
	EXPECT_INT(side.seen.len, STREAM_READ_BYTES);
	free(block);
	close_side(&side);
}

TEST(stream_may_be_freed_by_its_own_callbacks)
{
	struct side side;

	open_side(&side, 1000);
	side.frees = true;
	hand_says(&side, "x");
	turn(&side);
	expect_story(&side, "data ");
	close_side(&side);
	stream_free(NULL);
}

TEST(stream_freed_in_on_close_is_gone)
{
	struct side side;

	open_side(&side, 1000);
	side.frees = true;
	close(side.hand);
	side.hand = -1;
	EXPECT(!stream_write(side.stream, "x", 1));
	turn(&side);
	expect_story(&side, "close(closed by the other side) ");
	close_side(&side);
}

TEST(half_closed_stream_can_still_be_written)
{
	CLEANUP(buf_finip) struct buf heard = BUF_INIT;
	struct side side;

	open_side(&side, 1000);
	hand_says(&side, "last");
	shutdown(side.hand, SHUT_WR);
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "last");
	expect_story(&side, "data end ");
	EXPECT(stream_write(side.stream, "answer", 6));
	turn(&side);
	hand_hears(&side, &heard);
	EXPECT_STR(buf_text(&heard), "answer");
	expect_story(&side, "");
	close(side.hand);
	side.hand = -1;
	turn(&side);
	expect_story(&side, "close(closed by the other side) ");
	close_side(&side);
}

TEST(end_without_a_listener_is_a_close)
{
	struct stream_events without_end = { on_data, NULL, NULL, on_close, NULL };
	struct side side;
	int fds[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	open_side_of(&side, fds[0], fds[1], 1000, &without_end);
	shutdown(side.hand, SHUT_WR);
	turn(&side);
	expect_story(&side, "close(closed by the other side) ");
	close_side(&side);
}

TEST(stream_end_tells_the_other_side_after_the_queue)
{
	struct side side;
	char *block = calloc(1, 1 << 20);
	char byte;
	size_t heard = 0;

	open_side(&side, 1 << 20);
	EXPECT(stream_write(side.stream, block, 1 << 20));
	EXPECT(stream_queued(side.stream) > 0);
	stream_end(side.stream);
	EXPECT(!stream_write(side.stream, "late", 4));
	while (stream_queued(side.stream)) {
		heard += hand_hears(&side, NULL);
		loop_run_once(side.loop, 0);
	}
	heard += hand_hears(&side, NULL);
	EXPECT_INT(heard, 1 << 20);
	EXPECT_INT(recv(side.hand, &byte, 1, MSG_DONTWAIT), 0);
	hand_says(&side, "still heard");
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "still heard");
	shutdown(side.hand, SHUT_WR);
	turn(&side);
	expect_story(&side, "data end ");    /* both ended in order: nothing broke */
	free(block);
	close_side(&side);
}

TEST(full_queue_says_so_and_calls_when_it_has_drained)
{
	struct side side;
	char block[10000] = { 0 };
	size_t sent = 0, heard = 0;

	open_side(&side, 100000);
	for (;;) {
		sent += sizeof(block);
		if (!stream_write(side.stream, block, sizeof(block)))
			break;
	}
	EXPECT(stream_queued(side.stream) > 100000 && stream_queued(side.stream) <= 110000);
	turn(&side);
	expect_story(&side, "");
	while (heard < sent) {
		size_t before = stream_queued(side.stream);
		heard += hand_hears(&side, NULL);
		loop_run_once(side.loop, 0);
		if (before > 50000 && stream_queued(side.stream) <= 50000)
			expect_story(&side, "writable ");
	}
	expect_story(&side, "");
	EXPECT_INT(stream_queued(side.stream), 0);
	close_side(&side);
}

TEST(queue_over_twice_its_bound_closes_the_stream_later)
{
	struct side side;
	char *block = calloc(1, 2 << 20);

	open_side(&side, 1000);
	EXPECT(!stream_write(side.stream, block, 2 << 20));
	EXPECT(!stream_write(side.stream, "x", 1));
	expect_story(&side, "");
	turn(&side);
	expect_story(&side, "close(write queue over twice its bound) ");
	turn(&side);
	expect_story(&side, "");
	free(block);
	close_side(&side);
}

TEST(bytes_arrive_whole_and_in_order_through_a_slow_reader)
{
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	CLEANUP(buf_finip) struct buf heard = BUF_INIT;
	struct side side;
	char part[700];
	int number = 0;

	open_side(&side, 1 << 20);
	while (want.len < 3000000) {
		while (stream_queued(side.stream) < 1 << 19) {
			int length = snprintf(part, sizeof(part), "%0*d", number % 600 + 1, number);
			buf_add(&want, part, (size_t)length);
			EXPECT(stream_write(side.stream, part, (size_t)length));
			number++;
		}
		hand_hears(&side, &heard);
		loop_run_once(side.loop, 0);
	}
	while (heard.len < want.len) {
		hand_hears(&side, &heard);
		loop_run_once(side.loop, 0);
	}
	EXPECT(heard.len == want.len && memcmp(heard.data, want.data, want.len) == 0);
	close_side(&side);
}

TEST(pipe_that_is_read_ends_once_and_quietly)
{
	struct side side;
	int ends[2];

	EXPECT(pipe(ends) == 0);
	open_side_of(&side, ends[0], -1, 1000, &events);
	EXPECT(write(ends[1], "out", 3) == 3);
	close(ends[1]);
	turn(&side);
	EXPECT_STR(buf_text(&side.seen), "out");
	expect_story(&side, "data end ");
	EXPECT(!stream_write(side.stream, "x", 1));
	close_side(&side);
}

TEST(pipe_that_is_written_ends_by_closing_and_breaks_with_its_reader)
{
	struct side side;
	char text[8];
	int ends[2];

	EXPECT(pipe(ends) == 0);
	open_side_of(&side, ends[1], -1, 1000, &events);
	EXPECT(stream_write(side.stream, "in", 2));
	stream_end(side.stream);
	EXPECT_INT(read(ends[0], text, sizeof(text)), 2);
	EXPECT_INT(read(ends[0], text, sizeof(text)), 0);
	turn(&side);
	expect_story(&side, "");
	close(ends[0]);
	close_side(&side);

	EXPECT(pipe(ends) == 0);
	open_side_of(&side, ends[1], -1, 1000, &events);
	close(ends[0]);
	turn(&side);
	expect_story(&side, "close(closed by the other side) ");
	close_side(&side);
}

TEST(reset_connection_is_told_by_that_word)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger hard = { 1, 0 };
	socklen_t size = sizeof(address);
	struct side side;

	int server = socket(AF_INET, SOCK_STREAM, 0), hand = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(bind(server, (struct sockaddr *)&address, size) == 0 && listen(server, 1) == 0);
	EXPECT(getsockname(server, (struct sockaddr *)&address, &size) == 0);
	EXPECT(connect(hand, (struct sockaddr *)&address, size) == 0);
	open_side_of(&side, accept(server, NULL, NULL), hand, 1000, &events);
	setsockopt(hand, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(side.hand);
	side.hand = -1;
	loop_run_once(side.loop, 60000);         /* a network that is busy brings it a little later */
	turn(&side);
	expect_story(&side, "close(reset by the other side) ");
	close(server);
	close_side(&side);
}

static size_t run_round_inside(void *arg, const uint8_t *bytes, size_t count)
{
	struct side *side = arg;

	buf_add(&side->seen, bytes, count);
	hand_says(side, "y");
	loop_run_once(side->loop, 0);
	return count;
}

TEST(stream_is_not_entered_twice_by_a_nested_round)
{
	struct stream_events nested = { run_round_inside, NULL, NULL, on_close, NULL };
	struct side side;
	int fds[2];

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	open_side_of(&side, fds[0], fds[1], 1000, &nested);
	hand_says(&side, "x");
	loop_run_once(side.loop, 0);
	EXPECT_STR(buf_text(&side.seen), "x");
	loop_run_once(side.loop, 0);
	EXPECT_STR(buf_text(&side.seen), "xy");
	close_side(&side);
}

TEST(stream_tells_when_its_end_has_been_sent)
{
	static char bulk[4 << 20];
	int fds[2] = { -1, -1 };
	struct side side;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	open_side_of(&side, fds[0], fds[1], sizeof(bulk), &telling_events);
	stream_write(side.stream, bulk, sizeof(bulk));
	stream_end(side.stream);
	turn(&side);
	expect_story(&side, "");
	for (int i = 0; i < 1000 && !side.story.len; i++) {
		hand_hears(&side, NULL);
		turn(&side);
	}
	expect_story(&side, "sent ");
	close_side(&side);
}

TEST(stream_tells_of_an_end_sent_at_once_and_may_be_freed_then)
{
	int fds[2] = { -1, -1 };
	struct side side;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	open_side_of(&side, fds[0], fds[1], 1000, &telling_events);
	side.frees = true;
	stream_end(side.stream);
	expect_story(&side, "");
	turn(&side);
	expect_story(&side, "sent ");
	EXPECT(side.stream == NULL);
	close_side(&side);
}
