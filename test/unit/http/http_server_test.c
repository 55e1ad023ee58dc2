/* The server over socket pairs: one loop, the client's end in the test's hand. */
#include "http/http_server_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "test/unit/runner.h"

struct rig {
	struct loop *loop;
	struct http_server *server;
	int client;
	struct buf got;                 /* all that the client has received */
	bool got_end;
	struct http_request *parked;    /* by /park */
	unsigned gone, ended_broken, written;
	bool was_full;
	size_t body_bytes;
	unsigned pieces_left;
	struct buf head;                /* of what /forward sends on */
};

static void on_gone(void *arg)
{
	((struct rig *)arg)->gone++;
}

static void echo(void *arg UNUSED, struct http_request *req, const char *bytes, size_t count)
{
	if (bytes)
		http_reply(req, 200, "text/plain", bytes, count);
}

static void count_bytes(void *arg, const uint8_t *bytes UNUSED, size_t count)
{
	((struct rig *)arg)->body_bytes += count;
}

static void count_end(void *arg, bool is_complete)
{
	struct rig *rig = arg;

	rig->ended_broken += !is_complete;
	http_reply_message(rig->parked, is_complete ? 200 : 400, "%zu bytes", rig->body_bytes);
	rig->parked = NULL;
}

static void fill(void *arg)
{
	struct rig *rig = arg;
	char piece[1000];

	memset(piece, 'x', sizeof(piece));
	while (http_reply_write(rig->parked, piece, sizeof(piece)))
		rig->written += sizeof(piece);
	rig->was_full = true;
}

static bool next_piece(void *arg, struct buf *out)
{
	struct rig *rig = arg;

	for (int i = 0; i < 1000; i++)
		buf_add_str(out, "0123456789");
	rig->written += 10000;
	return --rig->pieces_left > 0;
}

static void pieces_done(void *arg)
{
	((struct rig *)arg)->gone++;
}

static void raw_bytes(void *arg, const uint8_t *bytes, size_t count)
{
	struct rig *rig = arg;

	rig->body_bytes += count;
	http_reply_write(rig->parked, bytes, count);
}

/* The end of what the client sends is not the end of what he is sent. */
static void raw_end(void *arg, bool is_complete)
{
	struct rig *rig = arg;

	if (is_complete) {
		http_reply_write(rig->parked, "<end>", 5);
		http_on_gone(rig->parked, on_gone, rig);
	} else {
		rig->ended_broken++;
		http_reply_end(rig->parked);
		rig->parked = NULL;
	}
}

static void hijack(struct rig *rig, struct http_request *req)
{
	static const struct http_body_events events = { raw_bytes, raw_end };

	rig->parked = req;
	http_reply_hijack(req, "application/vnd.docker.raw-stream");
	http_body_stream(req, &events, rig);
}

static void hijack_after_body(void *arg, struct http_request *req, const char *bytes, size_t count)
{
	if (!bytes)
		return;
	hijack(arg, req);
	http_reply_write(req, bytes, count);
}

static void handle(void *arg, struct http_request *req)
{
	static const struct http_body_events counting = { count_bytes, count_end };
	struct rig *rig = arg;
	const char *path = http_path(req);

	if (str_eq(path, "/echo")) {
		http_body_collect(req, 100, echo, rig);
	} else if (str_eq(path, "/count") || str_eq(path, "/paused")) {
		rig->parked = req;
		http_body_stream(req, &counting, rig);
		http_body_pause(req, str_eq(path, "/paused"));
	} else if (str_eq(path, "/park")) {
		rig->parked = req;
		http_on_gone(req, on_gone, rig);
	} else if (str_eq(path, "/fill")) {
		rig->parked = req;
		http_on_gone(req, on_gone, rig);
		http_reply_begin(req, 200, "text/plain");
		fill(rig);
	} else if (str_eq(path, "/flood")) {
		static char piece[100000];

		rig->parked = req;
		http_on_gone(req, on_gone, rig);
		http_reply_begin(req, 200, "text/plain");
		for (int i = 0; i < 1000; i++)
			rig->written += http_reply_write(req, piece, sizeof(piece)) ? 100000u : 0u;
	} else if (str_eq(path, "/pull")) {
		http_reply_begin(req, 200, "text/plain");
		http_reply_pull(req, next_piece, pieces_done, rig);
	} else if (str_eq(path, "/big")) {
		char *big = arena_take(http_arena(req), 2000000);
		memset(big, 'b', 2000000);
		http_reply(req, 200, "text/plain", big, 2000000);
	} else if (str_eq(path, "/raw")) {
		hijack(rig, req);
	} else if (str_eq(path, "/forward")) {
		static const struct http_body_events events = { raw_bytes, raw_end };

		rig->parked = req;
		http_forward(req, "/v1.43/elsewhere?a=1", &rig->head);
		http_body_stream(req, &events, rig);
	} else if (str_eq(path, "/raw-body")) {
		http_body_collect(req, 100, hijack_after_body, rig);
	} else if (str_eq(path, "/none")) {
		http_reply_empty(req, 204);
	} else {
		http_reply_header(req, "Extra", "a\r\nb");
		http_reply(req, 200, "text/plain", path, strlen(path));
	}
}

