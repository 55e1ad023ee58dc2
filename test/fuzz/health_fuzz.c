/* What a health check prints, cut anywhere, and a life of a check in any order of events: bounded output, one check at a time, a timer
 * whenever something is waited for. */
#include <string.h>

#include "agent/health.h"
#include "base/panic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_output(const uint8_t *data, size_t size)
{
	struct health_output output = { .text = BUF_INIT };
	size_t piece = size ? data[0] % 17 + 1 : 1;

	for (size_t at = 0; at < size; at += piece)
		health_output_take(&output, data + at, MIN(piece, size - at));
	check(output.text.len <= HEALTH_OUTPUT_MAX + 3);
	buf_fini(&output.text);
}

static void live(const uint8_t *data, size_t size)
{
	char kind[] = "CMD", program[] = "x", *test[] = { kind, program };
	struct health_config config = { .test = { test, 2 }, .interval_ns = 3000000, .timeout_ns = 2000000, .start_period_ns = 20000000,
					.start_interval_ns = 1000000, .retries = 2 };
	struct health health;
	bool runs = false;
	msec now = 1;

	health_init(&health, &config);
	for (size_t i = 0; i < size; i++) {
		struct health_in in = { .event = data[i] % (HEALTH_RESUME + 1), .now = now += data[i] / 16, .exit_code = data[i] & 8, .text = "said" };
		struct health_out out;

		bool is_refused = in.event == HEALTH_PROBE_FAILED || in.event == HEALTH_PROBE_SKIPPED;
		bool is_answer = is_refused || in.event == HEALTH_PROBE_ENDED;

		if (is_answer && !runs)
			continue;
		if (is_refused && health.phase == HEALTH_RUNNING)
			continue;                        /* it has begun */
		if (in.event == HEALTH_TIMER && !health.timer_ms)
			continue;
		if (is_answer)
			runs = false;
		/* a container that ends or stands still takes its check along, and goes on only then */
		if (in.event == HEALTH_RESUME && runs)
			continue;
		if (in.event == HEALTH_START && (runs || health.phase != HEALTH_STOPPED))
			continue;
		health_step(&health, &in, &out);
		for (unsigned a = 0; a < out.count; a++) {
			if (out.acts[a] == HEALTH_ACT_PROBE) {
				check(!runs);
				runs = true;
			}
			check(out.acts[a] != HEALTH_ACT_KILL || runs);
		}
		check(health.phase == HEALTH_STOPPED || health.phase == HEALTH_KILLED || health.timer_ms);
		check(health.log_count <= HEALTH_LOG_MAX);
	}
	health_fini(&health);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_output(data, size);
	live(data, size);
	return 0;
}
