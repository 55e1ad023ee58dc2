/* front.c - the front door: from argv to the command's function, with all that can go wrong on the
 * way answered in docker's words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/applets.h"
#include "applets/cli.h"
#include "applets/install.h"
#include "applets/usage.h"
#include "base/panic.h"
#include "base/version.h"

struct top { const char *host, *install; bool version, docker; };

static const struct option top_options[] = {
	OPT_UNSUPPORTED(0, "config"),
	OPT_UNSUPPORTED('c', "context"),
	OPT_UNSUPPORTED('D', "debug"),
	OPT_BOOL(struct top, docker, 0, "docker", "With --install: make the link docker, too"),
	OPT_STRING(struct top, host, 'H', "host", "string",
		   "Socket of the agent to talk to, unix://PATH (default "
		   "unix:///run/swarmbox/swarmbox.sock, or what SWARMBOX_HOST or DOCKER_HOST say)"),
	OPT_STRING(struct top, install, 0, "install", "dir",
		   "Make the link swarmbox in this folder, and those named behind it"),
	OPT_UNSUPPORTED('l', "log-level"),
	OPT_UNSUPPORTED(0, "tls"),
	OPT_UNSUPPORTED(0, "tlscacert"),
	OPT_UNSUPPORTED(0, "tlscert"),
	OPT_UNSUPPORTED(0, "tlskey"),
	OPT_UNSUPPORTED(0, "tlsverify"),
	OPT_BOOL(struct top, version, 'v', "version", "Print version information and quit"),
	OPT_END
};

/* What each command takes besides its own. */
struct anywhere { const char *host; };
static const struct option anywhere_options[] = {
	OPT_STRING(struct anywhere, host, 'H', "host", "string", NULL),
	OPT_END
};

struct front {
	const char *program;
	char **words;
	struct cli cli;
};

/* --- help --- */

struct entry { char *name; const struct command *command; };
struct entries { struct entry items[128]; size_t count; };

/* Names that a spelling made live on the stack of applets_each_name. */
static void add_entry(void *arg, const char *name, const struct command *command)
{
	struct entries *entries = arg;

	check(entries->count < ARRAY_COUNT(entries->items));
	entries->items[entries->count++] = (struct entry){ str_dup(name), command };
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void add_entries(struct buf *out, const struct entries *entries, bool nouns)
{
	for (size_t i = 0; i < entries->count; i++)
		if ((entries->items[i].command->commands != NULL) == nouns)
			usage_entry(entries->items[i].name, entries->items[i].command->help, out);
}

static int show_top(const struct front *front)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct entries entries = {0};

	applets_each_name(add_entry, &entries);
	qsort(entries.items, entries.count, sizeof(entries.items[0]), compare_entries);
	buf_printf(&out, "Usage:  %s [OPTIONS] COMMAND\n\nRuns services on a cluster of hosts, "
		   "without Docker\n\nManagement Commands:\n", front->program);
	add_entries(&out, &entries, true);
	buf_add_str(&out, "\nCommands:\n");
	add_entries(&out, &entries, false);
	buf_add_str(&out, "\nGlobal Options:\n");
	usage_options(top_options, &out);
	buf_printf(&out, "\nRun '%s COMMAND --help' for more information on a command.\n",
		   front->program);
	for (size_t i = 0; i < entries.count; i++)
		free(entries.items[i].name);
	cli_print_buf(&out);
	return EXIT_OK;
}

static int show_noun(const struct front *front, const struct command *noun, bool is_asked_for)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT, out = BUF_INIT;

	buf_printf(&path, "%s %s", front->program, noun->name);
	usage_noun(buf_text(&path), noun, &out);
	if (is_asked_for)
		cli_print_buf(&out);
	else
		fputs(buf_text(&out), stderr);
	return EXIT_OK;
}

static int show_command(const struct front *front)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	usage_command(front->program, front->cli.path, front->cli.command, &out);
	cli_print_buf(&out);
	return EXIT_OK;
}

/* --- words that are none --- */

/* Of Docker, and not here: no typing errors, so no hints. In the alphabet's order. */
static const char *const missing[] = {
	"build", "builder", "buildx", "checkpoint", "commit", "compose", "container commit", "container cp", "container diff",
	"container export", "context", "cp", "diff", "export", "image build", "image push", "manifest", "network connect",
	"network create", "network disconnect", "network prune", "network remove", "network rm", "plugin", "push", "search",
	"service rollback", "stack", "system dial-stdio", "system prune", "trust", "volume update",
};

