#include "image/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/runner.h"

/* What the reader says, as text: "path kind mode uid:gid @mtime.ns size {name=value}\n" and "  offset+count\n" for data. */
static int on_entry(void *arg, const struct tar_entry *e, struct err *err)
{
	struct buf *out = arg;

	(void)err;
	buf_printf(out, "%s %d %o %u:%u @%lld.%u %lld", e->path, (int)e->kind, e->mode, e->uid, e->gid, (long long)e->mtime_s, e->mtime_ns,
		   (long long)e->size_bytes);
	if (*e->link)
		buf_printf(out, " -> %s", e->link);
	for (size_t i = 0; i < e->xattr_count; i++)
		buf_printf(out, " {%s=%.*s}", e->xattrs[i].name, (int)e->xattrs[i].bytes, e->xattrs[i].value);
	buf_add_char(out, '\n');
	return 0;
}

static int64_t last_offset;
static int on_data(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err)
{
	(void)err;
	if (offset != last_offset)                   /* pieces that follow each other are one */
		buf_printf(arg, "  %lld:", (long long)offset);
	buf_add(arg, bytes, count);
	last_offset = offset + (int64_t)count;
	return 0;
}

static int on_end(void *arg, struct err *err)
{
	(void)err;
	buf_add_str(arg, ";\n");
	last_offset = -1;
	return 0;
}
static const struct tar_events events = { on_entry, on_data, on_end };

static const char *read_in_steps(const struct buf *tar, size_t step)
{
	static struct buf out;
	struct tar_reader *reader = tar_reader_new(&events, &out);
	struct err err;
	bool ok = true;

	buf_fini(&out);
	last_offset = -1;
	for (size_t at = 0; ok && at < tar->len; at += step)
		ok = tar_reader_feed(reader, tar->data + at, MIN(step, tar->len - at), &err) == 0;
	if (!ok || tar_reader_finish(reader, &err) < 0) {
		buf_clear(&out);
		buf_add_str(&out, err.text);
	}
	tar_reader_free(reader);
	return buf_text(&out);
}

static const char *read_tar(const struct buf *tar)
{
	return read_in_steps(tar, tar->len ? tar->len : 1);
}

TEST(tar_reads_numbers_of_all_kinds)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	TAR_ADD(&tar, .name = "a", .mode = 0600);
	tar_builder_patch(&tar, 0, 108, "\x80\0\0\0\xee\x6b\x28\0", 8);                          /* uid 4,000,000,000 */
	tar_builder_patch(&tar, 0, 136, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12); /* two seconds before 1970 */
	EXPECT_STR(read_tar(&tar), "a 0 600 4000000000:0 @-2.0 0\n;\n");
	tar_builder_patch(&tar, 0, 108, "  12345\0", 8);
	tar_builder_patch(&tar, 0, 136, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
	EXPECT_STR(read_tar(&tar), "a 0 600 5349:0 @0.0 0\n;\n");
	tar_builder_patch(&tar, 0, 108, "\x80\0\0\1\0\0\0\0", 8);
	EXPECT_STR(read_tar(&tar), "entry 'a': a user or group number that cannot be");
	tar_builder_patch(&tar, 0, 108, "12x4567\0", 8);
	EXPECT_STR(read_tar(&tar), "entry 'a': uid is no number");
	tar_builder_patch(&tar, 0, 108, "0000000\0", 8);
	tar_builder_patch(&tar, 0, 124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	EXPECT_STR(read_tar(&tar), "entry 'a': size is no number");
	tar_builder_patch(&tar, 0, 124, "\x80\0\0\1\0\0\0\0\0\0\0\0", 12);
	EXPECT_STR(read_tar(&tar), "entry 'a': size is no number");
	tar_builder_patch(&tar, 0, 124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	EXPECT_STR(read_tar(&tar), "entry 'a': a size that cannot be");
	tar.data[0] = 'b';
	EXPECT_STR(read_tar(&tar), "not a tar archive: wrong checksum in a header");
}

TEST(tar_puts_names_together_from_every_place_they_can_stand)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, records = BUF_INIT;

	TAR_ADD(&tar, .prefix = "long/prefix", .name = "name");
	TAR_ADD(&tar, .name = "././@LongLink", .type = 'L', .data = "from/gnu", .is_gnu = true);
	TAR_ADD(&tar, .name = "././@LongLink", .type = 'K', .data = "target/gnu", .is_gnu = true);
	TAR_ADD(&tar, .name = "cut", .link = "cut", .type = '2', .is_gnu = true);
	tar_builder_record(&records, "path", "from/pax", 8);
	tar_builder_record(&records, "linkpath", "target/pax", 10);
	tar_builder_record(&records, "uid", "3000000", 7);
	tar_builder_record(&records, "mtime", "-1.25", 5);
	tar_builder_record(&records, "SCHILY.xattr.user.a", "v=\n", 3);
	tar_builder_record(&records, "comment", "nothing", 7);
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "cut", .link = "cut", .type = '1');
	TAR_ADD(&tar, .name = "plain");
	tar_builder_end(&tar);
	const char *want = "long/prefix/name 0 644 0:0 @0.0 0\n;\nfrom/gnu 2 644 0:0 @0.0 0 -> target/gnu\n"
			   "from/pax 1 644 3000000:0 @-2.750000000 0 -> target/pax {user.a=v=\n}\nplain 0 644 0:0 @0.0 0\n;\n";
	EXPECT_STR(read_tar(&tar), want);
	for (size_t step = 1; step < 1100; step += step < 20 ? 1 : 97)
		EXPECT_STR(read_in_steps(&tar, step), want);
}

