#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/unpack_io.h"
#include "os/file.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/image/unpack_lab.h"
#include "test/unit/runner.h"

#define GB (INT64_C(1) << 30)

TEST(unpack_makes_every_kind_with_owner_mode_and_time)
{
	struct unpack_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	TAR_ADD(&tar, .name = "./", .type = '5', .mode = 0755);
	TAR_ADD(&tar, .name = "./etc/", .type = '5', .mode = 0700, .uid = 1, .gid = 2, .mtime = 1000);
	TAR_ADD(&tar, .name = "./etc/motd", .mode = 0640, .uid = 10, .gid = 20, .mtime = 1700000123, .data = "hello");
	TAR_ADD(&tar, .name = "etc/hard", .type = '1', .link = "./etc/motd");
	TAR_ADD(&tar, .name = "lib", .type = '2', .link = "usr/lib", .uid = 3);
	TAR_ADD(&tar, .name = "dev/null", .type = '3', .mode = 0666, .major = 1, .minor = 3);
	TAR_ADD(&tar, .name = "dev/sda", .type = '4', .mode = 0660, .major = 8, .minor = 0);
	TAR_ADD(&tar, .name = "dev/pipe", .type = '6', .mode = 0600);
	TAR_ADD(&tar, .name = "bin/su", .mode = 04755, .data = "#!");
	TAR_ADD(&tar, .name = "empty");
	tar_builder_end(&tar);
	unpack_lab_init(&lab);
	EXPECT(unpack_lab_run(&lab, &tar, GB));
	EXPECT_STR(lab.err.text, "");
	EXPECT_STR(unpack_lab_list(&lab, ""),
		   "bin/ 755\nbin/su 4755 #!\ndev/ 755\ndev/null c 1,3 666\ndev/pipe p 600\ndev/sda b 8,0 660\nempty 644\n"
		   "etc/ 700\netc/hard 640 = 2 hello\netc/motd 640 = 2 hello\nlib -> usr/lib\n");
	EXPECT(strstr(unpack_lab_list(&lab, "ot"), "etc/ 700 1:2 @1000.000000000\n"));
	EXPECT(strstr(unpack_lab_list(&lab, "ot"), "etc/motd 640 10:20 @1700000123.000000000 = 2 hello\n"));
	EXPECT_INT(lab.report.newest_s, 1700000123);
	EXPECT_INT(lab.report.data_bytes, 7 + 7);       /* a link's size is the length of what it says */
	EXPECT_INT(lab.report.entries, 10);
	unpack_lab_fini(&lab);
}

TEST(unpack_lets_the_last_entry_of_a_name_win)
{
	struct unpack_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	TAR_ADD(&tar, .name = "a", .data = "old");
	TAR_ADD(&tar, .name = "a", .data = "new", .mode = 0600);
	TAR_ADD(&tar, .name = "d/x", .data = "x");
	TAR_ADD(&tar, .name = "d", .type = '5', .mode = 0711);                   /* folders are merged */
	TAR_ADD(&tar, .name = "e/deep/er/file", .data = "x");
	TAR_ADD(&tar, .name = "e", .data = "a file now");
	TAR_ADD(&tar, .name = "l", .type = '2', .link = "d");
	TAR_ADD(&tar, .name = "l", .type = '5', .mode = 0755);                   /* a link to a folder is no folder */
	TAR_ADD(&tar, .name = "l/in", .data = "in l");
	TAR_ADD(&tar, .name = "f/g/h", .data = "1");
	TAR_ADD(&tar, .name = "f", .type = '2', .link = "d");                    /* what was kept open is gone */
	TAR_ADD(&tar, .name = "f/g/h", .data = "2");
	tar_builder_end(&tar);
	unpack_lab_init(&lab);
	EXPECT(unpack_lab_run(&lab, &tar, GB));
	EXPECT_STR(unpack_lab_list(&lab, ""), "a 600 new\nd/ 711\nd/g/ 755\nd/g/h 644 2\nd/x 644 x\ne 644 a file now\nf -> d\nl/ 755\nl/in 644 in l\n");
	unpack_lab_fini(&lab);
}

