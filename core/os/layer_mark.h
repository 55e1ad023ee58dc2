/* layer_mark.h - what a layer says about the layers below it: this name is gone, in this folder nothing of them is to be seen.
 *
 * As overlayfs reads it: a character device 0,0, and trusted.overlay.opaque, which takes CAP_SYS_ADMIN. A folder on an overlay takes neither, and
 * there can be no overlay either; there an empty file with user.overlay.whiteout, and user.overlay.opaque, stand in for them, and only our own
 * copying of layers reads those.
 */
#pragma once
#include "base/base.h"

int opaque_set(int folder_fd);                           /* opened for reading; -1 with errno */
bool opaque_is_set(int folder_fd);
/* folder_fd may be O_PATH. */
int whiteout_make(int folder_fd, const char *name);      /* -1 with errno; EEXIST */
bool whiteout_is(int folder_fd, const char *name);
