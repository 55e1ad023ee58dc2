/* tar_pax.h - the records of a pax extended header: "LENGTH key=value\n" (POSIX.1-2001, pax, "Extended Header").
 *
 * Pure. Used by tar.c only. Known: path linkpath size uid gid mtime, SCHILY.xattr.*, GNU.sparse.*; the keys that change nothing here
 * (atime, ctime, uname, gname, comment, hdrcharset, LIBARCHIVE.*, …) are passed over.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"
#include "image/tar.h"
#include "image/tar_header.h"

struct tar_segments { struct tar_segment *items; size_t count, size; };
void tar_segments_fini(struct tar_segments *segments);
int tar_segments_add(struct tar_segments *segments, struct tar_segment segment, struct err *err);
/* In order, without overlap, inside real_size, and data_bytes in sum. */
int tar_segments_check(const struct tar_segments *segments, int64_t real_size, int64_t data_bytes, struct err *err);

struct tar_number { bool is_set; int64_t value; };
struct tar_pax {
	const char *path, *link;                         /* NULL when not set; all texts point into the header's bytes */
	struct tar_number size, uid, gid, mtime_s;
	uint32_t mtime_ns;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t xattr_count;

	const char *sparse_name;
	struct tar_number sparse_major, sparse_minor, sparse_size;       /* sparse_size: with holes */
	struct tar_segments segments;                    /* versions 0.0 and 0.1 */
	struct tar_number half_segment;                  /* 0.0: an offset that waits for its numbytes */
};
void tar_pax_fini(struct tar_pax *pax);                  /* leaves it empty */
/* Adds the records to pax. The bytes are changed (values get a NUL) and must outlive pax; they are followed by one byte that may be read.
 * A global header (is_global) may set uid, gid and mtime only. */
int tar_pax_parse(struct tar_pax *pax, char *bytes, size_t count, bool is_global, struct err *err);
