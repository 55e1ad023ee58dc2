/* archive_table.h - the names in an archive of images and what is behind each: a file, known by its digest, or a link to another name.
 *
 * Pure. Names are clean (tar_path_clean). Nothing is looked up outside of the table, so a link leads nowhere else.
 */
#pragma once
#include "base/err.h"
#include "base/sha256.h"

#define ARCHIVE_FILES_MAX      100000
#define ARCHIVE_NAME_BYTES_MAX (16 * 1024 * 1024)        /* of all names and targets */
#define ARCHIVE_HOPS_MAX       8                         /* links one after the other */

struct archive_file { char digest[SHA256_HEX_SIZE]; int64_t bytes; };

struct archive_table;
struct archive_table *archive_table_new(void);
void archive_table_free(struct archive_table *table);    /* NULL is welcome */
/* ERR_INVALID when the name is there already and leads elsewhere; the same again is fine. */
int archive_table_add_file(struct archive_table *table, const char *name, const struct archive_file *file, struct err *err);
/* target as it stands in the archive: of a hard link from the root, of a symbolic one from where it is, unless absolute. ERR_INVALID when it climbs out. */
int archive_table_add_link(struct archive_table *table, const char *name, const char *target, bool is_symbolic, struct err *err);

/* name as another file of the archive says it. ERR_INVALID when it climbs out, or when there is no file behind it. */
int archive_table_find(const struct archive_table *table, const char *name, const struct archive_file **ret, struct err *err);
bool archive_table_has(const struct archive_table *table, const char *name);
/* Some file has this content. */
const struct archive_file *archive_table_by_digest(const struct archive_table *table, const char *digest);
