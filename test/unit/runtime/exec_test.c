/* Processes beside a container's own: what they are in, what they may do, how they end. */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "model/caps.h"
#include "os/file.h"
#include "runtime/runtime_inside.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static struct container_spec start(struct host *host, struct container_spec spec)
{
	struct err err = { .code = 0 };

	EXPECT(host_create(host, &spec, &err) == 0);
	EXPECT(host_start(host, spec.id, &err) == 0);
	EXPECT_STR(err.text, "");
	return spec;
}

static void expect_output(struct host *host, const char *id, struct container_exec exec, const char *output, int code)
{
	int got;

	EXPECT_STR(host_exec_output(host, id, &exec, &got), output);
	EXPECT_INT(got, code);
}

/* "no such file": the words are the C library's, and begin with a small letter. Until the next call. */
static const char *in_gos_case(const char *why)
{
	static char text[128];

	snprintf(text, sizeof text, "%c%s", tolower((unsigned char)why[0]), why + 1);
	return text;
}

TEST(an_exec_runs_in_the_container_and_gives_output_and_code)
{
	struct host host;
	int code;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "cat", "/proc/self/cgroup", ",", "pause", NULL);

	spec.hostname = "box";
	spec.cwd = "/tmp";
	spec = start(&host, spec);
	expect_output(&host, spec.id, host_exec_spec(&host, "hostname", ",", "cwd", ",", "id", ",", "fds", ",", "error", "bad", ",", "stdin", ",", "exit",
						     "9", NULL),
		      "box\n/tmp\nuid 0 gid 0 groups 0\n0 1 2 \n[end]\n|bad\n", 9);
	expect_output(&host, spec.id, host_exec_spec(&host, "write", "/tmp/x", "hello", ",", "cat", "/proc/1/comm", NULL), "probe\n|", 0);
	expect_output(&host, spec.id, host_exec_spec(&host, "cat", "/tmp/x", NULL), "hello|", 0);

	/* in all of its groups, seen from inside and from outside */
	struct container_exec groups = host_exec_spec(&host, "cat", "/proc/self/cgroup", NULL), waits = host_exec_spec(&host, "trap", "10", NULL);
	struct host_exec exec;
	struct runtime_info info;

	EXPECT(host_wait_log(&host, spec.id, "0::/"));
	EXPECT_STR(host_exec_output(&host, spec.id, &groups, &code), arena_printf(&host.arena, "%s|", host_log(&host, spec.id)));
	EXPECT(host_exec_start(&host, spec.id, &waits, &exec) == 0);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	host_sh("cmp /proc/%d/cgroup /proc/%d/cgroup && cmp /proc/%d/oom_score_adj /proc/%d/oom_score_adj && "
		"for n in mnt pid uts ipc net cgroup; do [ $(readlink /proc/%d/ns/$n) = $(readlink /proc/%d/ns/$n) ] || exit 1; done",
		info.pid, exec.pid, info.pid, exec.pid, info.pid, exec.pid);
	EXPECT(kill(exec.pid, SIGKILL) == 0);
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, 128 + SIGKILL);
	host_stream_rest(&host, exec.stream_fd, true);
	runtime_exec_free(exec.handle);
	host_close(&host);
}

TEST(an_execs_user_environment_and_directory_are_its_own)
{
	struct host host;
	const char *env[] = { "A=1", "B=2", "PATH=/bin" }, *more[] = { "B=changed", "C=3" }, *groups[] = { "77" };

	host_open(&host);
	host_sh("mkdir -p %s/etc %s/srv && printf 'root:x:0:0::/root:/bin/sh\\nweb:x:33:34::/var/www:/bin/false\\n' > %s/etc/passwd && "
		"printf 'www:x:34:\\nlogs:x:50:web,other\\n' > %s/etc/group", host.rootfs, host.rootfs, host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "pause", NULL);

	spec.env = (struct container_strings){ env, 3 };
	spec.groups = (struct container_strings){ groups, 1 };
	spec = start(&host, spec);
	struct container_exec web = host_exec_spec(&host, "id", ",", "cwd", ",", "env", ",", "mkdir", "/x", NULL);

	web.user = "web";
	web.cwd = "/srv";
	web.env = (struct container_strings){ more, 2 };
	expect_output(&host, spec.id, web,
		      arena_printf(&host.arena, "uid 33 gid 34 groups 34 50 77\n/srv\nHOSTNAME=%.12s\nA=1\nB=changed\nPATH=/bin\nC=3\nHOME=/var/www\n"
						"mkdir: Permission denied\n|", spec.id), 0);
	expect_output(&host, spec.id, host_exec_spec(&host, "id", ",", "env", NULL),
		      arena_printf(&host.arena, "uid 0 gid 0 groups 0 77\nHOSTNAME=%.12s\nA=1\nB=2\nPATH=/bin\nHOME=/root\n|", spec.id), 0);
	host_close(&host);
}

