/* archive_stage_io.h - takes an archive of images apart: each file into a folder, under the sha256 of its content, and what they make up as a plan.
 *
 * The child's work in UNPACK_ARCHIVE. Reads docker-archives (Docker 1.10 and later, skopeo) and OCI layouts in a tar, plain, gzip or zstd; where an archive is both,
 * the layout decides, as it has digests. Everything a manifest names must be there, with the size and content that it says. Streaming: nothing
 * but names and JSON of bounded size is kept in memory.
 */
#pragma once
#include "base/err.h"
#include "image/archive_plan.h"

/* platform: what to choose from indexes, and what each image must be for; NULL: this host's is chosen, and images for others come along. */
int archive_stage_run(int in_fd, int folder_fd, int64_t max_bytes, const char *platform, struct archive_plan *ret, struct err *err);
