#include "api/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/stream.h"

enum { EARLY_MAX_BYTES = 64 * 1024, STREAM_BOUND_BYTES = 256 * 1024, STREAM_STDOUT = 1 };

struct session {
	struct session_config config;
	struct loop *loop;
	struct http_request *req;
	struct stream *stream;          /* to the process; NULL while there is none */
	struct buf early;               /* from the client, before there was a stream */
	bool input_ended, is_over, output_ended;
};

static void leave(struct session *session, bool by_keys)
{
	if (session->is_over)
		return;
	session->is_over = true;
	session->config.on_left(session->config.arg, by_keys);
}

/* ---- from the client --------------------------------------------------------------------------------------------- */

static void pass_on(struct session *session, const void *bytes, size_t count)
{
	if (!session->config.takes_input || count == 0)
		return;
	if (session->stream && !session->output_ended) {
		if (!stream_write(session->stream, bytes, count))
			http_body_pause(session->req, true);
	} else if (!session->stream) {
		buf_add(&session->early, bytes, count);
		if (session->early.len >= EARLY_MAX_BYTES)
			http_body_pause(session->req, true);
	}
}

static void on_input(void *arg, const uint8_t *bytes, size_t count)
{
	struct session *session = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	if (session->is_over)
		return;
	if (!session->config.has_tty || !session->config.takes_input) {
		pass_on(session, bytes, count);
	} else if (detach_keys_feed(&session->config.keys, bytes, count, &out)) {
		pass_on(session, out.data, out.len);
		leave(session, true);
	} else {
		pass_on(session, out.data, out.len);
	}
}

static void client_gone(void *arg)
{
	leave(arg, false);
}

static void on_input_end(void *arg, bool is_complete)
{
	struct session *session = arg;

	if (!is_complete) {
		leave(session, false);
		return;
	}
	session->input_ended = true;
	if (session->is_over)
		return;
	http_on_gone(session->req, client_gone, session);
	if (session->stream && session->config.takes_input)
		stream_end(session->stream);
}

/* ---- from the process -------------------------------------------------------------------------------------------- */

static void end_of_output(struct session *session)
{
	if (session->output_ended || session->is_over)
		return;
	session->output_ended = true;
	session->config.on_output_end(session->config.arg);
}

static size_t on_output(void *arg, const uint8_t *bytes, size_t count)
{
	struct session *session = arg;

	if (!session->is_over && !http_reply_write(session->req, bytes, count))
		stream_pause(session->stream, true);
	return count;
}

static void client_takes_more(void *arg)
{
	struct session *session = arg;

	if (session->stream)
		stream_pause(session->stream, false);
	else if (session->config.on_writable && !session->is_over)
		session->config.on_writable(session->config.arg);
}

static void on_output_end(void *arg)
{
	end_of_output(arg);
}

static void on_output_close(void *arg, const char *reason UNUSED)
{
	end_of_output(arg);
}

static void process_takes_more(void *arg)
{
	struct session *session = arg;

	if (!session->is_over)
		http_body_pause(session->req, false);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct session *session_new(struct api *api, struct http_request *req, const struct session_config *config)
{
	static const struct http_body_events events = { on_input, on_input_end };
	struct session *session = NEW(struct session);
	bool knows_frames = api_version_of(req) >= 1042;

	*session = (struct session){ .config = *config, .loop = api->host.loop, .req = req };
	if (!config->is_forwarded)
		http_reply_hijack(req, config->has_tty || !knows_frames ? "application/vnd.docker.raw-stream" :
				  "application/vnd.docker.multiplexed-stream");
	http_on_writable(req, client_takes_more, session);
	http_body_stream(req, &events, session);
	return session;
}

void session_connect(struct session *session, int stream_fd)
{
	static const struct stream_events events = { .on_data = on_output, .on_end = on_output_end, .on_writable = process_takes_more,
						     .on_close = on_output_close };

	check(!session->stream);
	session->stream = stream_new(session->loop, stream_fd, STREAM_BOUND_BYTES, &events, session);
	if (session->is_over)
		return;
	if (session->early.len)
		stream_write(session->stream, session->early.data, session->early.len);
	buf_fini(&session->early);
	if (session->input_ended && session->config.takes_input)
		stream_end(session->stream);
	else if (!session->input_ended)
		http_body_pause(session->req, false);
}

bool session_write(struct session *session, const void *bytes, size_t count)
{
	return session->is_over || http_reply_write(session->req, bytes, count);
}

void session_say(struct session *session, const char *text)
{
	size_t length = strlen(text);
	const uint8_t head[8] = { STREAM_STDOUT, 0, 0, 0, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
				  (uint8_t)length };

	if (session->is_over)
		return;
	if (!session->config.has_tty)
		http_reply_write(session->req, head, sizeof head);
	http_reply_write(session->req, text, length);
}

void session_free(struct session *session)
{
	if (!session)
		return;
	session->is_over = true;
	http_on_gone(session->req, NULL, NULL);
	http_on_writable(session->req, NULL, NULL);
	stream_free(session->stream);
	buf_fini(&session->early);
	http_reply_end(session->req);
	free(session);
}
