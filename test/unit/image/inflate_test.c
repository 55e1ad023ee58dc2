#include "image/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/runner.h"

static int keep(void *arg, const uint8_t *bytes, size_t count, struct err *err)
{
	(void)err;
	buf_add(arg, bytes, count);
	return 0;
}

/* What comes out, or the error. */
static const char *inflated(const void *bytes, size_t count, size_t step)
{
	static struct buf out;
	struct inflate *inflate = inflate_new(keep, &out);
	struct err err;
	bool ok = true;

	buf_fini(&out);
	for (size_t at = 0; ok && at < count; at += step)
		ok = inflate_feed(inflate, (const char *)bytes + at, MIN(step, count - at), &err) == 0;
	if (!ok || inflate_finish(inflate, &err) < 0) {
		buf_clear(&out);
		buf_add_str(&out, err.text);
	}
	inflate_free(inflate);
	return buf_text(&out);
}

TEST(inflate_tells_the_kind_by_the_first_bytes_in_pieces_of_any_size)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, gzip = BUF_INIT, zstd = BUF_INIT;

	for (int i = 0; i < 30000; i++)
		buf_printf(&text, "%d,", i);
	tar_builder_gzip(&text, &gzip);
	tar_builder_zstd(&text, &zstd);
	for (size_t step = 1; step < 1000000; step *= 13) {
		EXPECT_STR(inflated(text.data, text.len, step), text.data);
		EXPECT_STR(inflated(gzip.data, gzip.len, step), text.data);
		EXPECT_STR(inflated(zstd.data, zstd.len, step), text.data);
	}
	EXPECT_STR(inflated("abc", 3, 1), "abc");
	EXPECT_STR(inflated("", 0, 1), "the archive is empty");
}

TEST(inflate_goes_on_behind_a_member_and_a_frame)
{
	CLEANUP(buf_finip) struct buf a = BUF_INIT, b = BUF_INIT, gzip = BUF_INIT, zstd = BUF_INIT;

	buf_add_str(&a, "first ");
	buf_add_str(&b, "second");
	tar_builder_gzip(&a, &gzip);
	tar_builder_gzip(&b, &gzip);
	buf_add(&gzip, "\0\0\0\0\0\0\0", 7);
	tar_builder_zstd(&a, &zstd);
	buf_add(&zstd, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);     /* a frame to skip */
	tar_builder_zstd(&b, &zstd);
	for (size_t step = 1; step < 100; step++) {
		EXPECT_STR(inflated(gzip.data, gzip.len, step), "first second");
		EXPECT_STR(inflated(zstd.data, zstd.len, step), "first second");
		EXPECT_STR(inflated(zstd.data + zstd.len - 26, 26, step), "second");    /* begins with the skippable one */
	}
	buf_add_str(&gzip, "x");
	EXPECT_STR(inflated(gzip.data, gzip.len, 100), "gzip: garbage behind the compressed data");
}

TEST(inflate_notices_what_breaks_off_or_is_damaged)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, gzip = BUF_INIT, zstd = BUF_INIT;

	for (int i = 0; i < 300; i++)
		buf_printf(&text, "%d,", i);
	tar_builder_gzip(&text, &gzip);
	tar_builder_zstd(&text, &zstd);
	for (size_t cut = 7; cut < gzip.len; cut += 5)
		EXPECT_STR(inflated(gzip.data, cut, 64), "gzip: the compressed data break off");
	for (size_t cut = 7; cut < zstd.len; cut += 5)
		EXPECT_STR(inflated(zstd.data, cut, 64), "zstd: the compressed data break off");
	gzip.data[gzip.len - 5] ^= 1;                /* its sum */
	EXPECT_STR(inflated(gzip.data, gzip.len, 64), "gzip: incorrect data check");
	gzip.data[12] ^= 0x55;
	EXPECT(str_starts(inflated(gzip.data, gzip.len, 64), "gzip: "));
	zstd.data[6] = (char)(zstd.data[6] | 6);     /* a block type that is none */
	EXPECT(str_starts(inflated(zstd.data, zstd.len, 64), "zstd: "));
}

TEST(inflate_refuses_other_compressors_by_name_and_windows_that_are_too_large)
{
	EXPECT_STR(inflated("\xfd" "7zXZ\0\0\0", 8, 8), "xz compression is not supported: use gzip or zstd");
	EXPECT_STR(inflated("BZh91AY&SY", 10, 3), "bzip2 compression is not supported: use gzip or zstd");
	/* Windows of 2^(10+17) and 2^(10+18) bytes. */
	EXPECT_STR(inflated("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9, 9), "");
	EXPECT_STR(inflated("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", 9, 9), "zstd: a window of more than 128 MiB");
}