/* One archive a line: what is in it, and either the error or what lies in the root afterwards. */
static const struct hostile {
	const char *title;
	struct tar_spec entries[6];
	const char *error, *list;
} hostiles[] = {
	{ "climbs", { { .name = "../evil", .data = "x" } }, "entry '../evil': its path climbs out of the root", NULL },
	{ "climbs from within", { { .name = "a/../../evil", .data = "x" } }, "entry 'a/../../evil': its path climbs out of the root", NULL },
	{ "climbs late", { { .name = "a/b/../../../outside/secret", .data = "x" } },
	  "entry 'a/b/../../../outside/secret': its path climbs out of the root", NULL },
	{ "is the parent", { { .name = "..", .type = '5' } }, "entry '..': its path climbs out of the root", NULL },
	{ "is the parent with slash", { { .name = "../", .type = '5' } }, "entry '../': its path climbs out of the root", NULL },
	{ "absolute", { { .name = "/outside/secret", .data = "x" } }, NULL, "outside/ 755\noutside/secret 644 x\n" },
	{ "many slashes", { { .name = "///a//b", .data = "x" } }, NULL, "a/ 755\na/b 644 x\n" },
	{ "climbs and comes back", { { .name = "a/../b", .data = "x" } }, NULL, "b 644 x\n" },
	{ "through an absolute link", { { .name = "l", .type = '2', .link = "/outside" }, { .name = "l/secret", .data = "x" } },
	  "entry 'l/secret': 'l' is a link that leads to no folder", NULL },
	{ "through a climbing link", { { .name = "l", .type = '2', .link = "../outside" }, { .name = "l/secret", .data = "x" } },
	  "entry 'l/secret': 'l' is a link that leads to no folder", NULL },
	{ "through a link that climbs high", { { .name = "l", .type = '2', .link = "../../../../../../../tmp" }, { .name = "l/x", .data = "x" } },
	  "entry 'l/x': 'l' is a link that leads to no folder", NULL },
	{ "through a link to the root", { { .name = "l", .type = '2', .link = "/" }, { .name = "l/x", .data = "x" } }, NULL,
	  "l -> /\nx 644 x\n" },
	{ "through a link to above the root", { { .name = "l", .type = '2', .link = ".." }, { .name = "l/x", .data = "x" } }, NULL,
	  "l -> ..\nx 644 x\n" },
	{ "through a chain of links", { { .name = "a", .type = '2', .link = "b" }, { .name = "b", .type = '2', .link = "../.." },
	  { .name = "a/x", .data = "x" } }, NULL, "a -> b\nb -> ../..\nx 644 x\n" },
	{ "through a link loop", { { .name = "a", .type = '2', .link = "b" }, { .name = "b", .type = '2', .link = "a" }, { .name = "a/x", .data = "x" } },
	  "entry 'a/x': folder 'a': Too many levels of symbolic links", NULL },
	{ "over a link to outside", { { .name = "l", .type = '2', .link = "../outside/secret" }, { .name = "l", .data = "mine" } }, NULL, "l 644 mine\n" },
	{ "through a link's folder to outside", { { .name = "d", .type = '5', .mode = 0755 }, { .name = "d/l", .type = '2', .link = "../../outside" },
	  { .name = "d/l/y", .data = "x" } }, "entry 'd/l/y': 'd/l' is a link that leads to no folder", NULL },
	{ "replaces a kept folder by a link", { { .name = "d/x", .data = "1" }, { .name = "d", .type = '2', .link = "../outside" },
	  { .name = "d/secret", .data = "2" } }, "entry 'd/secret': 'd' is a link that leads to no folder", NULL },
	{ "through proc", { { .name = "p", .type = '2', .link = "/proc/self/root" }, { .name = "p/tmp/evil", .data = "x" } },
	  "entry 'p/tmp/evil': 'p' is a link that leads to no folder", NULL },
	{ "hard link to outside", { { .name = "h", .type = '1', .link = "../outside/secret" } },
	  "entry 'h': its hard link target '../outside/secret' is outside of the root, or the root", NULL },
	{ "hard link to an absolute path", { { .name = "h", .type = '1', .link = "/outside/secret" } },
	  "entry 'h': hard link to 'outside/secret': No such file or directory", NULL },
	{ "hard link through a link", { { .name = "l", .type = '2', .link = "../outside" }, { .name = "h", .type = '1', .link = "l/secret" } },
	  "entry 'h': hard link to 'l/secret': No such file or directory", NULL },
	{ "hard link to a link to outside", { { .name = "l", .type = '2', .link = "../outside/secret" }, { .name = "h", .type = '1', .link = "l" },
	  { .name = "h", .data = "mine" } }, NULL, "h 644 mine\nl -> ../outside/secret\n" },
	{ "hard link to a folder", { { .name = "d", .type = '5', .mode = 0755 }, { .name = "h", .type = '1', .link = "d" } },
	  "entry 'h': hard link to 'd': Operation not permitted", NULL },
	{ "hard link to the root", { { .name = "h", .type = '1', .link = "/" } },
	  "entry 'h': its hard link target '/' is outside of the root, or the root", NULL },
	{ "hard link to itself", { { .name = "h", .data = "x" }, { .name = "h", .type = '1', .link = "./h" } }, NULL, "h 644 x\n" },
	{ "hard link to nothing", { { .name = "h", .type = '1', .link = "none" } }, "entry 'h': hard link to 'none': No such file or directory", NULL },
	{ "hard link without a target", { { .name = "h", .type = '1' } }, "entry 'h': a link without a target", NULL },
	{ "link without a target", { { .name = "l", .type = '2' } }, "entry 'l': a link without a target", NULL },
	{ "hard link with a size", { { .name = "a", .data = "x" }, { .name = "h", .type = '1', .link = "a", .size = 5000 }, { .name = "b" } }, NULL,
	  "a 644 = 2 x\nb 644\nh 644 = 2 x\n" },
	{ "folder with a size", { { .name = "d/", .type = '5', .mode = 0755, .size = 99999 }, { .name = "b" } }, NULL, "b 644\nd/ 755\n" },
	{ "the root as a file", { { .name = ".", .data = "x" } }, "entry '.': the root can only be a folder", NULL },
	{ "the root as a link", { { .name = "/", .type = '2', .link = "outside" } }, "entry '/': the root can only be a folder", NULL },
	{ "the root as a device", { { .name = "./.", .type = '3', .major = 1, .minor = 3 } }, "entry './.': the root can only be a folder", NULL },
	{ "no name", { { .name = "", .data = "x" } }, "entry '': an entry without a name", NULL },
	{ "below a file", { { .name = "a", .data = "x" }, { .name = "a/b", .data = "x" } }, "entry 'a/b': folder 'a': Not a directory", NULL },
	{ "below a device", { { .name = "n", .type = '3', .major = 1, .minor = 3 }, { .name = "n/b", .data = "x" } },
	  "entry 'n/b': folder 'n': Not a directory", NULL },
	{ "file into a fifo", { { .name = "p", .type = '6' }, { .name = "p", .data = "x" } }, NULL, "p 644 x\n" },
	{ "file into a device", { { .name = "n", .type = '4', .major = 8, .minor = 0 }, { .name = "n", .data = "x" } }, NULL, "n 644 x\n" },
	{ "whiteout device", { { .name = "w", .type = '3', .major = 0, .minor = 0 } }, "entry 'w': a character device 0,0", NULL },
	{ "device out of range", { { .name = "n", .type = '3', .major = 4096, .minor = 0 } }, "entry 'n': a device number that cannot be", NULL },
	{ "unknown type", { { .name = "z", .type = 'Z' } }, "entry 'z': type 'Z' is not supported", NULL },
	{ "multi-volume", { { .name = "m", .type = 'M', .is_gnu = true } }, "entry 'm': type 'M' is not supported", NULL },
	{ "type with a control character", { { .name = "c", .type = '\n' } }, "entry 'c': type '?' is not supported", NULL },
	{ "name with a newline", { { .name = "../a\nb", .data = "x" } }, "entry '../a?b': its path climbs out of the root", NULL },
	{ "name with an escape", { { .name = "../\x1b[2J", .data = "x" } }, "entry '../?[2J': its path climbs out of the root", NULL },
	{ "name that is no text", { { .name = "../\xff\xfe", .data = "x" } }, "entry '../?" "?': its path climbs out of the root", NULL },
	{ "volume label", { { .name = "tape", .type = 'V', .is_gnu = true }, { .name = "a" } }, NULL, "a 644\n" },
	{ "names like whiteouts", { { .name = ".wh.a", .data = "x" }, { .name = ".wh..wh..opq" } }, NULL, ".wh..wh..opq 644\n.wh.a 644 x\n" },
	{ "a mode of nothing", { { .name = "d", .type = '5', .mode = -1 }, { .name = "d/x", .data = "x", .mode = -1 } }, NULL, "d/ 0\nd/x 0 x\n" },
	{ "dots only", { { .name = "...", .data = "x" }, { .name = "a/....", .data = "y" } }, NULL, "... 644 x\na/ 755\na/.... 644 y\n" },
	{ "deep name of a file in place of a folder", { { .name = "a/b/c", .data = "1" }, { .name = "a/b", .data = "2" }, { .name = "a/b/c", .data = "3" } },
	  "entry 'a/b/c': folder 'a/b': Not a directory", NULL },
	{ "link over a full folder", { { .name = "d/x", .data = "1" }, { .name = "d", .type = '2', .link = "/outside" } }, NULL, "d -> /outside\n" },
	{ "more data than announced", { { .name = "a", .data = "0123456789", .size = 4 }, { .name = "b" } }, NULL, "a 644 0123\nb 644\n" },
	{ "a size without end", { { .name = "a", .size = INT64_C(077777777777) } }, "the archive breaks off behind the start of entry 'a'", NULL },
	{ "v7 folder", { { .name = "d/", .mode = 0700 }, { .name = "d/a", .data = "x" } }, NULL, "d/ 700\nd/a 644 x\n" },
	{ "folder over the link it is reached by", { { .name = "l", .type = '2', .link = "." }, { .name = "l/l", .type = '5', .mode = 0755 },
	  { .name = "l/x", .data = "x" } }, NULL, "l/ 755\nl/x 644 x\n" },
	{ "a name of 255 and one too long", { { .name = "ok", .data = "x" }, { .prefix = "p", .name = "x/../../..", .data = "x" } },
	  "entry 'p/x/../../..': its path climbs out of the root", NULL },
};

