/* file.h - files and folders as whole things. Errors name the path. */
#pragma once
#include <sys/types.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

void fd_closep(int *fd);                                 /* for CLEANUP; ignores -1 */
int fd_take(int *fd);                                    /* hands the descriptor out, *fd becomes -1 */
int fd_write_all(int fd, const void *bytes, size_t count);       /* -1 with errno */
int fd_set_nonblocking(int fd, bool enabled);

/* max_bytes bounds it: a larger file is ERR_INVALID. ERR_NOT_FOUND when it does not exist. */
int file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err);
int file_read_at(int dir_fd, const char *name, size_t max_bytes, struct buf *out, struct err *err);
/* Through a temporary name in the same folder, fsync, rename, fsync of the folder: the old or the new content, never a mixture. */
int file_write_durable(const char *path, const void *bytes, size_t count, mode_t mode, struct err *err);
/* The same without the two fsyncs, for tmpfs and what can be made again. */
int file_write_atomic(const char *path, const void *bytes, size_t count, mode_t mode, struct err *err);
/* Plain write into an existing file such as those of /proc, /sys and cgroups; one write(2). */
int file_poke(const char *path, const char *text, struct err *err);
bool file_exists(const char *path);
/* With parents; existing is fine. What is made has this mode, whatever the umask. */
int dir_make(const char *path, mode_t mode, struct err *err);
int dir_sync(const char *path, struct err *err);
/* A hint, which ext4 knows: folders made in it have nothing to do with each other, so they may lie apart (chattr(1), 'T'). */
void dir_spread(const char *path);
/* Removes a tree without following links or crossing into other mounts; missing is fine. */
int dir_remove_tree(const char *path, struct err *err);
/* The same for one name in an open folder (O_PATH will do). */
int dir_remove_tree_at(int dir_fd, const char *name, struct err *err);
/* What the files below path hold, by their size, hard links counted once; nothing of other mounts. What cannot be read is left out. */
int64_t dir_usage(const char *path);
/* Names in it without . and .., sorted; caller frees with strlist_fini. Missing folder: ERR_NOT_FOUND. */
struct strlist;
int dir_list(const char *path, struct strlist *ret, struct err *err);
/* Exclusive lock held as long as the descriptor is open; ERR_CONFLICT when another process has it, with that process' pid. Of one that is
 * dead already, a child on its way to exec is waited for, at most five seconds. */
int file_lock(const char *path, int *ret_fd, struct err *err);
char *path_join(const char *a, const char *b);           /* heap */
