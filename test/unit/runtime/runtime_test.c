/* The life of containers: made, started, ended, removed, and found again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/entropy.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

TEST(a_container_runs_and_its_exit_code_is_told)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "hello", ",", "error", "oops", ",", "exit", "7", NULL);

	EXPECT_INT(host_run(&host, &spec, &err), 7);
	EXPECT_STR(err.text, "");
	EXPECT_STR(host_log(&host, spec.id), "hello\nE:oops\n");
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	host_close(&host);
}

TEST(a_created_container_waits_at_the_gate_with_its_own_network)
{
	struct host host;
	struct runtime_info info;
	struct stat ours = { 0 }, its = { 0 };
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "started", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_CREATED);
	EXPECT(info.pid > 0 && kill(info.pid, 0) == 0);
	EXPECT(fstat(runtime_netns_fd(host.rt, spec.id), &its) == 0 && stat("/proc/self/ns/net", &ours) == 0);
	EXPECT(ours.st_ino != its.st_ino);
	EXPECT_STR(host_log(&host, spec.id), "");
	EXPECT(runtime_signal(host.rt, spec.id, SIGTERM, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT(host_start(&host, spec.id, &err) == 0);
	EXPECT(host_start(&host, spec.id, &err) == -1);
	EXPECT(host_wait_exit(&host, spec.id));
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_EXITED);
	EXPECT(info.started_wall > 0 && info.finished_wall >= info.started_wall && info.created_wall == spec.created_wall);
	EXPECT_INT(runtime_netns_fd(host.rt, spec.id), -1);
	host_close(&host);
}

static void expect_start_fails(struct host *host, const char *program, const char *words, int code)
{
	struct container_spec spec = host_spec(host, NULL);
	struct runtime_info info;
	struct err err = { .code = 0 };
	const char *argv[] = { program };

	spec.argv = (struct container_strings){ argv, 1 };
	EXPECT(host_create(host, &spec, &err) == 0);
	EXPECT(host_start(host, spec.id, &err) == -1);
	EXPECT_STR(err.text, words);
	EXPECT(runtime_inspect(host->rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_EXITED);
	EXPECT_INT(info.exit_code, code);
	EXPECT_STR(info.error, words);
	EXPECT_INT(host->exit_count, 0);
}

TEST(a_program_that_cannot_be_executed_is_told_in_dockers_words)
{
	struct host host;

	host_open(&host);
	host_sh("cd %s && echo text > tmp/script && chmod 755 tmp/script && printf '#!/no/such\\n' > tmp/shebang && chmod 755 tmp/shebang"
		" && echo x > tmp/plain && chmod 644 tmp/plain", host.rootfs);
	expect_start_fails(&host, "foo", "exec: \"foo\": executable file not found in $PATH", 127);
	expect_start_fails(&host, "/foo", "exec: \"/foo\": stat /foo: no such file or directory", 127);
	expect_start_fails(&host, "/tmp/plain", "exec: \"/tmp/plain\": permission denied", 126);
	expect_start_fails(&host, "/tmp/script", "exec /tmp/script: exec format error", 126);
	expect_start_fails(&host, "/tmp/shebang", "exec /tmp/shebang: no such file or directory", 127);
	host_close(&host);
}

TEST(a_signal_reaches_the_first_process_and_kill_all_of_them)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec trap = host_spec(&host, "trap", "10", NULL), many = host_spec(&host, "orphan", ",", "pause", NULL);

	EXPECT(host_create(&host, &trap, &err) == 0 && host_start(&host, trap.id, &err) == 0);
	EXPECT(host_wait_log(&host, trap.id, "trapped"));
	EXPECT(runtime_signal(host.rt, trap.id, SIGUSR1, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, trap.id)->code, 10);
	EXPECT(runtime_signal(host.rt, trap.id, SIGUSR1, &err) == -1);

	EXPECT(host_create(&host, &many, &err) == 0 && host_start(&host, many.id, &err) == 0);
	EXPECT(host_wait_log(&host, many.id, "orphaned"));
	EXPECT(runtime_kill(host.rt, many.id, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, many.id)->code, 128 + SIGKILL);
	EXPECT(runtime_kill(host.rt, many.id, &err) == 0);
	EXPECT(host_remove(&host, many.id, &err) == 0);
	host_close(&host);
}

TEST(removing_is_idempotent_and_ends_what_runs)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL), waiting = host_spec(&host, "pause", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_create(&host, &spec, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	EXPECT_INT(host.exit_count, 0);
	EXPECT(!runtime_inspect(host.rt, spec.id, &info));
	EXPECT(host_create(&host, &waiting, &err) == 0);
	EXPECT(host_remove(&host, waiting.id, &err) == 0);
	EXPECT(host_create(&host, &spec, &err) == 0);            /* the id is free again */
	host_close(&host);
}

