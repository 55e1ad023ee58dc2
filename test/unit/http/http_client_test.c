/* The blocking client against a scripted peer in a child process of its own. */
#include "http/http_client_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "http/http_text.h"
#include "test/unit/runner.h"

struct peer { char dir[64], path[80]; pid_t pid; };

/* Listens, and for each connection reads until it has seen `until`, sends the answer byte by byte,
 * closes. */
static void serve(int listener, const char *until, const char *answer, int times)
{
	while (times-- > 0) {
		int fd = accept(listener, NULL, NULL);
		char got[65536];
		size_t used = 0;

		while (used < sizeof(got) - 1) {
			ssize_t n = recv(fd, got + used, sizeof(got) - 1 - used, 0);
			if (n <= 0)
				break;
			used += (size_t)n;
			got[used] = '\0';
			if (strstr(got, until))
				break;
		}
		for (const char *at = answer; *at; at++)
			(void)!send(fd, at, 1, MSG_NOSIGNAL);
		close(fd);
	}
	_exit(0);
}

static void peer_start(struct peer *peer, const char *until, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(peer->dir, "/tmp/http_client.XXXXXX");
	EXPECT(runner_folder(peer->dir) != NULL);
	snprintf(peer->path, sizeof(peer->path), "%s/s", peer->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", peer->path);
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	EXPECT_INT(listen(listener, 4), 0);
	peer->pid = fork();
	if (peer->pid == 0)
		serve(listener, until, answer, 1);
	close(listener);
}

static void peer_end(struct peer *peer)
{
	waitpid(peer->pid, NULL, 0);
	unlink(peer->path);
	rmdir(peer->dir);
}

TEST(http_client_reads_head_and_body_and_interim_replies)
{
	struct peer peer;
	CLEANUP(http_client_closep) struct http_client *client = NULL;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct err err = {0};
	int status = 0;

	peer_start(&peer, "\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n"
				      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n");
	EXPECT_INT(http_client_open(peer.path, &client, &err), 0);
	EXPECT_INT(http_client_send(client, "GET", "/x", NULL, NULL, 0, &err), 0);
	EXPECT_INT(http_client_head(client, &status, &err), 0);
	EXPECT_INT(status, 200);
	EXPECT_STR(http_client_field(client, "x-a"), "b");
	EXPECT_INT(http_client_read_all(client, 100, &body, &err), 0);
	EXPECT_STR(buf_text(&body), "abcd");
	EXPECT(http_client_is_reusable(client));
	peer_end(&peer);
}

TEST(http_client_bounds_what_it_collects)
{
	struct peer peer;
	CLEANUP(http_client_closep) struct http_client *client = NULL;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct err err = {0};
	int status = 0;

	peer_start(&peer, "\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nmore than ten bytes");
	EXPECT_INT(http_client_open(peer.path, &client, &err), 0);
	EXPECT_INT(http_client_send(client, "GET", "/x", NULL, NULL, 0, &err), 0);
	EXPECT_INT(http_client_head(client, &status, &err), 0);
	EXPECT_INT(http_client_read_all(client, 10, &body, &err), -1);
	EXPECT_STR(err.text, "the agent's reply is over 10 bytes");
	peer_end(&peer);
}

TEST(http_client_notices_a_reply_that_breaks_off)
{
	struct peer peer;
	CLEANUP(http_client_closep) struct http_client *client = NULL;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct err err = {0};
	int status = 0;

	peer_start(&peer, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	EXPECT_INT(http_client_open(peer.path, &client, &err), 0);
	EXPECT_INT(http_client_send(client, "GET", "/x", NULL, NULL, 0, &err), 0);
	EXPECT_INT(http_client_head(client, &status, &err), 0);
	EXPECT_INT(http_client_read_all(client, 100, &body, &err), -1);
	EXPECT_STR(err.text, "reply of the agent: the connection ended within a message");
	EXPECT(!http_client_is_reusable(client));
	peer_end(&peer);
}

TEST(http_client_stops_uploading_when_it_is_answered)
{
	struct peer peer;
	CLEANUP(http_client_closep) struct http_client *client = NULL;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct err err = {0};
	char piece[32768] = "start";
	bool answered = false;
	int status = 0, pieces = 0;

	peer_start(&peer, "start", "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
				   "Content-Length: 4\r\n\r\nstop");
	EXPECT_INT(http_client_open(peer.path, &client, &err), 0);
	EXPECT_INT(http_client_send_begin(client, "POST", "/x", "application/x-tar", &err), 0);
	while (!answered && pieces++ < 100000)
		EXPECT_INT(http_client_send_piece(client, piece, sizeof(piece), &answered, &err), 0);
	EXPECT(answered);
	EXPECT_INT(http_client_head(client, &status, &err), 0);
	EXPECT_INT(status, 413);
	EXPECT_INT(http_client_read_all(client, 100, &body, &err), 0);
	EXPECT_STR(buf_text(&body), "stop");
	EXPECT(!http_client_is_reusable(client));
	peer_end(&peer);
}

TEST(http_client_says_when_nobody_listens)
{
	struct http_client *client = NULL;
	struct err err = {0};

	EXPECT_INT(http_client_open("/tmp/no such socket", &client, &err), -1);
	EXPECT(strstr(err.text, "/tmp/no such socket") != NULL);
}

TEST(http_text_escapes_what_json_and_headers_cannot_hold)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	char date[HTTP_DATE_SIZE];

	http_error_body("a \"b\" \\ \n \x01 ä", &out);
	EXPECT_STR(buf_text(&out), "{\"message\":\"a \\\"b\\\" \\\\ \\n \\u0001 ä\"}\n");
	buf_clear(&out);
	http_error_body("a\xff", &out);
	EXPECT_STR(buf_text(&out), "{\"message\":\"a?\"}\n");
	buf_clear(&out);
	http_encode("a/b c&ä", "/", &out);
	EXPECT_STR(buf_text(&out), "a/b%20c%26%C3%A4");
	EXPECT_STR(http_date(784111777000000000, date), "Sun, 06 Nov 1994 08:49:37 GMT");
}
