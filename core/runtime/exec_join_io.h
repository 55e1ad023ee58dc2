/* exec_join_io.h - from a clone of an exec's shim to the user's program, inside a container that is there already.
 *
 * Runs in a process that is in the container's pid namespace and v2 group from its first instruction. It opens nothing of the host once it is in the
 * container's mounts, holds only its pipes then, and is not dumpable: there is no moment in which the container could look at, or through, it.
 */
#pragma once

struct exec_join {
	int spec_fd;                     /* of struct container_exec */
	int dir_fd;                      /* containers/<id>, where `spec` is */
	int pidfd;                       /* the container's first process, whose namespaces are joined */
	int gate_fd;                     /* process_io.h; nobody says "G" */
	int stdio[3];                    /* -1: stays what it is, /dev/null; and with a tty */
};

_Noreturn void exec_join_run(const struct exec_join *join);
