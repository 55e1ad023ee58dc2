/* Requests and answers: heads, bodies, errors. */
#include "test/unit/http/http_server_rig.h"

#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

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
	EXPECT(rig.parked && !rig.gone);
	shutdown(rig.client, SHUT_RDWR);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	EXPECT_INT(rig.gone, 1);
	EXPECT_INT(http_peer_fd(rig.parked), -1);
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
