/* fetch_pull_io.h - inside the fetching child: from a job to its events.
 *
 * Asks the endpoints one after the other for what the name stands for; with a list, for the manifest that fits the platform; then brings config and
 * the layers that are ordered, FETCH_PARALLEL at a time. All documents are checked against digest and size before they are believed.
 */
#pragma once
#include "base/rng.h"
#include "image/fetch_blob_io.h"
#include "image/fetch_job.h"

#define FETCH_PARALLEL 3

struct fetch_pull;
struct fetch_pull_options {
	struct loop *loop;
	const struct fetch_job *job;
	const struct registry_hosts *hosts;
	const struct registry_endpoint *endpoints;
	const struct fetch_trust *trusts;                /* one an endpoint */
	size_t endpoint_count;
	int dir_fd;                                      /* -1 when the job writes no files */
	uint64_t seed;                                   /* spreads the delays */
	void (*on_event)(void *arg, const struct fetch_event *event);    /* FETCH_DONE, FETCH_RESOLVED, FETCH_LOGGED_IN, FETCH_FAILED end it */
	int (*dial)(void *arg, const char *address, struct err *err);    /* fetch_http_io.h; NULL */
	void *arg;
};
/* The options must live on. */
struct fetch_pull *fetch_pull_start(const struct fetch_pull_options *options);
void fetch_pull_order(struct fetch_pull *pull, const struct fetch_order *order); /* once, after FETCH_IMAGE */
void fetch_pull_free(struct fetch_pull *pull);
