/* option.h - tables of options and commands, and the parser that reads them.
 *
 * An option is said once, in a table; parsing, --help, hints and completion read that table. The
 * grammar is that of pflag, which Docker uses: --name=value, --name value, -n value, -nvalue,
 * clusters of one-letter switches, switches with =false, lists by repetition, "--" ends the
 * options. One thing more: a long option with one dash (-advertise-addr), as old habits and other
 * tools write it.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum option_kind {
	OPTION_END,
	OPTION_BOOL,            /* bool */
	OPTION_STRING,          /* const char *, into argv; NULL when not given; the last one wins */
	OPTION_LIST,            /* struct strlist, in order; take(), when there, checks each value */
	OPTION_INT,             /* struct option_int */
	OPTION_UINT,            /* struct option_uint */
	OPTION_TAKE,            /* take() is called with each value */
	OPTION_TAKE_BOOL,       /* the same; a bare --name is "true" */
	OPTION_UNSUPPORTED,     /* Docker has it; refused by its name */
};
struct option_int { int64_t value; bool given; };
struct option_uint { uint64_t value; bool given; };

struct option {
	enum option_kind kind;
	char letter;            /* 0 for none */
	const char *name;
	const char *type;       /* word for the value in --help; "" for switches */
	/* with its default, as Docker prints it; NULL hides it from --help */
	const char *help;
	size_t offset;          /* of the field in the command's arguments */
	int (*take)(void *args, const struct option *option, const char *value, struct err *err);
	const void *data;       /* for take */
};

/* _Generic: an option that does not fit its field does not compile. */
#define OPTION_AT(args, field, type) _Generic(((args *)0)->field, type: offsetof(args, field))
#define OPT_BOOL(args, field, letter, name, help) \
	{ OPTION_BOOL, letter, name, "", help, OPTION_AT(args, field, bool), NULL, NULL }
#define OPT_STRING(args, field, letter, name, type, help) \
	{ OPTION_STRING, letter, name, type, help, OPTION_AT(args, field, const char *), NULL, NULL }
#define OPT_LIST(args, field, letter, name, type, help) \
	{ OPTION_LIST, letter, name, type, help, OPTION_AT(args, field, struct strlist), NULL, NULL }
#define OPT_INT(args, field, letter, name, help) \
	{ OPTION_INT, letter, name, "int", help, OPTION_AT(args, field, struct option_int), NULL, \
	  NULL }
#define OPT_UINT(args, field, letter, name, help) \
	{ OPTION_UINT, letter, name, "uint", help, OPTION_AT(args, field, struct option_uint), NULL, \
	  NULL }
#define OPT_UNSUPPORTED(letter, name) \
	{ OPTION_UNSUPPORTED, letter, name, "", NULL, 0, NULL, NULL }
#define OPT_END { OPTION_END, 0, NULL, NULL, NULL, 0, NULL, NULL }

struct option_set { const struct option *options; void *args; };
enum option_result { OPTION_OK, OPTION_HELP, OPTION_WRONG };

/* Reads argv up to its NULL (or, with operands_end, up to the first operand). The sets are asked in
 * order: a command's own options first, then those that hold everywhere. Operands are moved to the
 * front of argv; *ret_operands counts them. OPTION_HELP as soon as --help or -h is met. */
enum option_result option_parse(const struct option_set *sets, size_t set_count, char **argv,
				bool operands_end, size_t *ret_operands, struct err *err);
/* Go's words for a number that is none, or none that fits. */
int option_no_number(bool is_signed, const char *value, struct err *err);
/* Frees the lists. */
void option_fini(const struct option_set *set);

struct cli;
#define COMMAND_MANY 10000u
struct command {
	const char *name;       /* within its noun; NULL ends a table */
	/* All spellings when there are several: "container ls, container list, ps". The ones
	 * without a noun work at the top. */
	const char *spellings;
	const char *usage;      /* behind the name: "[OPTIONS] SERVICE [SERVICE...]" */
	const char *help;
	const struct option *options;
	unsigned min, max;              /* operands */
	size_t args_size;
	/* Returns the exit code. args is zeroed memory of args_size bytes, filled by the
	 * options. */
	int (*run)(struct cli *cli, const void *args, char **operands);
	bool operands_end;              /* what follows the first operand is not ours */
	const struct command *commands; /* a noun has these instead of run */
	bool is_hidden;                 /* our own children */
};
