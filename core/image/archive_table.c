#include "image/archive_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "image/tar.h"

struct entry { struct archive_file file; char *target; };        /* target: clean; NULL for a file */

struct archive_table {
	struct map *names;                               /* -> struct entry */
	struct map *digests;                             /* -> one entry that has it */
	size_t name_bytes;
};

struct archive_table *archive_table_new(void)
{
	struct archive_table *table = NEW(struct archive_table);

	*table = (struct archive_table){ .names = map_new(), .digests = map_new() };
	return table;
}

void archive_table_free(struct archive_table *table)
{
	const char *key;
	void *value;

	if (!table)
		return;
	for (size_t at = 0; map_next(table->names, &at, &key, &value);) {
		free(((struct entry *)value)->target);
		free(value);
	}
	map_free(table->names);
	map_free(table->digests);
	free(table);
}

static int add(struct archive_table *table, const char *name, const struct archive_file *file, const char *target, struct err *err)
{
	struct entry *there = map_get(table->names, name), *entry;
	char shown[TAR_SHOW_SIZE];

	if (there) {
		bool is_same = target ? str_eq(there->target, target) : !there->target && str_eq(there->file.digest, file->digest);
		return is_same ? 0 : err_set(err, ERR_INVALID, "'%s' is twice in the archive", tar_show(name, shown));
	}
	table->name_bytes += strlen(name) + (target ? strlen(target) : 0);
	if (map_count(table->names) == ARCHIVE_FILES_MAX || table->name_bytes > ARCHIVE_NAME_BYTES_MAX)
		return err_set(err, ERR_INVALID, "an archive of images with more than %d files, or %d bytes of names", ARCHIVE_FILES_MAX,
			       ARCHIVE_NAME_BYTES_MAX);
	entry = NEW(struct entry);
	if (file)
		entry->file = *file;
	entry->target = str_dup(target);
	map_put(table->names, name, entry);
	if (file && !map_get(table->digests, file->digest))
		map_put(table->digests, file->digest, entry);
	return 0;
}

int archive_table_add_file(struct archive_table *table, const char *name, const struct archive_file *file, struct err *err)
{
	return add(table, name, file, NULL, err);
}

int archive_table_add_link(struct archive_table *table, const char *name, const char *target, bool is_symbolic, struct err *err)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, clean = BUF_INIT;
	const char *slash = strrchr(name, '/');
	char shown[TAR_SHOW_SIZE], shown_target[TAR_SHOW_SIZE];

	if (is_symbolic && slash && *target != '/')
		buf_add(&whole, name, (size_t)(slash - name) + 1);
	buf_add_str(&whole, target);
	if (tar_path_clean(buf_text(&whole), &clean, err) < 0 || clean.len == 0)
		return err_set(err, ERR_INVALID, "'%s' is a link to '%s', out of the archive", tar_show(name, shown), tar_show(target, shown_target));
	return add(table, name, NULL, buf_text(&clean), err);
}

int archive_table_find(const struct archive_table *table, const char *name, const struct archive_file **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf clean = BUF_INIT;
	char shown[TAR_SHOW_SIZE];
	const struct entry *entry;

	if (tar_path_clean(name, &clean, err) < 0)
		return err_set(err, ERR_INVALID, "the path '%s' climbs out of the archive", tar_show(name, shown));
	entry = map_get(table->names, buf_text(&clean));
	for (int hops = 0; entry && entry->target; hops++) {
		if (hops == ARCHIVE_HOPS_MAX)
			return err_set(err, ERR_INVALID, "'%s' is a link that leads to no end", tar_show(name, shown));
		entry = map_get(table->names, entry->target);
	}
	if (!entry)
		return err_set(err, ERR_INVALID, "'%s' is not in the archive", tar_show(name, shown));
	*ret = &entry->file;
	return 0;
}

bool archive_table_has(const struct archive_table *table, const char *name)
{
	return map_get(table->names, name) != NULL;
}

const struct archive_file *archive_table_by_digest(const struct archive_table *table, const char *digest)
{
	const struct entry *entry = map_get(table->digests, digest);

	return entry ? &entry->file : NULL;
}
