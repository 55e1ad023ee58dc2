#include "applets/option.h"

#include <string.h>

#include "base/buf.h"
#include "base/panic.h"

struct parser {
	const struct option_set *sets;
	size_t set_count;
	char **next;            /* the argument to come */
	bool is_help;
	struct err *err;
};

static const struct option *find_in(const struct option *options, char letter, const char *name,
				    size_t length)
{
	for (; options && options->kind != OPTION_END; options++) {
		if (name && strlen(options->name) == length &&
		    memcmp(options->name, name, length) == 0)
			return options;
		if (!name && letter && options->letter == letter)
			return options;
	}
	return NULL;
}

static const struct option *find(const struct parser *parser, char letter, const char *name,
				 size_t length, void **ret_args)
{
	for (size_t i = 0; i < parser->set_count; i++) {
		const struct option *option = find_in(parser->sets[i].options, letter, name, length);
		if (option) {
			*ret_args = parser->sets[i].args;
			return option;
		}
	}
	return NULL;
}

static bool is_switch(const struct option *option)
{
	return option->kind == OPTION_BOOL || option->kind == OPTION_TAKE_BOOL;
}

/* --- values --- */

static int parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_COUNT(yes); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return -1;
}

int option_no_number(bool is_signed, const char *value, struct err *err)
{
	const char *digits = value + (is_signed && (*value == '-' || *value == '+'));
	bool is_large = *digits && digits[strspn(digits, "0123456789")] == '\0';

	return err_set(err, ERR_INVALID, "strconv.%s: parsing \"%s\": %s",
		       is_signed ? "ParseInt" : "ParseUint", value,
		       is_large ? "value out of range" : "invalid syntax");
}

static int take_number(const struct option *option, void *field, const char *value,
		       struct err *err)
{
	struct option_int *number = field;
	struct option_uint *natural = field;
	bool is_int = option->kind == OPTION_INT;

	if ((is_int ? str_to_i64(value, &number->value) : str_to_u64(value, &natural->value)) < 0)
		return option_no_number(is_int, value, err);
	if (is_int)
		number->given = true;
	else
		natural->given = true;
	return 0;
}

static int take_bool(const struct option *option, void *args, const char *value, struct err *err)
{
	bool yes;

	if (parse_bool(value, &yes) < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseBool: parsing \"%s\": invalid syntax",
			       value);
	if (option->kind == OPTION_TAKE_BOOL)
		return option->take(args, option, yes ? "true" : "false", err);
	*(bool *)((char *)args + option->offset) = yes;
	return 0;
}

static int take_value(const struct option *option, void *args, const char *value, struct err *err)
{
	void *field = (char *)args + option->offset;

	switch (option->kind) {
	case OPTION_BOOL:
	case OPTION_TAKE_BOOL:
		return take_bool(option, args, value, err);
	case OPTION_STRING:
		*(const char **)field = value;
		return 0;
	case OPTION_LIST:
		if (option->take && option->take(args, option, value, err) < 0)
			return -1;
		strlist_add(field, value);
		return 0;
	case OPTION_INT:
	case OPTION_UINT:
		return take_number(option, field, value, err);
	case OPTION_TAKE:
		return option->take(args, option, value, err);
	case OPTION_UNSUPPORTED:
	case OPTION_END:
		break;
	}
	panic("option --%s", option->name);
}

static int set(struct parser *parser, const struct option *option, void *args, const char *value)
{
	CLEANUP(buf_finip) struct buf shown = BUF_INIT;
	struct err why = {0};

	if (option->kind == OPTION_UNSUPPORTED)
		return err_set(parser->err, ERR_UNSUPPORTED, "--%s is not supported by swarmbox yet",
			       option->name);
	if (take_value(option, args, value, &why) == 0)
		return 0;
	char letter[5] = { '-', option->letter, ',', ' ', '\0' };
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			buf_add_char(&shown, '\\');
		buf_add_char(&shown, *c);
	}
	return err_set(parser->err, ERR_INVALID, "invalid argument \"%s\" for \"%s--%s\" flag: %s",
		       buf_text(&shown), option->letter ? letter : "", option->name, why.text);
}

/* --- words --- */

