/* unpack_io.h - writes the entries of one tar archive below a folder, and nowhere else.
 *
 * Every name is resolved with openat2(2) RESOLVE_IN_ROOT below the folder: links in the archive, absolute ones and those that climb, lead
 * to places inside of it. What was there under a name is replaced (the last entry wins), folders are merged. Owners, modes, times,
 * devices and the attributes user.*, security.capability and POSIX ACLs are set; other attributes belong to the host they came from and are
 * left out and counted. An archive is refused by the first entry that is wrong, by name.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/tar.h"

#define UNPACK_ENTRIES_MAX 4000000

struct unpack_limits {
	int64_t max_bytes;                               /* of data written */
	int64_t max_entries;                             /* 0: UNPACK_ENTRIES_MAX */
};

/* An image layer rather than a root file system (image-spec 1.1, "Filesystem Changesets"): ".wh.name" becomes overlayfs' whiteout, a character device
 * 0,0, unless the layer itself has the name, before or behind it. A folder that hides what lower layers have in it, by ".wh..wh..opq" or because it
 * takes a whiteout's place, is told to on_opaque (NULL outside of layers), open for reading. aufs' own ".wh..wh.*" are passed over. */
typedef int unpack_opaque_fn(void *arg, int folder_fd, struct err *err);

struct unpack_stats {
	int64_t data_bytes, entries;
	int64_t xattrs_skipped;
	char xattr_skipped[64];                          /* the first of them */
};

struct unpack;
extern const struct tar_events unpack_events;            /* for tar_reader_new, with the struct unpack as arg */
struct unpack *unpack_new(int root_fd, struct unpack_limits limits, unpack_opaque_fn *on_opaque, void *arg);
void unpack_free(struct unpack *unpack);
/* Sets the times of folders, which is only of use when nothing is written any more. */
int unpack_finish(struct unpack *unpack, struct unpack_stats *ret, struct err *err);
/* The folders of a layer that have no entry in the archive: their paths, each ended by NUL (layer_folders_io.h). */
void unpack_list_unlisted(const struct unpack *unpack, struct buf *out);
