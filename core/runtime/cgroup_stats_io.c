/* cgroup_stats_io.c - what the kernel counts in a container's groups. */
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/cgroup_path.h"
#include "runtime/stats.h"

enum { FILE_MAX_BYTES = 1 << 20, PIDS_MAX_DEPTH = 16 };

static void read_text(const char *dir, const char *file, struct buf *ret)
{
	struct err ignored;

	buf_clear(ret);
	file_read(path_below(dir, file).text, FILE_MAX_BYTES, ret, &ignored);
}

/* The one number of a file; 0 when there is none ("max", or no such file). */
static uint64_t read_number(const char *dir, const char *file)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	read_text(dir, file, &text);
	return strtoull(buf_text(&text), NULL, 10);
}

static void take_memory_stat(const char *dir, const char *cache, const char *inactive, const char *rss, struct runtime_stats *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	read_text(dir, "memory.stat", &text);
	ret->memory_cache_bytes = (int64_t)cgroup_count_of(buf_text(&text), cache);
	ret->memory_inactive_file_bytes = (int64_t)cgroup_count_of(buf_text(&text), inactive);
	ret->memory_rss_bytes = (int64_t)cgroup_count_of(buf_text(&text), rss);
}

static void stats_v1(const struct cgroup_v1 *v1, const char *dir, unsigned ticks_per_second, struct runtime_stats *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (v1->controllers & CGROUP_MEMORY) {
		ret->memory_bytes = (int64_t)read_number(dir, "memory.usage_in_bytes");
		ret->memory_peak_bytes = (int64_t)read_number(dir, "memory.max_usage_in_bytes");
		ret->memory_limit_bytes = (int64_t)read_number(dir, "memory.limit_in_bytes");
		ret->memory_failures = read_number(dir, "memory.failcnt");
		take_memory_stat(dir, "total_cache", "total_inactive_file", "total_rss", ret);
	}
	if (v1->controllers & CGROUP_CPUACCT) {
		ret->cpu_ns = read_number(dir, "cpuacct.usage");
		read_text(dir, "cpuacct.stat", &text);
		ret->cpu_user_ns = cgroup_count_of(buf_text(&text), "user") * (1000000000u / ticks_per_second);
		ret->cpu_system_ns = cgroup_count_of(buf_text(&text), "system") * (1000000000u / ticks_per_second);
	}
	if (v1->controllers & CGROUP_CPU) {
		read_text(dir, "cpu.stat", &text);
		ret->cpu_periods = cgroup_count_of(buf_text(&text), "nr_periods");
		ret->cpu_throttled_periods = cgroup_count_of(buf_text(&text), "nr_throttled");
		ret->cpu_throttled_ns = cgroup_count_of(buf_text(&text), "throttled_time");
	}
	if (v1->controllers & CGROUP_PIDS) {
		ret->pids = (int64_t)read_number(dir, "pids.current");
		ret->pids_limit = (int64_t)read_number(dir, "pids.max");
	}
}

static void take_cpu_stat(const char *text, struct runtime_stats *ret)
{
	ret->cpu_ns = cgroup_count_of(text, "usage_usec") * 1000;
	ret->cpu_user_ns = cgroup_count_of(text, "user_usec") * 1000;
	ret->cpu_system_ns = cgroup_count_of(text, "system_usec") * 1000;
}

static void stats_v2(const char *dir, struct runtime_stats *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	ret->memory_bytes = (int64_t)read_number(dir, "memory.current");
	ret->memory_peak_bytes = (int64_t)read_number(dir, "memory.peak");
	ret->memory_limit_bytes = (int64_t)read_number(dir, "memory.max");
	read_text(dir, "memory.events", &text);
	ret->memory_failures = cgroup_count_of(buf_text(&text), "max");
	take_memory_stat(dir, "file", "inactive_file", "anon", ret);
	read_text(dir, "cpu.stat", &text);
	take_cpu_stat(buf_text(&text), ret);
	ret->cpu_periods = cgroup_count_of(buf_text(&text), "nr_periods");
	ret->cpu_throttled_periods = cgroup_count_of(buf_text(&text), "nr_throttled");
	ret->cpu_throttled_ns = cgroup_count_of(buf_text(&text), "throttled_usec") * 1000;
	ret->pids = (int64_t)read_number(dir, "pids.current");
	ret->pids_limit = (int64_t)read_number(dir, "pids.max");
	read_text(dir, "io.stat", &text);
	stats_take_io(buf_text(&text), ret);
}

void cgroup_stats(const struct cgroup_host *host, const char *id, unsigned ticks_per_second, struct runtime_stats *ret)
{
	const struct cgroup_layout *layout = &host->layout;

	for (size_t i = 0; i < layout->v1_count; i++)
		stats_v1(&layout->v1[i], path_of(layout->v1[i].mount, host->parent, id).text, ticks_per_second, ret);
	if (!layout->v2_mount[0])
		return;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct group_path ctr = path_below(path_of(layout->v2_mount, host->parent, id).text, "ctr");

	if (layout->is_unified) {
		stats_v2(ctr.text, ret);
	} else if (!ret->cpu_ns) {
		read_text(ctr.text, "cpu.stat", &text);
		take_cpu_stat(buf_text(&text), ret);
	}
}

/* The groups that a container has made inside its own have processes too. */
static void add_pids(const char *dir, int depth, size_t max_count, struct strlist *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err ignored;

	read_text(dir, "cgroup.procs", &text);
	for (const char *at = buf_text(&text); *at && ret->count < max_count;) {
		size_t length = strcspn(at, "\n");

		strlist_addn(ret, at, length);
		at += length + (at[length] == '\n');
	}
	if (depth == PIDS_MAX_DEPTH || dir_list(dir, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		struct group_path below = path_below(dir, names.items[i]);

		if (file_exists(path_below(below.text, "cgroup.procs").text))
			add_pids(below.text, depth + 1, max_count, ret);
	}
}

void cgroup_pids(const struct cgroup_host *host, const char *id, size_t max_count, struct strlist *ret)
{
	const struct cgroup_layout *layout = &host->layout;

	if (layout->v2_mount[0])
		add_pids(path_below(path_of(layout->v2_mount, host->parent, id).text, "ctr").text, 0, max_count, ret);
	else if (layout->v1_count)
		add_pids(path_of(layout->v1[0].mount, host->parent, id).text, 0, max_count, ret);
}
