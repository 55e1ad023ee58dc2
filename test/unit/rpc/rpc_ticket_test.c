/* Tickets: a connection that becomes one stream of bytes, with a socket at both ends. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "rpc/rpc_inside.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

static const struct rpc_limits hasty = { .connections = 1024, .strangers = 256, .hello_ms = RPC_HELP_WAIT_MS, .stranger_ms = RPC_HELP_WAIT_MS,
					 .connect_ms = RPC_HELP_WAIT_MS, .stalled_ms = 1000, .tickets_per_node = 3,
					 .ticket_ms = RPC_HELP_WAIT_MS };

struct got { unsigned count; int fd; struct err err; };
static void on_stream(void *arg, int fd, const struct err *err)
{
	struct got *got = arg;

	EXPECT((fd < 0) == (err != NULL));
	got->count++;
	got->fd = fd;
	if (err)
		got->err = *err;
	else
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);     /* the loop that serves it is ours */
}

struct line { struct got here, there; };         /* here: the manager's end */

static struct rpc_ticket *make(struct net *net, struct got *got, uint8_t ticket[RPC_TICKET_BYTES])
{
	struct err err = { 0 };
	struct rpc_ticket *made = rpc_ticket_new(net->manager.rpc, TEST_WORKER, ticket, on_stream, got, &err);

	EXPECT(made);
	return made;
}

static struct rpc_ticket *redeem(struct speaker *node, struct got *got, const uint8_t ticket[RPC_TICKET_BYTES])
{
	char address[32];

	return rpc_ticket_redeem(node->rpc, net_address(node->net, address), &(struct tls_trust){ NULL }, ticket, on_stream, got);
}

static void open_line(struct net *net, struct line *line)
{
	uint8_t ticket[RPC_TICKET_BYTES];

	*line = (struct line){ 0 };
	make(net, &line->here, ticket);
	redeem(&net->worker, &line->there, ticket);
	EXPECT(line->here.count == 0 && line->there.count == 0);
	RUN_UNTIL(net, line->here.count && line->there.count);
	EXPECT(line->here.fd >= 0 && line->there.fd >= 0);
}

static void say(int fd, const char *text)
{
	EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* What can be read now: the count, 0 at the end, -1 when nothing is there yet. */
static ssize_t hear(int fd, struct buf *into)
{
	char part[65536];
	ssize_t got = read(fd, part, sizeof(part));

	if (got > 0)
		buf_add(into, part, (size_t)got);
	return got;
}

static void expect_heard(struct net *net, int fd, const char *want)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	RUN_UNTIL(net, (hear(fd, &text), text.len >= strlen(want)));
	EXPECT_STR(buf_text(&text), want);
}

static void expect_eof(struct net *net, int fd)
{
	CLEANUP(buf_finip) struct buf rest = BUF_INIT;
	ssize_t got = -1;

	RUN_UNTIL(net, (got = hear(fd, &rest)) == 0 || (got < 0 && errno == ECONNRESET));
	EXPECT_INT(rest.len, 0);
}

TEST(a_ticket_becomes_a_stream_in_both_directions)
{
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	say(line.here.fd, "ls\n");
	expect_heard(&net, line.there.fd, "ls\n");
	say(line.there.fd, "bin etc usr\n");
	expect_heard(&net, line.here.fd, "bin etc usr\n");
	close(line.here.fd);
	expect_eof(&net, line.there.fd);
	close(line.there.fd);
	net_fini(&net);
}

TEST(one_direction_of_a_stream_ends_and_the_other_goes_on)
{
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	say(line.here.fd, "all of stdin");
	shutdown(line.here.fd, SHUT_WR);
	expect_heard(&net, line.there.fd, "all of stdin");
	expect_eof(&net, line.there.fd);
	say(line.there.fd, "the answer");
	expect_heard(&net, line.here.fd, "the answer");
	shutdown(line.there.fd, SHUT_WR);
	expect_eof(&net, line.here.fd);
	close(line.here.fd);
	close(line.there.fd);
	run_some(&net);
	net_fini(&net);
}