/* The option the user may have meant, for the hint. */
static const char *nearest(const struct parser *parser, const char *name)
{
	const char *best = NULL;
	/* More than a third of the letters wrong is another word. */
	unsigned best_distance = (unsigned)strlen(name) / 3 + 1;

	for (size_t i = 0; i < parser->set_count; i++) {
		for (const struct option *o = parser->sets[i].options; o && o->kind; o++) {
			unsigned distance = str_distance(o->name, name);
			if (o->help && distance < best_distance) {
				best = o->name;
				best_distance = distance;
			}
		}
	}
	return best;
}

static int unknown_long(struct parser *parser, const char *name, size_t length)
{
	char word[65] = "";
	const char *near = NULL;

	if (length < sizeof(word)) {
		memcpy(word, name, length);
		near = nearest(parser, word);
	}
	if (near)
		return err_set(parser->err, ERR_INVALID, "unknown flag: --%s\nDid you mean --%s?", word,
			       near);
	return err_set(parser->err, ERR_INVALID, "unknown flag: --%.*s", (int)MIN(length, 100), name);
}

static bool is_help(const char *name, size_t length)
{
	return length == 4 && memcmp(name, "help", 4) == 0;
}

/* "name", "name=value" behind one or two dashes. */
static int read_long(struct parser *parser, const char *text)
{
	size_t length = strcspn(text, "=");
	void *args;
	const struct option *option = find(parser, 0, text, length, &args);

	if (!option && is_help(text, length)) {
		parser->is_help = true;
		return 0;
	}
	if (!option)
		return unknown_long(parser, text, length);
	if (text[length] == '=')
		return set(parser, option, args, text + length + 1);
	if (is_switch(option) || option->kind == OPTION_UNSUPPORTED)
		return set(parser, option, args, "true");
	if (!*parser->next)
		return err_set(parser->err, ERR_INVALID, "flag needs an argument: --%s",
			       option->name);
	return set(parser, option, args, *parser->next++);
}

/* "abc", "n5", "n=5", "n" 5 behind one dash. */
static int read_letters(struct parser *parser, const char *letters)
{
	for (const char *at = letters; *at; at++) {
		void *args;
		const struct option *option = find(parser, *at, NULL, 0, &args);

		if (!option && *at == 'h') {
			parser->is_help = true;
			return 0;
		}
		if (!option)
			return err_set(parser->err, ERR_INVALID,
				       "unknown shorthand flag: '%c' in -%.100s", *at, at);
		if (at[1] == '=')
			return set(parser, option, args, at + 2);
		if (is_switch(option) || option->kind == OPTION_UNSUPPORTED) {
			if (set(parser, option, args, "true") < 0)
				return -1;
			continue;
		}
		if (at[1])
			return set(parser, option, args, at + 1);
		if (!*parser->next)
			return err_set(parser->err, ERR_INVALID,
				       "flag needs an argument: '%c' in -%.100s", *at, at);
		return set(parser, option, args, *parser->next++);
	}
	return 0;
}

/* -advertise-addr: one dash, but the name of a long option. */
static bool is_long_with_one_dash(const struct parser *parser, const char *text)
{
	size_t length = strcspn(text, "=");
	void *args;

	return length > 1 && (find(parser, 0, text, length, &args) || is_help(text, length));
}

static int read_word(struct parser *parser, const char *word)
{
	if (word[1] == '-')
		return read_long(parser, word + 2);
	if (is_long_with_one_dash(parser, word + 1))
		return read_long(parser, word + 1);
	return read_letters(parser, word + 1);
}

enum option_result option_parse(const struct option_set *sets, size_t set_count, char **argv,
				bool operands_end, size_t *ret_operands, struct err *err)
{
	struct parser parser = { .sets = sets, .set_count = set_count, .next = argv, .err = err };
	bool only_operands = false;
	size_t count = 0;

	while (*parser.next) {
		char *word = *parser.next++;

		if (!only_operands && strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (only_operands || word[0] != '-' || word[1] == '\0') {
			argv[count++] = word;   /* never ahead of what is read */
			only_operands |= operands_end;
		} else if (read_word(&parser, word) < 0) {
			return OPTION_WRONG;
		}
		if (parser.is_help)
			return OPTION_HELP;
	}
	argv[count] = NULL;
	*ret_operands = count;
	return OPTION_OK;
}

void option_fini(const struct option_set *set)
{
	for (const struct option *o = set->options; o && o->kind != OPTION_END; o++)
		if (o->kind == OPTION_LIST)
			strlist_fini((void *)((char *)set->args + o->offset));
}
