/* What a container has mounted, and where its devices and sizes come from. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Kernels have orders of their own, and add inode64 by themselves. */
static const char *as_set(struct host *host, const char *options)
{
	CLEANUP(buf_finip) struct buf set = BUF_INIT;
	char *words[64], *at;
	size_t count = 0;

	for (char *word = strtok_r(arena_strdup(&host->arena, options), " ,\n", &at); word; word = strtok_r(NULL, " ,\n", &at))
		if (!str_eq(word, "inode64") && count < ARRAY_COUNT(words))
			words[count++] = word;
	qsort(words, count, sizeof *words, by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(&set, "%s ", words[i]);
	return arena_strdup(&host->arena, buf_text(&set));
}

#define EXPECT_SET(host, got, want) EXPECT_STR(as_set(host, got), as_set(host, want))

static const char *options(struct host *host, const char *path, const struct container_mount *mounts, size_t count)
{
	struct container_spec spec = host_spec(host, "options", path, NULL);

	spec.mounts = (struct container_mount *)(uintptr_t)mounts;
	spec.mount_count = count;
	return host_output(host, &spec);
}

TEST(a_tmpfs_has_the_options_it_was_given)
{
	struct host host;

	host_open(&host);
	struct container_mount plain = { .kind = CONTAINER_TMPFS, .target = "/t" },
			       sized = { .kind = CONTAINER_TMPFS, .target = "/t", .size_bytes = 1 << 20, .mode = 0700, .is_readonly = true },
			       words = { .kind = CONTAINER_TMPFS, .target = "/t", .size_bytes = 1 << 20,
					 .tmpfs_options = "exec,size=128k,mode=750,uid=5,gid=6,nr_inodes=10" };

	EXPECT_SET(&host, options(&host, "/t", &plain, 1), "/t rw,nosuid,nodev,noexec,relatime / rw");
	EXPECT_SET(&host, options(&host, "/t", &sized, 1), "/t ro,nosuid,nodev,noexec,relatime / ro,size=1024k,mode=700");
	EXPECT_SET(&host, options(&host, "/t", &words, 1), "/t rw,nosuid,nodev,relatime / rw,size=128k,nr_inodes=10,mode=750,uid=5,gid=6");
	host_close(&host);
}

TEST(shared_memory_has_the_size_it_was_given)
{
	struct host host;

	host_open(&host);
	struct container_spec plain = host_spec(&host, "options", "/dev/shm", NULL), spec = plain;

	EXPECT_SET(&host, host_output(&host, &plain), "/dev/shm rw,nosuid,nodev,noexec,relatime / rw,size=65536k");
	spec = host_spec(&host, "options", "/dev/shm", ",", "domain", NULL);
	spec.shm_size_bytes = 1 << 20;
	spec.domainname = "example.org";
	EXPECT_SET(&host, host_output(&host, &spec), "/dev/shm rw,nosuid,nodev,noexec,relatime / rw,size=1024k\nexample.org");
	host_close(&host);
}

TEST(a_volumes_subpath_is_mounted_and_never_leads_out_of_it)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	host_sh("mkdir -p %s/vol/in/deep %s/secret && echo inside > %s/vol/in/deep/file && echo outside > %s/secret/file && "
		"ln -s in/deep %s/vol/link && ln -s ../secret %s/vol/out && ln -s %s/secret %s/vol/absolute && echo one > %s/vol/single",
		host.dir, host.dir, host.dir, host.dir, host.dir, host.dir, host.dir, host.dir, host.dir);
	const char *volume = arena_printf(&host.arena, "%s/vol", host.dir);
	const struct { const char *subpath, *output; } good[] = { { "in/deep", "inside\n" }, { "link", "inside\n" }, { "./in//deep/", "inside\n" } };
	const struct { const char *subpath; int reason; } bad[] = { { "none", ENOENT }, { "out", EXDEV }, { "absolute", EXDEV } };

	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct container_spec spec = host_spec(&host, "cat", "/v/file", NULL);
		struct container_mount mount = { .kind = CONTAINER_VOLUME, .source = volume, .target = "/v", .subpath = good[i].subpath };

		spec.mounts = &mount;
		spec.mount_count = 1;
		EXPECT_STR(host_output(&host, &spec), good[i].output);
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct container_spec spec = host_spec(&host, "pause", NULL);
		struct container_mount mount = { .kind = CONTAINER_VOLUME, .source = volume, .target = "/v", .subpath = bad[i].subpath };

		spec.mounts = &mount;
		spec.mount_count = 1;
		EXPECT(host_create(&host, &spec, &err) == -1);
		EXPECT_STR(err.text, arena_printf(&host.arena, "cannot access path %s/%s: %s", volume, bad[i].subpath, strerror(bad[i].reason)));
	}
	struct container_spec spec = host_spec(&host, "cat", "/conf", ",", "write", "/conf", "two", NULL);
	struct container_mount mount = { .kind = CONTAINER_VOLUME, .source = volume, .target = "/conf", .subpath = "single", .copies_up = true };

	spec.mounts = &mount;
	spec.mount_count = 1;
	EXPECT_STR(host_output(&host, &spec), "one\n");
	host_sh("[ \"$(cat %s/single)\" = two ]", volume);
	host_close(&host);
}

