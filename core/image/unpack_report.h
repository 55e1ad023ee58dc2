/* unpack_report.h - the one line in which the unpacking child tells the agent how it went.
 *
 * Pure. JSON: {"diff_id":…} or {"error":…,"code":…}. The child has read a stranger's archive, so the agent takes the line for input: every
 * field is checked, and digests are only ever used as such.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"
#include "image/inflate.h"

#define UNPACK_REPORT_MAX_BYTES 8192

struct unpack_report {
	char diff_id[SHA256_HEX_SIZE];                   /* of the uncompressed bytes */
	char blob[SHA256_HEX_SIZE];                      /* of the bytes as received */
	int64_t blob_bytes;
	enum inflate_kind kind;
	int64_t data_bytes, entries;
	int64_t newest_s;                                /* newest time in the archive, seconds since 1970; not negative */
	int64_t xattrs_skipped;
	char xattr_skipped[64];
};

void unpack_report_format(const struct unpack_report *report, struct buf *out);
void unpack_report_format_error(const struct err *error, struct buf *out);
/* err becomes what {"error":…,"code":…} says. Always -1. */
struct yyjson_val;
int unpack_report_parse_error(struct yyjson_val *root, struct err *err);
/* -1 with the child's own error when that is what it says, or ERR_IO when the line makes no sense. */
int unpack_report_parse(const char *line, size_t bytes, struct unpack_report *ret, struct err *err);
