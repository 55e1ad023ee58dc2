/* A container's stored plan, what an exec is told, and the messages and exit files of shims: files that a crash may have cut, sockets that another version fills. */
#include <stdlib.h>

#include "runtime/container_exec.h"
#include "runtime/shim_plan.h"
#include "runtime/shim_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_plan(const char *text, size_t size)
{
	struct arena arena;
	struct shim_plan plan;
	struct err err;

	arena_init(&arena, "fuzz", 64 << 20);
	if (shim_plan_decode(text, size, &arena, &plan, &err) == 0) {
		CLEANUP(buf_finip) struct buf again = BUF_INIT;

		if (shim_plan_encode(&plan, &again, &err) < 0)
			abort();         /* what could be read can be written */
	}
	struct container_exec exec;

	if (container_exec_decode(text, size, &arena, &exec, &err) == 0) {
		CLEANUP(buf_finip) struct buf again = BUF_INIT;

		if (container_exec_encode(&exec, &again, &err) < 0)
			abort();
	}
	arena_fini(&arena);
}

/* Written down and read again it is what it was. */
static void expect_same(const struct shim_wire *message, int (*parse)(const char *, size_t, struct shim_wire *, struct err *))
{
	char text[SHIM_WIRE_MAX_BYTES];
	struct shim_wire again;
	struct err err;

	if (message->verb != SHIM_WIRE_REPLY && parse != shim_wire_parse_request)
		return;
	if (message->verb == SHIM_WIRE_REPLY && parse == shim_wire_parse_request)
		return;
	if (parse(text, shim_wire_format(message, text), &again, &err) < 0 || again.verb != message->verb || again.seq != message->seq)
		abort();
	if (message->verb == SHIM_WIRE_REPLY && again.state != message->state)
		abort();
	if (message->verb == SHIM_WIRE_RESIZE && (again.rows != message->rows || again.columns != message->columns))
		abort();
	if (message->verb == SHIM_WIRE_ATTACH &&
	    (again.wants_in != message->wants_in || again.wants_out != message->wants_out || again.wants_err != message->wants_err))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct shim_wire message;
	struct err err;

	try_plan(text, size);
	if (shim_wire_parse_request(text, size, &message, &err) == 0)
		expect_same(&message, shim_wire_parse_request);
	if (shim_wire_parse(text, size, &message, &err) == 0)
		expect_same(&message, shim_wire_parse);
	return 0;
}
