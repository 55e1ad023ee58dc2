#include "agent/health.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"

const char *health_status_name(enum health_status status)
{
	switch (status) {
	case HEALTH_NONE: return "none";
	case HEALTH_STARTING: return "starting";
	case HEALTH_HEALTHY: return "healthy";
	case HEALTH_UNHEALTHY: return "unhealthy";
	}
	panic("health status %d", status);
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static msec time_or(int64_t ns, msec otherwise)
{
	return ns ? MAX((msec)(ns / 1000000), 1) : otherwise;
}

struct health_times health_times(const struct health_config *config)
{
	return (struct health_times){
		.interval = time_or(config->interval_ns, 30000),
		.timeout = time_or(config->timeout_ns, 30000),
		.start_period = time_or(config->start_period_ns, 0),
		.start_interval = time_or(config->start_interval_ns, 5000),
		.retries = config->retries > 0 ? config->retries : 3,
	};
}

struct health_config health_merge(const struct health_config *own, const struct health_config *image)
{
	struct health_config ret = own ? *own : image ? *image : (struct health_config){ 0 };

	if (!own || !image)
		return ret;
	if (!ret.test.count)
		ret.test = image->test;
	if (!ret.interval_ns)
		ret.interval_ns = image->interval_ns;
	if (!ret.timeout_ns)
		ret.timeout_ns = image->timeout_ns;
	if (!ret.start_period_ns)
		ret.start_period_ns = image->start_period_ns;
	if (!ret.start_interval_ns)
		ret.start_interval_ns = image->start_interval_ns;
	if (!ret.retries)
		ret.retries = image->retries;
	return ret;
}

bool health_is_on(const struct health_config *config)
{
	return config->test.count > 1 && (str_eq(config->test.items[0], "CMD") || str_eq(config->test.items[0], "CMD-SHELL"));
}

void health_init(struct health *health, const struct health_config *config)
{
	*health = (struct health){ .times = health_times(config), .status = health_is_on(config) ? HEALTH_STARTING : HEALTH_NONE };
}

void health_fini(struct health *health)
{
	for (unsigned i = 0; i < health->log_count; i++)
		free(health->log[i].output);
	*health = (struct health){ 0 };
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static void act(struct health_out *out, enum health_act what)
{
	check(out->count < HEALTH_ACTS_MAX);
	out->acts[out->count++] = what;
}

static void set_timer(struct health *health, msec at, struct health_out *out)
{
	if (health->timer_ms == at)
		return;
	health->timer_ms = at;
	act(out, HEALTH_ACT_TIMER);
}

static bool is_in_start_period(const struct health *health, msec at)
{
	return health->status == HEALTH_STARTING && at - health->started_ms < health->times.start_period;
}

static void wait_for_next(struct health *health, msec now, struct health_out *out)
{
	health->phase = HEALTH_WAITING;
	set_timer(health, now + (is_in_start_period(health, now) ? health->times.start_interval : health->times.interval), out);
}

static void set_status(struct health *health, enum health_status status, struct health_out *out)
{
	if (health->status == status)
		return;
	health->status = status;
	act(out, HEALTH_ACT_TELL);
}

static void keep(struct health *health, nsec end_wall, int exit_code, const char *output)
{
	if (health->log_count == HEALTH_LOG_MAX) {
		free(health->log[0].output);
		memmove(&health->log[0], &health->log[1], (HEALTH_LOG_MAX - 1) * sizeof health->log[0]);
		health->log_count--;
	}
	health->log[health->log_count++] = (struct health_result){ health->probe_wall, end_wall, exit_code, str_dup(output) };
}

static void judge(struct health *health, int exit_code, struct health_out *out)
{
	if (exit_code == 0) {
		health->streak = 0;
		set_status(health, HEALTH_HEALTHY, out);
	} else if (!is_in_start_period(health, health->probe_ms)) {
		health->streak++;
		if (health->streak >= health->times.retries)
			set_status(health, HEALTH_UNHEALTHY, out);
	}
}

static void finish(struct health *health, const struct health_in *in, int exit_code, const char *output, struct health_out *out)
{
	keep(health, in->wall, exit_code, output);
	judge(health, exit_code, out);
	wait_for_next(health, in->now, out);
}

static void start(struct health *health, const struct health_in *in, struct health_out *out)
{
	enum health_status status = in->was_healthy ? HEALTH_HEALTHY : HEALTH_STARTING;

	if (health->status == HEALTH_NONE)
		return;
	health->started_ms = in->now - in->since_start_ms;
	health->streak = 0;
	health->status = status;                         /* no news: who starts it knows */
	wait_for_next(health, in->now, out);
}

static void timer(struct health *health, const struct health_in *in, struct health_out *out)
{
	health->timer_ms = 0;
	switch (health->phase) {
	case HEALTH_WAITING:
		health->phase = HEALTH_BEGINNING;
		health->probe_ms = in->now;
		health->probe_wall = in->wall;
		health->is_late = false;
		act(out, HEALTH_ACT_PROBE);
		set_timer(health, in->now + HEALTH_BEGIN_MS, out);
		return;
	case HEALTH_BEGINNING:
	case HEALTH_RUNNING:
		health->is_late = health->phase == HEALTH_RUNNING;
		health->phase = HEALTH_KILLED;
		act(out, HEALTH_ACT_KILL);
		return;
	case HEALTH_STOPPED:
	case HEALTH_KILLED:
		return;
	}
}

static void ended(struct health *health, const struct health_in *in, struct health_out *out)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	bool is_killed = health->phase == HEALTH_KILLED;

	if (health->phase == HEALTH_STOPPED || health->phase == HEALTH_WAITING)
		return;
	if (!is_killed) {
		finish(health, in, in->exit_code, in->text, out);
		return;
	}
	if (health->is_late) {
		buf_add_str(&text, "Health check exceeded timeout (");
		units_format_duration(health->times.timeout * 1000000, &text);
		buf_printf(&text, ")%s%s", *in->text ? ": " : "", in->text);
	} else {
		buf_add_str(&text, "timed out starting health check");
	}
	finish(health, in, -1, buf_text(&text), out);
}

void health_step(struct health *health, const struct health_in *in, struct health_out *out)
{
	out->count = 0;
	switch (in->event) {
	case HEALTH_START:
		start(health, in, out);
		return;
	case HEALTH_TIMER:
		timer(health, in, out);
		return;
	case HEALTH_PROBE_BEGAN:
		if (health->phase != HEALTH_BEGINNING)
			return;
		health->phase = HEALTH_RUNNING;
		set_timer(health, in->now + health->times.timeout, out);
		return;
	case HEALTH_PROBE_FAILED:
		if (health->phase == HEALTH_BEGINNING || health->phase == HEALTH_KILLED)
			finish(health, in, -1, in->text, out);
		return;
	case HEALTH_PROBE_SKIPPED:
		if (health->phase != HEALTH_STOPPED && health->phase != HEALTH_WAITING)
			wait_for_next(health, in->now, out);
		return;
	case HEALTH_PROBE_ENDED:
		ended(health, in, out);
		return;
	case HEALTH_STOP:
		if (health->phase == HEALTH_BEGINNING || health->phase == HEALTH_RUNNING)
			act(out, HEALTH_ACT_KILL);
		health->phase = HEALTH_STOPPED;
		set_timer(health, 0, out);
		return;
	case HEALTH_RESUME:
		if (health->status != HEALTH_NONE && health->phase == HEALTH_STOPPED)
			wait_for_next(health, in->now, out);
		return;
	}
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

void health_last_words(const struct health *health, size_t max, struct buf *out)
{
	const char *text = health->log_count ? health->log[health->log_count - 1].output : "";
	size_t length = strlen(text);

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	char *line = str_printf("%.*s", (int)MIN(length, max), text);

	str_make_line(line);
	buf_add_str(out, line);
	free(line);
}

static void add(struct health_output *output, const uint8_t *bytes, size_t length)
{
	size_t room = HEALTH_OUTPUT_MAX - MIN(output->text.len, (size_t)HEALTH_OUTPUT_MAX);

	buf_add(&output->text, bytes, MIN(room, length));
	if (length > room && !output->is_cut) {
		output->is_cut = true;
		buf_add_str(&output->text, "...");
	}
}

void health_output_take(struct health_output *output, const void *bytes, size_t length)
{
	const uint8_t *at = bytes, *end = at + length;

	while (at < end) {
		if (output->left == 0) {
			output->header[output->header_length++] = *at++;
			if (output->header_length == sizeof output->header) {
				output->left = (uint32_t)output->header[4] << 24 | (uint32_t)output->header[5] << 16 |
					       (uint32_t)output->header[6] << 8 | output->header[7];
				output->header_length = 0;
			}
			continue;
		}
		size_t take = MIN((size_t)(end - at), (size_t)output->left);

		add(output, at, take);
		at += take;
		output->left -= (uint32_t)take;
	}
}
