/* Of logs that are asked for, what other nodes have: one stream to each of them (node_log.h), opened as tasks come to be there, and again when
 * it broke off and the node is back. */
#include "api/log_merge.h"

#include <stdlib.h>
#include <string.h>

#include "agent/task_container.h"
#include "api/log_frame.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"

enum { AGAIN_MS = 1000 };

/* A container here that has ended, and whose lines are all told: where tasks fail again and again many more than LOG_SOURCES_MAX join in. */
static struct log_source *ended_source(const struct log_merge *stream)
{
	for (size_t i = 0; i < stream->source_count; i++) {
		struct log_source *source = stream->sources[i];

		check(source);
		if (!source->reader && !source->node_id[0] && !source->held.len)
			return source;
	}
	return NULL;
}

struct log_source *log_source_new(struct log_merge *stream, struct err *err)
{
	struct log_source *source = stream->source_count < LOG_SOURCES_MAX ? NULL : ended_source(stream);

	if (source) {
		free(source->details);
		buf_fini(&source->held);
		*source = (struct log_source){ .stream = stream };
		return source;
	}
	if (stream->source_count == LOG_SOURCES_MAX) {
		err_set(err, ERR_EXHAUSTED, "logs: more than %d containers and nodes: ask for single tasks", LOG_SOURCES_MAX);
		return NULL;
	}
	source = NEW(struct log_source);
	source->stream = stream;
	stream->sources = mem_resize(stream->sources, stream->source_count + 1, sizeof *stream->sources);
	stream->sources[stream->source_count++] = source;
	return source;
}

void log_source_forget(struct log_source *source)
{
	void *moment;

	for (size_t at = 0; source->told && map_next(source->told, &at, NULL, &moment);)
		free(moment);
	map_free(source->told);
}

static const struct view_object *first_task(const struct log_merge *stream, const struct view *view)
{
	return str_eq(stream->label, TASK_LABEL_SERVICE) ? view_tasks_of_service(view, stream->id) : view_find(view, KIND_TASK, stream->id);
}

static const struct view_object *next_task(const struct log_merge *stream, const struct view_object *task)
{
	return str_eq(stream->label, TASK_LABEL_SERVICE) ? task->next_of_service : NULL;
}

/* Another node has, or will have, a log of it. */
static bool is_elsewhere(const struct log_merge *stream, const struct view *view, const struct task *task)
{
	const struct api_host *host = &stream->api->host;

	return !str_is_empty(task->node_id) && !str_eq(task->node_id, host->node_id(host->arg)) && view_node(view, task->node_id) &&
	       (!str_is_empty(task->container_id) || (stream->joins && !task_is_done(task)));
}

static void say_lost(struct log_source *source, const char *why)
{
	struct log_merge *stream = source->stream;
	const struct view *view = api_view(stream->api);
	CLEANUP(str_freep) char *text = str_printf("warning: incomplete log stream: %s%s", why, stream->is_raw ? "\r\n" : "\n");
	struct container_log_entry entry = { .stream = CONTAINER_LOG_STDERR, .wall = clock_wall_ns(), .text = text, .length = strlen(text) };

	for (const struct view_object *task = first_task(stream, view); task; task = next_task(stream, task)) {
		const struct task *value = task->value;
		CLEANUP(str_freep) char *context = stream->has_details ? log_frame_context(value->node_id, value->service_id, task->meta.id) : NULL;

		if (str_eq(value->node_id, source->node_id) && !task_is_done(value) && is_elsewhere(stream, view, value)) {
			(stream->is_raw ? log_frame_raw : log_frame)(&entry, stream->has_timestamps, context, &source->held);
			log_source_send(stream, source);
		}
	}
}

/* False: it was told before the connection broke off. Times tell only that: a clock that is set back, and one that stands still for two lines, lose
 * none. */
static bool is_news(struct log_source *source, const char *context, nsec wall)
{
	struct moment *last = map_get(source->told, context);

	if (last && last->is_again && wall <= last->wall)
		return false;
	if (!last) {
		last = NEW(struct moment);
		map_put(source->told, context, last);
	}
	*last = (struct moment){ .wall = wall };
	return true;
}

