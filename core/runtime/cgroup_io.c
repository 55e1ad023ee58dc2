/* cgroup_io.c - control groups on the host: found, made, joined, read. */
#include "runtime/cgroup_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/file.h"
#include "runtime/cgroup_path.h"
#include "runtime/device_filter.h"
#include "runtime/kcall_io.h"

enum { FILE_MAX_BYTES = 1 << 20 };
static const char shared_devices[] = "default";

static bool has_own_devices(const struct cgroup_v1 *v1, const struct container_spec *spec)
{
	return v1->controllers != CGROUP_DEVICES || spec->device_count > 0 || spec->has_all_devices;
}

/* The v2 tree counts the processor time of each of its groups, also without a controller. */
static bool is_left_to_v2(const struct cgroup_layout *layout, const struct cgroup_v1 *v1)
{
	return v1->controllers == CGROUP_CPUACCT && layout->v2_mount[0];
}

/* --- opening ----------------------------------------------------------------------------------- */

static int write_rules(const char *dir, const struct cgroup_device *rules, size_t count, struct arena *arena, struct err *err)
{
	if (file_poke(path_below(dir, "devices.deny").text, "a", err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (file_poke(path_below(dir, "devices.allow").text, cgroup_device_text(&rules[i], arena), err) < 0)
			return -1;
	return 0;
}

static int open_v1(const struct cgroup_v1 *v1, const char *parent, struct arena *arena, struct err *err)
{
	if (dir_make(path_of(v1->mount, parent, "").text, 0755, err) < 0)
		return -1;
	if (v1->controllers != CGROUP_DEVICES)
		return 0;
	struct group_path shared = path_of(v1->mount, parent, shared_devices);

	if (mkdir(shared.text, 0755) < 0)
		return errno == EEXIST ? 0 : err_sys(err, "mkdir '%s'", shared.text);
	return write_rules(shared.text, cgroup_default_devices, cgroup_default_device_count, arena, err);
}

/* Controllers are handed down level by level: from the root to the parent's children. What cannot be (a root that is itself inside a container)
 * is a controller less, found when a limit needs it. */
static void hand_down(const char *dir)
{
	static const char *const wanted[] = { "+memory", "+cpu", "+pids", "+io" };

	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		struct err ignored;

		file_poke(path_below(dir, "cgroup.subtree_control").text, wanted[i], &ignored);
	}
}

static int open_v2(struct cgroup_layout *layout, const char *parent, struct err *err)
{
	CLEANUP(buf_finip) struct buf enabled = BUF_INIT;
	struct group_path dir = path_of(layout->v2_mount, parent, "");
	struct cgroup_layout found;

	if (dir_make(dir.text, 0755, err) < 0)
		return -1;
	if (!layout->is_unified)
		return 0;
	for (size_t at = strlen(layout->v2_mount); dir.text[at]; at++)
		if (dir.text[at] == '/') {
			dir.text[at] = '\0';
			hand_down(dir.text);
			dir.text[at] = '/';
		}
	hand_down(dir.text);
	if (file_read(path_below(dir.text, "cgroup.subtree_control").text, FILE_MAX_BYTES, &enabled, err) < 0 ||
	    cgroup_layout_parse("1 1 0:1 / /x rw - cgroup2 x rw\n", buf_text(&enabled), &found, err) < 0)
		return -1;
	layout->controllers = found.controllers;
	return 0;
}

static int load_filter(const struct cgroup_device *rules, size_t count, int *ret_fd, struct err *err)
{
	struct device_filter filter;

	if (device_filter_build(rules, count, &filter, err) < 0)
		return -1;
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)filter.insns,
		.insn_cnt = (uint32_t)filter.count,
		.license = (uint64_t)(uintptr_t)"GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);

	if (fd < 0)
		return err_sys(err, "load the device filter of cgroup v2");
	*ret_fd = fd;
	return 0;
}

static bool needs_filter(const struct cgroup_layout *layout)
{
	return layout->v2_mount[0] && (layout->is_unified || !(layout->controllers & CGROUP_DEVICES));
}

static int read_layout(struct cgroup_layout *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf mounts = BUF_INIT;
	CLEANUP(buf_finip) struct buf controllers = BUF_INIT;

	if (file_read("/proc/self/mountinfo", 16 << 20, &mounts, err) < 0)
		return -1;
	if (cgroup_layout_parse(buf_text(&mounts), "", ret, err) < 0 || !ret->is_unified)
		return ret->v1_count ? 0 : -1;
	if (file_read(path_below(ret->v2_mount, "cgroup.controllers").text, FILE_MAX_BYTES, &controllers, err) < 0)
		return -1;
	return cgroup_layout_parse(buf_text(&mounts), buf_text(&controllers), ret, err);
}