static void connect_client(struct rig *rig)
{
	int pair[2];

	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	rig->client = pair[0];
	http_server_accept(rig->server, pair[1]);
}

static void rig_init(struct rig *rig, struct http_limits limits)
{
	struct http_config cfg = { .limits = limits, .headers = "Server: test\r\n" };

	*rig = (struct rig){ .loop = loop_new() };
	rig->server = http_server_new(rig->loop, &cfg, handle, rig);
	connect_client(rig);
}

static void rig_fini(struct rig *rig)
{
	close(rig->client);
	http_server_free(rig->server);
	if (rig->parked)
		http_reply_abort(rig->parked);
	loop_free(rig->loop);
	buf_fini(&rig->got);
	buf_fini(&rig->head);
}

static void receive(struct rig *rig)
{
	char bytes[8192];
	ssize_t got;

	while ((got = recv(rig->client, bytes, sizeof(bytes), 0)) > 0)
		buf_add(&rig->got, bytes, (size_t)got);
	rig->got_end |= got == 0;
}

/* Until the client has received want, or nothing happens any more. */
static bool run_until(struct rig *rig, const char *want)
{
	for (int i = 0; i < 200; i++) {
		loop_run_once(rig->loop, 10);
		receive(rig);
		if (strstr(buf_text(&rig->got), want))
			return true;
	}
	return false;
}

static bool run_until_end(struct rig *rig)
{
	for (int i = 0; i < 300 && !rig->got_end; i++) {
		loop_run_once(rig->loop, 10);
		receive(rig);
	}
	return rig->got_end;
}

static void settle(struct rig *rig)
{
	for (int i = 0; i < 10; i++)
		loop_run_once(rig->loop, 0);
}

static void say(struct rig *rig, const char *text)
{
	EXPECT_INT(send(rig->client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static const struct http_limits usual = HTTP_LIMITS_DEFAULT;
#define HOST "Host: x\r\n"

TEST(http_server_answers_wherever_a_request_is_cut)
{
	static const char text[] = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\n" HOST "\r\n";

	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct rig rig;

		rig_init(&rig, usual);
		EXPECT(send(rig.client, text, cut, 0) == (ssize_t)cut);
		settle(&rig);
		say(&rig, text + cut);
		EXPECT(run_until(&rig, "\r\n\r\n/next"));
		EXPECT(strstr(buf_text(&rig.got), "Content-Length: 5\r\n\r\nabcde") != NULL);
		rig_fini(&rig);
	}
}

TEST(http_server_sends_its_headers_and_lets_no_value_end_a_line)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /a%20b HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/a b"));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 200 OK\r\nServer: test\r\nDate: "));
	EXPECT(strstr(buf_text(&rig.got), "\r\nContent-Type: text/plain\r\nExtra: a  b\r\n") != NULL);
	EXPECT(strstr(buf_text(&rig.got), "Connection: close") == NULL);
	rig_fini(&rig);
}

TEST(http_server_handles_pipelined_requests_in_order)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /park HTTP/1.1\r\n" HOST "\r\n"
		  "GET /3 HTTP/1.1\r\n" HOST "\r\nGET /4 HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/1"));
	settle(&rig);
	EXPECT(rig.parked != NULL);
	EXPECT(!strstr(buf_text(&rig.got), "/3"));
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply(parked, 200, "text/plain", "/2", 2);
	EXPECT(run_until(&rig, "\r\n\r\n/4"));
	const char *second = strstr(buf_text(&rig.got), "\r\n\r\n/2");
	EXPECT(second && strstr(second, "\r\n\r\n/3"));
	rig_fini(&rig);
}

