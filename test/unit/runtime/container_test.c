/* What a process sees and may do inside a container. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

TEST(a_container_sees_its_own_names_processes_and_files)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pid", ",", "hostname", ",", "cwd", ",", "cat", "/etc/hostname", ",", "cat", "/etc/hosts",
					       ",", "cat", "/etc/resolv.conf", ",", "ls", "/dev", ",", "ls", "/", ",", "id", NULL);
	struct container_pair hosts[] = { { "10.1.2.3", "db db.local" } };
	const char *servers[] = { "10.0.0.53" }, *search[] = { "a.example", "b.example" }, *options[] = { "ndots:0" };

	spec.hostname = "web1";
	spec.cwd = "/srv/app";
	spec.hosts = (struct container_pairs){ hosts, 1 };
	spec.uses_host_dns = false;
	spec.dns_servers = (struct container_strings){ servers, 1 };
	spec.dns_search = (struct container_strings){ search, 2 };
	spec.dns_options = (struct container_strings){ options, 1 };
	EXPECT_STR(host_output(&host, &spec),
		   "pid 1\nweb1\n/srv/app\nweb1\n"
		   "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
		   "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n10.1.2.3\tdb db.local\n"
		   "nameserver 10.0.0.53\nsearch a.example b.example\noptions ndots:0\n"
		   "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero \n"
		   "bin dev etc proc srv sys tmp \n"
		   "uid 0 gid 0 groups 0\n");
	host_close(&host);
}

TEST(the_environment_is_the_specs_with_path_hostname_and_home_in_front)
{
	struct host host;
	struct runtime_info info;
	const char *env[] = { "A=1", "PATH=/bin" };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "env", NULL);

	spec.env = (struct container_strings){ env, 2 };
	const char *text = host_output(&host, &spec);
	char *want = arena_printf(&host.arena, "HOSTNAME=%.12s\nA=1\nPATH=/bin\nHOME=/\n", spec.id);

	EXPECT_STR(text, want);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	host_close(&host);
}

TEST(users_and_groups_come_from_the_image)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir %s/etc && printf 'root:x:0:0::/root:/bin/sh\\nweb:x:33:34::/var/www:/bin/false\\n' > %s/etc/passwd && "
		"printf 'root:x:0:\\nwww:x:34:\\nlogs:x:50:web,other\\n' > %s/etc/group", host.rootfs, host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "id", ",", "status", "CapEff", ",", "status", "CapBnd", ",", "mkdir", "/x", NULL);

	spec.user = "web";
	EXPECT_STR(host_output(&host, &spec), "uid 33 gid 34 groups 34 50\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n"
					      "mkdir: Permission denied\n");
	struct container_spec numbers = host_spec(&host, "id", NULL);

	numbers.user = "1000:logs";
	EXPECT_STR(host_output(&host, &numbers), "uid 1000 gid 50 groups 50\n");
	struct container_spec groups = host_spec(&host, "id", ",", "wopen", "/dev/stdout", NULL);
	const char *extra[] = { "www", "77" };

	groups.user = "1000";
	groups.groups = (struct container_strings){ extra, 2 };
	EXPECT_STR(host_output(&host, &groups), "uid 1000 gid 0 groups 0 34 77\n/dev/stdout: ok\n");
	host_close(&host);
}

TEST(capabilities_system_calls_and_paths_are_limited_as_dockers)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "status", "CapEff", ",", "status", "CapBnd", ",", "status", "Seccomp:", ",",
		"status", "NoNewPrivs", ",", "mount", ",", "unshare", ",", "clone3", ",", "clonens", ",", "personality", "0x20000", ",",
		"personality", "0x40000", ",", "vsock", ",", "future", ",", "wopen", "/proc/sys/kernel/hostname", ",", "cat", "/proc/interrupts", ",", "ls", "/proc/acpi", ",", "ls", "/sys/firmware", ",",
		"wopen", "/sys/kernel/mm/transparent_hugepage/enabled", ",", "mknod", "/tmp/disk", ",", "mem", "/tmp/disk", NULL);

	EXPECT_STR(host_output(&host, &spec),
		   "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\nNoNewPrivs:\t0\n"
		   "mount: Operation not permitted\nunshare: Operation not permitted\nclone3: Function not implemented\n"
		   "clonens: Operation not permitted\npersonality: ok\npersonality: Operation not permitted\n"
		   "vsock: Operation not permitted\nfuture: Function not implemented\n"
		   "/proc/sys/kernel/hostname: Read-only file system\n\n\n"
		   "/sys/kernel/mm/transparent_hugepage/enabled: Read-only file system\nmknod: ok\nopen: Operation not permitted\n");
	host_close(&host);
}

TEST(more_capabilities_open_more_system_calls)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "status", "CapEff", ",", "mount", ",", "status", "NoNewPrivs", NULL);

	spec.caps |= CAPS_BIT(21);
	spec.no_new_privs = true;
	EXPECT_STR(host_output(&host, &spec), "CapEff:\t00000000a82425fb\nmount: ok\nNoNewPrivs:\t1\n");
	struct container_spec open = host_spec(&host, "status", "Seccomp:", ",", "future", NULL);

	open.seccomp_enabled = false;
	EXPECT_STR(host_output(&host, &open), "Seccomp:\t0\nfuture: Function not implemented\n");
	host_close(&host);
}

TEST(the_image_stays_as_it_is_and_a_readonly_root_refuses_writes)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "write", "/bin/new", "x", ",", "unlink", "/bin/probe", ",", "ls", "/bin", NULL);

	EXPECT_STR(host_output(&host, &spec), "unlink: ok\nnew \n");
	struct container_spec readonly = host_spec(&host, "write", "/bin/new", "x", ",", "write", "/dev/shm/x", "x", ",", "ls", "/bin", NULL);

	readonly.is_root_readonly = true;
	EXPECT_STR(host_output(&host, &readonly), "/bin/new: Read-only file system\nprobe \n");
	host_close(&host);
}

TEST(layers_lie_over_each_other_many_of_them_too)
{
	enum { LAYERS = 60 };
	struct host host;
	const char *layers[LAYERS + 1];

	host_open(&host);
	for (int i = 0; i < LAYERS; i++) {
		/* the odd names that an option string could not carry */
		layers[i] = arena_printf(&host.arena, "%s/lay:er,%d", host.dir, i);
		host_sh("mkdir -p '%s/etc' && echo %d > '%s/etc/top' && echo x > '%s/etc/f%d'", layers[i], i, layers[i], layers[i], i);
	}
	layers[LAYERS] = host.rootfs;
	host_sh("mknod '%s/etc/f3' c 0 0", layers[0]);
	struct container_spec spec = host_spec(&host, "cat", "/etc/top", ",", "cat", "/etc/f59", ",", "cat", "/etc/f3", NULL);

	spec.layers = (struct container_strings){ layers, LAYERS + 1 };
	EXPECT_STR(host_output(&host, &spec), "0\nx\ncat: No such file or directory\n");
	host_close(&host);
}

