#include "agent/solo.h"

#include "base/panic.h"
#include "base/str.h"

void solo_init(struct solo *solo, bool needs_network, bool has_ports, msec grace_ms)
{
	*solo = (struct solo){ .needs_network = needs_network, .has_ports = has_ports, .grace_ms = grace_ms };
}

bool solo_is_alive(const struct solo *solo)
{
	return solo->is_made && solo->is_started;
}

bool solo_is_at_rest(const struct solo *solo)
{
	return !solo->is_busy && !solo->is_made && !solo->is_wanted && !solo->must_save && !solo->has_news && !solo->has_failed &&
	       !solo->holds_ports && !solo->is_removing;
}

enum solo_status solo_status(const struct solo *solo)
{
	if (solo->is_dead)
		return SOLO_DEAD;
	if (solo->is_removing)
		return SOLO_REMOVING;
	if (solo_is_alive(solo) || solo->has_news)      /* until its end is told: nobody sees it exited between two restarts */
		return SOLO_RUNNING;
	if (solo->waits || (solo->is_wanted && !solo->is_personal && solo->restarts))
		return SOLO_RESTARTING;
	return solo->was_started ? SOLO_EXITED : SOLO_CREATED;
}

static void act(struct solo_out *out, enum solo_act what)
{
	check(out->count < SOLO_ACTS_MAX);
	out->acts[out->count++] = what;
}

/* An act that waits: nothing else is decided until its answer is there. */
static void ask(struct solo *solo, struct solo_out *out, enum solo_act what)
{
	check(!solo->is_busy);
	solo->is_busy = true;
	solo->busy_with = what;
	act(out, what);
}

static void set_timer(struct solo *solo, msec at, struct solo_out *out)
{
	if (solo->timer_ms == at)
		return;
	solo->timer_ms = at;
	act(out, SOLO_ACT_TIMER);
}

static void kill_it(struct solo *solo, struct solo_out *out)
{
	if (solo->is_killed)
		return;
	solo->is_killed = true;
	act(out, SOLO_ACT_KILL);
}

static void stop_waiting(struct solo *solo, struct solo_out *out)
{
	if (!solo->waits)
		return;
	solo->waits = false;
	solo->is_wanted = false;
	set_timer(solo, 0, out);
}

static void want_by_person(struct solo *solo)
{
	solo->is_wanted = true;
	solo->is_personal = true;
	solo->is_stopped = false;
	solo->is_shut = false;
	solo->restarts = 0;
	solo->delay_ms = 0;
}

/* ---- after its end ----------------------------------------------------------------------------------------------- */

static bool policy_restarts(const struct solo *solo, bool is_stopped)
{
	switch ((enum solo_policy)solo->policy) {
	case SOLO_NEVER:
		return false;
	case SOLO_ON_FAILURE:
		return !is_stopped && solo->exit_code != 0 && (solo->max_restarts == 0 || solo->restarts < solo->max_restarts);
	case SOLO_ALWAYS:
	case SOLO_UNLESS_STOPPED:
		return !is_stopped;
	}
	panic("restart policy %d", solo->policy);
}

static void wait_for_restart(struct solo *solo, msec now, struct solo_out *out)
{
	solo->delay_ms = MIN(MAX(2 * solo->delay_ms, SOLO_DELAY_MIN_MS), SOLO_DELAY_MAX_MS);
	solo->restarts++;
	solo->waits = true;
	solo->is_wanted = true;
	set_timer(solo, now + solo->delay_ms, out);
}

/* It rests. What now? */
static void decide(struct solo *solo, msec now, struct solo_out *out)
{
	if (solo->is_removing) {
		solo->is_wanted = false;
	} else if (solo->is_between || solo->is_personal) {     /* a person wants it again */
		solo->is_between = false;
		want_by_person(solo);
	} else if (!solo->is_shut && policy_restarts(solo, solo->is_stopped)) {
		wait_for_restart(solo, now, out);
	} else {
		solo->is_wanted = false;
		if (solo->goes_at_end) {
			solo->is_removing = true;
			solo->must_save = true;
		}
	}
}

