/* process_io.h - what our processes do that become a user's program in a container: its first one (container_init_io.h), and those that join it
 * (exec_join_io.h).
 *
 * Between such a process and its shim is one SOCK_SEQPACKET pair, the gate. The process says "R" when it is ready (with a terminal's master and slave as
 * SCM_RIGHTS) and waits for "G"; the pair's end without a word means that exec has succeeded. Anything that goes wrong is "E", the exit code in one byte, and
 * the sentence. A helper that has made the process in its place says "P", its number, and its pidfd.
 */
#pragma once
#include "base/arena.h"
#include "runtime/console_io.h"
#include "runtime/container_spec.h"
#include "runtime/container_user.h"

struct shim_wire;
enum { PROCESS_READY = 'R', PROCESS_GO = 'G', PROCESS_ERROR = 'E', PROCESS_MADE = 'P', PROCESS_MESSAGE_BYTES = 1100 };

struct process {
	struct arena *arena;
	int root_fd;                     /* of the container */
	int gate_fd;                     /* this side of the pair; close-on-exec */
	int self_fd;                     /* our binary, where it is still needed; -1 */
	int stdio[3];                    /* -1: stays what it is, /dev/null; all of them with a tty */
	bool has_tty;
	struct console console;          /* with a tty, once it is open */
	struct container_user user;      /* once it is found */
};

/* Signals as after boot, a session of its own, umask 0, and not dumpable until exec: nothing in a container looks into it. */
void process_reset(void);
int process_set_oom_score(int score, struct err *err);
/* By the image's files; `spec` names user and groups. */
int process_find_user(struct process *process, const struct container_spec *spec, struct err *err);
int process_take_stdio(struct process *process, struct err *err);
/* A terminal is the leader's of a session: not of whoever starts a session after this. */
int process_take_terminal(const struct process *process, struct err *err);
/* Limits, filter, identity: of `spec`, but for the capabilities, which root has and nobody else gets back. */
int process_drop_privileges(const struct process *process, const struct container_spec *spec, uint64_t caps, struct err *err);
/* Says "R" and returns at "G"; _exits when the shim is gone instead. From here on it dies with the shim: a change of identity would have taken that back. What
 * is open besides stdio, gate_fd and self_fd is closed. */
void process_wait_at_gate(const struct process *process);
_Noreturn void process_fail(int gate_fd, int code, const struct err *err);

/* --- the shim's side of it --- */

/* It ends with its process, not when a terminal or a shutdown sends signals around; and it is not dumpable either. */
void process_be_shim(const char *name);
/* The last one: the end of the pair. */
enum process_word { PROCESS_SAYS_NOTHING, PROCESS_IS_READY, PROCESS_IS_MADE, PROCESS_HAS_FAILED, PROCESS_IS_SILENT };
/* Fills ret_fds with its terminal when it is ready (-1 twice without one), with its pidfd and `pid` of ret_end when a helper has made it, error and code of
 * ret_end when it has failed. */
enum process_word process_hear(int gate_fd, int ret_fds[2], struct shim_wire *ret_end);
/* Reaps it; the code as a shell counts. */
bool process_has_ended(int pidfd, int *ret_code);