TEST(tar_takes_owner_and_time_from_global_headers_until_an_entry_says_otherwise)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	tar_builder_pax(&tar, 'g', "mtime", "5.5");
	tar_builder_pax(&tar, 'g', "comment", "git says hello");
	TAR_ADD(&tar, .name = "a", .mtime = 1);
	tar_builder_pax(&tar, 'x', "mtime", "7");
	TAR_ADD(&tar, .name = "b", .mtime = 1);
	TAR_ADD(&tar, .name = "c", .mtime = 1);
	EXPECT_STR(read_tar(&tar), "a 0 644 0:0 @5.500000000 0\n;\nb 0 644 0:0 @7.0 0\n;\nc 0 644 0:0 @5.500000000 0\n;\n");
	buf_clear(&tar);
	tar_builder_pax(&tar, 'g', "path", "all/the/same");
	EXPECT(strstr(read_tar(&tar), "pax header: 'path' for all entries is not supported"));
}

TEST(tar_refuses_pax_headers_that_lie)
{
	static const struct { const char *records, *error; } lies[] = {
		{ "9 path=\n", "a record with a wrong length" },  { "99 path=a\n", "a record with a wrong length" },
		{ "x path=a\n", "a record with a wrong length" }, { "10path=abc\n", "a record with a wrong length" },
		{ "5 a=b\n", "a record with a wrong length" },    { "0 a=b\n", "a record with a wrong length" },
		{ "999999999999999999999 a=b\n", "a record with a wrong length" }, { "6 abc\n", "a record without a key" },
		{ "6 =bc\n", "a record without a key" },          { "12 size=-1x\n", "'size' has a value that makes no sense" },
		{ "10 size=z\n", "'size' has a value" },          { "11 mtime=x\n", "'mtime' has a value" },
		{ "13 mtime=1.x\n", "'mtime' has a value" },      { "33 mtime=99999999999999999999999\n", "'mtime' has a value" },
		{ "11 uid=-12\n", "'uid' has a value" },          { "20 GNU.sparse.what=1\n", "a record with a wrong length" },
		{ "21 GNU.sparse.what=1\n", "'GNU.sparse.what' is not known" },
		{ "22 GNU.sparse.map=1,2,\n", "a record with a wrong length" },
		{ "24 GNU.sparse.map=1,2,3\n", "'GNU.sparse.map' has a value" },
		{ "24 GNU.sparse.offset=10\n25 GNU.sparse.offset=100\n", "'GNU.sparse.offset' has a value" },
		{ "24 GNU.sparse.numbytes=1\n", "a record with a wrong length" },
		{ "25 GNU.sparse.numbytes=1\n", "'GNU.sparse.numbytes' has a value" },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		CLEANUP(buf_finip) struct buf tar = BUF_INIT;

		TAR_ADD(&tar, .name = "PaxHeaders/a", .type = 'x', .data = lies[i].records);
		TAR_ADD(&tar, .name = "a");
		const char *got = read_tar(&tar);
		if (!strstr(got, lies[i].error))
			EXPECT_STR(got, lies[i].error);
	}
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, records = BUF_INIT;
	tar_builder_record(&records, "path", "a\0b", 3);
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "a");
	EXPECT(strstr(read_tar(&tar), "'path' has a value that makes no sense"));
	buf_clear(&tar);
	tar_builder_pax(&tar, 'x', "path", "a");
	tar_builder_pax(&tar, 'x', "path", "b");
	TAR_ADD(&tar, .name = "a");
	EXPECT(strstr(read_tar(&tar), "two pax headers for one entry"));
	buf_clear(&tar);
	tar_builder_header(&tar, &(struct tar_spec){ .name = "x", .type = 'x', .size = TAR_META_MAX + 1 });
	EXPECT_STR(read_tar(&tar), "entry 'x': an extended header of 1048577 bytes, more than 1048576");
	buf_clear(&tar);
	buf_clear(&records);
	for (int i = 0; i <= TAR_XATTRS_MAX; i++) {
		char key[64];
		snprintf(key, sizeof(key), "SCHILY.xattr.user.%d", i);
		tar_builder_record(&records, key, "v", 1);
	}
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "a");
	EXPECT(strstr(read_tar(&tar), "more than 64 extended attributes"));
}

