#include "base/encode.h"

#include <string.h>

#include "base/panic.h"

void put_u8(struct buf *out, uint8_t v)
{
	buf_add(out, &v, 1);
}

void put_u32(struct buf *out, uint32_t v)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_add(out, bytes, sizeof(bytes));
}

void put_u64(struct buf *out, uint64_t v)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_add(out, bytes, sizeof(bytes));
}

enum { VARINT_MAX = 10 };

static size_t varint(uint8_t bytes[VARINT_MAX], uint64_t v)
{
	size_t count = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[count++] = (uint8_t)(v | 0x80);
	bytes[count++] = (uint8_t)v;
	return count;
}

void put_varint(struct buf *out, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];

	buf_add(out, bytes, varint(bytes, v));
}

void put_bytes(struct buf *out, const void *bytes, size_t count)
{
	put_varint(out, count);
	buf_add(out, bytes, count);
}

size_t put_bytes_begin(struct buf *out)
{
	put_u8(out, 0);
	return out->len;
}

/* Nearly all lengths are one byte, for which there is room; for a longer one what follows moves. */
void put_bytes_end(struct buf *out, size_t begin)
{
	uint8_t length[VARINT_MAX];
	size_t count = out->len - begin, more = varint(length, count) - 1;

	buf_add(out, length, more);
	if (out->overflowed)
		return;
	if (more)
		memmove(out->data + begin + more, out->data + begin, count);
	memcpy(out->data + begin - 1, length, more + 1);
}

void put_str(struct buf *out, const char *s)
{
	put_bytes(out, s, s ? strlen(s) : 0);
}

struct reader reader_of(const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	return (struct reader){ .at = at, .end = count ? at + count : at };
}

/* The next count bytes, or NULL when they are not all there. */
static const uint8_t *step(struct reader *in, uint64_t count)
{
	if (in->failed || count > (size_t)(in->end - in->at)) {
		in->failed = true;
		return NULL;
	}
	const uint8_t *at = in->at;
	if (count)
		in->at += count;
	return at;
}

uint8_t get_u8(struct reader *in)
{
	const uint8_t *at = step(in, 1);

	return at ? *at : 0;
}

uint32_t get_u32(struct reader *in)
{
	const uint8_t *at = step(in, 4);
	uint32_t v = 0;

	for (unsigned i = 0; at && i < 4; i++)
		v |= (uint32_t)at[i] << (8 * i);
	return v;
}

uint64_t get_u64(struct reader *in)
{
	const uint8_t *at = step(in, 8);
	uint64_t v = 0;

	for (unsigned i = 0; at && i < 8; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

uint64_t get_varint(struct reader *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte = get_u8(in);
		if (in->failed || (shift == 63 && byte > 1))
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	in->failed = true;
	return 0;
}

const uint8_t *get_bytes(struct reader *in, size_t *ret_count)
{
	uint64_t count = get_varint(in);
	const uint8_t *at = step(in, count);

	*ret_count = in->failed ? 0 : (size_t)count;
	return at;
}

void hex_encode(const uint8_t *bytes, size_t count, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*ret_text++ = digits[bytes[i] >> 4];
		*ret_text++ = digits[bytes[i] & 15];
	}
	*ret_text = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *text, uint8_t *ret_bytes, size_t size, size_t *ret_count)
{
	size_t length = strlen(text);

	if (length % 2 || length / 2 > size)
		return -1;
	for (size_t i = 0; i < length / 2; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_count = length / 2;
	return 0;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t count, struct buf *out)
{
	const uint8_t *in = bytes;

	for (; count; in += MIN(count, (size_t)3), count -= MIN(count, (size_t)3)) {
		uint32_t group = (uint32_t)in[0] << 16;
		if (count > 1)
			group |= (uint32_t)in[1] << 8;
		if (count > 2)
			group |= in[2];
		char text[4] = {
			base64_digits[group >> 18],
			base64_digits[group >> 12 & 63],
			count > 1 ? base64_digits[group >> 6 & 63] : '=',
			count > 2 ? base64_digits[group & 63] : '=',
		};
		buf_add(out, text, sizeof(text));
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Two to four digits make one to three bytes; bits that belong to no byte must be zero (RFC
 * 4648 §3.5), so that a text has one meaning. */
static int decode_group(const char *text, size_t digits, struct buf *out)
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < digits ? base64_value(text[i]) : 0;
		if (value < 0)
			return -1;
		group = group << 6 | (uint32_t)value;
	}
	uint8_t bytes[3] = { (uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group };
	for (size_t i = digits - 1; i < 3; i++)
		if (bytes[i])
			return -1;
	buf_add(out, bytes, digits - 1);
	return 0;
}

int base64_decode(const char *text, size_t length, struct buf *out)
{
	size_t before = out->len;
	bool padded = length && length % 4 == 0 && text[length - 1] == '=';

	if (padded)
		length -= text[length - 2] == '=' ? 2 : 1;
	int result = length % 4 == 1 ? -1 : 0;
	for (size_t at = 0; at < length && result == 0; at += 4)
		result = decode_group(text + at, MIN(length - at, (size_t)4), out);
	if (out->overflowed)
		result = -1;
	if (result < 0)
		buf_truncate(out, before);
	return result;
}

void base36_encode(const uint8_t *bytes, size_t count, size_t digits, char *ret_text)
{
	uint8_t number[64];

	check(count <= sizeof(number));
	if (count)
		memcpy(number, bytes, count);
	ret_text[digits] = '\0';
	for (size_t i = digits; i-- > 0; ) {
		unsigned rest = 0;
		for (size_t j = 0; j < count; j++) {
			rest = rest << 8 | number[j];
			number[j] = (uint8_t)(rest / 36);
			rest %= 36;
		}
		ret_text[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[rest];
	}
	for (size_t j = 0; j < count; j++)
		check(number[j] == 0);               /* the caller asked for too few digits */
}

uint32_t crc32_of(uint32_t seed, const void *bytes, size_t count)
{
	/* The reflected polynomial 0xedb88320, four bits at a time. */
	static const uint32_t nibbles[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *at = bytes;
	uint32_t crc = ~seed;

	for (size_t i = 0; i < count; i++) {
		crc ^= at[i];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return ~crc;
}
