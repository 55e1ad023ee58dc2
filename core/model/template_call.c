#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/template_tree.h"

#define MAX_PAD 4096            /* of pad's widths and of printf's */

static int bad_argument(const struct template_call *in, const char *what)
{
	return err_set(in->err, ERR_INVALID, "error calling %s: %s", in->name, what);
}

int template_give(const struct template_call *in, const struct buf *text, struct tval *ret)
{
	if (text->overflowed)
		return bad_argument(in, "what it makes is too long");
	*ret = tval_of_string(arena_strndup(in->arena, buf_text(text), text->len));
	return 0;
}

static const char *text_of(const struct template_call *in, struct tval value)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (value.kind == TVAL_STRING)
		return value.string;
	tval_print(value, &text);
	return arena_strdup(in->arena, buf_text(&text));
}

static struct tval truth(bool yes)
{
	return (struct tval){ .kind = TVAL_BOOL, .truth = yes };
}

/* --- one function each; the table below says how many arguments they take --- */

static int call_index(const struct template_call *in, struct tval *ret)
{
	struct tval value = in->args[0];

	for (size_t i = 1; i < in->count; i++) {
		struct tval at = in->args[i];
		bool found;
		size_t count;

		if (in->kind != TEMPLATE_FORMAT && (value.kind != TVAL_JSON || tval_struct(value)))
			return err_set(in->err, ERR_INVALID, "error calling index: can't index item of type %s",
				       tval_struct(value) ? tval_struct(value) : "string");
		if (at.kind == TVAL_STRING) {
			value = tval_field(value, at.string, true, &found);
			if (!found && in->kind != TEMPLATE_FORMAT)
				value = tval_of_string("");     /* of a map of strings */
			continue;
		}
		if (at.kind != TVAL_INT || (value.kind != TVAL_LIST && value.kind != TVAL_JSON))
			return bad_argument(in, "an index is a number into a list or a key of a map");
		const struct tval *items = tval_elements(value, in->arena, &count, NULL);
		if (at.number < 0 || (size_t)at.number >= count)
			return bad_argument(in, "index out of range");
		value = items[at.number];
	}
	*ret = value;
	return 0;
}

static int call_len(const struct template_call *in, struct tval *ret)
{
	if (tval_struct(in->args[0]))
		return bad_argument(in, "len of type struct");
	*ret = (struct tval){ .kind = TVAL_INT, .number = (int64_t)tval_count(in->args[0]) };
	return 0;
}

static int call_eq(const struct template_call *in, struct tval *ret)
{
	bool same = false;

	for (size_t i = 1; i < in->count; i++)
		same |= tval_equals(in->args[0], in->args[i]);
	*ret = truth(same);
	return 0;
}

static int call_ne(const struct template_call *in, struct tval *ret)
{
	*ret = truth(!tval_equals(in->args[0], in->args[1]));
	return 0;
}

/* lt le gt ge: -1, 0, 1 */
static int compare(const struct template_call *in, int *ret)
{
	struct tval a = in->args[0], b = in->args[1];

	if (a.kind != b.kind || (a.kind != TVAL_INT && a.kind != TVAL_REAL && a.kind != TVAL_STRING))
		return bad_argument(in, "incompatible types for comparison");
	if (a.kind == TVAL_STRING)
		*ret = strcmp(a.string, b.string);
	else if (a.kind == TVAL_INT)
		*ret = (a.number > b.number) - (a.number < b.number);
	else
		*ret = (a.real > b.real) - (a.real < b.real);
	return 0;
}

static int call_less(const struct template_call *in, struct tval *ret)
{
	bool turns = in->name[0] == 'g';        /* a > b is b < a */
	int order = 0;

	if (compare(in, &order) < 0)
		return -1;
	order = turns ? -order : order;
	*ret = truth(order < 0 || (order == 0 && in->name[1] == 'e'));
	return 0;
}

static int call_and(const struct template_call *in, struct tval *ret)
{
	for (size_t i = 0; i < in->count; i++) {
		*ret = in->args[i];
		if (!tval_is_true(*ret))
			break;
	}
	return 0;
}

