/* sim_plan.c - what will happen: drawn from a seed, or read from a file.
 *
 * A seed is worth something as long as the code that draws dice stays as it is. So what was found by one is kept as a story: the plan that
 * the seed had drawn, in words, and then it means the same forever. When letters arrive and how long disks take is not in it (the code
 * decides how many dice there are): a story is told several times, each time with other dice.
 */
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "test/sim/sim.h"

enum { STEPS = 60 };

const char *const sim_act_names[ACT_COUNT] = {
	[ACT_KILL] = "kill", [ACT_POWER] = "power", [ACT_CLOSE] = "close",      /* a manager's process, its host, an orderly end */
	[ACT_CUT] = "cut", [ACT_CUT_BOTH] = "cut-both",                         /* from who to manager a: one way, or both */
	[ACT_ISOLATE] = "isolate", [ACT_SPLIT] = "split", [ACT_HEAL] = "heal",  /* one from all; even from odd places; all links */
	[ACT_FULL] = "full",                                                    /* its disk */
	[ACT_BAD_WRITE] = "bad-write", [ACT_BAD_SYNC] = "bad-sync",             /* the a-th from now on fails once */
	[ACT_STALL] = "stall",                                                  /* its disk, for a ms */
	[ACT_MEND] = "mend",                                                    /* all disks */
	[ACT_FREEZE] = "freeze",                                                /* for a ms, and b others with it */
	[ACT_JOIN] = "join", [ACT_DEMOTE] = "demote", [ACT_TRANSFER] = "transfer",
	[ACT_CHECKPOINT] = "checkpoint",                                        /* a 1: and the log behind it goes */
	[ACT_WORKER_KILL] = "worker-kill",                                      /* worker who, back in a ms; b 1: its host */
	[ACT_WORKER_CUT] = "worker-cut",                                        /* worker who; a 0 both ways, 1 deaf, 2 not heard, 3 healed */
	[ACT_WEATHER] = "weather",                                              /* who of 1000 get lost, a double, the latest takes b ms */
	[ACT_SERVICE] = "service",                                              /* service who; a: 0 create, 1 update, 2 remove, 3 refresh; b replicas */
	[ACT_FLAP] = "flap",                                                    /* its wires to manager a (0: to all): off b ms of each 4 b */
	[ACT_SLOW] = "slow",                                                    /* its disk and b others' take up to a ms a round, until mended */
	[ACT_CLOCK] = "clock",                                                  /* runs at a per thousand from now on, and has jumped b ms ahead */
	[ACT_CHURN] = "churn",                                                  /* who and manager a are sent away, b others come, all at once */
	[ACT_STREAMS] = "streams",                                              /* snapshots take up to a ms, b of 1000 break off */
};

static unsigned below(struct rng *rng, unsigned n)
{
	return (unsigned)rng_below(rng, n);
}

/* A leader more often than its share. */
static unsigned victim(struct rng *rng)
{
	return below(rng, 1000) < 400 ? 0 : 1 + below(rng, SIM_MANAGERS);
}

static struct sim_step service(struct rng *rng)
{
	static const enum sim_wish types[] = { WISH_CREATE, WISH_CREATE, WISH_UPDATE, WISH_UPDATE, WISH_REFRESH, WISH_REMOVE };

	return (struct sim_step){ .act = ACT_SERVICE, .who = below(rng, SIM_SERVICES), .a = types[below(rng, ARRAY_COUNT(types))],
				  .b = below(rng, 6) };
}

static struct sim_step cut(struct rng *rng)
{
	static const enum sim_act acts[] = { ACT_CUT, ACT_CUT_BOTH, ACT_ISOLATE };

	return (struct sim_step){ .act = acts[below(rng, 3)], .who = victim(rng), .a = 1 + below(rng, SIM_MANAGERS) };
}

static struct sim_step disk(struct rng *rng)
{
	static const struct { enum sim_act act; unsigned most; } acts[] = {
		{ ACT_FULL, 1 }, { ACT_BAD_WRITE, 6 }, { ACT_BAD_SYNC, 3 }, { ACT_STALL, 4000 },
	};
	unsigned i = below(rng, ARRAY_COUNT(acts));

	return (struct sim_step){ .act = acts[i].act, .who = victim(rng), .a = 1 + below(rng, acts[i].most) };
}

static struct sim_step worker(struct rng *rng, unsigned workers)
{
	if (below(rng, 2))
		return (struct sim_step){ .act = ACT_WORKER_KILL, .who = below(rng, workers), .a = below(rng, 20000), .b = below(rng, 2) };
	return (struct sim_step){ .act = ACT_WORKER_CUT, .who = below(rng, workers), .a = below(rng, 4) };
}

static struct sim_step weather(struct rng *rng)
{
	return (struct sim_step){ .act = ACT_WEATHER, .who = below(rng, 2) ? 0 : below(rng, 100), .a = below(rng, 2) ? 0 : below(rng, 100),
				  .b = 1 + below(rng, below(rng, 5) ? 15 : 150) };
}

/* Longer than an election timeout, now and then a whole rack at once. */
static struct sim_step freeze(struct rng *rng)
{
	return (struct sim_step){ .act = ACT_FREEZE, .who = victim(rng), .a = below(rng, below(rng, 8) ? 3000 : 30000),
				  .b = below(rng, 4) ? 0 : below(rng, SIM_MANAGERS) };
}

static struct sim_step clock_goes(struct rng *rng)
{
	return (struct sim_step){ .act = ACT_CLOCK, .who = victim(rng), .a = 300 + below(rng, 2700), .b = below(rng, 3) ? 0 : below(rng, 60000) };
}

