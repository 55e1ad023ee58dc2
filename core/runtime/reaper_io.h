/* reaper_io.h - pid 1 of a container with --init: starts the program, hands signals on to it, reaps what is orphaned, and ends as it ends.
 *
 * It is our own binary, executed by a descriptor that was opened before the container had a root: nothing of it has a name inside, and what /proc/1/exe
 * leads to is a read-only mount (self_io.h). It has the container's user, capabilities and filter.
 */
#pragma once
#include "base/err.h"

#define REAPER_NAME "swarmbox-init"      /* argv[0]; the program's words are behind a "--" */
enum { REAPER_GATE_FD = 3 };             /* process_io.h */

/* Becomes it. Returns only when it failed, with the exit code. self_fd, gate_fd: close-on-exec. */
int reaper_exec(int self_fd, int gate_fd, char *const *argv, char *const *env, struct err *err);
/* Its whole life; what main does with that argv[0]. Returns its exit status. */
int reaper_run(char *const *argv, char *const *env);