TEST(an_exec_may_do_what_its_container_may_and_more_only_when_privileged)
{
	struct host host;
	struct container_rlimit limit = { "nofile", 100, 200 };

	host_open(&host);
	host_sh("grep CapEff /proc/self/status > %s/caps; grep CapBnd /proc/self/status >> %s/caps", host.dir, host.dir);
	struct container_spec spec = host_spec(&host, "pause", NULL);

	spec.rlimits = &limit;
	spec.rlimit_count = 1;
	spec.no_new_privs = true;
	spec = start(&host, spec);
	struct container_exec exec = host_exec_spec(&host, "status", "CapEff", ",", "status", "CapBnd", NULL);
	struct container_exec more = host_exec_spec(&host, "status", "Seccomp:", ",", "status", "NoNewPrivs", ",", "rlimit", ",", "unshare", ",", "wopen",
						    "/proc/sys/kernel/hostname", NULL);

	expect_output(&host, spec.id, exec, "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n|", 0);
	expect_output(&host, spec.id, more, "Seccomp:\t2\nNoNewPrivs:\t1\nnofile 100 200\nunshare: Operation not permitted\n"
					    "/proc/sys/kernel/hostname: Read-only file system\n|", 0);
	exec.user = "1000";
	expect_output(&host, spec.id, exec, "CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\n|", 0);
	exec.user = NULL;
	exec.is_privileged = more.is_privileged = true;
	expect_output(&host, spec.id, exec, arena_printf(&host.arena, "%s|", host_file(&host, arena_printf(&host.arena, "%s/caps", host.dir))), 0);
	/* the filter and the mounts stay the container's */
	expect_output(&host, spec.id, more, "Seccomp:\t2\nNoNewPrivs:\t1\nnofile 100 200\nunshare: Operation not permitted\n"
					    "/proc/sys/kernel/hostname: Read-only file system\n|", 0);
	host_close(&host);
}

static struct container_exec exec_of(const char **program)
{
	return (struct container_exec){ .argv = { program, 1 }, .has_output = true };
}

