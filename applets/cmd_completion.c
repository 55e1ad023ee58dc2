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

/* The command that prints what the operands may be, by the first of them in its usage; NULL where
 * that is something new, or a file. */
static const char *names_of(const struct command *command)
{
	static const struct { const char *operand, *list; } kinds[] = {
		{ "CONFIG", "config ls --format {{.Name}}" }, { "CONTAINER", "container ls -a --format {{.Names}}" },
		{ "IMAGE", "image ls --format {{.Repository}}:{{.Tag}}" }, { "NETWORK", "network ls --format {{.Name}}" },
		{ "NODE", "node ls --format {{.Hostname}}" }, { "SECRET", "secret ls --format {{.Name}}" },
		{ "SERVICE", "service ls --format {{.Name}}" }, { "VOLUME", "volume ls -q" },
	};
	const char *usage = command->usage ? command->usage : "", *operand = str_after(usage, "[OPTIONS] ");

	operand = operand ? operand : usage;
	operand += *operand == '[';
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		const char *rest = str_after(operand, kinds[i].operand);
		if (rest && !(*rest >= 'A' && *rest <= 'Z'))
			return kinds[i].list;
	}
	return NULL;
}

static void add_case(struct buf *out, const char *words, const struct command *command, bool is_create)
{
	const char *names = is_create ? NULL : names_of(command);

	buf_printf(out, "\t'%s') words=\"", words);
	add_options(out, command->options);
	buf_printf(out, "\"%s%s%s ;;\n", names ? " names='" : "", names ? names : "", names ? "'" : "");
}

static void add_noun_cases(struct buf *out, const struct command *noun)
{
	buf_printf(out, "\t'%s') words=\"", noun->name);
	for (const struct command *c = noun->commands; c->name; c++)
		buf_printf(out, " %s", c->name);
	buf_add_str(out, " --help\" ;;\n");
	for (const struct command *c = noun->commands; c->name; c++) {
		char *words = str_printf("%s %s", noun->name, c->name);
		/* of its own kind it makes a new one; a service or a container, of an image */
		add_case(out, words, c, str_eq(c->name, "create") && !strstr(c->usage, "IMAGE"));
		str_freep(&words);
	}
}

/* What "ps" and "images" complete to is said by the command they spell. */
static void add_single(void *arg, const char *name, const struct command *command)
{
	if (!command->commands)
		add_case(arg, name, command, false);
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

static void make_script(const char *program, struct buf *out)
{
	buf_add_str(out,
		"# bash completion for swarmbox; use it with: source <(swarmbox completion bash)\n"
		"_swarmbox()\n{\n"
		"\tlocal line=\"${COMP_LINE:0:COMP_POINT}\" current= first= second= word words= names= host= skip= typed\n"
		"\tCOMPREPLY=()\n"
		/* COMP_WORDS takes unix://x and nginx:1 apart */
		"\tread -ra typed <<<\"$line\"\n"
		"\tcase \"$line\" in *[![:blank:]]) current=\"${typed[-1]}\"; unset 'typed[-1]' ;; esac\n"
		"\tfor word in \"${typed[@]:1}\"; do\n"
		"\t\tif [ -n \"$skip\" ]; then skip=; [ -n \"$second\" ] || host=\"$word\"; continue; fi\n"
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
		"\tcase \"$current\" in -*) names= ;; esac\n"
		"\t[ -z \"$names\" ] || words=\"$(\"${typed[0]}\" ${host:+-H \"$host\"} $names 2>/dev/null)\"\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
		"\tCOMPREPLY=(\"${COMPREPLY[@]#\"${current%\"${current##*[:=]}\"}\"}\")\n"
		"}\n"
		"complete -o default -F _swarmbox ");
	buf_printf(out, "%s\n", program);
}

static int completion_run(struct cli *cli, const void *args UNUSED, char **operands)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	if (!str_eq(operands[0], "bash")) {
		err_set(&err, ERR_UNSUPPORTED, "completion for '%s' is not supported; there is: bash",
			operands[0]);
		return cli_fail(&err);
	}
	make_script(cli->program, &out);
	cli_print_buf(&out);
	return EXIT_OK;
}

const struct command completion_command = {
	.name = "completion", .usage = "bash", .help = "Print a completion script for the shell",
	.min = 1, .max = 1, .run = completion_run,
};
