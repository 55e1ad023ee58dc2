#include "rpc/frame.h"

#include <string.h>

#include "base/encode.h"
#include "test/unit/runner.h"

enum { BOUND = 1000 };

static void add(struct buf *out, enum frame_kind kind, uint32_t call, uint8_t method, const char *body)
{
	struct frame frame = { kind, method, call, (const uint8_t *)body, strlen(body) };

	frame_add(out, &frame);
}

static enum frame_result next(struct frame_parser *parser, const struct buf *in, size_t *at, struct frame *ret, struct err *err)
{
	const uint8_t *bytes = (const uint8_t *)in->data + *at;
	size_t left = in->len - *at;
	enum frame_result result = frame_next(parser, &bytes, &left, ret, err);

	*at = in->len - left;
	return result;
}

static bool is_body(const struct frame *frame, const char *want)
{
	return frame->size == strlen(want) && (frame->size == 0 || memcmp(frame->body, want, frame->size) == 0);
}

/* One frame that must be refused, whole in one window. */
static void refused(struct buf *bytes, const char *want)
{
	struct frame_parser parser;
	struct frame frame;
	struct err err = { 0 };
	size_t at = 0;

	frame_parser_init(&parser, BOUND);
	EXPECT_INT(next(&parser, bytes, &at, &frame, &err), FRAME_BAD);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.text, want);
	frame_parser_fini(&parser);
}

TEST(frames_come_out_as_they_went_in)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_parser parser;
	struct frame frame;
	struct err err = { 0 };
	size_t at = 0;

	add(&bytes, FRAME_HELLO, 0, 0, "hello");
	add(&bytes, FRAME_CALL, 7, 40, "what");
	add(&bytes, FRAME_NOTE, 0, 30, "");
	add(&bytes, FRAME_ERROR, 0, 0, "why");
	EXPECT_INT(bytes.len, 4 * 4 + 4 * 5 + 2 + 5 + 4 + 3);
	EXPECT_INT(frame_length(FRAME_CALL, 4), 10);
	frame_parser_init(&parser, BOUND);
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_READY);
	EXPECT(frame.kind == FRAME_HELLO && frame.call == 0 && frame.method == 0 && is_body(&frame, "hello"));
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_READY);
	EXPECT(frame.kind == FRAME_CALL && frame.call == 7 && frame.method == 40 && is_body(&frame, "what"));
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_READY);
	EXPECT(frame.kind == FRAME_NOTE && frame.call == 0 && frame.method == 30 && is_body(&frame, ""));
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_READY);
	EXPECT(frame.kind == FRAME_ERROR && is_body(&frame, "why"));
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_MORE);
	EXPECT_INT(at, bytes.len);
	frame_parser_fini(&parser);
}

/* However a stream is cut in two, or into single bytes, the same frames come out of it. */
TEST(frames_survive_every_cut)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	add(&bytes, FRAME_CALL, 0xfffffffe, 1, "first");
	add(&bytes, FRAME_REPLY, 3, 0, "");
	add(&bytes, FRAME_NOTE, 0, 2, "third");
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		size_t ends[] = { cut, bytes.len };
		struct frame_parser parser;
		struct frame frame;
		struct err err = { 0 };
		unsigned seen = 0;
		const uint8_t *window = (const uint8_t *)bytes.data;

		frame_parser_init(&parser, BOUND);
		for (unsigned i = 0; i < ARRAY_COUNT(ends); i++) {
			size_t left = ends[i] - (size_t)(window - (const uint8_t *)bytes.data);
			while (frame_next(&parser, &window, &left, &frame, &err) == FRAME_READY) {
				seen++;
				EXPECT(seen != 1 || (frame.call == 0xfffffffe && is_body(&frame, "first")));
				EXPECT(seen != 2 || (frame.kind == FRAME_REPLY && is_body(&frame, "")));
				EXPECT(seen != 3 || (frame.method == 2 && is_body(&frame, "third")));
			}
			EXPECT_INT(left, 0);
		}
		EXPECT_INT(seen, 3);
		frame_parser_fini(&parser);
	}
}