TEST(binds_tmpfs_and_volumes_are_mounted_as_asked)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir -p %s/host/sub %s/vol %s/etc/app && echo from-host > %s/host/file && echo default > %s/etc/app/conf && "
		"chown 5:6 %s/etc/app && chmod 750 %s/etc/app", host.dir, host.dir, host.rootfs, host.dir, host.rootfs, host.rootfs,
		host.rootfs);
	struct container_mount mounts[] = {
		{ .kind = CONTAINER_BIND, .source = arena_printf(&host.arena, "%s/host", host.dir), .target = "/ro", .is_readonly = true },
		{ .kind = CONTAINER_BIND, .source = arena_printf(&host.arena, "%s/host/file", host.dir), .target = "/new/dir/file" },
		{ .kind = CONTAINER_BIND, .source = arena_printf(&host.arena, "%s/made/here", host.dir), .target = "/made",
		  .makes_source = true },
		{ .kind = CONTAINER_TMPFS, .target = "/scratch", .size_bytes = 65536, .mode = 0700 },
		{ .kind = CONTAINER_VOLUME, .source = arena_printf(&host.arena, "%s/vol", host.dir), .target = "/etc/app", .copies_up = true },
		{ .kind = CONTAINER_TMPFS, .target = "/ro/sub" },
	};
	struct container_spec spec = host_spec(&host, "cat", "/ro/file", ",", "write", "/ro/file", "x", ",", "write", "/new/dir/file", "changed",
		",", "write", "/made/it", "y", ",", "stat", "/scratch", ",", "write", "/scratch/x", "1", ",", "cat", "/etc/app/conf", ",",
		"stat", "/etc/app", ",", "write", "/etc/app/conf", "mine", ",", "write", "/ro/sub/x", "z", NULL);

	spec.mounts = mounts;
	spec.mount_count = ARRAY_COUNT(mounts);
	EXPECT_STR(host_output(&host, &spec), "from-host\n/ro/file: Read-only file system\n/scratch 40700 0:0 0,0\ndefault\n"
					      "/etc/app 40750 5:6 0,0\n");
	host_sh("[ \"$(cat %s/host/file)\" = changed ] && [ \"$(cat %s/made/here/it)\" = y ] && [ \"$(cat %s/vol/conf)\" = mine ]",
		host.dir, host.dir, host.dir);
	host_sh("[ \"$(stat -c %%u:%%g:%%a %s/vol)\" = 5:6:750 ] && [ -z \"$(ls %s/host/sub)\" ]", host.dir, host.dir);

	/* the second time it is not filled again */
	struct container_spec again = host_spec(&host, "cat", "/etc/app/conf", NULL);

	again.mounts = &mounts[4];
	again.mount_count = 1;
	EXPECT_STR(host_output(&host, &again), "mine");
	host_close(&host);
}

