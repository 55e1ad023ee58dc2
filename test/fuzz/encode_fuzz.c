/* Bytes as text and integers as bytes. Base64 of hostile texts: what is taken has one meaning; and
 * a reader of hostile bytes never leaves them. */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_base64(const char *text, size_t length)
{
	CLEANUP(buf_finip) struct buf plain = BUF_INIT;
	CLEANUP(buf_finip) struct buf coded = BUF_INIT;
	size_t digits = length;

	if (base64_decode(text, length, &plain) < 0) {
		check(plain.len == 0);
		return;
	}
	base64_encode(plain.data, plain.len, &coded);
	while (digits && text[digits - 1] == '=')
		digits--;
	check(coded.len >= digits && coded.len < digits + 4);
	for (size_t i = 0; i < digits; i++)
		check(coded.data[i] == (text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]));
}

static void try_back(const uint8_t *bytes, size_t count)
{
	CLEANUP(buf_finip) struct buf coded = BUF_INIT;
	CLEANUP(buf_finip) struct buf plain = BUF_INIT;

	base64_encode(bytes, count, &coded);
	check(base64_decode(buf_text(&coded), coded.len, &plain) == 0);
	check(plain.len == count && (!count || memcmp(plain.data, bytes, count) == 0));
}

static void try_hex(const char *text)
{
	uint8_t bytes[64];
	char again[2 * sizeof(bytes) + 1];
	size_t count = 0;

	if (hex_decode(text, bytes, sizeof(bytes), &count) < 0)
		return;
	hex_encode(bytes, count, again);
	check(str_eq_nocase(again, text));
}

static void try_reader(const uint8_t *bytes, size_t count)
{
	struct reader in = reader_of(bytes, count);
	size_t part;

	for (size_t i = 0; i < count && !in.failed; i++) {
		switch (bytes[i] % 5) {
		case 0: get_u8(&in); break;
		case 1: get_u32(&in); break;
		case 2: get_u64(&in); break;
		case 3: get_varint(&in); break;
		default:
			if (get_bytes(&in, &part))
				check(part <= count);
			else
				check(part == 0 && in.failed);
		}
		check(in.at >= bytes && in.at <= in.end);
	}
	check(!in.failed || (get_u64(&in) == 0 && get_varint(&in) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = mem_new(count + 1, 1);

	if (count)
		memcpy(text, bytes, count);
	try_base64(text, count);
	try_back(bytes, count);
	try_hex(text);
	try_reader(bytes, count);
	str_is_utf8(text, count);
	free(text);
	return 0;
}
