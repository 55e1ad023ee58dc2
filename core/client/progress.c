#include "client/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "client/dig.h"

#define MAX_BARS 20
#define MAX_ERROR 75
#define MONITOR_MS 5000
#define STATE_RUNNING 9
#define STATE_WIDTH 9           /* of the longest that is shown: preparing, allocated */

struct progress {
	char *service_id;
	progress_line_fn *line;
	void *arg;
	msec monitor_ms, converged_at;  /* converged_at -1: it is not */
	bool has_begun, was_complete, is_rolling_back, is_converged;
	char *last_words;               /* of a rollback that is over */
	/* slot or node id -> its place from 1 up, as (void *)place */
	struct map *slots;
};

struct pick { yyjson_val *task; unsigned desired, state; };

struct progress *progress_new(const char *service_id, progress_line_fn *line, void *arg)
{
	struct progress *progress = NEW(struct progress);

	progress->service_id = str_dup(service_id);
	progress->line = line;
	progress->arg = arg;
	progress->monitor_ms = MONITOR_MS;
	progress->converged_at = -1;
	progress->slots = map_new();
	return progress;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	map_free(progress->slots);
	free(progress->service_id);
	free(progress->last_words);
	free(progress);
}

bool progress_is_converged(const struct progress *progress)
{
	return progress->is_converged;
}

/* 1 new … 9 running, then the ends; 0 for what takes no part (orphaned, remove). */
static unsigned state_number(const char *state)
{
	static const char *const states[] = { "new", "allocated", "pending", "assigned", "accepted",
					      "preparing", "ready", "starting", "running", "complete",
					      "shutdown", "failed", "rejected" };

	for (unsigned i = 0; i < ARRAY_COUNT(states); i++)
		if (strcmp(states[i], state) == 0)
			return i + 1;
	return 0;
}

static void say(struct progress *p, const char *id, const char *text)
{
	p->line(p->arg, id, text, 0, 0);
}

static void say_overall(struct progress *p, unsigned running, unsigned wanted)
{
	char text[96];

	snprintf(text, sizeof(text), "%s%u out of %u tasks",
		 p->is_rolling_back ? "rolling back update: " : "", running, wanted);
	say(p, "overall progress", text);
}

static void say_error(struct progress *p, const char *id, const char *error)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	size_t length = strlen(error), keep = length > MAX_ERROR ? MAX_ERROR - 1 : length;

	for (size_t i = 0; i < keep; i++)
		buf_add_char(&text, error[i] == '\n' ? ' ' : error[i]);
	if (keep < length)
		buf_add_str(&text, "…");
	say(p, id, buf_text(&text));
}

static void say_task(struct progress *p, const char *id, const struct pick *pick)
{
	const char *error = dig_str(pick->task, "Status.Err");
	char text[32];

	if (*error) {
		say_error(p, id, error);
	} else if (pick->desired <= STATE_RUNNING && pick->state <= STATE_RUNNING) {
		snprintf(text, sizeof(text), "%-*s", STATE_WIDTH, dig_str(pick->task, "Status.State"));
		p->line(p->arg, id, text, pick->state, STATE_RUNNING);
	}
}

/* --- one task for each slot or node --- */

static bool is_node_active(yyjson_val *nodes, const char *id)
{
	yyjson_arr_iter iter;
	yyjson_val *node;

	yyjson_arr_iter_init(nodes, &iter);
	while ((node = yyjson_arr_iter_next(&iter)))
		if (str_eq(dig_str(node, "ID"), id))
			return !str_eq(dig_str(node, "Status.State"), "down");
	return false;
}

/* The lower desired state counts; of two that are equal, the lower observed one (start-first). */
static bool replaces(const struct pick *old, const struct pick *fresh)
{
	if (old->desired != fresh->desired)
		return fresh->desired < old->desired;
	return fresh->state < old->state;
}

static const char *key_of(yyjson_val *task, bool is_global, char number[24])
{
	if (is_global)
		return dig_str(task, "NodeID");
	snprintf(number, 24, "%lld", (long long)dig_int(task, "Slot"));
	return number;
}

static struct map *pick_tasks(yyjson_val *tasks, yyjson_val *nodes, bool is_global)
{
	struct map *picks = map_new();
	yyjson_arr_iter iter;
	yyjson_val *task;

	yyjson_arr_iter_init(tasks, &iter);
	while ((task = yyjson_arr_iter_next(&iter))) {
		struct pick fresh = { task, state_number(dig_str(task, "DesiredState")),
				      state_number(dig_str(task, "Status.State")) };
		const char *node = dig_str(task, "NodeID");
		char number[24];
		const char *key = key_of(task, is_global, number);
		struct pick *old = map_get(picks, key);

		if (fresh.desired == 0 || fresh.state == 0 || (old && !replaces(old, &fresh)))
			continue;
		if (!is_global && *node && !is_node_active(nodes, node))
			continue;
		if (!old) {
			old = NEW(struct pick);
			map_put(picks, key, old);
		}
		*old = fresh;
	}
	return picks;
}

static void free_picks(struct map *picks)
{
	const char *key;
	void *pick;

	for (size_t at = 0; map_next(picks, &at, &key, &pick);)
		free(pick);
	map_free(picks);
}

