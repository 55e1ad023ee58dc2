#include "image/fetch_confine_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"
#include "base/buf.h"
#include "image/confine_io.h"
#include "os/audit_arch.h"
#include "os/file.h"

/* Three transfers with their TLS, the authorities of the system for each, threads that ask for names. */
enum { MEMORY_BYTES = 384 * 1024 * 1024, DESCRIPTORS = 128, COPY_MAX_BYTES = 1024 * 1024 };

/* ---- the root --------------------------------------------------------------------------------------------------------------- */

/* What the resolver reads. A file that is not there is not there inside either. */
static int copy_in(const char *from, const char *dir, const char *to, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(fd_closep) int fd = -1;
	char path[4200];

	if (file_read(from, COPY_MAX_BYTES, &text, err) < 0)
		return 0;
	snprintf(path, sizeof(path), "%s%s", dir, to);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0 || fd_write_all(fd, text.data, text.len) < 0)
		return err_sys(err, "copy '%s'", from);
	return 0;
}

/* The file system in memory is laid over the folder itself, so that no other place is needed; the folder is bound into it. */
static int enter_root(const char *place, bool has_blobs, struct err *err)
{
	CLEANUP(fd_closep) int under = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char from[64], to[4200];

	if (under < 0)
		return err_sys(err, "open '%s'", place);
	if (mount("tmpfs", place, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "size=4m,nr_inodes=64,mode=0755") < 0)
		return err_sys(err, "file system in memory");
	snprintf(to, sizeof(to), "%s/etc", place);
	if (mkdir(to, 0755) < 0)
		return err_sys(err, "make '%s'", to);
	if (copy_in("/etc/resolv.conf", place, "/etc/resolv.conf", err) < 0 || copy_in("/etc/hosts", place, "/etc/hosts", err) < 0)
		return -1;
	if (has_blobs) {
		snprintf(from, sizeof(from), "/proc/self/fd/%d", under);
		snprintf(to, sizeof(to), "%s/blobs", place);
		if (mkdir(to, 0700) < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
			return err_sys(err, "bind '%s'", place);
	}
	if (mount(NULL, place, NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return err_sys(err, "make the root read-only");
	return confine_root(place, err);
}

int fetch_confine(const char *dir, int *ret_dir_fd, struct err *err)
{
	*ret_dir_fd = -1;
	if (confine_start(err) < 0 || confine_namespaces(false, err) < 0 || enter_root(dir ? dir : "/proc", dir != NULL, err) < 0 ||
	    confine_limits(MEMORY_BYTES, DESCRIPTORS, err) < 0 || confine_caps(0, err) < 0)
		return -1;
	if (dir && (*ret_dir_fd = open("/blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_sys(err, "open the folder for blobs");
	return 0;
}

/* ---- the calls -------------------------------------------------------------------------------------------------------------- */

/* Always allowed. Architectures of 32 bits have some of them twice, the newer ones lack the older names. */
static const uint16_t allowed[] = {
	__NR_read, __NR_write, __NR_readv, __NR_writev, __NR_pread64, __NR_pwrite64, __NR_close, __NR_fstat, __NR_openat, __NR_ftruncate,
	__NR_fsync, __NR_fdatasync, __NR_renameat, __NR_renameat2, __NR_unlinkat, __NR_mkdirat, __NR_getdents64, __NR_fcntl, __NR_ioctl,
	__NR_dup, __NR_dup3, __NR_pipe2, __NR_eventfd2,
	__NR_munmap, __NR_mprotect, __NR_mremap, __NR_madvise, __NR_brk, __NR_mincore,
	__NR_connect, __NR_bind, __NR_getsockname, __NR_getpeername, __NR_setsockopt, __NR_getsockopt, __NR_sendto, __NR_recvfrom,
	__NR_sendmsg, __NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg, __NR_shutdown, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait,
	__NR_ppoll, __NR_pselect6,
	__NR_clock_gettime, __NR_clock_getres, __NR_gettimeofday, __NR_clock_nanosleep, __NR_nanosleep, __NR_getrandom,
	__NR_timerfd_create, __NR_timerfd_settime,
	__NR_futex, __NR_set_robust_list, __NR_get_robust_list, __NR_set_tid_address, __NR_sched_yield, __NR_gettid, __NR_getpid,
	__NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_uname, __NR_membarrier, __NR_rt_sigaction, __NR_rt_sigprocmask,
	__NR_rt_sigreturn, __NR_sigaltstack, __NR_restart_syscall, __NR_exit, __NR_exit_group, __NR_sched_getaffinity, __NR_prlimit64,
#ifdef __NR_mmap
	__NR_mmap,
#endif
#ifdef __NR_lseek
	__NR_lseek,
#endif
#ifdef __NR_newfstatat
	__NR_newfstatat,
#endif
#ifdef __NR_statx
	__NR_statx,
#endif
#ifdef __NR_rseq
	__NR_rseq,
#endif
#ifdef __NR_open
	__NR_open, __NR_poll, __NR_select, __NR_stat, __NR_lstat, __NR_access, __NR_epoll_wait, __NR_rename, __NR_unlink, __NR_dup2, __NR_pipe,
	__NR_readlink,
#endif
#ifdef __NR_arch_prctl
	__NR_arch_prctl,
#endif
#ifdef __NR_mmap2
	__NR_mmap2, __NR__llseek, __NR_fcntl64, __NR_fstat64, __NR_stat64, __NR_lstat64, __NR_fstatat64, __NR_ftruncate64, __NR_send, __NR_recv,
	__NR_getuid32, __NR_geteuid32, __NR_getgid32, __NR_getegid32, __NR_ugetrlimit, __NR_sigreturn,
#endif
#ifdef __NR_clock_gettime64
	__NR_clock_gettime64, __NR_clock_nanosleep_time64, __NR_futex_time64, __NR_ppoll_time64, __NR_pselect6_time64,
	__NR_recvmmsg_time64, __NR_timerfd_settime64, __NR_clock_getres_time64,
#endif
};

enum { FILTER_MAX = 2 * ARRAY_COUNT(allowed) + 40 };
struct program { struct sock_filter code[FILTER_MAX]; unsigned short count; };

static void put(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	program->code[program->count++] = (struct sock_filter){ code, yes, no, k };
}

static void load(struct program *program, size_t offset)
{
	put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t what)
{
	put(program, BPF_RET | BPF_K, what, 0, 0);
}

/* The low half of an argument; the kernel looks at no more of these. */
static void load_argument(struct program *program, unsigned number)
{
	size_t low = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;

	load(program, offsetof(struct seccomp_data, args) + 8 * number + low);
}

static void build(struct program *program)
{
	const uint32_t denied = SECCOMP_RET_ERRNO | EPERM;

	load(program, offsetof(struct seccomp_data, arch));
	put(program, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	answer(program, SECCOMP_RET_KILL_PROCESS);
	load(program, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_COUNT(allowed); i++) {
		put(program, BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		answer(program, SECCOMP_RET_ALLOW);
	}
	/* internet sockets only: no netlink, no packets, and no socket of a program of this host */
	put(program, BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 5);
	load_argument(program, 0);
	put(program, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0);
	put(program, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	/* threads, and no processes */
	put(program, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4);
	load_argument(program, 0);
	put(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, denied);
#ifdef __NR_clone3                                               /* its flags cannot be looked at; the libc falls back */
	put(program, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1);
	answer(program, SECCOMP_RET_ERRNO | ENOSYS);
#endif
	answer(program, denied);
}

int fetch_confine_calls(struct err *err)
{
#ifdef __SANITIZE_ADDRESS__                                      /* it needs more of the kernel than we do, at its end above all */
	(void)build;
	(void)err;
	return 0;
#else
	struct program program = { .count = 0 };
	struct sock_fprog filter = { .filter = program.code };

	build(&program);
	filter.len = program.count;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? err_sys(err, "system call filter") : 0;
#endif
}