TEST(http_server_answers_head_and_204_without_a_body)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "HEAD /abc HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\n"
		  "GET /after HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/after"));
	EXPECT(strstr(buf_text(&rig.got), "Content-Length: 4\r\n\r\nHTTP/1.1 204 No Content\r\n") != NULL);
	const char *none = strstr(buf_text(&rig.got), "HTTP/1.1 204");
	const char *length = none ? strstr(none, "Content-Length") : NULL;
	EXPECT(length && length > strstr(none, "\r\n\r\n"));
	rig_fini(&rig);
}

TEST(http_server_closes_after_connection_close_and_http10)
{
	static const char *const texts[] = {
		"GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
		"GET /a HTTP/1.0\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct rig rig;

		rig_init(&rig, usual);
		say(&rig, texts[i]);
		EXPECT(run_until_end(&rig));
		EXPECT(str_ends(buf_text(&rig.got), "Connection: close\r\n\r\n/a"));
		rig_fini(&rig);
	}
}

TEST(http_server_refuses_bad_heads_in_dockers_shape_and_closes)
{
	static const struct { const char *text, *status; } cases[] = {
		{ "nonsense\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /%zz HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/2.0\r\n" HOST "\r\n", "HTTP/1.1 505 " },
		{ "GET / HTTP/0.9\r\n" HOST "\r\n", "HTTP/1.1 505 " },
		{ "GET / HTTP/3.0\r\n" HOST "\r\n", "HTTP/1.1 505 " },
		{ "GET / HTTP/1.x\r\n" HOST "\r\n", "HTTP/1.1 400 " },
		{ "GET / HTTP/1.1\nHost: x\n\n", "HTTP/1.1 400 " },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig rig;

		rig_init(&rig, usual);
		say(&rig, cases[i].text);
		EXPECT(run_until_end(&rig));
		EXPECT(str_starts(buf_text(&rig.got), cases[i].status));
		EXPECT(strstr(buf_text(&rig.got), "Content-Type: application/json\r\n") != NULL);
		EXPECT(strstr(buf_text(&rig.got), "\r\n\r\n{\"message\":\"") != NULL);
		EXPECT(str_ends(buf_text(&rig.got), "\"}\n"));
		rig_fini(&rig);
	}
}

TEST(http_server_bounds_heads_with_431)
{
	struct rig rig;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	rig_init(&rig, usual);
	buf_add_str(&text, "GET / HTTP/1.1\r\n" HOST "X: ");
	for (int i = 0; i < 20000; i++)
		buf_add_char(&text, 'x');
	say(&rig, text.data);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 431 "));
	rig_fini(&rig);
}

TEST(http_server_bounds_bodies_with_413)
{
	struct rig rig;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	rig_init(&rig, usual);
	say(&rig, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 101\r\n\r\n");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 413 "));
	rig_fini(&rig);

	rig_init(&rig, usual);
	buf_add_str(&text, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 11; i++)
		buf_add_str(&text, "a\r\n0123456789\r\n");
	say(&rig, text.data);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 413 "));
	EXPECT(strstr(buf_text(&rig.got), "{\"message\":\"the body of the request is too large\"}") != NULL);
	rig_fini(&rig);
}

TEST(http_server_asks_for_an_expected_body_only_when_it_is_wanted)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	EXPECT(run_until(&rig, "HTTP/1.1 100 Continue\r\n\r\n"));
	say(&rig, "ok");
	EXPECT(run_until(&rig, "\r\n\r\nok"));
	rig_fini(&rig);

	rig_init(&rig, usual);
	say(&rig, "POST /other HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	EXPECT(run_until_end(&rig));
	EXPECT(!strstr(buf_text(&rig.got), "100 Continue"));
	EXPECT(strstr(buf_text(&rig.got), "Connection: close\r\n") != NULL);
	rig_fini(&rig);

	rig_init(&rig, usual);
	say(&rig, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 200\r\nExpect: 100-continue\r\n\r\n");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 413 "));
	rig_fini(&rig);
}

