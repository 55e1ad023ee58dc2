/* calls.c - forty and more system calls, each with arguments that the kernel refuses by itself, and what came back. */
#define _GNU_SOURCE
#include "escape.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BAD (-1L)

static const struct { const char *name; long number, args[5]; } calls[] = {
	/* what every program may call */
	{ "read", SYS_read, { BAD } }, { "openat2", SYS_openat2, { BAD } }, { "statx", SYS_statx, { BAD } }, { "chroot", SYS_chroot, { 0 } },
	{ "memfd_create", SYS_memfd_create, { 0, BAD } }, { "mknodat", SYS_mknodat, { BAD, 0 } }, { "pidfd_open", SYS_pidfd_open, { BAD, BAD } },
	{ "ptrace", SYS_ptrace, { 16, 1 << 22 } }, { "process_vm_readv", SYS_process_vm_readv, { 1 << 22, 0, 0, 0, 0 } },
	{ "seccomp", SYS_seccomp, { BAD } }, { "prlimit64", SYS_prlimit64, { 0, 999 } }, { "io_setup", SYS_io_setup, { 0, 0 } },
	{ "name_to_handle_at", SYS_name_to_handle_at, { BAD, 0, 0, 0, BAD } }, { "membarrier", SYS_membarrier, { 12345 } },
	{ "personality", SYS_personality, { 0xffffffff } }, { "socket", SYS_socket, { 2, 1, 0 } }, { "capset", SYS_capset, { 0 } },
	/* what none may without a capability that Docker does not give */
	{ "personality ADDR_NO_RANDOMIZE", SYS_personality, { 0x40000 } }, { "socket vsock", SYS_socket, { 40, 1, 0 } },
	{ "socket alg", SYS_socket, { 38, 5, 0 } }, { "clone NEWUSER", SYS_clone, { CLONE_NEWUSER | CLONE_NEWNS | CLONE_THREAD } },
	{ "clone3", SYS_clone3, { 0, 0 } }, { "unshare", SYS_unshare, { 1 } }, { "setns", SYS_setns, { BAD, 0 } }, { "mount", SYS_mount, { 0, 0, 0, 0, 0 } },
	{ "umount2", SYS_umount2, { 0, BAD } }, { "pivot_root", SYS_pivot_root, { 0, 0 } }, { "fsopen", SYS_fsopen, { 0, BAD } },
	{ "fsmount", SYS_fsmount, { BAD, BAD } }, { "move_mount", SYS_move_mount, { BAD, 0, BAD, 0, BAD } }, { "open_tree", SYS_open_tree, { BAD, 0, BAD } },
	{ "bpf", SYS_bpf, { BAD, 0, 0 } }, { "perf_event_open", SYS_perf_event_open, { 0, 0, BAD, BAD, BAD } }, { "keyctl", SYS_keyctl, { BAD } },
	{ "add_key", SYS_add_key, { 0 } }, { "request_key", SYS_request_key, { 0 } }, { "io_uring_setup", SYS_io_uring_setup, { 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { BAD } }, { "open_by_handle_at", SYS_open_by_handle_at, { BAD, 0, BAD } },
	{ "init_module", SYS_init_module, { 0, 0, 0 } }, { "finit_module", SYS_finit_module, { BAD, 0, BAD } }, { "delete_module", SYS_delete_module, { 0, 0 } },
	{ "kexec_load", SYS_kexec_load, { 0, 99, 0, BAD } }, { "reboot", SYS_reboot, { 0, 0, 0, 0 } }, { "swapon", SYS_swapon, { 0, BAD } },
	{ "swapoff", SYS_swapoff, { 0 } }, { "acct", SYS_acct, { 1 } }, { "quotactl", SYS_quotactl, { BAD, 0, 0, 0 } }, { "syslog", SYS_syslog, { 99 } },
	{ "sethostname", SYS_sethostname, { 0, BAD } }, { "clock_settime", SYS_clock_settime, { 99, 0 } }, { "settimeofday", SYS_settimeofday, { 1, 0 } },
	{ "kcmp", SYS_kcmp, { 1 << 22, 1 << 22, 0, 0, 0 } }, { "pidfd_getfd", SYS_pidfd_getfd, { BAD, BAD, 0 } }, { "mbind", SYS_mbind, { 1, 1, 99, 0, 0 } },
	{ "move_pages", SYS_move_pages, { 0, 1, 0, 0, 0 } }, { "fanotify_init", SYS_fanotify_init, { BAD, BAD } },
	{ "process_madvise", SYS_process_madvise, { BAD, 0, 0, 0, BAD } }, { "unknown", 599, { 0 } },
};

void calls_act(void)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const long *args = calls[i].args;

		errno = 0;
		syscall(calls[i].number, args[0], args[1], args[2], args[3], args[4], 0);
		printf("%s %s\n", calls[i].name, errno ? strerrorname_np(errno) : "ok");
	}
}
