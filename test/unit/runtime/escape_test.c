/* Published ways out of containers, and what leaks into them, tried from inside as root. Each must fail.
 *
 * The list, by what it is called in public. Tested elsewhere: hostile archives in image, what a network lets through in net; what there is not:
 * docker cp (CVE-2018-15664, CVE-2019-14271, CVE-2021-41089, CVE-2026-42306), checkpoints (CVE-2026-119101, CVE-2026-53489, -53492), builds
 * (CVE-2024-23651, -23652), plugins (CVE-2026-34040), other runtimes' guests (CVE-2025-24965), user namespaces.
 *
 *   CVE-2019-5736              runtime's binary overwritten through /proc/PID/exe
 *   CVE-2024-21626, 2016-9962  descriptors of the host left open, a working directory on one of them
 *   CVE-2021-30465, 2024-45310, 2019-18837 (crun)     links and races of links at mount points
 *   CVE-2019-16884, 2019-19921, 2023-27561, 2023-28642, 2025-52881     something else where /proc should be
 *   CVE-2025-31133, 2026-88265 (crun), 2026-41579     something else where /dev or /dev/null should be
 *   CVE-2022-0492, 2023-25809  control groups: release_agent, writable hierarchies
 *   CVE-2022-0811              sysctls: core_pattern
 *   CVE-2017-16539, 2018-10892, 2020-8694, GHSA-6fw5-f8r9-fgfm     what /proc and /sys tell and take
 *   CVE-2016-3697, 2016-8867, 2022-24769, 2022-29162, 2022-36109, 2023-25173   users, groups, capabilities
 *   CVE-2024-40635, 2026-46680, 2026-30892 (crun)     users whose number is too large, or is taken for another
 *   CVE-2024-9676, 2026-135844 lists of users that never end
 *   CVE-2024-32473             IPv6 where nobody asked for it
 *   CVE-2020-15257             abstract sockets
 *   CVE-2021-41091             users of the host in the files of containers
 *   CVE-2022-23648, 2017-1002101, 2024-23652     links in images and volumes: filled, mounted below, removed
 *   CVE-2026-31431             socket families with a way into the kernel (confine_test.c)
 *   shocker, TIOCSTI, chroot, core_pattern, ptrace, device nodes, keyrings, vsock
 *
 * Here: files, links and mounts. escape_kernel_test.c: the kernel's own files, devices, processes, sockets. confine_test.c: users, capabilities, calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/kcall_io.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

#define IN(format, ...) arena_printf(&host.arena, format, __VA_ARGS__)

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		count++;
	return count;
}

/* A file of the host that nobody inside may see: its content is "secret". */
static const char *plant(struct host *host)
{
	host_sh("mkdir -p %s/outside && printf secret > %s/outside/marker", host->dir, host->dir);
	return arena_printf(&host->arena, "%s/outside/marker", host->dir);
}

static void expect_untouched(struct host *host)
{
	host_sh("[ \"$(ls -A %s/outside)\" = marker ] && [ \"$(cat %s/outside/marker)\" = secret ] && "
		"[ \"$(stat -c %%u:%%a %s/outside/marker)\" = 0:644 ]", host->dir, host->dir, host->dir);
}

static struct container_spec with_mounts(struct container_spec spec, struct container_mount *mounts, size_t count)
{
	spec.mounts = mounts;
	spec.mount_count = count;
	return spec;
}

static struct container_mount volume(struct host *host, const char *name, const char *target)
{
	const char *source = arena_printf(&host->arena, "%s/%s", host->dir, name);

	host_sh("mkdir -p %s", source);
	return (struct container_mount){ .kind = CONTAINER_VOLUME, .source = source, .target = target };
}

/* --- descriptors and our own binary ------------------------------------------------------------ */

TEST(escape_descriptors_of_the_host_are_not_left_open)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "descriptors", ",", "processes", NULL);

	EXPECT_STR(host_output(&host, &spec), "0 /dev/null\n1 pipe\n2 pipe\n1 \n");
	host_close(&host);
}