static bool is_missing(const struct command *noun, const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(missing); i++) {
		const char *rest = noun ? str_after(missing[i], noun->name) : missing[i];
		if (rest && str_eq(noun ? rest + (*rest == ' ') : rest, word))
			return true;
	}
	return false;
}

struct nearest { const char *word; char best[64]; unsigned distance; };

static void compare(void *arg, const char *name, const struct command *command UNUSED)
{
	struct nearest *nearest = arg;
	unsigned distance = str_distance(name, nearest->word);

	if (distance < nearest->distance && str_copy(nearest->best, sizeof(nearest->best), name))
		nearest->distance = distance;
}

static int unknown_command(const struct front *front, const struct command *noun, const char *word)
{
	/* More than a third of the letters wrong is another word. */
	struct nearest nearest = { .word = word, .distance = (unsigned)MIN(strlen(word), 64u) / 3 + 1 };
	bool comparable = strlen(word) < 64;

	if (is_missing(noun, word)) {
		cli_warn("%s%s%s is not supported by swarmbox yet", noun ? noun->name : "", noun ? " " : "", word);
		return EXIT_FAILED;
	}
	fprintf(stderr, "%s: unknown command: %s %s%s%.100s\n", front->program, front->program,
		noun ? noun->name : "", noun ? " " : "", word);
	if (comparable && noun)
		for (const struct command *c = noun->commands; c->name; c++)
			compare(&nearest, c->name, c);
	else if (comparable)
		applets_each_name(compare, &nearest);
	if (nearest.best[0])
		fprintf(stderr, "Did you mean '%s'?\n", nearest.best);
	if (noun)
		fprintf(stderr, "\nUsage:  %s %s\n", front->program, noun->name);
	fprintf(stderr, "\nRun '%s %s%s--help' for more information\n", front->program,
		noun ? noun->name : "", noun ? " " : "");
	return EXIT_FAILED;
}

static int wrong_count(const struct front *front, size_t count)
{
	const struct command *c = front->cli.command;
	const char *run = "Run";
	CLEANUP(buf_finip) struct buf text = BUF_INIT, usage = BUF_INIT;

	if (c->max == 0) {
		buf_add_str(&text, "accepts no arguments");
	} else if (c->min == c->max) {
		buf_printf(&text, "requires %u argument%s", c->min, c->min == 1 ? "" : "s");
	} else if (count < c->min && c->max == COMMAND_MANY) {
		buf_printf(&text, "requires at least %u argument%s", c->min, c->min == 1 ? "" : "s");
		run = "See";
	} else if (c->min == 0) {
		buf_printf(&text, "requires at most %u argument%s", c->max, c->max == 1 ? "" : "s");
	} else {
		buf_printf(&text, "requires at least %u and at most %u arguments", c->min, c->max);
	}
	usage_line(front->cli.path, c, &usage);
	fprintf(stderr, "%s: '%s' %s\n\n%s\n\n%s '%s --help' for more information\n", front->program,
		front->cli.path, buf_text(&text), buf_text(&usage), run, front->cli.path);
	return EXIT_FAILED;
}

/* --- running --- */

static int run_with(struct front *front, void *args)
{
	const struct command *command = front->cli.command;
	struct anywhere anywhere = {0};
	struct option_set sets[] = { { command->options, args }, { anywhere_options, &anywhere } };
	size_t count = 0;
	struct err err = {0};

	switch (option_parse(sets, ARRAY_COUNT(sets), front->words, command->operands_end, &count,
			     &err)) {
	case OPTION_HELP:
		return show_command(front);
	case OPTION_WRONG:
		return cli_misused(&front->cli, &err);
	case OPTION_OK:
		break;
	}
	if (count < command->min || count > command->max)
		return wrong_count(front, count);
	if (anywhere.host)
		front->cli.host = anywhere.host;
	return command->run(&front->cli, args, front->words);
}

