#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "client/template_tree.h"

#define MAX_PAD 4096            /* of pad's widths and of printf's */

struct call_in {
	const char *name;
	const struct tval *args;
	size_t count;
	struct arena *arena;
	struct err *err;
};

static int bad_argument(const struct call_in *in, const char *what)
{
	return err_set(in->err, ERR_INVALID, "template: error calling %s: %s", in->name, what);
}

static const char *text_of(const struct call_in *in, struct tval value)
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

static int call_index(const struct call_in *in, struct tval *ret)
{
	struct tval value = in->args[0];

	for (size_t i = 1; i < in->count; i++) {
		struct tval at = in->args[i];
		bool found;
		size_t count;

		if (at.kind == TVAL_STRING) {
			value = tval_field(value, at.string, &found);
			continue;
		}
		if (at.kind != TVAL_INT || (value.kind != TVAL_LIST && value.kind != TVAL_JSON))
			return bad_argument(in, "an index is a number into a list or a key of a map");
		const struct tval *items = tval_elements(value, in->arena, &count);
		if (at.number < 0 || (size_t)at.number >= count)
			return bad_argument(in, "index out of range");
		value = items[at.number];
	}
	*ret = value;
	return 0;
}

static int call_len(const struct call_in *in, struct tval *ret)
{
	*ret = (struct tval){ .kind = TVAL_INT, .number = (int64_t)tval_count(in->args[0]) };
	return 0;
}

static int call_eq(const struct call_in *in, struct tval *ret)
{
	bool same = false;

	for (size_t i = 1; i < in->count; i++)
		same |= tval_equals(in->args[0], in->args[i]);
	*ret = truth(same);
	return 0;
}

static int call_ne(const struct call_in *in, struct tval *ret)
{
	*ret = truth(!tval_equals(in->args[0], in->args[1]));
	return 0;
}

static int call_and(const struct call_in *in, struct tval *ret)
{
	for (size_t i = 0; i < in->count; i++) {
		*ret = in->args[i];
		if (!tval_is_true(*ret))
			break;
	}
	return 0;
}

static int call_or(const struct call_in *in, struct tval *ret)
{
	for (size_t i = 0; i < in->count; i++) {
		*ret = in->args[i];
		if (tval_is_true(*ret))
			break;
	}
	return 0;
}

static int call_not(const struct call_in *in, struct tval *ret)
{
	*ret = truth(!tval_is_true(in->args[0]));
	return 0;
}

static int call_json(const struct call_in *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	tval_json(in->args[0], &text);
	*ret = tval_of_string(arena_strdup(in->arena, buf_text(&text)));
	return 0;
}

static int call_join(const struct call_in *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct tval list = in->args[0];
	size_t count = 0;

	if (list.kind != TVAL_LIST && list.kind != TVAL_JSON && list.kind != TVAL_NIL)
		return bad_argument(in, "what is joined must be a list");
	const struct tval *items = tval_count(list) ? tval_elements(list, in->arena, &count) : NULL;
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? text_of(in, in->args[1]) : "", text_of(in, items[i]));
	*ret = tval_of_string(arena_strdup(in->arena, buf_text(&text)));
	return 0;
}

static int call_split(const struct call_in *in, struct tval *ret)
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

static int call_case(const struct call_in *in, struct tval *ret)
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

static int call_pad(const struct call_in *in, struct tval *ret)
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

static int call_truncate(const struct call_in *in, struct tval *ret)
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

static int format_value(const struct call_in *in, const struct verb *verb, struct tval value,
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
		return err_set(in->err, ERR_INVALID,
			       "template: printf: \"%%%c\" is not supported; there are %%s %%v %%q %%d "
			       "%%x %%t %%f", verb->letter ? verb->letter : '?');
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

static int call_printf(const struct call_in *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
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
	*ret = tval_of_string(arena_strdup(in->arena, buf_text(&out)));
	return 0;
}

#define MANY 64
static const struct {
	const char *name;
	size_t min, max;
	int (*run)(const struct call_in *in, struct tval *ret);
} calls[] = {
	{ "index", 1, MANY, call_index },  { "len", 1, 1, call_len },
	{ "printf", 1, MANY, call_printf }, { "eq", 2, MANY, call_eq },
	{ "ne", 2, 2, call_ne },           { "and", 1, MANY, call_and },
	{ "or", 1, MANY, call_or },        { "not", 1, 1, call_not },
	{ "json", 1, 1, call_json },       { "join", 2, 2, call_join },
	{ "split", 2, 2, call_split },     { "upper", 1, 1, call_case },
	{ "lower", 1, 1, call_case },      { "title", 1, 1, call_case },
	{ "pad", 3, 3, call_pad },         { "truncate", 2, 2, call_truncate },
};

bool template_call_exists(const char *function)
{
	for (size_t i = 0; i < ARRAY_COUNT(calls); i++)
		if (str_eq(calls[i].name, function))
			return true;
	return false;
}

const char *template_call_names(void)
{
	return "index len printf eq ne and or not json join split upper lower title pad truncate";
}

int template_call(const char *function, const struct tval *args, size_t count, struct arena *arena,
		  struct tval *ret, struct err *err)
{
	struct call_in in = { function, args, count, arena, err };

	for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
		if (!str_eq(calls[i].name, function))
			continue;
		if (count < calls[i].min || count > calls[i].max)
			return bad_argument(&in, "wrong number of arguments");
		return calls[i].run(&in, ret);
	}
	return err_set(err, ERR_INVALID, "function \"%s\" is not supported", function);
}
