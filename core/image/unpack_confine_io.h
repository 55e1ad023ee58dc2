/* unpack_confine_io.h - gives up what a process does not need that unpacks a stranger's archive.
 *
 * Own mount, network and IPC namespaces (the last two where the kernel has them); the folder is the root, without devices, setuid and
 * programs; no new privileges; the capabilities that owners, modes, device nodes and file capabilities take, and no others; bounded
 * memory; no core file. For a process of one thread.
 */
#pragma once
#include "base/err.h"

/* In two steps, for what must be forked in between: place and memory first, then the rights. */
int unpack_confine_place(const char *dir, struct err *err);
int unpack_confine_rights(struct err *err);
