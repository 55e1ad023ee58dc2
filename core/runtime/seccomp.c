/* seccomp.c - from names and capabilities to a search tree of BPF instructions. */
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/panic.h"
#include "model/caps.h"
#include "os/audit_arch.h"
#include "runtime/bpf.h"
#include "runtime/seccomp_names.h"

/* The table of numbers. armv7's own calls sit in front of the search. */
enum { NUMBER_MAX = SECCOMP_NUMBER_MAX, PRIVATE_MAX = SECCOMP_PRIVATE_MAX };
enum verdict { DENY, ALLOW, NOT_THERE, LOOK_AT_CLONE, LOOK_AT_PERSONALITY, LOOK_AT_SOCKET };

struct table {
	uint8_t verdicts[NUMBER_MAX];
	int highest;                             /* the newest call that the table knows */
	int private_numbers[PRIVATE_MAX];
	int private_count;
	struct bpf_run runs[NUMBER_MAX];
	size_t run_count;
};

static bool is_end(char c)
{
	return c == '@' || c == '?' || c == ';' || c == '\0';
}

/* "202", "(0 + 5)", "(0x0f0000 + 2)": the only hexadecimal base is armv7's. Anything else is -1. Stops behind it. One way through the text: it is read
 * for each container. */
static int take_number(const char **at)
{
	int sum = 0, part = 0;
	bool has_digits = false, is_number = true;
	const char *text = *at;

	for (; !is_end(*text); text++)
		if (*text >= '0' && *text <= '9') {
			part = part * 10 + (*text - '0');
			has_digits = true;
		} else if (*text == '+') {
			sum += part;
			part = 0;
		} else if (*text == 'x') {
			for (text++, part = 0; (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f'); text++)
				part = part * 16 + (*text <= '9' ? *text - '0' : *text - 'a' + 10);
			text--;
		} else {
			is_number &= *text == '(' || *text == ')' || *text == ' ';
		}
	*at = text;
	return has_digits && is_number ? sum + part : -1;
}

bool seccomp_next(const char **at, struct seccomp_name *ret)
{
	const char *text = *at;

	*ret = (struct seccomp_name){ .number = take_number(&text), .cap = SECCOMP_ALWAYS };
	if (*text == '@') {
		text++;
		ret->cap = take_number(&text);
	} else if (*text == '?' && text[1]) {
		ret->rule = text[1];
		text += 2;
	}
	if (*text != ';')
		return false;
	*at = text + 1;
	return true;
}

static void table_set(struct table *table, int number, enum verdict verdict)
{
	if (number < NUMBER_MAX) {
		table->verdicts[number] = (uint8_t)verdict;
		table->highest = MAX(table->highest, number);
	} else {
		check(table->private_count < PRIVATE_MAX);
		table->private_numbers[table->private_count++] = number;
	}
}

static enum verdict verdict_of(const struct seccomp_name *name, uint64_t caps)
{
	switch (name->rule) {
	case 'c': return LOOK_AT_CLONE;
	case 'n':
	case 'm': return NOT_THERE;
	case 'p': return LOOK_AT_PERSONALITY;
	case 's': return LOOK_AT_SOCKET;
	case 'x': return DENY;
	default: return name->cap == SECCOMP_ALWAYS || caps & CAPS_BIT(name->cap) ? ALLOW : DENY;
	}
}

/* A name that is there twice: what allows it wins over what denies, and what is looked at comes last. */
static void table_fill(struct table *table, const char *names, uint64_t caps)
{
	struct seccomp_name name;

	while (seccomp_next(&names, &name)) {
		enum verdict verdict = verdict_of(&name, caps);
		bool is_free_for_admin = name.rule == 'c' || name.rule == 'n';

		if (name.number < 0 || (is_free_for_admin && caps & CAPS_BIT(CAP_SYS_ADMIN)))
			continue;
		if (verdict != DENY)
			table_set(table, name.number, verdict);
		else
			table->highest = MAX(table->highest, name.number);
	}
}

static void table_find_runs(struct table *table)
{
	for (int number = 0; number <= table->highest; number++)
		if (number == 0 || table->verdicts[number] != table->verdicts[number - 1])
			table->runs[table->run_count++] = (struct bpf_run){ number, table->verdicts[number] };
	table->runs[table->run_count++] = (struct bpf_run){ table->highest + 1, NOT_THERE };
}

/* No new namespaces: every CLONE_NEW* flag is refused. */
static void emit_clone(struct seccomp_filter *filter)
{
	bpf_load_arg(filter, 0);
	bpf_jump(filter, BPF_JSET, 0x7E020000, 1, 0);
	bpf_return(filter, SECCOMP_RET_ALLOW);
	bpf_return(filter, SECCOMP_RET_ERRNO | EPERM);
}

/* Linux, UNAME26, 32 bit, both, and "tell me". */
static void emit_personality(struct seccomp_filter *filter)
{
	static const uint32_t good[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

	bpf_load_arg(filter, 0);
	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		bpf_jump(filter, BPF_JEQ, good[i], ARRAY_COUNT(good) - i, 0);
	bpf_return(filter, SECCOMP_RET_ERRNO | EPERM);
	bpf_return(filter, SECCOMP_RET_ALLOW);
}

/* The families of moby/profiles: those without a use in containers have been ways into the kernel, as AF_ALG in CVE-2026-31431; AF_VSOCK (40)
 * reaches the hypervisor, past every network namespace. */
static void emit_socket(struct seccomp_filter *filter)
{
	static const uint32_t bad[] = { 12, 19, 20, 23, 25, 34, 37, 38, 40 };
	enum { FIRST_UNKNOWN = 46, BAD_COUNT = ARRAY_COUNT(bad) };

	bpf_load_arg(filter, 0);
	bpf_jump(filter, BPF_JGE, FIRST_UNKNOWN, BAD_COUNT + 1, 0);
	for (size_t i = 0; i < BAD_COUNT; i++)
		bpf_jump(filter, BPF_JEQ, bad[i], BAD_COUNT - i, 0);
	bpf_return(filter, SECCOMP_RET_ALLOW);
	bpf_return(filter, SECCOMP_RET_ERRNO | EPERM);
}

static void emit_verdict(struct seccomp_filter *filter, int verdict, const void *unused)
{
	(void)unused;
	switch ((enum verdict)verdict) {
	case DENY: bpf_return(filter, SECCOMP_RET_ERRNO | EPERM); break;
	case ALLOW: bpf_return(filter, SECCOMP_RET_ALLOW); break;
	case NOT_THERE: bpf_return(filter, SECCOMP_RET_ERRNO | ENOSYS); break;
	case LOOK_AT_CLONE: emit_clone(filter); break;
	case LOOK_AT_PERSONALITY: emit_personality(filter); break;
	case LOOK_AT_SOCKET: emit_socket(filter); break;
	}
}

static void emit_arch(struct seccomp_filter *filter, uint32_t arch, const char *names, uint64_t caps)
{
	struct table table = { .highest = 0 };
	size_t at = filter->count;

	table_fill(&table, names, caps);
	table_find_runs(&table);
	bpf_jump(filter, BPF_JEQ, arch, 1, 0);
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (int i = 0; i < table.private_count; i++) {
		bpf_jump(filter, BPF_JEQ, (uint32_t)table.private_numbers[i], 0, 1);
		bpf_return(filter, SECCOMP_RET_ALLOW);
	}
	bpf_search(filter, table.runs, table.run_count, emit_verdict, NULL);
	filter->insns[at + 1].k = (uint32_t)(filter->count - (at + 2));
}

void seccomp_build(uint64_t caps, struct seccomp_filter *ret)
{
	ret->count = 0;
	ret->flags = 0;
	ret->is_full = false;
	bpf_add(ret, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	emit_arch(ret, OUR_ARCH, seccomp_names, caps);
#if defined(__x86_64__)
	emit_arch(ret, AUDIT_ARCH_I386, seccomp_names_i386, caps);
#endif
	bpf_return(ret, SECCOMP_RET_KILL_PROCESS);
	check(!ret->is_full);
}

uint32_t seccomp_ask(const struct seccomp_filter *filter, uint32_t arch, int number, const uint64_t args[6])
{
	uint32_t a = 0;

	for (size_t at = 0; at < filter->count; at++) {
		const struct sock_filter *insn = &filter->insns[at];

		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insn->k == offsetof(struct seccomp_data, nr))
				a = (uint32_t)number;
			else if (insn->k == offsetof(struct seccomp_data, arch))
				a = arch;
			else
				a = (uint32_t)(args[(insn->k - 16) / 8] >> (insn->k % 8 * 8));
			break;
		case BPF_JMP | BPF_JA: at += insn->k; break;
		case BPF_JMP | BPF_K | BPF_JEQ: at += a == insn->k ? insn->jt : insn->jf; break;
		case BPF_JMP | BPF_K | BPF_JGE: at += a >= insn->k ? insn->jt : insn->jf; break;
		case BPF_JMP | BPF_K | BPF_JGT: at += a > insn->k ? insn->jt : insn->jf; break;
		case BPF_JMP | BPF_K | BPF_JSET: at += a & insn->k ? insn->jt : insn->jf; break;
		case BPF_ALU | BPF_AND | BPF_K: a &= insn->k; break;
		case BPF_RET | BPF_K: return insn->k;
		default: panic("seccomp: instruction %x", insn->code);
		}
	}
	panic("seccomp: the filter has no end");
}