static void tell_end(struct solo *solo, msec now, struct solo_out *out)
{
	solo->has_news = false;
	decide(solo, now, out);
	act(out, SOLO_ACT_NOTE);
	act(out, SOLO_ACT_TELL_ENDED);
}

/* A start that came to nothing. A person's is over with that; one by policy is tried again as an end would be. */
static void tell_failure(struct solo *solo, msec now, struct solo_out *out)
{
	bool is_final = solo->is_personal && !solo->is_between, was_shut = solo->is_shut;

	solo->has_failed = false;
	if (is_final) {
		solo->is_personal = false;
		solo->is_shut = true;                   /* no restart by policy */
	}
	decide(solo, now, out);
	solo->is_shut = was_shut;
	act(out, SOLO_ACT_NOTE);
	if (is_final)
		act(out, SOLO_ACT_TELL_FAILED);
}

/* ---- one decision from the facts --------------------------------------------------------------------------------- */

static void removal_step(struct solo *solo, struct solo_out *out)
{
	if (solo->must_save)
		ask(solo, out, SOLO_ACT_SAVE);
	else if (solo->has_files)
		ask(solo, out, SOLO_ACT_REMOVE);
	else
		ask(solo, out, SOLO_ACT_FORGET);
}

static void rest_step(struct solo *solo, msec now, struct solo_out *out)
{
	if (solo->timer_ms && !solo->waits)
		set_timer(solo, 0, out);                /* the grace of a stop */
	if (solo->is_published)
		ask(solo, out, SOLO_ACT_WITHDRAW);
	else if (solo->holds_ports)
		ask(solo, out, SOLO_ACT_DETACH);
	else if (solo->has_failed)
		tell_failure(solo, now, out);
	else if (solo->has_news)
		tell_end(solo, now, out);
	else if (solo->is_removing)
		removal_step(solo, out);
	else if (solo->must_save)
		ask(solo, out, SOLO_ACT_SAVE);
	else if (solo->is_wanted && !solo->waits)
		ask(solo, out, SOLO_ACT_MAKE);
}

static void end_step(struct solo *solo, msec now, struct solo_out *out)
{
	if (solo->is_killed)
		return;                                 /* its exit is all that is left to come */
	if (solo->must_save)
		ask(solo, out, SOLO_ACT_SAVE);
	else if (!solo->is_started || solo->is_removing || solo->has_failed)
		kill_it(solo, out);
	else if (!solo->is_signalled) {
		solo->is_signalled = true;
		solo->signal = solo->stop_signal;
		act(out, SOLO_ACT_SIGNAL);
		if (solo->stop_grace_ms < SOLO_FOREVER)
			set_timer(solo, now + solo->stop_grace_ms, out);
	}
}

static void start_step(struct solo *solo, struct solo_out *out)
{
	if (solo->needs_network && !solo->is_attached)
		ask(solo, out, SOLO_ACT_ATTACH);
	else if (solo->has_ports && !solo->is_published)
		ask(solo, out, SOLO_ACT_PUBLISH);
	else if (!solo->is_started && !solo->is_connected)
		ask(solo, out, SOLO_ACT_CONNECT);
	else if (!solo->is_started)
		ask(solo, out, SOLO_ACT_START);
}

static void advance(struct solo *solo, msec now, struct solo_out *out)
{
	if (!solo->is_made)
		rest_step(solo, now, out);
	else if (!solo->is_wanted || solo->is_between || solo->is_removing || solo->has_failed)
		end_step(solo, now, out);
	else
		start_step(solo, out);
}

/* ---- what happens ------------------------------------------------------------------------------------------------ */

static void fail(struct solo *solo, const char *error, int code)
{
	solo->has_failed = true;
	solo->exit_code = code;
	solo->oom_killed = false;
	if (error != solo->error)
		str_copy(solo->error, sizeof solo->error, error);
}

static void has_made(struct solo *solo)
{
	solo->is_made = true;
	solo->has_files = true;
	solo->is_attached = solo->is_published = solo->is_connected = solo->is_started = false;
	solo->is_signalled = solo->is_killed = false;
}

