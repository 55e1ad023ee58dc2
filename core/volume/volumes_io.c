#include "volume/volumes_internal.h"

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

enum { VOLUME_NAME_MAX = 255 };

/* A row on its way to the disk; done may be NULL. */
struct saving { struct list node; struct volumes *volumes; char *name; volumes_saved_fn *done; void *arg; };

static const struct field volume_fields[] = {
	F(1, STR, volume, name, "Name", 0),
	F(2, STR_MAP, volume, labels, "Labels", 0),
	F(3, STR_MAP, volume, options, "Options", 0),
	F(4, STAMP, volume, created_wall, "CreatedAt", 0),
	F(5, BOOL, volume, is_anonymous, "Anonymous", 0),
};
static const struct shape volume_shape = SHAPE(volume, volume_fields);

void volume_free(struct volume *volume)
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
	    volume_removals_resume(volumes, err) < 0) {
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

void volumes_close(struct volumes *volumes)
{
	void *volume;

	if (!volumes)
		return;
	volume_use_close(volumes);
	LIST_EACH(item, &volumes->savings)
		saving_free(CONTAINER_OF(item, struct saving, node));
	volume_removals_close(volumes);
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