static void count_answer(void *arg, const struct err *failure)
{
	struct { int good, bad; bool all; int wanted; } *count = arg;

	failure ? count->bad++ : count->good++;
	count->all = count->good + count->bad == count->wanted;
}

TEST_TIMEOUT(a_container_removed_while_it_is_made_answers_both_callers, 600)
{
	struct host host;
	struct { int good, bad; bool all; int wanted; } made = { .wanted = 20 }, removed = { .wanted = 20 };

	host_open(&host);
	for (int i = 0; i < 20; i++) {
		struct container_spec spec = host_spec(&host, "pause", NULL);

		runtime_create(host.rt, &spec, count_answer, &made);
		for (int rounds = 0; rounds < i % 5; rounds++)
			loop_run_once(host.loop, 1);
		runtime_remove(host.rt, spec.id, count_answer, &removed);
	}
	EXPECT(host_wait(&host, &removed.all));
	EXPECT(host_wait(&host, &made.all));
	EXPECT_INT(removed.good, 20);
	EXPECT_INT(host.exit_count, 0);
	host_close(&host);
}

TEST(what_cannot_be_made_leaves_nothing_and_says_why)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL);
	struct container_mount mount = { .kind = CONTAINER_BIND, .source = "/no/such/dir", .target = "/mnt" };
	const char *layers[] = { "/no/such/layer" };

	spec.mounts = &mount;
	spec.mount_count = 1;
	EXPECT(host_create(&host, &spec, &err) == -1);
	EXPECT_STR(err.text, "invalid mount config for type \"bind\": bind source path does not exist: /no/such/dir");
	EXPECT(!runtime_inspect(host.rt, spec.id, &info));

	spec.mount_count = 0;
	spec.layers.items = layers;
	EXPECT(host_create(&host, &spec, &err) == -1);
	EXPECT_STR(err.text, "layer '/no/such/layer': No such file or directory");

	spec = host_spec(&host, "pause", NULL);
	spec.user = "nobody";
	EXPECT(host_create(&host, &spec, &err) == -1);
	EXPECT_STR(err.text, "unable to find user nobody: no matching entries in passwd file");
	spec.user = NULL;
	spec.argv.count = 0;
	EXPECT(host_create(&host, &spec, &err) == -1);
	EXPECT_STR(err.text, "no command specified");
	host_close(&host);
}