/* Bytes are whole and in order at any size, and what nobody reads is not held in memory but keeps the writer waiting. */
static void pour(struct net *net, int from, int to, size_t total)
{
	uint8_t part[50000];
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	size_t sent = 0, seen = 0;

	for (unsigned quiet = 0; quiet < 20;) {
		for (size_t i = 0; i < sizeof(part); i++)
			part[i] = (uint8_t)((sent + i) * 7 / 3);
		ssize_t wrote = write(from, part, sizeof(part));
		quiet = wrote > 0 ? 0 : quiet + 1;
		sent += wrote > 0 ? (size_t)wrote : 0;
		loop_run_once(net->loop, 5);
	}
	EXPECT(sent > 100000 && sent < 12 << 20);
	while (seen < total) {
		if (sent < total) {
			size_t most = MIN(sizeof(part), total - sent);
			for (size_t i = 0; i < most; i++)
				part[i] = (uint8_t)((sent + i) * 7 / 3);
			ssize_t wrote = write(from, part, most);
			sent += wrote > 0 ? (size_t)wrote : 0;
			if (sent == total)
				close(from);
		}
		buf_clear(&got);
		ssize_t heard = hear(to, &got);
		if (heard == 0)
			break;
		for (size_t i = 0; i < got.len; i++)
			if ((uint8_t)got.data[i] != (uint8_t)((seen + i) * 7 / 3)) {
				EXPECT(!"a byte is another");
				return;
			}
		seen += got.len;
		loop_run_once(net->loop, heard > 0 ? 0 : 5);
	}
	EXPECT_INT(seen, total);
	expect_eof(net, to);
	close(to);
}

TEST(a_stream_waits_for_a_slow_reader_and_loses_nothing)
{
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	pour(&net, line.there.fd, line.here.fd, 20 << 20);
	open_line(&net, &line);
	pour(&net, line.here.fd, line.there.fd, 20 << 20);
	net_fini(&net);
}

/* What the other end of a socket pair has not read yet. */
static int unread_of(int fd)
{
	int bytes = -1;

	EXPECT(ioctl(fd, SIOCOUTQ, &bytes) == 0);
	return bytes;
}

TEST(what_was_written_before_the_end_is_read_after_the_connection_has_died)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	static char bulk[150000];
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	EXPECT(write(line.there.fd, bulk, sizeof(bulk)) == sizeof(bulk));
	RUN_UNTIL(&net, unread_of(line.there.fd) == 0);
	run_some(&net);
	rpc_free(net.worker.rpc);
	net.worker.rpc = NULL;
	run_some(&net);
	while (hear(line.here.fd, &got) != 0 && got.len < sizeof(bulk))
		loop_run_once(net.loop, 5);
	EXPECT_INT(got.len, sizeof(bulk));
	expect_eof(&net, line.here.fd);
	close(line.here.fd);
	close(line.there.fd);
	net_fini(&net);
}

TEST(who_closes_his_end_makes_the_others_writing_fail)
{
	static char bulk[60000];
	struct line line;
	struct net net;
	ssize_t wrote = 0;

	net_init(&net, NULL);
	open_line(&net, &line);
	close(line.here.fd);
	for (msec until = loop_now(net.loop) + RPC_HELP_WAIT_MS; !(wrote < 0 && errno == EPIPE) && loop_now(net.loop) < until;) {
		wrote = send(line.there.fd, bulk, sizeof(bulk), MSG_NOSIGNAL);
		loop_run_once(net.loop, 5);
	}
	EXPECT(wrote < 0 && errno == EPIPE);
	close(line.there.fd);
	net_fini(&net);
}

static bool is_hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLHUP;
}

/* Neither reads nor writes: a client at a quiet log. */
TEST(who_closes_his_end_is_known_to_be_gone_though_nobody_writes)
{
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	say(line.here.fd, "and this comes first");
	close(line.here.fd);
	expect_heard(&net, line.there.fd, "and this comes first");
	RUN_UNTIL(&net, is_hung_up(line.there.fd));
	close(line.there.fd);

	open_line(&net, &line);
	shutdown(line.there.fd, SHUT_WR);
	expect_eof(&net, line.here.fd);
	run_some(&net);
	EXPECT(!is_hung_up(line.here.fd));
	close(line.there.fd);
	RUN_UNTIL(&net, is_hung_up(line.here.fd));
	close(line.here.fd);
	net_fini(&net);
}

