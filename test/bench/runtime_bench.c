/* runtime_bench.c - what the runtime alone costs, without an agent's plans, images and networks: bench-runtime [ONE [MANY]]
 *
 * ONE containers one after the other (create, start, end, remove), then MANY at once: until all run, what their shims weigh, until all are gone. The shim is
 * build/swarmbox. Needs root; everything lies below /tmp and goes again.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "runtime/runtime.h"

enum { MANY_MAX = 1000 };

struct bench {
	char dir[64], data[96], run[96], rootfs[96];
	struct loop *loop;
	struct runtime *rt;
	size_t answers, failures, exits;
};

static void on_exit_of(void *arg, const struct runtime_exit *exit UNUSED)
{
	((struct bench *)arg)->exits++;
}

static void on_answer(void *arg, const struct err *failure)
{
	struct bench *bench = arg;

	bench->answers++;
	if (failure && bench->failures++ == 0)
		fprintf(stderr, "%s\n", failure->text);
}

static void wait_for(struct bench *bench, const size_t *count, size_t wanted)
{
	while (*count < wanted)
		loop_run_once(bench->loop, 1000);
	if (bench->failures)
		panic("%zu of the answers are failures", bench->failures);
}

static void sh(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void sh(const char *fmt, ...)
{
	char command[1024];
	va_list list;

	va_start(list, fmt);
	vsnprintf(command, sizeof command, fmt, list);
	va_end(list);
	if (system(command) != 0)
		panic("failed: %s", command);
}

static void open_bench(struct bench *bench, struct work **work)
{
	char binary[512];
	struct err err;

	snprintf(bench->dir, sizeof bench->dir, "%s/sbbench-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	check(mkdtemp(bench->dir) && realpath("build/swarmbox", binary));
	snprintf(bench->data, sizeof bench->data, "%s/data", bench->dir);
	snprintf(bench->run, sizeof bench->run, "%s/run", bench->dir);
	snprintf(bench->rootfs, sizeof bench->rootfs, "%s/rootfs", bench->dir);
	sh("mkdir -p %s %s %s/bin && gcc -static -O1 -o %s/bin/probe test/unit/runtime/inside/*.c", bench->data, bench->run, bench->rootfs,
	   bench->rootfs);
	bench->loop = loop_new();
	*work = work_new(bench->loop, 2);
	struct runtime_config config = { .loop = bench->loop, .work = *work, .data_root = bench->data, .run_root = bench->run,
					 .cgroup_parent = strrchr(bench->dir, 0x2f) + 1, .binary = binary, .on_exit = on_exit_of, .arg = bench };

	if (runtime_open(&config, &bench->rt, &err) < 0)
		panic("%s", err.text);
}

static struct container_spec spec_of(struct bench *bench, char id[HEX_ID_SIZE], const char **argv, size_t words)
{
	static const char *layer[1];
	struct container_spec spec;

	container_spec_init(&spec);
	entropy_hex_id(id);
	layer[0] = bench->rootfs;
	spec.id = id;
	spec.argv = (struct container_strings){ argv, words };
	spec.layers = (struct container_strings){ layer, 1 };
	spec.created_wall = clock_wall_ns();
	return spec;
}

static int by_value(const void *a, const void *b)
{
	const nsec *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Of us and of all that has ended below us: what waiting for other people's work does not change. */
static double cpu_ms(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	const struct timeval *all[] = { &own.ru_utime, &own.ru_stime, &children.ru_utime, &children.ru_stime };
	double sum = 0;

	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		sum += (double)all[i]->tv_sec * 1e3 + (double)all[i]->tv_usec / 1e3;
	return sum;
}