static bool on_remote_line(void *arg, const struct log_line *line)
{
	struct log_source *source = arg;
	CLEANUP(str_freep) char *context = str_printf("%.*s", (int)line->details_length, line->details);
	CLEANUP(str_freep) char *text = line->is_failure ? str_printf("%.*s", (int)line->entry.length, line->entry.text) : NULL;

	source->was_said = false;
	if (text)
		log_merge_say_failure(source->stream, text);
	else if (is_news(source, context, line->entry.wall))
		return log_source_take(source, &line->entry, source->stream->has_details ? context : NULL);
	return !source->stream->is_full;
}

static void on_remote_end(void *arg, const struct err *failure)
{
	struct log_source *source = arg;
	struct log_merge *stream = source->stream;

	node_log_free(source->remote);
	source->remote = NULL;
	source->is_lost = failure != NULL;
	log_merge_wake(stream);
	if (!failure)
		return;
	if (!stream->joins) {
		buf_printf(&stream->missing, "%s%s", stream->missing.len ? ", " : "", failure->text);
		return;
	}
	if (!source->was_said && stream->api->host.manager(stream->api->host.arg))
		say_lost(source, failure->text);
	source->was_said = true;
	timer_set_in(&stream->look, AGAIN_MS);
}

/* When it broke off, every log there had told something: that much need not be told again. */
static nsec told_before(const struct log_source *source)
{
	const struct log_merge *stream = source->stream;
	const struct view *view = api_view(stream->api);
	nsec first = INT64_MAX;
	size_t missing = 0;
	void *moment;

	for (const struct view_object *task = first_task(stream, view); task; task = next_task(stream, task))
		missing += str_eq(VIEW_VALUE(task, task)->node_id, source->node_id) && !str_is_empty(VIEW_VALUE(task, task)->container_id);
	for (size_t at = 0; map_next(source->told, &at, NULL, &moment); missing -= missing > 0)
		first = MIN(first, ((struct moment *)moment)->wall);
	return missing ? 0 : first;
}

static void open_remote(struct log_source *source)
{
	static const struct node_log_events events = { on_remote_line, on_remote_end };
	struct log_merge *stream = source->stream;
	CLEANUP(str_freep) char *what = str_printf("/%s/%s", str_eq(stream->label, TASK_LABEL_SERVICE) ? "services" : "tasks", stream->id);
	struct log_query query = stream->query;
	void *moment;

	for (size_t at = 0; map_next(source->told, &at, NULL, &moment);)
		((struct moment *)moment)->is_again = true;
	if (stream->has_begun)          /* it joins in, or is back: nothing is to be left out */
		query.tail = -1;
	if (map_count(source->told))
		query.since_wall = MAX(query.since_wall, told_before(source));
	source->is_lost = false;
	source->remote = node_log_new(stream->api, source->node_id, what, &query, &events, source);
}

static struct log_source *source_of(const struct log_merge *stream, const char *node_id)
{
	for (size_t i = 0; i < stream->source_count; i++)
		if (str_eq(stream->sources[i]->node_id, node_id))
			return stream->sources[i];
	return NULL;
}

int log_merge_ask_nodes(struct log_merge *stream, struct err *err)
{
	const struct view *view = stream->api->host.manager(stream->api->host.arg) ? api_view(stream->api) : NULL;

	for (const struct view_object *task = view ? first_task(stream, view) : NULL; task; task = next_task(stream, task)) {
		const char *node_id = VIEW_VALUE(task, task)->node_id;
		struct log_source *source;

		if (!is_elsewhere(stream, view, task->value))
			continue;
		source = source_of(stream, node_id);
		if (source && (!source->is_lost || view_node(view, node_id)->status.state != NODE_READY))
			continue;
		if (!source && !(source = log_source_new(stream, err)))
			return -1;
		str_copy(source->node_id, sizeof source->node_id, node_id);
		source->told = source->told ? source->told : map_new();
		open_remote(source);
	}
	return 0;
}

void log_merge_look(void *arg)
{
	struct log_merge *stream = arg;
	struct err err;

	if (log_merge_ask_nodes(stream, &err) == 0 || stream->is_crowded)
		return;
	stream->is_crowded = true;      /* said once, not with every task that comes and goes */
	log_merge_say_failure(stream, err.text);
}