TEST_TIMEOUT(an_agent_that_was_killed_finds_its_containers_again, 600)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info, before;
	struct stat netns, again;

	host_open(&host);
	struct container_spec running = host_spec(&host, "trap", "12", NULL), waiting = host_spec(&host, "exit", "3", NULL),
			      ended = host_spec(&host, "exit", "4", NULL), ends_alone = host_spec(&host, "trap", "1", NULL);

	EXPECT(host_create(&host, &running, &err) == 0 && host_start(&host, running.id, &err) == 0);
	EXPECT(host_wait_log(&host, running.id, "trapped"));
	EXPECT(host_create(&host, &waiting, &err) == 0);
	EXPECT_INT(host_run(&host, &ended, &err), 4);
	EXPECT(host_create(&host, &ends_alone, &err) == 0 && host_start(&host, ends_alone.id, &err) == 0);
	EXPECT(host_wait_log(&host, ends_alone.id, "trapped"));
	EXPECT(runtime_inspect(host.rt, ends_alone.id, &info));
	pid_t alone = info.pid;

	EXPECT(runtime_inspect(host.rt, running.id, &before));
	pid_t pid = before.pid;
	nsec started = before.started_wall;

	EXPECT(fstat(runtime_netns_fd(host.rt, running.id), &netns) == 0);
	host_crash(&host);
	EXPECT(kill(alone, SIGHUP) == 0);
	host_sh("while [ ! -e %s/shims/%s/exit ]; do sleep 0.01; done", host.run_root, ends_alone.id);
	host.exit_count = 0;
	host_restart(&host);

	EXPECT(runtime_inspect(host.rt, running.id, &info));
	EXPECT_INT(info.state, RUNTIME_RUNNING);
	EXPECT_INT(info.pid, pid);
	EXPECT(info.started_wall == started);
	EXPECT(fstat(runtime_netns_fd(host.rt, running.id), &again) == 0 && again.st_ino == netns.st_ino);
	EXPECT(runtime_inspect(host.rt, waiting.id, &info));
	EXPECT_INT(info.state, RUNTIME_CREATED);
	EXPECT(runtime_inspect(host.rt, ended.id, &info));
	EXPECT_INT(info.state, RUNTIME_EXITED);
	EXPECT_INT(info.exit_code, 4);
	EXPECT(runtime_inspect(host.rt, ends_alone.id, &info));
	EXPECT_INT(info.exit_code, 1);
	EXPECT_INT(host.exit_count, 0);

	struct container_spec back;

	EXPECT(runtime_spec(host.rt, running.id, &host.arena, &back, &err) == 0);
	EXPECT_STR(back.argv.items[1], "trap");
	EXPECT(host_start(&host, waiting.id, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, waiting.id)->code, 3);
	EXPECT(runtime_signal(host.rt, running.id, SIGUSR2, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, running.id)->code, 12);
	host_close(&host);
}

static pid_t shim_of(const char *run_root, const char *id)
{
	char command[512], text[32] = "";

	snprintf(command, sizeof command,
		 "grep -l '%s/shims/%s' /proc/[0-9]*/cmdline 2>/dev/null | grep -v self | head -1 | cut -d/ -f3", run_root, id);
	FILE *pipe = popen(command, "r");

	if (!pipe || !fgets(text, sizeof text, pipe))
		text[0] = '\0';
	if (pipe)
		pclose(pipe);
	return (pid_t)strtol(text, NULL, 10);
}

TEST(the_binary_that_shims_start_from_is_mounted_again_when_it_was_taken_away)
{
	struct host host;
	struct err err = { .code = 0 };
	int code;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL), next = host_spec(&host, "exit", "3", NULL);
	struct container_exec exec = host_exec_spec(&host, "exit", "4", NULL);

	host_sh("umount -l %s/self", host.run_root);
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	host_sh("umount -l %s/self", host.run_root);
	EXPECT_STR(host_exec_output(&host, spec.id, &exec, &code), "|");
	EXPECT_INT(code, 4);
	EXPECT_INT(host_run(&host, &next, &err), 3);
	host_sh("umount -l %s/self", host.run_root);
	EXPECT(host_renew(&host, next.id, NULL, &err) == 0 && host_start(&host, next.id, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, next.id)->code, 3);
	host_sh("[ $(grep -c ' %s/self ' /proc/self/mountinfo) = 1 ]", host.run_root);
	EXPECT_STR(err.text, "");
	host_close(&host);
}

TEST(a_killed_shim_takes_its_container_along_and_is_told_as_lost)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "orphan", ",", "pause", NULL), other = host_spec(&host, "pause", NULL);

	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "orphaned"));
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	pid_t pid = info.pid, shim = shim_of(host.run_root, spec.id);

	EXPECT(shim > 0 && kill(shim, SIGKILL) == 0);
	const struct host_exit *told = host_wait_exit(&host, spec.id);

	EXPECT(told && told->code == 255);
	EXPECT_STR(told ? told->error : "", "shim lost");
	/* it may still be on its way out, or wait to be reaped by whoever adopted it */
	host_sh("while [ -e /proc/%d/stat ] && ! grep -qs ') [ZX] ' /proc/%d/stat; do sleep 0.01; done", pid, pid);

	/* and while no agent is there */
	EXPECT(host_create(&host, &other, &err) == 0 && host_start(&host, other.id, &err) == 0);
	shim = shim_of(host.run_root, other.id);
	host_crash(&host);
	EXPECT(shim > 0 && kill(shim, SIGKILL) == 0);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, other.id, &info));
	EXPECT_INT(info.state, RUNTIME_EXITED);
	EXPECT_STR(info.error, "shim lost");
	host_close(&host);
}