/* glibc's words for a loop of links stand in the table; musl has others. Heap. */
static char *in_this_libc(const char *error)
{
	static const char loop[] = "Too many levels of symbolic links";

	if (!str_ends(error, loop))
		return str_dup(error);
	return str_printf("%.*s%s", (int)(strlen(error) - strlen(loop)), error, strerror(ELOOP));
}

TEST(unpack_refuses_hostile_archives_or_keeps_them_inside_the_root)
{
	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		const struct hostile *h = &hostiles[i];
		CLEANUP(buf_finip) struct buf tar = BUF_INIT;
		struct unpack_lab lab;

		for (size_t n = 0; n < 6 && h->entries[n].name; n++)
			tar_builder_add(&tar, &h->entries[n]);
		if (!h->error || !strstr(h->error, "breaks off"))
			tar_builder_end(&tar);
		unpack_lab_init(&lab);
		bool ok = unpack_lab_run(&lab, &tar, GB);
		if (ok != !h->error || !unpack_lab_is_unharmed(&lab))
			fprintf(stderr, "archive '%s':\n", h->title);
		CLEANUP(str_freep) char *error = in_this_libc(h->error ? h->error : "");
		EXPECT_STR(lab.err.text, error);
		EXPECT(unpack_lab_is_unharmed(&lab));
		if (h->list)
			EXPECT_STR(unpack_lab_list(&lab, ""), h->list);
		unpack_lab_fini(&lab);
	}
}

