/* line_child_io.h - the agent's side of a helper that is our own binary again: starts it with a socket, brings back what it says line by line.
 *
 * For children that meet a stranger's bytes (unpack_child_io.h, image_pull_io.c): what they say is bounded, and nobody waits for them for ever.
 * on_exit comes last; the struct is gone then. No callback comes from inside a call.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "os/child.h"

#define LINE_CHILD_QUEUE_BYTES (1024 * 1024)

struct line_child_events {
	void (*on_writable)(void *arg);                  /* feed had said "full"; may be NULL */
	void (*on_line)(void *arg, const char *line, size_t bytes);      /* without its end; also the last one that has none */
	/* err: it was killed, by whomever, said more than it should, or ended with another code than 0. */
	void (*on_exit)(void *arg, const struct err *err);
};

struct line_child_spec {
	const char *self;                                /* our own binary */
	const char *what;                                /* a constant, for errors: "unpacking process" */
	char *const *argv;
	int in_fd;                                       /* what it reads instead of its socket; -1: the socket. The caller's */
	struct child_fd extra;                           /* from < 0: none */
	size_t max_line_bytes;
};

struct line_child;
int line_child_start(struct loop *loop, const struct line_child_spec *spec, const struct line_child_events *events, void *arg,
		     struct line_child **ret, struct err *err);
/* Copies. False: enough queued, wait for on_writable. */
bool line_child_feed(struct line_child *child, const void *bytes, size_t count);
void line_child_finish(struct line_child *child);        /* that was all */
void line_child_kill(struct line_child *child);          /* no on_line any more; on_exit comes, later */
void line_child_close(struct line_child *child);         /* NULL is welcome. Kills, waits for the end (bounded), frees; no callbacks. When the loop runs no more */
