#include "agent/health_io.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

struct health_watch {
	struct loop *loop;
	struct runtime *runtime;
	char container_id[HEX_ID_SIZE];
	struct health_config config;             /* heap */
	void (*changed)(void *arg, enum health_status status);
	void *arg;
	struct health health;
	struct timer timer;
	/* the check under way */
	struct runtime_exec *exec;
	struct watch *stream;
	int fd;
	struct health_output output;
	bool has_exited, has_told_all, is_killed;
	int exit_code;
	struct err refusal;                      /* of the check that was just asked for; code 0: none */
};

static void feed(struct health_watch *watch, struct health_in in);

static void close_stream(struct health_watch *watch)
{
	watch_free(watch->stream);
	fd_closep(&watch->fd);
	watch->stream = NULL;
	watch->fd = -1;
}

static void drop_check(struct health_watch *watch)
{
	runtime_exec_free(watch->exec);
	watch->exec = NULL;
	close_stream(watch);
	buf_fini(&watch->output.text);
	watch->output = (struct health_output){ .text = BUF_INIT };
	watch->has_exited = watch->has_told_all = watch->is_killed = false;
}

/* All of it stands still, a check as well: no news, as Docker has it. */
static bool is_paused(const struct health_watch *watch)
{
	struct runtime_info info;

	return runtime_inspect(watch->runtime, watch->container_id, &info) && info.is_paused;
}

/* Over when the process has ended and all that it printed is read; of one that was killed nothing more is waited for, for what it had
 * started may hold its output open. */
static void finish_if_over(struct health_watch *watch)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	int code = watch->exit_code;

	if (!watch->has_exited || (!watch->has_told_all && !watch->is_killed))
		return;
	buf_add_str(&text, buf_text(&watch->output.text));
	drop_check(watch);
	feed(watch, (struct health_in){ .event = is_paused(watch) ? HEALTH_PROBE_SKIPPED : HEALTH_PROBE_ENDED, .exit_code = code, .text = buf_text(&text) });
}

static void read_output(void *arg, unsigned events)
{
	struct health_watch *watch = arg;
	uint8_t bytes[4096];
	ssize_t count;

	(void)events;
	while ((count = read(watch->fd, bytes, sizeof bytes)) > 0)
		health_output_take(&watch->output, bytes, (size_t)count);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch->has_told_all = true;
	close_stream(watch);
	finish_if_over(watch);
}

static void begun(void *arg, const struct runtime_exec_started *started, int code, const struct err *failure)
{
	struct health_watch *watch = arg;

	if (failure) {
		char *text = str_printf("OCI runtime exec failed: exec failed: unable to start container process: %s: unknown", failure->text);

		(void)code;
		drop_check(watch);
		feed(watch, (struct health_in){ .event = HEALTH_PROBE_FAILED, .text = text });
		free(text);
		return;
	}
	watch->fd = started->stream_fd;
	watch->stream = watch_new(watch->loop, watch->fd, LOOP_READ, read_output, watch);
	feed(watch, (struct health_in){ .event = HEALTH_PROBE_BEGAN, .text = "" });
}

static void exited(void *arg, int code)
{
	struct health_watch *watch = arg;

	watch->has_exited = true;
	watch->exit_code = code;
	finish_if_over(watch);
}

/* The words of the config without CMD, or behind the shell. */
static void set_argv(const struct health_watch *watch, const char **items, struct container_exec *ret)
{
	const struct str_array *test = &watch->config.test;
	size_t count = 0;

	if (str_eq(test->items[0], "CMD-SHELL")) {
		items[count++] = "/bin/sh";
		items[count++] = "-c";
	}
	for (size_t i = 1; i < test->count; i++)
		items[count++] = test->items[i];
	ret->argv = (struct container_strings){ items, count };
}

static void run_check(struct health_watch *watch)
{
	static const struct runtime_exec_events events = { begun, exited };
	struct container_exec exec = { .has_output = true, .ends_with_agent = true };
	const char **items = NEW_ARRAY(const char *, watch->config.test.count + 2);

	drop_check(watch);
	set_argv(watch, items, &exec);
	watch->refusal = (struct err){ 0 };
	if (runtime_exec_new(watch->runtime, watch->container_id, &exec, &events, watch, &watch->exec, &watch->refusal) < 0)
		watch->exec = NULL;
	free(items);
}

