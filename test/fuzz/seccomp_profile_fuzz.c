/* System call filters that somebody wrote himself: whatever the text, a program that ends for every call, or one sentence. */
#include <string.h>

#include "base/panic.h"
#include "model/caps.h"
#include "os/audit_arch.h"
#include "runtime/seccomp_profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct seccomp_filter *filter)
{
	static const uint64_t args[][6] = { { 0 }, { 1, UINT64_MAX, 1u << 31, 2, UINT64_C(1) << 32, 5 } };
	static const int numbers[] = { 0, 1, 39, 56, 102, 117, 435, 466, 599, 600, 0xf0002, 0x40000000, -1 };

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		for (size_t j = 0; j < ARRAY_COUNT(args); j++) {
			(void)seccomp_ask(filter, OUR_ARCH, numbers[i], args[j]);
			(void)seccomp_ask(filter, AUDIT_ARCH_I386, numbers[i], args[j]);
		}
	/* what the kernel would refuse: a jump behind the end */
	for (size_t i = 0; i < filter->count; i++) {
		const struct sock_filter *insn = &filter->insns[i];
		size_t far = BPF_CLASS(insn->code) != BPF_JMP ? 0 : insn->code == (BPF_JMP | BPF_JA) ? insn->k : MAX(insn->jt, insn->jf);

		check(i + 1 + far < filter->count || BPF_CLASS(insn->code) == BPF_RET);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_filter filter;
	struct arena arena;
	struct err err = { .code = 0 };

	if (size > 64 * 1024)
		return 0;
	arena_init(&arena, "fuzz", 64 << 20);
	if (seccomp_profile_compile((const char *)data, size, caps_default(), "6.1.0", &arena, &filter, &err) < 0)
		check(err.code && err.text[0] && !strchr(err.text, '\n'));
	else if (filter.count)
		ask(&filter);
	arena_fini(&arena);
	return 0;
}