static struct sim_step draw(struct rng *rng, unsigned workers)
{
	switch (below(rng, 28)) {
	case 0:
		return (struct sim_step){ .act = ACT_KILL, .who = victim(rng) };
	case 1:
		return (struct sim_step){ .act = ACT_POWER, .who = victim(rng) };
	case 2:
		return (struct sim_step){ .act = ACT_CLOSE, .who = victim(rng) };
	case 3:
		return cut(rng);
	case 4:
		return (struct sim_step){ .act = below(rng, 10) < 3 ? ACT_SPLIT : ACT_HEAL };
	case 5:
		return (struct sim_step){ .act = ACT_HEAL };
	case 6:
	case 7:
		return disk(rng);
	case 8:
	case 9:
		return (struct sim_step){ .act = ACT_MEND };
	case 10:
		return freeze(rng);
	case 11:
		return below(rng, 5) < 2 ? (struct sim_step){ .act = ACT_DEMOTE, .who = victim(rng) } : (struct sim_step){ .act = ACT_JOIN };
	case 12:
		return (struct sim_step){ .act = ACT_TRANSFER };
	case 13:
	case 14:
		return (struct sim_step){ .act = ACT_CHECKPOINT, .who = below(rng, SIM_MANAGERS), .a = below(rng, 10) < 7 };
	case 15:
		return worker(rng, workers);
	case 16:
		return weather(rng);
	case 17:
		return (struct sim_step){ .act = ACT_FLAP, .who = victim(rng), .a = below(rng, 2) ? 0 : 1 + below(rng, SIM_MANAGERS),
					  .b = 50 + below(rng, 1950) };
	case 18:
		return (struct sim_step){ .act = ACT_SLOW, .who = victim(rng), .a = 20 + below(rng, 600), .b = below(rng, 5) };
	case 19:
		return clock_goes(rng);
	case 20:
		return (struct sim_step){ .act = ACT_CHURN, .who = victim(rng), .a = 1 + below(rng, SIM_MANAGERS), .b = below(rng, 3) };
	case 21:
	case 22:
		return (struct sim_step){ .act = ACT_CHECKPOINT, .who = below(rng, SIM_MANAGERS), .a = 1 };
	case 23:
		return (struct sim_step){ .act = ACT_STREAMS, .a = 300 + below(rng, 20000), .b = below(rng, 600) };
	default:
		return service(rng);
	}
}

void sim_plan_draw(uint64_t seed, struct sim_plan *ret)
{
	static const unsigned sizes[] = { 3, 3, 5, 5, 7 };
	struct rng rng;

	rng_seed(&rng, seed);
	*ret = (struct sim_plan){ .seed = seed, .dice = seed };
	ret->managers = sizes[below(&rng, ARRAY_COUNT(sizes))];
	ret->workers = below(&rng, 100) < 8 ? 1 + below(&rng, SIM_WORKERS) : 3 + below(&rng, 6);
	for (; ret->count < STEPS; ret->count++) {
		ret->steps[ret->count] = draw(&rng, ret->workers);
		ret->steps[ret->count].pause = below(&rng, 600);
	}
}

/* ---- as text ------------------------------------------------------------------------------------------ */

void sim_plan_write(const struct sim_plan *plan, const char *why, FILE *file)
{
	fprintf(file, "# %s\n", why);
	fprintf(file, "dice %llu managers %u workers %u\n", (unsigned long long)plan->dice, plan->managers, plan->workers);
	for (size_t i = 0; i < plan->count; i++) {
		const struct sim_step *step = &plan->steps[i];
		fprintf(file, "%lld %s %u %u %u\n", (long long)step->pause, sim_act_names[step->act], step->who, step->a, step->b);
	}
}

/* Words and numbers of a line, one after the other; numbers below a bound. */
static bool take_number(char **rest, uint64_t most, uint64_t *ret)
{
	const char *word = strtok_r(NULL, " \n", rest);

	return word && str_to_u64(word, ret) == 0 && *ret <= most;
}

static bool take_word(char **rest, const char *want)
{
	const char *word = strtok_r(NULL, " \n", rest);

	return word && str_eq(word, want);
}

static bool read_step(char *line, struct sim_step *ret)
{
	char *rest = NULL;
	const char *pause = strtok_r(line, " \n", &rest), *name = strtok_r(NULL, " \n", &rest);
	uint64_t span, who, a, b;
	int act = 0;

	if (!pause || !name || str_to_u64(pause, &span) < 0 || span > 60000 || !take_number(&rest, 1000000, &who) ||
	    !take_number(&rest, 1000000, &a) || !take_number(&rest, 1000000, &b))
		return false;
	while (act < ACT_COUNT && !str_eq(sim_act_names[act], name))
		act++;
	*ret = (struct sim_step){ (msec)span, (enum sim_act)act, (unsigned)who, (unsigned)a, (unsigned)b };
	return act < ACT_COUNT;
}

static bool read_head(char *line, struct sim_plan *ret)
{
	char *rest = NULL;
	const char *word = strtok_r(line, " \n", &rest);
	uint64_t managers, workers;

	if (!word || !str_eq(word, "dice") || !take_number(&rest, UINT64_MAX, &ret->dice) || !take_word(&rest, "managers") ||
	    !take_number(&rest, 7, &managers) || !take_word(&rest, "workers") || !take_number(&rest, SIM_WORKERS, &workers))
		return false;
	ret->seed = ret->dice;
	ret->managers = (unsigned)managers;
	ret->workers = (unsigned)workers;
	return managers && workers;
}

bool sim_plan_read(FILE *file, struct sim_plan *ret)
{
	char line[300];

	*ret = (struct sim_plan){ 0 };
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (ret->managers ? ret->count == SIM_STEPS || !read_step(line, &ret->steps[ret->count++]) : !read_head(line, ret))
			return false;
	}
	return ret->count > 0;
}