/* CVE-2024-21626: the runtime's own descriptor of a directory of the host, by way of /proc. */
TEST(escape_a_working_directory_on_a_descriptor_of_the_host)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	const char *marker = plant(&host);

	host_sh("ln -s /proc/self/fd/7 %s/bin/link", host.rootfs);
	for (int fd = 3; fd < 16; fd++) {
		struct container_spec spec = host_spec(&host, "read", IN("../../../../../..%s", marker), NULL);

		spec.cwd = fd == 15 ? "/bin/link" : IN("/proc/%s/fd/%d", fd % 2 ? "self" : "1", fd);
		EXPECT_INT(host_run(&host, &spec, &err), -1);
	}
	host_close(&host);
}

TEST(escape_a_program_on_a_descriptor_of_the_host)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	host_sh("mkdir -p %s/outside && cp %s/bin/probe %s/outside/marker", host.dir, host.rootfs, host.dir);
	for (int fd = 3; fd < 16; fd++) {
		struct container_spec spec = host_spec(&host, NULL);

		spec.argv.items[0] = IN("/proc/self/fd/%d/../../../../../..%s/outside/marker", fd, host.dir);
		EXPECT_INT(host_run(&host, &spec, &err), -1);
	}
	host_close(&host);
}

/* CVE-2019-5736: what is reached by /proc/PID/exe while it is still ours, written once it runs no more. We try as the host's root,
 * who may more than anybody inside. */
TEST(escape_the_binary_of_the_runtime_cannot_be_overwritten_through_proc)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	char path[64];

	host_open(&host);
	/* a copy, since the test itself goes on running */
	host_crash(&host);
	host_sh("cp /proc/%d/exe %s/ours", (int)getpid(), host.dir);
	host.binary = IN("%s/ours", host.dir);
	host_restart(&host);
	struct container_spec spec = host_spec(&host, "print", "ran", NULL);

	info.pid = 0;
	EXPECT(host_create(&host, &spec, &err) == 0 && runtime_inspect(host.rt, spec.id, &info));
	snprintf(path, sizeof path, "/proc/%d/exe", (int)info.pid);
	int ours = open(path, O_PATH | O_CLOEXEC);

	EXPECT(ours >= 0);
	EXPECT(open(path, O_WRONLY | O_CLOEXEC) < 0);
	EXPECT(host_start(&host, spec.id, &err) == 0 && host_wait_exit(&host, spec.id));
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ours);
	EXPECT(open(path, O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
	EXPECT(open(path, O_RDWR | O_TRUNC | O_CLOEXEC) < 0 && errno == EROFS);
	close(ours);
	host_close(&host);
}

/* The same from an image: its program is a link to whatever executes it. */
TEST(escape_an_image_whose_program_is_the_one_that_starts_it)
{
	struct host host;
	struct err err = { .code = 0 };
	struct stat before, after;

	host_open(&host);
	host_sh("ln -s /proc/self/exe %s/bin/self && printf '#!/proc/self/exe\\n' > %s/bin/script && chmod 755 %s/bin/script", host.rootfs,
		host.rootfs, host.rootfs);
	EXPECT(stat("/proc/self/exe", &before) == 0);
	static const char *const programs[] = { "/bin/self", "/bin/script", "/proc/self/exe", "/proc/1/exe" };

	for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
		struct container_spec spec = host_spec(&host, "-l", "no test of this name", NULL);

		spec.argv.items[0] = programs[i];
		int code = host_run(&host, &spec, &err);

		EXPECT(code == -1 || code == 0);         /* the linked libraries of the sanitizers are not there */
	}
	EXPECT(stat("/proc/self/exe", &after) == 0);
	EXPECT(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size);
	host_close(&host);
}

/* --- the host's files -------------------------------------------------------------------------- */

TEST(escape_paths_to_the_hosts_root)
{
	struct host host;

	host_open(&host);
	const char *marker = plant(&host);
	struct container_spec spec = host_spec(&host, "reach", marker, ",", "climb", marker, ",", "handle", NULL);
	const char *text = host_output(&host, &spec);

	EXPECT(!strstr(text, "secret"));
	EXPECT_INT(count_of(text, "No such file or directory"), 8);
	EXPECT(strstr(text, "chroot: ok"));      /* CAP_SYS_CHROOT is one of Docker's */
	EXPECT(strstr(text, "open_by_handle_at: Operation not permitted"));
	host_close(&host);
}

