/* Logs of a container, a task, a service: readers of json-file logs, merged by time, framed as Docker frames them.
 *
 * Without follow, the entry with the earliest time of all readers goes first. With follow they go as they come, and a service's new
 * containers join in. A slow client pauses the readers.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/task_container.h"
#include "api/api_internal.h"
#include "api/log_frame.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"

enum { SOURCES_MAX = 4096 };

struct stream;
struct source {
	struct stream *stream;
	struct log_reader *reader;      /* NULL once it has ended */
	char *details;                  /* "k=v,k2=v2", or NULL */
	struct buf held;                /* the entry that waits for its turn; empty: none */
	nsec held_wall;
};
struct stream {
	struct list node;               /* in log_streams, when it follows a service */
	struct api *api;
	struct http_request *req;
	struct log_query query;
	bool has_timestamps, has_details, is_full;
	bool is_raw;                    /* no frames: it was written to a terminal */
	char service_id[ID_SIZE];       /* followed; "" otherwise */
	struct source **sources;
	size_t source_count;
	struct timer wake;              /* merges and ends outside of the readers' callbacks */
};
struct log_streams { struct list all; };

struct log_streams *log_streams_new(void)
{
	struct log_streams *streams = NEW(struct log_streams);

	list_init(&streams->all);
	return streams;
}

void log_streams_free(struct log_streams *streams)
{
	check(list_is_empty(&streams->all));    /* the server is freed first, which ends them */
	free(streams);
}

static void stream_done(struct stream *stream)
{
	timer_cancel(&stream->wake);
	list_remove(&stream->node);
	for (size_t i = 0; i < stream->source_count; i++) {
		log_reader_free(stream->sources[i]->reader);
		buf_fini(&stream->sources[i]->held);
		free(stream->sources[i]->details);
		free(stream->sources[i]);
	}
	free(stream->sources);
	free(stream);
}