TEST(frames_fed_byte_by_byte_are_whole)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_parser parser;
	struct frame frame;
	struct err err = { 0 };
	unsigned seen = 0;

	for (unsigned i = 0; i < 50; i++)
		add(&bytes, FRAME_CALL, i + 1, 1, "0123456789");
	frame_parser_init(&parser, BOUND);
	for (size_t i = 0; i < bytes.len; i++) {
		const uint8_t *window = (const uint8_t *)bytes.data + i;
		size_t left = 1;
		if (frame_next(&parser, &window, &left, &frame, &err) == FRAME_READY)
			EXPECT(frame.call == ++seen && is_body(&frame, "0123456789"));
	}
	EXPECT_INT(seen, 50);
	frame_parser_fini(&parser);
}

TEST(a_frame_of_4_gib_is_refused_at_its_fourth_byte_and_costs_no_memory)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_parser parser;
	struct frame frame;
	struct err err = { 0 };

	put_u32(&bytes, UINT32_MAX);
	refused(&bytes, "rpc: a frame of 4294967295 bytes is over the bound of 1000");
	frame_parser_init(&parser, BOUND);
	for (size_t i = 0; i < 4; i++) {
		const uint8_t *window = (const uint8_t *)bytes.data + i;
		size_t left = 1;
		EXPECT_INT(frame_next(&parser, &window, &left, &frame, &err), i == 3 ? FRAME_BAD : FRAME_MORE);
	}
	EXPECT(parser.partial.size < 1000);
	frame_parser_fini(&parser);
}

TEST(the_bound_of_a_frame_is_exact)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	char body[BOUND];
	struct frame_parser parser;
	struct frame frame = { FRAME_REPLY, 0, 1, (const uint8_t *)body, BOUND - 5 };
	struct err err = { 0 };
	size_t at = 0;

	memset(body, 'x', sizeof(body));
	frame_add(&bytes, &frame);
	frame_parser_init(&parser, BOUND);
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_READY);
	EXPECT_INT(frame.size, BOUND - 5);
	frame_parser_fini(&parser);

	buf_clear(&bytes);
	frame.size = BOUND - 4;
	frame.body = (const uint8_t *)body;
	frame_add(&bytes, &frame);
	refused(&bytes, "rpc: a frame of 1001 bytes is over the bound of 1000");
}

/* The length is only a claim: memory follows what has come. */
TEST(half_a_large_frame_takes_the_memory_of_half)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_parser parser;
	struct frame frame;
	struct err err = { 0 };
	size_t at = 0;

	put_u32(&bytes, 3 << 20);
	buf_add_str(&bytes, "abc");
	frame_parser_init(&parser, 3 << 20);
	EXPECT_INT(next(&parser, &bytes, &at, &frame, &err), FRAME_MORE);
	EXPECT_INT(at, bytes.len);
	EXPECT(parser.partial.size < 4096);
	frame_parser_fini(&parser);
}

TEST(memory_of_a_large_frame_is_given_back)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, body = BUF_INIT;
	struct frame_parser parser;
	struct frame frame = { FRAME_NOTE, 1, 0, NULL, 0 };
	struct err err = { 0 };

	while (body.len < 500000)
		buf_add_str(&body, "0123456789");
	frame.body = (const uint8_t *)body.data;
	frame.size = body.len;
	frame_add(&bytes, &frame);
	frame_parser_init(&parser, 3 << 20);
	const uint8_t *window = (const uint8_t *)bytes.data;
	size_t left = 10;
	EXPECT_INT(frame_next(&parser, &window, &left, &frame, &err), FRAME_MORE);
	left = bytes.len - 10;
	EXPECT_INT(frame_next(&parser, &window, &left, &frame, &err), FRAME_READY);
	EXPECT(frame.size == body.len && memcmp(frame.body, body.data, body.len) == 0);
	EXPECT_INT(frame_next(&parser, &window, &left, &frame, &err), FRAME_MORE);
	EXPECT_INT(parser.partial.size, 0);
	frame_parser_fini(&parser);
}

static void raw(struct buf *out, uint32_t length, uint8_t kind, uint32_t call)
{
	buf_clear(out);
	put_u32(out, length);
	put_u8(out, kind);
	put_u32(out, call);
}