int cgroup_open(const char *parent, struct cgroup_host *ret, struct err *err)
{
	struct cgroup_host host = { .parent = parent, .device_prog_fd = -1 };
	struct arena arena;
	int result = read_layout(&host.layout, err);

	arena_init(&arena, "cgroup_open", 1 << 20);
	for (size_t i = 0; result == 0 && i < host.layout.v1_count; i++)
		result = open_v1(&host.layout.v1[i], parent, &arena, err);
	if (result == 0 && host.layout.v2_mount[0])
		result = open_v2(&host.layout, parent, err);
	else if (result == 0 && host.layout.named_mount[0])
		result = dir_make(path_of(host.layout.named_mount, parent, "").text, 0755, err);
	if (result == 0 && needs_filter(&host.layout))
		result = load_filter(cgroup_default_devices, cgroup_default_device_count, &host.device_prog_fd, err);
	arena_fini(&arena);
	if (result == 0)
		*ret = host;
	return result;
}

/* Its file is in every group but v2's root, or in none. */
bool cgroup_limits_swap(const struct cgroup_layout *layout, const char *parent)
{
	if (layout->is_unified)
		return layout->controllers & CGROUP_MEMORY && file_exists(path_of(layout->v2_mount, parent, "memory.swap.max").text);
	for (size_t i = 0; i < layout->v1_count; i++)
		if (layout->v1[i].controllers & CGROUP_MEMORY)
			return file_exists(path_of(layout->v1[i].mount, parent, "memory.memsw.limit_in_bytes").text);
	return false;
}

void cgroup_close(struct cgroup_host *host)
{
	const struct cgroup_layout *layout = &host->layout;

	for (size_t i = 0; i < layout->v1_count; i++) {
		rmdir(path_of(layout->v1[i].mount, host->parent, shared_devices).text);
		rmdir(path_of(layout->v1[i].mount, host->parent, "").text);
	}
	if (layout->v2_mount[0])
		rmdir(path_of(layout->v2_mount, host->parent, "").text);
	else if (layout->named_mount[0])
		rmdir(path_of(layout->named_mount, host->parent, "").text);
	fd_closep(&host->device_prog_fd);
}

/* --- making ------------------------------------------------------------------------------------ */

static int make_group(const char *dir, struct err *err)
{
	return mkdir(dir, 0755) < 0 && errno != EEXIST ? err_sys(err, "mkdir '%s'", dir) : 0;
}

static int write_limits(const char *dir, const struct cgroup_writes *writes, struct err *err)
{
	for (size_t i = 0; i < writes->count; i++) {
		const struct cgroup_write *write = &writes->items[i];
		struct err why;

		if (file_poke(path_below(dir, write->file).text, write->text, &why) == 0 || write->is_optional)
			continue;
		return err_set(err, why.code, "%s", why.text);
	}
	return 0;
}

/* Docker's rules and the spec's own devices, as numbers. */
static int collect_rules(const struct container_spec *spec, struct arena *arena, struct cgroup_device **ret, size_t *ret_count,
			 struct err *err)
{
	size_t count = cgroup_default_device_count;
	struct cgroup_device *rules = ARENA_ARRAY(arena, struct cgroup_device, count + spec->device_count);

	memcpy(rules, cgroup_default_devices, count * sizeof *rules);
	for (size_t i = 0; i < spec->device_count; i++) {
		const struct container_device *device = &spec->devices[i];
		struct stat st;

		if (stat(device->host_path, &st) < 0)
			return err_sys(err, "error gathering device information while adding custom device \"%s\"", device->host_path);
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			return err_set(err, ERR_INVALID, "device '%s': not a device node", device->host_path);
		rules[count++] = (struct cgroup_device){ S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev), minor(st.st_rdev),
							 device->access };
	}
	*ret = rules;
	*ret_count = count;
	return 0;
}

static int make_v1(const struct cgroup_host *host, const struct cgroup_v1 *v1, const struct container_spec *spec,
		   struct arena *arena, struct err *err)
{
	struct group_path dir = path_of(v1->mount, host->parent, spec->id);
	struct cgroup_writes limits = cgroup_v1_limits(v1->controllers, spec, true, arena);
	struct cgroup_device *rules = NULL;
	size_t count = 0;

