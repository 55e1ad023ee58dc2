/* The system call filter, asked call by call. */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/str.h"
#include "model/caps.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_names.h"
#include "test/unit/runner.h"

#if defined(__x86_64__)
enum { ARCH = (int)AUDIT_ARCH_X86_64, OTHER_ARCH = AUDIT_ARCH_ARM };
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
	struct seccomp_name name;
	int known = 0;

	seccomp_build(0, &none);
	seccomp_build(CAPS_ALL, &all);
	for (const char *at = seccomp_names; seccomp_next(&at, &name);) {
		if (name.number < 0 || name.rule == 'x')
			continue;
		known++;
		EXPECT_INT(seccomp_ask(&all, (uint32_t)ARCH, name.number, args), SECCOMP_RET_ALLOW);
		if (name.cap == SECCOMP_ALWAYS && name.rule != 'n')
			EXPECT_INT(seccomp_ask(&none, (uint32_t)ARCH, name.number, args), SECCOMP_RET_ALLOW);
	}
	EXPECT(known > 300);
	EXPECT(none.count < 600);
}

TEST(numbers_are_read_in_every_form_that_headers_use)
{
	const char *at = "202;(0 + 5);(0x0f0000 + 2);__NR_socketcall;165@21;(0 + 9)@3;56?c;__NR_clone?c;;";
	static const struct seccomp_name wanted[] = {
		{ 202, SECCOMP_ALWAYS, 0 }, { 5, SECCOMP_ALWAYS, 0 }, { 0xf0002, SECCOMP_ALWAYS, 0 }, { -1, SECCOMP_ALWAYS, 0 },
		{ 165, 21, 0 }, { 9, 3, 0 }, { 56, SECCOMP_ALWAYS, 'c' }, { -1, SECCOMP_ALWAYS, 'c' }, { -1, SECCOMP_ALWAYS, 0 },
	};
	struct seccomp_name name;

	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
		EXPECT(seccomp_next(&at, &name));
		EXPECT_INT(name.number, wanted[i].number);
		EXPECT_INT(name.cap, wanted[i].cap);
		EXPECT_INT(name.rule, wanted[i].rule);
	}
	EXPECT(!seccomp_next(&at, &name));
}

#if defined(__x86_64__)
static uint32_t ask_i386(uint64_t caps, int number, uint64_t first)
{
	struct seccomp_filter filter;
	uint64_t args[6] = { first };

	seccomp_build(caps, &filter);
	return seccomp_ask(&filter, AUDIT_ARCH_I386, number, args);
}

/* Their numbers are in no header that goes together with our own. */
TEST(programs_of_32_bits_get_the_same_answers_by_their_own_numbers)
{
	enum { READ = 3, MOUNT = 21, SOCKETCALL = 102, CLONE = 120, PERSONALITY = 136, SETUID32 = 213, UNSHARE = 310, BPF = 357, SOCKET = 359,
	       CLOCK_GETTIME64 = 403, CLONE3 = 435, OPEN_BY_HANDLE_AT = 342 };
	uint64_t caps = caps_default();

	EXPECT_INT(ask_i386(caps, READ, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, SETUID32, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, CLOCK_GETTIME64, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, MOUNT, 0), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, UNSHARE, 0), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, BPF, 0), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, OPEN_BY_HANDLE_AT, 0), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, CLONE3, 0), ENOSYS_ANSWER);
	EXPECT_INT(ask_i386(caps, SOCKETCALL, 1), ENOSYS_ANSWER);
	EXPECT_INT(ask_i386(caps, 599, 0), ENOSYS_ANSWER);
	EXPECT_INT(ask_i386(caps, CLONE, 0x3d0f00), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, CLONE, 0x10000000), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, PERSONALITY, 0x8), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, PERSONALITY, 0x40000), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps, SOCKET, 2), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(caps, SOCKET, 38), EPERM_ANSWER);
	EXPECT_INT(ask_i386(caps | CAPS_BIT(21), MOUNT, 0), SECCOMP_RET_ALLOW);
	EXPECT_INT(ask_i386(CAPS_ALL, SOCKETCALL, 1), ENOSYS_ANSWER);
	EXPECT_INT(ask_i386(CAPS_ALL, CLONE3, 0), SECCOMP_RET_ALLOW);
}
#endif

TEST(each_call_has_a_name_and_its_number)
{
	struct seccomp_name name;
	const char *word = seccomp_words;

	for (const char *at = seccomp_names; seccomp_next(&at, &name); word = strchr(word, ';') + 1) {
		EXPECT(strchr(word, ';') != NULL);
		if (str_starts(word, "openat2;"))
			EXPECT_INT(name.number, __NR_openat2);
		if (str_starts(word, "pivot_root;"))
			EXPECT_INT(name.number, __NR_pivot_root);
		if (str_starts(word, "keyctl;"))
			EXPECT_INT(name.number, __NR_keyctl);
	}
	EXPECT_STR(word, "");
}
