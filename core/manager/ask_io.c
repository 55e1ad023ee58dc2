/* Verbs on their way: to the replica when this manager leads, else by a call to the leader, again and again until one of them has answered
 * or the time is up. A verb that was brought to a leader that did not answer is brought again as a repetition (verb.h), unless this manager
 * sees by itself that it was done. The caller is told when this manager's own view holds the result. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/manager_internal.h"
#include "os/entropy.h"
#include "rpc/frame.h"

/* A spec arrives in a body of at most 4 MiB. */
enum { ASK_BYTES_MAX = 64 << 20, ASK_MS = 20000, LEADERLESS_MS = 5000, AGAIN_MS = 50 };

struct ask *ask_new(struct manager *m, enum verb_kind kind, const char *id, control_done_fn *done, void *arg)
{
	struct arena arena;
	struct ask *ask;

	arena_init(&arena, "ask", ASK_BYTES_MAX);
	ask = ARENA_NEW(&arena, struct ask);
	ask->arena = arena;
	ask->manager = m;
	ask->verb.kind = kind;
	ask->verb.id = arena_strdup(&ask->arena, id);
	ask->verb.since = view_index(manager_view(m));
	ask->deadline = loop_now(m->loop) + ASK_MS;
	ask->leaderless_until = loop_now(m->loop) + LEADERLESS_MS;
	ask->done = done;
	ask->arg = arg;
	list_add_last(&m->asks, &ask->link);
	return ask;
}

static void answer(struct ask *ask, uint64_t index, const struct err *err)
{
	struct arena arena;
	struct err told;

	list_remove(&ask->link);
	if (err) {
		told = *err;
		verb_failed_again(&ask->verb, &told);
	}
	ask->done(ask->arg, ask->verb.id, index, err ? &told : NULL);
	arena = ask->arena;
	arena_fini(&arena);
}

/* It may or may not have been done: once more. */
static void wait_again(struct ask *ask, const struct err *why)
{
	if (!ask->last)
		ask->last = ARENA_NEW(&ask->arena, struct err);
	*ask->last = *why;
	ask->state = ASK_WAITS;
	ask->verb.is_repeat = true;
	timer_set_in(&ask->manager->asks_timer, AGAIN_MS);
}

static bool is_over(const struct ask *ask)
{
	return loop_now(ask->manager->loop) >= ask->deadline;
}

/* ---- here -------------------------------------------------------------------------------------------------------- */

static int check_ask(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct ask *ask = arg;
	struct roster roster;
	struct verb_scene scene = { .overlay = overlay, .now_ms = time.now_ms, .roster = &roster,
				    .key = manager_key(ask->manager), .gone = &ask->manager->gone };

	entropy_fill(&scene.seed, sizeof scene.seed);
	manager_roster(ask->manager, &roster);
	ask->is_refused = false;
	if (verb_check(&ask->verb, &scene, out, err) == 0)
		return 0;
	ask->is_refused = err->code != ERR_UNAVAILABLE;
	ask->refusal = arena_strdup(&ask->arena, err->text);
	return -1;
}

/* Whoever is alone has nobody to bring it to. */
static bool may_retry(const struct ask *ask, const struct err *err)
{
	struct manager *m = ask->manager;

	return err->code == ERR_UNAVAILABLE && !ask->is_refused && m->replica && !ask->is_local && !is_over(ask) && replica_status(m->replica).config->count > 1;
}

static void done_here(void *arg, uint64_t index, const struct err *err)
{
	struct ask *ask = arg;

	/* a leader that was lost meanwhile cannot stand by its refusal: what we hear then is not of this verb, which may have been made before */
	ask->is_refused = ask->is_refused && err && str_eq(err->text, ask->refusal);
	if (err && may_retry(ask, err))
		wait_again(ask, err);
	else
		answer(ask, index, err);
}

/* ---- at the leader ----------------------------------------------------------------------------------------------- */

static void await_view(struct ask *ask, uint64_t index)
{
	ask->state = ASK_AWAITS_VIEW;
	ask->index = index;
	asks_pump(ask->manager);
}

static void answer_refusal(struct ask *ask, const struct bytes *refusal)
{
	struct err err;

	frame_err_decode(refusal->items, refusal->count, &err);
	answer(ask, 0, &err);
}

