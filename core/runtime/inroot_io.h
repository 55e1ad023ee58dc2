/* inroot_io.h - paths inside a root that somebody else filled: nothing here leaves it, whatever links it holds.
 *
 * Every lookup is openat2(2) with RESOLVE_IN_ROOT and without magic links.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* With errno, no error text. */
int inroot_open(int root_fd, const char *path, int flags);
/* For a place that must be what it is called: ELOOP for a link anywhere in the path. */
int inroot_open_plain(int root_fd, const char *path, int flags);
/* O_PATH descriptors; what is missing is made, directories 0755. */
int inroot_make_dir(int root_fd, const char *path, int *ret_fd, struct err *err);
int inroot_make_file(int root_fd, const char *path, int *ret_fd, struct err *err);
/* As make_file, but what is there and no regular file (a link to nowhere, a device) gives way to an empty one. */
int inroot_make_regular(int root_fd, const char *path, int *ret_fd, struct err *err);
/* A regular file's content; one that is missing, or no regular file, is empty. */
int inroot_read(int root_fd, const char *path, size_t max_bytes, struct buf *out, struct err *err);
/* The directory that holds the last component, made when missing; *ret_name points into path. */
int inroot_make_parent(int root_fd, const char *path, int *ret_fd, const char **ret_name, struct err *err);
