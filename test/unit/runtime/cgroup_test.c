/* Hierarchies out of mountinfo, limits as texts, device rules as a program. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_io.h"
#include "runtime/device_filter.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

TEST(a_hybrid_host_has_v1_controllers_and_a_v2_tree)
{
	struct cgroup_layout layout;
	struct err err;

	EXPECT(cgroup_layout_parse("22 27 0:21 / /proc rw - proc proc rw\n"
				   "32 31 0:29 / /cg/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
				   "35 31 0:32 / /cg/mem rw - cgroup cgroup rw,memory\n"
				   "36 31 0:33 / /cg/blkio rw - cgroup cgroup rw,blkio\n"
				   "40 31 0:37 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
				   "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n"
				   "a line of the future\n", "", &layout, &err) == 0);
	EXPECT_INT(layout.v1_count, 2);
	EXPECT_STR(layout.v1[0].mount, "/cg/cpu");
	EXPECT_STR(layout.v1[0].options, "cpu,cpuacct");
	EXPECT_INT(layout.controllers, CGROUP_CPU | CGROUP_CPUACCT | CGROUP_MEMORY);
	EXPECT_STR(layout.v2_mount, "/cg/unified");
	EXPECT_STR(layout.named_mount, "/cg/systemd");
	EXPECT(!layout.is_unified);
}

TEST(a_unified_host_has_the_controllers_that_its_root_lists)
{
	struct cgroup_layout layout;
	struct container_spec spec = { .pids_limit = 5 };
	struct err err;

	EXPECT(cgroup_layout_parse("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n", "cpuset cpu io memory\n", &layout,
				   &err) == 0);
	EXPECT(layout.is_unified);
	EXPECT_INT(layout.controllers, CGROUP_CPU | CGROUP_CPUACCT | CGROUP_MEMORY | CGROUP_DEVICES);
	EXPECT(cgroup_check_limits(&layout, &spec, &err) == -1);
	EXPECT_STR(err.text, "a pids limit needs the cgroup controller 'pids', which this host does not have");
	spec = (struct container_spec){ .memory_bytes = 1 << 30, .nano_cpus = 1 };
	EXPECT(cgroup_check_limits(&layout, &spec, &err) == 0);
	EXPECT(cgroup_layout_parse("22 27 0:21 / /proc rw - proc proc rw\n", "", &layout, &err) == -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
}

static const char *find(struct cgroup_writes writes, const char *file)
{
	for (size_t i = 0; i < writes.count; i++)
		if (str_eq(writes.items[i].file, file))
			return writes.items[i].text;
	return "-";
}

TEST(limits_are_written_in_the_units_of_each_version)
{
	struct container_spec spec = { .memory_bytes = 64 << 20, .nano_cpus = 1500000000, .pids_limit = 7 };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	struct cgroup_writes v1 = cgroup_v1_limits(~0u, &spec, true, &arena), v2 = cgroup_v2_limits(&spec, true, &arena);

	EXPECT_STR(find(v1, "memory.limit_in_bytes"), "67108864");
	EXPECT_STR(find(v1, "memory.memsw.limit_in_bytes"), "134217728");
	EXPECT_STR(find(v1, "cpu.cfs_quota_us"), "150000");
	EXPECT_STR(find(v1, "cpu.cfs_period_us"), "100000");
	EXPECT_STR(find(v1, "pids.max"), "7");
	EXPECT_STR(find(v2, "memory.max"), "67108864");
	EXPECT_STR(find(v2, "memory.swap.max"), "67108864");
	EXPECT_STR(find(v2, "cpu.max"), "150000 100000");
	EXPECT_STR(find(v2, "pids.max"), "7");
	spec.memory_swap_bytes = -1;
	EXPECT_STR(find(cgroup_v1_limits(CGROUP_MEMORY, &spec, true, &arena), "memory.memsw.limit_in_bytes"), "-1");
	EXPECT_STR(find(cgroup_v2_limits(&spec, true, &arena), "memory.swap.max"), "max");
	EXPECT_STR(find(cgroup_v1_limits(CGROUP_MEMORY, &spec, true, &arena), "pids.max"), "-");
	spec = (struct container_spec){ .pids_limit = 0 };
	EXPECT_INT(cgroup_v1_limits(~0u, &spec, true, &arena).count, 0);
	EXPECT_INT(cgroup_v2_limits(&spec, true, &arena).count, 0);
	arena_fini(&arena);
}

TEST(a_limit_that_is_no_more_is_lifted)
{
	struct container_spec spec = { .pids_limit = 0 };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	struct cgroup_writes v1 = cgroup_v1_limits(~0u, &spec, false, &arena), v2 = cgroup_v2_limits(&spec, false, &arena);

	EXPECT_STR(find(v1, "memory.limit_in_bytes"), "-1");
	EXPECT_STR(find(v1, "memory.memsw.limit_in_bytes"), "-1");
	EXPECT_STR(find(v1, "cpu.cfs_quota_us"), "-1");
	EXPECT_STR(find(v1, "pids.max"), "max");
	EXPECT_STR(find(v2, "memory.max"), "max");
	EXPECT_STR(find(v2, "memory.swap.max"), "max");
	EXPECT_STR(find(v2, "cpu.max"), "max 100000");
	EXPECT_STR(find(v2, "pids.max"), "max");
	EXPECT_INT(cgroup_v1_limits(CGROUP_DEVICES, &spec, false, &arena).count, 0);
	arena_fini(&arena);
}

TEST(counts_are_found_by_their_whole_key)
{
	EXPECT_INT(cgroup_count_of("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3);
	EXPECT_INT(cgroup_count_of("low 0\noom 1\noom_kill 2\noom_group_kill 1\n", "oom_kill"), 2);
	EXPECT_INT(cgroup_count_of("oom_kill", "oom_kill"), 0);
	EXPECT_INT(cgroup_count_of("", "oom_kill"), 0);
}

TEST(device_rules_are_texts_in_v1)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(cgroup_device_text(&(struct cgroup_device){ 'c', 1, 3, "rwm" }, &arena), "c 1:3 rwm");
	EXPECT_STR(cgroup_device_text(&(struct cgroup_device){ 'b', -1, -1, "m" }, &arena), "b *:* m");
	arena_fini(&arena);
}

/* The kernel's verifier is the test: and then the program in a v2 group decides what a process may open. */
TEST(device_rules_are_a_program_that_the_kernel_takes_and_obeys)
{
	struct device_filter filter;
	struct cgroup_device rules[2] = { { 'c', 1, 3, "rw" }, { 'c', 1, 5, "r" } };
	struct err err;

	EXPECT(device_filter_build(cgroup_default_devices, cgroup_default_device_count, &filter, &err) == 0);
	EXPECT(device_filter_build(rules, 2, &filter, &err) == 0);
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uint64_t)(uintptr_t)filter.insns,
				.insn_cnt = (uint32_t)filter.count, .license = (uint64_t)(uintptr_t)"GPL" };
	int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	struct cgroup_layout layout;
	char mounts[65536] = "", dir[400], procs[450];
	int fd = open("/proc/self/mountinfo", O_RDONLY);

	EXPECT(prog >= 0);
	EXPECT(read(fd, mounts, sizeof mounts - 1) > 0);
	close(fd);
	EXPECT(cgroup_layout_parse(mounts, "", &layout, &err) == 0 && layout.v2_mount[0]);
	snprintf(dir, sizeof dir, "%s/sbrt-devices-%d", layout.v2_mount, (int)getpid());
	snprintf(procs, sizeof procs, "%s/cgroup.procs", dir);
	EXPECT(mkdir(dir, 0755) == 0);
	int group = open(dir, O_RDONLY | O_DIRECTORY);
	union bpf_attr attach = { .target_fd = (uint32_t)group, .attach_bpf_fd = (uint32_t)prog, .attach_type = BPF_CGROUP_DEVICE,
				  .attach_flags = BPF_F_ALLOW_MULTI };

	EXPECT(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		int into = open(procs, O_WRONLY);
		bool joined = write(into, "0", 1) == 1;

		_exit((joined ? 0 : 1) | (open("/dev/null", O_RDWR) >= 0 ? 0 : 2) | (open("/dev/zero", O_RDONLY) >= 0 ? 0 : 4) |
		      (open("/dev/zero", O_RDWR) < 0 ? 0 : 8) | (open("/dev/full", O_RDONLY) < 0 ? 0 : 16));
	}
	int status = -1;

	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT_INT(status, 0);
	close(group);
	close(prog);
	EXPECT(rmdir(dir) == 0);
}

