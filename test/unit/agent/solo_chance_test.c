/* The machine of a container outside of services under any order of anything. */
#include "agent/solo.h"
#include "base/rng.h"
#include "test/unit/runner.h"

/* One machine, one process that may run, and whatever chance has people and the host do. */
struct chance { struct solo solo; struct rng rng; msec now; bool is_gone, has_process, is_asked; unsigned steps; };

static void chance_feed(struct chance *c, struct solo_in in);

static void chance_perform(struct chance *c, enum solo_act what)
{
	switch (what) {
	case SOLO_ACT_MAKE:
		EXPECT(!c->has_process);
		return;
	case SOLO_ACT_ATTACH:
	case SOLO_ACT_CONNECT:
	case SOLO_ACT_START:
		return;
	case SOLO_ACT_REMOVE:
	case SOLO_ACT_FORGET:
		EXPECT(!c->has_process && c->solo.is_removing);
		return;
	case SOLO_ACT_TELL_GONE:
		c->is_gone = true;
		return;
	default:
		return;
	}
}

static void chance_feed(struct chance *c, struct solo_in in)
{
	struct solo_out out;

	in.now = c->now;
	solo_step(&c->solo, &in, &out);
	for (unsigned i = 0; i < out.count; i++)
		chance_perform(c, out.acts[i]);
}

static void chance_answer(struct chance *c, bool may_fail)
{
	bool fails = may_fail && rng_below(&c->rng, 8) == 0;
	enum solo_act what = c->solo.busy_with;

	if (!c->solo.is_busy)
		return;
	if (what == SOLO_ACT_START && fails)
		c->has_process = false;
	if (what == SOLO_ACT_MAKE && !fails)
		c->has_process = true;
	chance_feed(c, (struct solo_in){ .event = SOLO_ANSWER, .error = fails ? "chance" : NULL });
}

static void chance_exit(struct chance *c)
{
	if (!c->has_process)
		return;
	c->has_process = false;
	chance_feed(c, (struct solo_in){ .event = SOLO_EXIT, .exit_code = (int)rng_below(&c->rng, 2) });
}

static void chance_turn(struct chance *c)
{
	static const enum solo_event asked[] = { SOLO_START, SOLO_START, SOLO_STOP, SOLO_RESTART, SOLO_SIGNAL, SOLO_SHUTDOWN };

	switch (rng_below(&c->rng, 10)) {
	case 0:
	case 1:
		chance_feed(c, (struct solo_in){ .event = asked[rng_below(&c->rng, ARRAY_COUNT(asked))], .grace_ms = 50,
						 .is_last = rng_below(&c->rng, 2) });
		break;
	case 2:
		if (rng_below(&c->rng, 20) == 0)
			chance_feed(c, (struct solo_in){ .event = SOLO_REMOVE });
		break;
	case 3:
		chance_exit(c);
		break;
	case 4:
		c->now += (msec)rng_below(&c->rng, 200);
		if (c->solo.timer_ms && c->solo.timer_ms <= c->now)
			chance_feed(c, (struct solo_in){ .event = SOLO_TIMER });
		break;
	default:
		chance_answer(c, true);
	}
}

/* Without any more mishaps: removed, it goes, whatever went before. */
static void chance_settle(struct chance *c)
{
	if (!c->is_gone)
		chance_feed(c, (struct solo_in){ .event = SOLO_REMOVE });
	for (int i = 0; i < 100 && !c->is_gone; i++) {
		chance_answer(c, false);
		if (!c->is_gone && c->solo.is_killed)
			chance_exit(c);
	}
	EXPECT(c->is_gone && !c->has_process);
}

TEST(solo_goes_in_the_end_whatever_happened_before)
{
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct chance c = { .now = 1000 };

		rng_seed(&c.rng, seed);
		solo_init(&c.solo, rng_below(&c.rng, 2), rng_below(&c.rng, 2), 50);
		c.solo.policy = (int)rng_below(&c.rng, 4);
		c.solo.goes_at_end = c.solo.policy == SOLO_NEVER && rng_below(&c.rng, 2);
		for (int i = 0; i < 200 && !c.is_gone; i++)
			chance_turn(&c);
		chance_settle(&c);
	}
}
