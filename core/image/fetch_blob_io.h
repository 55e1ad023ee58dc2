/* fetch_blob_io.h - brings one blob into a folder: in pieces if it must be, verified while it comes.
 *
 * Asks one registry after the other; what has come of a broken transfer is kept and only the rest is asked for. Hashed as it comes; never more bytes
 * than the manifest says. The file is part/HEX until it is complete, synced and has the digest it is called by; then it is HEX.
 */
#pragma once
#include "base/rng.h"
#include "base/sha256.h"
#include "image/fetch_session_io.h"

#define FETCH_PROGRESS_MS 100

struct fetch_source {                                    /* of all blobs of one pull */
	struct loop *loop;
	struct rng *rng;
	struct fetch_session *const *sessions;           /* in the order in which they are asked */
	size_t session_count;
	const char *repository;
	int dir_fd;                                      /* has a folder "part" */
	msec retry_ms;                                   /* fetch_retry.h */
	/* Nodes of our swarm, which have the same bytes or none: where one has stopped the next goes on, at once when it cannot be reached. */
	bool are_nodes;
};
struct fetch_blob_events {
	void (*on_progress)(void *arg, const char *digest, int64_t bytes);
	void (*on_retry)(void *arg, const char *digest, int64_t seconds, const char *why);
	/* The next registry is asked. */
	void (*on_note)(void *arg, const char *why);
	/* failure NULL: it lies there. The fetch is gone. */
	void (*on_done)(void *arg, const char *digest, const struct fetch_failure *failure);
};

struct fetch_blob;
/* digest in hex. */
struct fetch_blob *fetch_blob_start(const struct fetch_source *source, const char *digest, int64_t bytes,
				    const struct fetch_blob_events *events, void *arg);
void fetch_blob_free(struct fetch_blob *blob);           /* in silence; NULL is welcome. The part stays. */