TEST(streams_of_a_node_that_is_known_to_be_gone_are_ended)
{
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	rpc_end_streams(net.manager.rpc, TEST_OTHER);
	say(line.there.fd, "mine goes on");
	expect_heard(&net, line.here.fd, "mine goes on");
	rpc_end_streams(net.manager.rpc, TEST_WORKER);
	RUN_UNTIL(&net, is_hung_up(line.here.fd));
	RUN_UNTIL(&net, is_hung_up(line.there.fd));
	close(line.here.fd);
	close(line.there.fd);
	net_fini(&net);
}

TEST(a_reader_may_rest_longer_than_a_stalled_connection_may)
{
	static char bulk[60000];
	struct line line;
	struct net net;
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	size_t sent = 0;

	net_init(&net, &hasty);
	open_line(&net, &line);
	msec until = loop_now(net.loop) + 3 * hasty.stalled_ms;
	while (loop_now(net.loop) < until) {
		ssize_t wrote = write(line.there.fd, bulk, sizeof(bulk));
		sent += wrote > 0 ? (size_t)wrote : 0;
		loop_run_once(net.loop, 50);
	}
	close(line.there.fd);
	while (hear(line.here.fd, &got) != 0 && got.len < sent)
		loop_run_once(net.loop, 1);
	EXPECT_INT(got.len, sent);
	expect_eof(&net, line.here.fd);
	close(line.here.fd);
	net_fini(&net);
}

/* Streams may rest for long, so that they would not notice; the connection beside them does. */
TEST(the_streams_of_a_node_that_has_fallen_silent_end)
{
	static char note[60000];
	struct hand hand = { .deaf = true };
	struct line line, others;
	struct net net;

	net_init(&net, &hasty);
	open_line(&net, &line);
	uint8_t ticket[RPC_TICKET_BYTES];
	struct err err = { 0 };
	others = (struct line){ 0 };
	EXPECT(rpc_ticket_new(net.manager.rpc, TEST_OTHER, ticket, on_stream, &others.here, &err));
	redeem(&net.other, &others.there, ticket);
	RUN_UNTIL(&net, others.here.count && others.there.count);

	hand_open(&net, &hand, net.worker.ctx);
	hand_greet(&hand);
	hand_say(&hand, FRAME_CALL, RPC_BLOB, 1, "x", 1);
	RUN_UNTIL(&net, net.manager.met);
	net.manager.conn = net.manager.met;
	rpc_conn_watch(net.manager.met, &node_hooks, &net.manager);
	msec until = loop_now(net.loop) + RPC_HELP_WAIT_MS / 2;
	while (!net.manager.downs && loop_now(net.loop) < until) {
		while (net.manager.conn && rpc_note(net.manager.conn, RPC_MANAGERS, note, sizeof(note)))
			;
		loop_run_once(net.loop, 50);
	}
	EXPECT_INT(net.manager.reason, RPC_DOWN_TIMEOUT);
	expect_eof(&net, line.here.fd);
	say(others.here.fd, "still here");
	expect_heard(&net, others.there.fd, "still here");
	hand_close(&hand);
	close(line.here.fd);
	close(line.there.fd);
	close(others.here.fd);
	close(others.there.fd);
	net_fini(&net);
}

/* --- tickets that are none --- */

TEST(a_ticket_that_nobody_redeems_expires)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct got here = { 0 }, late = { 0 };
	struct rpc_limits limits = hasty;
	struct net net;

	limits.ticket_ms = 100;
	net_init(&net, &limits);
	make(&net, &here, ticket);
	RUN_UNTIL(&net, here.count);
	EXPECT_INT(here.fd, -1);
	EXPECT_INT(here.err.code, ERR_UNAVAILABLE);
	EXPECT_STR(here.err.text, "node " TEST_WORKER ": did not call back within 100 ms");
	redeem(&net.worker, &late, ticket);
	RUN_UNTIL(&net, late.count);
	EXPECT_INT(late.err.code, ERR_NOT_FOUND);
	EXPECT_STR(late.err.text, "rpc: no such ticket, or not any more");
	net_fini(&net);
}

