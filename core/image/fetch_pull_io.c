#include "image/fetch_pull_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/image_config.h"
#include "image/image_list.h"
#include "os/file.h"

enum pull_stage { ASK_NAME, ASK_MANIFEST, ASK_CONFIG, WAIT_ORDER, FETCH_LAYERS, ENDED };

struct fetch_pull {
	const struct fetch_pull_options *options;
	const struct fetch_job *job;
	struct image_ref ref;
	struct image_platform platform;
	struct rng rng;
	struct fetch_http *http;
	struct fetch_session *sessions[REGISTRY_ENDPOINTS_MAX];
	size_t at;                                       /* the endpoint that is asked */
	enum pull_stage stage;
	struct fetch_exchange *exchange;
	struct fetch_retry retry;
	struct timer timer;
	struct fetch_source source;                      /* from the endpoint that knew the image on */

	char top[SHA256_HEX_SIZE], top_type[256];        /* what the name stands for: a list or a manifest */
	int64_t top_bytes;
	bool is_list;
	struct strlist platforms;
	struct image_blob chosen;                        /* the manifest */
	struct image_manifest manifest;
	struct pull_slot { struct fetch_pull *pull; struct fetch_blob *blob; } slots[FETCH_PARALLEL];
	struct image_blob wanted[FETCH_WANT_MAX];
	size_t wanted_count, next, running;
};

static void ask(void *arg);

/* ---- telling ---------------------------------------------------------------------------------------------------------------- */

static void tell(struct fetch_pull *pull, const struct fetch_event *event)
{
	pull->options->on_event(pull->options->arg, event);
}

static void tell_end(struct fetch_pull *pull, const struct fetch_event *event)
{
	pull->stage = ENDED;
	tell(pull, event);
}

static void give_up(struct fetch_pull *pull, struct err *err)
{
	for (size_t i = 0; i < FETCH_PARALLEL; i++) {
		fetch_blob_free(pull->slots[i].blob);
		pull->slots[i].blob = NULL;
	}
	tell_end(pull, &(struct fetch_event){ .what = FETCH_FAILED, .code = err->code, .text = err->text });
}

/* A failure as a person is told of it. */
static void explain(struct fetch_pull *pull, const struct fetch_failure *failure, struct err *err)
{
	const struct registry_endpoint *endpoint = &pull->options->endpoints[pull->at];

	if (failure->status && pull->job->work == FETCH_LOGIN && failure->status == 401 && failure->error.fault == REGISTRY_UNAUTHORIZED &&
	    str_ends(failure->error.text, "authentication required"))
		err_set(err, ERR_UNAUTHORIZED, "login attempt to %s/v2/ failed with status: 401 Unauthorized", endpoint->base);
	else if (failure->status)
		registry_error_tell(&failure->error, &pull->ref, failure->request, err);
	else if (failure->request[0])
		err_set(err, failure->err.code, "%s: %.480s", failure->request, failure->err.text);
	else
		*err = failure->err;
}

/* ---- the first questions ---------------------------------------------------------------------------------------------------- */

/* The next endpoint, when this one is a mirror, or when it may still be that the registry speaks no TLS. */
static bool may_ask_next(const struct fetch_pull *pull, const struct fetch_failure *failure)
{
	if (pull->at + 1 == pull->options->endpoint_count)
		return false;
	return pull->options->endpoints[pull->at].is_mirror ||
	       (failure && !failure->status && (failure->fault == FETCH_UNREACHABLE || failure->fault == FETCH_UNTRUSTED ||
						failure->fault == FETCH_BROKEN));
}

static void ask_next(struct fetch_pull *pull, const char *why)
{
	CLEANUP(str_freep) char *text = str_dup(why);

	if (pull->options->endpoints[pull->at].is_mirror)
		tell(pull, &(struct fetch_event){ .what = FETCH_NOTE, .text = text });
	pull->at++;
	pull->stage = ASK_NAME;
	pull->retry = (struct fetch_retry){ .base_ms = (msec)pull->job->retry_ms };
	timer_set_in(&pull->timer, 0);
}

