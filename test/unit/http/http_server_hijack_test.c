/* Connections that are handed over, and requests that are forwarded. */
#include "test/unit/http/http_server_rig.h"

#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

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

	rig.server = http_server_new(rig.loop, &cfg, rig_handle, &rig);
	connect_client(&rig);
	say(&rig, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until_end(&rig));
	EXPECT(strstr(buf_text(&rig.got), "Connection: close\r\n\r\n/1") && !strstr(buf_text(&rig.got), "/2"));
	rig_fini(&rig);

	rig = (struct rig){ .loop = loop_new() };
	rig.server = http_server_new(rig.loop, &cfg, rig_handle, &rig);
	connect_client(&rig);
	say(&rig, "GET /raw HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nmore");
	EXPECT(run_until(&rig, "more"));
	EXPECT(!strstr(buf_text(&rig.got), "Connection: close"));
	rig_fini(&rig);
}
