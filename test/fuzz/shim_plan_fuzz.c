/* A container's stored plan, and the messages and exit files of shims: files that a crash may have cut, sockets that another version fills. */
#include <stdlib.h>

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
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct shim_wire message;
	struct err err;

	try_plan(text, size);
	shim_wire_parse_request(text, size, &message, &err);
	if (shim_wire_parse(text, size, &message, &err) == 0) {
		char again[SHIM_WIRE_MAX_BYTES];

		if (shim_wire_parse(again, shim_wire_format(&message, again), &message, &err) < 0)
			abort();
	}
	return 0;
}
