/* Profiles of one's own, compiled and asked call by call. */
#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "model/caps.h"
#include "os/audit_arch.h"
#include "runtime/seccomp_profile.h"
#include "test/unit/runner.h"

enum { ALLOWED = (int)SECCOMP_RET_ALLOW, PERM = SECCOMP_RET_ERRNO | EPERM, NOSYS = SECCOMP_RET_ERRNO | ENOSYS, SYS_ADMIN = 21 };

struct bench { struct arena arena; struct seccomp_filter filter; struct err err; };

static int compile_for(struct bench *b, const char *json, uint64_t caps, const char *kernel)
{
	b->err = (struct err){ 0 };
	arena_fini(&b->arena);
	arena_init(&b->arena, "profile", 64 << 20);
	return seccomp_profile_compile(json, strlen(json), caps, kernel, &b->arena, &b->filter, &b->err);
}

static int compile(struct bench *b, const char *json)
{
	return compile_for(b, json, caps_default(), "6.1.0-40-amd64");
}

static uint32_t ask_with(const struct bench *b, int number, unsigned index, uint64_t value)
{
	uint64_t args[6] = { 0 };

	args[index] = value;
	return seccomp_ask(&b->filter, OUR_ARCH, number, args);
}

static uint32_t ask(const struct bench *b, int number)
{
	return ask_with(b, number, 0, 0);
}

static const char *refused(struct bench *b, const char *json)
{
	return compile(b, json) < 0 ? b->err.text : "compiled";
}

TEST(a_profile_answers_what_it_names_and_the_rest_by_its_default)
{
	struct bench b = { .err = { 0 } };

	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdirat\",\"no_such_call\",\"chroot\"],"
			       "\"action\":\"SCMP_ACT_ERRNO\"},{\"name\":\"getppid\",\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38,\"args\":null},"
			       "{\"names\":[\"sync\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},{\"names\":[\"syncfs\"],\"action\":\"SCMP_ACT_KILL\"},"
			       "{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_TRAP\"},{\"names\":[\"fsync\"],\"action\":\"SCMP_ACT_LOG\"},"
			       "{\"names\":[\"keyctl\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":7}]}"), 0);
	EXPECT_INT(ask(&b, __NR_mkdirat), PERM);
	EXPECT_INT(ask(&b, __NR_chroot), PERM);
	EXPECT_INT(ask(&b, __NR_getppid), NOSYS);
	EXPECT_INT(ask(&b, __NR_sync), SECCOMP_RET_KILL_PROCESS);
	EXPECT_INT(ask(&b, __NR_syncfs), SECCOMP_RET_KILL_THREAD);
	EXPECT_INT(ask(&b, __NR_acct), SECCOMP_RET_TRAP);
	EXPECT_INT(ask(&b, __NR_fsync), SECCOMP_RET_LOG);
	EXPECT_INT(ask(&b, __NR_keyctl), SECCOMP_RET_TRACE | 7);
	EXPECT_INT(ask(&b, __NR_read), ALLOWED);
	EXPECT_INT(ask(&b, __NR_mount), ALLOWED);
	EXPECT_INT(ask(&b, 599), ALLOWED);
	EXPECT_INT(ask(&b, 5000), ALLOWED);
#if defined(__x86_64__)
	EXPECT_INT(ask(&b, 0x40000000 | __NR_mkdirat), NOSYS);           /* the same call, in x32's spelling */
#endif
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_SPARC, 1, (uint64_t[6]){ 0 }), SECCOMP_RET_KILL_PROCESS);
	arena_fini(&b.arena);
}

TEST(what_a_strict_profile_is_too_old_to_know_is_not_there)
{
	struct bench b = { .err = { 0 } };

	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13,\"syscalls\":[{\"names\":[\"read\",\"openat2\"],"
			       "\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"openat\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13}]}"), 0);
	EXPECT_INT(ask(&b, __NR_read), ALLOWED);
	EXPECT_INT(ask(&b, __NR_openat2), ALLOWED);
	EXPECT_INT(ask(&b, __NR_openat), SECCOMP_RET_ERRNO | EACCES);
	EXPECT_INT(ask(&b, __NR_mount), SECCOMP_RET_ERRNO | EACCES);
	EXPECT_INT(ask(&b, __NR_faccessat2), NOSYS);                     /* after openat2, the newest that is named */
	EXPECT_INT(ask(&b, 5000), NOSYS);
	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\"}"), 0);
	EXPECT_INT(ask(&b, __NR_read), SECCOMP_RET_KILL_PROCESS);
	EXPECT_INT(ask(&b, 5000), SECCOMP_RET_KILL_PROCESS);
	arena_fini(&b.arena);
}

