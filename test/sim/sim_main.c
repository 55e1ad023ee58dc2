/* sim_main.c - many seeds, one verdict.
 *
 *	sim-cluster [-n SEEDS] [-f FIRST] [-j JOBS]     runs them
 *	sim-cluster -s SEED [-t] [-b SABOTAGE]          one of them, with -t told event by event
 *	sim-cluster -s SEED -w FILE                     writes the seed's story down
 *	sim-cluster -r FILE [-n TIMES] [-t]             tells the story of a file, with other dice each time
 *	sim-cluster -R [-n SEEDS] …                     a row flips behind a manager's back in each
 *	sim-cluster -M [-n SEEDS] …                     what is made is removed by somebody else, and its leader killed
 *	sim-cluster -B [-n SEEDS]                       breaks each rule in turn: each must be found out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"
#include "os/log.h"
#include "test/sim/sim.h"

enum { JOBS_MAX = 16 };

struct options { uint64_t count, first, seed; unsigned jobs; bool trace, has_seed; enum sim_sabotage sabotage; const char *story, *written; bool breaks_rules, has_count; };
/* Shared by the jobs: so that one that dies is known by its seed. */
struct job { uint64_t seed, done, failed, events, crashes, elections, installs, acknowledged, reads, unknown, changes, transfers, lost_answers, made, sessions, rotten, mended; };

static void add_up(struct job *job)
{
	job->done++;
	job->events += world.events;
	job->crashes += world.crashes;
	job->elections += world.elections;
	job->installs += world.installs;
	job->acknowledged += world.acknowledged;
	job->reads += world.reads;
	job->unknown += world.unknown;
	job->changes += world.changes;
	job->transfers += world.transfers;
	job->lost_answers += world.lost_answers;
	job->made += world.made;
	job->sessions += world.sessions;
	job->rotten += world.rotten;
	job->mended += world.mended;
}

static bool run_seed(uint64_t seed, enum sim_sabotage sabotage, bool trace)
{
	struct sim_plan plan;

	sim_plan_draw(seed, &plan);
	return sim_run(&plan, sabotage, trace);
}

static void try_one(struct job *job, uint64_t seed)
{
	job->seed = seed;
	if (!run_seed(seed, SABOTAGE_NONE, false)) {
		job->failed++;
		printf("FAIL: seed %llu: %s\n\tmake sim SEED=%llu\n", (unsigned long long)seed, world.why, (unsigned long long)seed);
		fflush(stdout);
	}
	add_up(job);
}

static void run_job(const struct options *options, struct job *job, unsigned number)
{
	for (uint64_t i = number; i < options->count; i += options->jobs)
		if (options->first + i > job->seed || job->seed == 0)
			try_one(job, options->first + i);
	_exit(0);
}

/* A job that dies has found something too; the next one goes on behind it. */
static void wait_for_jobs(const struct options *options, struct job *jobs)
{
	pid_t pids[JOBS_MAX];
	int status;

	for (unsigned i = 0; i < options->jobs; i++)
		if ((pids[i] = fork()) == 0)
			run_job(options, &jobs[i], i);
	for (unsigned i = 0; i < options->jobs; i++) {
		while (waitpid(pids[i], &status, 0) == pids[i] && status != 0) {
			jobs[i].failed++;
			printf("FAIL: seed %llu: the process died\n\tmake sim SEED=%llu\n", (unsigned long long)jobs[i].seed,
			       (unsigned long long)jobs[i].seed);
			fflush(stdout);
			if ((pids[i] = fork()) == 0)
				run_job(options, &jobs[i], i);
		}
	}
}

