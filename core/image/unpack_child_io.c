#include "image/unpack_child_io.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"
#include "image/line_child_io.h"

struct unpack_child {
	struct unpack_child_events events;
	void *arg;
	struct line_child *child;
	bool has_line;
};

/* ---- the child -------------------------------------------------------------------------------------------------------------- */

/* One line is all that it may say. */
static void on_line(void *arg, const char *line, size_t bytes)
{
	struct unpack_child *child = arg;

	if (child->has_line)
		return;
	child->has_line = true;
	child->events.on_line(child->arg, line, bytes);
}

static void on_exit_of(void *arg, const struct err *err)
{
	struct unpack_child *child = arg;
	struct unpack_child_events events = child->events;
	void *owner = child->arg;
	bool has_line = child->has_line;
	struct err silent;

	free(child);
	if (!err)
		err_set(&silent, ERR_IO, "the unpacking process ended and said nothing");
	events.on_exit(owner, has_line ? NULL : err ? err : &silent);
}

static void on_writable(void *arg)
{
	struct unpack_child *child = arg;

	if (child->events.on_writable)
		child->events.on_writable(child->arg);
}

static const struct line_child_events line_events = { on_writable, on_line, on_exit_of };

int unpack_child_start(struct loop *loop, const struct unpack_child_spec *spec, const struct unpack_child_events *events, void *arg,
		       struct unpack_child **ret, struct err *err)
{
	char max_bytes[32];
	char *argv[] = { (char *)(uintptr_t)"swarmbox", (char *)(uintptr_t)"unpack", (char *)(uintptr_t)unpack_mode_word(spec->mode),
			 (char *)(uintptr_t)spec->dir, max_bytes, (char *)(uintptr_t)(spec->platform ? spec->platform : "-"), NULL };
	struct line_child_spec line_spec = { .self = spec->self, .what = "unpacking process", .argv = argv, .in_fd = spec->in_fd,
					     .extra = { spec->beside_fd, UNPACK_BESIDE_FD }, .max_line_bytes = spec->max_line_bytes };
	struct unpack_child *child = NEW(struct unpack_child);

	snprintf(max_bytes, sizeof(max_bytes), "%lld", (long long)spec->max_bytes);
	*child = (struct unpack_child){ .events = *events, .arg = arg };
	if (line_child_start(loop, &line_spec, &line_events, child, &child->child, err) < 0) {
		free(child);
		return -1;
	}
	*ret = child;
	return 0;
}

bool unpack_child_feed(struct unpack_child *child, const void *bytes, size_t count)
{
	return line_child_feed(child->child, bytes, count);
}

void unpack_child_finish(struct unpack_child *child)
{
	line_child_finish(child->child);
}

void unpack_child_kill(struct unpack_child *child)
{
	line_child_kill(child->child);
}

void unpack_child_close(struct unpack_child *child)
{
	if (!child)
		return;
	line_child_close(child->child);
	free(child);
}

/* ---- bytes that come before the child --------------------------------------------------------------------------------------- */

void unpack_feed_fini(struct unpack_feed *feed)
{
	buf_fini(&feed->early);
}

bool unpack_feed_bytes(struct unpack_feed *feed, const void *bytes, size_t count)
{
	if (feed->has_ended)
		return true;
	if (feed->child)
		return unpack_child_feed(feed->child, bytes, count);
	buf_add(&feed->early, bytes, count);
	return false;
}

void unpack_feed_finish(struct unpack_feed *feed)
{
	feed->is_finished = true;
	if (feed->child)
		unpack_child_finish(feed->child);
}

bool unpack_feed_attach(struct unpack_feed *feed, struct unpack_child *child)
{
	bool waits = feed->early.len > 0 && !feed->is_finished;
	bool has_room = feed->early.len == 0 || unpack_child_feed(child, feed->early.data, feed->early.len);

	feed->child = child;
	buf_fini(&feed->early);
	if (feed->is_finished)
		unpack_child_finish(child);
	return waits && has_room;
}

void unpack_feed_detach(struct unpack_feed *feed)
{
	feed->child = NULL;
	feed->has_ended = true;
	buf_fini(&feed->early);
}