TEST(links_in_an_image_do_not_lead_out_of_it)
{
	struct host host;
	struct stat st;

	host_open(&host);
	host_sh("mkdir -p %s/etc %s/outside && ln -s /../../../../%s/outside %s/data && ln -s ../../../../../%s/outside/hosts %s/etc/hosts && "
		"mknod %s/etc/resolv.conf c 1 7", host.rootfs, host.dir, host.dir, host.rootfs, host.dir, host.rootfs, host.rootfs);
	struct container_mount mount = { .kind = CONTAINER_TMPFS, .target = "/data/in" };
	struct container_spec spec = host_spec(&host, "ls", "/data", ",", "stat", "/etc/resolv.conf", NULL);

	spec.mounts = &mount;
	spec.mount_count = 1;
	struct err err = { .code = 0 };

	/* a link to nowhere inside: refused, or made inside; never followed outside */
	host_run(&host, &spec, &err);
	EXPECT(strstr(err.text, "outside") || err.text[0] == '\0' || strstr(err.text, "/data"));
	EXPECT(stat(arena_printf(&host.arena, "%s/outside/in", host.dir), &st) < 0);
	EXPECT(stat(arena_printf(&host.arena, "%s/outside/hosts", host.dir), &st) < 0);
	struct container_spec plain = host_spec(&host, "stat", "/etc/resolv.conf", ",", "stat", "/etc/hosts", NULL);

	EXPECT_STR(host_output(&host, &plain), "/etc/resolv.conf 100644 0:0 0,0\n/etc/hosts 100644 0:0 0,0\n");
	host_close(&host);
}

TEST(memory_cpu_and_process_limits_hold_and_an_oom_kill_is_named)
{
	struct host host;
	struct runtime_stats stats;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec eats = host_spec(&host, "eat", "100000000", ",", "print", "alive", NULL);

	eats.memory_bytes = 16 << 20;
	eats.memory_swap_bytes = 16 << 20;
	EXPECT_INT(host_run(&host, &eats, &err), 128 + SIGKILL);
	EXPECT(host_wait_exit(&host, eats.id)->oom_killed);
	EXPECT_STR(host_log(&host, eats.id), "");

	struct container_spec forks = host_spec(&host, "fork", "30", NULL);

	forks.pids_limit = 10;
	EXPECT_STR(host_output(&host, &forks), "forked Resource temporarily unavailable\n");
	EXPECT(!host_wait_exit(&host, forks.id)->oom_killed);

	struct container_spec spins = host_spec(&host, "spin", "600", NULL);

	spins.nano_cpus = 200000000;
	EXPECT_INT(host_run(&host, &spins, &err), 0);
	EXPECT(runtime_stats(host.rt, spins.id, &stats, &err) == 0);
	EXPECT(stats.cpu_ns > 0 && stats.cpu_ns < 400000000);
	/* v2 has had it since Linux 5.19 */
	EXPECT((stats.memory_peak_bytes > 0) ==
	       (system("find /sys/fs/cgroup -maxdepth 4 -name memory.peak -o -name memory.max_usage_in_bytes 2>/dev/null | grep . >/dev/null") == 0));
	host_close(&host);
}

