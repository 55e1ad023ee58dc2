/* Volumes that go: one that somebody names, those that a prune finds unused, and what a crash left of either. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"
#include "store/node_tables.h"
#include "volume/volume_mount_io.h"
#include "volume/volumes_internal.h"

/* No volume's name starts with a dot: a folder that does is on its way out. */
#define REMOVED_PREFIX ".removed."

/* A row on its way out, for a prune or for whoever is told of it. doomed: where its files lie meanwhile, "": it had none. */
struct prune;
struct removal { struct list node; struct volumes *volumes; char *name, *doomed; struct prune *prune; volumes_done_fn *done; void *arg; };

static void prune_goes_on(const struct removal *removal, const struct err *failure);
static void forsake(struct prune *prune);

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* What is mounted in it first: its content is not ours to remove. */
static void remove_files(void *arg)
{
	struct volume_job *job = arg;
	CLEANUP(str_freep) char *data = path_join(job->path, "_data");

	if (volume_unmount(data, &job->err) < 0)
		return;
	if (job->counts)
		job->bytes = dir_usage(data);
	dir_remove_tree(job->path, &job->err);
}

static void removed_files(struct volume_job *job)
{
	if (job->err.code)
		log_warn("volumes: %s; it is tried again at the next start", job->err.text);
}

static void remove_in_background(struct volumes *volumes, const char *path)
{
	struct volume_job *job = volume_job_new(volumes, removed_files, NULL);

	job->path = arena_strdup(&job->arena, path);
	if (!volume_job_submit(job, path, remove_files))
		log_warn("volumes: '%s' is removed at the next start: too much to do", path);
}

/* ---- at the start and at the end --------------------------------------------------------------------------------- */

/* A row whose folder went before it: the removal that a crash interrupted. */
static int finish_removals(struct volumes *volumes, struct err *err)
{
	const char *name;
	void *value;

	for (size_t at = 0; map_next(volumes->by_name, &at, &name, &value);) {
		CLEANUP(str_freep) char *path = path_join(volumes->dir, name);
		struct store_row row = { .table = NODE_TABLE_VOLUME, .id = name };

		if (file_exists(path))
			continue;
		if (store_node_write(volumes->store, &row, 1, NULL, NULL, err) < 0)
			return -1;
		map_remove(volumes->by_name, name);
		volume_free(value);
	}
	return 0;
}

static int sweep_removed(struct volumes *volumes, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(volumes->dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		CLEANUP(str_freep) char *path = path_join(volumes->dir, names.items[i]);
		if (str_starts(names.items[i], REMOVED_PREFIX))
			remove_in_background(volumes, path);
	}
	return 0;
}

int volume_removals_resume(struct volumes *volumes, struct err *err)
{
	return finish_removals(volumes, err) < 0 || sweep_removed(volumes, err) < 0 ? -1 : 0;
}

static void removal_free(struct removal *removal)
{
	list_remove(&removal->node);
	free(removal->name);
	free(removal->doomed);
	free(removal);
}

void volume_removals_close(struct volumes *volumes)
{
	LIST_EACH(item, &volumes->removals) {
		struct removal *removal = CONTAINER_OF(item, struct removal, node);

		forsake(removal->prune);
		removal_free(removal);
	}
}

/* ---- one --------------------------------------------------------------------------------------------------------- */

