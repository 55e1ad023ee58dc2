/* download.h - a stream that comes down into a file, whole or not at all.
 */
#pragma once
#include "client/call.h"

/* what: "the archive", for errors. */
int download_to_fd(struct http_client *client, int fd, const char *what, struct err *err);
/* The file has no name until it is whole and on the disk (0600), so nothing is left of a download that ends early, however it ends. What is no
 * plain file (a pipe, /dev/null) is written as it is. ERR_CONFLICT when the file exists, unless it may be replaced. */
int download_to_file(struct http_client *client, const char *path, bool may_replace, const char *what, struct err *err);
