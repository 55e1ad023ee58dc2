/* seccomp_profile.c - JSON to rules, rules to what each number is answered, and that to instructions. */
#include "runtime/seccomp_profile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/str.h"
#include "model/caps.h"
#include "os/audit_arch.h"
#include "runtime/bpf.h"
#include "runtime/seccomp_names.h"
#include "runtime/spec_json.h"

#define UNREADABLE "Decoding seccomp profile failed"
#define DIGITS "0123456789"

/* ---- the text ---------------------------------------------------------------------------------------------------- */

struct arg { uint64_t index, value, value_two; char *op; };
struct gate { struct str_array caps, arches; char *min_kernel; };
struct rule {
	char *name;
	struct str_array names;
	char *action;
	struct opt_u64 errno_value;
	ARRAY_OF(struct arg) args;
	struct gate includes, excludes;
};
struct arch_map { char *arch; struct str_array more; };
struct profile {
	char *action;
	struct opt_u64 errno_value;
	struct str_array arches, flags;
	ARRAY_OF(struct arch_map) arch_maps;
	ARRAY_OF(struct rule) rules;
};

static const struct field arg_fields[] = {
	F(1, U64, arg, index, "index", 0), F(2, U64, arg, value, "value", 0), F(3, U64, arg, value_two, "valueTwo", 0), F(4, STR, arg, op, "op", 0),
};
static const struct shape arg_shape = SHAPE(arg, arg_fields);

static const struct field gate_fields[] = {
	F(1, STR_LIST, gate, caps, "caps", 0), F(2, STR_LIST, gate, arches, "arches", 0), F(3, STR, gate, min_kernel, "minKernel", 0),
};
static const struct shape gate_shape = SHAPE(gate, gate_fields);

static const struct field rule_fields[] = {
	F(1, STR, rule, name, "name", 0),
	F(2, STR_LIST, rule, names, "names", 0),
	F(3, STR, rule, action, "action", 0),
	F(4, OPT_U64, rule, errno_value, "errnoRet", 0),
	F_OF(5, LIST, rule, args, "args", 0, arg_shape),
	F_OF(6, STRUCT, rule, includes, "includes", 0, gate_shape),
	F_OF(7, STRUCT, rule, excludes, "excludes", 0, gate_shape),
};
static const struct shape rule_shape = SHAPE(rule, rule_fields);

static const struct field arch_map_fields[] = {
	F(1, STR, arch_map, arch, "architecture", 0), F(2, STR_LIST, arch_map, more, "subArchitectures", 0),
};
static const struct shape arch_map_shape = SHAPE(arch_map, arch_map_fields);

static const struct field profile_fields[] = {
	F(1, STR, profile, action, "defaultAction", 0),
	F(2, OPT_U64, profile, errno_value, "defaultErrnoRet", 0),
	F(3, STR_LIST, profile, arches, "architectures", 0),
	F(4, STR_LIST, profile, flags, "flags", 0),
	F_OF(5, LIST, profile, arch_maps, "archMap", 0, arch_map_shape),
	F_OF(6, LIST, profile, rules, "syscalls", 0, rule_shape),
};
static const struct shape profile_shape = SHAPE(profile, profile_fields);

static int decode(const char *json, size_t length, struct arena *arena, struct profile *ret, struct err *err)
{
	CLEANUP(spec_json_freep) yyjson_doc *doc = spec_json_read(json, length, UNREADABLE, err);

	if (!doc)
		return -1;
	return shape_from_json(&profile_shape, yyjson_doc_get_root(doc), arena, ret, err) < 0 ? err_wrap(err, UNREADABLE) : 0;
}

/* ---- calls, and what each is answered ---------------------------------------------------------------------------- */

#if defined(__x86_64__)
enum { ARCH_COUNT = 2, X32_BIT = 0x40000000 };
static const char *const number_lists[] = { seccomp_names, seccomp_names_i386 };
static const uint32_t audit_arches[] = { OUR_ARCH, AUDIT_ARCH_I386 };
static const char our_name[] = "amd64", our_arch[] = "SCMP_ARCH_X86_64", other_arch[] = "SCMP_ARCH_X86";
#else
enum { ARCH_COUNT = 1 };
static const char *const number_lists[] = { seccomp_names };
static const uint32_t audit_arches[] = { OUR_ARCH };
static const char other_arch[] = "";
#if defined(__aarch64__)
static const char our_name[] = "arm64", our_arch[] = "SCMP_ARCH_AARCH64";
#elif defined(__riscv)
static const char our_name[] = "riscv64", our_arch[] = "SCMP_ARCH_RISCV64";
#else
static const char our_name[] = "arm", our_arch[] = "SCMP_ARCH_ARM";
#endif
#endif