TEST(more_device_rules_than_fit_are_refused)
{
	static struct cgroup_device rules[100];
	struct device_filter filter;
	struct err err;

	for (int i = 0; i < 100; i++)
		rules[i] = (struct cgroup_device){ 'c', i, i, "rwm" };
	EXPECT(device_filter_build(rules, 60, &filter, &err) == 0);
	EXPECT(device_filter_build(rules, 100, &filter, &err) == -1);
	EXPECT_STR(err.text, "100 device rules: more than a container may have");
}

TEST(swap_is_limited_where_a_group_has_the_file_for_it)
{
	struct cgroup_layout v1 = { .controllers = CGROUP_MEMORY, .v1_count = 2 }, v2 = { .controllers = CGROUP_MEMORY, .is_unified = true };
	char dir[] = "/tmp/sbcgroup-XXXXXX";
	struct err err;

	v1.v1[0].controllers = CGROUP_CPU;
	v1.v1[1].controllers = CGROUP_MEMORY;
	EXPECT(runner_folder(dir));
	str_copy(v1.v1[0].mount, sizeof v1.v1[0].mount, dir);
	str_copy(v1.v1[1].mount, sizeof v1.v1[1].mount, dir);
	str_copy(v2.v2_mount, sizeof v2.v2_mount, dir);
	host_sh("mkdir %s/ours", dir);
	EXPECT(!cgroup_limits_swap(&v1, "ours") && !cgroup_limits_swap(&v2, "ours"));
	host_sh("touch %s/ours/memory.memsw.limit_in_bytes", dir);
	EXPECT(cgroup_limits_swap(&v1, "ours") && !cgroup_limits_swap(&v2, "ours"));
	host_sh("touch %s/ours/memory.swap.max", dir);
	EXPECT(cgroup_limits_swap(&v2, "ours"));
	v1.v1_count = 1;
	v2.controllers = CGROUP_CPU;
	EXPECT(!cgroup_limits_swap(&v1, "ours") && !cgroup_limits_swap(&v2, "ours"));
	EXPECT(dir_remove_tree(dir, &err) == 0);
}