static void answered(void *arg, const void *body, size_t size, const struct err *failure)
{
	struct ask *ask = arg;
	struct verb_answer reply;
	struct err err;

	if (failure && may_retry(ask, failure))
		wait_again(ask, failure);
	else if (failure)
		answer(ask, 0, failure);
	else if (dispatch_read(&verb_answer_shape, body, size, &ask->arena, &reply, &err) < 0)
		answer(ask, 0, &err);
	else if (reply.refusal.count)
		answer_refusal(ask, &reply.refusal);
	else
		await_view(ask, reply.index);
}

static void bring(struct ask *ask)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	to_leader_stamp(ask->manager, &ask->verb.told);
	dispatch_write(&verb_shape, &ask->verb, &body);
	ask->state = ASK_IS_AWAY;
	to_leader_call(ask->manager, RPC_VERB, &body, MAX(1, ask->deadline - loop_now(ask->manager->loop)), answered, ask);
}

/* ---- again ------------------------------------------------------------------------------------------------------- */

/* Before it is brought again: perhaps our own view has it, or had it. If not, no entry up to here has made it. */
static bool was_made(struct ask *ask)
{
	struct manager *m = ask->manager;
	int kind = verb_makes(&ask->verb);
	enum gone_word word;

	if (!kind || !ask->verb.is_repeat || ask->is_local)
		return false;
	if (view_find(manager_view(m), (enum kind)kind, ask->verb.id))
		return true;
	word = gone_ask(&m->gone, ask->verb.id, ask->verb.since);
	if (word == GONE_NEVER)
		ask->verb.since = view_index(manager_view(m));
	return word == GONE_REMOVED;
}

/* Another describes the node by now, or it has said something else: that stands there, or will. */
static void give_up(struct ask *ask)
{
	struct err err;

	err_set(&err, ERR_STALE, "something later was said since");
	answer(ask, 0, &err);
}

/* ---- where to ---------------------------------------------------------------------------------------------------- */

static void fail_leaderless(struct ask *ask)
{
	struct err err;

	err_set(&err, ERR_STALE, "rpc error: code = Unknown desc = " MANAGER_LEADERLESS);
	answer(ask, 0, &err);
}

static void move(struct ask *ask)
{
	struct manager *m = ask->manager;

	if (ask->failure) {
		answer(ask, 0, ask->failure);
	} else if (was_made(ask)) {
		answer(ask, view_index(manager_view(m)), NULL);
	} else if (!describe_is_wanted(ask)) {
		give_up(ask);
	} else if (ask->last && is_over(ask)) {
		answer(ask, 0, ask->last);
	} else if (replica_is_leader(m->replica) || ask->is_local || replica_status(m->replica).config->count <= 1) {
		ask->state = ASK_IS_AWAY;
		replica_request(m->replica, REPLICA_REQUEST, check_ask, done_here, ask);
	} else if (to_leader_is_there(m)) {
		bring(ask);
	} else if (loop_now(m->loop) >= ask->leaderless_until || is_over(ask)) {
		fail_leaderless(ask);
	} else {
		timer_set_in(&m->asks_timer, AGAIN_MS);
	}
}

void asks_pump(void *arg)
{
	struct manager *m = arg;

	if (!m->replica)
		return;
	LIST_EACH(link, &m->asks) {
		struct ask *ask = CONTAINER_OF(link, struct ask, link);

		if (ask->state == ASK_WAITS)
			move(ask);
		else if (ask->state == ASK_AWAITS_VIEW && (view_index(manager_view(m)) >= ask->index || is_over(ask)))
			answer(ask, ask->index, NULL);
		if (!m->replica)        /* whom we told has closed us */
			return;
	}
}

void ask_begin(struct ask *ask)
{
	timer_set_in(&ask->manager->asks_timer, 0);
}

void ask_refuse(struct ask *ask, const struct err *err)
{
	ask->failure = ARENA_NEW(&ask->arena, struct err);
	*ask->failure = *err;
	ask_begin(ask);
}

void asks_end(struct manager *m)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "the cluster state is being closed; it is not known whether the change was made");
	LIST_EACH(link, &m->asks)
		answer(CONTAINER_OF(link, struct ask, link), 0, &err);
}
