/* device_filter.c - one rule after the other: does not match, go on; matches, allowed. */
#include "runtime/device_filter.h"

#include <string.h>

/* The context: u32 access_type (low half the type, high half the access), u32 major, u32 minor. */
enum { R_ANSWER = BPF_REG_0, R_CONTEXT = BPF_REG_1, R_TYPE = BPF_REG_2, R_ACCESS = BPF_REG_3, R_MAJOR = BPF_REG_4, R_MINOR = BPF_REG_5 };
enum { RULE_MAX_INSNS = 8 };

static struct bpf_insn insn(int code, int to, int from, int offset, int32_t imm)
{
	return (struct bpf_insn){ .code = (uint8_t)code, .dst_reg = (uint8_t)(to & 15), .src_reg = (uint8_t)(from & 15),
				  .off = (int16_t)offset, .imm = imm };
}

static void emit(struct device_filter *filter, struct bpf_insn one)
{
	filter->insns[filter->count++] = one;
}

static int32_t access_bits(const char *access)
{
	return (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0) | (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0);
}

/* Jumps that leave the rule are aimed at its end once that is known. */
static void emit_rule(struct device_filter *filter, const struct cgroup_device *rule)
{
	size_t jumps[4], jump_count = 0;

	if (rule->type != 'a') {
		jumps[jump_count++] = filter->count;
		emit(filter, insn(BPF_JMP | BPF_JNE | BPF_K, R_TYPE, 0, 0, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
	}
	/* everything asked for must be allowed: asked & ~allowed */
	emit(filter, insn(BPF_ALU | BPF_MOV | BPF_X, R_CONTEXT, R_ACCESS, 0, 0));
	emit(filter, insn(BPF_ALU | BPF_AND | BPF_K, R_CONTEXT, 0, 0, ~access_bits(rule->access)));
	jumps[jump_count++] = filter->count;
	emit(filter, insn(BPF_JMP | BPF_JNE | BPF_K, R_CONTEXT, 0, 0, 0));
	if (rule->major >= 0) {
		jumps[jump_count++] = filter->count;
		emit(filter, insn(BPF_JMP | BPF_JNE | BPF_K, R_MAJOR, 0, 0, (int32_t)rule->major));
	}
	if (rule->minor >= 0) {
		jumps[jump_count++] = filter->count;
		emit(filter, insn(BPF_JMP | BPF_JNE | BPF_K, R_MINOR, 0, 0, (int32_t)rule->minor));
	}
	emit(filter, insn(BPF_ALU64 | BPF_MOV | BPF_K, R_ANSWER, 0, 0, 1));
	emit(filter, insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	for (size_t i = 0; i < jump_count; i++)
		filter->insns[jumps[i]].off = (int16_t)(filter->count - jumps[i] - 1);
}

int device_filter_build(const struct cgroup_device *rules, size_t count, struct device_filter *ret, struct err *err)
{
	ret->count = 0;
	if (count > (DEVICE_FILTER_MAX_INSNS - 8) / RULE_MAX_INSNS)
		return err_set(err, ERR_EXHAUSTED, "%zu device rules: more than a container may have", count);
	emit(ret, insn(BPF_LDX | BPF_MEM | BPF_W, R_TYPE, R_CONTEXT, 0, 0));
	emit(ret, insn(BPF_ALU | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0));
	emit(ret, insn(BPF_ALU | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff));
	emit(ret, insn(BPF_ALU | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16));
	emit(ret, insn(BPF_LDX | BPF_MEM | BPF_W, R_MAJOR, R_CONTEXT, 4, 0));
	emit(ret, insn(BPF_LDX | BPF_MEM | BPF_W, R_MINOR, R_CONTEXT, 8, 0));
	for (size_t i = 0; i < count; i++)
		emit_rule(ret, &rules[i]);
	emit(ret, insn(BPF_ALU64 | BPF_MOV | BPF_K, R_ANSWER, 0, 0, 0));
	emit(ret, insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
	return 0;
}