TEST(arguments_are_compared_with_all_their_bits)
{
	static const struct { const char *op; uint64_t value, value_two; uint64_t yes[3], no[3]; } cases[] = {
		{ "EQ", 0x100000002, 0, { 0x100000002, 0x100000002, 0x100000002 }, { 2, 0x100000000, 0x200000002 } },
		{ "NE", 0x100000002, 0, { 2, 0x100000000, 0x200000002 }, { 0x100000002, 0x100000002, 0x100000002 } },
		{ "GT", 0x100000002, 0, { 0x100000003, 0x200000000, UINT64_MAX }, { 0x100000002, 0x100000001, 0xffffffff } },
		{ "GE", 0x100000002, 0, { 0x100000002, 0x200000000, UINT64_MAX }, { 0x100000001, 0xffffffff, 0 } },
		{ "LT", 0x100000002, 0, { 0x100000001, 0xffffffff, 0 }, { 0x100000002, 0x200000000, UINT64_MAX } },
		{ "LE", 0x100000002, 0, { 0x100000002, 0x100000001, 0xffffffff }, { 0x100000003, 0x200000000, UINT64_MAX } },
		{ "MASKED_EQ", 0xf0000000f, 0x100000002, { 0x100000002, 0x1000000f2, 0xff100000002 }, { 2, 0x100000003, 0x300000002 } },
		{ "MASKED_EQ", 0x10, 0xff, { 0x10, 0xff, 0x1f }, { 0, 0xef, 0x100000000 } },
	};
	struct bench b = { .err = { 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		for (unsigned index = 0; index < 6; index += 5) {
			CLEANUP(str_freep) char *json = str_printf("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":"
				"\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":%u,\"value\":%llu,\"valueTwo\":%llu,\"op\":\"SCMP_CMP_%s\"}]}]}", index,
				(unsigned long long)cases[i].value, (unsigned long long)cases[i].value_two, cases[i].op);

			EXPECT_INT(compile(&b, json), 0);
			for (size_t j = 0; j < 3; j++) {
				EXPECT_INT(ask_with(&b, __NR_getppid, index, cases[i].yes[j]), PERM);
				EXPECT_INT(ask_with(&b, __NR_getppid, index, cases[i].no[j]), ALLOWED);
			}
			EXPECT_INT(ask_with(&b, __NR_getpid, index, cases[i].yes[0]), ALLOWED);
		}
	arena_fini(&b.arena);
}

TEST(conditions_of_one_rule_must_all_hold_and_rules_are_tried_in_order)
{
	struct bench b = { .err = { 0 } };
	uint64_t args[6] = { 1, 2 };

	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
			       "{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":2,\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			       "{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
			       "{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
			       "{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
			       "{\"names\":[\"dup\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"},"
			       "{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"}]},"
			       "{\"names\":[\"close\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]},"
			       "{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"close\"],\"action\":\"SCMP_ACT_TRAP\"}]}"), 0);
	EXPECT_INT(seccomp_ask(&b.filter, OUR_ARCH, __NR_dup3, args), SECCOMP_RET_ERRNO | ENOENT);
	EXPECT_INT(ask_with(&b, __NR_dup3, 0, 1), ALLOWED);
	EXPECT_INT(ask_with(&b, __NR_dup3, 0, 2), PERM);
	EXPECT_INT(ask_with(&b, __NR_dup, 0, 5), ALLOWED);               /* two conditions on one argument: either */
	EXPECT_INT(ask_with(&b, __NR_dup, 0, 7), ALLOWED);
	EXPECT_INT(ask_with(&b, __NR_dup, 0, 6), PERM);
	EXPECT_INT(ask_with(&b, __NR_close, 0, 1), ALLOWED);             /* a rule without conditions decides alone, and the first of them */
	arena_fini(&b.arena);
}

#define GATED(gate) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\"," gate "}]}"