static void stream_gone(void *arg)
{
	struct stream *stream = arg;

	http_reply_end(stream->req);
	stream_done(stream);
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

static bool all_ended(const struct stream *stream)
{
	for (size_t i = 0; i < stream->source_count; i++)
		if (stream->sources[i]->reader || stream->sources[i]->held.len)
			return false;
	return true;
}

static void send(struct stream *stream, struct source *source)
{
	if (!http_reply_write(stream->req, source->held.data, source->held.len))
		stream->is_full = true;
	buf_clear(&source->held);
}

/* The earliest of the held ones, if nobody that is still read lacks one. */
static struct source *next_in_time(struct stream *stream)
{
	struct source *first = NULL;

	for (size_t i = 0; i < stream->source_count; i++) {
		struct source *source = stream->sources[i];

		if (!source->held.len && source->reader)
			return NULL;
		if (source->held.len && (!first || source->held_wall < first->held_wall))
			first = source;
	}
	return first;
}

static void pump(void *arg)
{
	struct stream *stream = arg;
	struct source *source;

	while (!stream->is_full && !stream->query.follows && (source = next_in_time(stream))) {
		send(stream, source);
		if (source->reader)
			log_reader_resume(source->reader);
	}
	if (!all_ended(stream) || stream->service_id[0])
		return;
	http_on_gone(stream->req, NULL, NULL);
	stream_gone(stream);
}

static void wake(struct stream *stream)
{
	timer_set_in(&stream->wake, 0);
}

static bool on_entry(void *arg, const struct container_log_entry *entry)
{
	struct source *source = arg;
	struct stream *stream = source->stream;

	(stream->is_raw ? log_frame_raw : log_frame)(entry, stream->has_timestamps, source->details, &source->held);
	source->held_wall = entry->wall;
	if (!stream->query.follows) {
		wake(stream);           /* it waits for its turn; pump resumes the reader */
		return false;
	}
	send(stream, source);
	return !stream->is_full;
}

static void add_failure(const struct stream *stream, const struct err *failure, struct buf *out)
{
	if (stream->is_raw)
		buf_printf(out, "Error grabbing logs: %s\r\n", failure->text);
	else
		log_frame_error(failure->text, out);
}

static void on_end(void *arg, const struct err *failure)
{
	struct source *source = arg;
	struct stream *stream = source->stream;

	if (failure) {
		add_failure(stream, failure, &source->held);
		if (!http_reply_write(stream->req, source->held.data, source->held.len))
			stream->is_full = true;
		buf_clear(&source->held);
	}
	log_reader_free(source->reader);
	source->reader = NULL;
	wake(stream);
}

static void writable(void *arg)
{
	struct stream *stream = arg;

	stream->is_full = false;
	for (size_t i = 0; stream->query.follows && i < stream->source_count; i++)
		if (stream->sources[i]->reader)
			log_reader_resume(stream->sources[i]->reader);
	wake(stream);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* details: what stands before each line for those who ask; taken. */
static int add_source(struct stream *stream, const char *container_id, char *details, struct err *err)
{
	static const struct log_reader_events events = { on_entry, on_end };
	struct source *source;

	if (stream->source_count == SOURCES_MAX) {
		free(details);
		return err_set(err, ERR_EXHAUSTED, "logs: more than %d containers: ask for single tasks", SOURCES_MAX);
	}
	source = NEW(struct source);
	source->stream = stream;
	source->details = details;
	if (runtime_logs(stream->api->host.runtime, container_id, &stream->query, &events, source, &source->reader, err) < 0) {
		free(source->details);
		free(source);
		return -1;
	}
	stream->sources = mem_resize(stream->sources, stream->source_count + 1, sizeof *stream->sources);
	stream->sources[stream->source_count++] = source;
	return 0;
}

static int parse_tail(const char *text, int64_t *ret, struct err *err)
{
	uint64_t count;

	*ret = -1;
	if (str_is_empty(text) || str_eq(text, "all"))
		return 0;
	if (str_to_u64(text, &count) < 0 || count > INT64_MAX)
		return err_set(err, ERR_INVALID, "tail value must be a positive integer or \"all\"");
	*ret = (int64_t)count;
	return 0;
}

static int parse_query(struct http_request *req, struct log_query *ret, struct err *err)
{
	*ret = (struct log_query){ .wants_stdout = http_query_is_true(req, "stdout"), .wants_stderr = http_query_is_true(req, "stderr"),
				   .follows = http_query_is_true(req, "follow") };
	if (!ret->wants_stdout && !ret->wants_stderr)
		return err_set(err, ERR_INVALID, "Bad parameters: you must choose at least one stream");
	if (api_parse_moment(http_query(req, "since"), &ret->since_wall) < 0)
		return err_set(err, ERR_INVALID, "invalid value for 'since': '%.60s' is no time", http_query(req, "since"));
	if (api_parse_moment(http_query(req, "until"), &ret->until_wall) < 0)
		return err_set(err, ERR_INVALID, "invalid value for 'until': '%.60s' is no time", http_query(req, "until"));
	return parse_tail(http_query(req, "tail"), &ret->tail, err);
}

/* NULL: answered. */
static struct stream *stream_open(struct api *api, struct http_request *req)
{
	struct stream *stream = NEW(struct stream);
	struct err err;

	list_init(&stream->node);
	timer_init(&stream->wake, api->host.loop, pump, stream);
	stream->api = api;
	stream->req = req;
	stream->has_timestamps = http_query_is_true(req, "timestamps");
	stream->has_details = http_query_is_true(req, "details");
	if (parse_query(req, &stream->query, &err) == 0)
		return stream;
	free(stream);
	http_reply_error(req, &err);
	return NULL;
}

static void stream_begin(struct stream *stream)
{
	http_reply_begin(stream->req, 200, stream->is_raw ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream");
	http_on_writable(stream->req, writable, stream);
	http_on_gone(stream->req, stream_gone, stream);
	wake(stream);
}

static void refuse(struct stream *stream, const struct err *err)
{
	struct http_request *req = stream->req;

	stream_done(stream);
	http_reply_error(req, err);
}

void api_container_logs(struct api *api, struct http_request *req, const char *name)
{
	struct stream *stream = stream_open(api, req);
	struct agent_container container;
	struct err err;

	if (!stream)
		return;
	if (agent_find_container(api->host.agent, name, &container, &err) < 0 ||
	    add_source(stream, container.info.id, stream->has_details ? str_dup("") : NULL, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	stream->is_raw = container.spec->has_tty;
	stream_begin(stream);
}

/* The context that the client's `service logs` takes apart. Of a container alone, details are what its log driver was told to add: nothing. */
static char *swarm_details(const struct stream *stream, const struct container_spec *spec)
{
	return stream->has_details ? log_frame_details(spec) : NULL;
}

/* Every container on this host that has the label. */
static int add_labelled(struct stream *stream, const char *label, const char *value, struct err *err)
{
	struct agent_container container;

	for (size_t at = 0; agent_next_container(stream->api->host.agent, &at, &container);) {
		const char *got = container_label(container.spec, label);

		if (got && str_eq(got, value) && add_source(stream, container.info.id, swarm_details(stream, container.spec), err) < 0)
			return -1;
	}
	return 0;
}

void api_node_logs(struct api *api, struct http_request *req, const char *label, const char *value)
{
	struct stream *stream = stream_open(api, req);
	struct err err;

	if (!stream)
		return;
	stream->has_timestamps = stream->has_details = true;
	if (add_labelled(stream, label, value, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	if (stream->query.follows && str_eq(label, TASK_LABEL_SERVICE)) {
		str_copy(stream->service_id, sizeof stream->service_id, value);
		list_add_last(&api->streams->all, &stream->node);
	}
	stream_begin(stream);
}

static bool has_tty(const struct api *api, const char *service_id, uint64_t spec_version)
{
	const struct service_spec *spec = view_service_spec(api_view(api), service_id, spec_version);

	return spec && spec->task.container.tty;
}

void api_service_logs(struct api *api, struct http_request *req, const char *name)
{
	struct stream *stream = stream_open(api, req);
	const struct view_object *service;
	struct err err;

	if (!stream)
		return;
	if (control_find_service(api_view(api), name, &service, &err) < 0 ||
	    add_labelled(stream, TASK_LABEL_SERVICE, service->meta.id, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	if (stream->query.follows) {
		str_copy(stream->service_id, sizeof stream->service_id, service->meta.id);
		list_add_last(&api->streams->all, &stream->node);
	}
	stream->is_raw = has_tty(api, service->meta.id, ((const struct service *)service->value)->spec_version);
	stream_begin(stream);
}

void api_task_logs(struct api *api, struct http_request *req, const char *name)
{
	struct stream *stream = stream_open(api, req);
	const struct view_object *task;
	struct err err;

	if (!stream)
		return;
	if (control_find_task(api_view(api), name, &task, &err) < 0 || add_labelled(stream, TASK_LABEL_ID, task->meta.id, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	stream->is_raw = has_tty(api, ((const struct task *)task->value)->service_id, ((const struct task *)task->value)->spec_version);
	stream_begin(stream);
}

void log_streams_on_start(struct api *api, const char *container_id, const struct container_spec *spec)
{
	const char *service_id = container_label(spec, TASK_LABEL_SERVICE);

	LIST_EACH(item, &api->streams->all) {
		struct stream *stream = CONTAINER_OF(item, struct stream, node);
		struct err err;

		if (!service_id || !str_eq(stream->service_id, service_id))
			continue;
		stream->query.tail = -1;        /* a new container's log is followed from its first line */
		if (add_source(stream, container_id, swarm_details(stream, spec), &err) < 0) {
			CLEANUP(buf_finip) struct buf frame = BUF_INIT;
			add_failure(stream, &err, &frame);
			http_reply_write(stream->req, frame.data, frame.len);
		}
	}
}
