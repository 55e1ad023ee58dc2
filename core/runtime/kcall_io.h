/* kcall_io.h - Linux system calls that musl, or the headers of Debian 12, have no function for. Each returns -1 with errno.
 *
 * Own names for the constants: the C libraries differ in which of them they define, and where.
 */
#pragma once
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

#define KCALL_TREE_CLONE        1u               /* open_tree(2) */
#define KCALL_TREE_CLOEXEC      ((unsigned)O_CLOEXEC)
#define KCALL_RECURSIVE         0x8000u          /* AT_RECURSIVE */
#define KCALL_EMPTY_PATH        0x1000u          /* AT_EMPTY_PATH */
#define KCALL_MOVE_FROM_EMPTY   0x00000004u      /* move_mount(2) */
#define KCALL_MOVE_TO_EMPTY     0x00000040u
#define KCALL_ATTR_RDONLY       0x00000001u      /* mount_setattr(2) */
struct kcall_mount_attr { uint64_t set, clear, propagation, userns_fd; };

struct kcall_clone_args {                        /* clone3(2), CLONE_ARGS_SIZE_VER2 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
#define KCALL_CLONE_PIDFD       0x1000u
#define KCALL_CLONE_PARENT      0x8000u
#define KCALL_CLONE_INTO_CGROUP 0x200000000ull

static inline int kcall_openat2(int dir_fd, const char *path, int flags, unsigned mode, uint64_t resolve)
{
	struct open_how how = { .flags = (unsigned)flags, .mode = mode, .resolve = resolve };

	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
}

static inline int kcall_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir_fd, path, flags);
}

static inline int kcall_move_mount(int from_fd, int to_fd)
{
	return (int)syscall(SYS_move_mount, from_fd, "", to_fd, "", KCALL_MOVE_FROM_EMPTY | KCALL_MOVE_TO_EMPTY);
}

static inline int kcall_mount_setattr(int fd, unsigned flags, const struct kcall_mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, "", flags | KCALL_EMPTY_PATH, attr, sizeof *attr);
}

static inline int kcall_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline pid_t kcall_clone3(struct kcall_clone_args *args)
{
	return (pid_t)syscall(SYS_clone3, args, sizeof *args);
}

static inline int kcall_execveat(int fd, char *const *argv, char *const *env)
{
	return (int)syscall(SYS_execveat, fd, "", argv, env, KCALL_EMPTY_PATH);
}

/* A child of our parent, in the pid namespace that setns(2) has chosen. Not by clone3, which the container's filter refuses. */
static inline pid_t kcall_clone_sibling(int *ret_pidfd)
{
	return (pid_t)syscall(SYS_clone, KCALL_CLONE_PARENT | KCALL_CLONE_PIDFD | SIGCHLD, NULL, ret_pidfd, NULL, NULL);
}

static inline int kcall_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int kcall_pidfd_signal(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

/* Both ends included. Without flags, which are of Linux 5.11. */
static inline int kcall_close_range(unsigned first, unsigned last)
{
	return (int)syscall(SYS_close_range, first, last, 0);
}

/* The whole pages of a buffer that nothing in is needed of: they read as zeros, and cost nothing, until they are used again. */
static inline void kcall_give_back(char *start, size_t bytes)
{
	uintptr_t from = ALIGN_UP((uintptr_t)start, 4096), to = ((uintptr_t)start + bytes) & ~(uintptr_t)4095;

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}