static int run_many(const struct options *options)
{
	struct job *jobs = mmap(NULL, JOBS_MAX * sizeof(*jobs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), all = { 0 };

	check(jobs != MAP_FAILED);
	wait_for_jobs(options, jobs);
	for (unsigned i = 0; i < options->jobs; i++)
		for (size_t k = 1; k < sizeof(all) / sizeof(uint64_t); k++)
			((uint64_t *)&all)[k] += ((uint64_t *)&jobs[i])[k];
	printf("%llu seeds: %llu events, %llu elections, %llu deaths, %llu snapshots, %llu changes of members, %llu transfers\n",
	       (unsigned long long)all.done, (unsigned long long)all.events, (unsigned long long)all.elections, (unsigned long long)all.crashes,
	       (unsigned long long)all.installs, (unsigned long long)all.changes, (unsigned long long)all.transfers);
	printf("%llu answers, %llu of them reads; %llu not known; %llu services made, %llu sessions of workers\n", (unsigned long long)all.acknowledged,
	       (unsigned long long)all.reads, (unsigned long long)all.unknown, (unsigned long long)all.made,
	       (unsigned long long)all.sessions);
	if (sim_rots)
		printf("%llu rows flipped, %llu managers began anew for that\n", (unsigned long long)all.rotten, (unsigned long long)all.mended);
	/* else nothing was tried */
	bool has_tried = all.done < 50 || (all.crashes > all.done && all.elections > all.done && all.installs > 0 && all.lost_answers > 0 &&
					   all.reads > all.done && all.changes > all.done && all.transfers > 0 && all.made > all.done &&
					   all.sessions > all.done);
	has_tried &= !sim_rots || (all.rotten * 2 > all.done && all.mended * 2 > all.rotten);
	if (!has_tried)
		printf("FAIL: not enough has happened\n");
	return all.failed || !has_tried;
}

/* The same happens each time; when letters come and how long disks take is another matter. */
static int run_story(const struct options *options)
{
	FILE *file = fopen(options->story, "r");
	struct sim_plan plan;
	uint64_t times = options->has_count ? options->count : 1, failed = 0;

	if (!file || !sim_plan_read(file, &plan)) {
		fprintf(stderr, "%s: cannot be read, or is no story\n", options->story);
		return 1;
	}
	fclose(file);
	for (uint64_t i = 0; i < times; i++, plan.dice++)
		if (!sim_run(&plan, options->sabotage, options->trace)) {
			failed++;
			printf("FAIL: story %s, dice %llu: %s\n", options->story, (unsigned long long)plan.dice, world.why);
		}
	printf("%s: told %llu times, %llu failed\n", options->story, (unsigned long long)times, (unsigned long long)failed);
	return failed > 0;
}

static int write_story(const struct options *options)
{
	FILE *file = fopen(options->written, "w");
	struct sim_plan plan;
	bool ok = run_seed(options->seed, options->sabotage, false);

	if (!file) {
		perror(options->written);
		return 1;
	}
	sim_plan_draw(options->seed, &plan);
	sim_plan_write(&plan, ok ? "(every promise is kept)" : world.why, file);
	return fclose(file) != 0;
}

static int run_sabotage(const struct options *options)
{
	int missed = 0;

	for (int sabotage = 1; sabotage < SABOTAGE_COUNT; sabotage++) {
		uint64_t tries = 0, found = 0;
		sim_meddles = sabotage == SABOTAGE_FORGETS_REMOVALS;
		for (; tries < options->count && found == 0; tries++)
			found += !run_seed(options->first + tries, (enum sim_sabotage)sabotage, false);
		printf("%s: %s%s%s\n", sim_sabotage_names[sabotage], found ? "found out (" : "NOT FOUND OUT", found ? world.why : "", found ? ")" : "");
		fflush(stdout);
		missed += !found;
	}
	return missed > 0;
}

static int run_one(const struct options *options)
{
	bool ok = run_seed(options->seed, options->sabotage, options->trace);

	printf("seed %llu: %s\n", (unsigned long long)options->seed, ok ? "every promise was kept" : world.why);
	return !ok;
}

static enum sim_sabotage parse_sabotage(const char *name)
{
	for (int i = 0; i < SABOTAGE_COUNT; i++)
		if (strcmp(sim_sabotage_names[i], name) == 0)
			return (enum sim_sabotage)i;
	fprintf(stderr, "no such sabotage: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct options options = { .count = 100, .first = 1, .jobs = 1 };
	int option;

	log_set_level(LOG_LEVEL_ERROR);
	while ((option = getopt(argc, argv, "n:f:j:s:tb:r:w:BMR")) != -1)
		switch (option) {
		case 'n':
			options.count = strtoull(optarg, NULL, 0);
			options.has_count = true;
			break;
		case 'f':
			options.first = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			options.jobs = MIN((unsigned)strtoul(optarg, NULL, 0), (unsigned)JOBS_MAX);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			options.has_seed = true;
			break;
		case 't':
			options.trace = true;
			break;
		case 'b':
			options.sabotage = parse_sabotage(optarg);
			break;
		case 'r':
			options.story = optarg;
			break;
		case 'w':
			options.written = optarg;
			break;
		case 'M':
			sim_meddles = true;
			break;
		case 'R':
			sim_rots = true;
			break;
		case 'B':
			options.breaks_rules = true;
			break;
		default:
			return 2;
		}
	if (options.trace) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		log_set_level(LOG_LEVEL_DEBUG);
	}
	if (options.story)
		return run_story(&options);
	if (options.written)
		return write_story(&options);
	if (options.breaks_rules)
		return run_sabotage(&options);
	return options.has_seed ? run_one(&options) : run_many(&options);
}
