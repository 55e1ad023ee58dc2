/* Copying trees, roots without overlayfs, and paths that must stay inside. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "os/layer_mark.h"
#include "runtime/inroot_io.h"
#include "runtime/rootfs_io.h"
#include "runtime/tree_copy_io.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

struct trees { char dir[64]; int from, to; };

static void trees_open(struct trees *trees)
{
	str_copy(trees->dir, sizeof trees->dir, "/tmp/sbtree-XXXXXX");
	EXPECT(runner_folder(trees->dir));
	host_sh("mkdir %s/from %s/to", trees->dir, trees->dir);
	char path[128];

	snprintf(path, sizeof path, "%s/from", trees->dir);
	trees->from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof path, "%s/to", trees->dir);
	trees->to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void trees_close(struct trees *trees)
{
	struct err err;

	close(trees->from);
	close(trees->to);
	EXPECT(dir_remove_tree(trees->dir, &err) == 0);
}

TEST(a_copy_keeps_owners_modes_times_links_devices_attributes_and_holes)
{
	struct trees trees;
	struct err err = { .code = 0 };
	struct stat a = { 0 }, b = { 0 };
	char value[16];

	trees_open(&trees);
	host_sh("cd %s/from && mkdir -p d/sub && echo text > d/f && ln d/f d/sub/hard && ln -s ../f d/sub/soft && mknod null c 1 3 && mkfifo p && "
		"chown 5:6 d/f && chmod 4755 d/f && touch -d @1000 d/f && truncate -s 10M hole && echo x >> hole && chmod 700 d && "
		"touch -d @2000 d && chown 7:8 .", trees.dir);
	char path[128];

	snprintf(path, sizeof path, "%s/from/d/f", trees.dir);
	EXPECT(setxattr(path, "user.note", "v", 1, 0) == 0);
	EXPECT(tree_copy(trees.from, trees.to, 0, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT(fstatat(trees.to, "d/f", &a, 0) == 0 && fstatat(trees.to, "d/sub/hard", &b, 0) == 0);
	EXPECT(a.st_ino == b.st_ino && a.st_nlink == 2);
	EXPECT(a.st_uid == 5 && a.st_gid == 6 && (a.st_mode & 07777) == 04755 && a.st_mtime == 1000);
	snprintf(path, sizeof path, "%s/to/d/f", trees.dir);
	EXPECT(getxattr(path, "user.note", value, sizeof value) == 1);
	EXPECT(readlinkat(trees.to, "d/sub/soft", value, sizeof value) == 4 && memcmp(value, "../f", 4) == 0);
	EXPECT(fstatat(trees.to, "null", &a, 0) == 0 && S_ISCHR(a.st_mode) && a.st_rdev == 0x103);
	EXPECT(fstatat(trees.to, "p", &a, 0) == 0 && S_ISFIFO(a.st_mode));
	EXPECT(fstatat(trees.to, "hole", &a, 0) == 0 && a.st_size == (10 << 20) + 2 && a.st_blocks < 100);
	EXPECT(fstatat(trees.to, "d", &a, 0) == 0 && a.st_mtime == 2000 && (a.st_mode & 07777) == 0700);
	EXPECT(fstat(trees.to, &a) == 0 && a.st_uid == 7 && a.st_gid == 8);
	trees_close(&trees);
}

TEST(a_layer_hides_and_replaces_what_lies_below_it)
{
	struct trees trees;
	struct err err = { .code = 0 };
	struct stat st;

	trees_open(&trees);
	host_sh("cd %s/to && mkdir -p gone/deep opaque/old dir && echo low > file && touch opaque/old/x swap dir/low", trees.dir);
	host_sh("cd %s/from && mknod gone c 0 0 && mkdir opaque swap dir && touch opaque/new dir/high && echo high > file", trees.dir);
	char path[128];

	snprintf(path, sizeof path, "%s/from/opaque", trees.dir);
	EXPECT(setxattr(path, "trusted.overlay.opaque", "y", 1, 0) == 0);
	EXPECT(tree_copy(trees.from, trees.to, TREE_COPY_LAYER, &err) == 0);
	EXPECT(fstatat(trees.to, "gone", &st, 0) < 0);
	EXPECT(fstatat(trees.to, "opaque/old", &st, 0) < 0 && fstatat(trees.to, "opaque/new", &st, 0) == 0);
	EXPECT(fstatat(trees.to, "swap", &st, 0) == 0 && S_ISDIR(st.st_mode));
	EXPECT(fstatat(trees.to, "dir/low", &st, 0) == 0 && fstatat(trees.to, "dir/high", &st, 0) == 0);
	EXPECT(fstatat(trees.to, "file", &st, 0) == 0 && st.st_size == 5);
	snprintf(path, sizeof path, "%s/to/opaque", trees.dir);
	EXPECT(getxattr(path, "trusted.overlay.opaque", path, 1) < 0);
	trees_close(&trees);
}

/* On an overlay neither a whiteout nor overlayfs' mark can be made; what stands in for them is copied as if they were. */
TEST(a_layer_on_an_overlay_hides_what_lies_below_it_too)
{
	struct trees trees;
	struct err err = { .code = 0 };
	struct stat st;
	char path[128];

	trees_open(&trees);
	host_sh("cd %s && mkdir l u w && mount -t overlay overlay -olowerdir=l,upperdir=u,workdir=w from && mkdir to/gone to/opaque && "
		"touch to/gone/x to/opaque/old to/empty && mkdir from/opaque && touch from/opaque/new && touch from/empty && chmod 0 from/empty", trees.dir);
	snprintf(path, sizeof path, "%s/from", trees.dir);
	CLEANUP(fd_closep) int from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int folder = openat(from, "opaque", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(opaque_set(folder) == 0 && opaque_is_set(folder) && !opaque_is_set(from));
	EXPECT(whiteout_make(from, "gone") == 0 && whiteout_is(from, "gone") && !whiteout_is(from, "empty"));
	EXPECT(whiteout_make(from, "gone") == -1);
	EXPECT(tree_copy(from, trees.to, TREE_COPY_LAYER, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT(fstatat(trees.to, "gone", &st, AT_SYMLINK_NOFOLLOW) < 0);
	EXPECT(fstatat(trees.to, "opaque/old", &st, 0) < 0 && fstatat(trees.to, "opaque/new", &st, 0) == 0);
	EXPECT(fstatat(trees.to, "empty", &st, 0) == 0);
	fd_closep(&folder);
	fd_closep(&from);
	host_sh("umount %s/from", trees.dir);
	trees_close(&trees);
}

TEST(a_path_never_leaves_its_root)
{
	struct trees trees;
	struct err err = { .code = 0 };
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct stat st;
	int fd = -1;

	trees_open(&trees);
	host_sh("cd %s/from && ln -s / up && ln -s ../../../../../../../etc abs && ln -s /proc/self/root magic && ln -s loop loop && mkdir proc etc && "
		"mkfifo etc/fifo && echo inside > etc/hostname && ln -s /nowhere/else etc/dangling", trees.dir);
	EXPECT(inroot_read(trees.from, "/abs/hostname", 100, &text, &err) == 0);
	EXPECT_STR(buf_text(&text), "inside\n");
	EXPECT(inroot_open(trees.from, "/magic/etc", O_PATH) < 0);
	EXPECT(inroot_open(trees.from, "/loop", O_PATH) < 0);
	EXPECT(inroot_make_dir(trees.from, "/up/../../made/deep", &fd, &err) == 0);
	close(fd);
	EXPECT(fstatat(trees.from, "made/deep", &st, 0) == 0);
	EXPECT(stat("/made", &st) < 0);
	EXPECT(inroot_make_dir(trees.from, "/etc/hostname/x", &fd, &err) == -1);
	EXPECT(inroot_read(trees.from, "/etc/fifo", 100, &text, &err) == 0 && text.len == 0);
	EXPECT(inroot_make_regular(trees.from, "/etc/fifo", &fd, &err) == 0);    /* does not wait for a reader */
	close(fd);
	EXPECT(fstatat(trees.from, "etc/fifo", &st, 0) == 0 && S_ISREG(st.st_mode));
	EXPECT(inroot_make_regular(trees.from, "/etc/dangling", &fd, &err) == 0);
	close(fd);
	EXPECT(fstatat(trees.from, "etc/dangling", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
	EXPECT(inroot_read(trees.from, "/abs/hostname", 1, &text, &err) == -1);
	EXPECT(inroot_make_file(trees.from, "/new/dir/file", &fd, &err) == 0);
	close(fd);
	EXPECT(inroot_make_file(trees.from, "/new/none/..", &fd, &err) == -1);
	trees_close(&trees);
}

TEST(overlayfs_is_probed_and_leaves_nothing)
{
	struct trees trees;
	char path[128];

	trees_open(&trees);
	struct strlist names = { 0 };
	struct err err;

	/* "swarmbox check" asks about folders that are full of other people's files */
	snprintf(path, sizeof path, "%s/precious", trees.dir);
	EXPECT(file_write_atomic(path, "x", 1, 0600, &err) == 0);
	EXPECT(dir_list(trees.dir, &names, &err) == 0);
	size_t before = names.count;
	strlist_fini(&names);
	EXPECT(rootfs_probe_overlay(trees.dir));
	EXPECT(file_exists(path));
	EXPECT(dir_list(trees.dir, &names, &err) == 0 && names.count == before);
	strlist_fini(&names);
	EXPECT(!rootfs_probe_overlay("/proc/sys"));
	trees_close(&trees);
}

TEST(without_overlayfs_the_layers_are_copied)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_facts facts;

	host_open(&host);
	host_without_overlay(&host);
	runtime_facts(host.rt, &facts);
	EXPECT_STR(facts.storage_driver, "copy");
	const char *layers[] = { arena_printf(&host.arena, "%s/top", host.dir), host.rootfs };

	host_sh("mkdir -p %s/top/etc && echo top > %s/top/etc/conf && mknod %s/top/tmp c 0 0", host.dir, host.dir, host.dir);
	struct container_spec spec = host_spec(&host, "cat", "/etc/conf", ",", "ls", "/", ",", "write", "/etc/conf", "changed", ",", "cat",
					       "/etc/conf", NULL);

	spec.layers = (struct container_strings){ layers, 2 };
	EXPECT_STR(host_output(&host, &spec), "top\nbin dev etc proc sys \nchanged");
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	host_sh("[ \"$(cat %s/top/etc/conf)\" = top ]", host.dir);
	host_with_overlay(&host);
	host_close(&host);
}
