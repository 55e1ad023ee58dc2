/* Ways out of a container at the moment when somebody else comes in: `exec`, tried by what is inside already. The list is in escape_test.c. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

#define IN(format, ...) arena_printf(&host.arena, format, __VA_ARGS__)
enum { ROUNDS = 40, SYS_PTRACE_CAP = 19 };

static const char *plant(struct host *host)
{
	host_sh("mkdir -p %s/outside && printf secret >%s/outside/marker", host->dir, host->dir);
	return arena_printf(&host->arena, "%s/outside/marker", host->dir);
}

static void start(struct host *host, const struct container_spec *spec, const char *until)
{
	struct err err = { .code = 0 };

	EXPECT(host_create(host, spec, &err) == 0 && host_start(host, spec->id, &err) == 0);
	EXPECT(host_wait_log(host, spec->id, until));
}

/* Someone inside looks at each process that comes in, through every hole there has been. What he has won he tells. */
static void ambush(uint64_t more_caps, const char *program)
{
	bool may_trace = more_caps || !str_eq(program, "/bin/probe");
	struct host host;
	int code;

	host_open(&host);
	host_copy_libraries(&host);
	host_sh("printf '#!/proc/self/exe\\n' >%s/bin/script && ln -s /proc/self/exe %s/bin/self && chmod 755 %s/bin/script", host.rootfs, host.rootfs,
		host.rootfs);
	/* who has been given the right to trace finds a process that has no more rights than he; and so is our binary when it is the program */
	struct container_spec spec = host_spec(&host, "ambush", plant(&host), may_trace ? "and may trace" : NULL, NULL);

	spec.caps |= more_caps;
	start(&host, &spec, "lying in wait");
	for (int i = 0; i < ROUNDS; i++) {
		struct container_exec exec = host_exec_spec(&host, "-l", "no test of this name", NULL);

		exec.argv.items[0] = program;
		host_exec_output(&host, spec.id, &exec, &code);
	}
	struct container_exec stop = host_exec_spec(&host, "write", "/tmp/stop", "now", NULL);

	host_exec_output(&host, spec.id, &stop, &code);
	EXPECT(host_wait_exit(&host, spec.id));
	EXPECT_STR(host_log(&host, spec.id), "lying in wait\nsaw them\n");
	host_sh("[ $(cat %s/outside/marker) = secret ]", host.dir);
	host_close(&host);
}

/* CVE-2016-9962 and CVE-2024-21626. */
TEST_TIMEOUT(escape_through_a_process_that_enters, 600)
{
	ambush(0, "/bin/probe");
}

/* With the right to trace, which Docker gives when it is asked for: still nothing of the host. */
TEST_TIMEOUT(escape_by_tracing_a_process_that_enters, 600)
{
	ambush(CAPS_BIT(SYS_PTRACE_CAP), "/bin/probe");
}

/* CVE-2019-5736: what is executed is the binary that executes. */
TEST_TIMEOUT(escape_by_overwriting_the_program_that_enters, 600)
{
	ambush(0, "/bin/script");
	ambush(0, "/bin/self");
	ambush(CAPS_BIT(SYS_PTRACE_CAP), "/proc/self/exe");
}

TEST(escape_an_execs_working_directory_on_a_descriptor_of_the_host)
{
	struct host host;
	int code;

	host_open(&host);
	const char *marker = plant(&host);
	struct container_spec spec = host_spec(&host, "link", "/proc/self/fd/7", "/tmp/link", ",", "print", "linked", ",", "pause", NULL);

	start(&host, &spec, "linked");
	for (int fd = 3; fd < 24; fd++) {
		struct container_exec exec = host_exec_spec(&host, "read", IN("../../../../../..%s", marker), NULL);

		exec.cwd = fd == 23 ? "/tmp/link" : IN("/proc/%s/fd/%d", fd % 2 ? "self" : "1", fd);
		const char *text = host_exec_output(&host, spec.id, &exec, &code);

		EXPECT(!strstr(text, "secret"));
		EXPECT_INT(code, 126);
	}
	struct container_exec exec = host_exec_spec(&host, "reach", marker, ",", "descriptors", NULL);
	const char *text = host_exec_output(&host, spec.id, &exec, &code);

	EXPECT(!strstr(text, "secret") && strstr(text, "No such file or directory"));
	EXPECT(strstr(text, "0 /dev/null\n1 pipe\n2 pipe\n|"));
	host_close(&host);
}

/* An exec has what the container has, also where its own user asks for it: the filter, no new privileges, capabilities, nothing inheritable. */
TEST(escape_an_exec_is_confined_as_its_container)
{
	struct host host;
	int code;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "up", ",", "pause", NULL);

	spec.no_new_privs = true;
	spec.caps = CAPS_BIT(0);
	start(&host, &spec, "up");
	struct container_exec exec = host_exec_spec(&host, "status", "Cap", ",", "status", "Seccomp:", ",", "status", "NoNewPrivs", ",", "release", ",",
						    "mknod", "/tmp/x", NULL);

	EXPECT_STR(host_exec_output(&host, spec.id, &exec, &code),
		   "CapInh:\t0000000000000000\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:\t0000000000000001\n"
		   "CapAmb:\t0000000000000000\nSeccomp:\t2\nNoNewPrivs:\t1\nunshare user: Operation not permitted\n"
		   "unshare mount: Operation not permitted\nunshare cgroup: Operation not permitted\nmount cgroup: Operation not permitted\n"
		   "mount cgroup2: Operation not permitted\nrelease_agent: No such file or directory\nmknod: Operation not permitted\n|");
	host_close(&host);
}

/* With --init our binary is the first process of the container, for as long as that lives: still not to be written to, nor to be told what to do. */
TEST(escape_by_the_init_of_a_container)
{
	struct host host;
	struct stat before, after;

	host_open(&host);
	host_copy_libraries(&host);
	struct container_spec spec = host_spec(&host, "wopen", "/proc/1/exe", ",", "grab", "/proc/1/exe", ",", "descriptors", ",", "run", "/proc/1/exe",
					       "-l", "no test of this name", ",", "lines", "/proc/1/status", "Cap", NULL);

	spec.uses_init = true;
	EXPECT(stat("/proc/self/exe", &before) == 0);
	const char *text = host_output(&host, &spec);

	EXPECT(str_starts(text, "/proc/1/exe: Permission denied\ngrabbed: Permission denied\n0 /dev/null\n1 pipe\n2 pipe\n"));
	EXPECT(strstr(text, "CapEff:\t00000000a80425fb\n") && strstr(text, "CapInh:\t0000000000000000\n"));
	EXPECT(stat("/proc/self/exe", &after) == 0);
	EXPECT(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && before.st_size == after.st_size);
	host_close(&host);
}
