/* seccomp_list.h - the system calls of Docker's default profile (version 25 on, without io_uring), by name, and behind them those that it never allows,
 * as the text that seccomp_names.h describes.
 *
 * Included by one file for each set of numbers, after the kernel's header that has them, and nowhere else: a name becomes a number where that header has one.
 * The macro is spelled out as text, and a name that stays a name is a call that the architecture does not have. So the same list serves all of them.
 * One more file defines SECCOMP_WORDS: there each call is its name, in the same order.
 */
#include <linux/capability.h>

/* Newer than the headers that we build with; these have one number everywhere. */
#ifndef __NR_cachestat
#define __NR_cachestat 451
#endif
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_futex_wake
#define __NR_futex_wake 454
#endif
#ifndef __NR_futex_wait
#define __NR_futex_wait 455
#endif
#ifndef __NR_futex_requeue
#define __NR_futex_requeue 456
#endif
#ifndef __NR_statmount
#define __NR_statmount 457
#endif
#ifndef __NR_listmount
#define __NR_listmount 458
#endif
#ifndef __NR_lsm_get_self_attr
#define __NR_lsm_get_self_attr 459
#endif
#ifndef __NR_lsm_set_self_attr
#define __NR_lsm_set_self_attr 460
#endif
#ifndef __NR_lsm_list_modules
#define __NR_lsm_list_modules 461
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_getxattrat
#define __NR_getxattrat 464
#endif
#ifndef __NR_listxattrat
#define __NR_listxattrat 465
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

#ifdef SECCOMP_WORDS
#define NR(name)     #name ";"
#define CAP(cap, name) #name ";"
#define LOOK(letter, name) #name ";"
#else
#define SPELLED(x)   #x
#define TEXT(x)      SPELLED(x)          /* expanded first */
#define NR(name)     TEXT(__NR_##name) ";"
#define CAP(cap, name) TEXT(__NR_##name) "@" TEXT(CAP_##cap) ";"
#define LOOK(letter, name) TEXT(__NR_##name) "?" #letter ";"
#endif

