#include "image/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/panic.h"

enum { OUT_BYTES = 128 * 1024 };

struct inflate {
	inflate_fn *fn;
	void *arg;
	bool is_known;                                   /* kind has been told */
	enum inflate_kind kind;
	uint8_t magic[INFLATE_MAGIC_BYTES];
	size_t magic_bytes;
	bool is_open;                                    /* inside of a member or frame: more must come */
	bool has_ended;                                  /* gzip: behind a member; only zeros or another member may follow */
	bool is_padding;                                 /* gzip: a zero has been seen there: only zeros may follow */
	z_stream gzip;
	ZSTD_DStream *zstd;
	uint8_t *out;
};

const char *inflate_kind_name(enum inflate_kind kind)
{
	switch (kind) {
	case INFLATE_PLAIN:
		return "tar";
	case INFLATE_GZIP:
		return "gzip";
	case INFLATE_ZSTD:
		return "zstd";
	}
	panic("no such kind: %d", (int)kind);
}

struct inflate *inflate_new(inflate_fn *fn, void *arg)
{
	struct inflate *i = NEW(struct inflate);

	i->fn = fn;
	i->arg = arg;
	return i;
}

void inflate_free(struct inflate *i)
{
	if (!i)
		return;
	if (i->is_known && i->kind == INFLATE_GZIP)
		inflateEnd(&i->gzip);
	ZSTD_freeDStream(i->zstd);
	free(i->out);
	free(i);
}

static bool starts_with(const uint8_t *bytes, size_t size, const char *magic, size_t count)
{
	return size >= count && memcmp(bytes, magic, count) == 0;
}

enum inflate_kind inflate_peek(const uint8_t *bytes, size_t count)
{
	/* a zstd frame, or a skippable one: 0x184d2a50 to 5f */
	if (starts_with(bytes, count, "\x28\xb5\x2f\xfd", 4) || (count >= 4 && bytes[0] >> 4 == 5 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0))
		return INFLATE_ZSTD;
	return starts_with(bytes, count, "\x1f\x8b", 2) ? INFLATE_GZIP : INFLATE_PLAIN;
}

static bool has_magic(const struct inflate *i, const char *magic, size_t count)
{
	return starts_with(i->magic, i->magic_bytes, magic, count);
}

static int begin(struct inflate *i, struct err *err)
{
	if (has_magic(i, "\xfd" "7zXZ", 6))
		return err_set(err, ERR_UNSUPPORTED, "xz compression is not supported: use gzip or zstd");
	if (has_magic(i, "BZh", 3) && i->magic_bytes > 3 && i->magic[3] >= '1' && i->magic[3] <= '9')
		return err_set(err, ERR_UNSUPPORTED, "bzip2 compression is not supported: use gzip or zstd");
	i->is_known = true;
	i->kind = inflate_peek(i->magic, i->magic_bytes);
	if (i->kind == INFLATE_GZIP) {
		check(inflateInit2(&i->gzip, MAX_WBITS + 16) == Z_OK);
		i->is_open = true;
	} else if (i->kind == INFLATE_ZSTD) {
		i->zstd = ZSTD_createDStream();
		check(i->zstd);
		check(!ZSTD_isError(ZSTD_DCtx_setParameter(i->zstd, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG)));
	}
	if (i->kind != INFLATE_PLAIN)
		i->out = mem_new(1, OUT_BYTES);
	return 0;
}

/* Behind a member: zeros, or the next member's first byte. */
static int skip_between_members(struct inflate *i, const uint8_t **at, size_t *count, struct err *err)
{
	while (*count && **at == 0) {
		i->is_padding = true;
		++*at;
		--*count;
	}
	if (*count == 0)
		return 0;
	if (i->is_padding || **at != 0x1f)
		return err_set(err, ERR_INVALID, "gzip: garbage behind the compressed data");
	check(inflateReset(&i->gzip) == Z_OK);
	i->has_ended = false;
	i->is_open = true;
	return 0;
}

static int feed_gzip(struct inflate *i, const uint8_t *at, size_t count, struct err *err)
{
	do {
		if (i->has_ended && skip_between_members(i, &at, &count, err) < 0)
			return -1;
		if (i->has_ended)
			return 0;
		unsigned part = (unsigned)MIN(count, (size_t)1 << 30);
		i->gzip.next_in = (Bytef *)(uintptr_t)at;
		i->gzip.avail_in = part;
		i->gzip.next_out = i->out;
		i->gzip.avail_out = OUT_BYTES;
		int result = inflate(&i->gzip, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return err_set(err, ERR_INVALID, "gzip: %s", i->gzip.msg ? i->gzip.msg : "damaged data");
		at += part - i->gzip.avail_in;
		count -= part - i->gzip.avail_in;
		size_t made = OUT_BYTES - i->gzip.avail_out;
		if (made && i->fn(i->arg, i->out, made, err) < 0)
			return -1;
		if (result == Z_STREAM_END) {
			i->has_ended = true;
			i->is_open = false;
		}
	} while (count || (!i->has_ended && i->gzip.avail_out == 0));
	return 0;
}

static int feed_zstd(struct inflate *i, const uint8_t *at, size_t count, struct err *err)
{
	ZSTD_inBuffer in = { at, count, 0 };
	ZSTD_outBuffer out;

	do {
		out = (ZSTD_outBuffer){ i->out, OUT_BYTES, 0 };
		size_t result = ZSTD_decompressStream(i->zstd, &out, &in);
		if (ZSTD_isError(result) && ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge)
			return err_set(err, ERR_INVALID, "zstd: a window of more than 128 MiB");
		if (ZSTD_isError(result))
			return err_set(err, ERR_INVALID, "zstd: %s", ZSTD_getErrorName(result));
		i->is_open = result != 0;
		if (out.pos && i->fn(i->arg, i->out, out.pos, err) < 0)
			return -1;
	} while (in.pos < in.size || out.pos == out.size);
	return 0;
}

static int pass(struct inflate *i, const uint8_t *at, size_t count, struct err *err)
{
	if (count == 0)
		return 0;
	switch (i->kind) {
	case INFLATE_PLAIN:
		return i->fn(i->arg, at, count, err);
	case INFLATE_GZIP:
		return feed_gzip(i, at, count, err);
	case INFLATE_ZSTD:
		return feed_zstd(i, at, count, err);
	}
	panic("no such kind: %d", (int)i->kind);
}

int inflate_feed(struct inflate *i, const void *bytes, size_t count, struct err *err)
{
	const uint8_t *at = bytes;

	if (!i->is_known) {
		size_t part = MIN(count, INFLATE_MAGIC_BYTES - i->magic_bytes);
		if (part)
			memcpy(i->magic + i->magic_bytes, at, part);
		i->magic_bytes += part;
		at += part;
		count -= part;
		if (i->magic_bytes < INFLATE_MAGIC_BYTES)
			return 0;
		if (begin(i, err) < 0 || pass(i, i->magic, INFLATE_MAGIC_BYTES, err) < 0)
			return -1;
	}
	return pass(i, at, count, err);
}

int inflate_finish(struct inflate *i, struct err *err)
{
	if (!i->is_known) {
		if (i->magic_bytes == 0)
			return err_set(err, ERR_INVALID, "the archive is empty");
		if (begin(i, err) < 0 || pass(i, i->magic, i->magic_bytes, err) < 0)
			return -1;
	}
	if (i->is_open)
		return err_set(err, ERR_INVALID, "%s: the compressed data break off", inflate_kind_name(i->kind));
	return 0;
}

enum inflate_kind inflate_get_kind(const struct inflate *i)
{
	return i->kind;
}