static unsigned place_of(struct progress *p, const char *key)
{
	void *place = map_get(p->slots, key);

	if (!place) {
		place = (void *)(uintptr_t)(map_count(p->slots) + 1);
		map_put(p->slots, key, place);
	}
	return (unsigned)(uintptr_t)place;
}

/* --- a round --- */

static void begin(struct progress *p, unsigned wanted, bool is_global)
{
	char id[32];

	p->has_begun = true;
	say_overall(p, 0, wanted);
	for (unsigned i = 1; !is_global && wanted <= MAX_BARS && i <= wanted; i++) {
		snprintf(id, sizeof(id), "%u/%u", i, wanted);
		say(p, id, " ");
	}
}

static void say_pick(struct progress *p, const char *key, const struct pick *pick, unsigned wanted,
		     bool is_global)
{
	char id[32];
	unsigned place = place_of(p, key);

	if (p->was_complete || wanted > MAX_BARS || place > wanted)
		return;
	if (is_global)
		snprintf(id, sizeof(id), "%.12s", key);
	else
		snprintf(id, sizeof(id), "%u/%u", place, wanted);
	say_task(p, id, pick);
}

static bool counts_as_running(const struct pick *pick, yyjson_val *nodes, bool is_global)
{
	if (is_global && !is_node_active(nodes, dig_str(pick->task, "NodeID")))
		return false;
	return pick->desired <= STATE_RUNNING && pick->state == STATE_RUNNING;
}

static bool look_at_tasks(struct progress *p, yyjson_val *service, yyjson_val *tasks,
			  yyjson_val *nodes)
{
	bool is_global = dig(service, "Spec.Mode.Global") != NULL;
	struct map *picks = pick_tasks(tasks, nodes, is_global);
	unsigned wanted = is_global ? (unsigned)map_count(picks) :
			  (unsigned)dig_int(service, "Spec.Mode.Replicated.Replicas");
	unsigned running = 0;
	const char *key;
	void *pick;

	if (is_global && wanted == 0 && !p->has_begun) {
		say(p, "overall progress", "waiting for new tasks");
		free_picks(picks);
		return false;
	}
	if (!p->has_begun)
		begin(p, wanted, is_global);
	for (size_t at = 0; map_next(picks, &at, &key, &pick);)
		if (((struct pick *)pick)->state != STATE_RUNNING)
			p->was_complete = false;
	for (size_t at = 0; map_next(picks, &at, &key, &pick);) {
		running += counts_as_running(pick, nodes, is_global);
		say_pick(p, key, pick, wanted, is_global);
	}
	if (!p->was_complete)
		say_overall(p, running, wanted);
	p->was_complete = running == wanted;
	free_picks(picks);
	return running == wanted;
}

/* -1 when the update stands still. */
static int look_at_update(struct progress *p, yyjson_val *service, struct err *err)
{
	const char *state = dig_str(service, "UpdateStatus.State");
	const char *message = dig_str(service, "UpdateStatus.Message");

	if (str_eq(state, "updating"))
		p->is_rolling_back = false;
	else if (str_eq(state, "paused"))
		return err_set(err, ERR_IO, "service update paused: %s", message);
	else if (str_eq(state, "rollback_paused"))
		return err_set(err, ERR_IO, "service rollback paused: %s", message);
	if (str_eq(state, "rollback_started") && !p->is_rolling_back && *message)
		say(p, "rollback", message);
	if (str_eq(state, "rollback_completed") && !p->is_converged) {
		free(p->last_words);
		p->last_words = str_dup(message);
	}
	if (str_starts(state, "rollback_"))
		p->is_rolling_back = true;
	return 0;
}

static void say_waiting(struct progress *p, msec now)
{
	msec wait = p->monitor_ms - (now - p->converged_at);
	char text[96];

	if (wait < 0)
		return;
	snprintf(text, sizeof(text), "Waiting %lld seconds to verify that tasks are stable...",
		 (long long)((wait - 1) / 1000) + 1);
	say(p, "verify", text);
}

static void say_done(struct progress *p)
{
	char *text = str_printf("Service %s converged", p->service_id);

	say(p, "verify", text);
	free(text);
	if (p->last_words)
		say(p, "rollback", p->last_words);
}

int progress_step(struct progress *p, yyjson_val *service, yyjson_val *tasks, yyjson_val *nodes,
		  msec now, struct err *err)
{
	int64_t monitor = dig_int(service, "Spec.UpdateConfig.Monitor");

	if (monitor > 0)
		p->monitor_ms = monitor / 1000000;
	if (!dig(service, "Spec.Mode.Replicated") && !dig(service, "Spec.Mode.Global"))
		return err_set(err, ERR_UNSUPPORTED, "unrecognized service mode");
	if (look_at_update(p, service, err) < 0)
		return -1;
	/* An update that is through while tasks do not run has nothing more to tell. */
	bool is_over = !p->is_converged &&
		       str_eq(dig_str(service, "UpdateStatus.State"), "completed");
	if (p->is_converged && now - p->converged_at >= p->monitor_ms) {
		say_done(p);
		return 1;
	}
	p->is_converged = look_at_tasks(p, service, tasks, nodes);
	if (is_over && !p->is_converged)
		return 1;
	if (p->is_converged) {
		if (p->converged_at < 0)
			p->converged_at = now;
		say_waiting(p, now);
	} else {
		if (p->converged_at >= 0)
			say(p, "verify", "Detected task failure");
		p->converged_at = -1;
	}
	return 0;
}