#define SECCOMP_LIST \
	NR(accept) NR(accept4) NR(access) NR(adjtimex) NR(alarm) NR(bind) NR(brk) \
	NR(cachestat) NR(capget) NR(capset) NR(chdir) NR(chmod) NR(chown) NR(chown32) \
	NR(clock_adjtime) NR(clock_adjtime64) NR(clock_getres) NR(clock_getres_time64) \
	NR(clock_gettime) NR(clock_gettime64) NR(clock_nanosleep) NR(clock_nanosleep_time64) \
	NR(close) NR(close_range) NR(connect) NR(copy_file_range) NR(creat) NR(dup) NR(dup2) \
	NR(dup3) NR(epoll_create) NR(epoll_create1) NR(epoll_ctl) NR(epoll_ctl_old) \
	NR(epoll_pwait) NR(epoll_pwait2) NR(epoll_wait) NR(epoll_wait_old) NR(eventfd) \
	NR(eventfd2) NR(execve) NR(execveat) NR(exit) NR(exit_group) NR(faccessat) \
	NR(faccessat2) NR(fadvise64) NR(fadvise64_64) NR(fallocate) NR(fanotify_mark) \
	NR(fchdir) NR(fchmod) NR(fchmodat) NR(fchmodat2) NR(fchown) NR(fchown32) NR(fchownat) \
	NR(fcntl) NR(fcntl64) NR(fdatasync) NR(fgetxattr) NR(flistxattr) NR(flock) NR(fork) \
	NR(fremovexattr) NR(fsetxattr) NR(fstat) NR(fstat64) NR(fstatat64) NR(fstatfs) \
	NR(fstatfs64) NR(fsync) NR(ftruncate) NR(ftruncate64) NR(futex) NR(futex_requeue) \
	NR(futex_time64) NR(futex_wait) NR(futex_waitv) NR(futex_wake) NR(futimesat) \
	NR(getcpu) NR(getcwd) NR(getdents) NR(getdents64) NR(getegid) NR(getegid32) \
	NR(geteuid) NR(geteuid32) NR(getgid) NR(getgid32) NR(getgroups) NR(getgroups32) \
	NR(getitimer) NR(getpeername) NR(getpgid) NR(getpgrp) NR(getpid) NR(getppid) \
	NR(getpriority) NR(getrandom) NR(getresgid) NR(getresgid32) NR(getresuid) \
	NR(getresuid32) NR(getrlimit) NR(get_robust_list) NR(getrusage) NR(getsid) \
	NR(getsockname) NR(getsockopt) NR(get_thread_area) NR(gettid) NR(gettimeofday) \
	NR(getuid) NR(getuid32) NR(getxattr) NR(getxattrat) NR(inotify_add_watch) \
	NR(inotify_init) NR(inotify_init1) NR(inotify_rm_watch) NR(io_cancel) NR(ioctl) \
	NR(io_destroy) NR(io_getevents) NR(io_pgetevents) NR(io_pgetevents_time64) \
	NR(ioprio_get) NR(ioprio_set) NR(io_setup) NR(io_submit) NR(ipc) NR(kill) \
	NR(landlock_add_rule) NR(landlock_create_ruleset) NR(landlock_restrict_self) NR(lchown) \
	NR(lchown32) NR(lgetxattr) NR(link) NR(linkat) NR(listen) NR(listxattr) \
	NR(listxattrat) NR(llistxattr) NR(_llseek) NR(lremovexattr) NR(lseek) NR(lsetxattr) \
	NR(lstat) NR(lstat64) NR(madvise) NR(map_shadow_stack) NR(membarrier) NR(memfd_create) \
	NR(memfd_secret) NR(mincore) NR(mkdir) NR(mkdirat) NR(mknod) NR(mknodat) NR(mlock) \
	NR(mlock2) NR(mlockall) NR(mmap) NR(mmap2) NR(mprotect) NR(mq_getsetattr) \
	NR(mq_notify) NR(mq_open) NR(mq_timedreceive) NR(mq_timedreceive_time64) \
	NR(mq_timedsend) NR(mq_timedsend_time64) NR(mq_unlink) NR(mremap) NR(mseal) NR(msgctl) \
	NR(msgget) NR(msgrcv) NR(msgsnd) NR(msync) NR(munlock) NR(munlockall) NR(munmap) \
	NR(name_to_handle_at) NR(nanosleep) NR(newfstatat) NR(_newselect) NR(open) NR(openat) \
	NR(openat2) NR(pause) NR(pidfd_open) NR(pidfd_send_signal) NR(pipe) NR(pipe2) \
	NR(pkey_alloc) NR(pkey_free) NR(pkey_mprotect) NR(poll) NR(ppoll) NR(ppoll_time64) \
	NR(prctl) NR(pread64) NR(preadv) NR(preadv2) NR(prlimit64) NR(process_mrelease) \
	NR(process_vm_readv) NR(process_vm_writev) NR(pselect6) NR(pselect6_time64) NR(ptrace) \
	NR(pwrite64) NR(pwritev) NR(pwritev2) NR(read) NR(readahead) NR(readlink) \
	NR(readlinkat) NR(readv) NR(recv) NR(recvfrom) NR(recvmmsg) NR(recvmmsg_time64) \
	NR(recvmsg) NR(remap_file_pages) NR(removexattr) NR(removexattrat) NR(rename) \
	NR(renameat) NR(renameat2) NR(restart_syscall) NR(rmdir) NR(rseq) NR(rt_sigaction) \
	NR(rt_sigpending) NR(rt_sigprocmask) NR(rt_sigqueueinfo) NR(rt_sigreturn) \
	NR(rt_sigsuspend) NR(rt_sigtimedwait) NR(rt_sigtimedwait_time64) NR(rt_tgsigqueueinfo) \
	NR(sched_getaffinity) NR(sched_getattr) NR(sched_getparam) NR(sched_get_priority_max) \
	NR(sched_get_priority_min) NR(sched_getscheduler) NR(sched_rr_get_interval) \
	NR(sched_rr_get_interval_time64) NR(sched_setaffinity) NR(sched_setattr) \
	NR(sched_setparam) NR(sched_setscheduler) NR(sched_yield) NR(seccomp) NR(select) \
	NR(semctl) NR(semget) NR(semop) NR(semtimedop) NR(semtimedop_time64) NR(send) \
	NR(sendfile) NR(sendfile64) NR(sendmmsg) NR(sendmsg) NR(sendto) NR(setfsgid) \
	NR(setfsgid32) NR(setfsuid) NR(setfsuid32) NR(setgid) NR(setgid32) NR(setgroups) \
	NR(setgroups32) NR(setitimer) NR(setpgid) NR(setpriority) NR(setregid) NR(setregid32) \
	NR(setresgid) NR(setresgid32) NR(setresuid) NR(setresuid32) NR(setreuid) \
	NR(setreuid32) NR(setrlimit) NR(set_robust_list) NR(setsid) NR(setsockopt) \
	NR(set_thread_area) NR(set_tid_address) NR(setuid) NR(setuid32) NR(setxattr) \
	NR(setxattrat) NR(shmat) NR(shmctl) NR(shmdt) NR(shmget) NR(shutdown) NR(sigaltstack) \
	NR(signalfd) NR(signalfd4) NR(sigprocmask) NR(sigreturn) NR(socketpair) \
	NR(splice) NR(stat) NR(stat64) NR(statfs) NR(statfs64) NR(statx) NR(symlink) \
	NR(symlinkat) NR(sync) NR(sync_file_range) NR(syncfs) NR(sysinfo) NR(tee) NR(tgkill) \
	NR(time) NR(timer_create) NR(timer_delete) NR(timer_getoverrun) NR(timer_gettime) \
	NR(timer_gettime64) NR(timer_settime) NR(timer_settime64) NR(timerfd_create) \
	NR(timerfd_gettime) NR(timerfd_gettime64) NR(timerfd_settime) NR(timerfd_settime64) \
	NR(times) NR(tkill) NR(truncate) NR(truncate64) NR(ugetrlimit) NR(umask) NR(uname) \
	NR(unlink) NR(unlinkat) NR(uretprobe) NR(utime) NR(utimensat) NR(utimensat_time64) \
	NR(utimes) NR(vfork) NR(vmsplice) NR(wait4) NR(waitid) NR(waitpid) NR(write) \
	NR(writev) \
	/* of one architecture */ \
	NR(arm_fadvise64_64) NR(arm_sync_file_range) NR(sync_file_range2) NR(breakpoint) \
	NR(cacheflush) NR(set_tls) NR(arch_prctl) NR(modify_ldt) NR(riscv_flush_icache) \
	NR(riscv_hwprobe) \
	/* with a capability only */ \
	CAP(DAC_READ_SEARCH, open_by_handle_at) \
	CAP(SYS_ADMIN, bpf) CAP(SYS_ADMIN, clone) CAP(SYS_ADMIN, clone3) \
	CAP(SYS_ADMIN, fanotify_init) CAP(SYS_ADMIN, fsconfig) CAP(SYS_ADMIN, fsmount) \
	CAP(SYS_ADMIN, fsopen) CAP(SYS_ADMIN, fspick) CAP(SYS_ADMIN, listmount) \
	CAP(SYS_ADMIN, lookup_dcookie) CAP(SYS_ADMIN, lsm_get_self_attr) \
	CAP(SYS_ADMIN, lsm_list_modules) CAP(SYS_ADMIN, lsm_set_self_attr) CAP(SYS_ADMIN, mount) \
	CAP(SYS_ADMIN, mount_setattr) CAP(SYS_ADMIN, move_mount) CAP(SYS_ADMIN, open_tree) \
	CAP(SYS_ADMIN, perf_event_open) CAP(SYS_ADMIN, quotactl) CAP(SYS_ADMIN, quotactl_fd) \
	CAP(SYS_ADMIN, setdomainname) CAP(SYS_ADMIN, sethostname) CAP(SYS_ADMIN, setns) \
	CAP(SYS_ADMIN, statmount) CAP(SYS_ADMIN, syslog) CAP(SYS_ADMIN, umount) \
	CAP(SYS_ADMIN, umount2) CAP(SYS_ADMIN, unshare) \
	CAP(SYS_BOOT, reboot) \
	CAP(SYS_CHROOT, chroot) \
	CAP(SYS_MODULE, delete_module) CAP(SYS_MODULE, init_module) CAP(SYS_MODULE, finit_module) \
	CAP(SYS_PACCT, acct) \
	CAP(SYS_PTRACE, kcmp) CAP(SYS_PTRACE, pidfd_getfd) CAP(SYS_PTRACE, process_madvise) \
	CAP(SYS_RAWIO, iopl) CAP(SYS_RAWIO, ioperm) \
	CAP(SYS_TIME, settimeofday) CAP(SYS_TIME, stime) CAP(SYS_TIME, clock_settime) \
	CAP(SYS_TIME, clock_settime64) \
	CAP(SYS_TTY_CONFIG, vhangup) \
	CAP(SYS_NICE, get_mempolicy) CAP(SYS_NICE, mbind) CAP(SYS_NICE, set_mempolicy) \
	CAP(SYS_NICE, set_mempolicy_home_node) \
	CAP(SYSLOG, syslog) \
	CAP(BPF, bpf) \
	CAP(PERFMON, perf_event_open) \
	/* looked at more closely by the filter */ \
	LOOK(c, clone) LOOK(n, clone3) LOOK(p, personality) LOOK(s, socket) LOOK(m, socketcall) \
	/* never */ \
	LOOK(x, _sysctl) LOOK(x, add_key) LOOK(x, io_uring_enter) LOOK(x, io_uring_register) \
	LOOK(x, io_uring_setup) LOOK(x, kexec_file_load) LOOK(x, kexec_load) LOOK(x, keyctl) \
	LOOK(x, migrate_pages) LOOK(x, move_pages) LOOK(x, nfsservctl) LOOK(x, nice) \
	LOOK(x, oldfstat) LOOK(x, oldlstat) LOOK(x, oldolduname) LOOK(x, oldstat) \
	LOOK(x, olduname) LOOK(x, pivot_root) LOOK(x, readdir) LOOK(x, request_key) \
	LOOK(x, sgetmask) LOOK(x, sigaction) LOOK(x, signal) LOOK(x, sigpending) \
	LOOK(x, sigsuspend) LOOK(x, ssetmask) LOOK(x, swapoff) LOOK(x, swapon) LOOK(x, sysfs) \
	LOOK(x, uselib) LOOK(x, userfaultfd) LOOK(x, ustat) LOOK(x, vm86) LOOK(x, vm86old)
