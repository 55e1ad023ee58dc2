#include "rpc/frame.h"

#include <string.h>

#include "base/encode.h"
#include "base/str.h"

/* behind the length: kind and call */
#define FIXED_BYTES 5u
/* "SBX" and a byte that is no text: a first frame that came here by mistake is told from one of ours */
#define MAGIC 0x01584253u
/* Every node takes frames of this length, so that a sentence about what went wrong always arrives. */
#define LEAST_BYTES 2048u
/* Above this the memory of a frame that has been used is given back. */
#define KEEP_BYTES (64u << 10)

static bool has_method(enum frame_kind kind)
{
	return kind == FRAME_CALL || kind == FRAME_NOTE;
}

size_t frame_length(enum frame_kind kind, size_t body_size)
{
	return FIXED_BYTES + has_method(kind) + body_size;
}

void frame_add(struct buf *out, const struct frame *frame)
{
	put_u32(out, (uint32_t)frame_length(frame->kind, frame->size));
	put_u8(out, (uint8_t)frame->kind);
	put_u32(out, frame->call);
	if (has_method(frame->kind))
		put_u8(out, frame->method);
	buf_add(out, frame->body, frame->size);
}

void frame_parser_init(struct frame_parser *parser, uint32_t max_bytes)
{
	*parser = (struct frame_parser){ .partial = BUF_INIT, .max_bytes = max_bytes };
}

void frame_parser_fini(struct frame_parser *parser)
{
	buf_fini(&parser->partial);
}

/* The frame that begins here, length field included, once that field is there: 1. Not yet: 0. */
static int whole_size(const struct frame_parser *parser, const void *bytes, size_t count, size_t *ret, struct err *err)
{
	struct reader in = reader_of(bytes, count);
	uint32_t length = get_u32(&in);

	if (in.failed)
		return 0;
	if (length < FIXED_BYTES)
		return err_set(err, ERR_INVALID, "rpc: a frame of %u bytes is none", length);
	if (length > parser->max_bytes)
		return err_set(err, ERR_INVALID, "rpc: a frame of %u bytes is over the bound of %u", length, parser->max_bytes);
	*ret = FRAME_LENGTH_BYTES + (size_t)length;
	return 1;
}

static int read_frame(const uint8_t *bytes, size_t whole, struct frame *ret, struct err *err)
{
	struct reader in = reader_of(bytes + FRAME_LENGTH_BYTES, whole - FRAME_LENGTH_BYTES);
	unsigned kind = get_u8(&in);
	uint32_t call = get_u32(&in);
	bool is_call = kind == FRAME_CALL || kind == FRAME_REPLY;

	if (kind < FRAME_HELLO || kind > FRAME_TICKET)
		return err_set(err, ERR_INVALID, "rpc: a frame of unknown kind %u", kind);
	if (kind != FRAME_ERROR && is_call != (call != 0))
		return err_set(err, ERR_INVALID, "rpc: a frame of kind %u with the call number %u", kind, call);
	uint8_t method = has_method((enum frame_kind)kind) ? get_u8(&in) : 0;
	if (in.failed)
		return err_set(err, ERR_INVALID, "rpc: a frame without its method");
	*ret = (struct frame){ (enum frame_kind)kind, method, call, in.at, (size_t)(in.end - in.at) };
	return 0;
}

/* Moves bytes of the window into partial, until that holds `wanted` or the window is empty. */
static bool collect(struct frame_parser *parser, size_t wanted, const uint8_t **bytes, size_t *count)
{
	size_t missing = wanted > parser->partial.len ? wanted - parser->partial.len : 0;
	size_t taken = MIN(missing, *count);

	buf_add(&parser->partial, *bytes, taken);
	*bytes += taken;
	*count -= taken;
	return taken == missing;
}

static void forget_given(struct frame_parser *parser)
{
	if (!parser->was_given)
		return;
	parser->was_given = false;
	if (parser->partial.size > KEEP_BYTES)
		buf_fini(&parser->partial);
	else
		buf_clear(&parser->partial);
}

/* Most frames come whole: those are given where they stand. */
static enum frame_result from_window(struct frame_parser *parser, const uint8_t **bytes, size_t *count, struct frame *ret, struct err *err)
{
	size_t whole = 0;
	int known = whole_size(parser, *bytes, *count, &whole, err);

	if (known < 0)
		return FRAME_BAD;
	if (!known || whole > *count) {
		collect(parser, *count, bytes, count);
		return FRAME_MORE;
	}
	if (read_frame(*bytes, whole, ret, err) < 0)
		return FRAME_BAD;
	*bytes += whole;
	*count -= whole;
	return FRAME_READY;
}

enum frame_result frame_next(struct frame_parser *parser, const uint8_t **bytes, size_t *count, struct frame *ret, struct err *err)
{
	size_t whole = 0;

	forget_given(parser);
	if (*count == 0)
		return FRAME_MORE;
	if (parser->partial.len == 0)
		return from_window(parser, bytes, count, ret, err);
	if (!collect(parser, FRAME_LENGTH_BYTES, bytes, count))
		return FRAME_MORE;
	if (whole_size(parser, parser->partial.data, parser->partial.len, &whole, err) < 0)
		return FRAME_BAD;
	if (!collect(parser, whole, bytes, count))
		return FRAME_MORE;
	if (read_frame((const uint8_t *)parser->partial.data, whole, ret, err) < 0)
		return FRAME_BAD;
	parser->was_given = true;
	return FRAME_READY;
}

/* --- bodies --- */

void frame_hello_encode(const struct frame_hello *hello, struct buf *out)
{
	put_u32(out, MAGIC);
	put_u32(out, hello->level);
	put_u32(out, hello->format_level);
	put_u32(out, hello->max_bytes);
	put_str(out, hello->version);
}

static bool is_printable(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

int frame_hello_decode(const void *bytes, size_t size, struct frame_hello *ret, struct err *err)
{
	struct reader in = reader_of(bytes, size);
	struct frame_hello hello = { 0 };
	size_t length;

	if (get_u32(&in) != MAGIC)
		return err_set(err, ERR_INVALID, "rpc: the other side does not speak as swarmbox does");
	hello.level = get_u32(&in);
	hello.format_level = get_u32(&in);
	hello.max_bytes = get_u32(&in);
	const uint8_t *version = get_bytes(&in, &length);
	if (in.failed || hello.level == 0 || hello.max_bytes < LEAST_BYTES || length >= sizeof(hello.version) ||
	    !is_printable(version, length))
		return err_set(err, ERR_INVALID, "rpc: a greeting that cannot be read");
	memcpy(hello.version, version, length);
	*ret = hello;
	return 0;
}

void frame_err_encode(const struct err *err, struct buf *out)
{
	put_u8(out, (uint8_t)err->code);
	buf_add_str(out, err->text);
}

void frame_err_decode(const void *bytes, size_t size, struct err *ret)
{
	struct reader in = reader_of(bytes, size);
	unsigned code = get_u8(&in);
	size_t length = MIN((size_t)(in.end - in.at), sizeof(ret->text) - 1);

	ret->code = code >= ERR_INVALID && code <= ERR_DAMAGED ? (enum err_code)code : ERR_IO;
	if (length)
		memcpy(ret->text, in.at, length);
	ret->text[length] = '\0';
	str_make_line(ret->text);
}
