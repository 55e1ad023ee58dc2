/* What is sent to a hosted container, its standing still, its end: told as Docker tells them, whoever wanted it. Declared in agent_internal.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"

static bool inspect(const struct hosted *hosted, struct runtime_info *ret)
{
	return hosted->container_id[0] && runtime_inspect(hosted->agent->cfg.runtime, hosted->container_id, ret);
}

/* ---- signals and the end ----------------------------------------------------------------------------------------- */

static void thawed(void *arg, const struct err *failure)
{
	(void)arg;
	if (failure)
		log_debug("unpause, to be ended: %s", failure->text);
}

int hosted_signal(struct hosted *hosted, int number, bool wakes, struct err *err)
{
	struct runtime *runtime = hosted->agent->cfg.runtime;
	struct runtime_info info;
	bool is_running = inspect(hosted, &info) && info.state == RUNTIME_RUNNING;
	char text[16];

	if ((number == SIGKILL ? runtime_kill(runtime, hosted->container_id, err) :
				 runtime_signal(runtime, hosted->container_id, number, err)) < 0)
		return -1;
	if (!is_running)
		return 0;
	snprintf(text, sizeof text, "%d", number);
	hosted_event(hosted, "kill", &(struct container_pair){ "signal", text }, 1);
	if (wakes && number != SIGKILL && hosted_is_paused(hosted))
		agent_pause_container(hosted->agent, hosted->container_id, false, thawed, NULL);
	return 0;
}

void hosted_exit_event(struct hosted *hosted, const struct runtime_exit *exit)
{
	char code[16], seconds[24];
	const struct container_pair extra[] = { { "execDuration", seconds }, { "exitCode", code } };
	struct runtime_info info;
	nsec started = inspect(hosted, &info) && info.started_wall ? info.started_wall : exit->finished_wall;

	snprintf(code, sizeof code, "%d", exit->code);
	snprintf(seconds, sizeof seconds, "%lld", (long long)(MAX(exit->finished_wall - started, (nsec)0) / 1000000000));
	if (exit->oom_killed)
		hosted_event(hosted, "oom", NULL, 0);
	if (hosted->is_stopping)
		hosted_event(hosted, "stop", NULL, 0);
	hosted->is_stopping = false;
	hosted_tell_mounted(hosted, false);
	hosted_event(hosted, "die", extra, ARRAY_COUNT(extra));
}

/* ---- standing still ---------------------------------------------------------------------------------------------- */

/* By id, for it may be gone by then. */
struct standing { struct agent *agent; char id[HEX_ID_SIZE]; bool is_paused; runtime_done_fn *done; void *arg; };

bool hosted_is_paused(const struct hosted *hosted)
{
	struct runtime_info info;

	return inspect(hosted, &info) && info.is_paused;
}

static void tell(struct hosted *hosted, bool is_paused)
{
	hosted_event(hosted, is_paused ? "pause" : "unpause", NULL, 0);
	if (is_paused && hosted->is_stopping)           /* asked to end meanwhile: it has to hear of it */
		agent_pause_container(hosted->agent, hosted->container_id, false, thawed, NULL);
	else if (is_paused)
		hosted_stop_health(hosted);
	else if (!hosted->is_stopping)
		hosted_resume_health(hosted);
}

static void stands(void *arg, const struct err *failure)
{
	struct standing *standing = arg;
	struct hosted *hosted = map_get(standing->agent->by_container, standing->id);

	if (hosted && !failure)
		tell(hosted, standing->is_paused);
	standing->done(standing->arg, failure);
	free(standing);
}

void agent_pause_container(struct agent *agent, const char *id, bool is_paused, runtime_done_fn *done, void *arg)
{
	struct standing *standing = NEW(struct standing);

	*standing = (struct standing){ .agent = agent, .is_paused = is_paused, .done = done, .arg = arg };
	str_copy(standing->id, sizeof standing->id, id);
	(is_paused ? runtime_pause : runtime_unpause)(agent->cfg.runtime, id, stands, standing);
}