static void has_started(struct solo *solo, msec now, struct solo_out *out)
{
	solo->is_started = true;
	solo->was_started = true;
	solo->is_personal = false;
	if (solo->is_made) {                            /* else its end has overtaken this answer */
		solo->exit_code = 0;
		solo->oom_killed = false;
		solo->error[0] = 0;
	}
	solo->started_ms = now;
	act(out, SOLO_ACT_NOTE);
	act(out, SOLO_ACT_TELL_STARTED);
}

static void answered(struct solo *solo, const struct solo_in *in, struct solo_out *out)
{
	enum solo_act what = solo->busy_with;
	const char *error = in->error;

	check(solo->is_busy);
	solo->is_busy = false;
	switch (what) {
	case SOLO_ACT_SAVE:
		solo->must_save = false;
		return;
	case SOLO_ACT_MAKE:
		solo->holds_ports = true;
		if (error)
			fail(solo, error, SOLO_CODE_UNKNOWN);
		else
			has_made(solo);
		return;
	case SOLO_ACT_ATTACH:
		/* Resumed without its leg, or with a port that somebody else has by now: it goes on running, and the shell has said so. */
		solo->is_attached = !error || solo->is_started;
		if (error && !solo->is_started)
			fail(solo, error, SOLO_CODE_UNKNOWN);
		return;
	case SOLO_ACT_PUBLISH:
		solo->is_published = true;
		if (error && !solo->is_started)
			fail(solo, error, SOLO_CODE_UNKNOWN);
		return;
	case SOLO_ACT_CONNECT:
		solo->is_connected = true;
		return;
	case SOLO_ACT_START:
		if (error) {
			solo->is_made = false;          /* it has ended without an exit to come */
			fail(solo, error, in->exit_code ? in->exit_code : SOLO_CODE_UNKNOWN);
		} else {
			has_started(solo, in->now, out);
		}
		return;
	case SOLO_ACT_WITHDRAW:
		solo->is_published = false;
		return;
	case SOLO_ACT_DETACH:
		solo->is_attached = false;
		solo->holds_ports = false;
		return;
	case SOLO_ACT_REMOVE:
		solo->has_files = error;
		solo->is_dead = error;
		if (error) {
			str_copy(solo->error, sizeof solo->error, error);
			act(out, SOLO_ACT_TELL_DEAD);
		}
		return;
	case SOLO_ACT_FORGET:
		solo->is_gone = true;
		act(out, SOLO_ACT_TELL_GONE);
		return;
	case SOLO_ACT_NOTE:
	case SOLO_ACT_SIGNAL:
	case SOLO_ACT_KILL:
	case SOLO_ACT_TIMER:
	case SOLO_ACT_TELL_STARTED:
	case SOLO_ACT_TELL_FAILED:
	case SOLO_ACT_TELL_ENDED:
	case SOLO_ACT_TELL_DEAD:
	case SOLO_ACT_TELL_GONE:
		break;
	}
	panic("solo: act %d has no answer", what);
}

static void take_end(struct solo *solo, const char *error, int exit_code, bool oom_killed)
{
	solo->exit_code = exit_code;
	solo->oom_killed = oom_killed;
	str_copy(solo->error, sizeof solo->error, error ? error : "");
	solo->has_news = true;
}

static void exited(struct solo *solo, const struct solo_in *in)
{
	if (!solo->is_made)
		return;
	solo->is_made = false;
	if (solo->has_failed)
		return;                                 /* the reason is known: this end only follows from it */
	if (solo->is_started || (solo->is_busy && solo->busy_with == SOLO_ACT_START)) {
		if (in->now - solo->started_ms >= SOLO_SETTLED_MS)
			solo->delay_ms = 0;
		take_end(solo, in->error, in->exit_code, in->oom_killed);
	} else if (!solo->is_removing) {
		fail(solo, str_is_empty(in->error) ? "the container ended before it was started" : in->error, SOLO_CODE_UNKNOWN);
	}
}

