/* Shims and agents that are killed at any instant, with clients attached and processes joining: nothing of it may be left. host_close looks. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/str.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

enum { ROUNDS = 24, EXECS = 3 };

static void on_started(void *arg, const struct runtime_exec_started *started, int code UNUSED, const struct err *failure UNUSED)
{
	*(bool *)arg = true;
	if (started && started->stream_fd >= 0)
		close(started->stream_fd);
}

static void on_exit_of_exec(void *arg UNUSED, int code UNUSED)
{
}

static void on_stream(void *arg UNUSED, int fd, const struct err *failure UNUSED)
{
	if (fd >= 0)
		close(fd);
}

/* One of our children that are shims by now, whichever: of containers and of execs. */
static void kill_a_shim(struct host *host, struct rng *rng)
{
	const char *path = arena_printf(&host->arena, "%s/shims", host->dir);

	host_sh("for p in /proc/[0-9]*; do grep -qs '^PPid:.%d$' $p/status && grep -qs 'swarmbox-\\(shim\\|exec\\)' $p/comm && echo ${p#/proc/}; done >%s || true",
		(int)getpid(), path);
	const char *pids = host_file(host, path);
	size_t count = 0;

	for (const char *at = pids; *at; at++)
		count += *at == '\n';
	if (!count)
		return;
	for (uint64_t skip = rng_below(rng, count); skip; skip--)
		pids = strchr(pids, '\n') + 1;
	kill((pid_t)strtol(pids, NULL, 10), SIGKILL);
}

TEST_TIMEOUT(whatever_is_killed_at_whatever_moment_leaves_nothing, 600)
{
	static const struct runtime_exec_events events = { on_started, on_exit_of_exec };
	struct host host;
	struct rng rng;
	struct err err;

	host_open(&host);
	rng_seed(&rng, 20261128);
	for (int round = 0; round < ROUNDS; round++) {
		struct container_spec spec = host_spec(&host, "orphan", ",", "pause", NULL);
		struct container_exec exec = host_exec_spec(&host, "orphan", ",", "pause", NULL);
		struct runtime_attachment want = { .wants_stdin = true, .wants_stdout = true };
		struct host_answer made = { false }, started = { false };
		struct runtime_exec *execs[EXECS] = { NULL };
		bool answered[EXECS] = { false }, loses_agent = round % 5 == 1;

		spec.has_stdin = true;
		spec.has_tty = exec.has_tty = round % 3 == 0;
		spec.log_driver = round % 2 ? CONTAINER_LOG_NONE : CONTAINER_LOG_JSON_FILE;
		runtime_create(host.rt, &spec, host_on_answer, &made);
		if (round % 4 || loses_agent) {
			EXPECT(host_wait(&host, &made.is_there));
			runtime_start(host.rt, spec.id, host_on_answer, &started);
			runtime_attach(host.rt, spec.id, &want, on_stream, NULL);
			EXPECT(host_wait(&host, &started.is_there));
			for (int i = 0; i < EXECS; i++)
				if (runtime_exec_new(host.rt, spec.id, &exec, &events, &answered[i], &execs[i], &err) < 0)
					execs[i] = NULL;
		}
		/* an agent that goes in the middle of its own work is test/lab's: here its memory is ours */
		for (int i = 0; loses_agent && i < EXECS; i++)
			EXPECT(!execs[i] || host_wait(&host, &answered[i]));
		if (loses_agent)
			host_crash(&host);
		for (uint64_t turns = rng_below(&rng, 6); turns && !loses_agent; turns--)
			loop_run_once(host.loop, 2);
		kill_a_shim(&host, &rng);
		if (loses_agent) {
			host_restart(&host);
			continue;
		}
		for (uint64_t turns = rng_below(&rng, 4); turns; turns--)
			loop_run_once(host.loop, 2);
		if (rng_below(&rng, 2))
			host_remove(&host, spec.id, &err);
		for (int i = 0; i < EXECS; i++)
			runtime_exec_free(execs[i]);
		EXPECT(host_wait(&host, &made.is_there));
	}
	host_close(&host);
}
