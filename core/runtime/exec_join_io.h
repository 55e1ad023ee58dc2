/* exec_join_io.h - from a clone of an exec's shim to the user's program, inside a container that is there already.
 *
 * Two processes. The helper is in the container's v2 group from its first instruction, but in the host's pid namespace, where nothing inside can see it. It
 * joins everything else, lets go of all that is the host's, and becomes as weak as the program will be; only then does it make that one, which is born
 * into the container's pid namespace with nothing that the container has not got, and not dumpable. Even with CAP_SYS_PTRACE there is no moment in
 * which looking at it, or through it, would lead to the host.
 */
#pragma once

struct exec_join {
	int spec_fd;                     /* of struct container_exec */
	int dir_fd;                      /* containers/<id>, where `spec` is */
	int pidfd;                       /* the container's first process, whose namespaces are joined */
	int gate_fd;                     /* process_io.h */
	int stdio[3];                    /* -1: stays what it is, /dev/null; and with a tty */
};

_Noreturn void exec_join_run(const struct exec_join *join);
