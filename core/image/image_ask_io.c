#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/fetch_door_io.h"
#include "image/image_pull_own.h"

enum { SETTINGS_BYTES = 1 << 20, REQUEST_BYTES = 1 << 20, EVENT_BYTES = 1 << 20, NODE_RETRY_MS = 100 };

/* ---- what pulls and questions share ----------------------------------------------------------------------------------------- */

struct image_puller *image_puller_new(const struct image_puller_options *options)
{
	struct image_puller *puller = NEW(struct image_puller);
	const struct {
		char **field;
		const char *value;
	} words[] = {
		{ &puller->settings.ca_file, options->ca_file }, { &puller->settings.http_proxy, options->http_proxy },
		{ &puller->settings.https_proxy, options->https_proxy }, { &puller->settings.no_proxy, options->no_proxy },
		{ &puller->settings.user_agent, options->user_agent },
	};
	const struct {
		struct str_array *field;
		const struct str_array *value;
	} lists[] = {
		{ &puller->settings.insecure, &options->insecure }, { &puller->settings.mirrors, &options->mirrors },
		{ &puller->settings.certs_dirs, &options->certs_dirs },
	};

	puller->loop = options->loop;
	puller->store = options->store;
	puller->self = str_dup(options->self);
	arena_init(&puller->arena, "registries", SETTINGS_BYTES);
	list_init(&puller->pulls);
	list_init(&puller->waiting);
	list_init(&puller->questions);
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		*words[i].field = arena_strdup(&puller->arena, words[i].value);
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		lists[i].field->items = ARENA_ARRAY(&puller->arena, char *, lists[i].value->count + 1);
		lists[i].field->count = lists[i].value->count;
		for (size_t n = 0; n < lists[i].value->count; n++)
			lists[i].field->items[n] = arena_strdup(&puller->arena, lists[i].value->items[n]);
	}
	return puller;
}

void image_request_copy(const struct image_request *request, struct image_request_copy *ret)
{
	*ret = (struct image_request_copy){ .ref = *request->ref };
	arena_init(&ret->arena, "registry request", REQUEST_BYTES);
	ret->platform = arena_strdup(&ret->arena, request->platform ? request->platform : "");
	ret->asks_swarm = request->asks_swarm;
	if (request->auth)
		shape_copy(&registry_auth_shape, request->auth, &ret->arena, &ret->auth);
}

void image_request_copy_fini(struct image_request_copy *copy)
{
	arena_fini(&copy->arena);
}

int image_pull_child_start(struct image_puller *puller, enum fetch_work work, const struct image_request_copy *request, const char *dir,
			   msec stall_ms, const struct image_nodes *nodes, const struct line_child_events *events, void *arg,
			   struct line_child **ret, struct err *err)
{
	char *argv[] = { (char *)(uintptr_t)"swarmbox", (char *)(uintptr_t)"fetch", (char *)(uintptr_t)dir, NULL };
	struct line_child_spec spec = { .self = puller->self, .what = "fetching process", .argv = argv, .in_fd = -1, .extra = { -1, -1 },
					.max_line_bytes = FETCH_LINE_MAX_BYTES };
	struct image_request_copy copy = *request;
	struct fetch_job job = puller->settings;
	CLEANUP(buf_finip) struct buf line = BUF_INIT;

	job.work = (int)work;
	job.domain = copy.ref.domain;
	job.repository = copy.ref.path;
	job.tag = copy.ref.tag;
	job.digest = copy.ref.digest;
	job.platform = copy.platform;
	job.auth = registry_auth_is_empty(&copy.auth) ? NULL : &copy.auth;
	job.stall_ms = (uint64_t)stall_ms;
	if (nodes) {
		spec.extra = (struct child_fd){ nodes->door_fd, FETCH_DOOR_FD };
		job.sources = nodes->sources;
		job.digest = (char *)(uintptr_t)nodes->digest;
		job.retry_ms = NODE_RETRY_MS;
		job.auth = NULL;
		job.http_proxy = job.https_proxy = NULL;
	}
	fetch_job_format(&job, &line);
	if (line_child_start(puller->loop, &spec, events, arg, ret, err) < 0)
		return -1;
	line_child_feed(*ret, line.data, line.len);
	memset(line.data, 0, line.len);          /* the password was in it */
	return 0;
}

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

struct image_question {
	struct list link;
	struct image_puller *puller;
	struct image_request_copy request;
	image_answer_fn *fn;
	void *arg;
	struct line_child *child;
	struct arena arena;
	struct fetch_event event;                        /* the answer, on the arena */
	bool has_event, has_left;
	struct err err;
};

static void free_question(struct image_question *question)
{
	list_remove(&question->link);
	question->puller->question_count--;
	line_child_close(question->child);
	image_request_copy_fini(&question->request);
	arena_fini(&question->arena);
	free(question);
}

static void on_line(void *arg, const char *line, size_t bytes)
{
	struct image_question *question = arg;
	struct fetch_event event;

	if (question->has_event || question->err.code)
		return;
	if (fetch_event_parse(line, bytes, &question->arena, &event, &question->err) < 0) {
		line_child_kill(question->child);
		return;
	}
	if (event.what == FETCH_FAILED)
		err_set(&question->err, (enum err_code)event.code, "%s", event.text);
	if (event.what == FETCH_RESOLVED || event.what == FETCH_LOGGED_IN) {
		question->event = event;
		question->has_event = true;
	}
}

static void on_exit_of(void *arg, const struct err *err)
{
	struct image_question *question = arg;

	question->child = NULL;
	if (!question->has_event && !question->err.code) {
		if (err)
			question->err = *err;
		else
			err_set(&question->err, ERR_IO, "the fetching process ended and said nothing");
	}
	if (!question->has_left)
		question->fn(question->arg, question->has_event ? &question->event : NULL, question->has_event ? NULL : &question->err);
	free_question(question);
}

int image_ask_start(struct image_puller *puller, enum fetch_work work, const struct image_request *request, msec stall_ms, image_answer_fn *fn,
		    void *arg, struct image_question **ret, struct err *err)
{
	static const struct line_child_events events = { NULL, on_line, on_exit_of };

	check(work == FETCH_RESOLVE || work == FETCH_LOGIN);
	if (puller->question_count == IMAGE_QUESTIONS_MAX)
		return err_set(err, ERR_EXHAUSTED, "%d questions to registries are under way: try again when one is answered", IMAGE_QUESTIONS_MAX);
	struct image_question *question = NEW(struct image_question);
	*question = (struct image_question){ .puller = puller, .fn = fn, .arg = arg };
	list_add_last(&puller->questions, &question->link);
	puller->question_count++;
	arena_init(&question->arena, "registry answer", EVENT_BYTES);
	image_request_copy(request, &question->request);
	if (image_pull_child_start(puller, work, &question->request, NULL, stall_ms, NULL, &events, question, &question->child, err) < 0) {
		free_question(question);
		return -1;
	}
	*ret = question;
	return 0;
}

void image_ask_leave(struct image_question *question)
{
	question->has_left = true;
	line_child_kill(question->child);
}

void image_ask_close_all(struct image_puller *puller)
{
	LIST_EACH(item, &puller->questions)
		free_question(CONTAINER_OF(item, struct image_question, link));
}
