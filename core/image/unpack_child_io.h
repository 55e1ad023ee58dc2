/* unpack_child_io.h - the agent's side of one confined child (unpack_job_io.h): starts it, feeds it, brings back the line it answers with.
 *
 * on_line comes at most once, as soon as the line is whole, which may be while bytes are still fed: the child has found that they are no
 * use. on_exit comes last; the struct is gone then.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/unpack_job_io.h"
#include "os/loop.h"

struct unpack_child_events {
	void (*on_writable)(void *arg);                  /* feed had said "full"; may be NULL */
	void (*on_line)(void *arg, const char *line, size_t bytes);
	void (*on_exit)(void *arg, const struct err *err);       /* err: it ended without a line, or was killed */
};

struct unpack_child_spec {
	const char *self;                                /* our own binary */
	enum unpack_mode mode;
	const char *dir;
	const char *platform;                            /* of UNPACK_ARCHIVE; NULL: none */
	int64_t max_bytes;
	int in_fd;                                       /* what it reads; -1: what is fed. The caller's, as beside_fd */
	int beside_fd;                                   /* the blob of a root, the note of a layer; -1: neither */
	size_t max_line_bytes;
};

struct unpack_child;
/* No callback comes from inside of this. */
int unpack_child_start(struct loop *loop, const struct unpack_child_spec *spec, const struct unpack_child_events *events, void *arg,
		       struct unpack_child **ret, struct err *err);
/* Copies. False: enough queued, wait for on_writable. */
bool unpack_child_feed(struct unpack_child *child, const void *bytes, size_t count);
void unpack_child_finish(struct unpack_child *child);    /* that was all */
void unpack_child_kill(struct unpack_child *child);      /* no on_line any more; on_exit comes, later */
void unpack_child_close(struct unpack_child *child);     /* NULL is welcome. Kills, waits for the end (bounded), frees; no callbacks. When the loop runs no more */

/* The bytes for a child that is yet to come: what is fed before it is there waits, one piece is enough, and goes first. Zeroed is ready. */
struct unpack_feed { struct unpack_child *child; struct buf early; bool is_finished, has_ended; };
void unpack_feed_fini(struct unpack_feed *feed);
bool unpack_feed_bytes(struct unpack_feed *feed, const void *bytes, size_t count);      /* as unpack_child_feed */
void unpack_feed_finish(struct unpack_feed *feed);
/* True: somebody was told "full" who may go on. */
bool unpack_feed_attach(struct unpack_feed *feed, struct unpack_child *child);
void unpack_feed_detach(struct unpack_feed *feed);       /* the child has ended: what still comes is dropped */
