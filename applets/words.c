#include "applets/words.h"

#include <stdlib.h>
#include <string.h>

#include "os/file.h"

#define MAX_ENV_FILE (1024 * 1024)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the opening quote; up to and with the closing one. */
static const char *take_quoted(const char *at, char quote, struct buf *word)
{
	for (; *at && *at != quote; at++) {
		if (quote == '"' && *at == '\\' && at[1] && strchr("\"\\$`", at[1]))
			at++;
		buf_add_char(word, *at);
	}
	return *at ? at + 1 : NULL;
}

static const char *take_word(const char *at, struct buf *word)
{
	while (at && *at && !is_blank(*at)) {
		if (*at == '\'' || *at == '"') {
			at = take_quoted(at + 1, *at, word);
		} else {
			at += *at == '\\' && at[1];
			buf_add_char(word, *at++);
		}
	}
	return at;
}

int words_split(const char *text, struct strlist *ret, struct err *err)
{
	for (const char *at = text;;) {
		CLEANUP(buf_finip) struct buf word = BUF_INIT;

		while (is_blank(*at))
			at++;
		if (*at == '\0' || *at == '#')
			return 0;
		at = take_word(at, &word);
		if (!at)
			return err_set(err, ERR_INVALID, "EOF found when expecting closing quote");
		strlist_add(ret, buf_text(&word));
	}
}

/* A field that begins with a quote; a doubled quote inside stands for one. */
static const char *take_csv_quoted(const char *at, struct buf *field)
{
	for (at++; *at; at++) {
		if (*at == '"' && at[1] != '"')
			return at + 1;
		at += *at == '"';
		buf_add_char(field, *at);
	}
	return NULL;
}

int words_csv(const char *text, struct strlist *ret, struct err *err)
{
	if (!*text)
		return err_set(err, ERR_INVALID, "EOF");
	for (const char *at = text;; at++) {
		CLEANUP(buf_finip) struct buf field = BUF_INIT;

		if (*at == '"') {
			at = take_csv_quoted(at, &field);
			if (!at || (*at && *at != ','))
				return err_set(err, ERR_INVALID, "parse error on line 1, column %zu: extraneous or missing \" in quoted-field",
					       at ? (size_t)(at - text) : strlen(text) + 1);
		} else {
			size_t length = strcspn(at, ","), quote = strcspn(at, "\"");
			if (quote < length)
				return err_set(err, ERR_INVALID, "parse error on line 1, column %zu: bare \" in non-quoted-field",
					       (size_t)(at - text) + quote + 1);
			buf_add(&field, at, length);
			at += length;
		}
		strlist_add(ret, buf_text(&field));
		if (!*at)
			return 0;
	}
}

void words_env(const char *word, struct strlist *ret)
{
	const char *value = strchr(word, '=') ? NULL : getenv(word);

	if (value)
		strlist_add_printf(ret, "%s=%s", word, value);
	else
		strlist_add(ret, word);
}

static int take_env_line(const char *path, unsigned number, char *line, struct strlist *ret,
			 struct err *err)
{
	line += strspn(line, " \t");
	char *equals = strchr(line, '=');
	size_t length = equals ? (size_t)(equals - line) : strlen(line);

	if (*line == '\0' || *line == '#')
		return 0;
	if (length == 0)
		return err_set(err, ERR_INVALID, "invalid env file (%s): no variable name on line '%s'",
			       path, line);
	if (!str_is_utf8(line, strlen(line)))
		return err_set(err, ERR_INVALID, "env file %s contains invalid utf8 bytes at line %u",
			       path, number);
	if (strcspn(line, " \t") < length)
		return err_set(err, ERR_INVALID,
			       "invalid env file (%s): variable '%.*s' contains whitespaces", path,
			       (int)length, line);
	if (equals)
		strlist_add(ret, line);
	else if (getenv(line))
		strlist_add_printf(ret, "%s=%s", line, getenv(line));
	return 0;
}

int words_env_file(const char *path, struct strlist *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (file_read(path, MAX_ENV_FILE, &text, err) < 0)
		return -1;
	struct strlist lines = str_split(buf_text(&text), '\n');
	int result = 0;
	for (size_t i = 0; i < lines.count && result == 0; i++) {
		char *line = lines.items[i];
		line[strcspn(line, "\r")] = '\0';
		if (i == 0 && str_starts(line, "\xef\xbb\xbf"))
			line += 3;
		result = take_env_line(path, (unsigned)i + 1, line, ret, err);
	}
	strlist_fini(&lines);
	return result;
}
