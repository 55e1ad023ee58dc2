/* container_init_io.h - the container's first process, from clone3 to the user's program.
 *
 * Between it and the shim is one SOCK_SEQPACKET pair. The child says "R" when it waits at the gate (with a
 * terminal's master and slave as SCM_RIGHTS), the shim says "G" to open it; the pair's end
 * without a word means that exec has succeeded. Anything that goes wrong is "E", the exit code in one byte, and the sentence.
 */
#pragma once

struct container_init {
	int spec_dir_fd;                 /* containers/<id>, where `spec` is */
	int gate_fd;                     /* the child's end of the pair */
	int stdin_fd, stdout_fd, stderr_fd;      /* -1: stays what it is, /dev/null; and with a tty */
};

enum { CONTAINER_INIT_READY = 'R', CONTAINER_INIT_GO = 'G', CONTAINER_INIT_ERROR = 'E', CONTAINER_INIT_MESSAGE_BYTES = 1100 };

/* Runs in the child; never returns. */
_Noreturn void container_init_run(const struct container_init *init);