static void long_name(struct buf *tar, char type, const char *name, size_t count)
{
	tar_builder_header(tar, &(struct tar_spec){ .name = "././@LongLink", .type = type, .size = (int64_t)count + 1, .is_gnu = true });
	tar_builder_data(tar, name, count + 1);
}

TEST(unpack_bounds_the_length_of_names)
{
	struct unpack_lab lab;
	char name[5000];
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'd';
	name[4095] = '\0';
	long_name(&tar, 'L', name, 4095);
	TAR_ADD(&tar, .name = "short", .data = "deep");
	unpack_lab_init(&lab);
	EXPECT(unpack_lab_run(&lab, &tar, GB) || strstr(lab.err.text, "the path"));       /* 4095 bytes and a 'd' folder two thousand deep */
	EXPECT(unpack_lab_is_unharmed(&lab));
	unpack_lab_fini(&lab);

	buf_clear(&tar);
	memset(name, 'd', sizeof(name));
	long_name(&tar, 'L', name, 4096);
	TAR_ADD(&tar, .name = "short", .data = "deep");
	unpack_lab_init(&lab);
	EXPECT(!unpack_lab_run(&lab, &tar, GB));
	EXPECT(strstr(lab.err.text, "a path of more than 4095 bytes"));
	EXPECT(unpack_lab_is_unharmed(&lab));
	unpack_lab_fini(&lab);

	buf_clear(&tar);
	long_name(&tar, 'L', name, 256);
	TAR_ADD(&tar, .name = "short", .data = "deep");
	unpack_lab_init(&lab);
	EXPECT(!unpack_lab_run(&lab, &tar, GB));
	EXPECT(strstr(lab.err.text, strerror(ENAMETOOLONG)));
	unpack_lab_fini(&lab);
}

