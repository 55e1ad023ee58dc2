#include "test/unit/image/tar_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/panic.h"

static void put_octal(uint8_t *at, int digits, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%0*llo", digits, (unsigned long long)value);
	memcpy(at, text, strlen(text) + 1 > (size_t)digits + 1 ? (size_t)digits + 1 : strlen(text) + 1);
}

static void put_sum(uint8_t *block)
{
	uint64_t sum = 0;

	memset(block + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += block[i];
	put_octal(block + 148, 6, (int64_t)sum);
}

void tar_builder_header(struct buf *out, const struct tar_spec *spec)
{
	uint8_t block[512] = { 0 };

	memcpy(block, spec->name, strnlen(spec->name, 100));
	put_octal(block + 100, 7, spec->mode == -1 ? 0 : spec->mode ? spec->mode : 0644);
	put_octal(block + 108, 7, spec->uid);
	put_octal(block + 116, 7, spec->gid);
	put_octal(block + 124, 11, spec->size);
	put_octal(block + 136, 11, spec->mtime);
	block[156] = (uint8_t)(spec->type ? spec->type : '0');
	if (spec->link)
		memcpy(block + 157, spec->link, strnlen(spec->link, 100));
	memcpy(block + 257, spec->is_gnu ? "ustar  " : "ustar\0" "00", 8);
	put_octal(block + 329, 7, spec->major);
	put_octal(block + 337, 7, spec->minor);
	if (spec->prefix)
		memcpy(block + 345, spec->prefix, strnlen(spec->prefix, 155));
	put_sum(block);
	buf_add(out, block, sizeof(block));
}

void tar_builder_data(struct buf *out, const void *bytes, size_t count)
{
	static const uint8_t zero[512];

	buf_add(out, bytes, count);
	buf_add(out, zero, (512 - count % 512) % 512);
}

void tar_builder_add(struct buf *out, const struct tar_spec *spec)
{
	struct tar_spec sized = *spec;

	if (spec->data && !spec->size)
		sized.size = (int64_t)strlen(spec->data);
	tar_builder_header(out, &sized);
	if (spec->data)
		tar_builder_data(out, spec->data, strlen(spec->data));
}

void tar_builder_patch(struct buf *out, size_t header_at, size_t at, const void *bytes, size_t count)
{
	memcpy(out->data + header_at + at, bytes, count);
	put_sum((uint8_t *)out->data + header_at);
}

void tar_builder_record(struct buf *records, const char *key, const void *value, size_t count)
{
	size_t length = strlen(key) + count + 3, digits = 1;
	char number[24];

	for (;; digits++) {
		snprintf(number, sizeof(number), "%zu", length + digits);
		if (strlen(number) == digits)
			break;
	}
	buf_printf(records, "%s %s=", number, key);
	buf_add(records, value, count);
	buf_add_char(records, '\n');
}

void tar_builder_pax_records(struct buf *out, char type, const struct buf *records)
{
	tar_builder_header(out, &(struct tar_spec){ .name = "PaxHeaders/x", .type = type, .size = (int64_t)records->len });
	tar_builder_data(out, buf_text(records), records->len);
}

void tar_builder_pax(struct buf *out, char type, const char *key, const char *value)
{
	CLEANUP(buf_finip) struct buf records = BUF_INIT;

	tar_builder_record(&records, key, value, strlen(value));
	tar_builder_pax_records(out, type, &records);
}

void tar_builder_end(struct buf *out)
{
	static const uint8_t zero[1024];

	buf_add(out, zero, sizeof(zero));
}

void tar_builder_gzip(const struct buf *in, struct buf *out)
{
	z_stream z = { 0 };
	size_t bound = in->len + in->len / 100 + 1024;

	check(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	buf_reserve(out, bound);
	z.next_in = (Bytef *)(uintptr_t)buf_text(in);
	z.avail_in = (unsigned)in->len;
	z.next_out = (Bytef *)out->data + out->len;
	z.avail_out = (unsigned)bound;
	check(deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len += bound - z.avail_out;
	deflateEnd(&z);
}

/* RFC 8878: magic, a header without content size but with a window of 1 MiB, raw blocks, no checksum. */
void tar_builder_zstd(const struct buf *in, struct buf *out)
{
	buf_add(out, "\x28\xb5\x2f\xfd\x00\x50", 6);
	for (size_t at = 0;;) {
		size_t count = MIN(in->len - at, (size_t)100000);
		bool is_last = at + count == in->len;
		uint32_t header = (uint32_t)(count << 3) | is_last;

		buf_add(out, (uint8_t[]){ (uint8_t)header, (uint8_t)(header >> 8), (uint8_t)(header >> 16) }, 3);
		buf_add(out, buf_text(in) + at, count);
		at += count;
		if (is_last)
			return;
	}
}
