/* cgroup.c - mountinfo to hierarchies, limits to texts. */
#include "runtime/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static unsigned controller_bit(const char *name, size_t length)
{
	static const struct { char name[8]; unsigned bit; } known[] = {
		{ "memory", CGROUP_MEMORY }, { "cpu", CGROUP_CPU }, { "cpuacct", CGROUP_CPUACCT },
		{ "pids", CGROUP_PIDS }, { "devices", CGROUP_DEVICES }
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, name, length) == 0)
			return known[i].bit;
	return 0;
}

/* "rw,cpu,cpuacct" -> the bits; also for cgroup.controllers, which has spaces. */
static unsigned controller_bits(const char *list)
{
	unsigned bits = 0;

	while (*list) {
		size_t length = strcspn(list, ", \n");

		bits |= controller_bit(list, length);
		list += length;
		list += strspn(list, ", \n");
	}
	return bits;
}

/* What a hierarchy has to be mounted with inside the container: its controllers, without "rw" and the rest. */
static void v1_options(const char *list, char *ret, size_t size)
{
	size_t used = 0;

	ret[0] = '\0';
	while (*list) {
		size_t length = strcspn(list, ",");

		if (controller_bit(list, length) && used + length + 2 < size)
			used += (size_t)snprintf(ret + used, size - used, "%s%.*s", used ? "," : "", (int)length, list);
		list += length;
		list += strspn(list, ",");
	}
}

struct mount_line { char point[256], type[16], options[256]; };

/* "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755"; -1 for a line that is otherwise. */
static int mount_line_parse(const char *line, struct mount_line *ret)
{
	const char *dash = memmem(line, strcspn(line, "\n"), " - ", 3);

	if (!dash)
		return -1;
	if (sscanf(line, "%*d %*d %*u:%*u %*s %255s", ret->point) != 1)
		return -1;
	return sscanf(dash, " - %15s %*s %255s", ret->type, ret->options) == 2 ? 0 : -1;
}

static void layout_add(struct cgroup_layout *layout, const struct mount_line *line)
{
	if (strcmp(line->type, "cgroup2") == 0 && !layout->v2_mount[0])
		str_copy(layout->v2_mount, sizeof layout->v2_mount, line->point);
	if (strcmp(line->type, "cgroup") != 0)
		return;

	unsigned bits = controller_bits(line->options);

	if (strstr(line->options, "name=systemd") && !layout->named_mount[0])
		str_copy(layout->named_mount, sizeof layout->named_mount, line->point);
	if (!bits || layout->controllers & bits || layout->v1_count == CGROUP_MAX_V1)
		return;          /* mounted a second time somewhere else */
	struct cgroup_v1 *v1 = &layout->v1[layout->v1_count++];

	str_copy(v1->mount, sizeof v1->mount, line->point);
	v1_options(line->options, v1->options, sizeof v1->options);
	v1->controllers = bits;
	layout->controllers |= bits;
}