TEST(what_is_no_frame_is_refused_with_a_reason)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	buf_add_str(&bytes, "GET / HTTP/1.1\r\n");
	refused(&bytes, "rpc: a frame of 542393671 bytes is over the bound of 1000");
	raw(&bytes, 4, FRAME_REPLY, 1);
	refused(&bytes, "rpc: a frame of 4 bytes is none");
	raw(&bytes, 0, FRAME_REPLY, 1);
	refused(&bytes, "rpc: a frame of 0 bytes is none");
	raw(&bytes, 5, 0, 0);
	refused(&bytes, "rpc: a frame of unknown kind 0");
	raw(&bytes, 5, 7, 0);
	refused(&bytes, "rpc: a frame of unknown kind 7");
	raw(&bytes, 5, FRAME_CALL, 1);
	refused(&bytes, "rpc: a frame without its method");
	raw(&bytes, 5, FRAME_NOTE, 0);
	refused(&bytes, "rpc: a frame without its method");
	raw(&bytes, 5, FRAME_REPLY, 0);
	refused(&bytes, "rpc: a frame of kind 3 with the call number 0");
	raw(&bytes, 5, FRAME_HELLO, 9);
	refused(&bytes, "rpc: a frame of kind 1 with the call number 9");
}

TEST(a_hello_says_who_speaks)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct frame_hello hello = { FRAME_LEVEL, 5, 65536, "0.1.0" }, got = { 0 };
	struct err err = { 0 };

	frame_hello_encode(&hello, &bytes);
	EXPECT_INT(frame_hello_decode(bytes.data, bytes.len, &got, &err), 0);
	EXPECT(got.level == FRAME_LEVEL && got.format_level == 5 && got.max_bytes == 65536);
	EXPECT_STR(got.version, "0.1.0");
	buf_add_str(&bytes, "what a later version adds");
	EXPECT_INT(frame_hello_decode(bytes.data, bytes.len, &got, &err), 0);
	for (size_t cut = 0; cut < 22; cut++)
		EXPECT_INT(frame_hello_decode(bytes.data, cut, &got, &err), -1);
}

TEST(a_hello_of_somebody_else_is_refused)
{
	static const struct frame_hello bad[] = {
		{ 0, 5, 65536, "0.1.0" }, { 1, 5, 100, "0.1.0" }, { 1, 5, 65536, "0.1.0\n" }, { 1, 5, 65536, "a b" },
	};
	struct frame_hello got;
	struct err err = { 0 };

	EXPECT_INT(frame_hello_decode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24, &got, &err), -1);
	EXPECT_STR(err.text, "rpc: the other side does not speak as swarmbox does");
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
		frame_hello_encode(&bad[i], &bytes);
		EXPECT_INT(frame_hello_decode(bytes.data, bytes.len, &got, &err), -1);
		EXPECT_STR(err.text, "rpc: a greeting that cannot be read");
	}
}

TEST(an_error_keeps_its_code_and_sentence)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct err err = { ERR_CONFLICT, "name conflicts with an existing object" }, got = { 0 };

	frame_err_encode(&err, &bytes);
	frame_err_decode(bytes.data, bytes.len, &got);
	EXPECT_INT(got.code, ERR_CONFLICT);
	EXPECT_STR(got.text, err.text);
}

TEST(a_strangers_error_is_made_harmless)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct err got = { 0 };

	frame_err_decode(NULL, 0, &got);
	EXPECT_INT(got.code, ERR_IO);
	EXPECT_STR(got.text, "");
	frame_err_decode("\xc8" "a\nb\x1b[2J", 8, &got);
	EXPECT_INT(got.code, ERR_IO);
	EXPECT_STR(got.text, "a?b?[2J");
	put_u8(&bytes, ERR_DENIED);
	while (bytes.len < 5000)
		buf_add_char(&bytes, 'x');
	frame_err_decode(bytes.data, bytes.len, &got);
	EXPECT_INT(got.code, ERR_DENIED);
	EXPECT_INT(strlen(got.text), sizeof(got.text) - 1);
}
