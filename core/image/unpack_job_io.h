/* unpack_job_io.h - the whole work of the unpacking child: reads a stranger's bytes to their end, and answers with one line.
 *
 * Started by the agent (unpack_child_io.h) as `swarmbox unpack MODE DIR MAX_BYTES PLATFORM` with what it reads as descriptor 0, a socket for the
 * line as descriptor 1 and as descriptor 3, for a root, the blob's file, for a layer, the note of its unlisted folders. It first gives up everything it does not need.
 */
#pragma once
#include "base/err.h"
#include "image/unpack_report.h"

#define UNPACK_BESIDE_FD 3

enum unpack_mode {
	UNPACK_ROOT,                                     /* a root file system; the bytes are kept in the blob's file. unpack_report.h */
	UNPACK_LAYER,                                    /* a layer's blob, with whiteouts and opaque folders. unpack_report.h */
	UNPACK_CHECK,                                    /* a layer's blob that need not be unpacked: only the digests. unpack_report.h */
	UNPACK_ARCHIVE,                                  /* images: each file to DIR under its digest. archive_plan.h */
};
const char *unpack_mode_word(enum unpack_mode mode);
bool unpack_mode_parse(const char *word, enum unpack_mode *ret);

struct unpack_job {
	enum unpack_mode mode;                           /* not UNPACK_ARCHIVE */
	int in_fd;                                       /* the archive, up to its end of file */
	int blob_fd;                                     /* gets a copy; -1: none */
	int note_fd;                                     /* of UNPACK_LAYER, gets what layer_folders_io.h reads; -1: none */
	int root_fd;                                     /* folder to unpack into */
	int opaque_fd;                                   /* unpack_opaque_io.h; of UNPACK_LAYER */
	int64_t max_bytes;                               /* of data unpacked, and of the blob */
};

/* Synced to disk when it returns 0. */
int unpack_job_run(const struct unpack_job *job, struct unpack_report *ret, struct err *err);

/* The child's main. Its root becomes dir, without devices; no network, no file of the host but what it was given, and of root's rights
 * only those that owners, modes, device nodes and capabilities of files take. platform: "-" for none. */
int unpack_child_main(enum unpack_mode mode, const char *dir, int64_t max_bytes, const char *platform);
