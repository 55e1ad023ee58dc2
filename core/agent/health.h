/* health.h - what a health check says of a container, as a pure machine: times and results go in, checks to run and changes come out.
 *
 * Docker's rules: the first check comes one interval after the start, each next one an interval after the last has ended. While the
 * container is `starting` and its start period lasts, the interval is the start interval and failures are kept but not counted. So many
 * failures in a row as `retries` make it unhealthy, one success makes it healthy. A check that takes longer than its timeout is killed
 * and has failed. At most one runs at a time. health_io.h runs them.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "model/container_parts.h"

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_status_name(enum health_status status);       /* none, starting, healthy, unhealthy */

enum {
	HEALTH_OUTPUT_MAX = 4096,        /* of one check's output; what is more is cut, "..." tells */
	HEALTH_LOG_MAX = 5,              /* results that are kept */
	HEALTH_BEGIN_MS = 30000,         /* to get a check started, apart from its own timeout */
};

/* Where the config leaves something out: Docker's values. */
struct health_times { msec interval, timeout, start_period, start_interval; int64_t retries; };
struct health_times health_times(const struct health_config *config);
/* A user's config over an image's: what it leaves out comes from there; either may be NULL. Points into both. */
struct health_config health_merge(const struct health_config *own, const struct health_config *image);
/* Is there anything to run? */
bool health_is_on(const struct health_config *config);

struct health_result {
	nsec start_wall, end_wall;
	int exit_code;                   /* -1: it could not be run, or took too long */
	char *output;                    /* heap */
};

enum health_act {
	HEALTH_ACT_PROBE,                /* run the check; PROBE_BEGAN, PROBE_FAILED or PROBE_SKIPPED answers, later PROBE_ENDED */
	HEALTH_ACT_KILL,                 /* the check that runs; PROBE_ENDED follows */
	HEALTH_ACT_TIMER,                /* call HEALTH_TIMER at health->timer_ms; 0 cancels */
	HEALTH_ACT_TELL,                 /* health->status is a new one */
};
enum { HEALTH_ACTS_MAX = 4 };

enum health_event {
	HEALTH_START,                    /* the container's program runs; the status is `starting`, or HEALTHY when it is known to be (resumed) */
	HEALTH_TIMER,
	HEALTH_PROBE_BEGAN,
	HEALTH_PROBE_FAILED,             /* text: why it could not be run */
	HEALTH_PROBE_SKIPPED,            /* it could not tell anything: this host had no room for it, the container is paused. The next one comes in its time */
	HEALTH_PROBE_ENDED,              /* exit_code, and what it has printed in text */
	HEALTH_STOP,                     /* the container ends, is to end, or stands still: no check any more. What is known stays */
	HEALTH_RESUME,                   /* it goes on */
};
struct health_in {
	enum health_event event;
	msec now;
	nsec wall;
	msec since_start_ms;             /* START: how long ago the program was started */
	bool was_healthy;                /* START */
	int exit_code;
	const char *text;                /* never NULL for FAILED and ENDED */
};
struct health_out { enum health_act acts[HEALTH_ACTS_MAX]; unsigned count; };

struct health {
	struct health_times times;
	enum health_status status;
	int64_t streak;                  /* failures in a row that count */
	struct health_result log[HEALTH_LOG_MAX];        /* oldest first */
	unsigned log_count;
	/* inside */
	enum { HEALTH_STOPPED, HEALTH_WAITING, HEALTH_BEGINNING, HEALTH_RUNNING, HEALTH_KILLED } phase;
	msec started_ms, probe_ms, timer_ms;
	nsec probe_wall;
	bool is_late;                    /* killed for its timeout, or before it began */
};

void health_init(struct health *health, const struct health_config *config);     /* status NONE when there is nothing to run */
void health_fini(struct health *health);
void health_step(struct health *health, const struct health_in *in, struct health_out *out);
/* The newest result's output as one line, for an error text: at most `max` bytes; "" when nothing was printed. */
void health_last_words(const struct health *health, size_t max, struct buf *out);

/* What a check prints, out of frames (stream, 0, 0, 0, length big-endian, bytes) that may come in pieces of any size; both streams together. */
struct health_output { uint8_t header[8]; unsigned header_length; uint32_t left; bool is_cut; struct buf text; };
void health_output_take(struct health_output *output, const void *bytes, size_t length);