TEST(read_only_is_deep_or_shallow_as_asked)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir -p %s/tree/sub && mount -t tmpfs tmpfs %s/tree/sub", host.dir, host.dir);
	const char *source = arena_printf(&host.arena, "%s/tree", host.dir);

	for (int shallow = 0; shallow < 2; shallow++) {
		struct container_spec spec = host_spec(&host, "write", "/m/x", "y", ",", "write", "/m/sub/x", "y", NULL);
		struct container_mount mount = { .kind = CONTAINER_BIND, .source = source, .target = "/m", .is_readonly = true,
						 .is_readonly_shallow = shallow, .needs_readonly_deep = !shallow };

		spec.mounts = &mount;
		spec.mount_count = 1;
		/* before Linux 5.12 there is no way to do it all at once, and who insists is refused */
		bool can_be_deep = syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) == 0 || errno != ENOSYS;

		EXPECT_STR(host_output(&host, &spec), shallow ? "/m/x: Read-only file system\n" :
			   can_be_deep ? "/m/x: Read-only file system\n/m/sub/x: Read-only file system\n" :
					 "failed: mount '/m': read-only: Function not implemented");
	}
	host_sh("umount %s/tree/sub", host.dir);
	host_close(&host);
}

TEST(a_privileged_container_has_the_hosts_devices_and_may_open_them)
{
	struct host host;
	struct stat st;

	host_open(&host);
	host_sh("mknod -m 640 %s/loop b 7 200 && chown 3:4 %s/loop", host.dir, host.dir);
	EXPECT(stat("/dev/kmsg", &st) == 0);
	host_sh("grep CapEff /proc/self/status > %s/caps", host.dir);
	const char *caps = host_file(&host, arena_printf(&host.arena, "%s/caps", host.dir));
	struct container_spec spec = host_spec(&host, "stat", "/dev/kmsg", ",", "wopen", "/dev/kmsg", ",", "ls", "/dev/pts", ",", "status", "CapEff", ",",
					       "status", "Seccomp:", ",", "wopen", "/proc/sys/kernel/domainname", ",", "mkdir",
					       file_exists("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup/below" : "/sys/fs/cgroup/pids/below",
					       ",", "mount", NULL);

	spec.has_all_devices = spec.has_writable_sys = true;
	spec.caps = CAPS_ALL;
	spec.seccomp_enabled = false;
	spec.masked_paths.count = spec.readonly_paths.count = 0;
	EXPECT_STR(host_output(&host, &spec),
		   arena_printf(&host.arena, "/dev/kmsg %o %u:%u 1,11\n/dev/kmsg: ok\nptmx \n%sSeccomp:\t0\n"
			        "/proc/sys/kernel/domainname: ok\nmkdir: ok\nmount: ok\n", st.st_mode, st.st_uid, st.st_gid, caps));
	/* one device keeps the owner and the mode that it has on the host */
	struct container_device device = { arena_printf(&host.arena, "%s/loop", host.dir), "/dev/mine", "rw" };
	struct container_spec one = host_spec(&host, "stat", "/dev/mine", ",", "stat", "/dev/kmsg", NULL);

	one.devices = &device;
	one.device_count = 1;
	EXPECT_STR(host_output(&host, &one), "/dev/mine 60640 3:4 7,200\n/dev/kmsg: No such file or directory\n");
	host_close(&host);
}
