/* Logs of a container, a task, a service: readers of json-file logs here and of what other nodes tell of theirs (node_log.h), merged by time,
 * framed as Docker frames them.
 *
 * Without follow, the entry with the earliest time of all sources goes first. With follow they go as they come, and a service's new
 * containers and nodes join in. A slow client pauses the sources.
 * Nobody waits for a node that is gone: what is missing is said. Without follow at the end, in swarmkit's words, which makes clients fail;
 * with follow at once, as a line on the standard error of each task there, and the node's part goes on where it broke off when it is back.
 * Tasks of nodes that were removed from the swarm are passed over: their logs will never be had again.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/task_container.h"
#include "api/api_internal.h"
#include "api/log_frame.h"
#include "api/log_merge.h"
#include "base/id.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"

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

static void stream_done(struct log_merge *stream)
{
	timer_cancel(&stream->wake);
	timer_cancel(&stream->look);
	list_remove(&stream->node);
	buf_fini(&stream->missing);
	for (size_t i = 0; i < stream->source_count; i++) {
		log_reader_free(stream->sources[i]->reader);
		node_log_free(stream->sources[i]->remote);
		log_source_forget(stream->sources[i]);
		buf_fini(&stream->sources[i]->held);
		free(stream->sources[i]->details);
		free(stream->sources[i]);
	}
	free(stream->sources);
	free(stream);
}

static void stream_gone(void *arg)
{
	struct log_merge *stream = arg;

	http_reply_end(stream->req);
	stream_done(stream);
}

/* ---- merging ----------------------------------------------------------------------------------------------------- */

static bool is_open(const struct log_source *source)
{
	return source->reader || source->remote;
}

static void resume(struct log_source *source)
{
	if (source->reader)
		log_reader_resume(source->reader);
	else if (source->remote)
		node_log_resume(source->remote);
}

static bool all_ended(const struct log_merge *stream)
{
	for (size_t i = 0; i < stream->source_count; i++)
		if (is_open(stream->sources[i]) || stream->sources[i]->held.len)
			return false;
	return true;
}

void log_source_send(struct log_merge *stream, struct log_source *source)
{
	if (!http_reply_write(stream->req, source->held.data, source->held.len))
		stream->is_full = true;
	buf_clear(&source->held);
}

/* The earliest of the held ones, if nobody that is still read lacks one. */
static struct log_source *next_in_time(struct log_merge *stream)
{
	struct log_source *first = NULL;

	for (size_t i = 0; i < stream->source_count; i++) {
		struct log_source *source = stream->sources[i];

		if (!source->held.len && is_open(source))
			return NULL;
		if (source->held.len && (!first || source->held_wall < first->held_wall))
			first = source;
	}
	return first;
}

static void add_failure(const struct log_merge *stream, const char *text, struct buf *out)
{
	if (stream->is_raw)
		buf_printf(out, "Error grabbing logs: %s\r\n", text);
	else
		log_frame_error(text, out);
}

void log_merge_say_failure(struct log_merge *stream, const char *text)
{
	CLEANUP(buf_finip) struct buf frame = BUF_INIT;

	add_failure(stream, text, &frame);
	if (!http_reply_write(stream->req, frame.data, frame.len))
		stream->is_full = true;
}

static void say_missing(struct log_merge *stream)
{
	CLEANUP(str_freep) char *text = str_printf("%srpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved "
						   "for the following reasons: %s", stream->is_raw ? "" : "Error grabbing logs: ", buf_text(&stream->missing));

	if (stream->missing.len)
		log_merge_say_failure(stream, text);
}

static void pump(void *arg)
{
	struct log_merge *stream = arg;
	struct log_source *source;

	while (!stream->is_full && !stream->query.follows && (source = next_in_time(stream))) {
		log_source_send(stream, source);
		resume(source);
	}
	if (!all_ended(stream) || stream->joins)
		return;
	say_missing(stream);
	http_on_gone(stream->req, NULL, NULL);
	stream_gone(stream);
}

void log_merge_wake(struct log_merge *stream)
{
	timer_set_in(&stream->wake, 0);
}

bool log_source_take(struct log_source *source, const struct container_log_entry *entry, const char *details)
{
	struct log_merge *stream = source->stream;

	if (stream->is_inner)
		log_line_write(entry, details, &source->held);
	else
		(stream->is_raw ? log_frame_raw : log_frame)(entry, stream->has_timestamps, details, &source->held);
	source->held_wall = entry->wall;
	if (!stream->query.follows) {
		log_merge_wake(stream);           /* it waits for its turn; pump resumes the reader */
		return false;
	}
	log_source_send(stream, source);
	return !stream->is_full;
}

static bool on_entry(void *arg, const struct container_log_entry *entry)
{
	return log_source_take(arg, entry, ((struct log_source *)arg)->details);
}

static void on_end(void *arg, const struct err *failure)
{
	struct log_source *source = arg;

	if (failure)
		log_merge_say_failure(source->stream, failure->text);
	log_reader_free(source->reader);
	source->reader = NULL;
	log_merge_wake(source->stream);
}

