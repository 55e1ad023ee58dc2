/* The system call filter, asked call by call. */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include "model/caps.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_names.h"
#include "test/unit/runner.h"

#if defined(__x86_64__)
enum { ARCH = (int)AUDIT_ARCH_X86_64, OTHER_ARCH = AUDIT_ARCH_I386 };
#else
enum { ARCH = (int)AUDIT_ARCH_AARCH64, OTHER_ARCH = AUDIT_ARCH_ARM };
#endif

static uint32_t ask(uint64_t caps, int number, uint64_t first)
{
	struct seccomp_filter filter;
	uint64_t args[6] = { first };

	seccomp_build(caps, &filter);
	return seccomp_ask(&filter, (uint32_t)ARCH, number, args);
}

#define EPERM_ANSWER (SECCOMP_RET_ERRNO | EPERM)
#define ENOSYS_ANSWER (SECCOMP_RET_ERRNO | ENOSYS)

TEST(the_default_filter_answers_as_dockers)
{
	uint64_t caps = caps_default();

	EXPECT_INT(ask(caps, __NR_read, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_openat2, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_chroot, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_mount, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_unshare, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_keyctl, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_io_uring_setup, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_bpf, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_clone3, 0), ENOSYS_ANSWER);
	EXPECT_INT(ask(caps, 599, 0), ENOSYS_ANSWER);
	EXPECT_INT(ask(caps, 0x40000000, 0), ENOSYS_ANSWER);             /* x32 */
	EXPECT_INT(ask(caps, -1, 0), ENOSYS_ANSWER);
}

TEST(flags_of_clone_personality_and_socket_are_looked_at)
{
	uint64_t caps = caps_default();

	EXPECT_INT(ask(caps, __NR_clone, 0x3d0f00), SECCOMP_RET_ALLOW);          /* a thread */
	EXPECT_INT(ask(caps, __NR_clone, 0x10000000), EPERM_ANSWER);             /* CLONE_NEWUSER */
	EXPECT_INT(ask(caps, __NR_clone, 0x02000000), EPERM_ANSWER);             /* CLONE_NEWCGROUP */
	EXPECT_INT(ask(caps, __NR_personality, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_personality, 0x20008), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_personality, 0xffffffff), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_personality, 0x40000), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 2), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_socket, 40), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 38), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 39), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_socket, 17), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_socket, 12), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 45), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(caps, __NR_socket, 46), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 0xffffffff), EPERM_ANSWER);
	EXPECT_INT(ask(caps, __NR_socket, 40 | UINT64_C(1) << 40), EPERM_ANSWER);        /* the kernel sees an int */
}

TEST(a_capability_opens_its_own_calls)
{
	uint64_t admin = caps_default() | CAPS_BIT(21);

	EXPECT_INT(ask(admin, __NR_mount, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(admin, __NR_clone, 0x10000000), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(admin, __NR_clone3, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(admin, __NR_reboot, 0), EPERM_ANSWER);
	EXPECT_INT(ask(caps_default() | CAPS_BIT(22), __NR_reboot, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask(0, __NR_chroot, 0), EPERM_ANSWER);
	EXPECT_INT(ask(CAPS_ALL, __NR_settimeofday, 0), SECCOMP_RET_ALLOW);
}

TEST(calls_of_another_architecture_end_the_process)
{
	struct seccomp_filter filter;
	uint64_t args[6] = { 0 };

	seccomp_build(caps_default(), &filter);
	EXPECT_INT(seccomp_ask(&filter, (uint32_t)OTHER_ARCH, 1, args), SECCOMP_RET_KILL_PROCESS);
}

TEST(every_name_of_the_table_is_allowed_with_its_capability)
{
	struct seccomp_filter none, all;
	uint64_t args[6] = { 0 };
	int known = 0;

	seccomp_build(0, &none);
	seccomp_build(CAPS_ALL, &all);
	for (const struct seccomp_name *name = seccomp_names; name->number[0]; name++) {
		int number = seccomp_number(name->number);

		if (number < 0)
			continue;
		known++;
		EXPECT_INT(seccomp_ask(&all, (uint32_t)ARCH, number, args), SECCOMP_RET_ALLOW);
		if (name->cap == SECCOMP_ALWAYS && number != __NR_clone3)
			EXPECT_INT(seccomp_ask(&none, (uint32_t)ARCH, number, args), SECCOMP_RET_ALLOW);
	}
	EXPECT(known > 300);
	EXPECT(none.count < 400);
}

TEST(numbers_are_read_in_every_form_that_headers_use)
{
	EXPECT_INT(seccomp_number("202"), 202);
	EXPECT_INT(seccomp_number("(0 + 5)"), 5);
	EXPECT_INT(seccomp_number("(0x0f0000 + 2)"), 0xf0002);
	EXPECT_INT(seccomp_number("__NR_socketcall"), -1);
	EXPECT_INT(seccomp_number(""), -1);
}
