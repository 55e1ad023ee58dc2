/* tree_copy_io.h - copies a directory tree: owners, modes, times, links (hard ones too), devices, extended attributes, holes.
 *
 * For hosts without overlayfs, and to fill a new volume from the image. Follows no link, crosses no mount; resource forks of the
 * overlay kind (whiteouts, opaque directories) are obeyed when the source is a layer.
 */
#pragma once
#include "base/err.h"

enum { TREE_COPY_LAYER = 1 };    /* the source is an overlayfs layer: a whiteout removes what lies below it */

/* Into an existing directory, whose owner, mode and times become the source's. */
int tree_copy(int from_fd, int to_fd, unsigned flags, struct err *err);