static void old_sparse(struct buf *tar, const char *map, const char *real_size)
{
	TAR_ADD(tar, .name = "s", .type = 'S', .data = "aaabb", .is_gnu = true);
	for (size_t i = 0; i * 12 < strlen(map); i++)
		tar_builder_patch(tar, 0, 386 + 12 * i, map + 12 * i, 12);
	tar_builder_patch(tar, 0, 483, real_size, 12);
}

TEST(tar_reads_old_gnu_sparse_files_and_refuses_maps_that_lie)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	old_sparse(&tar, "00000000012 00000000003 00000000144 00000000002 ", "00000000310 ");
	EXPECT_STR(read_tar(&tar), "s 0 644 0:0 @0.0 200\n  10:aaa  100:bb;\n");
	EXPECT_STR(read_in_steps(&tar, 1), "s 0 644 0:0 @0.0 200\n  10:aaa  100:bb;\n");
	static const struct { const char *map, *real; } lies[] = {
		{ "00000000012 00000000003 00000000013 00000000002 ", "00000000310 " },     /* overlaps */
		{ "00000000144 00000000003 00000000012 00000000002 ", "00000000310 " },     /* turns back */
		{ "00000000012 00000000003 00000000144 00000000002 ", "00000000144 " },     /* outside */
		{ "77777777777 00000000003 00000000144 00000000002 ", "00000000310 " },
		{ "00000000012 00000000003 00000000144 00000000003 ", "00000000310 " },     /* more than there is */
		{ "00000000012 00000000003 ", "00000000310 " },                             /* less */
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		buf_clear(&tar);
		old_sparse(&tar, lies[i].map, lies[i].real);
		EXPECT(strstr(read_tar(&tar), "entry 's': a sparse map"));
	}
}

static void pax_sparse(struct buf *tar, const char *map, const char *real_size, int64_t size)
{
	CLEANUP(buf_finip) struct buf records = BUF_INIT, data = BUF_INIT;

	tar_builder_record(&records, "GNU.sparse.major", "1", 1);
	tar_builder_record(&records, "GNU.sparse.minor", "0", 1);
	tar_builder_record(&records, "GNU.sparse.name", "real", 4);
	tar_builder_record(&records, "GNU.sparse.realsize", real_size, strlen(real_size));
	tar_builder_pax_records(tar, 'x', &records);
	buf_add_str(&data, map);
	while (data.len % 512)
		buf_add_char(&data, '\0');
	buf_add_str(&data, "aaabb");
	tar_builder_header(tar, &(struct tar_spec){ .name = "GNUSparseFile/real", .size = size ? size : (int64_t)data.len });
	tar_builder_data(tar, data.data, data.len);
}

