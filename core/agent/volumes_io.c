#include "agent/volumes_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/node_tables.h"
#include "base/log.h"
#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"

struct volumes {
	struct store *store;
	struct work *work;
	char *dir;
	struct map *by_name;    /* name -> struct volume, owned */
	void (*watcher)(void *arg, const char *action, const char *name);
	void *watcher_arg;
};

enum { VOLUME_NAME_MAX = 255 };
/* No volume's name starts with a dot: a folder that does is on its way out. */
#define REMOVED_PREFIX ".removed."

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
	map_put(volumes->by_name, id, volume);
	return 0;
}

struct removal { char path[4200]; };

static void remove_files(void *arg)
{
	struct removal *removal = arg;
	struct err err;

	if (dir_remove_tree(removal->path, &err) < 0)
		log_warn("volumes: %s; it is tried again at the next start", err.text);
}

static void remove_in_background(struct volumes *volumes, const char *path)
{
	struct removal *removal = NEW(struct removal);

	/* A full queue leaves the folder to the next start. */
	if (!str_copy(removal->path, sizeof removal->path, path) || !work_submit(volumes->work, volumes, remove_files, free, removal))
		free(removal);
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
	/* for root alone: containers may have left setuid programs in their volumes */
	if (dir_make(dir, 0700, err) < 0 || (chmod(dir, 0700) < 0 && err_sys(err, "chmod '%s'", dir) < 0) || store_node_load(store, NODE_TABLE_VOLUME, load_row, volumes, err) < 0 ||
	    sweep_removed(volumes, err) < 0) {
		volumes_close(volumes);
		return -1;
	}
	*ret = volumes;
	return 0;
}

void volumes_close(struct volumes *volumes)
{
	void *volume;

	if (!volumes)
		return;
	for (size_t at = 0; map_next(volumes->by_name, &at, NULL, &volume);)
		volume_free(volume);
	map_free(volumes->by_name);
	free(volumes->dir);
	free(volumes);
}

void volumes_watch(struct volumes *volumes, void (*fn)(void *arg, const char *action, const char *name), void *arg)
{
	volumes->watcher = fn;
	volumes->watcher_arg = arg;
}

static void tell(const struct volumes *volumes, const char *action, const char *name)
{
	if (volumes->watcher)
		volumes->watcher(volumes->watcher_arg, action, name);
}

const struct volume *volumes_next(const struct volumes *volumes, size_t *at)
{
	void *volume;
	return map_next(volumes->by_name, at, NULL, &volume) ? volume : NULL;
}

const struct volume *volumes_find(const struct volumes *volumes, const char *name)
{
	return name ? map_get(volumes->by_name, name) : NULL;
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
	if (options && options->count)
		return err_set(err, ERR_UNSUPPORTED, "volume option '%s' is not supported by swarmbox yet", options->items[0].key);
	return 0;
}

/* The row is queued, not waited for: the folder is what a container needs, and a folder without a row is found again by name. */
static int keep(struct volumes *volumes, const struct volume *volume, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct store_row row = { .table = NODE_TABLE_VOLUME, .id = volume->name };

	shape_encode(&volume_shape, volume, &bytes);
	row.bytes = bytes.data;
	row.size = bytes.len;
	return store_node_write(volumes->store, &row, 1, NULL, NULL, err);
}

int volumes_create(struct volumes *volumes, const char *name, const char *driver, const struct str_map *options, const struct str_map *labels,
		   const struct volume **ret, struct err *err)
{
	char invented[HEX_ID_SIZE];
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct volume *volume, given = { 0 };

	if (check_options(driver, options, err) < 0)
		return err_wrap(err, "create %s", str_is_empty(name) ? "" : name);
	if (str_is_empty(name)) {
		entropy_hex_id(invented);
		name = invented;
		given.is_anonymous = true;
	} else if (check_name(name, err) < 0) {
		return -1;
	}
	if ((*ret = map_get(volumes->by_name, name)))
		return 0;
	given.name = (char *)(uintptr_t)name;
	if (labels)
		given.labels = *labels;
	given.created_wall = clock_wall_ns();
	if (dir_make(volumes_path(volumes, name, &path), 0755, err) < 0 || keep(volumes, &given, err) < 0)
		return err_wrap(err, "create %s", name);
	volume = NEW(struct volume);
	shape_copy(&volume_shape, &given, NULL, volume);
	map_put(volumes->by_name, name, volume);
	tell(volumes, "create", name);
	*ret = volume;
	return 0;
}

static int refuse_in_use(const char *name, const char *const *users, size_t count, struct err *err)
{
	CLEANUP(buf_finip) struct buf list = BUF_INIT;

	for (size_t i = 0; i < count && i < 10; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", users[i]);
	return err_set(err, ERR_CONFLICT, "remove %s: volume is in use - [%s]", name, buf_text(&list));
}

int volumes_remove(struct volumes *volumes, const char *name, const char *const *users, size_t user_count, struct err *err)
{
	struct volume *volume = map_get(volumes->by_name, name);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	CLEANUP(buf_finip) struct buf doomed = BUF_INIT;
	char unique[HEX_ID_SIZE];
	struct store_row row = { .table = NODE_TABLE_VOLUME, .id = name };

	if (!volume)
		return err_set(err, ERR_NOT_FOUND, "get %s: no such volume", name);
	if (user_count)
		return refuse_in_use(name, users, user_count, err);
	/* Row first: a volume half removed must not look whole after a crash. */
	if (store_node_write(volumes->store, &row, 1, NULL, NULL, err) < 0)
		return err_wrap(err, "remove %s", name);
	entropy_hex_id(unique);
	buf_printf(&path, "%s/%s", volumes->dir, name);
	buf_printf(&doomed, "%s/" REMOVED_PREFIX "%s", volumes->dir, unique);
	if (rename(buf_text(&path), buf_text(&doomed)) == 0)
		remove_in_background(volumes, buf_text(&doomed));
	else if (errno != ENOENT)
		return err_sys(err, "remove %s", name);
	tell(volumes, "destroy", name);
	map_remove(volumes->by_name, name);
	volume_free(volume);
	return 0;
}
