/* runtime_stats_io.c - what a container uses, and which processes it has. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/container_user.h"
#include "runtime/kcall_io.h"
#include "runtime/process_table.h"
#include "runtime/runtime_inside.h"
#include "runtime/stats.h"

enum { FILE_MAX_BYTES = 4 << 20, ARENA_BYTES = 64 << 20 };

static unsigned ticks_per_second(void)
{
	return (unsigned)sysconf(_SC_CLK_TCK);
}

/* --- stats ------------------------------------------------------------------------------------- */

static void take_host(struct runtime_stats *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct sysinfo host;
	struct err ignored;

	if (file_read("/proc/stat", FILE_MAX_BYTES, &text, &ignored) == 0)
		stats_take_host_cpu(buf_text(&text), ticks_per_second(), ret);
	if (sysinfo(&host) == 0)
		ret->host_memory_bytes = (int64_t)host.totalram * host.mem_unit;
}

/* Of a number that may be another process's by now: it is not when its pidfd still stands for a living one afterwards. */
static void take_links(const struct container *container, struct runtime_stats *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char path[48];
	struct err ignored;

	if (container->pidfd < 0 || container->netns_fd < 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/net/dev", (int)container->pid);
	if (file_read(path, FILE_MAX_BYTES, &text, &ignored) == 0 && kcall_pidfd_signal(container->pidfd, 0) == 0)
		stats_take_links(buf_text(&text), ret);
}

int runtime_stats(const struct runtime *rt, const char *id, struct runtime_stats *ret, struct err *err)
{
	const struct container *container = container_find(rt, id);
	struct runtime_stats stats = { .read_wall = clock_wall_ns() };

	if (!container)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", id);
	cgroup_stats(&rt->cgroups, id, ticks_per_second(), &stats);
	take_host(&stats);
	take_links(container, &stats);
	if (stats.memory_limit_bytes <= 0 || stats.memory_limit_bytes > stats.host_memory_bytes)
		stats.memory_limit_bytes = stats.host_memory_bytes;
	*ret = stats;
	return 0;
}

/* --- processes --------------------------------------------------------------------------------- */

struct top {
	struct runtime *rt;
	runtime_top_fn *done;
	void *arg;
	char id[HEX_ID_SIZE];
	struct arena arena;
	struct process_format format;
	uint64_t host_memory_bytes;
	const char *users, *groups;      /* of the host: passwd(5), group(5) */
	const char **cells;
	size_t row_count;
};

/* False for a process that has ended meanwhile. */
static bool add_row(struct top *top, const char *pid, time_t now_s, msec boot_ms)
{
	CLEANUP(buf_finip) struct buf stat = BUF_INIT;
	CLEANUP(buf_finip) struct buf status = BUF_INIT;
	CLEANUP(buf_finip) struct buf command = BUF_INIT;
	struct process_facts facts;
	struct process_row row = { .ticks_per_second = ticks_per_second(), .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
				   .host_memory_bytes = top->host_memory_bytes };
	char path[64];
	struct err ignored;

	snprintf(path, sizeof path, "/proc/%.12s", pid);
	CLEANUP(fd_closep) int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || file_read_at(dir, "stat", FILE_MAX_BYTES, &stat, &ignored) < 0 ||
	    file_read_at(dir, "status", FILE_MAX_BYTES, &status, &ignored) < 0 ||
	    process_facts_parse(buf_text(&stat), buf_text(&status), &facts, &ignored) < 0)
		return false;
	file_read_at(dir, "cmdline", FILE_MAX_BYTES, &command, &ignored);
	row.command = command.data;
	row.command_bytes = command.len;
	row.user = container_user_name(top->users, facts.uid, &top->arena);
	row.group = container_user_name(top->groups, facts.gid, &top->arena);
	row.age_ms = boot_ms - (msec)(facts.start_ticks * 1000 / row.ticks_per_second);
	time_t started = now_s - (time_t)(row.age_ms / 1000);

	localtime_r(&now_s, &row.now);
	localtime_r(&started, &row.started);
	process_cells(&top->format, &facts, &row, &top->arena, top->cells + top->row_count * top->format.count);
	return true;
}

/* On a work thread. Reads: rt, id, format. Writes the rest. */
static void look(void *arg)
{
	struct top *top = arg;
	CLEANUP(strlist_finip) struct strlist pids = { 0 };
	CLEANUP(buf_finip) struct buf users = BUF_INIT, groups = BUF_INIT;
	struct sysinfo host;
	struct err ignored;
	time_t now_s = (time_t)(clock_wall_ns() / 1000000000);
	msec boot_ms = clock_boot_ms();

	cgroup_pids(&top->rt->cgroups, top->id, RUNTIME_TOP_MAX, &pids);
	file_read("/etc/passwd", FILE_MAX_BYTES, &users, &ignored);
	file_read("/etc/group", FILE_MAX_BYTES, &groups, &ignored);
	top->users = buf_text(&users);
	top->groups = buf_text(&groups);
	if (sysinfo(&host) == 0)
		top->host_memory_bytes = (uint64_t)host.totalram * host.mem_unit;
	top->cells = ARENA_ARRAY(&top->arena, const char *, (pids.count + 1) * top->format.count);
	for (size_t i = 0; i < pids.count; i++)
		top->row_count += add_row(top, pids.items[i], now_s, boot_ms);
}

static void looked(void *arg)
{
	struct top *top = arg;
	struct runtime_top answer = { &top->format, top->cells, top->row_count };

	if (!runtime_job_ended(top->rt))
		top->done(top->arg, &answer, NULL);
	arena_fini(&top->arena);
	free(top);
}

void runtime_top(struct runtime *rt, const char *id, const struct process_format *format, runtime_top_fn *done, void *arg)
{
	struct err err;
	struct container *container = container_find_in(rt, id, RUNTIME_RUNNING, "running", &err);

	if (!container) {
		runtime_refuse_top_later(rt, done, arg, &err);
		return;
	}
	struct top *top = NEW(struct top);

	*top = (struct top){ .rt = rt, .done = done, .arg = arg, .format = *format };
	str_copy(top->id, sizeof top->id, id);
	arena_init(&top->arena, "top", ARENA_BYTES);
	for (size_t i = 0; i < format->count; i++)
		top->format.columns[i].title = arena_strdup(&top->arena, format->columns[i].title);
	if (!work_submit(rt->config.work, NULL, look, looked, top)) {
		err_set(&err, ERR_EXHAUSTED, "processes of container %.12s: the work queue is full", id);
		runtime_refuse_top_later(rt, done, arg, &err);
		arena_fini(&top->arena);
		free(top);
		return;
	}
	rt->jobs++;
}