/* Nothing of the host's mount table is left, and nothing that is mounted inside is seen outside, even with the right to mount. */
TEST(escape_mounts_of_the_host_are_neither_seen_nor_reached)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "lines", "/proc/self/mountinfo", "", NULL);
	const char *text = host_output(&host, &spec);

	EXPECT(!strstr(text, host.dir));
	EXPECT(strstr(text, " / / ") && !strstr(text, " /boot ") && !strstr(text, " /home "));
	struct container_spec admin = host_spec(&host, "mount", ",", "print", "mounted", ",", "pause", NULL);
	struct err err = { .code = 0 };

	admin.caps = UINT64_C(1) << 21 | admin.caps;
	EXPECT(host_create(&host, &admin, &err) == 0 && host_start(&host, admin.id, &err) == 0);
	EXPECT(host_wait_log(&host, admin.id, "mounted"));
	EXPECT_INT(count_of(host_file(&host, "/proc/self/mountinfo"), host.dir), 1);     /* run_root/self */
	EXPECT(host_remove(&host, admin.id, &err) == 0);
	host_close(&host);
}

TEST(escape_users_of_the_host_cannot_run_what_a_container_made_setuid)
{
	struct host host;
	struct err err = { .code = 0 };
	int status = -1;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "chmod", "/bin/probe", "4755", ",", "pause", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	const char *program = IN("%s/containers/%s/upper/bin/probe", host.data_root, spec.id);

	while (access(program, X_OK) < 0)
		usleep(1000);
	/* the roots may be anywhere, in a folder that all can enter */
	host_sh("chmod 755 %s %s %s", host.dir, host.data_root, host.run_root);
	pid_t pid = fork();

	if (pid == 0) {
		struct stat st;

		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(1);
		_exit(stat(program, &st) == 0 ? 2 : errno == EACCES ? 0 : 3);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT_INT(status, 0);
	host_close(&host);
}

/* --- links ------------------------------------------------------------------------------------- */

/* CVE-2021-30465, CVE-2024-45310: a neighbour with the same volume swaps a mount point for a link while the mount is made. */
TEST_TIMEOUT(escape_a_mount_point_in_a_shared_volume_is_swapped_for_a_link, 600)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	plant(&host);
	struct container_mount mounts[] = { volume(&host, "shared", "/shared"), { .kind = CONTAINER_TMPFS, .target = "/shared/spot/in" },
					    volume(&host, "other", "/shared/spot/deep/er") };

	host_sh("mkdir %s/shared/spot && ln -s ../../../../../../../../..%s/outside %s/shared/swap", host.dir, host.dir, host.dir);
	pid_t swapper = fork();

	if (swapper == 0)
		for (const char *a = IN("%s/shared/spot", host.dir), *b = IN("%s/shared/swap", host.dir);;)
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);     /* RENAME_EXCHANGE */
	for (int i = 0; i < 25; i++) {
		struct container_spec spec = with_mounts(host_spec(&host, "read", IN("%s/outside/marker", host.dir), NULL), mounts, 3);
		const char *text = host_output(&host, &spec);

		EXPECT(!strstr(text, "secret"));
		EXPECT(host_remove(&host, spec.id, &err) == 0);
	}
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	expect_untouched(&host);
	host_close(&host);
}

/* CVE-2024-9676, CVE-2026-135844: the list of users is the image's, and may be anything but a list. */
TEST(escape_a_list_of_users_that_never_ends)
{
	struct host host;
	static const char *const kinds[] = { "mkfifo", "ln -s /dev/zero", "ln -s /proc/1/fd/0", "mkdir" };

	host_open(&host);
	host_sh("mkdir %s/etc", host.rootfs);
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		for (int j = 0; j < 2; j++) {
			const char *file = IN("%s/etc/%s", host.rootfs, j ? "group" : "passwd");

			host_sh("%s %s", kinds[i], file);
			struct container_spec spec = host_spec(&host, "id", NULL);

			spec.user = "5";
			EXPECT_STR(host_output(&host, &spec), "uid 5 gid 0 groups 0\n");
			host_sh("rm -r %s", file);
		}
	host_sh("truncate -s 1024G %s/etc/passwd", host.rootfs);
	struct container_spec huge = host_spec(&host, "id", NULL);

	EXPECT_STR(host_output(&host, &huge), "failed: '/etc/passwd' in the container is larger than 1048576 bytes");
	host_close(&host);
}

