/* privileges_io.c - dropping privileges of the calling process, which has one thread. */
#include "runtime/privileges_io.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/str.h"
#include "model/caps.h"
#include "model/rlimit.h"
#include "runtime/kcall_io.h"
#include "runtime/seccomp.h"

static uint64_t own_caps(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capget, &header, data) == 0 ? data[0].effective | (uint64_t)data[1].effective << 32 : 0;
}

bool privileges_have(int cap)
{
	return own_caps() & CAPS_BIT(cap);
}

int privileges_set_rlimits(const struct container_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->rlimit_count; i++) {
		const struct container_rlimit *limit = &spec->rlimits[i];
		struct rlimit value = {
			.rlim_cur = limit->soft == UINT64_MAX ? RLIM_INFINITY : (rlim_t)limit->soft,
			.rlim_max = limit->hard == UINT64_MAX ? RLIM_INFINITY : (rlim_t)limit->hard,
		};

		if (setrlimit((unsigned)rlimit_find(limit->name), &value) < 0)
			return err_sys(err, "error setting rlimit '%s'", limit->name);
	}
	return 0;
}

static int read_program(const char *text, struct seccomp_filter *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	bool is_whole = base64_decode(text, strlen(text), &bytes) == 0;
	struct reader in = reader_of(bytes.data, bytes.len);

	ret->flags = get_u32(&in);
	size_t size = (size_t)(in.end - in.at);

	if (!is_whole || in.failed || size > sizeof ret->insns || size % sizeof *ret->insns)
		return err_set(err, ERR_INVALID, "the stored system call filter is damaged");
	ret->count = size / sizeof *ret->insns;
	memcpy(ret->insns, in.at, size);
	return 0;
}

int privileges_load_filter(const struct container_spec *spec, struct err *err)
{
	if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "no_new_privs");
	if (!spec->seccomp_enabled)
		return 0;
	struct seccomp_filter filter;

	if (str_is_empty(spec->seccomp_program))
		seccomp_build(spec->caps, &filter);
	else if (read_program(spec->seccomp_program, &filter, err) < 0)
		return -1;
	struct sock_fprog program = { .len = (unsigned short)filter.count, .filter = filter.insns };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program) < 0 ? err_sys(err, "load the system call filter") : 0;
}

/* A kernel may know more capabilities than we do: those go as well. */
static int drop_bounding(uint64_t keep, struct err *err)
{
	for (int cap = 0; cap < 64; cap++) {
		if (keep & CAPS_BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				return 0;
			return err_sys(err, "drop capability %d", cap);
		}
	}
	return 0;
}

static int set_caps(uint64_t caps, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	caps &= own_caps();      /* a host that is a container has not all of them to give */
	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(caps >> (32 * i));

		data[i] = (struct __user_cap_data_struct){ .effective = half, .permitted = half };
	}
	return syscall(SYS_capset, &header, data) < 0 ? err_sys(err, "set capabilities") : 0;
}

/* Anyone but root has no capabilities by his own, and what a file gives him stays within the bounding set. */
int privileges_become(uint64_t caps, const struct container_user *user, struct err *err)
{
	if (drop_bounding(caps, err) < 0)
		return -1;
	if (setgroups(user->group_count, user->groups) < 0 || setresgid(user->gid, user->gid, user->gid) < 0)
		return err_sys(err, "become group %u", user->gid);
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return err_sys(err, "become user %u", user->uid);
	return user->uid == 0 ? set_caps(caps, err) : 0;
}
