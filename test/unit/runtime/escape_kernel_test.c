/* Ways out of containers by the kernel's own files, devices, processes and sockets; the list is in escape_test.c. Each must fail. */
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

#define IN(format, ...) arena_printf(&host.arena, format, __VA_ARGS__)

/* --- the kernel's own files -------------------------------------------------------------------- */

/* core_pattern, modprobe, sysrq, uevent_helper, binfmt_misc, release_agent and all the others, known or not. */
TEST(escape_no_file_of_the_kernel_can_be_opened_for_writing)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "writable", "/proc", ",", "writable", "/sys", ",", "groups", "/sys/fs/cgroup", NULL);
	const char *text = host_output(&host, &spec);

	/* what is there asks for a capability when it is written to */
	static const char *const harmless[] = { "/proc/mtrr\n", "/proc/pressure/io\n", "/proc/pressure/memory\n", "/proc/pressure/cpu\n",
						"/proc/pressure/irq\n", NULL };
	char *rest = arena_strdup(&host.arena, text);

	for (size_t i = 0; harmless[i]; i++) {
		char *at = strstr(rest, harmless[i]);

		if (at)
			memmove(at, at + strlen(harmless[i]), strlen(at + strlen(harmless[i])) + 1);
	}
	EXPECT_STR(rest, "no group could be made\n");
	host_close(&host);
}

TEST(escape_by_the_release_agent_of_a_control_group)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "release", NULL);

	EXPECT_STR(host_output(&host, &spec), "unshare user: Operation not permitted\nunshare mount: Operation not permitted\n"
					      "unshare cgroup: Operation not permitted\nmount cgroup: Operation not permitted\n"
					      "mount cgroup2: Operation not permitted\nrelease_agent: No such file or directory\n");
	host_close(&host);
}

/* CVE-2022-0811: a value that smuggles a second setting, and settings of the host. */
TEST(escape_by_a_sysctl)
{
	struct host host;
	static const struct container_pair wrong[] = {
		{ "kernel.core_pattern", "|/bin/probe" }, { "kernel.modprobe", "/x" }, { "kernel.shm_rmid_forced/../core_pattern", "x" },
		{ "net/../kernel/core_pattern", "x" }, { "net..kernel.core_pattern", "x" }, { "kernel.shm_rmid_forced", "1+kernel.core_pattern=|/x" },
		{ "vm.drop_caches", "3" }, { "fs.suid_dumpable", "2" },
	};

	host_open(&host);
	const char *before = host_file(&host, "/proc/sys/kernel/core_pattern");

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct container_spec spec = host_spec(&host, "print", "runs", NULL);
		struct container_pair pair = wrong[i];

		spec.sysctls = (struct container_pairs){ &pair, 1 };
		EXPECT(str_starts(host_output(&host, &spec), "failed: "));
	}
	EXPECT_STR(host_file(&host, "/proc/sys/kernel/core_pattern"), before);
	host_close(&host);
}

/* CVE-2024-32473: a link with IPv4 only gives itself no IPv6 address, and takes no route. 80-neighbours.sh sees it on a link. */
TEST(escape_by_ipv6_where_nobody_asked_for_it)
{
	struct host host;
	struct container_pair wish = { "net.ipv6.conf.default.disable_ipv6", "0" };

	if (access("/proc/sys/net/ipv6/conf/default", F_OK) < 0)
		return;                          /* a kernel without it */
	host_open(&host);
	struct container_spec spec = host_spec(&host, "cat", "/proc/sys/net/ipv6/conf/default/disable_ipv6", ",", "cat",
					       "/proc/sys/net/ipv6/conf/lo/disable_ipv6", NULL);
	const char *before = host_file(&host, "/proc/sys/net/ipv6/conf/default/disable_ipv6");

	EXPECT_STR(host_output(&host, &spec), "1\n0\n");
	spec = host_spec(&host, "cat", "/proc/sys/net/ipv6/conf/default/disable_ipv6", NULL);
	spec.sysctls = (struct container_pairs){ &wish, 1 };
	EXPECT_STR(host_output(&host, &spec), "0\n");
	EXPECT_STR(host_file(&host, "/proc/sys/net/ipv6/conf/default/disable_ipv6"), before);
	host_close(&host);
}

TEST(escape_what_proc_and_sys_know_of_the_host_is_masked)
{
	struct host host;
	static const char *const files[] = { "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
					     "/proc/timer_stats", "/proc/sched_debug" };
	static const char *const dirs[] = { "/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap" };

	host_open(&host);
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		struct container_spec spec = host_spec(&host, "cat", files[i], NULL);
		const char *text = host_output(&host, &spec);

		EXPECT_STR(text, access(files[i], F_OK) == 0 ? "" : "cat: No such file or directory\n");
	}
	for (size_t i = 0; i < ARRAY_COUNT(dirs); i++) {
		struct container_spec spec = host_spec(&host, "ls", dirs[i], ",", "write", IN("%s/x", dirs[i]), "x", NULL);
		const char *text = host_output(&host, &spec);

		EXPECT_STR(text, access(dirs[i], F_OK) == 0 ? IN("\n%s/x: Read-only file system\n", dirs[i])
							    : IN("\n%s/x: No such file or directory\n", dirs[i]));
	}
	host_close(&host);
}