TEST(a_ticket_is_good_once_and_for_its_node_only)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct got here = { 0 }, there = { 0 }, thief = { 0 };
	struct tls_context *ctx;
	struct speaker stranger = { 0 };
	struct net net;

	net_init(&net, NULL);
	make(&net, &here, ticket);
	redeem(&net.other, &thief, ticket);
	RUN_UNTIL(&net, thief.count == 1);
	EXPECT_STR(thief.err.text, "rpc: no such ticket, or not any more");
	ctx = net_stranger(&net);
	node_init(&net, &stranger, ctx, NULL);
	redeem(&stranger, &thief, ticket);
	RUN_UNTIL(&net, thief.count == 2);
	EXPECT_STR(thief.err.text, "rpc: no such ticket, or not any more");
	EXPECT_INT(here.count, 0);
	redeem(&net.worker, &there, ticket);
	RUN_UNTIL(&net, here.count && there.count);
	redeem(&net.worker, &thief, ticket);
	RUN_UNTIL(&net, thief.count == 3);
	EXPECT_STR(thief.err.text, "rpc: no such ticket, or not any more");
	close(here.fd);
	close(there.fd);
	node_fini(&stranger);
	net_fini(&net);
}

TEST(a_node_has_so_many_tickets_and_streams_and_no_more)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct got waiting[2] = { 0 };
	struct err err = { 0 };
	struct line line;
	struct net net;

	net_init(&net, &hasty);
	open_line(&net, &line);
	net.manager.rpc->cfg.limits.ticket_ms = 300;
	make(&net, &waiting[0], ticket);
	struct rpc_ticket *last = make(&net, &waiting[1], ticket);
	EXPECT(!rpc_ticket_new(net.manager.rpc, TEST_WORKER, ticket, on_stream, &waiting[1], &err));
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	EXPECT_STR(err.text, "node " TEST_WORKER ": 3 streams are open already");
	rpc_ticket_forget(last);
	rpc_ticket_forget(NULL);
	make(&net, &waiting[1], ticket);
	/* others have their own */
	struct rpc_ticket *others = rpc_ticket_new(net.manager.rpc, TEST_OTHER, ticket, on_stream, &waiting[1], &err);
	EXPECT(others);
	rpc_ticket_forget(others);
	close(line.here.fd);
	close(line.there.fd);
	RUN_UNTIL(&net, waiting[0].count && waiting[1].count);
	make(&net, &waiting[0], ticket);
	make(&net, &waiting[0], ticket);
	make(&net, &waiting[0], ticket);
	net_fini(&net);
	EXPECT_INT(waiting[0].count, 4);
}

TEST(redeeming_where_nobody_listens_tells_why_and_may_be_forgotten)
{
	uint8_t ticket[RPC_TICKET_BYTES] = { 0 };
	struct got there = { 0 };
	struct net net;

	net_init(&net, NULL);
	rpc_ticket_redeem(net.worker.rpc, "127.0.0.1:1", &(struct tls_trust){ NULL }, ticket, on_stream, &there);
	RUN_UNTIL(&net, there.count);
	EXPECT_STR(there.err.text, "127.0.0.1:1: Connection refused");
	for (int rounds = 0; rounds < 10; rounds++) {
		struct rpc_ticket *going = redeem(&net.worker, &there, ticket);
		for (int i = 0; i < rounds; i++)
			loop_run_once(net.loop, 2);
		if (there.count == 1)
			rpc_ticket_forget(going);
		there.count = 1;
	}
	redeem(&net.worker, &there, ticket);
	net_fini(&net);
	EXPECT(there.count == 2 && there.fd == -1);
}

TEST(streams_end_when_the_manager_stops_listening)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct got waiting = { 0 };
	struct line line;
	struct net net;

	net_init(&net, NULL);
	open_line(&net, &line);
	make(&net, &waiting, ticket);
	rpc_unlisten(net.manager.rpc);
	EXPECT(waiting.count == 1 && waiting.fd == -1);
	expect_eof(&net, line.here.fd);
	expect_eof(&net, line.there.fd);
	close(line.here.fd);
	close(line.there.fd);
	net_fini(&net);
}

TEST(a_ticket_of_another_length_is_none)
{
	struct hand hand = { 0 };
	struct net net;

	net_init(&net, NULL);
	hand_open(&net, &hand, net.worker.ctx);
	hand_say(&hand, FRAME_TICKET, 0, 0, "short", 5);
	struct frame frame = hand_hear(&hand);
	EXPECT(frame.kind == FRAME_ERROR && frame.call == 0 && frame.body[0] == ERR_NOT_FOUND);
	hand_close(&hand);
	net_fini(&net);
}