static void stop(struct solo *solo, const struct solo_in *in, struct solo_out *out)
{
	solo->stop_signal = in->signal;
	solo->stop_grace_ms = in->grace_ms < 0 ? solo->grace_ms : in->grace_ms;
	if (solo->is_signalled && solo->is_made)        /* a shorter grace than the one under way */
		set_timer(solo, solo->stop_grace_ms < SOLO_FOREVER ? in->now + solo->stop_grace_ms : 0, out);
	stop_waiting(solo, out);
}

static void restart(struct solo *solo, const struct solo_in *in, struct solo_out *out)
{
	stop(solo, in, out);
	if (solo->is_made)
		solo->is_between = true;
	else
		want_by_person(solo);
}

static void send_signal(struct solo *solo, const struct solo_in *in, struct solo_out *out)
{
	if (solo_is_alive(solo)) {
		solo->signal = in->signal;
		act(out, SOLO_ACT_SIGNAL);
	}
	if (in->is_last) {
		solo->is_stopped = true;
		stop_waiting(solo, out);
		act(out, SOLO_ACT_NOTE);
	}
}

static void timer_fired(struct solo *solo, struct solo_out *out)
{
	solo->timer_ms = 0;
	if (solo->waits)
		solo->waits = false;                    /* it is wanted: off it goes */
	else if (solo->is_made && solo->is_signalled)
		kill_it(solo, out);
}

/* `always` means also at the start of the agent, whoever stopped it; nobody's start is undone by a crash in the middle of it. */
static void resumed(struct solo *solo, msec now, struct solo_out *out)
{
	if (solo->is_made || solo->has_news || solo->is_removing)
		return;
	if (solo->was_started && policy_restarts(solo, solo->is_stopped && solo->policy != SOLO_ALWAYS))
		wait_for_restart(solo, now, out);
	else if (solo->goes_at_end)
		solo->is_removing = solo->must_save = true;
}

void solo_resume(struct solo *solo, const struct solo_facts *facts, msec now)
{
	solo->has_files = facts->has_files;
	solo->is_made = facts->is_made;
	solo->is_started = facts->is_started;
	solo->was_started = solo->was_started || facts->is_started || facts->has_exited;
	solo->is_attached = facts->is_attached;
	solo->holds_ports = facts->is_made || facts->is_attached;
	solo->started_ms = now - facts->ran_ms;
	solo->is_wanted = facts->is_made && facts->is_started && !solo->is_removing;
	if (facts->has_exited)
		take_end(solo, facts->error, facts->exit_code, facts->oom_killed);
}

void solo_step(struct solo *solo, const struct solo_in *in, struct solo_out *out)
{
	unsigned before;

	check(!solo->is_gone);
	out->count = 0;
	switch (in->event) {
	case SOLO_START:
		if (!solo->is_removing && !solo_is_alive(solo)) {
			stop_waiting(solo, out);
			want_by_person(solo);
		}
		break;
	case SOLO_STOP:
		stop(solo, in, out);
		solo->is_stopped = true;
		solo->is_wanted = solo->is_personal = solo->is_between = false;
		solo->must_save = true;
		break;
	case SOLO_SHUTDOWN:
		stop(solo, in, out);
		solo->is_shut = true;
		solo->is_wanted = solo->is_personal = solo->is_between = false;
		break;
	case SOLO_RESTART:
		restart(solo, in, out);
		break;
	case SOLO_SIGNAL:
		send_signal(solo, in, out);
		break;
	case SOLO_REMOVE:
		stop_waiting(solo, out);
		solo->must_save = solo->must_save || !solo->is_removing;
		solo->is_removing = true;
		solo->is_dead = false;
		break;
	case SOLO_RESUME:
		resumed(solo, in->now, out);
		break;
	case SOLO_ANSWER:
		answered(solo, in, out);
		break;
	case SOLO_EXIT:
		exited(solo, in);
		break;
	case SOLO_TIMER:
		timer_fired(solo, out);
		break;
	}
	do {
		before = out->count;
		if (!solo->is_busy && !solo->is_dead && !solo->is_gone)
			advance(solo, in->now, out);
	} while (out->count > before && !solo->is_busy && !solo->is_gone && !solo->is_dead);
}
