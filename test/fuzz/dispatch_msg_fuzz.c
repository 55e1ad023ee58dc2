/* dispatch_msg_fuzz.c - the body of a call or note from another node, of every kind: refused, or read to what is written and read again
 * to the same. The first byte chooses the kind. */
#include "base/panic.h"
#include "dispatch/dispatch_msg.h"
#include "manager/verb.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct shape *const shapes[] = { &join_ask_shape, &join_answer_shape, &renew_ask_shape, &renew_answer_shape,
		&session_ask_shape, &session_news_shape, &assign_part_shape, &status_report_shape, &member_ask_shape, &tidings_shape,
		&verb_shape, &verb_answer_shape, &secret_ask_shape, &secret_piece_shape, &open_ask_shape, &leaving_ask_shape,
		&image_ask_shape, &image_answer_shape };
	CLEANUP(buf_finip) struct buf again = BUF_INIT;
	const struct shape *shape;
	struct arena arena;
	struct err err;
	void *message, *same;

	if (size < 1)
		return 0;
	arena_init(&arena, "fuzz", 256 << 20);
	shape = shapes[bytes[0] % ARRAY_COUNT(shapes)];
	message = arena_take(&arena, shape->size);
	same = arena_take(&arena, shape->size);
	if (dispatch_read(shape, bytes + 1, size - 1, &arena, message, &err) == 0) {
		dispatch_write(shape, message, &again);
		check(dispatch_read(shape, again.data, again.len, &arena, same, &err) == 0);
		check(shape_equal(shape, message, same));
	}
	arena_fini(&arena);
	return 0;
}
