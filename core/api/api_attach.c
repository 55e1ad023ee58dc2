/* POST /containers/x/attach: a client at a container's input and output.
 *
 * With logs=1 what was written before is sent first. The shim says where in the log its stream goes on (a mark), and up to there the log is read, so that
 * nothing comes twice and nothing is lost. Of a container that has ended all of the log is sent at once; its next start goes on behind it.
 */
#include <stdlib.h>

#include "api/log_frame.h"
#include "api/session.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"

struct attachment {
	struct api *api;
	struct session *session;
	struct agent_attach *asked;     /* until the runtime has given the stream */
	struct log_reader *past;        /* while the log is sent */
	struct log_query query;
	int stream_fd;                  /* while it waits for that; else -1 */
	bool has_tty, wants_past, is_told, is_last;     /* is_told: all of the past; is_last: after it there is nothing */
	char id[HEX_ID_SIZE];
};

static void attachment_free(struct attachment *attachment)
{
	agent_attach_free(attachment->asked);
	log_reader_free(attachment->past);
	fd_closep(&attachment->stream_fd);
	session_free(attachment->session);
	free(attachment);
}

static void left(void *arg, bool by_keys)
{
	struct attachment *attachment = arg;

	if (by_keys)
		agent_tell_event(attachment->api->host.agent, attachment->id, "detach", NULL, 0);
	attachment_free(attachment);
}

static void output_ended(void *arg)
{
	attachment_free(arg);
}

static void say_line(struct attachment *attachment, const struct err *failure)
{
	CLEANUP(str_freep) char *line = str_printf("%s\r\n", failure->text);

	session_say(attachment->session, line);
}

/* ---- the past ---------------------------------------------------------------------------------------------------- */

static bool on_past_entry(void *arg, const struct container_log_entry *entry)
{
	struct attachment *attachment = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	(attachment->has_tty ? log_frame_raw : log_frame)(entry, false, NULL, &out);
	return session_write(attachment->session, out.data, out.len);
}

static void on_past_end(void *arg, const struct err *failure)
{
	struct attachment *attachment = arg;

	if (failure)
		say_line(attachment, failure);
	log_reader_free(attachment->past);
	attachment->past = NULL;
	attachment->is_told = true;
	if (attachment->is_last)
		attachment_free(attachment);
	else if (attachment->stream_fd >= 0)
		session_connect(attachment->session, fd_take(&attachment->stream_fd));
}

/* Whom the runtime does not know has no past: it was made and never started, or has just been removed. */
static void tell_past(struct attachment *attachment)
{
	static const struct log_reader_events events = { on_past_entry, on_past_end };
	struct err err;

	if (runtime_logs(attachment->api->host.runtime, attachment->id, &attachment->query, &events, attachment, &attachment->past, &err) < 0)
		attachment->past = NULL;
}

static void takes_more(void *arg)
{
	struct attachment *attachment = arg;

	if (attachment->past)
		log_reader_resume(attachment->past);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

/* It has ended in between: the log has all of it. */
static bool ends_with_past(struct attachment *attachment, const struct err *failure)
{
	if (!attachment->wants_past || failure->code != ERR_CONFLICT)
		return false;
	attachment->is_last = true;
	if (!attachment->past && !attachment->is_told)
		tell_past(attachment);
	return attachment->past != NULL;
}

static void connected(void *arg, int stream_fd, const struct err *failure)
{
	struct attachment *attachment = arg;
	struct log_mark mark = { 0 };

	attachment->asked = NULL;
	if (!failure) {
		attachment->stream_fd = stream_fd;
		if (attachment->wants_past)
			runtime_stream_mark(stream_fd, &mark);
		attachment->query.until_mark = mark;
		if (attachment->past)
			log_reader_until(attachment->past, &mark);
		else if (mark.file && !attachment->is_told)
			tell_past(attachment);
		if (!attachment->past)
			session_connect(attachment->session, fd_take(&attachment->stream_fd));
		return;
	}
	if (ends_with_past(attachment, failure))
		return;
	if (failure->code != ERR_NOT_FOUND)
		say_line(attachment, failure);
	attachment_free(attachment);
}

static int refuse(struct http_request *req, const struct agent_container *container, struct err *err)
{
	if (http_query_is_true(req, "logs") && container->spec->log_driver == CONTAINER_LOG_NONE)
		return err_set(err, ERR_UNSUPPORTED, "configured logging driver does not support reading");
	if (container->status == SOLO_RESTARTING)
		return err_set(err, ERR_CONFLICT, "container %s is restarting, wait until the container is running", container->info.id);
	if (container->info.is_paused)
		return err_set(err, ERR_CONFLICT, "container %s is paused, unpause the container before attach", container->info.id);
	if (!container->row && container->status != SOLO_RUNNING)
		return err_set(err, ERR_CONFLICT, "container %s is not running", container->info.id);
	return 0;
}

void api_container_attach(struct api *api, struct http_request *req, const char *name)
{
	struct runtime_attachment want = { http_query_is_true(req, "stdin"), http_query_is_true(req, "stdout"),
					   http_query_is_true(req, "stderr"), false };
	struct session_config config = { .on_left = left, .on_output_end = output_ended, .on_writable = takes_more };
	bool is_streamed = http_query_is_true(req, "stream");
	struct agent_container container;
	struct attachment *attachment;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0 || refuse(req, &container, &err) < 0 ||
	    detach_keys_parse(http_query(req, "detachKeys"), &config.keys, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	want.wants_past = is_streamed && http_query_is_true(req, "logs");
	attachment = NEW(struct attachment);
	*attachment = (struct attachment){ .api = api, .stream_fd = -1, .has_tty = container.spec->has_tty, .wants_past = want.wants_past,
					   .is_last = !is_streamed,
					   .query = { .wants_stdout = want.wants_stdout, .wants_stderr = want.wants_stderr, .tail = -1 } };
	str_copy(attachment->id, sizeof attachment->id, container.info.id);
	config.has_tty = container.spec->has_tty;
	config.takes_input = want.wants_stdin && container.spec->has_stdin;
	config.arg = attachment;
	want.wants_stdin = config.takes_input;
	agent_tell_event(api->host.agent, attachment->id, "attach", NULL, 0);
	attachment->session = session_new(api, req, &config);
	if (!is_streamed)
		attachment->query.until_wall = clock_wall_ns();
	if (http_query_is_true(req, "logs") && (!is_streamed || container.info.state == RUNTIME_EXITED))
		tell_past(attachment);
	if (is_streamed)
		attachment->asked = agent_attach_new(api->host.agent, attachment->id, &want, connected, attachment);
	else if (!attachment->past)
		attachment_free(attachment);
}