TEST_TIMEOUT(unpack_takes_apart_trees_deeper_than_any_path, 600)
{
	struct unpack_lab lab;
	char name[5000];
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	/* Each link leads two thousand folders down, and the next begins there. */
	for (size_t i = 0; i < 4001; i++)
		name[i] = i % 2 ? '/' : 'd';
	name[4001] = '\0';
	for (int i = 0; i < 3; i++) {
		static const char *const links[] = { "l0", "l1", "l2" };
		CLEANUP(str_freep) char *path = i ? str_printf("%s/%s", links[i - 1], name) : str_dup(name);

		long_name(&tar, 'L', path, strlen(path));
		TAR_ADD(&tar, .name = "x", .type = '5', .mode = 0755);
		long_name(&tar, 'K', path, strlen(path));
		TAR_ADD(&tar, .name = links[i], .type = '2', .link = "x");
	}
	TAR_ADD(&tar, .name = "d", .data = "gone");
	tar_builder_end(&tar);
	unpack_lab_init(&lab);
	EXPECT(unpack_lab_run(&lab, &tar, GB));
	EXPECT_STR(lab.err.text, "");
	EXPECT(strstr(unpack_lab_list(&lab, ""), "d 644 gone\n"));
	unpack_lab_fini(&lab);
}

static int xattr_of(struct unpack_lab *lab, const char *path, const char *name, char *value, size_t size)
{
	CLEANUP(str_freep) char *file = str_printf("%s/root/%s", lab->dir, path);

	return (int)getxattr(file, name, value, size);
}

TEST(unpack_sets_portable_attributes_and_leaves_out_the_hosts)
{
	struct unpack_lab lab;
	char value[64] = "";
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, records = BUF_INIT;
	/* VFS_CAP_REVISION_2 | effective, cap_net_raw permitted */
	static const uint8_t capability[20] = { 0x01, 0, 0, 0x02, 0, 0x20, 0, 0 };

	tar_builder_record(&records, "SCHILY.xattr.security.capability", capability, sizeof(capability));
	tar_builder_record(&records, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
	tar_builder_record(&records, "SCHILY.xattr.user.overlay.redirect", "/outside", 8);
	tar_builder_record(&records, "SCHILY.xattr.security.selinux", "label", 5);
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "ping", .mode = 0755, .uid = 5, .data = "ping");
	buf_clear(&records);
	tar_builder_record(&records, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "d", .type = '5', .mode = 0755);
	tar_builder_end(&tar);
	unpack_lab_init(&lab);
	EXPECT(unpack_lab_run(&lab, &tar, GB));
	EXPECT_INT(xattr_of(&lab, "ping", "security.capability", value, sizeof(value)), sizeof(capability));
	EXPECT(memcmp(value, capability, sizeof(capability)) == 0);
	EXPECT_INT(xattr_of(&lab, "ping", "user.overlay.redirect", value, sizeof(value)), -1);
	EXPECT_INT(xattr_of(&lab, "ping", "trusted.overlay.opaque", value, sizeof(value)), -1);
	EXPECT_INT(xattr_of(&lab, "d", "trusted.overlay.opaque", value, sizeof(value)), -1);
	EXPECT_INT(lab.report.xattrs_skipped, 4);
	EXPECT_STR(lab.report.xattr_skipped, "trusted.overlay.opaque");
	unpack_lab_fini(&lab);

	buf_clear(&tar);
	buf_clear(&records);
	tar_builder_record(&records, "SCHILY.xattr.security.capability", "junk", 4);
	tar_builder_pax_records(&tar, 'x', &records);
	TAR_ADD(&tar, .name = "ping", .data = "ping");
	unpack_lab_init(&lab);
	EXPECT(!unpack_lab_run(&lab, &tar, GB));
	EXPECT_STR(lab.err.text, "entry 'ping': attribute 'security.capability': Invalid argument");
	unpack_lab_fini(&lab);
}

