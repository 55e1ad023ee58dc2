/* exec_shim.h - the parent of one process that runs beside a container's own: `swarmbox shim exec LETTERS`.
 *
 * As shim.h's in small: one thread, no heap, and it outlives the agent, but nobody finds it again: with the agent gone it sees its process to the end,
 * or kills it if it is told so. It has no name anywhere: what it needs it inherits, and it speaks with the agent that started it over EXEC_LINK_FD
 * (SOCK_SEQPACKET, shim_wire.h):
 *   as soon as the program runs:  {"v":1,"state":"running","pid":N}; or why it does not: {"v":1,"state":"","error":"…","code":127}
 *   at its end:                   {"v":1,"state":"exited","code":0}, then the client's stream ends
 * It may be asked to resize; nothing else.
 */
#pragma once

/* EXEC_SPEC_FD: the JSON of container_exec.h. EXEC_DIR_FD: containers/<id>. EXEC_PIDFD_FD: the container. EXEC_CGROUP_FD: its v2 group. */
enum { EXEC_LINK_FD = 3, EXEC_SPEC_FD, EXEC_DIR_FD, EXEC_PIDFD_FD, EXEC_CGROUP_FD, EXEC_CLIENT_FD };

/* The letters; "-" without any. */
#define EXEC_LETTER_TTY    't'
#define EXEC_LETTER_IN     'i'
#define EXEC_LETTER_OUT    'o'
#define EXEC_LETTER_GROUP  'g'           /* there is an EXEC_CGROUP_FD, */
#define EXEC_LETTER_CLIENT 'c'           /* an EXEC_CLIENT_FD */
#define EXEC_LETTER_BOUND  'b'           /* it ends with the agent */

#define EXEC_SHIM_WORD "exec"            /* behind `swarmbox shim` */

/* Its whole life; returns its exit status. */
int exec_shim_run(const char *letters);
