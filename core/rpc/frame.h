/* frame.h - what two nodes say to each other, cut out of a stream of bytes and put into one.
 *
 *	u32 length of all that follows · u8 kind · u32 call · [u8 method, of CALL and NOTE] · body
 *
 * Integers are little endian. The receiver has a bound for the length and reads no further than the field when it is above: 4 GiB announced cost
 * nothing. Memory for a frame grows with the bytes that have come, not with the length that was said.
 *
 * Pure. Not for what stands in the bodies of calls: their methods' owners know that.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum frame_kind {
	FRAME_HELLO = 1,        /* each side's first: who has dialled begins, the other answers */
	FRAME_CALL,             /* wants a REPLY or an ERROR with its number, which is the caller's and not 0 */
	FRAME_REPLY,
	FRAME_ERROR,            /* of a call; or with number 0: why the sender ends the connection */
	FRAME_NOTE,             /* wants nothing; number 0, as HELLO and TICKET */
	FRAME_TICKET,           /* instead of HELLO: behind it, and the same in answer, there are no frames but plain bytes */
};
#define FRAME_LENGTH_BYTES 4
#define FRAME_HEAD_BYTES   10   /* at most, length included */

struct frame {
	enum frame_kind kind;
	uint8_t method;         /* 0 where there is none */
	uint32_t call;
	const uint8_t *body;
	size_t size;
};
/* What its length field will say. */
size_t frame_length(enum frame_kind kind, size_t body_size);
void frame_add(struct buf *out, const struct frame *frame);

struct frame_parser {
	struct buf partial;     /* the beginning of a frame whose end has not come */
	uint32_t max_bytes;
	bool was_given;         /* partial is the frame that was given last */
};
void frame_parser_init(struct frame_parser *parser, uint32_t max_bytes);
void frame_parser_fini(struct frame_parser *parser);

enum frame_result { FRAME_MORE, FRAME_READY, FRAME_BAD };
/* Takes one frame, or the part of it that is there, off the window. READY: ret's body is valid until the next call and while the window's bytes are.
 * BAD (ERR_INVALID): these are no frames, or one is over the bound; the stream cannot be read any further. */
enum frame_result frame_next(struct frame_parser *parser, const uint8_t **bytes, size_t *count, struct frame *ret, struct err *err);

/* --- bodies that belong to the connection itself --- */

/* The language of this file. A node speaks with an older one in the older one's; there has been one so far. */
#define FRAME_LEVEL 1
#define FRAME_VERSION_SIZE 32
struct frame_hello {
	uint32_t level;         /* FRAME_LEVEL of the sender; decode refuses 0 */
	uint32_t format_level;  /* the newest entries of the log that the sender can apply */
	uint32_t max_bytes;     /* longest frame the sender takes from us */
	char version[FRAME_VERSION_SIZE];       /* "0.1.0", printable, for people */
};
void frame_hello_encode(const struct frame_hello *hello, struct buf *out);
/* What a newer version has put behind is ignored. */
int frame_hello_decode(const void *bytes, size_t size, struct frame_hello *ret, struct err *err);

/* A struct err. Decoding never fails: an unknown code becomes ERR_IO, an overlong sentence is cut, what cannot be shown becomes '?'. */
void frame_err_encode(const struct err *err, struct buf *out);
void frame_err_decode(const void *bytes, size_t size, struct err *ret);
