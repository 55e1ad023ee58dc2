/* tar.h - reads a tar archive that arrives in pieces of any size, and writes plain headers.
 *
 * Pure. Formats: v7, ustar (POSIX.1-1988), pax (POSIX.1-2001, with SCHILY.xattr.* and GNU.sparse.* 0.0, 0.1 and 1.0), GNU (long names,
 * base-256 numbers, sparse files with extension headers). Everything an archive can make large is bounded: see TAR_*_MAX. Nothing is
 * said about where an entry may lie: a path is handed out as it stands in the archive, without NUL inside; tar_path_clean judges it.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define TAR_BLOCK          512
#define TAR_PATH_MAX       4095                          /* bytes of a path or link target, as the kernel's PATH_MAX allows */
#define TAR_META_MAX       (1024 * 1024)                 /* bytes of one pax header or long name */
#define TAR_SEGMENTS_MAX   65536                         /* data segments of a sparse file */
#define TAR_XATTRS_MAX     64                            /* of one entry; their values fit TAR_META_MAX together */

enum tar_kind { TAR_FILE, TAR_HARDLINK, TAR_SYMLINK, TAR_CHAR_DEVICE, TAR_BLOCK_DEVICE, TAR_DIR, TAR_FIFO };

struct tar_xattr { const char *name; const char *value; size_t bytes; };

struct tar_entry {                                       /* good until the callback returns */
	enum tar_kind kind;
	const char *path, *link;                         /* link: target of TAR_SYMLINK and TAR_HARDLINK, else "" */
	uint32_t mode;                                   /* permission bits with setuid, setgid, sticky */
	uint32_t uid, gid;
	int64_t mtime_s;                                 /* may be negative */
	uint32_t mtime_ns;
	uint32_t major, minor;
	int64_t size_bytes;                              /* of a TAR_FILE when unpacked, holes included */
	const struct tar_xattr *xattrs;
	size_t xattr_count;
};

/* Each returns 0, or -1 with err: then the reader stops for good. */
struct tar_events {
	int (*on_entry)(void *arg, const struct tar_entry *entry, struct err *err);
	/* Bytes of the TAR_FILE last announced, at this offset; what is never given is a hole. */
	int (*on_data)(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err);
	/* The TAR_FILE is complete. */
	int (*on_end)(void *arg, struct err *err);
};

struct tar_reader;
struct tar_reader *tar_reader_new(const struct tar_events *events, void *arg);
void tar_reader_free(struct tar_reader *reader);
/* ERR_INVALID names the entry where there is one. After the two zero blocks that end an archive everything is ignored. */
int tar_reader_feed(struct tar_reader *reader, const void *bytes, size_t count, struct err *err);
/* ERR_INVALID when the archive breaks off. One without the closing zero blocks is fine if it ends behind an entry, and so is one that lacks what fills
 * up the last entry's block: umoci insert writes such layers, and Go, which most images are read with, takes them. */
int tar_reader_finish(struct tar_reader *reader, struct err *err);
/* The newest mtime of the entries so far, in whole seconds; 0 when all are older than 1970 or there are none. */
int64_t tar_reader_newest_s(const struct tar_reader *reader);

/* path without leading slashes, empty components, "." and "name/.."; "" for the root itself. ERR_INVALID when ".." climbs out. */
int tar_path_clean(const char *path, struct buf *ret_path, struct err *err);

/* A name from an archive as it may stand in an error: one line of valid UTF-8, cut where it is long. */
#define TAR_SHOW_SIZE 260
const char *tar_show(const char *path, char ret_text[TAR_SHOW_SIZE]);

/* A ustar header; path up to 100 bytes. For archives made here. */
void tar_header_format(const char *path, enum tar_kind kind, uint32_t mode, int64_t size_bytes, int64_t mtime_s,
		       uint8_t ret_block[TAR_BLOCK]);
