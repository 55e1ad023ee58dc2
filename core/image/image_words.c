#include "image/image_words.h"

#include <string.h>

#include "base/str.h"

enum { DEPTH_MAX = 16 };

struct expansion {
	const struct image_words *env;
	const char *at;
	struct buf *out;
	unsigned depth;
	struct err *err;
};

static int expand(struct expansion *x, const char *stops);

int image_words_expand(const struct image_words *env, const char **at, enum image_words_until until, struct buf *out, struct err *err)
{
	struct expansion x = { .env = env, .at = *at, .out = out, .err = err };

	out->ceiling = IMAGE_WORD_MAX_BYTES;
	if (expand(&x, until == IMAGE_WORDS_ONE ? " \t" : "") < 0)
		return -1;
	if (out->overflowed)
		return err_set(err, ERR_INVALID, "a word grows over %d bytes", IMAGE_WORD_MAX_BYTES);
	*at = x.at;
	return 0;
}

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_name(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

static const char *lookup(const struct image_words *env, const char *name, size_t length)
{
	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], name, length) == 0 && env->items[i][length] == '=')
			return env->items[i] + length + 1;
	return NULL;
}

/* Behind "${NAME": "}", or [:]- or [:]+ with a word that goes up to the brace. */
static int expand_braced_rest(struct expansion *x, const char *value)
{
	bool counts_empty = *x->at == ':';
	char kind = x->at[counts_empty];
	CLEANUP(buf_finip) struct buf word = { .ceiling = IMAGE_WORD_MAX_BYTES };

	if (*x->at == '}') {
		x->at++;
		buf_add_str(x->out, value ? value : "");
		return 0;
	}
	if (kind != '-' && kind != '+')
		return err_set(x->err, ERR_INVALID, "unsupported modifier (%.2s) in substitution", x->at);
	if (++x->depth > DEPTH_MAX)
		return err_set(x->err, ERR_INVALID, "substitutions stand more than %d deep in each other", DEPTH_MAX);
	x->at += 1 + counts_empty;

	struct buf *outer = x->out;
	x->out = &word;
	int result = expand(x, "}");
	x->out = outer;
	x->depth--;
	if (result < 0)
		return -1;
	if (*x->at++ != '}')
		return err_set(x->err, ERR_INVALID, "syntax error: missing '}'");
	bool is_set = value && (!counts_empty || *value);
	if (kind == '-')
		buf_add_str(x->out, is_set ? value : buf_text(&word));
	else if (is_set)
		buf_add_str(x->out, buf_text(&word));
	return 0;
}

static int expand_variable(struct expansion *x)
{
	bool is_braced = x->at[1] == '{';
	const char *name = x->at + 1 + is_braced;
	size_t length = 0;

	if (is_name_start(*name))
		while (is_name(name[length]))
			length++;
	if (length == 0 && is_braced)
		return err_set(x->err, ERR_INVALID, "bad substitution in '%.40s'", x->at);
	if (length == 0) {                           /* a dollar sign by itself */
		buf_add_char(x->out, *x->at++);
		return 0;
	}
	const char *value = lookup(x->env, name, length);
	x->at = name + length;
	if (is_braced) {
		if (!*x->at)
			return err_set(x->err, ERR_INVALID, "syntax error: missing '}'");
		return expand_braced_rest(x, value);
	}
	buf_add_str(x->out, value ? value : "");
	return 0;
}

static int expand_single_quoted(struct expansion *x)
{
	const char *end = strchr(x->at + 1, '\'');

	if (!end)
		return err_set(x->err, ERR_INVALID, "unexpected end of statement while looking for matching single-quote");
	buf_add(x->out, x->at + 1, (size_t)(end - x->at - 1));
	x->at = end + 1;
	return 0;
}

static int expand_double_quoted(struct expansion *x)
{
	x->at++;
	while (*x->at && *x->at != '"') {
		if (*x->at == '$') {
			if (expand_variable(x) < 0)
				return -1;
			continue;
		}
		if (*x->at == '\\' && x->at[1] && strchr("\"$\\", x->at[1]))
			x->at++;
		buf_add_char(x->out, *x->at++);
	}
	if (!*x->at)
		return err_set(x->err, ERR_INVALID, "unexpected end of statement while looking for matching double-quote");
	x->at++;
	return 0;
}

static int expand(struct expansion *x, const char *stops)
{
	while (*x->at && !strchr(stops, *x->at)) {
		int result = 0;

		switch (*x->at) {
		case '\'':
			result = expand_single_quoted(x);
			break;
		case '"':
			result = expand_double_quoted(x);
			break;
		case '$':
			result = expand_variable(x);
			break;
		case '\\':
			if (x->at[1])
				x->at++;
			buf_add_char(x->out, *x->at++);
			break;
		default:
			buf_add_char(x->out, *x->at++);
		}
		if (result < 0)
			return -1;
	}
	return 0;
}
