/* frame_fuzz.c - what comes in on 2377 behind TLS. The first byte says how the rest is cut: the same frames come out of one window and of many small ones,
 * and what is taken as a frame is written as the same bytes. */
#include <string.h>

#include "base/panic.h"
#include "rpc/frame.h"
#include "rpc/rpc_methods.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BOUND = 4096 };

/* The connection's own bodies: decoded, or refused. */
static void read_body(const struct frame *frame)
{
	struct frame_hello hello, again;
	struct err err;

	if (frame->kind == FRAME_ERROR)
		frame_err_decode(frame->body, frame->size, &err);
	else if (frame->kind == FRAME_HELLO && frame_hello_decode(frame->body, frame->size, &hello, &err) == 0) {
		CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
		frame_hello_encode(&hello, &bytes);
		check(frame_hello_decode(bytes.data, bytes.len, &again, &err) == 0);
		check(strcmp(hello.version, again.version) == 0 && hello.level == again.level);
	} else if (frame->kind == FRAME_CALL || frame->kind == FRAME_NOTE)
		(void)rpc_method_check(frame->method, frame->kind == FRAME_CALL ? RPC_CALLED : RPC_NOTED, RPC_ANYONE, &err);
}

/* Writes the frames to out again; true when the stream broke. */
static bool parse(const uint8_t *bytes, size_t size, size_t step, struct buf *out)
{
	struct frame_parser parser;
	enum frame_result result = FRAME_MORE;
	struct frame frame;
	struct err err;

	frame_parser_init(&parser, BOUND);
	for (size_t at = 0; at < size && result != FRAME_BAD;) {
		const uint8_t *window = bytes + at;
		size_t left = MIN(step, size - at);

		at += left;
		while ((result = frame_next(&parser, &window, &left, &frame, &err)) == FRAME_READY) {
			frame_add(out, &frame);
			read_body(&frame);
		}
		check(result == FRAME_BAD || left == 0);
		check(parser.partial.len <= BOUND + FRAME_LENGTH_BYTES);
	}
	frame_parser_fini(&parser);
	return result == FRAME_BAD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, pieces = BUF_INIT;

	if (size < 2)
		return 0;
	bool broke = parse(data + 1, size - 1, size, &whole);
	check(parse(data + 1, size - 1, 1 + data[0] % 32, &pieces) == broke);
	check(whole.len == pieces.len && (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0));
	check(whole.len <= size - 1 && (whole.len == 0 || memcmp(whole.data, data + 1, whole.len) == 0));
	return 0;
}