int cgroup_layout_parse(const char *mountinfo, const char *v2_controllers, struct cgroup_layout *ret, struct err *err)
{
	struct cgroup_layout layout = { .v1_count = 0 };
	struct mount_line line;

	for (const char *at = mountinfo; *at;) {
		if (mount_line_parse(at, &line) == 0)
			layout_add(&layout, &line);
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	if (!layout.v1_count && !layout.v2_mount[0])
		return err_set(err, ERR_UNSUPPORTED, "no cgroup file system is mounted: mount cgroup2 at /sys/fs/cgroup");
	if (!layout.v1_count) {
		layout.is_unified = true;
		/* accounting of cpu time is always there, and devices are a BPF program */
		layout.controllers = controller_bits(v2_controllers) | CGROUP_CPUACCT | CGROUP_DEVICES;
	}
	*ret = layout;
	return 0;
}

int cgroup_check_limits(const struct cgroup_layout *layout, const struct container_spec *spec, struct err *err)
{
	const struct { const char *name; bool is_wanted; unsigned bit; } limits[] = {
		{ "memory", spec->memory_bytes > 0, CGROUP_MEMORY },
		{ "cpu", spec->nano_cpus > 0, CGROUP_CPU },
		{ "pids", spec->pids_limit > 0, CGROUP_PIDS },
	};

	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		if (limits[i].is_wanted && !(layout->controllers & limits[i].bit))
			return err_set(err, ERR_UNSUPPORTED, "a %s limit needs the cgroup controller '%s', which this host does not have",
				       limits[i].name, limits[i].name);
	return 0;
}

static void writes_add(struct cgroup_writes *writes, const char *file, const char *text, bool is_optional)
{
	writes->items[writes->count++] = (struct cgroup_write){ file, text, is_optional };
}

enum { WRITES_MAX = 8, CPU_PERIOD_US = 100000 };

static int64_t cpu_quota_us(const struct container_spec *spec)
{
	return spec->nano_cpus / (1000000000 / CPU_PERIOD_US);
}

/* Memory and swap together. Docker's rule: not given is twice the memory. */
static int64_t memsw_bytes(const struct container_spec *spec)
{
	if (spec->memory_swap_bytes)
		return spec->memory_swap_bytes;
	return spec->memory_bytes > INT64_MAX / 2 ? INT64_MAX : spec->memory_bytes * 2;
}

/* A limit as text; `none` is the kernel's word for there being none. */
static const char *limit_text(int64_t value, const char *none, struct arena *arena)
{
	return value > 0 ? arena_printf(arena, "%lld", (long long)value) : none;
}

struct cgroup_writes cgroup_v1_limits(unsigned controllers, const struct container_spec *spec, bool is_new, struct arena *arena)
{
	struct cgroup_writes writes = { ARENA_ARRAY(arena, struct cgroup_write, WRITES_MAX), 0 };

	if (controllers & CGROUP_MEMORY && (spec->memory_bytes > 0 || !is_new)) {
		writes_add(&writes, "memory.limit_in_bytes", limit_text(spec->memory_bytes, "-1", arena), false);
		/* absent where the kernel does not account swap */
		writes_add(&writes, "memory.memsw.limit_in_bytes", limit_text(memsw_bytes(spec), "-1", arena), true);
	}
	if (controllers & CGROUP_CPU && (spec->nano_cpus > 0 || !is_new)) {
		writes_add(&writes, "cpu.cfs_period_us", arena_printf(arena, "%d", CPU_PERIOD_US), false);
		writes_add(&writes, "cpu.cfs_quota_us", limit_text(cpu_quota_us(spec), "-1", arena), false);
	}
	if (controllers & CGROUP_PIDS && (spec->pids_limit > 0 || !is_new))
		writes_add(&writes, "pids.max", limit_text(spec->pids_limit, "max", arena), false);
	return writes;
}

struct cgroup_writes cgroup_v2_limits(const struct container_spec *spec, bool is_new, struct arena *arena)
{
	struct cgroup_writes writes = { ARENA_ARRAY(arena, struct cgroup_write, WRITES_MAX), 0 };

	if (spec->memory_bytes > 0 || !is_new) {
		int64_t swap = memsw_bytes(spec) - spec->memory_bytes;
		bool is_free = spec->memory_bytes == 0 || spec->memory_swap_bytes < 0;

		writes_add(&writes, "memory.max", limit_text(spec->memory_bytes, "max", arena), false);
		writes_add(&writes, "memory.swap.max", is_free ? "max" : arena_printf(arena, "%lld", (long long)swap), true);
	}
	if (spec->nano_cpus > 0 || !is_new)
		writes_add(&writes, "cpu.max", arena_printf(arena, "%s %d", limit_text(cpu_quota_us(spec), "max", arena), CPU_PERIOD_US), false);
	if (spec->pids_limit > 0 || !is_new)
		writes_add(&writes, "pids.max", limit_text(spec->pids_limit, "max", arena), false);
	return writes;
}

uint64_t cgroup_count_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = text; *at;) {
		if (strncmp(at, key, length) == 0 && at[length] == ' ')
			return strtoull(at + length + 1, NULL, 10);
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return 0;
}

/* Any node may be made (CAP_MKNOD), only these may be opened. */
const struct cgroup_device cgroup_default_devices[] = {
	{ 'c', -1, -1, "m" }, { 'b', -1, -1, "m" },
	{ 'c', 1, 3, "rwm" }, { 'c', 1, 5, "rwm" }, { 'c', 1, 7, "rwm" }, { 'c', 1, 8, "rwm" }, { 'c', 1, 9, "rwm" },
	{ 'c', 5, 0, "rwm" }, { 'c', 5, 1, "rwm" }, { 'c', 5, 2, "rwm" }, { 'c', 136, -1, "rwm" },
};
const size_t cgroup_default_device_count = ARRAY_COUNT(cgroup_default_devices);

const char *cgroup_device_text(const struct cgroup_device *device, struct arena *arena)
{
	char major[24] = "*", minor[24] = "*";

	if (device->major >= 0)
		snprintf(major, sizeof major, "%lld", (long long)device->major);
	if (device->minor >= 0)
		snprintf(minor, sizeof minor, "%lld", (long long)device->minor);
	return arena_printf(arena, "%c %s:%s %s", device->type, major, minor, device->access);
}
