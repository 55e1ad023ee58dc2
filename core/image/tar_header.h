/* tar_header.h - one 512-byte block of a tar archive as fields, and the numbers in it.
 *
 * Pure. Used by tar.c only. The layouts are those of ustar (POSIX.1-1988) and of GNU tar's manual ("Basic Tar Format").
 */
#pragma once
#include "base/base.h"
#include "base/err.h"
#include "image/tar.h"

struct tar_header {
	char type;                                       /* typeflag; '0' for NUL */
	bool is_gnu;                                     /* the tail of the block is GNU's, not a prefix */
	char name[101], link[101], prefix[156];
	int64_t mode, uid, gid, size, mtime, major, minor;
};

bool tar_header_is_zero(const uint8_t block[TAR_BLOCK]);
/* ERR_INVALID: checksum or a number that is none. */
int tar_header_decode(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct err *err);

struct tar_segment { int64_t offset, count; };
/* Old GNU sparse: the segments a main header holds (4) or an extension block (21). Returns how many were read, or -1. */
int tar_header_segments(const uint8_t block[TAR_BLOCK], bool is_extension, struct tar_segment ret[21], bool *ret_more);
int tar_header_real_size(const uint8_t block[TAR_BLOCK], int64_t *ret);