TEST(a_sweep_removes_what_nobody_knows_and_half_made_things)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	char orphan[HEX_ID_SIZE], dir_only[HEX_ID_SIZE];
	struct { int good, bad; bool all; int wanted; } swept = { .wanted = 1 };

	host_open(&host);
	struct container_spec kept = host_spec(&host, "pause", NULL), unknown = host_spec(&host, "pause", NULL);

	EXPECT(host_create(&host, &kept, &err) == 0 && host_create(&host, &unknown, &err) == 0);
	EXPECT(host_start(&host, unknown.id, &err) == 0);
	host_crash(&host);
	entropy_hex_id(orphan);
	entropy_hex_id(dir_only);
	host_sh("find /sys/fs/cgroup -maxdepth 2 -type d -name %s | while read -r dir; do mkdir $dir/%s; done", host.cgroup_parent, orphan);
	host_sh("mkdir -p %s/containers/%s/upper/deep %s/shims/%s", host.data_root, dir_only, host.run_root, dir_only);
	host_restart(&host);
	const char *known[] = { kept.id };

	runtime_sweep(host.rt, known, 1, count_answer, &swept);
	EXPECT(host_wait(&host, &swept.all));
	EXPECT_INT(swept.good, 1);
	size_t at = 0, count = 0;

	while (runtime_next(host.rt, &at, &info)) {
		EXPECT_STR(info.id, kept.id);
		count++;
	}
	EXPECT_INT(count, 1);
	host_sh("! find /sys/fs/cgroup -maxdepth 3 -name %s | grep .", orphan);
	EXPECT(!file_exists(arena_printf(&host.arena, "%s/containers/%s", host.data_root, dir_only)));
	host_close(&host);
}

TEST(after_a_reboot_containers_are_told_as_gone_with_their_host)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec ran = host_spec(&host, "pause", NULL), ended = host_spec(&host, "exit", "9", NULL);

	EXPECT(host_create(&host, &ran, &err) == 0 && host_start(&host, ran.id, &err) == 0);
	EXPECT_INT(host_run(&host, &ended, &err), 9);
	host_wait_spec_end(&host, ended.id);
	pid_t shim = shim_of(host.run_root, ran.id);

	host_crash(&host);
	EXPECT(shim > 0 && kill(shim, SIGKILL) == 0);
	/* the run root is empty after a boot, and its id is another */
	host_sh("rm -rf %s/shims && sed -i 's/\"boot_id\":\"[^\"]*/\"boot_id\":\"another/' %s/containers/*/spec", host.run_root, host.data_root);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, ran.id, &info));
	EXPECT_STR(info.error, "host restarted");
	EXPECT(runtime_inspect(host.rt, ended.id, &info));
	EXPECT_INT(info.exit_code, 9);
	EXPECT_STR(info.error, "");
	host_close(&host);
}

TEST_TIMEOUT(many_containers_at_once_all_end_and_leave_nothing, 600)
{
	enum { COUNT = 60 };
	struct host host;
	struct container_spec specs[COUNT];
	struct { int good, bad; bool all; int wanted; } made = { .wanted = COUNT }, started = { .wanted = COUNT };

	host_open(&host);
	for (int i = 0; i < COUNT; i++) {
		specs[i] = host_spec(&host, "exit", "5", NULL);
		runtime_create(host.rt, &specs[i], count_answer, &made);
	}
	EXPECT(host_wait(&host, &made.all));
	EXPECT_INT(made.good, COUNT);
	for (int i = 0; i < COUNT; i++)
		runtime_start(host.rt, specs[i].id, count_answer, &started);
	EXPECT(host_wait(&host, &started.all));
	EXPECT_INT(started.good, COUNT);
	for (int i = 0; i < COUNT; i++)
		EXPECT_INT(host_wait_exit(&host, specs[i].id)->code, 5);
	host_close(&host);
}