static int run_command(struct front *front, const struct command *command, const char *path)
{
	void *args = mem_new(1, MAX(command->args_size, (size_t)1));
	struct option_set set = { command->options, args };

	front->cli.program = front->program;
	front->cli.path = path;
	front->cli.command = command;
	int code = run_with(front, args);
	option_fini(&set);
	free(args);
	cli_fini(&front->cli);
	return code;
}

/* Options may stand between a noun and its command: service -H unix:///x ls. */
static int take_top_options(struct front *front, struct top *top, enum option_result *ret)
{
	struct option_set set = { top_options, top };
	static const struct command self = { .usage = "[OPTIONS] COMMAND [ARG...]" };
	size_t count;
	struct err err = {0};

	*ret = option_parse(&set, 1, front->words, true, &count, &err);
	if (*ret != OPTION_WRONG)
		return EXIT_OK;
	front->cli.path = front->program;
	front->cli.command = &self;
	return cli_misused(&front->cli, &err);
}

static int run_noun(struct front *front, const struct command *noun)
{
	struct top top = {0};
	enum option_result parsed;
	char *word[] = { (char *)noun->name, NULL, NULL };

	front->words++;
	int code = take_top_options(front, &top, &parsed);
	if (parsed == OPTION_WRONG)
		return code;
	if (parsed == OPTION_HELP || !front->words[0])
		return show_noun(front, noun, parsed == OPTION_HELP);
	word[1] = front->words[0];
	struct applets_match match = applets_find(word);
	if (!match.command)
		return unknown_command(front, noun, front->words[0]);
	if (top.host)
		front->cli.host = top.host;
	front->words++;
	char *path = str_printf("%s %s %s", front->program, noun->name, match.command->name);
	code = run_command(front, match.command, path);
	free(path);
	return code;
}

/* `help service ls` is `service ls --help`. */
static int run_help(struct front *front)
{
	struct applets_match match;

	front->words++;
	if (!front->words[0])
		return show_top(front);
	match = applets_find(front->words);
	if (match.words == 0 || front->words[match.words]) {
		fputs("unknown help topic:", stderr);
		for (char **word = front->words; *word; word++)
			fprintf(stderr, " %s", *word);
		fputc('\n', stderr);
		return EXIT_FAILED;
	}
	if (!match.command)
		return show_noun(front, match.noun, true);
	char *path = match.noun ? str_printf("%s %s %s", front->program, match.noun->name,
					     match.command->name) :
				  str_printf("%s %s", front->program, front->words[0]);
	front->cli.path = path;
	front->cli.command = match.command;
	int code = show_command(front);
	free(path);
	return code;
}

static int run_words(struct front *front)
{
	struct applets_match match = applets_find(front->words);

	if (str_eq(front->words[0], "help"))
		return run_help(front);
	if (match.noun)
		return run_noun(front, match.noun);
	if (!match.command)
		return unknown_command(front, NULL, front->words[0]);
	char *path = str_printf("%s %s", front->program, front->words[0]);
	front->words++;
	int code = run_command(front, match.command, path);
	free(path);
	return code;
}

static int run_top(struct front *front)
{
	struct top top = {0};
	enum option_result parsed;
	struct err err = {0};
	int code = take_top_options(front, &top, &parsed);

	if (parsed == OPTION_WRONG)
		return code;
	if (parsed == OPTION_HELP)
		return show_top(front);
	if (top.version) {
		cli_printf("%s version %s, build %s\n", "swarmbox", version_text(), version_build());
		return EXIT_OK;
	}
	if (top.docker && !top.install) {
		fputs("--docker goes with --install DIR\n", stderr);
		return EXIT_USAGE;
	}
	if (top.install)
		return install_links(top.install, top.docker, front->words, &err) < 0 ?
		       cli_fail(&err) : EXIT_OK;
	if (!front->words[0])
		return show_top(front);
	front->cli.host = top.host;
	return run_words(front);
}

int applets_main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	char *name = slash ? (char *)slash + 1 : argc > 0 ? argv[0] : (char *)"swarmbox";
	struct front front = { .program = str_eq(name, "docker") ? "docker" : "swarmbox" };

	/* Called by the name of a command: that is the first word. */
	if (argc > 0 && applets_find((char *[]){ name, NULL }).words > 0) {
		argv[0] = name;
		front.words = argv;
		return run_words(&front);
	}
	front.words = argc > 0 ? argv + 1 : argv;
	return run_top(&front);
}