TEST(http_server_throws_small_unwanted_bodies_away_and_goes_on)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /a HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n01234");
	EXPECT(run_until(&rig, "\r\n\r\n/a"));
	say(&rig, "56789GET /b HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/b"));
	rig_fini(&rig);
}

/* Sends count bytes as one chunk after the other, as fast as the server takes them; what it
 * took. */
static size_t pump_chunks(struct rig *rig, size_t count)
{
	char chunk[1005];
	size_t sent = 0, part = 0;
	unsigned idle = 0;

	memcpy(chunk, "3e8\r\n", 5);
	memset(chunk + 5, 'c', 1000);
	while (sent < count && idle < 50) {
		/* "3e8 CRLF data CRLF": the last two bytes of the chunk travel with the next
		 * head */
		const char *from = part < 1005 ? chunk + part : &"\r\n"[part - 1005];
		ssize_t n = send(rig->client, from, part < 1005 ? 1005 - part : 1007 - part, MSG_NOSIGNAL);
		if (n > 0) {
			part += (size_t)n;
			sent += (size_t)n;
			idle = 0;
		} else {
			idle++;
			loop_run_once(rig->loop, 1);
		}
		part = part == 1007 ? 0 : part;
	}
	return sent;
}

TEST(http_server_streams_large_bodies_up)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /count HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	EXPECT_INT(pump_chunks(&rig, 1007 * 3000), 1007 * 3000);
	say(&rig, "0\r\n\r\n");
	EXPECT(run_until(&rig, "3000000 bytes"));
	EXPECT_INT(rig.ended_broken, 0);
	rig_fini(&rig);
}

TEST(http_server_reads_no_more_while_a_body_is_paused)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /paused HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	settle(&rig);
	size_t taken = pump_chunks(&rig, 1007 * 3000);
	EXPECT(taken < 1007 * 2000);            /* sockets and one window, no more */
	EXPECT_INT(rig.body_bytes, 0);
	http_body_pause(rig.parked, false);
	settle(&rig);
	EXPECT(rig.body_bytes > taken / 2);
	rig_fini(&rig);
	EXPECT_INT(rig.ended_broken, 1);
}

TEST(http_server_tells_when_the_client_goes_within_a_body)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /count HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
	settle(&rig);
	EXPECT(rig.parked != NULL);
	shutdown(rig.client, SHUT_WR);
	EXPECT(run_until(&rig, "HTTP/1.1 400 "));
	EXPECT_INT(rig.ended_broken, 1);
	EXPECT_INT(rig.body_bytes, 3);
	rig_fini(&rig);
}

TEST(http_server_tells_when_the_client_of_a_parked_request_goes)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	EXPECT(rig.parked && !http_is_gone(rig.parked));
	shutdown(rig.client, SHUT_RDWR);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	EXPECT_INT(rig.gone, 1);
	EXPECT(http_is_gone(rig.parked));
	EXPECT_INT(http_server_connections(rig.server), 0);
	EXPECT_STR(http_path(rig.parked), "/park");
	http_reply_json(rig.parked, 200, "{}", 2);      /* goes nowhere, harmlessly */
	rig.parked = NULL;
	rig_fini(&rig);
}

TEST(http_server_answers_a_client_that_has_shut_its_writing)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /park HTTP/1.1\r\n" HOST "\r\n");
	shutdown(rig.client, SHUT_WR);
	EXPECT(run_until(&rig, "\r\n\r\n/1"));
	settle(&rig);
	EXPECT(rig.parked != NULL && rig.gone == 0);
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply(parked, 200, "text/plain", "late", 4);
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "\r\n\r\nlate"));
	rig_fini(&rig);
}

TEST(http_server_says_full_to_whoever_streams_to_a_slow_reader)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /fill HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 20; i++)
		loop_run_once(rig.loop, 1);
	EXPECT(rig.was_full);
	EXPECT(rig.written < 2000000);
	unsigned before = rig.written;
	http_on_writable(rig.parked, fill, &rig);
	for (int i = 0; i < 200 && rig.written == before; i++) {
		receive(&rig);
		loop_run_once(rig.loop, 1);
	}
	EXPECT(rig.written > before);
	rig_fini(&rig);
	EXPECT_INT(rig.gone, 1);
}

