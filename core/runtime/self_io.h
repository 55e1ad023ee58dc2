/* self_io.h - our own binary as a read-only bind mount, which all helpers are started from.
 *
 * A process in a container that gets hold of /proc/<pid>/exe of a helper can open it for writing when it comes from the plain file
 * (verified); through a read-only mount it cannot, whatever capabilities it has.
 */
#pragma once
#include "base/err.h"

/* At <run_root>/self; one that an agent before us left there is replaced (its shims keep theirs). *ret_path is heap. */
int self_mount(const char *binary, const char *run_root, char **ret_path, struct err *err);
/* Mounts it again when somebody has taken it away; what fails is seen when a helper is started. */
void self_keep(const char *binary, const char *run_root, const char *path);
void self_unmount(const char *path);
