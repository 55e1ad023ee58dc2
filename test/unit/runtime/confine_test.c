/* What a process in a container may do, proven from inside: system calls, capabilities, users. escape_test.c has the ways out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

#define PROBE_AS(path, ...) "run", path, __VA_ARGS__

/* Docker's default profile, as moby/profiles has it in 2026; arguments are wrong on purpose, so that what passes the filter fails in the kernel. */
static const char answers[] =
	"read EBADF\nopenat2 EINVAL\nstatx EFAULT\nchroot EFAULT\nmemfd_create EINVAL\nmknodat EFAULT\npidfd_open EINVAL\nptrace ESRCH\n"
	"process_vm_readv ok\nseccomp EINVAL\nprlimit64 EINVAL\nio_setup EFAULT\nname_to_handle_at EINVAL\nmembarrier EINVAL\npersonality ok\n"
	"socket ok\ncapset EFAULT\n"
	"personality ADDR_NO_RANDOMIZE EPERM\nsocket vsock EPERM\nsocket alg EPERM\nclone NEWUSER EPERM\nclone3 ENOSYS\nunshare EPERM\n"
	"setns EPERM\nmount EPERM\numount2 EPERM\npivot_root EPERM\nfsopen EPERM\nfsmount EPERM\nmove_mount EPERM\nopen_tree EPERM\n"
	"bpf EPERM\nperf_event_open EPERM\nkeyctl EPERM\nadd_key EPERM\nrequest_key EPERM\nio_uring_setup EPERM\nuserfaultfd EPERM\n"
	"open_by_handle_at EPERM\ninit_module EPERM\nfinit_module EPERM\ndelete_module EPERM\nkexec_load EPERM\nreboot EPERM\nswapon EPERM\n"
	"swapoff EPERM\nacct EPERM\nquotactl EPERM\nsyslog EPERM\nsethostname EPERM\nclock_settime EPERM\nsettimeofday EPERM\nkcmp EPERM\n"
	"pidfd_getfd EPERM\nmbind EPERM\nmove_pages EPERM\nfanotify_init EPERM\nprocess_madvise EPERM\nunknown ENOSYS\n";

TEST(sixty_system_calls_are_answered_as_by_dockers_profile)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "calls", NULL);

	EXPECT_STR(host_output(&host, &spec), answers);
	/* as anybody else they get the same from the filter, which comes before the kernel's own checks */
	struct container_spec user = host_spec(&host, "calls", NULL);

	user.user = "1000";
	user.caps = 0;
	const char *text = host_output(&host, &user);

	EXPECT(strstr(text, "chroot EPERM\n"));          /* without the capability */
	EXPECT_STR(strstr(text, "personality ADDR"), strstr(answers, "personality ADDR"));
	host_close(&host);
}

/* The other side: it is the filter that says so, not the kernel. */
TEST(without_the_filter_and_with_all_capabilities_the_kernel_answers)
{
	struct host host;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "calls", NULL);

	spec.seccomp_enabled = false;
	spec.caps = CAPS_ALL;
	const char *text = host_output(&host, &spec);

	EXPECT(strstr(text, "keyctl ") && strstr(text, "unknown ENOSYS"));
	EXPECT(!strstr(text, "EPERM"));
	host_close(&host);
}

static const char own_profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_ERRNO\"},"
	"{\"names\":[\"mknodat\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},{\"names\":[\"keyctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":11},"
	"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28,\"args\":[{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_EQ\"}]},"
	"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":17,"
	"\"args\":[{\"index\":0,\"value\":4294967295,\"op\":\"SCMP_CMP_NE\"}]},"
	"{\"names\":[\"membarrier\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13,\"args\":[{\"index\":0,\"value\":12345,\"op\":\"SCMP_CMP_GE\"}]},"
	"{\"names\":[\"swapoff\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":2,\"includes\":{\"caps\":[\"CAP_CHOWN\"]}},"
	"{\"names\":[\"memfd_create\"],\"action\":\"SCMP_ACT_ERRNO\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}";

