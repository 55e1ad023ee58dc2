/* mounts.c - the list of mounts of one container. */
#include "runtime/mounts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/panic.h"
#include "base/str.h"
#include "runtime/tmpfs_options.h"

#define STRICT (MS_NOSUID | MS_NOEXEC | MS_NODEV)

#define SHM    "/dev/shm"
#define SYS    "/sys"

static const struct mount_step own_steps[] = {
	{ .target = "/proc", .type = "proc", .flags = STRICT },
	{ .target = "/dev", .type = "tmpfs", .data = "mode=755,size=65536k", .flags = MS_NOSUID | MS_STRICTATIME },
	{ .target = "/dev/pts", .type = "devpts", .data = "newinstance,ptmxmode=0666,mode=0620,gid=5", .flags = MS_NOSUID | MS_NOEXEC },
	{ .target = SHM, .type = "tmpfs", .data = "mode=1777,size=65536k", .flags = STRICT },
	{ .target = "/dev/mqueue", .type = "mqueue", .flags = STRICT },
	{ .target = SYS, .type = "sysfs", .flags = STRICT | MS_RDONLY },
};

bool mounts_is_same_place(const char *a, const char *b)
{
	for (;;) {
		size_t a_slashes = strspn(a, "/"), b_slashes = strspn(b, "/");

		a += a_slashes;
		b += b_slashes;
		size_t length = strcspn(a, "/");

		if (length != strcspn(b, "/") || memcmp(a, b, length) != 0)
			return false;
		if (!length)
			return true;
		a += length;
		b += length;
	}
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;

	for (; *path; path += strcspn(path, "/")) {
		path += strspn(path, "/");
		depth += *path != '\0';
	}
	return depth;
}

static const struct container_mount *users_mount_at(const struct container_spec *spec, const char *target)
{
	for (size_t i = 0; i < spec->mount_count; i++)
		if (mounts_is_same_place(spec->mounts[i].target, target))
			return &spec->mounts[i];
	return NULL;
}

static void add(struct mount_plan *plan, struct mount_step step)
{
	plan->steps[plan->count++] = step;
}

static void add_own(struct mount_plan *plan, struct mount_step step, const struct container_spec *spec, struct arena *arena)
{
	if (str_eq(step.target, SHM) && spec->shm_size_bytes)
		step.data = arena_printf(arena, "mode=1777,size=%lld", (long long)spec->shm_size_bytes);
	if (str_eq(step.target, SYS) && spec->has_writable_sys)
		step.flags &= ~(unsigned long)MS_RDONLY;
	add(plan, step);
}

/* v2 is one mount. Of each v1 hierarchy the container's own group is bound, below a small tmpfs that is sealed at the end: a new mount would look the
 * same, but the kernel goes through all groups of the host for it, and waits for those that are on their way out. */
static void add_cgroups(const struct shim_plan *shim, struct mount_plan *plan, struct arena *arena)
{
	bool is_sealed = !shim->spec.has_writable_sys;
	unsigned long flags = STRICT | (is_sealed ? MS_RDONLY : 0);

	if (shim->is_cgroup2_unified) {
		add(plan, (struct mount_step){ .target = "/sys/fs/cgroup", .type = "cgroup2", .flags = flags });
		return;
	}
	add(plan, (struct mount_step){ .target = "/sys/fs/cgroup", .type = "tmpfs", .data = "mode=755,size=64k", .flags = STRICT });
	for (size_t i = 0; i < shim->cgroup_count; i++) {
		const char *controllers = shim->cgroups[i].controllers;

		/* a shared group of device rules is of no use to the inside */
		if (str_eq(controllers, "devices"))
			continue;
		struct container_mount *group = ARENA_ARRAY(arena, struct container_mount, 1);

		*group = (struct container_mount){ .kind = CONTAINER_BIND, .source = shim->cgroups[i].dir, .is_readonly = is_sealed, .is_nonrecursive = true,
						   .target = arena_printf(arena, "/sys/fs/cgroup/%s", controllers) };
		add(plan, (struct mount_step){ .act = MOUNT_TREE, .target = group->target, .user = group });
	}
	if (is_sealed)
		add(plan, (struct mount_step){ .act = MOUNT_SEAL, .target = "/sys/fs/cgroup" });
}

static void add_user(struct mount_plan *plan, const struct container_mount *mount, struct arena *arena)
{
	struct mount_step step = { .act = MOUNT_TREE, .target = mount->target, .user = mount };

	if (mount->kind == CONTAINER_TMPFS) {
		unsigned mode = mount->mode ? mount->mode : 01777;
		struct tmpfs_options options;
		struct err ignored;

		check(tmpfs_options_parse(mount->tmpfs_options, arena, &options, &ignored) == 0);        /* container_spec_check */
		step.act = MOUNT_FS;
		step.type = "tmpfs";
		step.flags = options.flags | (mount->is_readonly ? MS_RDONLY : 0);
		step.data = arena_printf(arena, "mode=%o", mode);
		if (mount->size_bytes)
			step.data = arena_printf(arena, "%s,size=%lld", step.data, (long long)mount->size_bytes);
		if (options.data[0])
			step.data = arena_printf(arena, "%s,%s", step.data, options.data);
	}
	add(plan, step);
}

static int by_depth(const void *a, const void *b)
{
	const struct container_mount *const *left = a, *const *right = b;
	unsigned left_depth = depth_of((*left)->target), right_depth = depth_of((*right)->target);

	if (left_depth != right_depth)
		return left_depth < right_depth ? -1 : 1;
	return *left < *right ? -1 : *left > *right;     /* as the user gave them */
}

struct mount_plan mounts_plan(const struct shim_plan *shim, struct arena *arena)
{
	const struct container_spec *spec = &shim->spec;
	size_t most = ARRAY_COUNT(own_steps) + shim->cgroup_count + 2 + spec->mount_count;
	struct mount_plan plan = { .steps = ARENA_ARRAY(arena, struct mount_step, most) };
	const struct container_mount **sorted = ARENA_ARRAY(arena, const struct container_mount *, spec->mount_count + 1);

	plan.makes_dev = !users_mount_at(spec, "/dev");
	for (size_t i = 0; i < ARRAY_COUNT(own_steps); i++)
		if (!users_mount_at(spec, own_steps[i].target) && (plan.makes_dev || !str_starts(own_steps[i].target, "/dev/")))
			add_own(&plan, own_steps[i], spec, arena);
	plan.sees_cgroups = !users_mount_at(spec, "/sys") && !users_mount_at(spec, "/sys/fs/cgroup");
	if (plan.sees_cgroups)
		add_cgroups(shim, &plan, arena);

	for (size_t i = 0; i < spec->mount_count; i++)
		sorted[i] = &spec->mounts[i];
	qsort(sorted, spec->mount_count, sizeof *sorted, by_depth);
	for (size_t i = 0; i < spec->mount_count; i++)
		add_user(&plan, sorted[i], arena);
	return plan;
}