	if (!has_own_devices(v1, spec) || is_left_to_v2(&host->layout, v1))
		return 0;
	if (make_group(dir.text, err) < 0 || write_limits(dir.text, &limits, err) < 0)
		return -1;
	/* a new group has its parent's rules, and the parent has none */
	if (!(v1->controllers & CGROUP_DEVICES) || spec->has_all_devices)
		return 0;
	if (collect_rules(spec, arena, &rules, &count, err) < 0)
		return -1;
	return write_rules(dir.text, rules, count, arena, err);
}

static int attach_filter(const struct cgroup_host *host, const char *dir, const struct container_spec *spec, struct arena *arena,
			 struct err *err)
{
	CLEANUP(fd_closep) int group = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int own = -1;
	struct cgroup_device *rules = NULL;
	size_t count = 0;

	if (group < 0)
		return err_sys(err, "open '%s'", dir);
	if (spec->device_count && (collect_rules(spec, arena, &rules, &count, err) < 0 || load_filter(rules, count, &own, err) < 0))
		return -1;
	union bpf_attr attr = {
		.target_fd = (uint32_t)group,
		.attach_bpf_fd = (uint32_t)(own >= 0 ? own : host->device_prog_fd),
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof attr) < 0)
		return err_sys(err, "attach the device filter to '%s'", dir);
	return 0;
}

static int make_v2(const struct cgroup_host *host, const struct container_spec *spec, struct arena *arena, struct err *err)
{
	struct group_path dir = path_of(host->layout.v2_mount, host->parent, spec->id);
	struct group_path ctr = path_below(dir.text, "ctr"), shim = path_below(dir.text, "shim");

	if (make_group(dir.text, err) < 0)
		return -1;
	if (host->layout.is_unified)
		hand_down(dir.text);
	if (make_group(ctr.text, err) < 0 || make_group(shim.text, err) < 0)
		return -1;
	if (host->layout.is_unified) {
		struct cgroup_writes limits = cgroup_v2_limits(spec, true, arena);

		if (write_limits(ctr.text, &limits, err) < 0)
			return -1;
	}
	return host->device_prog_fd >= 0 && !spec->has_all_devices ? attach_filter(host, ctr.text, spec, arena, err) : 0;
}

int cgroup_make(const struct cgroup_host *host, const struct container_spec *spec, struct err *err)
{
	struct arena arena;
	int result = cgroup_check_limits(&host->layout, spec, err);

	arena_init(&arena, "cgroup_make", 1 << 20);
	for (size_t i = 0; result == 0 && i < host->layout.v1_count; i++)
		result = make_v1(host, &host->layout.v1[i], spec, &arena, err);
	if (result == 0 && host->layout.v2_mount[0])
		result = make_v2(host, spec, &arena, err);
	arena_fini(&arena);
	return result;
}

/* What the kernel refuses is tried again behind the others: in v1 memory may not be above memory with swap, be the two raised or lowered. */
static int change_limits(const char *dir, struct cgroup_writes *writes, struct err *err)
{
	struct cgroup_writes again = { writes->items, 0 };
	struct err ignored;

	for (size_t i = 0; i < writes->count; i++)
		if (file_poke(path_below(dir, writes->items[i].file).text, writes->items[i].text, &ignored) < 0)
			again.items[again.count++] = writes->items[i];
	return write_limits(dir, &again, err);
}

int cgroup_limit(const struct cgroup_host *host, const struct container_spec *spec, struct err *err)
{
	const struct cgroup_layout *layout = &host->layout;
	struct arena arena;
	int result = cgroup_check_limits(layout, spec, err);

	arena_init(&arena, "cgroup_limit", 1 << 16);
	for (size_t i = 0; result == 0 && i < layout->v1_count; i++) {
		struct cgroup_writes limits = cgroup_v1_limits(layout->v1[i].controllers, spec, false, &arena);

		result = change_limits(path_of(layout->v1[i].mount, host->parent, spec->id).text, &limits, err);
	}
	if (result == 0 && layout->is_unified) {
		struct cgroup_writes limits = cgroup_v2_limits(spec, false, &arena);

		result = change_limits(path_below(path_of(layout->v2_mount, host->parent, spec->id).text, "ctr").text, &limits, err);
	}
	arena_fini(&arena);
	return result;
}