struct call { const char *name; size_t length; int numbers[ARCH_COUNT]; };
struct chain { uint32_t action; const struct arg *args; size_t count; struct chain *next; };
/* is_decided: without a look at arguments; else the chain is gone through, and behind it stands action. */
struct slot { bool is_decided; uint32_t action; struct chain *chain, **end; };
enum { PRIVATE_BASE = 0xf0000, LAST_SLOT = SECCOMP_NUMBER_MAX + SECCOMP_PRIVATE_MAX, SLOT_COUNT = LAST_SLOT + 1 };
struct arch {
	struct slot slots[SLOT_COUNT];   /* by number; behind those armv7's own; and one for all that are above */
	int newest;                      /* of those that the profile names; -1 */
	bool guards_socketcall, guards_ipc;
};
struct compiler {
	struct arena *arena;
	uint64_t caps;
	const char *kernel;
	uint32_t action;                 /* the default */
	bool has_other_arch;
	struct call *calls;
	size_t call_count, chain_count;
	struct arch arches[ARCH_COUNT];
};

static int slot_of(int number)
{
	return number < SECCOMP_NUMBER_MAX ? number : SECCOMP_NUMBER_MAX + (number & (SECCOMP_PRIVATE_MAX - 1));
}

static void list_calls(struct compiler *c)
{
	struct seccomp_name name;
	size_t count = 0;

	for (const char *at = seccomp_words; *at; at++)
		count += *at == ';';
	c->calls = ARENA_ARRAY(c->arena, struct call, count);
	for (const char *at = seccomp_words; *at; at = strchr(at, ';') + 1)
		c->calls[c->call_count++] = (struct call){ .name = at, .length = strcspn(at, ";") };
	for (size_t arch = 0; arch < ARCH_COUNT; arch++) {
		const char *at = number_lists[arch];

		for (size_t i = 0; seccomp_next(&at, &name); i++)
			c->calls[i].numbers[arch] = name.number;
	}
}

static const struct call *find_call(const struct compiler *c, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < c->call_count; i++)
		if (c->calls[i].length == length && memcmp(c->calls[i].name, name, length) == 0)
			return &c->calls[i];
	return NULL;
}