TEST(tar_reads_pax_sparse_files_and_refuses_maps_that_lie)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, map = BUF_INIT;

	pax_sparse(&tar, "2\n10\n3\n100\n2\n", "200", 0);
	TAR_ADD(&tar, .name = "next");
	EXPECT_STR(read_tar(&tar), "real 0 644 0:0 @0.0 200\n  10:aaa  100:bb;\nnext 0 644 0:0 @0.0 0\n;\n");
	EXPECT_STR(read_in_steps(&tar, 13), "real 0 644 0:0 @0.0 200\n  10:aaa  100:bb;\nnext 0 644 0:0 @0.0 0\n;\n");

	buf_add_str(&map, "205\n");                  /* a map of several blocks, cut inside of its numbers */
	for (int i = 0; i < 200; i++)
		buf_printf(&map, "%d\n0\n", i);
	buf_add_str(&map, "300\n1\n301\n1\n302\n1\n400\n1\n500\n1\n");
	buf_clear(&tar);
	pax_sparse(&tar, buf_text(&map), "1000", 0);
	EXPECT_STR(read_tar(&tar), "real 0 644 0:0 @0.0 1000\n  300:aaa  400:b  500:b;\n");
	EXPECT_STR(read_in_steps(&tar, 1), "real 0 644 0:0 @0.0 1000\n  300:aaa  400:b  500:b;\n");

	static const struct { const char *map; int64_t size; } lies[] = {
		{ "2\n10\n3\n100\n", 0 }, { "x\n", 0 }, { "-1\n", 0 }, { "99999999999999999999\n", 0 }, { "\n", 0 }, { "70000\n", 0 },
		{ "2\n10\n3\n100\n9\n", 0 }, { "0\n", 0 }, { "1\n0\n5\n", 100 }, { "9\n", 0 },
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		buf_clear(&tar);
		pax_sparse(&tar, lies[i].map, "200", lies[i].size);
		const char *got = read_tar(&tar);
		EXPECT(strstr(got, "entry 'real': a sparse map") || strstr(got, "sparse file of more than"));
	}
	buf_clear(&tar);
	tar_builder_pax(&tar, 'x', "GNU.sparse.major", "2");
	TAR_ADD(&tar, .name = "a");
	EXPECT_STR(read_tar(&tar), "entry 'a': a sparse file without its real size");
}

TEST(tar_ends_at_two_zero_blocks_and_nowhere_in_between)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	tar_builder_end(&tar);
	buf_add_str(&tar, "whatever stands behind the end does not matter");
	EXPECT_STR(read_tar(&tar), "");
	buf_clear(&tar);
	TAR_ADD(&tar, .name = "a", .data = "hello");
	for (size_t cut = 1; cut < tar.len; cut++) {
		struct buf part = tar;
		part.len = cut;
		const char *got = read_tar(&part);
		if (cut < 512)
			EXPECT_STR(got, "not a tar archive: it ends in its first header");
		else if (cut < 512 + 5)
			EXPECT_STR(got, "the archive breaks off behind the start of entry 'a'");
		else                                 /* only what fills up the block is missing: umoci insert writes that */
			EXPECT_STR(got, "a 0 644 0:0 @0.0 5\n  0:hello;\n");
	}
	EXPECT_STR(read_tar(&tar), "a 0 644 0:0 @0.0 5\n  0:hello;\n");
	buf_clear(&tar);
	tar_builder_pax(&tar, 'x', "path", "announced");
	EXPECT(strstr(read_tar(&tar), "breaks off"));
}

TEST(tar_path_clean_keeps_paths_inside)
{
	static const struct { const char *path, *want; } paths[] = {
		{ "", "" }, { "/", "" }, { ".", "" }, { "./", "" }, { "a", "a" }, { "/a//b/", "a/b" }, { "a/./b", "a/b" }, { "a/..", "" },
		{ "a/b/../c", "a/c" }, { "...", "..." }, { "a/b/../../c", "c" }, { "..a", "..a" }, { ".a/.", ".a" },
	};
	static const char *const climbing[] = { "..", "/..", "a/../..", "../a", "./..", "a/b/../../../c", "//../" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		EXPECT(tar_path_clean(paths[i].path, &out, &err) == 0);
		EXPECT_STR(buf_text(&out), paths[i].want);
	}
	for (size_t i = 0; i < sizeof(climbing) / sizeof(climbing[0]); i++)
		EXPECT(tar_path_clean(climbing[i], &out, &err) == -1);
}

TEST(tar_show_makes_one_line_of_any_name)
{
	char out[TAR_SHOW_SIZE], longest[600];

	EXPECT_STR(tar_show("a\nb\tc\x7f", out), "a?b?c?");
	EXPECT_STR(tar_show("\xc3\xa4", out), "\xc3\xa4");
	EXPECT_STR(tar_show("\xc3", out), "?");
	for (size_t i = 0; i < sizeof(longest) - 1; i += 3)
		memcpy(longest + i, "\xe2\x82\xac", 3);
	longest[sizeof(longest) - 1] = '\0';
	for (int shift = 0; shift < 3; shift++) {
		char text[610];
		snprintf(text, sizeof(text), "%.*s%s", shift, "aa", longest);
		tar_show(text, out);
		EXPECT(str_is_utf8(out, strlen(out)) && str_ends(out, "..."));
	}
}