static void expect_own_answers(const char *text)
{
	static const char *const lines[] = {
		"chroot EPERM\n", "mknodat ENOSYS\n", "keyctl EAGAIN\n", "socket ok\n", "socket vsock ENOSPC\n", "personality ok\n",
		"personality ADDR_NO_RANDOMIZE EEXIST\n", "membarrier EACCES\n", "swapoff ENOENT\n", "memfd_create EINVAL\n", "read EBADF\n", "unknown ENOSYS\n",
		"Seccomp:\t2\n",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		if (!strstr(text, lines[i]))
			EXPECT_STR(text, lines[i]);
}

/* A profile of one's own takes the place of Docker's, for the container's process and for those that come in later. */
TEST(a_profile_of_ones_own_answers_from_inside)
{
	struct host host;
	struct err err = { .code = 0 };
	int code;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "calls", ",", "status", "Seccomp:", ",", "print", "done", ",", "pause", NULL);

	spec.seccomp_profile = own_profile;
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "done"));
	expect_own_answers(host_log(&host, spec.id));
	struct container_exec more = host_exec_spec(&host, "calls", ",", "status", "Seccomp:", NULL);

	expect_own_answers(host_exec_output(&host, spec.id, &more, &code));
	EXPECT_INT(code, 0);
	host_close(&host);
}

TEST(a_profile_that_cannot_be_followed_makes_no_container)
{
	struct host host;

	host_open(&host);
	struct container_spec wrong = host_spec(&host, "print", "runs", NULL);

	wrong.seccomp_profile = "{\"defaultAction\":\"SCMP_ACT_NOTHING\"}";
	EXPECT_STR(host_output(&host, &wrong), "failed: string SCMP_ACT_NOTHING is not a valid action for seccomp");
	/* it ends us before its program could run, as it says */
	struct container_spec deadly = host_spec(&host, "print", "runs", NULL);

	deadly.seccomp_profile = "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"}";
	EXPECT(str_starts(host_output(&host, &deadly), "failed: "));
	/* and one that says nothing is none */
	struct container_spec open = host_spec(&host, "status", "Seccomp:", NULL);

	open.seccomp_profile = "{}";
	EXPECT_STR(host_output(&host, &open), "Seccomp:\t0\n");
	host_close(&host);
}

/* CVE-2022-24769 and CVE-2022-29162: what is inheritable makes a program with file capabilities stronger than it should be. */
TEST(no_capability_is_inheritable_or_ambient)
{
	struct host host;
	static const char *const users[] = { "", "1000" };

	host_open(&host);
	for (size_t i = 0; i < ARRAY_COUNT(users); i++) {
		struct container_spec spec = host_spec(&host, "status", "CapInh", ",", "status", "CapAmb", ",", "status", "CapPrm", NULL);

		spec.user = users[i];
		EXPECT_STR(host_output(&host, &spec), i == 0 ? "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\nCapPrm:\t00000000a80425fb\n"
							     : "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\nCapPrm:\t0000000000000000\n");
	}
	host_close(&host);
}

/* Two copies of the probe: one setuid and setgid root, one with CAP_CHOWN and CAP_SYS_ADMIN in its file. */
static void make_strong_programs(struct host *host)
{
	/* linux/capability.h, struct vfs_cap_data: revision 2 with the effective bit, permitted, inheritable */
	const uint32_t file_caps[5] = { 0x02000001, (uint32_t)(CAPS_BIT(0) | CAPS_BIT(21)), 0, 0, 0 };
	const char *path = arena_printf(&host->arena, "%s/bin/capable", host->rootfs);

	host_sh("cp %s/bin/probe %s/bin/suid && chmod 6755 %s/bin/suid && cp %s/bin/probe %s", host->rootfs, host->rootfs, host->rootfs, host->rootfs,
		path);
	EXPECT(setxattr(path, "security.capability", file_caps, sizeof file_caps, 0) == 0);
}

TEST(no_new_privileges_makes_setuid_and_file_capabilities_worthless)
{
	struct host host;

	host_open(&host);
	make_strong_programs(&host);
	for (int is_strict = 0; is_strict < 2; is_strict++) {
		struct container_spec suid = host_spec(&host, PROBE_AS("/bin/suid", "euid"), ",", PROBE_AS("/bin/capable", "status", "CapEff"), ",",
						       "status", "NoNewPrivs", NULL);

		suid.user = "1000:1000";
		suid.caps = CAPS_BIT(0) | CAPS_BIT(21);
		suid.no_new_privs = is_strict;
		EXPECT_STR(host_output(&host, &suid), is_strict ? "euid 1000 egid 1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n"
								: "euid 0 egid 0\nCapEff:\t0000000000200001\nNoNewPrivs:\t0\n");
	}
	host_close(&host);
}