static void one_by_one(struct bench *bench, size_t count)
{
	static const char *argv[] = { "/bin/probe", "exit", "0" };
	nsec *steps[4], sorted[4];
	static const char *const names[] = { "create", "start and end", "remove", "all" };

	for (int i = 0; i < 4; i++)
		check((steps[i] = calloc(count, sizeof **steps)));
	double cpu = cpu_ms();

	for (size_t i = 0; i < count; i++) {
		char id[HEX_ID_SIZE];
		struct container_spec spec = spec_of(bench, id, argv, ARRAY_COUNT(argv));
		nsec start = clock_boot_ns();

		bench->answers = bench->exits = 0;
		runtime_create(bench->rt, &spec, on_answer, bench);
		wait_for(bench, &bench->answers, 1);
		nsec created = clock_boot_ns();

		runtime_start(bench->rt, id, on_answer, bench);
		wait_for(bench, &bench->exits, 1);
		nsec ended = clock_boot_ns();

		runtime_remove(bench->rt, id, on_answer, bench);
		wait_for(bench, &bench->answers, 3);
		nsec gone = clock_boot_ns();

		steps[0][i] = created - start;
		steps[1][i] = ended - created;
		steps[2][i] = gone - ended;
		steps[3][i] = gone - start;
	}
	printf("one container, processor time   %6.2f ms\n", (cpu_ms() - cpu) / (double)count);
	for (int i = 0; i < 4; i++) {
		qsort(steps[i], count, sizeof **steps, by_value);
		sorted[i] = steps[i][count / 2];
		printf("one container, %-13s median %6.2f ms   min %6.2f\n", names[i], (double)sorted[i] / 1e6, (double)steps[i][0] / 1e6);
		free(steps[i]);
	}
}

static double pss_kib_of_shims(size_t *ret_count)
{
	DIR *proc = opendir("/proc");
	double sum = 0;

	*ret_count = 0;
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		char path[300];
		struct err ignored;

		snprintf(path, sizeof path, "/proc/%.20s/status", entry->d_name);
		const char *parent = file_read(path, 65536, &text, &ignored) == 0 ? strstr(buf_text(&text), "PPid:") : NULL;

		if (!parent || strtol(parent + 5, NULL, 10) != getpid() || !strstr(buf_text(&text), "swarmbox-shim"))
			continue;        /* somebody else's */
		buf_clear(&text);
		snprintf(path, sizeof path, "/proc/%.20s/smaps_rollup", entry->d_name);
		const char *pss = file_read(path, 65536, &text, &ignored) == 0 ? strstr(buf_text(&text), "Pss:") : NULL;

		if (pss) {
			sum += strtod(pss + 4, NULL);
			++*ret_count;
		}
	}
	if (proc)
		closedir(proc);
	return sum;
}

static void many_at_once(struct bench *bench, size_t count)
{
	static char ids[MANY_MAX][HEX_ID_SIZE];
	static const char *argv[] = { "/bin/probe", "pause" };
	size_t shims;

	check(count <= MANY_MAX);
	bench->answers = 0;
	nsec start = clock_boot_ns();

	for (size_t i = 0; i < count; i++) {
		struct container_spec spec = spec_of(bench, ids[i], argv, ARRAY_COUNT(argv));

		runtime_create(bench->rt, &spec, on_answer, bench);
	}
	wait_for(bench, &bench->answers, count);
	nsec created = clock_boot_ns();

	for (size_t i = 0; i < count; i++)
		runtime_start(bench->rt, ids[i], on_answer, bench);
	wait_for(bench, &bench->answers, 2 * count);
	nsec running = clock_boot_ns();
	double kib = pss_kib_of_shims(&shims);

	bench->answers = 0;
	nsec before = clock_boot_ns();

	for (size_t i = 0; i < count; i++)
		runtime_remove(bench->rt, ids[i], on_answer, bench);
	wait_for(bench, &bench->answers, count);
	printf("%zu at once, created after %.0f ms, running after %.0f ms, gone after %.0f ms\n", count, (double)(created - start) / 1e6,
	       (double)(running - start) / 1e6, (double)(clock_boot_ns() - before) / 1e6);
	printf("shims, PSS: %.1f KiB each (%zu of them)\n", shims ? kib / (double)shims : 0, shims);
}

int main(int argc, char **argv)
{
	struct bench bench = { .answers = 0 };
	struct work *work;

	open_bench(&bench, &work);
	one_by_one(&bench, argc > 1 ? strtoul(argv[1], NULL, 10) : 100);
	many_at_once(&bench, argc > 2 ? strtoul(argv[2], NULL, 10) : 100);
	runtime_close(bench.rt);
	work_free(work);
	loop_free(bench.loop);
	sh("rm -rf %s", bench.dir);
	return 0;
}