/* The same while somebody enters: it was a file when it was looked at. */
TEST_TIMEOUT(escape_a_list_of_users_becomes_a_pipe_while_it_is_opened, 120)
{
	struct host host;
	struct err err = { .code = 0 };
	int code;

	host_open(&host);
	struct container_mount mounts[] = { volume(&host, "etc", "/etc") };
	struct container_spec spec = with_mounts(host_spec(&host, "print", "up", ",", "pause", NULL), mounts, 1);

	host_sh("printf 'me:x:7:8::/:\\n' >%s/etc/passwd", host.dir);
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0 && host_wait_log(&host, spec.id, "up"));
	host_sh("mkfifo %s/etc/swap", host.dir);
	pid_t swapper = fork();

	if (swapper == 0)
		for (const char *a = IN("%s/etc/passwd", host.dir), *b = IN("%s/etc/swap", host.dir);;)
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);     /* RENAME_EXCHANGE */
	for (int i = 0; i < 60; i++) {
		struct container_exec exec = host_exec_spec(&host, "id", NULL);

		exec.user = "7";
		const char *text = host_exec_output(&host, spec.id, &exec, &code);

		EXPECT(str_eq(text, "uid 7 gid 8 groups 8\n|") || str_eq(text, "uid 7 gid 0 groups 0\n|"));
	}
	kill(swapper, SIGKILL);
	waitpid(swapper, NULL, 0);
	host_close(&host);
}

/* CVE-2026-30892, CVE-2026-46680: who is asked for by a number is that number, also when he enters. */
TEST(escape_a_number_that_is_taken_for_root)
{
	struct host host;
	struct err err = { .code = 0 };
	int code;

	host_open(&host);
	host_sh("mkdir %s/etc && printf '1:x:0:0::/:\\n4294967296:x:0:0::/:\\n' >%s/etc/passwd", host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "id", ",", "pause", NULL);

	spec.user = "1";
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0 && host_wait_log(&host, spec.id, "groups"));
	EXPECT_STR(host_log(&host, spec.id), "uid 1 gid 0 groups 0\n");
	struct container_exec exec = host_exec_spec(&host, "id", NULL);

	exec.user = "1";
	EXPECT_STR(host_exec_output(&host, spec.id, &exec, &code), "uid 1 gid 0 groups 0\n|");
	exec.user = "4294967296";
	EXPECT(!strstr(host_exec_output(&host, spec.id, &exec, &code), "uid "));
	EXPECT_INT(code, 126);
	struct container_spec large = host_spec(&host, "id", NULL);

	large.user = "4294967296";
	EXPECT_STR(host_output(&host, &large), "failed: unable to find user 4294967296: no matching entries in passwd file");
	host_close(&host);
}

/* CVE-2022-23648 and its kind: what an image has at a volume's place is copied, and its place may be a link. */
TEST(escape_a_volume_is_filled_through_a_link_of_the_image)
{
	struct host host;

	host_open(&host);
	plant(&host);
	host_sh("ln -s %s/outside %s/data && ln -s ../../../../../../../../../%s/outside %s/up", host.dir, host.rootfs, host.dir, host.rootfs);
	struct container_mount mounts[] = { volume(&host, "one", "/data"), volume(&host, "two", "/up") };

	mounts[0].copies_up = mounts[1].copies_up = true;
	/* nothing is there in the image, then something */
	struct container_spec nowhere = with_mounts(host_spec(&host, "print", "runs", NULL), mounts, 2);

	EXPECT(str_starts(host_output(&host, &nowhere), "failed: "));
	host_sh("mkdir -p %s%s/outside && echo x >%s%s/outside/inside", host.rootfs, host.dir, host.rootfs, host.dir);
	struct container_spec spec = with_mounts(host_spec(&host, "ls", "/data", ",", "ls", "/up", NULL), mounts, 2);

	/* two volumes at one place: the second is filled from the first */
	EXPECT_STR(host_output(&host, &spec), "inside \ninside \n");
	host_sh("[ -z \"$(ls -A %s/one %s/two | grep marker)\" ]", host.dir, host.dir);
	expect_untouched(&host);
	host_close(&host);
}