/* A program whose file wants more than the container has is not executed at all. */
TEST(a_user_gets_no_more_by_a_files_capabilities_than_the_container_has)
{
	struct host host;

	host_open(&host);
	make_strong_programs(&host);
	struct container_spec none = host_spec(&host, PROBE_AS("/bin/suid", "euid"), ",", PROBE_AS("/bin/suid", "status", "CapEff"), ",",
					       PROBE_AS("/bin/capable", "euid"), NULL);

	none.user = "1000";
	none.caps = 0;
	EXPECT_STR(host_output(&host, &none), "euid 0 egid 0\nCapEff:\t0000000000000000\n/bin/capable: Operation not permitted\n");
	host_close(&host);
}

TEST(a_user_may_not_do_what_only_root_may)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir %s/secret && chmod 700 %s/secret && echo x >%s/secret/file && echo hidden >%s/shadow && chmod 600 %s/shadow", host.rootfs,
		host.rootfs, host.rootfs, host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "id", ",", "cat", "/shadow", ",", "write", "/bin/probe", "x", ",", "ls", "/secret", ",", "chown",
		"/tmp", "1000", ",", "setuid", "0", ",", "rawsocket", ",", "mknod", "/dev/shm/x", NULL);

	spec.user = "1000:1000";
	EXPECT_STR(host_output(&host, &spec), "uid 1000 gid 1000 groups 1000\ncat: Permission denied\n/bin/probe: Permission denied\n\n"
		   "chown: Operation not permitted\nsetuid: Operation not permitted\nraw socket: Operation not permitted\n"
		   "mknod: Operation not permitted\n");
	host_close(&host);
}

TEST(root_without_any_capability_is_root_in_name_only)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir %s/theirs && chown 1000 %s/theirs && chmod 700 %s/theirs", host.rootfs, host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "status", "CapEff", ",", "status", "CapBnd", ",", "id", ",", "ls", "/theirs", ",", "write",
		"/theirs/x", "x", ",", "chown", "/tmp", "1000", ",", "setuid", "1000", ",", "rawsocket", ",", "mknod", "/tmp/x", ",", "mkdir", "/own", NULL);

	spec.caps = 0;
	EXPECT_STR(host_output(&host, &spec), "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nuid 0 gid 0 groups 0\n\n"
		   "/theirs/x: Permission denied\nchown: Operation not permitted\nsetuid: Operation not permitted\n"
		   "raw socket: Operation not permitted\nmknod: Operation not permitted\nmkdir: ok\n");
	host_close(&host);
}

/* CVE-2016-3697: an image that calls its root by the number of another user. */
TEST(a_user_by_number_is_that_number_whatever_the_image_calls_root)
{
	struct host host;

	host_open(&host);
	host_sh("mkdir %s/etc && printf '1000:x:0:0::/root:/bin/sh\\nroot:x:0:0::/:\\n' >%s/etc/passwd && printf '50:x:0:\\nroot:x:0:\\n' >%s/etc/group",
		host.rootfs, host.rootfs, host.rootfs);
	const char *groups[] = { "50" };
	struct container_spec spec = host_spec(&host, "id", NULL);

	spec.user = "1000:50";
	spec.groups = (struct container_strings){ groups, 1 };
	EXPECT_STR(host_output(&host, &spec), "uid 1000 gid 50 groups 50\n");
	host_close(&host);
}

TEST(nothing_of_the_agents_environment_is_inside)
{
	struct host host;

	host_open(&host);
	setenv("SECRET_OF_THE_AGENT", "x", 1);
	struct container_spec spec = host_spec(&host, "env", ",", "lines", "/proc/1/environ", "SECRET", ",", "lines", "/proc/1/cmdline", "shim", NULL);

	EXPECT_STR(host_output(&host, &spec), arena_printf(&host.arena, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		   "HOSTNAME=%.12s\nHOME=/\n", spec.id));
	host_close(&host);
}