void cgroup_fill_plan(const struct cgroup_host *host, struct shim_plan *plan, struct arena *arena)
{
	const struct cgroup_layout *layout = &host->layout;
	const char *id = plan->spec.id;

	plan->is_cgroup2_unified = layout->is_unified;
	plan->cgroup2_dir = layout->v2_mount[0] ? arena_printf(arena, "%s/%s/%s/ctr", layout->v2_mount, host->parent, id) : "";
	plan->cgroups = ARENA_ARRAY(arena, struct shim_cgroup, CGROUP_MAX_V1 + 1);
	plan->cgroup_count = 0;
	for (size_t i = 0; i < layout->v1_count; i++) {
		const struct cgroup_v1 *v1 = &layout->v1[i];

		if (is_left_to_v2(layout, v1))
			continue;
		struct group_path dir = path_of(v1->mount, host->parent, has_own_devices(v1, &plan->spec) ? id : shared_devices);

		plan->cgroups[plan->cgroup_count++] = (struct shim_cgroup){ arena_strdup(arena, dir.text), arena_strdup(arena, v1->options) };
	}
}

void cgroup_place_shim(const struct cgroup_host *host, const char *id, struct arena *arena, struct child_spec *child)
{
	const struct cgroup_layout *layout = &host->layout;
	size_t count = 0;

	if (layout->v2_mount[0])
		child->cgroup2_dir = arena_printf(arena, "%s/%s/%s/shim", layout->v2_mount, host->parent, id);
	else if (layout->named_mount[0])
		child->cgroup1_tasks[count++] = arena_printf(arena, "%s/%s/tasks", layout->named_mount, host->parent);
	/* Out of the service unit's group, whose limits are the agent's. */
	for (size_t i = 0; i < layout->v1_count && count < ARRAY_COUNT(child->cgroup1_tasks); i++)
		if (layout->v1[i].controllers & (CGROUP_MEMORY | CGROUP_PIDS))
			child->cgroup1_tasks[count++] = arena_printf(arena, "%s/%s/tasks", layout->v1[i].mount, host->parent);
}

/* `tasks`, not cgroup.procs: a process of one thread that moves itself needs no lock that all others take part in (os/child.h). */
int cgroup_join(const struct shim_plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->cgroup_count; i++)
		if (file_poke(path_below(plan->cgroups[i].dir, "tasks").text, "0", err) < 0)
			return -1;
	return 0;
}

/* --- looking ----------------------------------------------------------------------------------- */

int cgroup_open_oom(const struct cgroup_host *host, const char *id)
{
	const struct cgroup_layout *layout = &host->layout;

	if (layout->is_unified) {
		struct group_path ctr = path_below(path_of(layout->v2_mount, host->parent, id).text, "ctr");

		return open(path_below(ctr.text, "memory.events").text, O_RDONLY | O_CLOEXEC);
	}
	for (size_t i = 0; i < layout->v1_count; i++)
		if (layout->v1[i].controllers & CGROUP_MEMORY) {
			struct group_path dir = path_of(layout->v1[i].mount, host->parent, id);

			return open(path_below(dir.text, "memory.oom_control").text, O_RDONLY | O_CLOEXEC);
		}
	return -1;
}

bool cgroup_oom_happened(int fd)
{
	char text[512];
	ssize_t length = pread(fd, text, sizeof text - 1, 0);

	text[MAX(length, 0)] = '\0';
	return cgroup_count_of(text, "oom_kill") > 0;
}

int cgroup_open_v2(const struct cgroup_host *host, const char *id)
{
	if (!host->layout.v2_mount[0])
		return -1;
	return open(path_below(path_of(host->layout.v2_mount, host->parent, id).text, "ctr").text, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void list_below(const char *mount, const char *parent, struct strlist *ret)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err ignored;

	if (dir_list(path_of(mount, parent, "").text, &names, &ignored) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		if (hex_id_is_valid(names.items[i]) && !strlist_has(ret, names.items[i]))
			strlist_add(ret, names.items[i]);
}

/* Half-made groups can be in any hierarchy, but they are made in order: the first v1 and the v2 tree show every one. */
void cgroup_list(const struct cgroup_host *host, struct strlist *ret_ids)
{
	for (size_t i = 0; i < host->layout.v1_count; i++)
		list_below(host->layout.v1[i].mount, host->parent, ret_ids);
	if (host->layout.v2_mount[0])
		list_below(host->layout.v2_mount, host->parent, ret_ids);
}
