/* Who uses which volumes with a file system of their own, and what is mounted for it. Declared in volumes_io.h. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "os/log.h"
#include "volume/volume_mount_io.h"
#include "volume/volumes_internal.h"

enum { JOB_ARENA_MAX = 1 << 20 };

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

struct volume_job *volume_job_new(struct volumes *volumes, void (*done)(struct volume_job *job), void *arg)
{
	struct volume_job *job = NEW(struct volume_job);

	job->volumes = volumes;
	job->done = done;
	job->arg = arg;
	arena_init(&job->arena, "volume", JOB_ARENA_MAX);
	list_add_last(&volumes->jobs, &job->node);
	return job;
}

void volume_job_free(struct volume_job *job)
{
	list_remove(&job->node);
	arena_fini(&job->arena);
	free(job);
}

static void job_done(void *arg)
{
	struct volume_job *job = arg;

	job->done(job);
	volume_job_free(job);
}

bool volume_job_submit(struct volume_job *job, const char *name, void (*run)(void *job))
{
	unsigned lane = 0;

	for (const char *at = name; *at; at++)
		lane = lane * 31 + (unsigned char)*at;
	if (work_submit(job->volumes->work, &job->volumes->lanes[lane % sizeof job->volumes->lanes], run, job_done, job))
		return true;
	volume_job_free(job);
	return false;
}

static struct volume_job *job_for(struct volumes *volumes, const struct volume *volume, void (*done)(struct volume_job *job), void *arg)
{
	struct volume_job *job = volume_job_new(volumes, done, arg);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	job->path = arena_strdup(&job->arena, volumes_path(volumes, volume->name, &path));
	job->fs = volume_options_fs(&volume->options, &job->arena);
	return job;
}

static bool has_fs(const struct volume *volume)
{
	return !str_is_empty(str_map_get(&volume->options, "type")) || !str_is_empty(str_map_get(&volume->options, "device"));
}

/* ---- unmounting -------------------------------------------------------------------------------------------------- */

static void unmount(void *arg)
{
	struct volume_job *job = arg;

	volume_unmount(job->path, &job->err);
}

static void unmounted(struct volume_job *job)
{
	if (job->err.code)
		log_warn("volumes: %s", job->err.text);
}

static void unmount_later(struct volumes *volumes, const struct volume *volume)
{
	if (!volume_job_submit(job_for(volumes, volume, unmounted, NULL), volume->name, unmount))
		log_warn("volume %s: stays mounted until it is used again: too much to do", volume->name);
}

void volumes_release(struct volumes *volumes, const char *user)
{
	void *value;

	for (size_t at = 0; map_next(volumes->by_name, &at, NULL, &value);) {
		struct volume *volume = value;

		if (volume_drop_user(&volume->mounted_for, user) && !volume->mounted_for.count)
			unmount_later(volumes, volume);
	}
}

void volumes_adopt(struct volumes *volumes, const char *name, const char *user)
{
	struct volume *volume = str_is_empty(name) ? NULL : map_get(volumes->by_name, name);

	if (volume && has_fs(volume) && !strlist_has(&volume->mounted_for, user))
		strlist_add(&volume->mounted_for, user);
}

void volumes_settle(struct volumes *volumes)
{
	void *value;

	for (size_t at = 0; map_next(volumes->by_name, &at, NULL, &value);) {
		const struct volume *volume = value;

		if (has_fs(volume) && !volume->mounted_for.count)
			unmount_later(volumes, volume);
	}
}

/* ---- mounting ---------------------------------------------------------------------------------------------------- */

/* One container's wish: the answer comes when the last of its volumes is there. */
struct use { struct volumes *volumes; size_t waiting; char *user; struct err err; volumes_done_fn *done; void *arg; };

static void mount_it(void *arg)
{
	struct volume_job *job = arg;

	if (volume_mount(job->path, &job->fs, &job->err) < 0)
		err_wrap(&job->err, "error while mounting volume '%s'", job->path);
}

static void use_free(struct use *use)
{
	free(use->user);
	free(use);
}

static void mounted(struct volume_job *job)
{
	struct use *use = job->arg;

	if (job->err.code && !use->err.code)
		use->err = job->err;
	if (--use->waiting)
		return;
	if (use->err.code)
		volumes_release(use->volumes, use->user);
	use->done(use->arg, use->err.code ? &use->err : NULL);
	use_free(use);
}

int volumes_use(struct volumes *volumes, const char *const *names, size_t count, const char *user, volumes_done_fn *done, void *arg,
		struct err *err)
{
	struct use *use = NEW(struct use);

	*use = (struct use){ .volumes = volumes, .user = str_dup(user), .done = done, .arg = arg };
	for (size_t i = 0; i < count; i++) {
		struct volume *volume = str_is_empty(names[i]) ? NULL : map_get(volumes->by_name, names[i]);

		if (!volume || !has_fs(volume))
			continue;
		volumes_adopt(volumes, names[i], user);
		if (volume_job_submit(job_for(volumes, volume, mounted, use), volume->name, mount_it))
			use->waiting++;
		else
			err_set(&use->err, ERR_EXHAUSTED, "volume %s: not mounted: too much to do", volume->name);
	}
	if (use->waiting)
		return 1;               /* and what was not accepted is told then */
	int result = use->err.code ? -1 : 0;

	if (result < 0) {
		*err = use->err;
		volumes_release(volumes, user);
	}
	use_free(use);
	return result;
}

void volume_use_close(struct volumes *volumes)
{
	LIST_EACH(item, &volumes->jobs) {
		struct volume_job *job = CONTAINER_OF(item, struct volume_job, node);
		struct use *use = job->done == mounted ? job->arg : NULL;

		if (use && --use->waiting == 0)
			use_free(use);
		volume_prune_close(job);
		volume_job_free(job);
	}
}

int volumes_unmount_all(const char *dir, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(dir, &names, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < names.count; i++) {
		CLEANUP(str_freep) char *path = str_printf("%s/%s/_data", dir, names.items[i]);

		if (volume_unmount(path, err) < 0)
			return -1;
	}
	return 0;
}