/* GHSA-6fw5-f8r9-fgfm: one folder a processor. */
TEST(escape_masks_may_name_one_folder_of_each_processor)
{
	struct host host;
	const char *masked[] = { "/sys/devices/system/cpu/cpu*/topology", "/sys/devices/system/nothing*/x" };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "ls", "/sys/devices/system/cpu/cpu0/topology", ",", "ls", "/sys/devices/system/cpu/cpu0", NULL);

	spec.masked_paths = (struct container_strings){ masked, 2 };
	const char *text = host_output(&host, &spec);

	EXPECT(access("/sys/devices/system/cpu/cpu0/topology", F_OK) < 0 || str_starts(text, "\n"));
	EXPECT(strstr(text, "topology"));
	struct container_spec ours;

	container_spec_init(&ours);
	bool is_there = false;

	for (size_t i = 0; i < ours.masked_paths.count; i++)
		is_there |= str_eq(ours.masked_paths.items[i], "/sys/devices/system/cpu/cpu*/thermal_throttle");
	EXPECT(is_there);
	host_close(&host);
}

TEST(escape_by_device_nodes)
{
	struct host host;
	struct stat st;

	host_open(&host);
	EXPECT(stat("/", &st) == 0);
	struct container_spec spec = host_spec(&host, "devices", IN("%u", major(st.st_dev)), IN("%u", minor(st.st_dev)), NULL);

	EXPECT_STR(host_output(&host, &spec), "disk: Operation not permitted\ndisk for writing: Operation not permitted\n"
					      "/tmp/mem: Operation not permitted\n/tmp/port: Operation not permitted\n/tmp/kmsg: Operation not permitted\n"
					      "/tmp/fuse: Operation not permitted\n/tmp/kvm: Operation not permitted\n/tmp/tty1: Operation not permitted\n"
					      "/tmp/loop: Operation not permitted\n/dev/shm/zero: Permission denied\n");
	host_close(&host);
}

/* --- the host's processes, terminals, sockets -------------------------------------------------- */

TEST(escape_typing_on_the_hosts_terminal)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "typing", NULL);

	EXPECT_STR(host_output(&host, &spec), "/dev/tty: No such device or address\n/dev/console: No such file or directory\n"
					      "TIOCSTI: Inappropriate ioctl for device\nTIOCSTI: Inappropriate ioctl for device\n"
					      "TIOCSTI: Inappropriate ioctl for device\n");
	host_close(&host);
}

/* With a terminal it is one of its own: what is typed there, or pushed in by TIOCSTI, only comes back to it. */
TEST(escape_a_terminal_is_the_containers_own)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "descriptors", ",", "ls", "/dev/pts", ",", "stat", "/dev/console", NULL);

	spec.has_tty = true;
	EXPECT_STR(host_output(&host, &spec), "0 /dev/pts/0\r\n1 /dev/pts/0\r\n2 /dev/pts/0\r\n0 ptmx \r\n/dev/console 20620 0:5 136,0\r\n");
	host_close(&host);
}

/* CVE-2025-52565, CVE-2026-88264: links where the terminal is made and mounted, in a /dev that others can write to. */
TEST(escape_links_in_the_place_of_the_console)
{
	struct host host;
	static const char *const links[][2] = { { "console", "/kept/marker" }, { "console", "/proc/sys/kernel/core_pattern" }, { "pts/ptmx", "/dev/null" },
						{ "pts/ptmx", "/kept/marker" }, { "pts", "/proc/self/fd" } };

	host_open(&host);
	host_sh("mkdir -p %s/outside %s/dev && printf secret >%s/outside/marker", host.dir, host.dir, host.dir);
	struct container_mount mounts[] = {
		{ .kind = CONTAINER_VOLUME, .source = IN("%s/dev", host.dir), .target = "/dev" },
		{ .kind = CONTAINER_VOLUME, .source = IN("%s/outside", host.dir), .target = "/kept" },
	};
	for (size_t i = 0; i < ARRAY_COUNT(links); i++) {
		host_sh("rm -rf %s/dev && mkdir -p %s/dev && mknod %s/dev/null c 1 3 && if [ %s != pts ]; then mkdir %s/dev/pts; fi && "
			"ln -s %s %s/dev/%s", host.dir, host.dir, host.dir, links[i][0], host.dir, links[i][1], host.dir, links[i][0]);
		struct container_spec spec = host_spec(&host, "print", "runs", NULL);

		spec.mounts = mounts;
		spec.mount_count = ARRAY_COUNT(mounts);
		spec.has_tty = true;
		spec.user = "1000";
		EXPECT(str_starts(host_output(&host, &spec), "failed: open a terminal in /dev/pts"));
	}
	host_sh("[ \"$(stat -c %%u:%%s %s/outside/marker)\" = 0:6 ] && [ $(cat %s/outside/marker) = secret ]", host.dir, host.dir);
	host_close(&host);
}

TEST(escape_processes_and_memory_of_the_host_are_out_of_reach)
{
	struct host host;
	int segment = shmget(0x5b0c, 4096, IPC_CREAT | 0666);

	host_open(&host);
	EXPECT(segment >= 0);
	/* ours is a number that is taken on the host and free inside */
	struct container_spec spec = host_spec(&host, "strangers", IN("%d", (int)getpid()), ",", "segment", "0x5b0c", NULL);

	EXPECT_STR(host_output(&host, &spec), "kill: No such process\nptrace: No such process\npidfd_open: No such process\n"
					      "environ: No such file or directory\nshmget: No such file or directory\n");
	shmctl(segment, IPC_RMID, NULL);
	host_close(&host);
}

/* CVE-2020-15257: a socket without a file is seen by whoever shares the network. We have none. */
TEST(escape_no_socket_of_ours_is_in_the_abstract)
{
	struct host host;

	host_open(&host);
	const char *before = host_file(&host, "/proc/net/unix");
	struct container_spec spec = host_spec(&host, "lines", "/proc/net/unix", " @", NULL);

	spec.network = CONTAINER_NET_HOST;
	const char *text = host_output(&host, &spec);

	for (const char *at = text; (at = strstr(at, " @")); at++) {
		char name[128];

		snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\n"), at);
		EXPECT(strstr(before, name));
	}
	host_close(&host);
}
