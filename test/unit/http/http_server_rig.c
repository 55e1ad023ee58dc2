#include "test/unit/http/http_server_rig.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

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

void rig_fill(void *arg)
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

void rig_handle(void *arg, struct http_request *req)
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
		rig_fill(rig);
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

void connect_client(struct rig *rig)
{
	int pair[2];

	EXPECT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	rig->client = pair[0];
	http_server_accept(rig->server, pair[1]);
}

void rig_init(struct rig *rig, struct http_limits limits)
{
	struct http_config cfg = { .limits = limits, .headers = "Server: test\r\n" };

	*rig = (struct rig){ .loop = loop_new() };
	rig->server = http_server_new(rig->loop, &cfg, rig_handle, rig);
	connect_client(rig);
}

void rig_fini(struct rig *rig)
{
	close(rig->client);
	http_server_free(rig->server);
	if (rig->parked)
		http_reply_abort(rig->parked);
	loop_free(rig->loop);
	buf_fini(&rig->got);
	buf_fini(&rig->head);
}

void receive(struct rig *rig)
{
	char bytes[8192];
	ssize_t got;

	while ((got = recv(rig->client, bytes, sizeof(bytes), 0)) > 0)
		buf_add(&rig->got, bytes, (size_t)got);
	rig->got_end |= got == 0;
}

bool run_until(struct rig *rig, const char *want)
{
	for (int i = 0; i < 200; i++) {
		loop_run_once(rig->loop, 10);
		receive(rig);
		if (strstr(buf_text(&rig->got), want))
			return true;
	}
	return false;
}

bool run_until_end(struct rig *rig)
{
	for (int i = 0; i < 300 && !rig->got_end; i++) {
		loop_run_once(rig->loop, 10);
		receive(rig);
	}
	return rig->got_end;
}

void settle(struct rig *rig)
{
	for (int i = 0; i < 10; i++)
		loop_run_once(rig->loop, 0);
}

void say(struct rig *rig, const char *text)
{
	EXPECT_INT(send(rig->client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

const struct http_limits usual = HTTP_LIMITS_DEFAULT;