TEST(http_server_cuts_off_who_writes_on_after_full)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /flood HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 20; i++)
		loop_run_once(rig.loop, 1);
	EXPECT(rig.written < 2000000);
	EXPECT_INT(rig.gone, 1);
	EXPECT_INT(http_server_connections(rig.server), 0);
	rig_fini(&rig);
}

TEST(http_server_pulls_a_long_list_no_faster_than_it_is_read)
{
	struct rig rig;

	rig_init(&rig, usual);
	rig.pieces_left = 1000;
	say(&rig, "GET /pull HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 300; i++)
		loop_run_once(rig.loop, 0);
	EXPECT(rig.written < 2000000);
	EXPECT(rig.pieces_left > 0);
	for (int i = 0; i < 20000 && rig.gone == 0; i++) {
		receive(&rig);
		loop_run_once(rig.loop, 0);
	}
	EXPECT(run_until(&rig, "\r\n0\r\n\r\n"));
	EXPECT_INT(rig.written, 10000000);
	EXPECT(rig.got.len > 10000000);
	EXPECT_INT(rig.gone, 1);
	rig_fini(&rig);
}

TEST(http_server_ends_a_pull_whose_client_goes)
{
	struct rig rig;

	rig_init(&rig, usual);
	rig.pieces_left = 1000;
	say(&rig, "GET /pull HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 50; i++)
		loop_run_once(rig.loop, 0);
	shutdown(rig.client, SHUT_RDWR);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	EXPECT_INT(rig.gone, 1);
	EXPECT_INT(http_server_connections(rig.server), 0);
	rig_fini(&rig);
}

TEST(http_server_delivers_a_large_reply_whole)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /after HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/after"));
	EXPECT(rig.got.len > 2000000 && rig.got.len < 2001000);
	rig_fini(&rig);
}

TEST(http_server_takes_no_further_requests_from_who_reads_no_replies)
{
	struct rig rig;
	unsigned sent = 0;

	rig_init(&rig, usual);
	for (unsigned idle = 0; sent < 200 && idle < 50;) {
		static const char text[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
		if (send(rig.client, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0)
			sent++;
		else
			idle++;
		loop_run_once(rig.loop, 0);
	}
	receive(&rig);
	EXPECT(rig.got.len < 3000000);          /* one reply, not two hundred, is in memory */
	rig_fini(&rig);
}

TEST(http_server_ends_slow_heads_silent_bodies_and_idle_connections)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.head_ms = limits.body_ms = limits.idle_ms = 30;
	rig_init(&rig, limits);
	EXPECT(run_until_end(&rig));
	EXPECT_STR(buf_text(&rig.got), "");
	rig_fini(&rig);

	rig_init(&rig, limits);
	say(&rig, "GET / HT");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);

	rig_init(&rig, limits);
	say(&rig, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);
}

TEST(http_server_gives_a_slow_head_no_second_chance)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.head_ms = 50;
	limits.head_bytes = 64 * 1024 * 1024;
	rig_init(&rig, limits);
	say(&rig, "GET / HTTP/1.1\r\n");
	for (msec end = clock_boot_ms() + 5000; clock_boot_ms() < end && !rig.got_end;) {
		/* a byte at a time does not help */
		(void)!send(rig.client, "A", 1, MSG_NOSIGNAL);
		loop_run_once(rig.loop, 1);
		receive(&rig);
	}
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);
}

TEST(http_server_turns_away_one_connection_too_many)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.connections = 1;
	rig_init(&rig, limits);
	int first = rig.client;
	connect_client(&rig);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 503 "));
	EXPECT_INT(http_server_connections(rig.server), 1);
	close(first);
	rig_fini(&rig);
}

TEST(http_server_counts_requests_whose_client_has_gone)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.connections = 1;
	rig_init(&rig, limits);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	close(rig.client);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	connect_client(&rig);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 503 "));
	rig_fini(&rig);
}

static void note_stop(void *arg)
{
	*(bool *)arg = true;
}

TEST(http_server_stops_when_the_requests_under_way_are_answered)
{
	struct rig rig;
	bool stopped = false;

	rig_init(&rig, usual);
	int idle_client = rig.client;
	connect_client(&rig);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	http_server_stop(rig.server, note_stop, &stopped);
	settle(&rig);
	EXPECT(!stopped);
	EXPECT_INT(http_server_connections(rig.server), 1);
	char byte;
	EXPECT_INT(recv(idle_client, &byte, 1, 0), 0);
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply(parked, 200, "text/plain", "done", 4);
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "Connection: close\r\n\r\ndone"));
	close(rig.client);
	rig.client = dup(idle_client);
	for (int i = 0; i < 50 && !stopped; i++)
		loop_run_once(rig.loop, 10);
	EXPECT(stopped);
	close(idle_client);
	rig_fini(&rig);
}