static void question_failed(struct fetch_pull *pull, const struct fetch_failure *failure)
{
	struct err err;
	msec delay;

	explain(pull, failure, &err);
	if (fetch_retry_next(&pull->retry, FETCH_QUESTION, failure->fault, false, failure->retry_after_s, rng_next(&pull->rng), &delay))
		timer_set_in(&pull->timer, delay);
	else if (may_ask_next(pull, failure))
		ask_next(pull, err.text);
	else
		give_up(pull, &err);
}

/* What was said makes no sense. */
static void question_refused(struct fetch_pull *pull, struct err *err)
{
	if (may_ask_next(pull, NULL))
		ask_next(pull, err->text);
	else
		give_up(pull, err);
}

static int put_file(struct fetch_pull *pull, const char *name, const struct buf *content, struct err *err)
{
	CLEANUP(fd_closep) int fd = openat(pull->options->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_all(fd, content->data, content->len) < 0 || fsync(fd) < 0)
		return err_sys(err, "write to disk");
	return 0;
}

static void have_sources(struct fetch_pull *pull)
{
	/* blobs come from the endpoint that knew the image, and, when that is a mirror, from those behind it */
	pull->source = (struct fetch_source){ .loop = pull->options->loop, .rng = &pull->rng, .sessions = pull->sessions + pull->at,
					      .session_count = pull->options->endpoints[pull->at].is_mirror ?
								       pull->options->endpoint_count - pull->at : 1,
					      .repository = pull->job->repository, .dir_fd = pull->options->dir_fd,
					      .retry_ms = (msec)pull->job->retry_ms, .are_nodes = pull->job->sources.count > 0 };
}

static void tell_resolved(struct fetch_pull *pull)
{
	struct fetch_event event = { .what = FETCH_RESOLVED, .digest = pull->top, .type = pull->top_type, .bytes = pull->top_bytes,
				     .platforms = { pull->platforms.items, pull->platforms.count } };

	tell_end(pull, &event);
}

/* A manifest without a list: its config says for which machine it is. */
static int take_config(struct fetch_pull *pull, const struct buf *body, struct err *err)
{
	char digest[SHA256_HEX_SIZE], text[IMAGE_PLATFORM_TEXT_SIZE];
	struct image_platform platform;
	struct image_config config;

	sha256_hex(body->data, body->len, digest);
	if (!str_eq(digest, pull->manifest.config.digest))
		return err_set(err, ERR_INVALID, "image config verification failed for digest sha256:%s", pull->manifest.config.digest);
	if (image_config_parse(buf_text(body), body->len, &config, err) < 0)
		return -1;
	if (image_platform_read(config.os ? config.os : "", config.architecture ? config.architecture : "", config.variant ? config.variant : "",
				&platform))
		strlist_add(&pull->platforms, image_platform_format(&platform, text));
	image_config_fini(&config);
	if (pull->job->work == FETCH_RESOLVE) {
		tell_resolved(pull);
		return 0;
	}
	if (put_file(pull, digest, body, err) < 0)
		return -1;
	have_sources(pull);
	pull->stage = WAIT_ORDER;
	tell(pull, &(struct fetch_event){ .what = FETCH_IMAGE, .digest = pull->chosen.digest, .index = pull->is_list ? pull->top : NULL,
					  .type = pull->top_type, .bytes = pull->top_bytes });
	return 0;
}

static int take_manifest(struct fetch_pull *pull, const struct buf *body, struct err *err)
{
	if (image_manifest_parse(buf_text(body), body->len, &pull->manifest, err) < 0)
		return -1;
	if (pull->manifest.config.bytes > IMAGE_CONFIG_MAX_BYTES)
		return err_set(err, ERR_INVALID, "the image's config is larger than %d bytes", IMAGE_CONFIG_MAX_BYTES);
	if (pull->job->work == FETCH_PULL && put_file(pull, pull->chosen.digest, body, err) < 0)
		return -1;
	pull->stage = ASK_CONFIG;
	pull->retry = (struct fetch_retry){ .base_ms = (msec)pull->job->retry_ms };
	timer_set_in(&pull->timer, 0);
	return 0;
}

