#include "image/fetch_blob_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

struct fetch_blob {
	const struct fetch_source *source;
	struct fetch_blob_events events;
	void *arg;
	char digest[SHA256_HEX_SIZE];
	int64_t bytes, have;
	int64_t had;                                     /* when this try began */
	int fd;
	struct sha256 sum;
	size_t at;                                       /* the session that is asked */
	struct fetch_exchange *exchange;
	struct fetch_retry retry;
	struct timer timer;
	bool has_begun;                                  /* this try: its first bytes were looked at */
	bool is_pieced;                                  /* what is here came in several tries */
	msec told;
};

static void try_it(void *arg);

void fetch_blob_free(struct fetch_blob *blob)
{
	if (!blob)
		return;
	fetch_exchange_free(blob->exchange);
	timer_cancel(&blob->timer);
	fd_closep(&blob->fd);
	free(blob);
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

static void part_name(const struct fetch_blob *blob, char ret_name[SHA256_HEX_SIZE + 8])
{
	snprintf(ret_name, SHA256_HEX_SIZE + 8, "part/%s", blob->digest);
}

static int start_over(struct fetch_blob *blob, struct err *err)
{
	char name[SHA256_HEX_SIZE + 8];

	part_name(blob, name);
	fd_closep(&blob->fd);
	blob->have = 0;
	blob->is_pieced = false;
	sha256_init(&blob->sum);
	blob->fd = openat(blob->source->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return blob->fd < 0 ? err_sys(err, "blob %.12s: file", blob->digest) : 0;
}

static int settle(struct fetch_blob *blob, struct err *err)
{
	char name[SHA256_HEX_SIZE + 8];

	part_name(blob, name);
	if (fsync(blob->fd) < 0 || renameat(blob->source->dir_fd, name, blob->source->dir_fd, blob->digest) < 0)
		return err_sys(err, "blob %.12s: write to disk", blob->digest);
	return 0;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------- */

static void finish(struct fetch_blob *blob, const struct fetch_failure *failure)
{
	struct fetch_blob_events events = blob->events;
	char digest[SHA256_HEX_SIZE];
	void *arg = blob->arg;

	str_copy(digest, sizeof(digest), blob->digest);
	fetch_blob_free(blob);
	events.on_done(arg, digest, failure);
}

static void describe(const struct fetch_failure *failure, char ret_text[1024])
{
	snprintf(ret_text, 1024, "%.500s%s%.500s", failure->request, failure->request[0] ? ": " : "",
		 failure->status ? failure->error.text : failure->err.text);
}

/* Tries again, here or at the next registry, or gives up. */
static void fail(struct fetch_blob *blob, const struct fetch_failure *failure)
{
	char why[1024];
	msec delay;

	bool is_last = blob->at + 1 == blob->source->session_count, is_hopeless = blob->source->are_nodes && !is_last &&
		       failure->fault == FETCH_UNREACHABLE;

	describe(failure, why);
	if (!is_hopeless && fetch_retry_next(&blob->retry, FETCH_TRANSFER, failure->fault, blob->have > blob->had, failure->retry_after_s,
			     rng_next(blob->source->rng), &delay)) {
		blob->events.on_retry(blob->arg, blob->digest, (delay + 999) / 1000, why);
		timer_set_in(&blob->timer, delay);
		return;
	}
	if (is_last) {
		finish(blob, failure);
		return;
	}
	blob->at++;
	blob->retry = (struct fetch_retry){ .base_ms = blob->source->retry_ms };
	if (!blob->source->are_nodes) {
		/* pieces of two registries would leave nobody to blame for a wrong digest */
		blob->have = 0;
		fd_closep(&blob->fd);
	}
	blob->events.on_note(blob->arg, why);
	timer_set_in(&blob->timer, 0);
}

static void fail_words(struct fetch_blob *blob, enum fetch_fault fault, const struct err *err)
{
	fail(blob, &(struct fetch_failure){ .fault = fault, .err = *err });
}

/* ---- the bytes -------------------------------------------------------------------------------------------------------------- */

static int on_bytes(void *arg, const struct fetch_reply *reply, const uint8_t *bytes, size_t count, struct err *err)
{
	struct fetch_blob *blob = arg;
	msec now = loop_now(blob->source->loop);

	if (!blob->has_begun) {
		blob->has_begun = true;
		/* a server that knows no ranges sends all of it again */
		if (blob->have && reply->status == 200 && start_over(blob, err) < 0)
			return -1;
		if (reply->status == 206 && reply->range_from != blob->have)
			return err_set(err, ERR_INVALID, "asked for bytes from %lld on, got them from %lld on", (long long)blob->have,
				       (long long)reply->range_from);
	}
	if ((int64_t)count > blob->bytes - blob->have)
		return err_set(err, ERR_INVALID, "more than the %lld bytes that the manifest says", (long long)blob->bytes);
	if (fd_write_all(blob->fd, bytes, count) < 0)
		return err_sys(err, "write to disk");
	sha256_add(&blob->sum, bytes, count);
	blob->have += (int64_t)count;
	if (now - blob->told >= FETCH_PROGRESS_MS) {
		blob->told = now;
		blob->events.on_progress(blob->arg, blob->digest, blob->have);
	}
	return 0;
}

static void complete(struct fetch_blob *blob)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_HEX_SIZE];
	struct err err;

	sha256_finish(&blob->sum, digest);
	hex_encode(digest, sizeof(digest), text);
	if (!str_eq(text, blob->digest)) {
		/* pieces may come from two versions of a broken store: once more in one piece */
		enum fetch_fault fault = blob->is_pieced ? FETCH_BROKEN : FETCH_REFUSED;

		err_set(&err, ERR_INVALID, "filesystem layer verification failed for digest sha256:%s", blob->digest);
		blob->have = 0;
		fd_closep(&blob->fd);
		fail_words(blob, fault, &err);
	} else if (settle(blob, &err) < 0) {
		blob->at = blob->source->session_count - 1;
		fail_words(blob, FETCH_REFUSED, &err);
	} else {
		blob->events.on_progress(blob->arg, blob->digest, blob->have);
		finish(blob, NULL);
	}
}

static void on_done(void *arg, const struct fetch_reply *reply, const struct fetch_failure *failure)
{
	struct fetch_blob *blob = arg;
	struct err err;

	(void)reply;
	blob->exchange = NULL;
	if (failure && failure->status == 416 && blob->have) {
		/* our part makes no sense to it: from the beginning, and that counts as a failure */
		struct fetch_failure copy = *failure;

		copy.fault = FETCH_BROKEN;
		blob->have = 0;
		fd_closep(&blob->fd);
		fail(blob, &copy);
	} else if (failure) {
		fail(blob, failure);
	} else if (blob->have == blob->bytes) {
		complete(blob);
	} else {
		err_set(&err, ERR_IO, "unexpected EOF after %lld of %lld bytes", (long long)blob->have, (long long)blob->bytes);
		fail_words(blob, FETCH_BROKEN, &err);
	}
}

static void try_it(void *arg)
{
	struct fetch_blob *blob = arg;
	CLEANUP(str_freep) char *path = str_printf("/v2/%s/blobs/sha256:%s", blob->source->repository, blob->digest);
	struct fetch_ask ask = { .path = path, .range_from = blob->have, .on_bytes = on_bytes, .on_done = on_done, .arg = blob };
	struct err err;

	blob->has_begun = false;
	blob->had = blob->have;
	blob->is_pieced = blob->is_pieced || blob->have;
	if (blob->fd < 0 && start_over(blob, &err) < 0) {
		blob->at = blob->source->session_count - 1;
		fail_words(blob, FETCH_REFUSED, &err);
		return;
	}
	if (blob->have == blob->bytes && blob->bytes) {  /* it broke behind the last byte */
		complete(blob);
		return;
	}
	blob->exchange = fetch_session_ask(blob->source->sessions[blob->at], &ask);
}

struct fetch_blob *fetch_blob_start(const struct fetch_source *source, const char *digest, int64_t bytes,
				    const struct fetch_blob_events *events, void *arg)
{
	struct fetch_blob *blob = NEW(struct fetch_blob);

	check(source->session_count > 0);
	*blob = (struct fetch_blob){ .source = source, .events = *events, .arg = arg, .bytes = bytes, .fd = -1, .retry.base_ms = source->retry_ms };
	str_copy(blob->digest, sizeof(blob->digest), digest);
	timer_init(&blob->timer, source->loop, try_it, blob);
	timer_set_in(&blob->timer, 0);
	return blob;
}
