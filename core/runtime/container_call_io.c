/* container_call_io.c - what the shim is asked while its container lives, several things at a time: attach, resize. */
#include <stdlib.h>
#include <sys/socket.h>

#include "base/panic.h"
#include "os/file.h"
#include "runtime/runtime_inside.h"

enum { LEVEL_ATTACH = 1, LEVEL_PAST };

static void call_free(struct link_call *call)
{
	list_remove(&call->node);
	free(call);
}

void container_calls_free(struct container *container)
{
	LIST_EACH(item, &container->calls)
		call_free(CONTAINER_OF(item, struct link_call, node));
}

void container_calls_end(struct container *container)
{
	struct err err;

	err_set(&err, ERR_CONFLICT, "container %.12s is not running", container->id);
	LIST_EACH(item, &container->calls) {
		struct link_call *call = CONTAINER_OF(item, struct link_call, node);

		if (call->take_stream)
			runtime_refuse_stream_later(container->rt, call->take_stream, call->arg, &err);
		else
			runtime_answer_later(container->rt, call->done, call->arg, &err);
		call_free(call);
	}
}

/* The callback comes last: it may do anything. */
void container_call_answered(struct container *container, const struct shim_wire *reply, int *fd)
{
	struct link_call call = { .done = NULL };
	struct err err;

	LIST_EACH(item, &container->calls) {
		struct link_call *found = CONTAINER_OF(item, struct link_call, node);

		if (found->seq == reply->seq) {
			call = *found;
			call_free(found);
		}
	}
	bool is_done = reply->state != SHIM_WIRE_NONE;

	err_set(&err, call.take_stream ? ERR_EXHAUSTED : ERR_INVALID, "container %.12s: %s", container->id, reply->error);
	if (call.take_stream)
		call.take_stream(call.arg, is_done ? fd_take(fd) : -1, is_done ? NULL : &err);
	else if (call.done)
		call.done(call.arg, is_done ? NULL : &err);
}

/* NULL with err unless it is there, and its shim knows how. */
static struct container *find_with_level(const struct runtime *rt, const char *id, unsigned level, struct err *err)
{
	struct container *container = container_find(rt, id);

	if (!container || container->state != RUNTIME_CREATED || container->is_removing)
		container = container_find_in(rt, id, RUNTIME_RUNNING, "running", err);
	if (container && container->shim_level < level) {
		err_set(err, ERR_UNSUPPORTED, "container %.12s was started by an older swarmbox, which could not do that: restart it", id);
		return NULL;
	}
	return container;
}

static int ask(struct container *container, struct shim_wire *request, struct link_call call, struct err *err)
{
	if (!++container->last_seq)      /* 0 is none */
		container->last_seq = 1;
	call.seq = request->seq = container->last_seq;
	if (container_send(container, request, err) < 0)
		return -1;
	struct link_call *kept = NEW(struct link_call);

	*kept = call;
	list_add_last(&container->calls, &kept->node);
	return 0;
}

void runtime_attach(struct runtime *rt, const char *id, const struct runtime_attachment *want, runtime_stream_fn *done, void *arg)
{
	struct shim_wire request = { .verb = SHIM_WIRE_ATTACH, .wants_in = want->wants_stdin, .wants_out = want->wants_stdout,
				     .wants_err = want->wants_stderr, .wants_past = want->wants_past };
	struct link_call call = { .take_stream = done, .arg = arg };
	struct err err;
	struct container *container = find_with_level(rt, id, want->wants_past ? LEVEL_PAST : LEVEL_ATTACH, &err);

	if (!container || ask(container, &request, call, &err) < 0)
		runtime_refuse_stream_later(rt, done, arg, &err);
}

int runtime_stream_mark(int fd, struct log_mark *ret)
{
	return recv(fd, ret, sizeof *ret, MSG_DONTWAIT) == sizeof *ret ? 0 : -1;
}

void runtime_resize(struct runtime *rt, const char *id, unsigned rows, unsigned columns, runtime_done_fn *done, void *arg)
{
	struct shim_wire request = { .verb = SHIM_WIRE_RESIZE, .rows = MIN(rows, UINT16_MAX), .columns = MIN(columns, UINT16_MAX) };
	struct link_call call = { .done = done, .arg = arg };
	struct err err;
	struct container *container = find_with_level(rt, id, LEVEL_ATTACH, &err);

	if (!container || ask(container, &request, call, &err) < 0)
		runtime_answer_later(rt, done, arg, &err);
}