TEST(http_server_may_be_freed_before_its_requests_are_finished)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	http_server_free(rig.server);
	rig.server = NULL;
	EXPECT_INT(rig.gone, 1);
	EXPECT_STR(http_method(rig.parked), "GET");
	rig_fini(&rig);                         /* finishes it */
}

TEST(http_server_aborts_visibly)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply_begin(parked, 200, "text/plain");
	http_reply_write(parked, "half", 4);
	http_reply_abort(parked);
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "4\r\nhalf\r\n"));
	rig_fini(&rig);
}

TEST(http_query_truth_is_dockers)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park?a&b=&c=0&d=No&e=FALSE&f=none&g=1&h=x HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	for (const char *name = "abcdef"; *name; name++)
		EXPECT(!http_query_is_true(rig.parked, (char[]){ *name, 0 }));
	EXPECT(http_query_is_true(rig.parked, "g") && http_query_is_true(rig.parked, "h"));
	EXPECT(!http_query_is_true(rig.parked, "z"));
	rig_fini(&rig);
}

#define UPGRADE "Connection: Upgrade\r\nUpgrade: tcp\r\n"

/* The client may send before it has seen the 101, in the same packet as the request or cut anywhere: nothing is lost, nothing is parsed. */
TEST(http_server_hands_a_hijacked_connection_over_wherever_it_is_cut)
{
	static const char text[] = "POST /raw HTTP/1.1\r\n" HOST UPGRADE "Content-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\nfin";

	for (size_t cut = 1; cut < sizeof(text) - 1; cut++) {
		struct rig rig;

		rig_init(&rig, usual);
		EXPECT(send(rig.client, text, cut, 0) == (ssize_t)cut);
		settle(&rig);
		say(&rig, text + cut);
		EXPECT(run_until(&rig, "\r\n\r\nGET / HTTP/1.1\r\n\r\nfin"));
		EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 101 UPGRADED\r\nServer: test\r\n"));
		EXPECT(strstr(buf_text(&rig.got), "\r\nContent-Type: application/vnd.docker.raw-stream\r\n") != NULL);
		EXPECT(strstr(buf_text(&rig.got), "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n") != NULL);
		EXPECT(strstr(buf_text(&rig.got), "Length") == NULL && strstr(buf_text(&rig.got), "chunked") == NULL);
		rig_fini(&rig);
	}
}

TEST(http_server_hijacks_behind_a_body)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /raw-body HTTP/1.1\r\n" HOST UPGRADE "Content-Length: 2\r\n\r\n{}behind");
	EXPECT(run_until(&rig, "\r\n\r\n{}behind"));
	rig_fini(&rig);
	rig_init(&rig, usual);
	say(&rig, "POST /raw-body HTTP/1.1\r\n" HOST UPGRADE "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nbehind");
	EXPECT(run_until(&rig, "\r\n\r\n{}behind"));
	rig_fini(&rig);
}

TEST(http_server_hijacks_without_an_upgrade_as_older_clients_want_it)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /raw HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\n\r\nhello");
	EXPECT(run_until(&rig, "\r\n\r\nhello"));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 200 OK\r\n"));
	EXPECT(strstr(buf_text(&rig.got), "Upgrade") == NULL && strstr(buf_text(&rig.got), "chunked") == NULL);
	rig_fini(&rig);
}

TEST(http_server_goes_on_sending_after_the_client_of_a_hijack_has_shut_its_writing)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /raw HTTP/1.1\r\n" HOST UPGRADE "\r\nlast words");
	shutdown(rig.client, SHUT_WR);
	EXPECT(run_until(&rig, "\r\n\r\nlast words<end>"));
	settle(&rig);
	EXPECT(!rig.got_end && rig.parked != NULL);
	http_reply_write(rig.parked, "more", 4);
	http_reply_end(rig.parked);
	rig.parked = NULL;
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "<end>more"));
	EXPECT_INT(rig.gone, 0);
	rig_fini(&rig);
}