TEST(unpack_stops_at_its_bound)
{
	struct unpack_lab lab;
	CLEANUP(buf_finip) struct buf tar = BUF_INIT, zeros = BUF_INIT, gzip = BUF_INIT;
	static const char chunk[1024];

	tar_builder_header(&tar, &(struct tar_spec){ .name = "bomb", .size = 64 << 20 });
	for (int i = 0; i < 64 << 10; i++)
		buf_add(&tar, chunk, sizeof(chunk));
	tar_builder_gzip(&tar, &gzip);
	unpack_lab_init(&lab);
	EXPECT(!unpack_lab_run(&lab, &gzip, 1000000));
	EXPECT_STR(lab.err.text, "the archive unpacks to more than 1000000 bytes");
	EXPECT(gzip.len < 100000);
	unpack_lab_fini(&lab);
}

/* The same tree, packed by the tar program of this machine in each of its formats. */
static void shell(const char *dir, const char *command)
{
	CLEANUP(str_freep) char *line = str_printf("cd '%s' && umask 022 && %s", dir, command);

	if (system(line) != 0)
		panic("%s", line);
}

TEST(unpack_gives_back_what_the_tar_program_packed_in_each_format)
{
	static const char *const formats[] = { "gnu", "pax", "oldgnu", "posix -z", "gnu --sparse", "pax --sparse --sparse-version=1.0",
					       "pax --sparse --sparse-version=0.1", "pax --sparse --sparse-version=0.0",
					       "ustar", "v7" };
	char source[] = "/tmp/unpack-source-XXXXXX";
	struct err err;

	check(runner_folder(source));
	shell(source, "mkdir -p tree/usr/lib/deep/er tree/tmp && chmod 1777 tree/tmp && echo hello >tree/usr/file && ln tree/usr/file tree/hard && "
		      "ln -s usr/lib tree/lib && head -c 200000 /dev/urandom >tree/usr/lib/big && chmod 4711 tree/usr/file && "
		      "truncate -s 3000000 tree/hole && printf middle | dd of=tree/hole bs=1 seek=1000000 conv=notrunc 2>/dev/null && "
		      "printf end | dd of=tree/hole bs=1 seek=2999990 conv=notrunc 2>/dev/null && mkfifo tree/fifo && "
		      "touch -d '2001-02-03 04:05:06.789' tree/usr/lib/big && touch -d 1969-12-31T00:00:00Z tree/usr/old");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		CLEANUP(str_freep) char *pack = str_printf("tar --format=%s -cf archive -C tree .", formats[i]);
		CLEANUP(str_freep) char *archive = path_join(source, "archive");
		CLEANUP(buf_finip) struct buf tar = BUF_INIT;
		struct unpack_lab lab;

		if (strstr(formats[i], "ustar") || strstr(formats[i], "v7"))
			shell(source, "rm -f tree/usr/old tree/fifo");       /* nothing before 1970, and no fifos in v7 */
		shell(source, pack);
		check(file_read(archive, 1 << 24, &tar, &err) == 0);
		unpack_lab_init(&lab);
		EXPECT(unpack_lab_run(&lab, &tar, GB));
		EXPECT_STR(lab.err.text, "");
		CLEANUP(str_freep) char *root = path_join(lab.dir, "root");
		CLEANUP(str_freep) char *compare = str_printf("tar -df archive -C '%s'", root);
		shell(source, compare);
		CLEANUP(str_freep) char *diff = str_printf("cmp tree/hole '%s/hole' && cmp tree/usr/lib/big '%s/usr/lib/big'", root, root);
		shell(source, diff);
		if (strstr(formats[i], "sparse")) {
			CLEANUP(str_freep) char *hole = path_join(root, "hole");
			struct stat st;
			EXPECT(stat(hole, &st) == 0 && st.st_size == 3000000 && st.st_blocks < 1000);
		}
		unpack_lab_fini(&lab);
	}
	check(dir_remove_tree(source, &err) == 0);
}
