/* unpack_place_io.h - finds and makes the folder an archive's entry goes into, below one root.
 *
 * Used by unpack_io.c only. Keeps the last folder open, since entries of one folder follow each other.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

struct unpack_places {
	int root_fd;                                     /* the caller's */
	int folder_fd;                                   /* of the path below; -1: none is kept */
	struct buf folder;
	/* In layers: a whiteout stood where a folder is needed, and was replaced by this one, which is open for reading. NULL outside of layers. */
	int (*on_uncovered)(void *arg, int folder_fd, struct err *err);
	void *arg;
	/* In layers: paths of the folders made because something lies in them, not because they have an entry. NULL outside of layers. */
	struct map *unlisted;
	size_t unlisted_bytes;
};
void unpack_places_init(struct unpack_places *places, int root_fd);
void unpack_places_fini(struct unpack_places *places);
/* For a clean path that is not "": the open folder (O_PATH, stays ours, good until the next call) and the name in it. Missing folders are
 * made, root's and 0755, and noted. */
int unpack_places_find(struct unpack_places *places, const char *path, int *ret_folder_fd, const char **ret_name, struct err *err);
/* Makes the name free; with keeps_folder one that is a folder stays, and *ret_kept says so. */
int unpack_places_clear(struct unpack_places *places, int folder_fd, const char *name, bool keeps_folder, bool *ret_kept, struct err *err);
/* open(2) of a clean path below the root, the last component not followed; -1 with errno. "" is the root. */
int unpack_places_open(const struct unpack_places *places, const char *path, int flags);