static int refuse_in_use(const char *name, const struct strlist *users, struct err *err)
{
	CLEANUP(buf_finip) struct buf list = BUF_INIT;

	for (size_t i = 0; i < users->count && i < 10; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", users->items[i]);
	return err_set(err, ERR_CONFLICT, "remove %s: volume is in use - [%s]", name, buf_text(&list));
}

static char *path_of_volume(const struct volumes *volumes, const char *name)
{
	return path_join(volumes->dir, name);
}

static void put_back(const struct removal *removal)
{
	CLEANUP(str_freep) char *path = path_of_volume(removal->volumes, removal->name);

	if (*removal->doomed && rename(removal->doomed, path) < 0)
		log_error("volume %s: its files are lost: %m", removal->name);
}

/* The folder first, for a row without one is finished at the next start; its files when the row is gone, for until then they may have to come back. */
static void row_is_gone(void *arg, const struct err *failure)
{
	struct removal *removal = arg;
	struct volumes *volumes = removal->volumes;
	struct volume *volume = map_get(volumes->by_name, removal->name);
	struct err err;

	volume->is_going = false;
	if (failure) {
		err = *failure;
		err_wrap(&err, "remove %s", removal->name);
		put_back(removal);
	} else {
		volumes_tell(volumes, "destroy", removal->name, NULL, 0);
		map_remove(volumes->by_name, removal->name);
		volume_free(volume);
	}
	if (removal->prune)
		prune_goes_on(removal, failure ? &err : NULL);
	else if (!failure && *removal->doomed)
		remove_in_background(volumes, removal->doomed);
	if (removal->done)
		removal->done(removal->arg, failure ? &err : NULL);
	else if (failure && !removal->prune)
		log_warn("volumes: %s", err.text);
	removal_free(removal);
}

/* Takes what `how` has. */
static int take_away(struct volumes *volumes, const char *name, struct removal how, struct err *err)
{
	struct volume *volume = map_get(volumes->by_name, name);
	struct store_row row = { .table = NODE_TABLE_VOLUME, .id = name };
	CLEANUP(str_freep) char *path = path_of_volume(volumes, name);
	struct removal *removal = NEW(struct removal);
	char unique[HEX_ID_SIZE];
	int result = 0;

	*removal = how;
	removal->volumes = volumes;
	removal->name = str_dup(name);
	list_add_last(&volumes->removals, &removal->node);
	entropy_hex_id(unique);
	removal->doomed = str_printf("%s/" REMOVED_PREFIX "%s", volumes->dir, unique);
	if (rename(path, removal->doomed) < 0) {
		result = errno == ENOENT ? 0 : err_sys(err, "remove %s", name);
		removal->doomed[0] = '\0';
	}
	if (result == 0 && store_node_write(volumes->store, &row, 1, row_is_gone, removal, err) < 0) {
		result = err_wrap(err, "remove %s", name);
		put_back(removal);
	}
	if (result < 0)
		removal_free(removal);
	else
		volume->is_going = true;
	return result;
}

int volumes_remove(struct volumes *volumes, const char *name, volumes_done_fn *done, void *arg, struct err *err)
{
	const struct strlist *users = volumes_claims(volumes, name);

	if (!volumes_find(volumes, name))
		return err_set(err, ERR_NOT_FOUND, "get %s: no such volume", name);
	if (users->count)
		return refuse_in_use(name, users, err);
	return take_away(volumes, name, (struct removal){ .done = done, .arg = arg }, err);
}

/* ---- prune ------------------------------------------------------------------------------------------------------- */

struct prune { struct strlist removed; int64_t bytes; size_t waiting; struct err err; volumes_pruned_fn *done; void *arg; };

static void prune_free(struct prune *prune)
{
	strlist_fini(&prune->removed);
	free(prune);
}

static void answer_prune(struct prune *prune)
{
	prune->done(prune->arg, &prune->removed, prune->bytes, prune->err.code ? &prune->err : NULL);
	prune_free(prune);
}

static void pruned(struct volume_job *job)
{
	struct prune *prune = job->arg;

	removed_files(job);
	prune->bytes += job->bytes;
	if (--prune->waiting == 0)
		answer_prune(prune);
}

/* Something to wait for in any case, so that the answer never comes inside the call. */
static void nothing(void *arg)
{
	(void)arg;
}

static void prune_goes_on(const struct removal *removal, const struct err *failure)
{
	struct prune *prune = removal->prune;
	struct volume_job *job;

	if (failure && !prune->err.code)
		prune->err = *failure;
	if (!failure)
		strlist_add(&prune->removed, removal->name);
	if (!failure && *removal->doomed) {
		job = volume_job_new(removal->volumes, pruned, prune);
		job->path = arena_strdup(&job->arena, removal->doomed);
		job->counts = true;
		if (volume_job_submit(job, job->path, remove_files))
			return;
	}
	if (--prune->waiting == 0)
		answer_prune(prune);
}

static void prune_one(struct volumes *volumes, const char *name, struct prune *prune)
{
	if (volumes_find(volumes, name) && !volumes_claims(volumes, name)->count &&
	    take_away(volumes, name, (struct removal){ .prune = prune }, &prune->err) == 0)
		prune->waiting++;
}

int volumes_prune(struct volumes *volumes, const struct strlist *names, volumes_pruned_fn *done, void *arg, struct err *err)
{
	struct prune *prune = NEW(struct prune);

	*prune = (struct prune){ .waiting = 1, .done = done, .arg = arg };
	if (!volume_job_submit(volume_job_new(volumes, pruned, prune), "", nothing)) {
		prune_free(prune);
		return err_set(err, ERR_EXHAUSTED, "prune of volumes: too much to do");
	}
	for (size_t i = 0; i < names->count; i++)
		prune_one(volumes, names->items[i], prune);
	return 0;
}

static void forsake(struct prune *prune)
{
	if (prune && --prune->waiting == 0)
		prune_free(prune);
}

void volume_prune_close(struct volume_job *job)
{
	forsake(job->done == pruned ? job->arg : NULL);
}
