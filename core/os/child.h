/* child.h - starts programs and waits for their end by pidfd, never by pid number.
 *
 * Started with vfork semantics (CLONE_VM|CLONE_VFORK on an own stack): a fork of a 30 MB process costs 0.65 ms more.
 */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "os/loop.h"

#define CHILD_FDS_MAX 32
struct child_fd { int from, to; };       /* dup2(from, to) in the child; everything else is closed */
/* A list of literals as argv or envp; it lives as long as the block around it. */
#define CHILD_WORDS(...) ((char *const *)(const char *const[]){ __VA_ARGS__, NULL })
struct child_spec {
	const char *path;                /* executed as it is, no PATH search */
	char *const *argv;
	char *const *envp;               /* NULL: empty environment */
	const struct child_fd *fds;      /* 0, 1, 2 not named here become /dev/null */
	size_t fd_count;
	/* The group of cgroup v2 that it is born in (clone3, CLONE_INTO_CGROUP), and v1 groups whose `tasks` it joins before exec; NULL: none. A process that
	 * moves itself by cgroup.procs waits for a grace period of RCU, many milliseconds on a busy host: neither of these does. */
	const char *cgroup2_dir, *cgroup1_tasks[4];
	bool own_session;                /* setsid */
	int oom_score_adj;               /* written when not 0 */
	int parent_death_signal;         /* 0: none; comes when the *thread* that started it ends, prctl(2) */
};
/* Returns a pidfd (close-on-exec) and the pid. Signals of the child are as after boot: none ignored, none blocked. When it could not be executed
 * that is the error here, with errno kept for whoever must tell ENOENT from EACCES. */
int child_start(const struct child_spec *spec, int *ret_pidfd, pid_t *ret_pid, struct err *err);

struct child_watch;
/* exit_code as a shell counts: 0-255, or 128 + signal. Called once, then the watch is freed and the pidfd closed. The child is reaped if it is ours; of
 * somebody else's child the kernel does not tell how it ended: -1. */
typedef void child_exit_fn(void *arg, int exit_code);
struct child_watch *child_watch(struct loop *loop, int pidfd, child_exit_fn *fn, void *arg);    /* takes the pidfd */
void child_watch_free(struct child_watch *watch);        /* without calling */
/* Waits on the calling thread; for work threads and tests. Closes the pidfd. -1 after timeout_ms: the child still runs, and the pidfd stays open to
 * kill it or to wait again. */
int child_wait(int pidfd, msec timeout_ms, int *ret_exit_code);