static int limit_it(struct host *host, const struct container_spec *spec, struct err *err)
{
	struct host_answer answer = { false };

	runtime_limit(host->rt, spec->id, spec, host_on_answer, &answer);
	EXPECT(host_wait(host, &answer.is_there));
	if (answer.failed)
		*err = answer.err;
	return answer.failed ? -1 : 0;
}

TEST(limits_of_a_running_container_are_raised_lowered_and_lifted)
{
	struct host host;
	struct runtime_stats stats;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL);
	struct container_exec forks = host_exec_spec(&host, "fork", "12", NULL);        /* they stay */
	int code;

	EXPECT(limit_it(&host, &spec, &err) == 0);      /* nothing runs that could have them */
	spec.memory_bytes = 64 << 20;
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(strstr(host_exec_output(&host, spec.id, &forks, &code), "forked all"));
	/* more memory than memory and swap were; a part of what it was; both in v1 and v2 */
	static const int64_t sizes[] = { 256 << 20, 32 << 20, 512 << 20 };

	spec.pids_limit = 10;
	spec.nano_cpus = 500000000;
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		spec.memory_bytes = sizes[i];
		EXPECT(limit_it(&host, &spec, &err) == 0);
		EXPECT(runtime_stats(host.rt, spec.id, &stats, &err) == 0);
		EXPECT_INT(stats.memory_limit_bytes, sizes[i]);
		EXPECT_INT(stats.pids_limit, 10);
	}
	EXPECT(strstr(host_exec_output(&host, spec.id, &forks, &code), strerror(EAGAIN)));
	spec.memory_bytes = spec.pids_limit = spec.nano_cpus = 0;
	EXPECT(limit_it(&host, &spec, &err) == 0);
	EXPECT(runtime_stats(host.rt, spec.id, &stats, &err) == 0);
	EXPECT(stats.memory_limit_bytes > sizes[2] && stats.pids_limit == 0);
	EXPECT(strstr(host_exec_output(&host, spec.id, &forks, &code), "forked all"));
	host_close(&host);
}

TEST(rlimits_sysctls_devices_and_tmpfs_sizes_are_set)
{
	struct host host;

	host_open(&host);
	struct container_rlimit limit = { "nofile", 100, 200 };
	struct container_pair sysctl = { "net.ipv4.ip_unprivileged_port_start", "0" };
	struct container_device device = { "/dev/zero", "/dev/other/zeroes", "r" };
	struct container_spec spec = host_spec(&host, "rlimit", ",", "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", ",",
					       "stat", "/dev/other/zeroes", NULL);

	spec.rlimits = &limit;
	spec.rlimit_count = 1;
	spec.sysctls = (struct container_pairs){ &sysctl, 1 };
	spec.devices = &device;
	spec.device_count = 1;
	EXPECT_STR(host_output(&host, &spec), "nofile 100 200\n0\n/dev/other/zeroes 20666 0:0 1,5\n");
	host_close(&host);
}

TEST(a_container_of_the_hosts_network_shares_it)
{
	struct host host;
	struct err err = { .code = 0 };
	char name[80];

	host_open(&host);
	struct container_spec spec = host_spec(&host, "hostname", NULL);

	spec.network = CONTAINER_NET_HOST;
	EXPECT(host_create(&host, &spec, &err) == 0);
	EXPECT_INT(runtime_netns_fd(host.rt, spec.id), -1);
	EXPECT(host_start(&host, spec.id, &err) == 0 && host_wait_exit(&host, spec.id));
	gethostname(name, sizeof name);
	EXPECT_STR(host_log(&host, spec.id), arena_printf(&host.arena, "%s\n", name));
	host_close(&host);
}

TEST(our_binary_cannot_be_opened_for_writing_through_a_helper)
{
	struct host host;
	char path[160];

	host_open(&host);
	snprintf(path, sizeof path, "%s/self", host.run_root);
	EXPECT(access(path, X_OK) == 0);
	EXPECT(access(path, W_OK) == -1);
	host_close(&host);
}
