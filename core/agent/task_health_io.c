/* The health of a task: checked while its container runs, told to its machine and to whoever listens to events. */
#include "agent/agent_internal.h"
#include "agent/task_container.h"
#include "os/clock.h"

enum { LAST_WORDS_MAX = 200 };

static struct health_config config_of(struct run *run)
{
	return task_health(&run->spec, &run->arena);
}

void run_learn_health(struct run *run)
{
	struct health_config config = config_of(run);

	run->machine.has_health = health_is_on(&config);
}

static void changed(void *arg, enum health_status status)
{
	struct run *run = arg;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "health_status: %s", health_status_name(status));
	run->agent->cfg.on_event(run->agent->cfg.arg, buf_text(&text), run->container_id, &run->spec, NULL);
	buf_clear(&text);
	if (status == HEALTH_HEALTHY) {
		run_feed(run, &(struct task_in){ .event = TASK_HEALTHY });
	} else if (status == HEALTH_UNHEALTHY) {
		health_last_words(health_watch_health(run->health), LAST_WORDS_MAX, &text);
		run_feed(run, &(struct task_in){ .event = TASK_UNHEALTHY, .error = buf_text(&text) });
	}
}

void run_watch_health(struct run *run, nsec started_wall)
{
	struct health_config config = config_of(run);
	msec ago = started_wall ? MAX((clock_wall_ns() - started_wall) / 1000000, 0) : 0;

	if (run->health)
		return;
	run->health = health_watch_new(&(struct health_watch_options){
		.loop = run->agent->cfg.loop, .runtime = run->agent->cfg.runtime, .container_id = run->container_id, .config = &config,
		.changed = changed, .arg = run });
	if (run->health)
		health_watch_start(run->health, ago, run->machine.is_healthy);
}

void run_forget_health(struct run *run)
{
	health_watch_free(run->health);
	run->health = NULL;
}