/* With its handle goes the process. What hangs in the kernel even so is not waited for. */
static void kill_check(struct health_watch *watch)
{
	watch->is_killed = watch->has_exited = true;
	watch->exit_code = 128 + SIGKILL;
}

static void perform(struct health_watch *watch, enum health_act what)
{
	switch (what) {
	case HEALTH_ACT_PROBE:
		run_check(watch);
		return;
	case HEALTH_ACT_KILL:
		kill_check(watch);
		return;
	case HEALTH_ACT_TIMER:
		if (watch->health.timer_ms)
			timer_set(&watch->timer, watch->health.timer_ms);
		else
			timer_cancel(&watch->timer);
		return;
	case HEALTH_ACT_TELL:
		return;                                  /* last of all: whoever hears it may free us */
	}
}

static void feed(struct health_watch *watch, struct health_in in)
{
	struct health_out out;
	bool tells = false, asks = false, kills = false;

	in.now = loop_now(watch->loop);
	in.wall = clock_wall_ns();
	health_step(&watch->health, &in, &out);
	for (unsigned i = 0; i < out.count; i++) {
		perform(watch, out.acts[i]);
		tells = tells || out.acts[i] == HEALTH_ACT_TELL;
		asks = asks || out.acts[i] == HEALTH_ACT_PROBE;
		kills = kills || out.acts[i] == HEALTH_ACT_KILL;
	}
	if (asks && watch->refusal.code) {
		struct err refusal = watch->refusal;
		bool is_full = refusal.code == ERR_EXHAUSTED, is_skipped = is_full || is_paused(watch);

		watch->refusal.code = 0;
		if (is_full)
			log_warn("container %.12s: a health check was left out: %s", watch->container_id, refusal.text);
		feed(watch, (struct health_in){ .event = is_skipped ? HEALTH_PROBE_SKIPPED : HEALTH_PROBE_FAILED, .text = refusal.text });
	} else if (kills && in.event != HEALTH_STOP) {
		finish_if_over(watch);
	} else if (tells) {
		watch->changed(watch->arg, watch->health.status);
	}
}

static void timer_fired(void *arg)
{
	feed(arg, (struct health_in){ .event = HEALTH_TIMER, .text = "" });
}

struct health_watch *health_watch_new(const struct health_watch_options *options)
{
	struct health_watch *watch;

	if (!health_is_on(options->config))
		return NULL;
	watch = NEW(struct health_watch);
	watch->loop = options->loop;
	watch->runtime = options->runtime;
	watch->changed = options->changed;
	watch->arg = options->arg;
	watch->fd = -1;
	watch->output.text = (struct buf)BUF_INIT;
	str_copy(watch->container_id, sizeof watch->container_id, options->container_id);
	shape_copy(&health_config_shape, options->config, NULL, &watch->config);
	health_init(&watch->health, &watch->config);
	timer_init(&watch->timer, watch->loop, timer_fired, watch);
	return watch;
}

void health_watch_start(struct health_watch *watch, msec ago, bool was_healthy)
{
	feed(watch, (struct health_in){ .event = HEALTH_START, .since_start_ms = ago, .was_healthy = was_healthy, .text = "" });
}

void health_watch_stop(struct health_watch *watch)
{
	feed(watch, (struct health_in){ .event = HEALTH_STOP, .text = "" });
	drop_check(watch);
}

void health_watch_resume(struct health_watch *watch)
{
	feed(watch, (struct health_in){ .event = HEALTH_RESUME, .text = "" });
}

void health_watch_free(struct health_watch *watch)
{
	if (!watch)
		return;
	timer_cancel(&watch->timer);
	drop_check(watch);
	health_fini(&watch->health);
	shape_fini(&health_config_shape, &watch->config);
	free(watch);
}

const struct health *health_watch_health(const struct health_watch *watch)
{
	return watch ? &watch->health : NULL;
}

const struct health_config *health_watch_config(const struct health_watch *watch)
{
	return watch ? &watch->config : NULL;
}
