/* Containers that stand still. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

static int pause_it(struct host *host, const char *id, bool is_paused, struct err *err)
{
	struct host_answer answer = { false };

	(is_paused ? runtime_pause : runtime_unpause)(host->rt, id, host_on_answer, &answer);
	EXPECT(host_wait(host, &answer.is_there));
	if (answer.failed)
		*err = answer.err;
	return answer.failed ? -1 : 0;
}

static off_t log_bytes(struct host *host, const char *id)
{
	struct runtime_info info;
	struct stat st;

	EXPECT(runtime_inspect(host->rt, id, &info));
	return stat(info.log_path, &st) == 0 ? st.st_size : 0;
}

TEST(a_paused_container_stands_still_and_goes_on_where_it_was)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	struct runtime_exec *handle;
	struct runtime_exec_events none = { NULL, NULL };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "orphan", ",", "flood", "100000000", "line", NULL), other = host_spec(&host, "pause", NULL);

	EXPECT(pause_it(&host, spec.id, true, &err) == -1 && err.code == ERR_NOT_FOUND);
	EXPECT(host_create(&host, &spec, &err) == 0);
	EXPECT(pause_it(&host, spec.id, true, &err) == -1 && err.code == ERR_CONFLICT);
	EXPECT(host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "line 1000"));
	EXPECT(pause_it(&host, spec.id, false, &err) == -1);
	EXPECT_STR(err.text, arena_printf(&host.arena, "Container %s is not paused", spec.id));
	EXPECT(pause_it(&host, spec.id, true, &err) == 0);
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && info.is_paused && info.state == RUNTIME_RUNNING);
	EXPECT(pause_it(&host, spec.id, true, &err) == -1);
	EXPECT_STR(err.text, arena_printf(&host.arena, "Container %s is already paused", spec.id));
	struct container_exec exec = host_exec_spec(&host, "print", "x", NULL);

	EXPECT(runtime_exec_new(host.rt, spec.id, &exec, &none, NULL, &handle, &err) == -1 && err.code == ERR_CONFLICT);
	/* nothing is written any more, once the shim has taken what the pipe held */
	off_t before, after;

	do {
		before = log_bytes(&host, spec.id);
		host_sh("sleep 0.2");
		after = log_bytes(&host, spec.id);
	} while (before != after);
	/* nobody else is touched */
	EXPECT(host_create(&host, &other, &err) == 0 && host_start(&host, other.id, &err) == 0);
	host_crash(&host);
	host_restart(&host);
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && info.is_paused);
	EXPECT(runtime_inspect(host.rt, other.id, &info) && !info.is_paused);
	EXPECT(pause_it(&host, spec.id, false, &err) == 0);
	EXPECT(runtime_inspect(host.rt, spec.id, &info) && !info.is_paused);
	while (log_bytes(&host, spec.id) == after)
		host_sh("sleep 0.01");
	host_close(&host);
}

TEST(a_paused_container_can_be_killed_and_removed)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;

	host_open(&host);
	struct container_spec killed = host_spec(&host, "orphan", ",", "pause", NULL), removed = host_spec(&host, "orphan", ",", "pause", NULL);

	EXPECT(host_create(&host, &killed, &err) == 0 && host_start(&host, killed.id, &err) == 0);
	EXPECT(host_create(&host, &removed, &err) == 0 && host_start(&host, removed.id, &err) == 0);
	EXPECT(host_wait_log(&host, killed.id, "orphaned") && host_wait_log(&host, removed.id, "orphaned"));
	EXPECT(pause_it(&host, killed.id, true, &err) == 0 && pause_it(&host, removed.id, true, &err) == 0);
	EXPECT(runtime_kill(host.rt, killed.id, &err) == 0);
	EXPECT_INT(host_wait_exit(&host, killed.id)->code, 128 + SIGKILL);
	EXPECT(runtime_inspect(host.rt, killed.id, &info) && !info.is_paused);
	EXPECT(host_renew(&host, killed.id, NULL, &err) == 0 && host_start(&host, killed.id, &err) == 0);
	EXPECT(runtime_inspect(host.rt, killed.id, &info) && !info.is_paused);
	EXPECT(host_remove(&host, removed.id, &err) == 0);
	host_close(&host);
}