static int parse_action(const char *name, const struct opt_u64 *value, uint32_t *ret, struct err *err)
{
	static const struct { const char *name; uint32_t action; } actions[] = {
		{ "ALLOW", SECCOMP_RET_ALLOW }, { "ERRNO", SECCOMP_RET_ERRNO }, { "KILL", SECCOMP_RET_KILL_THREAD },
		{ "KILL_THREAD", SECCOMP_RET_KILL_THREAD }, { "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS }, { "TRAP", SECCOMP_RET_TRAP },
		{ "LOG", SECCOMP_RET_LOG }, { "TRACE", SECCOMP_RET_TRACE },
	};
	enum { ERRNO_MAX = 4095 };
	const char *word = name && str_starts(name, "SCMP_ACT_") ? name + 9 : "";
	size_t i = 0;

	while (i < ARRAY_COUNT(actions) && !str_eq(word, actions[i].name))
		i++;
	if (str_eq(word, "NOTIFY"))
		return err_set(err, ERR_UNSUPPORTED, "seccomp action SCMP_ACT_NOTIFY is not supported by swarmbox yet");
	if (i == ARRAY_COUNT(actions))
		return err_set(err, ERR_INVALID, "string %.100s is not a valid action for seccomp", name ? name : "");
	if (value->is_set && value->value > ERRNO_MAX)
		return err_set(err, ERR_INVALID, "seccomp profile: errnoRet %llu is larger than %d", (unsigned long long)value->value, ERRNO_MAX);
	*ret = actions[i].action;
	if (*ret == SECCOMP_RET_ERRNO || *ret == SECCOMP_RET_TRACE)
		*ret |= value->is_set ? (uint32_t)value->value : EPERM;
	return 0;
}

/* "4.8", and of a release ("6.12.48-amd64") its first two numbers. -1 for anything else. */
static long parse_kernel(const char *text, bool is_release)
{
	size_t major = strspn(text, DIGITS), minor = text[major] == '.' ? strspn(text + major + 1, DIGITS) : 0;

	if (major < 1 || minor < 1 || major > 4 || minor > 4 || (!is_release && text[major + 1 + minor]))
		return -1;
	return strtol(text, NULL, 10) << 16 | strtol(text + major + 1, NULL, 10);
}

static bool has_cap(const struct compiler *c, const char *name)
{
	int cap = str_starts(name, "CAP_") ? caps_parse(name) : -1;

	return cap >= 0 && c->caps & CAPS_BIT(cap);
}

/* Whether the rule is one for this container. */
static int passes(const struct compiler *c, const struct rule *rule, bool *ret, struct err *err)
{
	const struct gate *gates[] = { &rule->includes, &rule->excludes };

	*ret = true;
	for (size_t i = 0; i < 2; i++) {
		bool must_have = i == 0;
		long kernel = str_is_empty(gates[i]->min_kernel) ? 0 : parse_kernel(gates[i]->min_kernel, false);

		if (kernel < 0)
			return err_set(err, ERR_INVALID, UNREADABLE ": invalid kernel version: \"%.40s\"", gates[i]->min_kernel);
		if (gates[i]->arches.count && str_array_has(&gates[i]->arches, our_name) != must_have)
			*ret = false;
		for (size_t j = 0; j < gates[i]->caps.count; j++)
			if (has_cap(c, gates[i]->caps.items[j]) != must_have)
				*ret = false;
		if (kernel && (parse_kernel(c->kernel, true) >= kernel) != must_have)
			*ret = false;
	}
	return 0;
}

enum op { OP_NE, OP_LT, OP_LE, OP_EQ, OP_GE, OP_GT, OP_MASKED_EQ, OP_COUNT };

static enum op op_of(const char *name)
{
	static const char *const names[OP_COUNT] = { "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
	enum op op = OP_NE;

	if (!name || !str_starts(name, "SCMP_CMP_"))
		return OP_COUNT;
	while (op < OP_COUNT && !str_eq(name + 9, names[op]))
		op++;
	return op;
}

static int check_args(const struct rule *rule, bool *ret_are_apart, struct err *err)
{
	unsigned seen = 0;

	*ret_are_apart = false;
	for (size_t i = 0; i < rule->args.count; i++) {
		const struct arg *arg = &rule->args.items[i];

		if (op_of(arg->op) == OP_COUNT)
			return err_set(err, ERR_INVALID, "string %.100s is not a valid operator for seccomp", arg->op ? arg->op : "");
		if (arg->index > 5)
			return err_set(err, ERR_INVALID, "seccomp profile: a system call has no argument %llu", (unsigned long long)arg->index);
		*ret_are_apart |= seen >> arg->index & 1;
		seen |= 1u << arg->index;
	}
	return 0;
}

static void add_chain(struct compiler *c, struct slot *slot, uint32_t action, const struct arg *args, size_t count)
{
	if (c->chain_count++ >= SECCOMP_MAX_INSNS)
		return;
	struct chain *chain = ARENA_NEW(c->arena, struct chain);

	*chain = (struct chain){ .action = action, .args = args, .count = count };
	if (!slot->chain)
		slot->end = &slot->chain;
	*slot->end = chain;
	slot->end = &chain->next;
}

/* Behind one number of i386 stand many calls. */
static void guard_multiplexed(struct arch *arch, const char *name)
{
	static const char sockets[] = ";accept;accept4;bind;connect;getpeername;getsockname;getsockopt;listen;recv;recvfrom;recvmmsg;recvmsg;send;sendmmsg;"
				      "sendmsg;sendto;setsockopt;shutdown;socket;socketpair;";
	static const char ipcs[] = ";msgctl;msgget;msgrcv;msgsnd;semctl;semget;semop;semtimedop;shmat;shmctl;shmdt;shmget;";
	CLEANUP(str_freep) char *word = str_printf(";%s;", name);

	arch->guards_socketcall |= strstr(sockets, word) != NULL;
	arch->guards_ipc |= strstr(ipcs, word) != NULL;
}

static void add_call(struct compiler *c, size_t at, const struct rule *rule, const char *name, int number, uint32_t action, bool are_apart)
{
	struct arch *arch = &c->arches[at];
	struct slot *slot = &arch->slots[slot_of(number)];

	if (number < SECCOMP_NUMBER_MAX)
		arch->newest = MAX(arch->newest, number);
	if (action == c->action)
		return;
	if (action != SECCOMP_RET_ALLOW)
		guard_multiplexed(arch, name);
	if (slot->is_decided)
		return;
	if (rule->args.count == 0) {
		*slot = (struct slot){ .is_decided = true, .action = action };
		return;
	}
	/* two conditions on one argument are two rules, as they have always been for runc */
	for (size_t i = 0; are_apart && i < rule->args.count; i++)
		add_chain(c, slot, action, &rule->args.items[i], 1);
	if (!are_apart)
		add_chain(c, slot, action, rule->args.items, rule->args.count);
}

static int add_rule(struct compiler *c, struct rule *rule, struct err *err)
{
	bool is_ours, are_apart;
	uint32_t action;

	if (!str_is_empty(rule->name) && rule->names.count)
		return err_set(err, ERR_INVALID, "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
	if (!str_is_empty(rule->name))
		rule->names = (struct str_array){ &rule->name, 1 };
	if (passes(c, rule, &is_ours, err) < 0 || !is_ours)
		return is_ours ? -1 : 0;
	if (parse_action(rule->action, &rule->errno_value, &action, err) < 0 || check_args(rule, &are_apart, err) < 0)
		return -1;
	for (size_t i = 0; i < rule->names.count && c->chain_count < SECCOMP_MAX_INSNS; i++) {
		const struct call *call = find_call(c, rule->names.items[i]);

		for (size_t arch = 0; call && arch < ARCH_COUNT; arch++)
			if (call->numbers[arch] >= 0)
				add_call(c, arch, rule, rule->names.items[i], call->numbers[arch], action, are_apart);
	}
	return 0;
}

static void finish_arch(struct compiler *c, size_t at)
{
	struct arch *arch = &c->arches[at];
	uint32_t kind = c->action & SECCOMP_RET_ACTION_FULL, not_there = SECCOMP_RET_ERRNO | ENOSYS;
	bool lets_through = kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
	static const char *const gates[] = { "socketcall", "ipc" };

	for (int i = 0; i < SLOT_COUNT; i++) {
		struct slot *slot = &arch->slots[i];

		if (!slot->is_decided)
			slot->action = !slot->chain && i > arch->newest && arch->newest >= 0 && !lets_through ? not_there : c->action;
	}
	for (size_t i = 0; at > 0 && i < 2; i++) {
		int number = find_call(c, gates[i])->numbers[at];

		if ((i ? arch->guards_ipc : arch->guards_socketcall) && number >= 0 && !arch->slots[number].is_decided)
			arch->slots[number] = (struct slot){ .is_decided = true, .action = not_there };
	}
}

/* ---- instructions ------------------------------------------------------------------------------------------------ */

enum { NEXT = 254, FAIL = 255 };         /* where a condition's jumps go, until that is known */

static void patch(struct seccomp_filter *filter, size_t from, uint8_t what)
{
	for (size_t i = from; i < filter->count; i++) {
		struct sock_filter *insn = &filter->insns[i];
		uint8_t distance = (uint8_t)(filter->count - (i + 1));

		if (BPF_CLASS(insn->code) != BPF_JMP)
			continue;
		if (insn->jt == what)
			insn->jt = distance;
		if (insn->jf == what)
			insn->jf = distance;
	}
}

static void emit_and(struct seccomp_filter *filter, uint64_t mask)
{
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask));
}

/* All 64 bits, in two halves. NE, LT and LE are EQ, GE and GT the other way round. */
static void emit_condition(struct seccomp_filter *filter, const struct arg *arg)
{
	enum op op = op_of(arg->op);
	bool is_inverted = op == OP_NE || op == OP_LT || op == OP_LE, is_masked = op == OP_MASKED_EQ;
	bool is_equal = op == OP_NE || op == OP_EQ || is_masked;
	uint8_t yes = is_inverted ? FAIL : NEXT, no = is_inverted ? NEXT : FAIL;
	uint64_t value = is_masked ? arg->value_two & arg->value : arg->value;
	uint16_t last = is_equal ? BPF_JEQ : op == OP_GE || op == OP_LT ? BPF_JGE : BPF_JGT;
	unsigned offset = (unsigned)arg->index * 8;
	size_t from = filter->count;

	bpf_load_arg(filter, offset + 4);
	if (is_masked)
		emit_and(filter, arg->value >> 32);
	if (!is_equal)
		bpf_jump(filter, BPF_JGT, (uint32_t)(value >> 32), yes, 0);
	bpf_jump(filter, BPF_JEQ, (uint32_t)(value >> 32), 0, no);
	bpf_load_arg(filter, offset);
	if (is_masked)
		emit_and(filter, arg->value);
	bpf_jump(filter, last, (uint32_t)value, yes, no);
	patch(filter, from, NEXT);
}

static void emit_slot(struct seccomp_filter *filter, int index, const void *ctx)
{
	const struct slot *slot = &((const struct arch *)ctx)->slots[index];

	for (const struct chain *chain = slot->chain; chain && !filter->is_full; chain = chain->next) {
		size_t from = filter->count;

		for (size_t i = 0; i < chain->count; i++)
			emit_condition(filter, &chain->args[i]);
		bpf_return(filter, chain->action);
		patch(filter, from, FAIL);
	}
	bpf_return(filter, slot->action);
}

static size_t find_runs(const struct arch *arch, struct bpf_run *runs)
{
	size_t count = 0;

	for (int i = 0; i < SECCOMP_NUMBER_MAX; i++) {
		const struct slot *slot = &arch->slots[i], *before = i ? &arch->slots[i - 1] : NULL;

		if (!before || slot->chain || before->chain || slot->action != before->action)
			runs[count++] = (struct bpf_run){ i, i };
	}
	runs[count++] = (struct bpf_run){ SECCOMP_NUMBER_MAX, LAST_SLOT };
	return count;
}

static void end_skip(struct seccomp_filter *filter, size_t at)
{
	if (!filter->is_full)
		filter->insns[at].k = (uint32_t)(filter->count - (at + 1));
}

/* "Not this one? Then far away." The caller says later where that is. */
static size_t skip_unless(struct seccomp_filter *filter, uint32_t value)
{
	bpf_jump(filter, BPF_JEQ, value, 1, 0);
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0));
	return filter->count - 1;
}