TEST(rules_are_for_capabilities_kernels_and_architectures)
{
#if defined(__x86_64__)
#define OUR_NAME "amd64"
#else
#define OUR_NAME "arm64"
#endif
	static const struct { const char *json; bool holds; } cases[] = {
		{ GATED("\"includes\":{},\"excludes\":null"), true },
		{ GATED("\"includes\":{\"caps\":[\"CAP_CHOWN\"]}"), true },
		{ GATED("\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_SYS_ADMIN\"]}"), false },
		{ GATED("\"includes\":{\"caps\":[\"CAP_NOTHING\"]}"), false },
		{ GATED("\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}"), false },
		{ GATED("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_NOTHING\"]}"), true },
		{ GATED("\"includes\":{\"arches\":[\"s390\",\"" OUR_NAME "\"]}"), true },
		{ GATED("\"includes\":{\"arches\":[\"s390\"]}"), false },
		{ GATED("\"excludes\":{\"arches\":[\"" OUR_NAME "\"]}"), false },
		{ GATED("\"includes\":{\"minKernel\":\"4.8\"}"), true },
		{ GATED("\"includes\":{\"minKernel\":\"6.1\"}"), true },
		{ GATED("\"includes\":{\"minKernel\":\"6.2\"}"), false },
		{ GATED("\"includes\":{\"minKernel\":\"10.0\"}"), false },
		{ GATED("\"excludes\":{\"minKernel\":\"6.1\"}"), false },
		{ GATED("\"excludes\":{\"minKernel\":\"6.2\"}"), true },
	};
	struct bench b = { .err = { 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		EXPECT_INT(compile(&b, cases[i].json), 0);
		EXPECT_INT(ask(&b, __NR_getppid), cases[i].holds ? PERM : ALLOWED);
	}
	EXPECT_INT(compile_for(&b, cases[2].json, caps_default() | CAPS_BIT(SYS_ADMIN), "6.1"), 0);
	EXPECT_INT(ask(&b, __NR_getppid), PERM);
	arena_fini(&b.arena);
}

TEST(a_profile_that_says_nothing_is_none_and_flags_are_handed_on)
{
	struct bench b = { .err = { 0 } };

	EXPECT_INT(compile(&b, "{}"), 0);
	EXPECT_INT(b.filter.count, 0);
	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_TSYNC\"]}"), 0);
	EXPECT_INT(b.filter.flags, SECCOMP_FILTER_FLAG_LOG);
	arena_fini(&b.arena);
}

TEST(a_wrong_profile_is_refused_in_one_sentence)
{
	static const struct { const char *json, *text; } cases[] = {
		{ "", "Decoding seccomp profile failed: input length is 0 at byte 0" },
		{ "/etc/profile.json", "Decoding seccomp profile failed: unexpected character, expected a valid root value at byte 0" },
		{ "[]", "Decoding seccomp profile failed: " },
		{ "{\"syscalls\":{}}", "Decoding seccomp profile failed: " },
		{ "{\"syscalls\":[{\"names\":\"read\"}]}", "Decoding seccomp profile failed: " },
		{ "{\"syscalls\":[{\"names\":[\"read\"]}]}", "string  is not a valid action for seccomp" },
		{ "{\"defaultAction\":\"allow\"}", "string allow is not a valid action for seccomp" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NO\"}]}",
		  "string SCMP_ACT_NO is not a valid action for seccomp" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "seccomp action SCMP_ACT_NOTIFY is not supported by swarmbox yet" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}", "seccomp profile: errnoRet 4096 is larger than 4095" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"x86\"]}", "string x86 is not a valid arch for seccomp" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\"}]}",
		  "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
		  "seccomp flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not supported" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"read\",\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
		  "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'" },
		{ GATED("\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]"), "seccomp profile: a system call has no argument 6" },
		{ GATED("\"args\":[{\"index\":0,\"op\":\"EQ\"}]"), "string EQ is not a valid operator for seccomp" },
		{ GATED("\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]"), "Decoding seccomp profile failed: " },
		{ GATED("\"includes\":{\"minKernel\":\"five\"}"), "Decoding seccomp profile failed: invalid kernel version: \"five\"" },
		{ GATED("\"excludes\":{\"minKernel\":\"5.10.3\"}"), "Decoding seccomp profile failed: invalid kernel version: \"5.10.3\"" },
	};
	struct bench b = { .err = { 0 } };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *text = refused(&b, cases[i].json);

		if (str_ends(cases[i].text, ": "))
			EXPECT(str_starts(text, cases[i].text) && strlen(text) > strlen(cases[i].text) && !strchr(text, '\n'));
		else
			EXPECT_STR(text, cases[i].text);
	}
	arena_fini(&b.arena);
}

