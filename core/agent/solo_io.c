/* The shell of solo.h: performs its acts on this host, and feeds it what comes of them. */
#include "agent/solo_io.h"

#include <signal.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/log.h"
#include "store/node_tables.h"

void box_answer(struct solo_box *box, const struct err *failure, int exit_code)
{
	if (failure)
		box->failure = *failure;
	box_feed(box, &(struct solo_in){ .event = SOLO_ANSWER, .error = failure ? failure->text : NULL, .exit_code = exit_code });
}

static void answer_now(void *arg)
{
	struct solo_box *box = arg;
	struct err answer = box->answer;

	box_answer(box, answer.code ? &answer : NULL, 0);
}

void box_answer_later(struct solo_box *box, const struct err *failure)
{
	box->answer = failure ? *failure : (struct err){ 0 };
	loop_defer(box->hosted.agent->cfg.loop, answer_now, box);
}

void box_act_done(void *arg, const struct err *failure)
{
	box_answer(arg, failure, 0);
}

static void save_done(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;

	if (failure)
		log_warn("%s: not saved: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, NULL, 0);
}

static void save(struct solo_box *box)
{
	struct err err;

	if (box_save(box, save_done, box, &err) == 0)
		return;
	log_warn("%s: not saved: %s", hosted_name(&box->hosted), err.text);
	box_answer_later(box, NULL);
}

static void note(struct solo_box *box)
{
	struct err err;

	if (box_save(box, NULL, NULL, &err) < 0)
		log_warn("%s: not saved: %s", hosted_name(&box->hosted), err.text);
}

/* ---- running and ending --------------------------------------------------------------------------------------- */

static void started(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;
	struct runtime_info info;
	bool is_known = runtime_inspect(box->hosted.agent->cfg.runtime, box->row.id, &info);

	if (!failure && is_known)
		box->row.started_wall = info.started_wall;
	box_answer(box, failure, failure && is_known ? info.exit_code : 0);
}

static void send_signal(struct solo_box *box)
{
	int own = box->hosted.spec.stop_signal, number = box->machine.signal ? box->machine.signal : own ? own : 15;
	struct err err;

	if (box->machine.is_signalled)
		hosted_stop_health(&box->hosted);       /* what asks it to end is no news for its health */
	if (hosted_signal(&box->hosted, number, box->machine.is_signalled || !own || number == own, &err) < 0)
		log_debug("%s: signal %d: %s", hosted_name(&box->hosted), number, err.text);   /* its exit is on the way */
}

static void kill_container(struct solo_box *box)
{
	struct err err;

	if (hosted_signal(&box->hosted, SIGKILL, false, &err) < 0)
		log_error("%s: kill: %s", hosted_name(&box->hosted), err.text);
}

void box_exit(struct solo_box *box, const struct runtime_exit *exit)
{
	box->row.finished_wall = exit->finished_wall ? exit->finished_wall : clock_wall_ns();
	hosted_stop_health(&box->hosted);
	if (box->machine.is_started)
		hosted_exit_event(&box->hosted, exit);
	box_feed(box, &(struct solo_in){ .event = SOLO_EXIT, .exit_code = exit->code, .oom_killed = exit->oom_killed, .error = exit->error });
}

void box_watch_health(struct solo_box *box, bool was_running)
{
	static const struct health_config none;
	const struct health_config *config = box->row.config.health;

	hosted_forget_health(&box->hosted);             /* that of its last run */
	hosted_watch_health(&box->hosted, config ? config : &none, was_running ? box->row.started_wall : 0, false, NULL, NULL);
}

/* ---- going ----------------------------------------------------------------------------------------------------- */

static void removed(void *arg, const struct err *failure)
{
	struct solo_box *box = arg;

	if (failure)
		log_warn("%s: not removed: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, failure, 0);
}

void box_remove_volumes(struct solo_box *box)
{
	struct volumes *volumes = box->hosted.agent->cfg.volumes;
	struct err err;

	volumes_disclaim(volumes, box->row.id);
	for (size_t i = 0; i < box->row.volumes.count; i++)
		if (volumes_remove(volumes, box->row.volumes.items[i].name, NULL, NULL, &err) < 0 && err.code != ERR_NOT_FOUND && err.code != ERR_CONFLICT)
			log_warn("%s: anonymous volume: %s", hosted_name(&box->hosted), err.text);
}

static void forget(struct solo_box *box)
{
	struct store_row row = { .table = NODE_TABLE_CONTAINER, .id = box->row.id };
	struct err err;

	if (box->row.removes_volumes || box->row.host.auto_remove)
		box_remove_volumes(box);
	if (box->is_saved)
		hosted_event(&box->hosted, "destroy", NULL, 0);
	if (store_node_write(box->hosted.agent->cfg.store, &row, 1, save_done, box, &err) == 0)
		return;
	log_warn("%s: not forgotten: %s; it is removed at the next start", hosted_name(&box->hosted), err.text);
	box_answer_later(box, NULL);
}

/* ---- the loop between machine and world ------------------------------------------------------------------------ */

static void perform(struct solo_box *box, enum solo_act what)
{
	const struct agent_config *cfg = &box->hosted.agent->cfg;

	switch (what) {
	case SOLO_ACT_SAVE:
		save(box);
		return;
	case SOLO_ACT_MAKE:
		box_make(box);
		return;
	case SOLO_ACT_ATTACH:
		box_attach(box);
		return;
	case SOLO_ACT_PUBLISH:
		agent_publish(&box->hosted, true);
		return;
	case SOLO_ACT_CONNECT:
		box_connect(box);
		return;
	case SOLO_ACT_START:
		hosted_tell_mounted(&box->hosted, true);
		runtime_start(cfg->runtime, box->row.id, started, box);
		return;
	case SOLO_ACT_WITHDRAW:
		agent_publish(&box->hosted, false);
		return;
	case SOLO_ACT_DETACH:
		box_detach(box);
		return;
	case SOLO_ACT_REMOVE:
		runtime_remove(cfg->runtime, box->row.id, removed, box);
		return;
	case SOLO_ACT_FORGET:
		forget(box);
		return;
	case SOLO_ACT_NOTE:
		note(box);
		return;
	case SOLO_ACT_SIGNAL:
		send_signal(box);
		return;
	case SOLO_ACT_KILL:
		kill_container(box);
		return;
	case SOLO_ACT_TIMER:
		if (box->machine.timer_ms)
			timer_set(&box->timer, box->machine.timer_ms);
		else
			timer_cancel(&box->timer);
		return;
	case SOLO_ACT_TELL_STARTED:
		box_tell_started(box);
		return;
	case SOLO_ACT_TELL_FAILED:
		box_tell_failed(box);
		return;
	case SOLO_ACT_TELL_ENDED:
		box_tell_ended(box);
		return;
	case SOLO_ACT_TELL_DEAD:
		box_tell_dead(box);
		return;
	case SOLO_ACT_TELL_GONE:
		box_tell_gone(box);
		return;
	}
}

void box_feed(struct solo_box *box, const struct solo_in *in)
{
	struct agent *agent = box->hosted.agent;
	struct solo_in now = *in;
	struct solo_out out;

	now.now = loop_now(agent->cfg.loop);
	solo_step(&box->machine, &now, &out);
	for (unsigned i = 0; i < out.count; i++)
		perform(box, out.acts[i]);
	if (!box->machine.is_gone)
		box_tell_rest(box);
	agent_check_stopped(agent);
}
