#include "api/node_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "http/http_parse.h"
#include "os/stream.h"

enum { HEAD_MAX_BYTES = 16 * 1024, WRITE_BOUND = 64 * 1024, SENTENCE_MAX_BYTES = 1024 };

struct node_log {
	struct api *api;
	char node_id[ID_SIZE];
	struct buf request;
	struct manager_line *line;      /* until the stream is there */
	struct stream *stream;
	struct http_parse parse;
	int status;                     /* 0: the reply's head has not come */
	struct buf got;                 /* of the body, not yet told */
	struct timer soon;              /* tells outside of whoever resumes */
	bool is_full, has_ended, was_told;
	struct err failure;             /* code 0: none */
	unsigned busy;
	bool is_freed;
	struct node_log_events events;
	void *arg;
};

static void release(struct node_log *log)
{
	if (log->busy || !log->is_freed)
		return;
	buf_fini(&log->got);
	buf_fini(&log->request);
	http_parse_fini(&log->parse);
	free(log);
}

void node_log_free(struct node_log *log)
{
	if (!log)
		return;
	manager_forget_line(log->line);
	stream_free(log->stream);
	timer_cancel(&log->soon);
	log->is_freed = true;
	release(log);
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static void fail(struct node_log *log, const struct err *err)
{
	if (!log->failure.code)
		log->failure = *err;
	log->has_ended = true;
	stream_free(log->stream);
	log->stream = NULL;
}

static void fail_by(struct node_log *log, const char *why)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "node %s %s", log->node_id, why);
	fail(log, &err);
}

/* As many lines as are whole and wanted. */
static void tell_lines(struct node_log *log)
{
	struct log_line line;
	size_t at = 0, used;
	struct err err;

	while (!log->is_full && !log->is_freed) {
		switch (log_line_read(buf_text(&log->got) + at, log->got.len - at, &line, &used, &err)) {
		case LOG_LINE_MORE:
			goto done;
		case LOG_LINE_READY:
			at += used;
			log->is_full = !log->events.on_line(log->arg, &line);
			break;
		case LOG_LINE_BAD:
			err_wrap(&err, "node %s: its log", log->node_id);
			fail(log, &err);
			buf_clear(&log->got);
			return;
		}
	}
done:
	buf_drop_front(&log->got, at);
}

static void tell(void *arg)
{
	struct node_log *log = arg;

	log->busy++;
	if (log->status == 200)
		tell_lines(log);
	if (!log->is_freed && log->stream)
		stream_pause(log->stream, log->is_full);
	if (!log->is_freed && log->has_ended && !log->is_full && !log->was_told) {
		log->was_told = true;
		log->events.on_end(log->arg, log->failure.code ? &log->failure : NULL);
	}
	log->busy--;
	release(log);
}

void node_log_resume(struct node_log *log)
{
	if (!log->is_full)
		return;
	log->is_full = false;
	timer_set_in(&log->soon, 0);
}

/* ---- what the node says ------------------------------------------------------------------------------------------ */

/* A refusal is one sentence in JSON, which is told as it is. */
static void end_of_reply(struct node_log *log)
{
	log->has_ended = true;
	if (log->status != 200)
		fail_by(log, log->got.len ? buf_text(&log->got) : "does not tell its logs");
}

/* False: nothing more is to be read. */
static bool take(struct node_log *log, enum http_parse_event event)
{
	switch (event) {
	case HTTP_PARSE_HEAD:
		log->status = http_parse_status(&log->parse);
		return true;
	case HTTP_PARSE_PIECE:
		if (log->status == 200 || log->got.len < SENTENCE_MAX_BYTES)
			buf_add(&log->got, log->parse.piece, log->parse.piece_bytes);
		return true;
	case HTTP_PARSE_END:
		end_of_reply(log);
		return false;
	case HTTP_PARSE_ERROR:
		fail_by(log, "sent what is no log");
		return false;
	case HTTP_PARSE_MORE:
		break;
	}
	return false;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct node_log *log = arg;
	size_t left = count;
	struct err err;

	if (log->has_ended)
		return count;
	while (take(log, http_parse_next(&log->parse, &bytes, &left, &err)))
		;
	tell(log);
	return count;
}

static void on_close(void *arg, const char *reason UNUSED)
{
	struct node_log *log = arg;

	if (!log->has_ended)
		fail_by(log, "disconnected unexpectedly");
	timer_set_in(&log->soon, 0);
}

static void on_end(void *arg)
{
	on_close(arg, NULL);
}

static void connected(void *arg, int fd, const struct err *failure)
{
	static const struct stream_events events = { .on_data = on_data, .on_end = on_end, .on_close = on_close };
	struct node_log *log = arg;

	log->line = NULL;
	if (failure) {
		fail(log, failure);
		tell(log);
		return;
	}
	log->stream = stream_new(log->api->host.loop, fd, WRITE_BOUND, &events, log);
	stream_write(log->stream, log->request.data, log->request.len);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void add_moment(struct buf *out, const char *name, nsec wall)
{
	if (wall)
		buf_printf(out, "&%s=%lld.%09lld", name, (long long)(wall / 1000000000), (long long)(wall % 1000000000));
}

static void write_request(const char *what, const struct log_query *query, struct buf *out)
{
	buf_printf(out, "GET /v" API_VERSION "%s/logs?stdout=%d&stderr=%d&follow=%d", what, query->wants_stdout, query->wants_stderr, query->follows);
	if (query->tail >= 0)
		buf_printf(out, "&tail=%lld", (long long)query->tail);
	add_moment(out, "since", query->since_wall);
	add_moment(out, "until", query->until_wall);
	buf_add_str(out, " HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
}

struct node_log *node_log_new(struct api *api, const char *node_id, const char *what, const struct log_query *query,
			      const struct node_log_events *events, void *arg)
{
	struct node_log *log = NEW(struct node_log);

	log->api = api;
	log->events = *events;
	log->arg = arg;
	check(str_copy(log->node_id, sizeof log->node_id, node_id));
	timer_init(&log->soon, api->host.loop, tell, log);
	http_parse_init(&log->parse, HTTP_SIDE_REPLIES, HEAD_MAX_BYTES);
	write_request(what, query, &log->request);
	log->line = manager_open_line(api->host.manager(api->host.arg), node_id, connected, log);
	return log;
}