static void emit_arch(struct compiler *c, size_t arch, struct seccomp_filter *filter)
{
	struct bpf_run *runs = ARENA_ARRAY(c->arena, struct bpf_run, SECCOMP_NUMBER_MAX + 1);
	size_t skip = skip_unless(filter, audit_arches[arch]);

	finish_arch(c, arch);
	bpf_add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
#if defined(__x86_64__)
	bpf_jump(filter, BPF_JGE, X32_BIT, 0, 1);
	bpf_return(filter, SECCOMP_RET_ERRNO | ENOSYS);
#endif
	for (int i = 0; i < SECCOMP_PRIVATE_MAX; i++) {
		const struct slot *slot = &c->arches[arch].slots[SECCOMP_NUMBER_MAX + i];

		if (!slot->is_decided && !slot->chain)
			continue;
		size_t past = skip_unless(filter, (uint32_t)(PRIVATE_BASE + i));

		emit_slot(filter, SECCOMP_NUMBER_MAX + i, &c->arches[arch]);
		end_skip(filter, past);
	}
	bpf_search(filter, runs, find_runs(&c->arches[arch], runs), emit_slot, &c->arches[arch]);
	end_skip(filter, skip);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static int take_flags(const struct profile *profile, uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < profile->flags.count; i++) {
		const char *flag = profile->flags.items[i];

		if (str_eq(flag, "SECCOMP_FILTER_FLAG_LOG"))
			*ret |= SECCOMP_FILTER_FLAG_LOG;
		else if (str_eq(flag, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
			*ret |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
		else if (!str_eq(flag, "SECCOMP_FILTER_FLAG_TSYNC"))     /* there is one thread */
			return err_set(err, ERR_INVALID, "seccomp flag %.100s is not supported", flag);
	}
	return 0;
}

static int take_arches(struct compiler *c, const struct profile *profile, struct err *err)
{
	const struct str_array *arches = &profile->arches;

	if (profile->arches.count && profile->arch_maps.count)
		return err_set(err, ERR_INVALID, "both 'architectures' and 'archMap' are specified in the seccomp profile, "
			       "use either 'architectures' or 'archMap'");
	for (size_t i = 0; i < profile->arches.count; i++)
		if (!str_starts(profile->arches.items[i], "SCMP_ARCH_"))
			return err_set(err, ERR_INVALID, "string %.100s is not a valid arch for seccomp", profile->arches.items[i]);
	for (size_t i = 0; i < profile->arch_maps.count; i++)
		if (str_eq(profile->arch_maps.items[i].arch, our_arch)) {
			arches = &profile->arch_maps.items[i].more;
			break;
		}
	c->has_other_arch = str_array_has(arches, other_arch);
	return 0;
}

int seccomp_profile_compile(const char *json, size_t length, uint64_t caps, const char *kernel, struct arena *arena, struct seccomp_filter *ret,
			    struct err *err)
{
	struct compiler *c = ARENA_NEW(arena, struct compiler);
	struct profile profile = { 0 };

	ret->count = 0;
	ret->flags = 0;
	ret->is_full = false;
	*c = (struct compiler){ .arena = arena, .caps = caps, .kernel = kernel };
	if (decode(json, length, arena, &profile, err) < 0)
		return -1;
	if (str_is_empty(profile.action) && !profile.rules.count)
		return 0;
	if (take_arches(c, &profile, err) < 0 || take_flags(&profile, &ret->flags, err) < 0 ||
	    parse_action(profile.action, &profile.errno_value, &c->action, err) < 0)
		return -1;
	list_calls(c);
	for (size_t i = 0; i < ARCH_COUNT; i++)
		c->arches[i].newest = -1;
	for (size_t i = 0; i < profile.rules.count; i++)
		if (add_rule(c, &profile.rules.items[i], err) < 0)
			return -1;
	bpf_add(ret, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	for (size_t i = 0; i < (c->has_other_arch ? ARCH_COUNT : 1); i++)
		emit_arch(c, i, ret);
	bpf_return(ret, SECCOMP_RET_KILL_PROCESS);
	if (ret->is_full || c->chain_count >= SECCOMP_MAX_INSNS)
		return err_set(err, ERR_INVALID, "seccomp profile: more than %d instructions", SECCOMP_MAX_INSNS);
	return 0;
}

/* ---- what a start needs ------------------------------------------------------------------------------------------ */

#if defined(SYS_setresuid32)
#define SYS_OF_SETGROUPS SYS_setgroups32
#define SYS_OF_SETRESGID SYS_setresgid32
#define SYS_OF_SETRESUID SYS_setresuid32
#else
#define SYS_OF_SETGROUPS SYS_setgroups
#define SYS_OF_SETRESGID SYS_setresgid
#define SYS_OF_SETRESUID SYS_setresuid
#endif

int seccomp_profile_check_start(const struct seccomp_filter *filter, struct err *err)
{
	/* process_io.c and privileges_io.c, in their order. What may fail there must not be the process's end. */
	static const struct { const char *name; int number; uint64_t first; bool may_fail; } calls[] = {
		{ "prctl", SYS_prctl, PR_CAPBSET_DROP, false }, { "setgroups", SYS_OF_SETGROUPS, 0, false },
		{ "setresgid", SYS_OF_SETRESGID, 0, false }, { "setresuid", SYS_OF_SETRESUID, 0, false },
		{ "capget", SYS_capget, 0, false }, { "capset", SYS_capset, 0, false },
		{ "prctl", SYS_prctl, PR_SET_DUMPABLE, true }, { "prctl", SYS_prctl, PR_SET_PDEATHSIG, true },
		{ "sendmsg", SYS_sendmsg, 0, false }, { "close_range", SYS_close_range, 0, true }, { "recvfrom", SYS_recvfrom, 0, false },
		{ "execve", SYS_execve, 0, false }, { "exit_group", SYS_exit_group, 0, false },
	};

	for (size_t i = 0; filter->count && i < ARRAY_COUNT(calls); i++) {
		uint32_t answer = seccomp_ask(filter, OUR_ARCH, calls[i].number, (uint64_t[6]){ calls[i].first }) & SECCOMP_RET_ACTION_FULL;
		bool passes = answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;

		if (!passes && !(calls[i].may_fail && answer == SECCOMP_RET_ERRNO))
			return err_set(err, ERR_INVALID, "seccomp profile: it does not allow '%s', which the start of a container needs", calls[i].name);
	}
	return 0;
}
