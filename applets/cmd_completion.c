/* cmd_completion.c - `completion bash`: a script made from the same tables as --help.
 */
#include <string.h>

#include "applets/applets.h"
#include "applets/cli.h"

static void add_name(void *arg, const char *name, const struct command *command UNUSED)
{
	buf_printf(arg, " %s", name);
}

static void add_options(struct buf *out, const struct option *options)
{
	for (const struct option *o = options; o && o->kind != OPTION_END; o++)
		if (o->help)
			buf_printf(out, " --%s", o->name);
	buf_add_str(out, " --help");
}

static void add_case(struct buf *out, const char *words, const struct command *command)
{
	buf_printf(out, "\t'%s') words=\"", words);
	add_options(out, command->options);
	buf_add_str(out, "\" ;;\n");
}

static void add_noun_cases(struct buf *out, const struct command *noun)
{
	buf_printf(out, "\t'%s') words=\"", noun->name);
	for (const struct command *c = noun->commands; c->name; c++)
		buf_printf(out, " %s", c->name);
	buf_add_str(out, " --help\" ;;\n");
	for (const struct command *c = noun->commands; c->name; c++) {
		char *words = str_printf("%s %s", noun->name, c->name);
		add_case(out, words, c);
		str_freep(&words);
	}
}

/* What "ps" and "images" complete to is said by the command they spell. */
static void add_single(void *arg, const char *name, const struct command *command)
{
	if (!command->commands)
		add_case(arg, name, command);
}

/* "container|image|…" */
static void add_noun_names(struct buf *out)
{
	const char *separator = "";

	for (const struct command *const *c = applets_all; *c; c++) {
		if (!(*c)->commands)
			continue;
		buf_printf(out, "%s%s", separator, (*c)->name);
		separator = "|";
	}
}

static void add_nouns(struct buf *out)
{
	for (const struct command *const *c = applets_all; *c; c++)
		if ((*c)->commands)
			add_noun_cases(out, *c);
}

static void make_script(struct buf *out)
{
	buf_add_str(out,
		"# bash completion for swarmbox; use it with: source <(swarmbox completion bash)\n"
		"_swarmbox()\n{\n"
		"\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" first= second= word words= skip=\n"
		"\tCOMPREPLY=()\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		"\t\t[ -n \"$skip\" ] && skip= && continue\n"
		"\t\tcase \"$word\" in -H|--host) skip=1; continue ;; -*) continue ;; esac\n"
		"\t\tif [ -z \"$first\" ]; then first=\"$word\"; elif [ -z \"$second\" ]; then "
		"second=\"$word\"; fi\n"
		"\tdone\n"
		"\tcase \"$first\" in\n\t");
	add_noun_names(out);
	buf_add_str(out,
		") ;;\n\t*) second= ;;\n\tesac\n"
		"\tcase \"$first${second:+ $second}\" in\n"
		"\t'') words=\"");
	applets_each_name(add_name, out);
	buf_add_str(out, " help --help --host --version\" ;;\n");
	add_nouns(out);
	applets_each_name(add_single, out);
	buf_add_str(out,
		"\tesac\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
		"}\n"
		"complete -o default -F _swarmbox swarmbox\n");
}

static int completion_run(struct cli *cli UNUSED, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	if (!str_eq(operands[0], "bash")) {
		err_set(&err, ERR_UNSUPPORTED, "completion for '%s' is not supported; there is: bash",
			operands[0]);
		return cli_fail(&err);
	}
	make_script(&out);
	cli_print_buf(&out);
	return EXIT_OK;
}

const struct command completion_command = {
	.name = "completion", .usage = "bash", .help = "Print a completion script for the shell",
	.min = 1, .max = 1, .run = completion_run,
};