static void writable(void *arg)
{
	struct log_merge *stream = arg;

	stream->is_full = false;
	for (size_t i = 0; stream->query.follows && i < stream->source_count; i++)
		resume(stream->sources[i]);
	log_merge_wake(stream);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* details: what stands before each line for those who ask; taken. */
static int add_source(struct log_merge *stream, const char *container_id, char *details, struct err *err)
{
	static const struct log_reader_events events = { on_entry, on_end };
	struct log_source *source = log_source_new(stream, err);

	if (!source) {
		free(details);
		return -1;
	}
	source->details = details;
	return runtime_logs(stream->api->host.runtime, container_id, &stream->query, &events, source, &source->reader, err);
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
static struct log_merge *stream_open(struct api *api, struct http_request *req)
{
	struct log_merge *stream = NEW(struct log_merge);
	struct err err;

	list_init(&stream->node);
	timer_init(&stream->wake, api->host.loop, pump, stream);
	timer_init(&stream->look, api->host.loop, log_merge_look, stream);
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

static void stream_begin(struct log_merge *stream)
{
	stream->has_begun = true;
	http_reply_begin(stream->req, 200, stream->is_raw ? "application/vnd.docker.raw-stream" : "application/vnd.docker.multiplexed-stream");
	http_on_writable(stream->req, writable, stream);
	http_on_gone(stream->req, stream_gone, stream);
	log_merge_wake(stream);
}

static void refuse(struct log_merge *stream, const struct err *err)
{
	struct http_request *req = stream->req;

	stream_done(stream);
	http_reply_error(req, err);
}

void api_container_logs(struct api *api, struct http_request *req, const char *name)
{
	struct log_merge *stream = stream_open(api, req);
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
static char *swarm_details(const struct log_merge *stream, const struct container_spec *spec)
{
	return stream->has_details ? log_frame_details(spec) : NULL;
}

/* Every container on this host that has the label. */
static int add_labelled(struct log_merge *stream, const char *label, const char *value, struct err *err)
{
	struct agent_container container;

	for (size_t at = 0; agent_next_container(stream->api->host.agent, &at, &container);) {
		const char *got = container_label(container.spec, label);

		if (got && str_eq(got, value) && add_source(stream, container.info.id, swarm_details(stream, container.spec), err) < 0)
			return -1;
	}
	return 0;
}

static bool has_tty(const struct api *api, const char *service_id, uint64_t spec_version)
{
	const struct service_spec *spec = view_service_spec(api_view(api), service_id, spec_version);

	return spec && spec->task.container.tty;
}

/* The containers here, then the nodes; from then on, what joins in. */
static int whose(struct log_merge *stream, const char *label, const char *id, struct err *err)
{
	stream->label = label;
	check(str_copy(stream->id, sizeof stream->id, id));
	stream->joins = stream->query.follows && str_eq(label, TASK_LABEL_SERVICE);
	if (add_labelled(stream, label, id, err) < 0)
		return -1;
	if (stream->joins)
		list_add_last(&stream->api->streams->all, &stream->node);
	return stream->is_inner ? 0 : log_merge_ask_nodes(stream, err);
}

void api_node_logs(struct api *api, struct http_request *req, const char *label, const char *id)
{
	struct log_merge *stream = id_is_valid(id) ? stream_open(api, req) : NULL;
	struct err err;

	if (!id_is_valid(id)) {
		http_reply_message(req, 400, "logs: '%.60s' is no id", id);
	} else if (stream) {
		stream->is_inner = stream->has_details = true;
		if (whose(stream, label, id, &err) < 0)
			refuse(stream, &err);
		else
			stream_begin(stream);
	}
}

void api_service_logs(struct api *api, struct http_request *req, const char *name)
{
	struct log_merge *stream = stream_open(api, req);
	const struct view_object *service;
	struct err err;

	if (!stream)
		return;
	if (control_find_service(api_view(api), name, &service, &err) < 0 || whose(stream, TASK_LABEL_SERVICE, service->meta.id, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	stream->is_raw = has_tty(api, service->meta.id, VIEW_VALUE(service, service)->spec_version);
	stream_begin(stream);
}

void api_task_logs(struct api *api, struct http_request *req, const char *name)
{
	struct log_merge *stream = stream_open(api, req);
	const struct view_object *task;
	struct err err;

	if (!stream)
		return;
	if (control_find_task(api_view(api), name, &task, &err) < 0 || whose(stream, TASK_LABEL_ID, task->meta.id, &err) < 0) {
		refuse(stream, &err);
		return;
	}
	stream->is_raw = has_tty(api, VIEW_VALUE(task, task)->service_id, VIEW_VALUE(task, task)->spec_version);
	stream_begin(stream);
}

void log_streams_on_start(struct api *api, const char *container_id, const struct container_spec *spec)
{
	const char *service_id = container_label(spec, TASK_LABEL_SERVICE);

	LIST_EACH(item, &api->streams->all) {
		struct log_merge *stream = CONTAINER_OF(item, struct log_merge, node);
		struct err err;

		if (!service_id || !str_eq(stream->id, service_id))
			continue;
		stream->query.tail = -1;        /* a new container's log is followed from its first line */
		if (add_source(stream, container_id, swarm_details(stream, spec), &err) < 0)
			log_merge_say_failure(stream, err.text);
	}
}

void log_streams_on_applied(struct api *api, const struct applied *applied)
{
	bool any = false;

	for (size_t i = 0; i < applied->event_count && !any; i++)
		any = applied->events[i].kind == KIND_TASK || applied->events[i].kind == KIND_NODE;
	LIST_EACH(item, &api->streams->all) {
		struct log_merge *stream = CONTAINER_OF(item, struct log_merge, node);

		if (any && !stream->is_inner)
			timer_set_in(&stream->look, 0);
	}
}
