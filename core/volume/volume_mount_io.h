/* volume_mount_io.h - the file system of a volume that has one of its own. May block for as long as a server is silent: for work threads. */
#pragma once
#include "base/err.h"
#include "model/volume_options.h"

/* At path, a folder; nothing is done when something is mounted there. Words as Docker's: "failed to mount local volume: mount …". */
int volume_mount(const char *path, const struct volume_fs *fs, struct err *err);
/* All that is mounted there, detached from the tree of files at once and gone when its last user is; nothing mounted is fine. */
int volume_unmount(const char *path, struct err *err);
bool volume_is_mounted(const char *path);