TEST(what_cannot_be_run_is_told_in_dockers_words_and_leaves_nothing)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_exec *handle;
	struct runtime_exec_events none = { NULL, NULL };
	const char *missing = "foo", *absolute = "/foo", *plain = "/tmp/plain", *empty = "";

	host_open(&host);
	host_sh("echo x > %s/tmp/plain && chmod 644 %s/tmp/plain && ln -s /proc/1/cwd %s/tmp/out && ln -s /etc %s/tmp/etc", host.rootfs,
		host.rootfs, host.rootfs, host.rootfs);
	struct container_spec spec = host_spec(&host, "pause", NULL), created = host_spec(&host, "pause", NULL);
	struct container_exec exec = exec_of(&missing);

	EXPECT(runtime_exec_new(host.rt, spec.id, &exec, &none, NULL, &handle, &err) == -1 && err.code == ERR_NOT_FOUND);
	spec = start(&host, spec);
	EXPECT(host_create(&host, &created, &err) == 0);
	EXPECT(runtime_exec_new(host.rt, created.id, &exec, &none, NULL, &handle, &err) == -1 && err.code == ERR_CONFLICT);

	expect_output(&host, spec.id, exec_of(&missing), "failed: exec: \"foo\": executable file not found in $PATH", 127);
	expect_output(&host, spec.id, exec_of(&absolute), "failed: exec: \"/foo\": stat /foo: no such file or directory", 127);
	expect_output(&host, spec.id, exec_of(&plain), "failed: exec: \"/tmp/plain\": permission denied", 126);
	exec = host_exec_spec(&host, "pause", NULL);
	exec.user = "nobody";
	expect_output(&host, spec.id, exec, "failed: unable to find user nobody: no matching entries in passwd file", 126);
	exec.user = NULL;
	exec.cwd = "/none";
	expect_output(&host, spec.id, exec, "failed: chdir to cwd (\"/none\") set in config.json failed: no such file or directory", 126);
	/* CVE-2024-21626: a directory of the host, held open by the runtime */
	for (int fd = 3; fd < 12; fd++) {
		exec.cwd = arena_printf(&host.arena, "/proc/self/fd/%d", fd);
		int code;
		const char *text = host_exec_output(&host, spec.id, &exec, &code);

		EXPECT_INT(code, 126);
		EXPECT(str_starts(text, "failed: chdir to cwd"));
	}
	exec.cwd = "/tmp/out/../..";
	expect_output(&host, spec.id, exec, arena_printf(&host.arena, "failed: chdir to cwd (\"/tmp/out/../..\") set in config.json failed: %s", in_gos_case(strerror(ELOOP))), 126);
	exec.cwd = "tmp";
	expect_output(&host, spec.id, exec, "failed: Cwd must be an absolute path", 0);
	expect_output(&host, spec.id, exec_of(&empty), "failed: No exec command specified", 0);
	host_close(&host);
}

TEST(an_execs_stdin_ends_with_its_clients)
{
	struct host host;
	struct host_exec exec;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec cat = host_exec_spec(&host, "stdin", ",", "exit", "4", NULL);

	cat.has_stdin = true;
	EXPECT(host_exec_start(&host, spec.id, &cat, &exec) == 0);
	EXPECT(fd_write_all(exec.stream_fd, "typed\n", 6) == 0 && shutdown(exec.stream_fd, SHUT_WR) == 0);
	EXPECT_STR(host_stream_rest(&host, exec.stream_fd, true), "typed\n[end]\n|");
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, 4);
	runtime_exec_free(exec.handle);
	host_close(&host);
}

TEST(an_exec_has_a_terminal_of_its_own)
{
	struct host host;
	struct host_exec exec;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "terminal", ",", "pause", NULL);

	spec.has_tty = true;
	spec = start(&host, spec);
	EXPECT(host_wait_log(&host, spec.id, "/dev/pts/0"));
	struct container_exec shell = host_exec_spec(&host, "terminal", ",", "stat", "/dev/pts/1", ",", "env", ",", "fds", ",", "winch", ",", "trap", "2", NULL);

	shell.has_tty = shell.has_stdin = true;
	shell.tty_rows = 24;
	shell.tty_columns = 80;
	shell.user = "1000";
	EXPECT(host_exec_start(&host, spec.id, &shell, &exec) == 0);
	EXPECT(host_stream_wait(&host, exec.stream_fd,
		arena_printf(&host.arena, "/dev/pts/1 1 1 1 size 24 80 tty ok foreground yes\r\n/dev/pts/1 20620 1000:5 136,1\r\n"
			     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\r\nHOSTNAME=%.12s\r\nTERM=xterm\r\nHOME=/\r\n0 1 2 \r\nready",
			     spec.id)));
	EXPECT(runtime_exec_resize(exec.handle, 30, 90, &err) == 0);
	EXPECT(host_stream_wait(&host, exec.stream_fd, "size 30 90 tty ok foreground yes\r\ntrapped"));
	EXPECT(fd_write_all(exec.stream_fd, "\003", 1) == 0);
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, SIGINT);
	EXPECT(str_ends(host_stream_rest(&host, exec.stream_fd, false), "^C"));
	EXPECT(runtime_exec_resize(exec.handle, 30, 90, &err) == -1 && err.code == ERR_CONFLICT);
	runtime_exec_free(exec.handle);
	host_close(&host);
}