static int call_or(const struct template_call *in, struct tval *ret)
{
	for (size_t i = 0; i < in->count; i++) {
		*ret = in->args[i];
		if (tval_is_true(*ret))
			break;
	}
	return 0;
}

static int call_not(const struct template_call *in, struct tval *ret)
{
	*ret = truth(!tval_is_true(in->args[0]));
	return 0;
}

static int call_json(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = { .ceiling = TEMPLATE_TEXT_MAX };

	tval_json(in->args[0], &text);
	return template_give(in, &text, ret);
}

/* A blank between what is no string, or, with a line's end, between all. */
static int call_print(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = { .ceiling = TEMPLATE_TEXT_MAX };
	bool is_line = str_eq(in->name, "println");

	for (size_t i = 0; i < in->count; i++) {
		if (i && (is_line || (in->args[i - 1].kind != TVAL_STRING && in->args[i].kind != TVAL_STRING)))
			buf_add_char(&text, ' ');
		tval_print(in->args[i], &text);
	}
	buf_add_str(&text, is_line ? "\n" : "");
	return template_give(in, &text, ret);
}

/* Swarm's: the separator, then what is joined. */
static int call_join_words(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = { .ceiling = TEMPLATE_TEXT_MAX };

	for (size_t i = 0; i < in->count; i++)
		if (in->args[i].kind != TVAL_STRING)
			return bad_argument(in, "wrong type for value; expected string");
	for (size_t i = 1; i < in->count; i++) {
		buf_add_str(&text, i > 1 ? in->args[0].string : "");
		buf_add_str(&text, in->args[i].string);
	}
	return template_give(in, &text, ret);
}

/* env, secret, config */
static int call_lookup(const struct template_call *in, struct tval *ret)
{
	const char *found = "";

	if (in->args[0].kind != TVAL_STRING)
		return bad_argument(in, "wrong type for value; expected string");
	if (in->lookup->find(in->lookup->arg, in->name, in->args[0].string, in->arena, &found, in->err) < 0) {
		struct err why = *in->err;
		return bad_argument(in, *in->is_hidden ? "its target is not there, or is no text" : why.text);
	}
	*in->is_hidden |= str_eq(in->name, "secret");
	*ret = tval_of_string(found);
	return 0;
}

static int call_foreign(const struct template_call *in, struct tval *ret UNUSED)
{
	return bad_argument(in, "it is not supported by swarmbox");
}

static int call_join(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = { .ceiling = TEMPLATE_TEXT_MAX };
	struct tval list = in->args[0];
	size_t count = 0;

	if (list.kind != TVAL_LIST && list.kind != TVAL_JSON && list.kind != TVAL_NIL)
		return bad_argument(in, "what is joined must be a list");
	const struct tval *items = tval_count(list) ? tval_elements(list, in->arena, &count, NULL) : NULL;
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? text_of(in, in->args[1]) : "", text_of(in, items[i]));
	return template_give(in, &text, ret);
}