/* CVE-2017-1002101: part of a volume, which its users have made a link. */
TEST(escape_a_part_of_a_volume_that_is_a_link)
{
	struct host host;

	host_open(&host);
	const char *marker = plant(&host);
	struct container_mount mounts[] = { volume(&host, "vol", "/part") };

	host_sh("ln -s %s/outside %s/vol/absolute && ln -s ../outside %s/vol/relative && ln -s /proc/self/root %s/vol/magic && ln -s / %s/vol/root",
		host.dir, host.dir, host.dir, host.dir, host.dir);
	static const char *const parts[] = { "absolute", "relative", "magic", "root", "root/tmp" };

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		struct container_spec spec = with_mounts(host_spec(&host, "ls", "/part", ",", "read", IN("/part%s", marker), NULL), mounts, 1);

		mounts[0].subpath = parts[i];
		const char *text = host_output(&host, &spec);

		EXPECT(str_starts(text, "failed: cannot access path "));
		EXPECT(!strstr(text, "marker\n") && !strstr(text, "secret"));
	}
	host_close(&host);
}

/* Removal, as of the mount points in CVE-2024-23652, must not follow what the container has put there. */
TEST(escape_a_container_is_removed_without_following_its_links)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	const char *outside = IN("%s/outside", host.dir);

	plant(&host);
	struct container_spec spec = host_spec(&host, "link", outside, "/tmp/away", ",", "link", IN("../../../../../../../..%s", outside), "/up",
					       ",", "mkdir", "/tmp/d", ",", "link", outside, "/tmp/d/away", NULL);

	EXPECT_STR(host_output(&host, &spec), "symlink: ok\nsymlink: ok\nmkdir: ok\nsymlink: ok\n");
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	expect_untouched(&host);
	host_close(&host);
}

/* --- something else at /proc and /dev ---------------------------------------------------------- */

