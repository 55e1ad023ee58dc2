#include "volume/volumes_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"
#include "store/node_tables.h"
#include "volume/volume_mount_io.h"

enum { VOLUME_NAME_MAX = 255 };
/* No volume's name starts with a dot: a folder that does is on its way out. */
#define REMOVED_PREFIX ".removed."

/* A row on its way to the disk; done may be NULL. */
struct saving { struct list node; struct volumes *volumes; char *name; volumes_saved_fn *done; void *arg; };
/* A row on its way out, for a prune or for whoever is told of it. doomed: where its files lie meanwhile, "": it had none. */
struct prune;
struct removal { struct list node; struct volumes *volumes; char *name, *doomed; struct prune *prune; volumes_done_fn *done; void *arg; };

static void prune_goes_on(const struct removal *removal, const struct err *failure);
static void forsake(struct prune *prune);

static const struct field volume_fields[] = {
	F(1, STR, volume, name, "Name", 0),
	F(2, STR_MAP, volume, labels, "Labels", 0),
	F(3, STR_MAP, volume, options, "Options", 0),
	F(4, STAMP, volume, created_wall, "CreatedAt", 0),
	F(5, BOOL, volume, is_anonymous, "Anonymous", 0),
};
static const struct shape volume_shape = SHAPE(volume, volume_fields);

static void volume_free(struct volume *volume)
{
	shape_fini(&volume_shape, volume);
	strlist_fini(&volume->mounted_for);
	free(volume);
}

/* On the store thread, while volumes_open waits. */
static int load_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct volumes *volumes = arg;
	struct volume *volume = NEW(struct volume);

	(void)table;
	if (shape_decode(&volume_shape, reader_of(bytes, size), NULL, volume, err) < 0 || !str_eq(volume->name, id)) {
		volume_free(volume);
		return err_set(err, ERR_IO, "node.db: volume '%s' is damaged", id);
	}
	volume->is_saved = true;
	map_put(volumes->by_name, id, volume);
	return 0;
}

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

int volumes_open(struct store *store, struct work *work, const char *dir, struct volumes **ret, struct err *err)
{
	struct volumes *volumes = NEW(struct volumes);

	volumes->store = store;
	volumes->work = work;
	volumes->dir = str_dup(dir);
	volumes->by_name = map_new();
	list_init(&volumes->savings);
	list_init(&volumes->removals);
	volumes->claims = map_new();
	list_init(&volumes->jobs);
	/* for root alone: containers may have left setuid programs in their volumes */
	if (dir_make(dir, 0700, err) < 0 || (chmod(dir, 0700) < 0 && err_sys(err, "chmod '%s'", dir) < 0) ||
	    store_node_load(store, NODE_TABLE_VOLUME, load_row, volumes, err) < 0 ||
	    finish_removals(volumes, err) < 0 || sweep_removed(volumes, err) < 0) {
		volumes_close(volumes);
		return -1;
	}
	*ret = volumes;
	return 0;
}

static void saving_free(struct saving *saving)
{
	list_remove(&saving->node);
	free(saving->name);
	free(saving);
}

static void removal_free(struct removal *removal)
{
	list_remove(&removal->node);
	free(removal->name);
	free(removal->doomed);
	free(removal);
}

void volumes_close(struct volumes *volumes)
{
	void *volume;

	if (!volumes)
		return;
	volume_use_close(volumes);
	LIST_EACH(item, &volumes->savings)
		saving_free(CONTAINER_OF(item, struct saving, node));
	LIST_EACH(item, &volumes->removals) {
		struct removal *removal = CONTAINER_OF(item, struct removal, node);

		forsake(removal->prune);
		removal_free(removal);
	}
	for (size_t at = 0; map_next(volumes->by_name, &at, NULL, &volume);)
		volume_free(volume);
	map_free(volumes->by_name);
	volume_claims_close(volumes);
	free(volumes->dir);
	free(volumes);
}

void volumes_watch(struct volumes *volumes, volumes_watch_fn *fn, void *arg)
{
	volumes->watcher = fn;
	volumes->watcher_arg = arg;
}

void volumes_tell(const struct volumes *volumes, const char *action, const char *name, const struct container_pair *extra, size_t extra_count)
{
	if (volumes->watcher)
		volumes->watcher(volumes->watcher_arg, action, name, extra, extra_count);
}

const struct volume *volumes_next(const struct volumes *volumes, size_t *at)
{
	void *value;

	while (map_next(volumes->by_name, at, NULL, &value)) {
		const struct volume *volume = value;

		if (!volume->is_going)
			return volume;
	}
	return NULL;
}

const struct volume *volumes_find(const struct volumes *volumes, const char *name)
{
	const struct volume *volume = name ? map_get(volumes->by_name, name) : NULL;

	return volume && !volume->is_going ? volume : NULL;
}

const char *volumes_path(const struct volumes *volumes, const char *name, struct buf *out)
{
	buf_clear(out);
	buf_printf(out, "%s/%s/_data", volumes->dir, name);
	return buf_text(out);
}

static bool is_name_char(char c, bool first)
{
	bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
	return alnum || (!first && (c == '_' || c == '.' || c == '-'));
}

static int check_name(const char *name, struct err *err)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!is_name_char(name[i], i == 0))
			return err_set(err, ERR_INVALID, "create %.100s: \"%.100s\" includes invalid characters for a local volume name, only "
				       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
				       name, name);
	if (length < 2)
		return err_set(err, ERR_INVALID, "create %s: volume name is too short, names should be at least two alphanumeric characters",
			       name);
	if (length > VOLUME_NAME_MAX)
		return err_set(err, ERR_INVALID, "create %.40s…: volume name is too long, at most %d characters are allowed", name,
			       VOLUME_NAME_MAX);
	return 0;
}

