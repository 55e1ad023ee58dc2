/* fetch_confine_io.h - gives up what a process does not need that talks to strangers over the network.
 *
 * Own mount and IPC namespaces; the root becomes an empty file system in memory that holds copies of resolv.conf and hosts, and the folder for the
 * blobs; no capability, no new privileges, bounded memory, no core file. Of the kernel only the calls that files in that folder, internet
 * sockets and threads take: no exec, no signal, no other kind of socket. The network is the host's. For a process of one thread.
 */
#pragma once
#include "base/err.h"

/* *ret_dir_fd: dir, from inside; -1 when dir is NULL, for work that writes no files. */
int fetch_confine(const char *dir, int *ret_dir_fd, struct err *err);
/* The last wall; after it nothing can be opened but below the folder. Threads started later have it too. */
int fetch_confine_calls(struct err *err);