static int call_split(const struct template_call *in, struct tval *ret)
{
	const char *text = text_of(in, in->args[0]), *separator = text_of(in, in->args[1]);
	size_t step = strlen(separator), count = 1;

	if (step == 0)
		return bad_argument(in, "the separator is empty");
	for (const char *at = text; (at = strstr(at, separator)); at += step)
		count++;
	struct tval *items = ARENA_ARRAY(in->arena, struct tval, count);
	for (size_t i = 0; i < count; i++) {
		const char *end = i + 1 < count ? strstr(text, separator) : text + strlen(text);
		items[i] = tval_of_string(arena_strndup(in->arena, text, (size_t)(end - text)));
		text = end + step;
	}
	*ret = (struct tval){ .kind = TVAL_LIST, .list = { items, count } };
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static int call_case(const struct template_call *in, struct tval *ret)
{
	char *text = arena_strdup(in->arena, text_of(in, in->args[0]));
	bool is_title = str_eq(in->name, "title"), to_lower = str_eq(in->name, "lower");

	for (char *c = text; *c; c++) {
		bool starts_word = c == text || !(is_letter(c[-1]) || (c[-1] >= '0' && c[-1] <= '9') ||
						  c[-1] == '_' || c[-1] == '\'');
		if (to_lower && *c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
		else if (!to_lower && (!is_title || starts_word) && *c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	*ret = tval_of_string(text);
	return 0;
}

static int call_pad(const struct template_call *in, struct tval *ret)
{
	const char *text = text_of(in, in->args[0]);
	struct tval before = in->args[1], behind = in->args[2];

	if (before.kind != TVAL_INT || behind.kind != TVAL_INT || before.number < 0 ||
	    behind.number < 0 || before.number > MAX_PAD || behind.number > MAX_PAD)
		return bad_argument(in, "widths are numbers from 0 to 4096");
	*ret = tval_of_string(*text ? arena_printf(in->arena, "%*s%s%*s", (int)before.number, "", text,
						   (int)behind.number, "") : "");
	return 0;
}

static int call_truncate(const struct template_call *in, struct tval *ret)
{
	const char *text = text_of(in, in->args[0]);
	struct tval length = in->args[1];

	if (length.kind != TVAL_INT || length.number < 0)
		return bad_argument(in, "a length is a number from 0 up");
	size_t keep = MIN(strlen(text), (size_t)length.number);
	*ret = tval_of_string(arena_strndup(in->arena, text, keep));
	return 0;
}

/* --- printf --- */

struct verb { bool left, zero, has_precision; unsigned width, precision; char letter; };

static const char *read_number(const char *at, unsigned *ret)
{
	for (*ret = 0; *at >= '0' && *at <= '9' && *ret <= MAX_PAD; at++)
		*ret = *ret * 10 + (unsigned)(*at - '0');
	return at;
}

/* Behind the percent sign. */
static const char *read_verb(const char *at, struct verb *ret)
{
	*ret = (struct verb){0};
	for (; *at == '-' || *at == '0'; at++) {
		ret->left |= *at == '-';
		ret->zero |= *at == '0';
	}
	at = read_number(at, &ret->width);
	if (*at == '.') {
		ret->has_precision = true;
		at = read_number(at + 1, &ret->precision);
	}
	ret->letter = *at;
	return *at ? at + 1 : at;
}

static int format_value(const struct template_call *in, const struct verb *verb, struct tval value,
			struct buf *text)
{
	switch (verb->letter) {
	case 's':
	case 'v':
		tval_print(value, text);
		if (verb->has_precision && text->len > verb->precision)
			text->data[text->len = verb->precision] = '\0';
		return 0;
	case 'q':
		tval_json(tval_of_string(text_of(in, value)), text);
		return 0;
	case 'd':
		if (value.kind != TVAL_INT)
			return bad_argument(in, "%d needs an integer");
		tval_print(value, text);
		return 0;
	case 'x':
		if (value.kind != TVAL_INT)
			return bad_argument(in, "%x needs an integer");
		buf_printf(text, "%llx", (unsigned long long)value.number);
		return 0;
	case 't':
		if (value.kind != TVAL_BOOL)
			return bad_argument(in, "%t needs true or false");
		tval_print(value, text);
		return 0;
	case 'f':
		if (value.kind != TVAL_REAL && value.kind != TVAL_INT)
			return bad_argument(in, "%f needs a number");
		buf_printf(text, "%.*f", verb->has_precision ? (int)verb->precision : 6,
			   value.kind == TVAL_REAL ? value.real : (double)value.number);
		return 0;
	default:
		return bad_argument(in, "of its verbs there are %s %v %q %d %x %t %f");
	}
}

static void add_padded(struct buf *out, const struct verb *verb, const struct buf *text)
{
	size_t missing = verb->width > text->len ? verb->width - text->len : 0;
	bool zero = verb->zero && !verb->left;

	if (verb->left)
		buf_add(out, text->data, text->len);
	while (missing-- > 0)
		buf_add_char(out, zero ? '0' : ' ');
	if (!verb->left)
		buf_add(out, text->data, text->len);
}

static int call_printf(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf out = { .ceiling = TEMPLATE_TEXT_MAX };
	size_t next = 1;

	for (const char *at = text_of(in, in->args[0]); *at;) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		struct verb verb;

		if (*at != '%' || at[1] == '%') {
			buf_add_char(&out, *at);
			at += *at == '%' ? 2 : 1;
			continue;
		}
		at = read_verb(at + 1, &verb);
		if (verb.width > MAX_PAD || verb.precision > MAX_PAD)
			return bad_argument(in, "a width is over 4096");
		if (next == in->count)
			return bad_argument(in, "fewer arguments than verbs");
		if (format_value(in, &verb, in->args[next++], &text) < 0)
			return -1;
		add_padded(&out, &verb, &text);
	}
	if (next != in->count)
		return bad_argument(in, "more arguments than verbs");
	return template_give(in, &out, ret);
}

enum {
	MANY = 64,
	DOCKERS = TEMPLATE_FORMAT, LOOKUPS = TEMPLATE_PAYLOAD | TEMPLATE_SECRET, SWARMS = TEMPLATE_SPEC | LOOKUPS, ALL = DOCKERS | SWARMS,
};
static const struct function {
	char name[10];
	uint8_t kinds, min, max;
	int (*run)(const struct template_call *in, struct tval *ret);
} functions[] = {
	{ "index", ALL, 1, MANY, call_index },       { "len", ALL, 1, 1, call_len },
	{ "printf", ALL, 1, MANY, call_printf },     { "print", ALL, 0, MANY, call_print },
	{ "println", ALL, 0, MANY, call_print },     { "eq", ALL, 2, MANY, call_eq },
	{ "ne", ALL, 2, 2, call_ne },                { "lt", ALL, 2, 2, call_less },
	{ "le", ALL, 2, 2, call_less },              { "gt", ALL, 2, 2, call_less },
	{ "ge", ALL, 2, 2, call_less },              { "and", ALL, 1, MANY, call_and },
	{ "or", ALL, 1, MANY, call_or },             { "not", ALL, 1, 1, call_not },
	{ "html", ALL, 0, MANY, template_escape },   { "urlquery", ALL, 0, MANY, template_escape },
	{ "slice", ALL, 1, 3, template_slice },
	{ "call", ALL, 0, MANY, call_foreign },      { "js", ALL, 0, MANY, call_foreign },
	{ "json", DOCKERS, 1, 1, call_json },        { "join", DOCKERS, 2, 2, call_join },
	{ "split", DOCKERS, 2, 2, call_split },      { "upper", DOCKERS, 1, 1, call_case },
	{ "lower", DOCKERS, 1, 1, call_case },       { "title", DOCKERS, 1, 1, call_case },
	{ "pad", DOCKERS, 3, 3, call_pad },          { "truncate", DOCKERS, 2, 2, call_truncate },
	{ "join", SWARMS, 1, MANY, call_join_words },
	{ "env", LOOKUPS, 1, 1, call_lookup },       { "secret", LOOKUPS, 1, 1, call_lookup },
	{ "config", LOOKUPS, 1, 1, call_lookup },
};

static const struct function *find_function(enum template_kind kind, const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
		if ((functions[i].kinds & kind) && str_eq(functions[i].name, name))
			return &functions[i];
	return NULL;
}

bool template_call_exists(enum template_kind kind, const char *function)
{
	return find_function(kind, function) != NULL;
}

int template_call(const struct template_call *in, struct tval *ret)
{
	const struct function *function = find_function(in->kind, in->name);

	if (in->count >= function->min && in->count <= function->max)
		return function->run(in, ret);
	return err_set(in->err, ERR_INVALID, "wrong number of args for %s: want %s%u got %zu", in->name,
		       function->max == MANY ? "at least " : "", function->min, in->count);
}