/* CVE-2019-16884, CVE-2025-52881: what the runtime writes to /proc must not land elsewhere, nor be taken for written. */
TEST(escape_a_volume_in_the_place_of_proc)
{
	struct host host;
	struct container_pair sysctl = { "net.ipv4.ip_unprivileged_port_start", "99" };

	host_open(&host);
	host_sh("ln -s /proc/sys %s/link", host.rootfs);
	static const struct { const char *target, *text; } wrong[] = {
		{ "/proc", "failed: \"/proc\" cannot be mounted because it is not of type proc" },
		{ "//proc/", "failed: \"//proc/\" cannot be mounted because it is not of type proc" },
		{ "/proc/self/attr", "failed: \"/proc/self/attr\" cannot be mounted because it is inside /proc" },
		{ "/proc/sys/net/ipv4", "failed: \"/proc/sys/net/ipv4\" cannot be mounted because it is inside /proc" },
		{ "/proc/sysrq-trigger/x", "" }, { "/proc/nothing", "" },
		{ "/link/net", "failed: \"/link/net\" cannot be mounted because it is inside /proc" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		for (int kind = 0; kind < 2; kind++) {
			struct container_mount mounts[] = { volume(&host, "fake", wrong[i].target) };
			struct container_spec spec = with_mounts(host_spec(&host, "print", "runs", NULL), mounts, 1);

			if (kind == 1)
				mounts[0] = (struct container_mount){ .kind = CONTAINER_TMPFS, .target = wrong[i].target };
			spec.sysctls = (struct container_pairs){ &sysctl, 1 };
			const char *text = host_output(&host, &spec);

			EXPECT(str_starts(text, "failed: "));
			if (wrong[i].text[0])
				EXPECT_STR(text, wrong[i].text);
		}
	host_sh("[ -z \"$(ls -A %s/fake)\" ]", host.dir);
	host_close(&host);
}

/* What people do mount there: the host's own, and the few files that lxcfs plays. */
TEST(a_proc_of_the_host_and_single_files_may_be_mounted)
{
	struct host host;

	host_open(&host);
	host_sh("printf 'fake uptime' > %s/uptime", host.dir);
	struct container_mount mounts[] = {
		{ .kind = CONTAINER_BIND, .source = "/proc", .target = "/host/proc", .is_readonly = true },
		{ .kind = CONTAINER_BIND, .source = IN("%s/uptime", host.dir), .target = "/proc/uptime" },
	};
	struct container_spec spec = with_mounts(host_spec(&host, "cat", "/proc/uptime", ",", "ls", "/host/proc/self/ns", NULL), mounts, 2);

	EXPECT(str_starts(host_output(&host, &spec), "fake uptime"));
	struct container_mount proc[] = { { .kind = CONTAINER_BIND, .source = "/proc", .target = "/proc" } };
	struct container_spec same = with_mounts(host_spec(&host, "print", "runs", NULL), proc, 1);

	EXPECT_STR(host_output(&host, &same), "runs\n");
	host_close(&host);
}

/* CVE-2023-28642, CVE-2026-41579: links in the image at the places of our own mounts. */
TEST(escape_an_image_with_links_for_proc_sys_and_dev)
{
	struct host host;

	host_open(&host);
	plant(&host);
	static const char *const places[] = { "proc", "sys", "dev" };

	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		host_sh("mkdir -p %s/elsewhere && ln -s %s %s/%s", host.rootfs, i == 1 ? IN("../../../../../..%s/outside", host.dir) : "/elsewhere",
			host.rootfs, places[i]);
		struct container_spec spec = host_spec(&host, "print", "runs", NULL);
		const char *text = host_output(&host, &spec);

		EXPECT_STR(text, IN("failed: '/%s' of the image is not a directory: nothing can be mounted there", places[i]));
		host_sh("rm %s/%s && [ -z \"$(ls -A %s/elsewhere)\" ]", host.rootfs, places[i], host.rootfs);
	}
	expect_untouched(&host);
	host_close(&host);
}

/* The same by a container that is started again: its root is its own by then. */
TEST(escape_a_container_puts_links_for_proc_before_it_is_started_again)
{
	struct host host;
	struct err err = { .code = 0 };
	struct host_answer answer = { false };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "runs", NULL);

	spec.keeps_root = true;
	EXPECT_INT(host_run(&host, &spec, &err), 0);
	host_sh("ln -s /tmp %s/containers/%s/upper/proc", host.data_root, spec.id);
	runtime_renew(host.rt, spec.id, NULL, host_on_answer, &answer);
	EXPECT(host_wait(&host, &answer.is_there) && answer.failed);
	EXPECT_STR(answer.err.text, "'/proc' of the image is not a directory: nothing can be mounted there");
	host_close(&host);
}

/* CVE-2025-31133: files are masked with the container's /dev/null, which may be a link to what should be masked, or to what should be
 * read-only. CVE-2026-88265: as standard streams they must not be opened anew. */
TEST(escape_a_link_in_the_place_of_dev_null)
{
	struct host host;
	static const char *const links[] = { "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/kept/file", "/proc/kcore", "/dev/zero" };

	host_open(&host);
	plant(&host);
	struct container_mount mounts[] = { volume(&host, "dev", "/dev"), volume(&host, "outside", "/kept") };

	host_sh("mknod %s/dev/zero c 1 5 && touch %s/dev/tty", host.dir, host.dir);
	for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
		host_sh("ln -sfn %s %s/dev/null", links[i], host.dir);
		struct container_spec spec = with_mounts(host_spec(&host, "wopen", "/proc/interrupts", ",", "wopen", "/proc/keys", ",", "print", "runs",
								   NULL), mounts, 2);

		spec.user = "1000";
		EXPECT_STR(host_output(&host, &spec), "failed: mask '/proc/interrupts': /dev/null is not the null device");
	}
	host_sh("rm %s/dev/null && mknod %s/dev/null c 1 3", host.dir, host.dir);
	struct container_spec good = with_mounts(host_spec(&host, "cat", "/proc/interrupts", ",", "print", "runs", NULL), mounts, 2);

	EXPECT_STR(host_output(&host, &good), "runs\n");
	expect_untouched(&host);
	host_close(&host);
}