static int take_list(struct fetch_pull *pull, const struct buf *body, struct err *err)
{
	struct image_list list;
	char text[IMAGE_PLATFORM_TEXT_SIZE];
	int rc = 0;

	if (image_list_parse(buf_text(body), body->len, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.count && pull->platforms.count < FETCH_PLATFORMS_MAX; i++)
		if (list.entries[i].has_platform && str_eq(list.entries[i].platform.os, "linux"))
			strlist_add(&pull->platforms, image_platform_format(&list.entries[i].platform, text));
	if (pull->job->work == FETCH_RESOLVE) {
		tell_resolved(pull);
	} else if ((rc = image_list_choose(&list, &pull->platform, &pull->chosen, err)) == 0) {
		pull->stage = ASK_MANIFEST;
		pull->retry = (struct fetch_retry){ .base_ms = (msec)pull->job->retry_ms };
		timer_set_in(&pull->timer, 0);
	}
	image_list_fini(&list);
	return rc;
}

/* The digest of what came, if it is the one it must have. */
static int check_top(struct fetch_pull *pull, const struct fetch_reply *reply, struct err *err)
{
	const char *asked = str_after(pull->job->digest ? pull->job->digest : "", "sha256:"), *said = str_after(reply->digest, "sha256:");

	sha256_hex(buf_text(&reply->body), reply->body.len, pull->top);
	pull->top_bytes = (int64_t)reply->body.len;
	if (asked && !str_eq(asked, pull->top))
		return err_set(err, ERR_INVALID, "manifest verification failed for digest sha256:%s", asked);
	if (said && !str_eq(said, pull->top))
		return err_set(err, ERR_INVALID, "the registry says that the manifest is sha256:%.64s, but it is sha256:%s", said, pull->top);
	return 0;
}

static int take_name(struct fetch_pull *pull, const struct fetch_reply *reply, struct err *err)
{
	enum image_doc doc;

	if (check_top(pull, reply, err) < 0 || image_doc_judge(reply->type, buf_text(&reply->body), reply->body.len, &doc, err) < 0)
		return -1;
	str_copy(pull->top_type, sizeof(pull->top_type), reply->type);
	pull->top_type[strcspn(pull->top_type, "; ")] = '\0';
	pull->is_list = doc == IMAGE_DOC_LIST;
	if (pull->is_list)
		return take_list(pull, &reply->body, err);
	str_copy(pull->chosen.digest, sizeof(pull->chosen.digest), pull->top);
	pull->chosen.bytes = pull->top_bytes;
	return take_manifest(pull, &reply->body, err);
}

/* The manifest out of a list. */
static int take_chosen(struct fetch_pull *pull, const struct fetch_reply *reply, struct err *err)
{
	char digest[SHA256_HEX_SIZE];

	sha256_hex(buf_text(&reply->body), reply->body.len, digest);
	if (!str_eq(digest, pull->chosen.digest) || (int64_t)reply->body.len != pull->chosen.bytes)
		return err_set(err, ERR_INVALID, "manifest verification failed for digest sha256:%s", pull->chosen.digest);
	return take_manifest(pull, &reply->body, err);
}

static void answered(void *arg, const struct fetch_reply *reply, const struct fetch_failure *failure)
{
	struct fetch_pull *pull = arg;
	struct err err;
	int rc = 0;

	pull->exchange = NULL;
	if (failure) {
		question_failed(pull, failure);
		return;
	}
	if (pull->job->work == FETCH_LOGIN) {
		CLEANUP(str_freep) char *identity = str_dup(fetch_session_identity(pull->sessions[pull->at]));

		tell_end(pull, &(struct fetch_event){ .what = FETCH_LOGGED_IN, .text = identity });
		return;
	}
	switch (pull->stage) {
	case ASK_NAME:
		rc = take_name(pull, reply, &err);
		break;
	case ASK_MANIFEST:
		rc = take_chosen(pull, reply, &err);
		break;
	case ASK_CONFIG:
		rc = take_config(pull, &reply->body, &err);
		break;
	case WAIT_ORDER:
	case FETCH_LAYERS:
	case ENDED:
		panic("an answer that nobody waits for");
	}
	if (rc < 0)
		question_refused(pull, &err);
}

static struct fetch_session *session_at(struct fetch_pull *pull, size_t at, struct err *err)
{
	const struct fetch_pull_options *options = pull->options;
	const struct fetch_job *job = pull->job;
	const struct registry_endpoint *endpoint = &options->endpoints[at];
	CLEANUP(str_freep) char *scope = job->work == FETCH_LOGIN ? NULL : str_printf("repository:%s:pull", job->repository);
	/* a mirror is somebody else: it is not shown the password of the registry */
	struct fetch_session_options session = { .http = pull->http, .endpoint = endpoint, .trust = &options->trusts[at], .hosts = options->hosts,
						 .auth = endpoint->is_mirror ? NULL : job->auth, .scope = scope,
						 .wants_identity = job->work == FETCH_LOGIN };

	return fetch_session_new(&session, err);
}

static void ask(void *arg)
{
	struct fetch_pull *pull = arg;
	const struct fetch_job *job = pull->job;
	CLEANUP(str_freep) char *path = NULL;
	struct fetch_ask question = { .accept = IMAGE_DOC_ACCEPT, .body_max = IMAGE_LIST_MAX_BYTES, .on_done = answered, .arg = pull };

	if (job->work == FETCH_LOGIN) {
		path = str_dup("/v2/");
		question.accept = NULL;
	} else if (pull->stage == ASK_NAME) {
		path = str_printf("/v2/%s/manifests/%s", job->repository, !str_is_empty(job->digest) ? job->digest : job->tag);
		strlist_fini(&pull->platforms);
	} else if (pull->stage == ASK_MANIFEST) {
		path = str_printf("/v2/%s/manifests/sha256:%s", job->repository, pull->chosen.digest);
		question.body_max = (size_t)pull->chosen.bytes;
	} else {
		path = str_printf("/v2/%s/blobs/sha256:%s", job->repository, pull->manifest.config.digest);
		question.body_max = (size_t)pull->manifest.config.bytes;
		question.accept = NULL;
	}
	question.path = path;
	pull->exchange = fetch_session_ask(pull->sessions[pull->at], &question);
}

/* ---- layers ----------------------------------------------------------------------------------------------------------------- */

static void start_blobs(struct fetch_pull *pull);

static void tell_blob(const struct pull_slot *slot, enum fetch_what what, const char *digest, int64_t bytes, int64_t seconds,
		      const char *text)
{
	CLEANUP(str_freep) char *own_digest = str_dup(digest);
	CLEANUP(str_freep) char *own_text = str_dup(text);

	tell(slot->pull, &(struct fetch_event){ .what = what, .digest = own_digest, .bytes = bytes, .seconds = seconds, .text = own_text });
}

static void on_progress(void *arg, const char *digest, int64_t bytes)
{
	tell_blob(arg, FETCH_PROGRESS, digest, bytes, 0, NULL);
}

static void on_retry(void *arg, const char *digest, int64_t seconds, const char *why)
{
	tell_blob(arg, FETCH_RETRY, digest, 0, seconds, why);
}

static void on_note(void *arg, const char *why)
{
	tell_blob(arg, FETCH_NOTE, NULL, 0, 0, why);
}

static void blob_done(void *arg, const char *digest, const struct fetch_failure *failure)
{
	struct pull_slot *slot = arg;
	struct err err;

	slot->blob = NULL;
	slot->pull->running--;
	if (failure) {
		explain(slot->pull, failure, &err);
		give_up(slot->pull, &err);
		return;
	}
	tell_blob(slot, FETCH_BLOB, digest, 0, 0, NULL);
	start_blobs(slot->pull);
}

static void start_blobs(struct fetch_pull *pull)
{
	static const struct fetch_blob_events events = { on_progress, on_retry, on_note, blob_done };

	/* a node is dialled once, and gives one after the other */
	size_t most = pull->source.are_nodes ? 1 : FETCH_PARALLEL;

	for (size_t i = 0; i < most && pull->next < pull->wanted_count; i++) {
		struct pull_slot *slot = &pull->slots[i];

		if (slot->blob)
			continue;
		const struct image_blob *blob = &pull->wanted[pull->next++];
		pull->running++;
		slot->pull = pull;
		slot->blob = fetch_blob_start(&pull->source, blob->digest, blob->bytes, &events, slot);
	}
	if (!pull->running)
		tell_end(pull, &(struct fetch_event){ .what = FETCH_DONE });
}

static bool is_wanted(const struct fetch_pull *pull, const char *digest)
{
	for (size_t i = 0; i < pull->wanted_count; i++)
		if (str_eq(pull->wanted[i].digest, digest))
			return true;
	return false;
}

static int take_order(struct fetch_pull *pull, const struct fetch_order *order, struct err *err)
{
	for (size_t i = 0; i < order->want.count; i++) {
		const char *digest = order->want.items[i];
		size_t at = 0;

		while (at < pull->manifest.layer_count && !str_eq(pull->manifest.layers[at].digest, digest))
			at++;
		if (at == pull->manifest.layer_count)
			return err_set(err, ERR_INVALID, "order: sha256:%s is no layer of the image", digest);
		if (!is_wanted(pull, digest))
			pull->wanted[pull->wanted_count++] = pull->manifest.layers[at];
	}
	return 0;
}

void fetch_pull_order(struct fetch_pull *pull, const struct fetch_order *order)
{
	struct err err;

	if (pull->stage != WAIT_ORDER) {
		err_set(&err, ERR_INVALID, "an order before there is an image");
		give_up(pull, &err);
	} else if (take_order(pull, order, &err) < 0) {
		give_up(pull, &err);
	} else {
		pull->stage = FETCH_LAYERS;
		start_blobs(pull);
	}
}

/* ---- the whole -------------------------------------------------------------------------------------------------------------- */

static void begin(void *arg)
{
	struct fetch_pull *pull = arg;
	const struct fetch_job *job = pull->job;
	struct err err;

	str_copy(pull->ref.domain, sizeof(pull->ref.domain), job->domain);
	str_copy(pull->ref.path, sizeof(pull->ref.path), job->repository ? job->repository : "");
	str_copy(pull->ref.tag, sizeof(pull->ref.tag), job->tag ? job->tag : "");
	str_copy(pull->ref.digest, sizeof(pull->ref.digest), job->digest ? job->digest : "");
	if (!str_is_empty(job->digest) && !str_starts(job->digest, "sha256:")) {
		err_set(&err, ERR_UNSUPPORTED, "digests of another kind than sha256 are not supported by swarmbox yet");
		give_up(pull, &err);
		return;
	}
	if (image_platform_parse(job->platform, &pull->platform, &err) < 0) {
		give_up(pull, &err);
		return;
	}
	for (size_t i = 0; i < pull->options->endpoint_count; i++) {
		pull->sessions[i] = session_at(pull, i, &err);
		if (!pull->sessions[i]) {
			give_up(pull, &err);
			return;
		}
	}
	timer_init(&pull->timer, pull->options->loop, ask, pull);
	ask(pull);
}

struct fetch_pull *fetch_pull_start(const struct fetch_pull_options *options)
{
	struct fetch_pull *pull = NEW(struct fetch_pull);
	const struct fetch_job *job = options->job;
	struct fetch_http_options http = { .loop = options->loop, .proxies = { job->http_proxy, job->https_proxy, job->no_proxy },
					   .user_agent = job->user_agent, .stall_ms = (msec)job->stall_ms,
					   .dial = options->dial, .dial_arg = options->arg };

	check(options->endpoint_count > 0 && options->endpoint_count <= REGISTRY_ENDPOINTS_MAX);
	pull->options = options;
	pull->job = job;
	pull->retry.base_ms = (msec)job->retry_ms;
	rng_seed(&pull->rng, options->seed);
	pull->http = fetch_http_new(&http);
	timer_init(&pull->timer, options->loop, begin, pull);
	timer_set_in(&pull->timer, 0);
	return pull;
}

void fetch_pull_free(struct fetch_pull *pull)
{
	for (size_t i = 0; i < FETCH_PARALLEL; i++)
		fetch_blob_free(pull->slots[i].blob);
	fetch_exchange_free(pull->exchange);
	for (size_t i = 0; i < REGISTRY_ENDPOINTS_MAX; i++)
		fetch_session_free(pull->sessions[i]);
	fetch_http_free(pull->http);
	timer_cancel(&pull->timer);
	strlist_fini(&pull->platforms);
	free(pull);
}
