/* The health of a task: checked while its container runs, told to its machine and to whoever listens to events. */
#include "agent/agent_internal.h"
#include "agent/task_container.h"
#include "os/clock.h"

enum { LAST_WORDS_MAX = 200 };

static struct health_config config_of(struct run *run)
{
	return task_health(&run->hosted.spec, &run->hosted.arena);
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

	if (status == HEALTH_HEALTHY) {
		run_feed(run, &(struct task_in){ .event = TASK_HEALTHY });
	} else if (status == HEALTH_UNHEALTHY) {
		health_last_words(health_watch_health(run->hosted.health), LAST_WORDS_MAX, &text);
		run_feed(run, &(struct task_in){ .event = TASK_UNHEALTHY, .error = buf_text(&text) });
	}
}

void run_watch_health(struct run *run, nsec started_wall)
{
	struct health_config config = config_of(run);

	hosted_watch_health(&run->hosted, &config, started_wall, run->machine.is_healthy, changed, run);
}
