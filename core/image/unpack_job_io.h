/* unpack_job_io.h - the whole work of the unpacking child: reads an archive to its end, keeps the bytes, unpacks them, hashes both.
 *
 * Started by the agent as `swarmbox unpack DIR MAX_BYTES` with a socket as descriptors 0 and 1 (the archive comes in, one
 * report line goes out) and the blob's file as descriptor 3. It first gives up everything it does not need.
 */
#pragma once
#include "base/err.h"
#include "image/unpack_report.h"

#define UNPACK_BLOB_FD 3

struct unpack_job {
	int in_fd;                                       /* the archive, up to its end of file */
	int blob_fd;                                     /* gets a copy; -1: none */
	int root_fd;                                     /* folder to unpack into */
	int64_t max_bytes;                               /* of data unpacked, and of the blob */
};

/* Synced to disk when it returns 0. */
int unpack_job_run(const struct unpack_job *job, struct unpack_report *ret, struct err *err);

/* The child's main. Its root becomes dir, without devices; no network, no file of the host but what it was given, and of root's rights
 * only those that owners, modes, device nodes and capabilities of files take. */
int unpack_child_main(const char *dir, int64_t max_bytes);
