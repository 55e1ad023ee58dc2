/* container_init_io.h - the container's first process, from clone3 to the user's program.
 *
 * It speaks with the shim as process_io.h says, and waits at the gate, when it is ready, for the shim's "G".
 */
#pragma once

struct container_init {
	int spec_dir_fd;                 /* containers/<id>, where `spec` is */
	int gate_fd;                     /* the child's end of the pair */
	int stdio[3];                    /* -1: stays what it is, /dev/null; and with a tty */
};

/* Runs in the child; never returns. */
_Noreturn void container_init_run(const struct container_init *init);
