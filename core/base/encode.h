/* encode.h - integers and strings as bytes, and bytes as text.
 *
 * Writers append to a buf. A reader is a window that turns "failed" at the first byte that is not there and then gives zeros, so a
 * decoder reads everything and asks once. Integers are little endian; varints are LEB128 (DWARF 5, 7.6), at most 10 bytes.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"

void put_u8(struct buf *out, uint8_t v);
void put_u32(struct buf *out, uint32_t v);
void put_u64(struct buf *out, uint64_t v);
void put_varint(struct buf *out, uint64_t v);
void put_bytes(struct buf *out, const void *bytes, size_t count);       /* varint count, then the bytes */
/* The same of what is written in between, where it will stand, in the buf itself: begin, write, end. May be nested. */
size_t put_bytes_begin(struct buf *out);
void put_bytes_end(struct buf *out, size_t begin);
void put_str(struct buf *out, const char *s);                           /* NULL as "" */

struct reader { const uint8_t *at, *end; bool failed; };
struct reader reader_of(const void *bytes, size_t count);
uint8_t get_u8(struct reader *in);
uint32_t get_u32(struct reader *in);
uint64_t get_u64(struct reader *in);
uint64_t get_varint(struct reader *in);
/* Points into the reader's bytes; NULL and 0 on failure. */
const uint8_t *get_bytes(struct reader *in, size_t *ret_count);

void hex_encode(const uint8_t *bytes, size_t count, char *ret_text);    /* 2*count characters and NUL */
int hex_decode(const char *text, uint8_t *ret_bytes, size_t size, size_t *ret_count);
void base64_encode(const void *bytes, size_t count, struct buf *out);   /* RFC 4648 §4, padded */
int base64_decode(const char *text, size_t length, struct buf *out);    /* §4 and §5 alphabets, padding optional */
void base36_encode(const uint8_t *bytes, size_t count, size_t digits, char *ret_text);  /* big-endian number, zero-padded, NUL */
uint32_t crc32_of(uint32_t seed, const void *bytes, size_t count);      /* IEEE 802.3 */
