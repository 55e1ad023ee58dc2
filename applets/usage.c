#include "applets/usage.h"

#include <string.h>

#define COLUMNS 79
#define SPARE 5
#define MIN_TEXT 24             /* narrower text goes below its option instead */
#define BELOW 16

static void add_spaces(struct buf *out, size_t count)
{
	while (count-- > 0)
		buf_add_char(out, ' ');
}

/* How much of text fits into room columns, *ret_next where the following line starts. */
static size_t line_length(const char *text, size_t room, const char **ret_next)
{
	size_t length = strlen(text), stop = room - SPARE;

	*ret_next = text + length;
	if (room > length)
		return length;
	for (size_t i = 1; i < stop; i++) {
		if (text[i] == '\n') {
			*ret_next = text + i + 1;
			return i;
		}
	}
	for (size_t i = stop - 1; i > 0; i--) {
		if (text[i] == ' ') {
			*ret_next = text + i + 1;
			return i;
		}
	}
	return length;
}

static void add_wrapped(struct buf *out, const char *text, size_t indent)
{
	const char *next = text;

	if (COLUMNS - indent < MIN_TEXT) {
		indent = BELOW;
		buf_add_char(out, '\n');
		add_spaces(out, indent);
	}
	while (*text) {
		size_t length = line_length(text, COLUMNS - indent, &next);
		for (size_t i = 0; i < length; i++) {
			buf_add_char(out, text[i]);
			if (text[i] == '\n')
				add_spaces(out, indent);
		}
		buf_add_char(out, '\n');
		text = next;
		if (*text)
			add_spaces(out, indent);
	}
}

static size_t option_width(const struct option *option)
{
	size_t type = strlen(option->type);

	return 8 + strlen(option->name) + (type ? type + 1 : 0);
}

static void add_option(struct buf *out, const struct option *o, size_t widest)
{
	if (o->letter)
		buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (o->type[0])
		buf_printf(out, " %s", o->type);
	add_spaces(out, widest - option_width(o) + 3);
	add_wrapped(out, o->help, widest + 3);
}

/* The visible option whose name comes next in the alphabet; NULL behind the last. */
static const struct option *next_by_name(const struct option *options, const char *after)
{
	const struct option *best = NULL;

	for (const struct option *o = options; o->kind != OPTION_END; o++)
		if (o->help && strcmp(o->name, after) > 0 && (!best || strcmp(o->name, best->name) < 0))
			best = o;
	return best;
}

void usage_options(const struct option *options, struct buf *out)
{
	size_t widest = 0;

	for (const struct option *o = options; o->kind != OPTION_END; o++)
		if (o->help)
			widest = MAX(widest, option_width(o));
	for (const struct option *o = next_by_name(options, ""); o; o = next_by_name(options, o->name))
		add_option(out, o, widest);
}

void usage_entry(const char *name, const char *help, struct buf *out)
{
	buf_printf(out, "  %-11s %s\n", name, help);
}

void usage_line(const char *path, const struct command *command, struct buf *out)
{
	buf_printf(out, "Usage:  %s", path);
	if (command->usage && command->usage[0])
		buf_printf(out, " %s", command->usage);
}

static bool has_visible(const struct option *options)
{
	for (const struct option *o = options; o && o->kind != OPTION_END; o++)
		if (o->help)
			return true;
	return false;
}

static void add_spellings(const char *program, const char *spellings, struct buf *out)
{
	struct strlist list = str_split(spellings, ',');
	size_t width = 2;

	buf_add_str(out, "\nAliases:\n  ");
	for (size_t i = 0; i < list.count; i++) {
		const char *spelling = list.items[i] + strspn(list.items[i], " ");
		size_t length = strlen(program) + 1 + strlen(spelling) + (i ? 2 : 0);

		if (i && width + length > COLUMNS) {
			buf_add_str(out, ",\n  ");
			width = 2;
			length -= 2;
		} else if (i) {
			buf_add_str(out, ", ");
		}
		buf_printf(out, "%s %s", program, spelling);
		width += length;
	}
	buf_add_char(out, '\n');
	strlist_fini(&list);
}

void usage_command(const char *program, const char *path, const struct command *command,
		   struct buf *out)
{
	usage_line(path, command, out);
	buf_printf(out, "\n\n%s\n", command->help);
	if (command->spellings)
		add_spellings(program, command->spellings, out);
	if (has_visible(command->options)) {
		buf_add_str(out, "\nOptions:\n");
		usage_options(command->options, out);
	}
}

void usage_noun(const char *path, const struct command *noun, struct buf *out)
{
	buf_printf(out, "Usage:  %s COMMAND\n\n%s\n\nCommands:\n", path, noun->help);
	for (const struct command *c = noun->commands; c->name; c++)
		if (!c->is_hidden)
			usage_entry(c->name, c->help, out);
	buf_printf(out, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
}
