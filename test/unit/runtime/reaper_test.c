/* Containers whose first process is ours. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static void open_with_libraries(struct host *host)
{
	host_open(host);
	host_copy_libraries(host);
}

TEST(an_init_runs_the_program_and_ends_as_it_ends)
{
	struct host host;
	struct err err = { .code = 0 };

	open_with_libraries(&host);
	struct container_spec spec = host_spec(&host, "pid", ",", "cmdline", "/proc/1/cmdline", ",", "fds", ",", "id", ",", "status", "SigBlk", ",", "status",
					       "SigIgn", ",", "exit", "7", NULL);

	spec.uses_init = true;
	spec.user = "1000";
	EXPECT_INT(host_run(&host, &spec, &err), 7);
	EXPECT_STR(err.text, "");
	const char *log = host_log(&host, spec.id);

	EXPECT(str_starts(log, "pid 2\nswarmbox-init -- probe pid , cmdline"));
	EXPECT(str_ends(log, "exit 7 \n0 1 2 \nuid 1000 gid 0 groups 0\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
	struct container_spec dies = host_spec(&host, "abort", NULL);

	dies.uses_init = true;
	EXPECT_INT(host_run(&host, &dies, &err), 128 + SIGABRT);
	host_close(&host);
}

TEST(an_init_reaps_what_is_orphaned)
{
	struct host host;

	open_with_libraries(&host);
	struct container_spec spec = host_spec(&host, "orphans", NULL);

	spec.uses_init = true;
	EXPECT_STR(host_output(&host, &spec), "all reaped\n");
	host_close(&host);
}

TEST(an_init_hands_signals_on)
{
	struct host host;
	struct err err = { .code = 0 };

	open_with_libraries(&host);
	for (size_t i = 0; i < 3; i++) {
		static const int numbers[] = { SIGTERM, SIGUSR1, SIGHUP };
		struct container_spec spec = host_spec(&host, "trap", arena_printf(&host.arena, "%d", numbers[i]), NULL);

		spec.uses_init = true;
		EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
		EXPECT(host_wait_log(&host, spec.id, "trapped"));
		EXPECT(runtime_signal(host.rt, spec.id, numbers[i], &err) == 0);
		EXPECT_INT(host_wait_exit(&host, spec.id)->code, numbers[i]);
	}
	/* one that the program does not care for ends it, as it would any process but a first one */
	struct container_spec spec = host_spec(&host, "print", "up", ",", "pause", NULL);

	spec.uses_init = true;
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "up"));
	EXPECT(runtime_signal(host.rt, spec.id, SIGTERM, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 128 + SIGTERM);
	host_close(&host);
}

TEST(a_program_behind_an_init_that_cannot_be_executed_is_told_as_ever)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	const char *missing[] = { "foo" };

	open_with_libraries(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL);

	spec.uses_init = true;
	spec.argv = (struct container_strings){ missing, 1 };
	EXPECT(host_create(&host, &spec, &err) == 0);
	EXPECT(host_start(&host, spec.id, &err) == -1);
	EXPECT_STR(err.text, "exec: \"foo\": executable file not found in $PATH");
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.exit_code, 127);
	host_close(&host);
}

TEST(an_inits_binary_cannot_be_had_from_inside)
{
	struct host host;

	open_with_libraries(&host);
	struct container_spec spec = host_spec(&host, "wopen", "/proc/1/exe", ",", "mem", "/proc/1/exe", ",", "mem", "/proc/1/mem", ",", "gone", "/proc/1/fd/3", ",",
					       "ls", "/proc/1/fd", NULL);       /* the gate, which the init may close behind the program's first steps */
	struct container_spec privileged = host_spec(&host, "write", "/proc/1/exe", "x", NULL);

	spec.uses_init = privileged.uses_init = true;
	EXPECT_STR(host_output(&host, &spec), "/proc/1/exe: Permission denied\nopen: Permission denied\nopen: Permission denied\n0 1 2 \n");
	privileged.caps = CAPS_ALL;
	privileged.seccomp_enabled = false;
	EXPECT_STR(host_output(&host, &privileged), "/proc/1/exe: Read-only file system\n");
	host_close(&host);
}

TEST(an_init_leaves_the_terminal_to_the_program)
{
	struct host host;
	struct err err = { .code = 0 };

	open_with_libraries(&host);
	struct container_spec spec = host_spec(&host, "terminal", ",", "trap", "2", NULL);

	spec.uses_init = spec.has_tty = spec.has_stdin = true;
	EXPECT(host_create(&host, &spec, &err) == 0);
	int fd = host_attach(&host, spec.id, "ioe");

	EXPECT(host_start(&host, spec.id, &err) == 0);
	EXPECT(host_stream_wait(&host, fd, "tty ok foreground yes\r\ntrapped"));
	EXPECT(fd_write_all(fd, "\003", 1) == 0);
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, SIGINT);
	host_stream_rest(&host, fd, false);
	host_close(&host);
}