TEST(http_server_tells_when_the_client_of_a_hijack_goes)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /raw HTTP/1.1\r\n" HOST UPGRADE "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n"));
	shutdown(rig.client, SHUT_RDWR);
	for (int i = 0; i < 50 && !rig.ended_broken; i++)
		loop_run_once(rig.loop, 10);
	EXPECT_INT(rig.ended_broken, 1);
	settle(&rig);
	EXPECT_INT(http_server_connections(rig.server), 0);
	rig_fini(&rig);

	rig_init(&rig, usual);          /* first its writing, then altogether */
	say(&rig, "POST /raw HTTP/1.1\r\n" HOST UPGRADE "\r\n");
	shutdown(rig.client, SHUT_WR);
	EXPECT(run_until(&rig, "<end>"));
	shutdown(rig.client, SHUT_RD);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	EXPECT_INT(rig.gone, 1);
	rig_fini(&rig);
}

TEST(http_server_reads_no_more_of_a_hijack_while_it_is_paused)
{
	static char piece[4096];
	struct rig rig;
	size_t sent = 0;
	ssize_t some;

	rig_init(&rig, usual);
	say(&rig, "POST /raw HTTP/1.1\r\n" HOST UPGRADE "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n"));
	http_body_pause(rig.parked, true);
	for (int i = 0; i < 1000; i++) {
		some = send(rig.client, piece, sizeof(piece), MSG_NOSIGNAL);
		sent += some > 0 ? (size_t)some : 0;
		loop_run_once(rig.loop, 0);
	}
	EXPECT(sent < 1000 * sizeof(piece));
	EXPECT_INT(rig.body_bytes, 0);
	http_body_pause(rig.parked, false);
	for (int i = 0; i < 200 && rig.body_bytes < sent; i++) {
		loop_run_once(rig.loop, 10);
		receive(&rig);
	}
	EXPECT_INT(rig.body_bytes, sent);
	rig_fini(&rig);
}

TEST(http_server_forwards_a_request_with_its_body_untouched_and_sends_what_comes_back_as_it_is)
{
	static const char head[] = "POST /forward HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nX-Word: a b\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const char body[] = "3\r\nabc\r\n0\r\n\r\n";
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, head);
	settle(&rig);
	EXPECT_STR(buf_text(&rig.head), "POST /v1.43/elsewhere?a=1 HTTP/1.1\r\n" HOST
		   "X-Word: a b\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
	say(&rig, body);
	EXPECT(run_until(&rig, body));
	EXPECT_STR(buf_text(&rig.got), body);
	EXPECT_INT(rig.body_bytes, sizeof(body) - 1);
	http_reply_end(rig.parked);
	rig.parked = NULL;
	EXPECT(run_until_end(&rig));
	rig_fini(&rig);
}

TEST(http_server_forwards_an_upgrade_and_the_end_of_what_the_client_sends)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "POST /forward HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}then");
	shutdown(rig.client, SHUT_WR);
	EXPECT(run_until(&rig, "{}then<end>"));
	EXPECT_STR(buf_text(&rig.head), "POST /v1.43/elsewhere?a=1 HTTP/1.1\r\n" HOST
		   "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n");
	http_reply_end(rig.parked);
	rig.parked = NULL;
	EXPECT(run_until_end(&rig));
	rig_fini(&rig);
}

TEST(http_server_answers_once_a_connection_when_told_so)
{
	struct http_config cfg = { .limits = HTTP_LIMITS_DEFAULT, .is_once = true };
	struct rig rig = { .loop = loop_new() };

	rig.server = http_server_new(rig.loop, &cfg, handle, &rig);
	connect_client(&rig);
	say(&rig, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until_end(&rig));
	EXPECT(strstr(buf_text(&rig.got), "Connection: close\r\n\r\n/1") && !strstr(buf_text(&rig.got), "/2"));
	rig_fini(&rig);

	rig = (struct rig){ .loop = loop_new() };
	rig.server = http_server_new(rig.loop, &cfg, handle, &rig);
	connect_client(&rig);
	say(&rig, "GET /raw HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nmore");
	EXPECT(run_until(&rig, "more"));
	EXPECT(!strstr(buf_text(&rig.got), "Connection: close"));
	rig_fini(&rig);
}
