/* Containers that have ended and are started again: what stays, what is new, and what happens when that fails. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static void run_again(struct host *host, const char *id, const struct container_spec *spec, int code)
{
	struct err err = { .code = 0 };

	EXPECT(host_renew(host, id, spec, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT(host_start(host, id, &err) == 0);
	const struct host_exit *told = host_wait_exit(host, id);

	EXPECT(told && told->code == code);
}

static void expect_its_files_stay(struct host *host)
{
	struct err err = { .code = 0 };
	struct container_spec spec = host_spec(host, "ls", "/kept", ",", "mkdir", "/kept", ",", "write", "/kept/file", "x", ",", "hostname",
					       NULL);

	EXPECT_INT(host_run(host, &spec, &err), 0);
	run_again(host, spec.id, NULL, 0);
	EXPECT_STR(host_log(host, spec.id), arena_printf(&host->arena, "\nmkdir: ok\n%.12s\nfile \nmkdir: File exists\n%.12s\n", spec.id,
							 spec.id));
	EXPECT(host_remove(host, spec.id, &err) == 0);
}

TEST(a_container_started_again_keeps_its_files_and_its_log)
{
	struct host host;

	host_open(&host);
	expect_its_files_stay(&host);
	host_close(&host);
}

TEST(a_copied_root_is_not_copied_again)
{
	struct host host;

	host_open(&host);
	host_without_overlay(&host);
	expect_its_files_stay(&host);
	host_with_overlay(&host);
	host_close(&host);
}

TEST(a_container_started_again_has_a_life_of_its_own)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	struct runtime_stats stats;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "eat", "100000000", NULL);

	spec.memory_bytes = spec.memory_swap_bytes = 16 << 20;
	EXPECT_INT(host_run(&host, &spec, &err), 128 + SIGKILL);
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && info.oom_killed);
	struct container_spec other = host_spec(&host, "hostname", ",", "exit", "4", NULL);

	other.id = spec.id;
	other.hostname = "second";
	EXPECT(host_renew(&host, spec.id, &other, &err) == 0);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_CREATED);
	EXPECT(info.pid > 0 && !info.oom_killed && info.error[0] == '\0');
	EXPECT(runtime_netns_fd(host.rt, spec.id) >= 0);
	EXPECT(runtime_stats(host.rt, spec.id, &stats, &err) == 0 && stats.memory_peak_bytes < 16 << 20);
	EXPECT(host_start(&host, spec.id, &err) == 0);
	const struct host_exit *told = host_wait_exit(&host, spec.id);

	EXPECT(told && told->code == 4 && !told->oom_killed);
	EXPECT_STR(host_log(&host, spec.id), "second\n");
	struct container_spec back;

	EXPECT(runtime_spec(host.rt, spec.id, &host.arena, &back, &err) == 0);
	EXPECT_STR(back.hostname, "second");
	/* what is stored now is what a third life has */
	run_again(&host, spec.id, NULL, 4);
	EXPECT_STR(host_log(&host, spec.id), "second\nsecond\n");
	host_close(&host);
}

TEST(only_what_has_ended_is_started_again)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "pause", NULL);

	EXPECT(host_renew(&host, spec.id, NULL, &err) == -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_renew(&host, spec.id, NULL, &err) == -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT_STR(err.text, arena_printf(&host.arena, "container %.12s is not stopped", spec.id));
	host_close(&host);
}

TEST(a_renewal_that_fails_leaves_the_container_ended_with_all_it_had)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "write", "/tmp/x", "kept", ",", "cat", "/tmp/x", NULL), bad = spec, unlimited = spec;
	struct container_mount mount = { .kind = CONTAINER_BIND, .source = "/no/such/dir", .target = "/mnt" };
	struct container_device device = { "/no/such/device", "/dev/x", "r" };

	EXPECT_INT(host_run(&host, &spec, &err), 0);
	/* refused in the container's process */
	bad.mounts = &mount;
	bad.mount_count = 1;
	EXPECT(host_renew(&host, spec.id, &bad, &err) == -1);
	EXPECT_STR(err.text, "invalid mount config for type \"bind\": bind source path does not exist: /no/such/dir");
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_EXITED);
	EXPECT_INT(info.exit_code, 126);
	EXPECT_STR(info.error, err.text);
	/* before there is a shim */
	unlimited.devices = &device;
	unlimited.device_count = 1;
	EXPECT(host_renew(&host, spec.id, &unlimited, &err) == -1);
	EXPECT(strstr(err.text, "/no/such/device"));
	EXPECT_INT(host.exit_count, 0);
	/* an agent that comes later knows it too */
	host_crash(&host);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.exit_code, 126);
	EXPECT(strstr(info.error, "/no/such/device"));
	run_again(&host, spec.id, &spec, 0);
	EXPECT_STR(host_log(&host, spec.id), "keptkept");
	host_close(&host);
}

TEST_TIMEOUT(a_container_of_an_earlier_boot_is_started_again, 600)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec spec = host_spec(&host, "mkdir", "/kept", ",", "trap", "1", NULL);

	spec.keeps_root = true;
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "trapped"));
	EXPECT(runtime_kill(host.rt, spec.id, &err) == 0 && host_wait_exit(&host, spec.id));
	host_wait_spec_end(&host, spec.id);
	host_crash(&host);
	host_sh("rm -rf %s/shims && sed -i 's/\"boot_id\":\"[^\"]*/\"boot_id\":\"another/' %s/containers/*/spec", host.run_root, host.data_root);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.exit_code, 128 + SIGKILL);
	EXPECT(host_renew(&host, spec.id, NULL, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "mkdir: File exists\ntrapped"));
	/* and is found as the live one it is */
	host_crash(&host);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT_INT(info.state, RUNTIME_RUNNING);
	EXPECT(runtime_signal(host.rt, spec.id, SIGHUP, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, spec.id)->code, 1);
	host_close(&host);
}

TEST_TIMEOUT(removal_wins_over_a_renewal_under_way, 600)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	for (int i = 0; i < 6; i++) {
		struct container_spec spec = host_spec(&host, "exit", "0", NULL);
		struct host_answer renewed = { false }, removed = { false };

		EXPECT_INT(host_run(&host, &spec, &err), 0);
		runtime_renew(host.rt, spec.id, NULL, host_on_answer, &renewed);
		for (int rounds = 0; rounds < i; rounds++)
			loop_run_once(host.loop, 1);
		runtime_remove(host.rt, spec.id, host_on_answer, &removed);
		EXPECT(host_wait(&host, &removed.is_there) && host_wait(&host, &renewed.is_there));
		EXPECT(!removed.failed);
		EXPECT(!file_exists(arena_printf(&host.arena, "%s/containers/%s", host.data_root, spec.id)));
	}
	host_close(&host);
}
