#include "image/tar_header.h"

#include <stdio.h>
#include <string.h>

struct span { size_t at, length; };
static const struct span at_name = { 0, 100 }, at_mode = { 100, 8 }, at_uid = { 108, 8 }, at_gid = { 116, 8 }, at_size = { 124, 12 },
			 at_mtime = { 136, 12 }, at_sum = { 148, 8 }, at_link = { 157, 100 }, at_major = { 329, 8 },
			 at_minor = { 337, 8 }, at_prefix = { 345, 155 }, at_real_size = { 483, 12 };
enum { AT_TYPE = 156, AT_MAGIC = 257, AT_SPARSE = 386, AT_SPARSE_MORE = 482, AT_EXTENSION_MORE = 504 };

bool tar_header_is_zero(const uint8_t block[TAR_BLOCK])
{
	static const uint8_t zero[TAR_BLOCK];

	return memcmp(block, zero, TAR_BLOCK) == 0;
}

/* Octal between blanks and NULs, or, with the top bit set, a two's complement big-endian number of all the bytes (GNU, star). */
static int decode_number(const uint8_t *block, struct span span, int64_t *ret)
{
	const uint8_t *at = block + span.at, *end = at + span.length;
	uint64_t value = 0;

	if (*at & 0x80) {
		bool is_negative = *at & 0x40;

		value = is_negative ? UINT64_MAX << 6 | (*at & 0x3f) : *at & 0x3f;
		while (++at < end) {
			if (value >> 55 != (is_negative ? 0x1ff : 0))
				return -1;
			value = value << 8 | *at;
		}
		*ret = (int64_t)value;
		return 0;
	}
	while (at < end && (*at == ' ' || *at == '\0'))
		at++;
	for (; at < end && *at >= '0' && *at <= '7'; at++)       /* 12 octal digits are 36 bits */
		value = value << 3 | (uint64_t)(*at - '0');
	while (at < end && (*at == ' ' || *at == '\0'))
		at++;
	*ret = (int64_t)value;
	return at == end ? 0 : -1;
}

/* Both sums there have been: of unsigned bytes, and of signed ones by old programs. The sum's own field counts as blanks. */
static bool is_sum_right(const uint8_t *block)
{
	int64_t wanted, sum = 0, signed_sum = 0;

	if (decode_number(block, at_sum, &wanted) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		uint8_t byte = i >= at_sum.at && i < at_sum.at + at_sum.length ? ' ' : block[i];
		sum += byte;
		signed_sum += (int8_t)byte;
	}
	return wanted == sum || wanted == signed_sum;
}

static void copy_text(const uint8_t *block, struct span span, char *to)
{
	memcpy(to, block + span.at, span.length);
	to[span.length] = '\0';
}

static int wrong_number(const struct tar_header *header, const char *field, struct err *err)
{
	char shown[TAR_SHOW_SIZE];

	return err_set(err, ERR_INVALID, "entry '%s': %s is no number", tar_show(header->name, shown), field);
}

int tar_header_decode(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct err *err)
{
	const struct { const char *name; struct span span; int64_t *to; } numbers[] = {
		{ "mode", at_mode, &ret->mode }, { "uid", at_uid, &ret->uid }, { "gid", at_gid, &ret->gid },
		{ "size", at_size, &ret->size }, { "mtime", at_mtime, &ret->mtime },
	};
	bool is_ustar = memcmp(block + AT_MAGIC, "ustar\0" "00", 8) == 0;

	memset(ret, 0, sizeof(*ret));
	if (!is_sum_right(block))
		return err_set(err, ERR_INVALID, "not a tar archive: wrong checksum in a header");
	ret->type = block[AT_TYPE] ? (char)block[AT_TYPE] : '0';
	ret->is_gnu = memcmp(block + AT_MAGIC, "ustar  ", 8) == 0;
	copy_text(block, at_name, ret->name);
	copy_text(block, at_link, ret->link);
	if (is_ustar)
		copy_text(block, at_prefix, ret->prefix);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		if (decode_number(block, numbers[i].span, numbers[i].to) < 0)
			return wrong_number(ret, numbers[i].name, err);
	if (ret->size < 0)
		return wrong_number(ret, "size", err);
	/* The device fields are garbage in some archives of files that are none. */
	if ((ret->type == '3' || ret->type == '4') &&
	    (decode_number(block, at_major, &ret->major) < 0 || decode_number(block, at_minor, &ret->minor) < 0))
		return wrong_number(ret, "device", err);
	return 0;
}

int tar_header_segments(const uint8_t block[TAR_BLOCK], bool is_extension, struct tar_segment ret[21], bool *ret_more)
{
	size_t start = is_extension ? 0 : AT_SPARSE;
	int count = 0;

	*ret_more = block[is_extension ? AT_EXTENSION_MORE : AT_SPARSE_MORE] != 0;
	for (int i = 0; i < (is_extension ? 21 : 4); i++, start += 24) {
		if (block[start] == '\0')                    /* the first unused one ends the list */
			break;
		if (decode_number(block, (struct span){ start, 12 }, &ret[count].offset) < 0 ||
		    decode_number(block, (struct span){ start + 12, 12 }, &ret[count].count) < 0)
			return -1;
		count++;
	}
	return count;
}

int tar_header_real_size(const uint8_t block[TAR_BLOCK], int64_t *ret)
{
	return decode_number(block, at_real_size, ret);
}

static void put_octal(uint8_t *block, struct span span, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%0*llo", (int)span.length - 1, (unsigned long long)value);
	memcpy(block + span.at, text, span.length);
}

/* From 8 GiB on in GNU's way: the top bit, then big-endian. */
static void put_size(uint8_t *block, uint64_t size)
{
	uint8_t *at = block + at_size.at;

	if (size <= 077777777777) {
		put_octal(block, at_size, size);
		return;
	}
	memset(at, 0, at_size.length);
	for (size_t i = at_size.length; i-- > 1; size >>= 8)
		at[i] = (uint8_t)size;
	at[0] = 0x80;
}

void tar_header_format(const char *path, enum tar_kind kind, uint32_t mode, int64_t size_bytes, int64_t mtime_s,
		       uint8_t ret_block[TAR_BLOCK])
{
	uint64_t sum = 0;

	memset(ret_block, 0, TAR_BLOCK);
	memcpy(ret_block, path, MIN(strlen(path), at_name.length));
	put_octal(ret_block, at_mode, mode & 07777);
	put_octal(ret_block, at_uid, 0);
	put_octal(ret_block, at_gid, 0);
	put_size(ret_block, (uint64_t)size_bytes);
	put_octal(ret_block, at_mtime, mtime_s > 0 ? (uint64_t)mtime_s : 0);
	ret_block[AT_TYPE] = (uint8_t)(kind == TAR_DIR ? '5' : '0');
	memcpy(ret_block + AT_MAGIC, "ustar\0" "00", 8);
	memset(ret_block + at_sum.at, ' ', at_sum.length);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ret_block[i];
	put_octal(ret_block, (struct span){ at_sum.at, 7 }, sum);
}