static int check_options(const char *driver, const struct str_map *options, struct err *err)
{
	if (!str_is_empty(driver) && !str_eq(driver, "local"))
		return err_set(err, ERR_NOT_FOUND, "error looking up volume plugin %s: plugin \"%s\" not found", driver, driver);
	return options ? volume_options_check(options, err) : 0;
}

/* Nobody was told of it, and there is nothing in it. */
static void forget(struct volumes *volumes, struct volume *volume)
{
	CLEANUP(str_freep) char *path = path_join(volumes->dir, volume->name);
	CLEANUP(str_freep) char *data = path_join(path, "_data");

	rmdir(data);
	rmdir(path);
	volumes_tell(volumes, "destroy", volume->name, NULL, 0);
	map_remove(volumes->by_name, volume->name);
	volume_free(volume);
}

static void saved(void *arg, const struct err *failure)
{
	struct saving *saving = arg;
	struct volume *volume = map_get(saving->volumes->by_name, saving->name);
	struct err err;

	if (failure) {
		err = *failure;
		err_wrap(&err, "create %s", saving->name);
		log_warn("volumes: %s", err.text);
	}
	if (volume && !failure)
		volume->is_saved = true;
	else if (volume && saving->done && !volume->is_saved && !volume->is_going && !volumes_claims(saving->volumes, saving->name)->count)
		forget(saving->volumes, volume);
	if (saving->done && !failure && !volume)
		err_set(&err, ERR_NOT_FOUND, "create %s: it was removed meanwhile", saving->name);
	if (saving->done)
		saving->done(saving->arg, failure ? NULL : volume, failure || !volume ? &err : NULL);
	saving_free(saving);
}

static int keep(struct volumes *volumes, const struct volume *volume, volumes_saved_fn *done, void *arg, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct store_row row = { .table = NODE_TABLE_VOLUME, .id = volume->name };
	struct saving *saving = NEW(struct saving);

	*saving = (struct saving){ .volumes = volumes, .name = str_dup(volume->name), .done = done, .arg = arg };
	list_add_last(&volumes->savings, &saving->node);
	shape_encode(&volume_shape, volume, &bytes);
	row.bytes = bytes.data;
	row.size = bytes.len;
	if (store_node_write(volumes->store, &row, 1, saved, saving, err) == 0)
		return 0;
	saving_free(saving);
	return -1;
}

/* Folder, row, memory. */
struct wish { const char *name; bool is_anonymous; const struct str_map *options, *labels; volumes_saved_fn *done; void *arg; };

static int create(struct volumes *volumes, struct wish wish, const struct volume **ret, struct err *err)
{
	static char anonymous[] = "com.docker.volume.anonymous";
	struct str_pair label = { anonymous, NULL };
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct volume *volume, given = { .name = (char *)(uintptr_t)wish.name, .is_anonymous = wish.is_anonymous };

	if ((*ret = map_get(volumes->by_name, wish.name)) && (*ret)->is_going)
		return err_set(err, ERR_CONFLICT, "create %s: the volume is being removed", wish.name);
	if (*ret)
		return (*ret)->is_saved ? 0 : keep(volumes, *ret, wish.done, wish.arg, err) < 0 ? err_wrap(err, "create %s", wish.name) : 1;
	if (wish.labels && wish.labels->count)
		given.labels = *wish.labels;
	else if (given.is_anonymous)
		given.labels = (struct str_map){ &label, 1 };
	if (wish.options)
		given.options = *wish.options;
	given.created_wall = clock_wall_ns();
	if (dir_make(volumes_path(volumes, wish.name, &path), 0755, err) < 0 || keep(volumes, &given, wish.done, wish.arg, err) < 0)
		return err_wrap(err, "create %s", wish.name);
	volume = NEW(struct volume);
	shape_copy(&volume_shape, &given, NULL, volume);
	map_put(volumes->by_name, wish.name, volume);
	volumes_tell(volumes, "create", wish.name, NULL, 0);
	*ret = volume;
	return 1;
}

int volumes_create_saved(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
			 volumes_saved_fn *done, void *arg, const struct volume **ret, struct err *err)
{
	struct wish wish = { .name = name, .options = options, .labels = labels, .done = done, .arg = arg };
	char invented[HEX_ID_SIZE];

	if (check_options(driver, options, err) < 0)
		return err_wrap(err, "create %.100s", str_is_empty(name) ? "" : name);
	if (str_is_empty(name)) {
		entropy_hex_id(invented);
		wish.name = invented;
		wish.is_anonymous = true;
	} else if (check_name(name, err) < 0) {
		return -1;
	}
	return create(volumes, wish, ret, err);
}

int volumes_create(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
		   const struct volume **ret, struct err *err)
{
	return volumes_create_saved(volumes, name, driver, options, labels, NULL, NULL, ret, err) < 0 ? -1 : 0;
}

int volumes_create_anonymous(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options,
			     const struct str_map *labels, const struct volume **ret, struct err *err)
{
	struct wish wish = { .name = name, .is_anonymous = true, .options = options, .labels = labels };

	if (check_options(driver, options, err) < 0)
		return err_wrap(err, "create %.100s", name);
	return create(volumes, wish, ret, err) < 0 ? -1 : 0;
}

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