TEST(a_container_that_ends_takes_its_execs_along)
{
	struct host host;
	struct host_exec exec[4];
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec pause = host_exec_spec(&host, "orphan", ",", "pause", NULL), terminal = pause;

	terminal.has_tty = terminal.has_stdin = true;
	for (int i = 0; i < 4; i++)
		EXPECT(host_exec_start(&host, spec.id, i % 2 ? &terminal : &pause, &exec[i]) == 0);
	for (int i = 0; i < 4; i++)
		EXPECT(host_stream_wait(&host, exec[i].stream_fd, i % 2 ? "orphaned\r\n" : "orphaned\n"));  /* a terminal gives the line's end apart */
	EXPECT(runtime_kill(host.rt, spec.id, &err) == 0);
	EXPECT(host_wait_exit(&host, spec.id));
	for (int i = 0; i < 4; i++) {
		EXPECT(host_wait(&host, &exec[i].has_ended));
		EXPECT_INT(exec[i].code, 128 + SIGKILL);
		EXPECT_STR(host_stream_rest(&host, exec[i].stream_fd, false), "");
		runtime_exec_free(exec[i].handle);
	}
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	host_close(&host);
}

TEST(an_exec_that_nobody_listens_to_goes_on_and_ends)
{
	struct host host;
	struct host_exec exec;
	int code;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec quiet = host_exec_spec(&host, "flood", "100000", "line", ",", "write", "/tmp/done", "yes", ",", "exit", "6", NULL), loud = quiet,
			      look = host_exec_spec(&host, "cat", "/tmp/done", ",", "unlink", "/tmp/done", NULL), terminal = quiet;

	quiet.has_output = false;
	EXPECT(host_exec_start(&host, spec.id, &quiet, &exec) == 0);
	EXPECT_INT(exec.stream_fd, -1);
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, 6);
	runtime_exec_free(exec.handle);
	EXPECT_STR(host_exec_output(&host, spec.id, &look, &code), "yesunlink: ok\n|");

	/* a client that goes: what is written from then on is thrown away */
	EXPECT(host_exec_start(&host, spec.id, &loud, &exec) == 0);
	close(exec.stream_fd);
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, 6);
	runtime_exec_free(exec.handle);
	EXPECT_STR(host_exec_output(&host, spec.id, &look, &code), "yesunlink: ok\n|");

	/* a handle that goes: the process does not */
	terminal.has_tty = true;
	EXPECT(host_exec_start(&host, spec.id, &terminal, &exec) == 0);
	close(exec.stream_fd);
	runtime_exec_free(exec.handle);
	do
		host_exec_output(&host, spec.id, &look, &code);
	while (!strstr(host_exec_output(&host, spec.id, &look, &code), "No such file"));
	EXPECT(!exec.has_ended);
	host_close(&host);
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void wait_until_gone(pid_t pid)
{
	host_sh("while [ -e /proc/%d/stat ] && ! grep -qs ') [ZX] ' /proc/%d/stat; do sleep 0.01; done", pid, pid);
}

TEST_TIMEOUT(with_the_agent_gone_an_exec_goes_on_unless_it_is_bound_to_it, 600)
{
	struct host host;
	struct host_exec goes_on = { .stream_fd = -1 }, bound = goes_on;
	struct err err = { .code = 0 };
	int code;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec trap = host_exec_spec(&host, "trap", "10", ",", "write", "/tmp/done", "yes", NULL), other = trap;

	other.ends_with_agent = true;
	EXPECT(host_exec_start(&host, spec.id, &trap, &goes_on) == 0 && host_exec_start(&host, spec.id, &other, &bound) == 0);
	EXPECT(host_stream_wait(&host, goes_on.stream_fd, "trapped") && host_stream_wait(&host, bound.stream_fd, "trapped"));
	host_crash(&host);
	close(goes_on.stream_fd);
	close(bound.stream_fd);
	wait_until_gone(bound.pid);
	EXPECT(is_alive(goes_on.pid));
	host_restart(&host);
	EXPECT(is_alive(goes_on.pid));
	struct container_exec look = host_exec_spec(&host, "print", "here", NULL);

	EXPECT_STR(host_exec_output(&host, spec.id, &look, &code), "here\n|");
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	wait_until_gone(goes_on.pid);
	host_close(&host);
}

