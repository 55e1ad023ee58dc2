/* layer_folders_io.h - what folders look like that a layer has without saying so.
 *
 * An archive may hold "var/lib/x/file" and no "var/lib/x". The folder is made then, root's and 0755, and the layer notes its path: owner and mode
 * are for the layers below to say. Which ones these are differs from image to image, while a layer is unpacked once for all. So an image for
 * which it matters gets one layer more, on top of the others: these folders and those they are in, as they should look, and nothing else.
 */
#pragma once
#include "base/err.h"
#include "base/sha256.h"

#define LAYER_FOLDERS_NOTE "unlisted"                    /* beside the layer's root: paths, each ended by NUL */
#define LAYER_FOLDERS_MAX_BYTES (16 * 1024 * 1024)       /* of them */

/* Under which name the store has that layer; like a diff id, and nobody's. diff_ids: the image's, lowest first. */
void layer_folders_id(const char *const *diff_ids, size_t count, char ret_id[SHA256_HEX_SIZE]);
/* Makes its root in the empty folder stage, synced, if it is needed. dir is the store's; blocks. */
int layer_folders_make(const char *dir, const char *const *diff_ids, size_t count, const char *stage, bool *ret_is_needed, struct err *err);