/* As many rules as there is room for instructions, and more; the searches for single calls in between grow long, too. */
TEST(a_profile_has_as_many_instructions_as_the_kernel_takes)
{
	struct bench b = { .err = { 0 } };
	int last = 0;

	for (int count = 50; count <= 1600; count *= 2) {
		CLEANUP(buf_finip) struct buf json = BUF_INIT;

		buf_add_str(&json, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[");
		for (int i = 0; i < count; i++)
			buf_printf(&json, "%s{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]}",
				   i ? "," : "", i);
		buf_add_str(&json, "]}");
		if (compile(&b, buf_text(&json)) == 0) {
			last = count;
			EXPECT_INT(ask_with(&b, __NR_getppid, 1, (uint64_t)count - 1), PERM);
			EXPECT_INT(ask_with(&b, __NR_getppid, 1, (uint64_t)count), ALLOWED);
			EXPECT_INT(ask_with(&b, __NR_getpid, 1, 1), ALLOWED);
			EXPECT_INT(ask_with(&b, __NR_gettid, 1, 1), ALLOWED);
		} else {
			EXPECT_STR(b.err.text, "seccomp profile: more than 4096 instructions");
		}
	}
	EXPECT_INT(last, 800);
	arena_fini(&b.arena);
}

#if defined(__x86_64__)
TEST(programs_of_32_bits_are_held_by_the_same_profile)
{
	enum { READ = 3, MKDIR = 39, SOCKETCALL = 102, IPC = 117, SOCKET = 359 };
	struct bench b = { .err = { 0 } };
	uint64_t args[6] = { 0 };

	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[]},"
			       "{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]}],"
			       "\"syscalls\":[{\"names\":[\"mkdir\",\"socket\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"), 0);
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, READ, args), ALLOWED);
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, MKDIR, args), PERM);
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, SOCKET, args), PERM);
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, SOCKETCALL, args), NOSYS);    /* the other way to a socket */
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, IPC, args), ALLOWED);
	EXPECT_INT(ask(&b, __NR_mkdir), PERM);
	EXPECT_INT(ask(&b, __NR_read), ALLOWED);
	EXPECT_INT(compile(&b, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\"]}"), 0);
	EXPECT_INT(seccomp_ask(&b.filter, AUDIT_ARCH_I386, READ, args), SECCOMP_RET_KILL_PROCESS);
	arena_fini(&b.arena);
}
#endif

static const char *start_with(struct bench *b, const char *json)
{
	if (compile(b, json) < 0 || seccomp_profile_check_start(&b->filter, &b->err) < 0)
		return b->err.text;
	return "starts";
}

TEST(a_profile_that_lets_no_container_start_is_told_apart_by_the_call)
{
#define STARTS "\"prctl\",\"setgroups\",\"setresgid\",\"setresuid\",\"setgroups32\",\"setresgid32\",\"setresuid32\",\"capget\",\"capset\"," \
	       "\"sendmsg\",\"recvfrom\",\"execve\""
#define NEEDS(name) "seccomp profile: it does not allow '" name "', which the start of a container needs"
#define ALLOWING(names, action) "{\"defaultAction\":\"" action "\",\"syscalls\":[{\"names\":[" names "],\"action\":\"SCMP_ACT_ALLOW\"}]}"
#define DENYING(name, action) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"" name "\",\"action\":\"" action "\"}]}"
	struct bench b = { .err = { 0 } };

	EXPECT_STR(start_with(&b, "{}"), "starts");
	EXPECT_STR(start_with(&b, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"), "starts");
	EXPECT_STR(start_with(&b, "{\"defaultAction\":\"SCMP_ACT_LOG\"}"), "starts");
	EXPECT_STR(start_with(&b, "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}"), NEEDS("prctl"));
	EXPECT_STR(start_with(&b, ALLOWING(STARTS ",\"exit_group\"", "SCMP_ACT_ERRNO")), "starts");
	EXPECT_STR(start_with(&b, ALLOWING(STARTS, "SCMP_ACT_ERRNO")), NEEDS("exit_group"));
	EXPECT_STR(start_with(&b, DENYING("execve", "SCMP_ACT_ERRNO")), NEEDS("execve"));
	EXPECT_STR(start_with(&b, DENYING("execve", "SCMP_ACT_TRAP")), NEEDS("execve"));
	EXPECT_STR(start_with(&b, DENYING("setgroups", "SCMP_ACT_KILL")), NEEDS("setgroups"));
	/* what is tried and not needed may be refused, but not be the end */
	EXPECT_STR(start_with(&b, DENYING("close_range", "SCMP_ACT_ERRNO")), "starts");
	EXPECT_STR(start_with(&b, DENYING("close_range", "SCMP_ACT_KILL_PROCESS")), NEEDS("close_range"));
	EXPECT_STR(start_with(&b, DENYING("mkdirat", "SCMP_ACT_KILL")), "starts");
	arena_fini(&b.arena);
}