TEST(a_killed_shim_takes_its_exec_along)
{
	struct host host;
	struct host_exec exec;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec pause = host_exec_spec(&host, "pause", NULL);
	struct runtime_info info;

	EXPECT(host_exec_start(&host, spec.id, &pause, &exec) == 0);
	host_sh("kill -KILL $(awk '/^PPid/{print $2}' /proc/%d/status)", exec.pid);
	EXPECT(host_wait(&host, &exec.has_ended));
	EXPECT_INT(exec.code, 128 + SIGKILL);
	wait_until_gone(exec.pid);
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && info.state == RUNTIME_RUNNING);
	host_stream_rest(&host, exec.stream_fd, true);
	runtime_exec_free(exec.handle);
	host_close(&host);
}

TEST_TIMEOUT(a_container_cannot_look_into_a_process_on_its_way_in, 600)
{
	struct host host;
	int code;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "kids", "2000", NULL));
	struct container_exec exec = host_exec_spec(&host, "print", "x", NULL);

	EXPECT(host_wait_log(&host, spec.id, "watching"));
	while (host.exit_count == 0) {
		struct runtime_info info;

		if (runtime_inspect(host.rt, spec.id, &info) && info.state == RUNTIME_RUNNING)
			host_exec_output(&host, spec.id, &exec, &code);
		else
			loop_run_once(host.loop, 10);
	}
	EXPECT_STR(host_log(&host, spec.id), "watching\nsaw some, open 0\n");
	host_close(&host);
}

/* What has ended gives its place back when its shim has gone, too. */
static void settle(struct host *host, unsigned count)
{
	while (host->rt->exec_count != count)
		loop_run_once(host->loop, 100);
}

/* As if nearly all places were taken by others. */
TEST(more_execs_than_there_are_places_for_are_refused_and_a_place_that_is_left_is_given_again)
{
	struct runtime_exec_events none = { NULL, NULL };
	struct runtime_exec *handle = NULL;
	struct host_exec last;
	struct host host;
	struct err err;

	host_open(&host);
	struct container_spec spec = start(&host, host_spec(&host, "pause", NULL));
	struct container_exec waits = host_exec_spec(&host, "print", "here", ",", "pause", NULL), print = host_exec_spec(&host, "print", "x", NULL);
	unsigned others = RUNTIME_MAX_EXECS - 2;

	host.rt->exec_count += others;
	expect_output(&host, spec.id, print, "x\n|", 0);
	settle(&host, others);
	EXPECT(host_exec_start(&host, spec.id, &waits, &last) == 0);
	expect_output(&host, spec.id, print, "x\n|", 0);
	settle(&host, ++others);
	host.rt->exec_count++;
	for (int i = 0; i < 3; i++) {
		EXPECT(runtime_exec_new(host.rt, spec.id, &print, &none, NULL, &handle, &err) == -1 && !handle);
		EXPECT_INT(err.code, ERR_EXHAUSTED);
		EXPECT_STR(err.text, "more than 1024 processes are run beside those of containers");
	}
	/* the one that is there is not disturbed, and makes room when it goes */
	EXPECT(!last.has_ended && kill(last.pid, SIGKILL) == 0 && host_wait(&host, &last.has_ended));
	runtime_exec_free(last.handle);
	close(last.stream_fd);
	settle(&host, others);
	expect_output(&host, spec.id, print, "x\n|", 0);
	settle(&host, others);
	host.rt->exec_count = 0;
	host_close(&host);
}

TEST(an_exec_beyond_the_containers_limit_of_processes_is_refused)
{
	struct host host;
	int code;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "fork", "8", ",", "pause", NULL);

	spec.pids_limit = 4;
	spec = start(&host, spec);
	EXPECT(host_wait_log(&host, spec.id, "forked"));
	struct container_exec exec = host_exec_spec(&host, "fork", "1", NULL);
	const char *text = host_exec_output(&host, spec.id, &exec, &code);

	EXPECT(strstr(text, strerror(EAGAIN)));
	host_close(&host);
}
