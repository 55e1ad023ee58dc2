/* unpack_confine_io.h - gives up what a process does not need that unpacks a stranger's archive.
 *
 * Own mount, network and IPC namespaces (the last two where the kernel has them); the folder is the root, without devices, setuid and
 * programs; no new privileges; the capabilities that owners, modes, device nodes and file capabilities take, and no others; bounded
 * memory; no core file. For a process of one thread.
 */
#pragma once
#include "base/err.h"

int unpack_confine(const char *dir, struct err *err);
