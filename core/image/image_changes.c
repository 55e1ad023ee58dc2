#include "image/image_changes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/signal_name.h"
#include "base/str.h"
#include "base/units.h"
#include "image/image_words.h"

/* A config made by changes stays far below what its arena can hold, however often variables repeat each other. */
enum { WORDS_MAX = 1000, TOTAL_BYTES_MAX = 8 * 1024 * 1024 };

struct instruction {
	const char *name;
	int (*apply)(struct image_config *config, const char *rest, struct err *err);
};
static int apply_cmd(struct image_config *config, const char *rest, struct err *err);
static int apply_entrypoint(struct image_config *config, const char *rest, struct err *err);
static int apply_env(struct image_config *config, const char *rest, struct err *err);
static int apply_expose(struct image_config *config, const char *rest, struct err *err);
static int apply_healthcheck(struct image_config *config, const char *rest, struct err *err);
static int apply_label(struct image_config *config, const char *rest, struct err *err);
static int apply_stopsignal(struct image_config *config, const char *rest, struct err *err);
static int apply_user(struct image_config *config, const char *rest, struct err *err);
static int apply_volume(struct image_config *config, const char *rest, struct err *err);
static int apply_workdir(struct image_config *config, const char *rest, struct err *err);

static const struct instruction instructions[] = {
	{ "CMD", apply_cmd },               { "ENTRYPOINT", apply_entrypoint }, { "ENV", apply_env },
	{ "EXPOSE", apply_expose },         { "HEALTHCHECK", apply_healthcheck }, { "LABEL", apply_label },
	{ "STOPSIGNAL", apply_stopsignal }, { "USER", apply_user },             { "VOLUME", apply_volume },
	{ "WORKDIR", apply_workdir },
};

static int apply_line(struct image_config *config, char *line, struct err *err)
{
	char *name = line + strspn(line, " \t\r");
	size_t end = strlen(name);

	while (end > 0 && isspace((unsigned char)name[end - 1]))
		name[--end] = '\0';
	if (!*name)
		return 0;
	char *rest = name + strcspn(name, " \t");
	if (*rest) {
		*rest++ = '\0';
		rest += strspn(rest, " \t");
	}
	for (size_t i = 0; i < ARRAY_COUNT(instructions); i++) {
		if (!str_eq_nocase(name, instructions[i].name))
			continue;
		if (!*rest)
			return err_set(err, ERR_INVALID, "%s requires at least one argument", instructions[i].name);
		if (instructions[i].apply(config, rest, err) < 0)
			return err_wrap(err, "%s", instructions[i].name);
		return 0;
	}
	return err_set(err, ERR_INVALID, "%.40s is not a valid change command", name);
}

/* Takes one physical line off *at; its end and the newline are left out. */
static size_t next_line(const char **at, const char **ret_line)
{
	size_t length = strcspn(*at, "\n");

	*ret_line = *at;
	*at += length + ((*at)[length] == '\n');
	return length;
}

static bool is_comment(const char *line, size_t length)
{
	size_t skip = strspn(line, " \t\r");

	return skip < length && line[skip] == '#';
}

/* Drops a backslash at the line's end; true when there was one, so the next line belongs to this one. */
static bool drop_continuation(const char *line, size_t *length)
{
	size_t end = *length;

	while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t' || line[end - 1] == '\r'))
		end--;
	if (end == 0 || line[end - 1] != '\\')
		return false;
	*length = end - 1;
	return true;
}

int image_changes_apply(struct image_config *config, const char *change, struct err *err)
{
	if (strlen(change) > IMAGE_CHANGE_MAX_BYTES)
		return err_set(err, ERR_INVALID, "change of %zu bytes: more than %d", strlen(change), IMAGE_CHANGE_MAX_BYTES);
	if (!str_is_utf8(change, strlen(change)))
		return err_set(err, ERR_INVALID, "a change that is no UTF-8 text");
	while (*change) {
		CLEANUP(buf_finip) struct buf whole = BUF_INIT;
		bool goes_on = true;

		while (goes_on && *change) {
			const char *line;
			size_t length = next_line(&change, &line);

			if (is_comment(line, length))
				continue;
			goes_on = drop_continuation(line, &length);
			buf_add(&whole, line, length);
		}
		if (whole.len && apply_line(config, whole.data, err) < 0) {
			str_make_line(err->text);            /* it quotes, and may cut inside of a character */
			return -1;
		}
	}
	return 0;
}

static int check_room(const struct image_config *config, size_t count, struct err *err)
{
	if (count >= WORDS_MAX)
		return err_set(err, ERR_INVALID, "more than %d of them", WORDS_MAX);
	if (config->arena.total_bytes > TOTAL_BYTES_MAX)
		return err_set(err, ERR_INVALID, "the image's configuration grows over %d bytes", TOTAL_BYTES_MAX);
	return 0;
}

/* ["a", "b"] into list. False when the text is not a JSON list of strings: then it is the shell form, as Docker decides it. */
static bool take_json(struct image_config *config, const char *rest, struct image_words *list)
{
	yyjson_doc *doc = *rest == '[' ? yyjson_read(rest, strlen(rest), 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc), *item;
	size_t i, count;
	bool is_list = yyjson_is_arr(root);

	if (is_list)
		yyjson_arr_foreach(root, i, count, item)
			if (!yyjson_is_str(item) || memchr(yyjson_get_str(item), 0, yyjson_get_len(item)))
				is_list = false;
	if (is_list) {
		*list = (struct image_words){ .items = ARENA_ARRAY(&config->arena, const char *, 1), .size = 1 };
		yyjson_arr_foreach(root, i, count, item)
			image_config_add_word(config, list, yyjson_get_str(item));
	}
	yyjson_doc_free(doc);
	return is_list;
}

static int take_command(struct image_config *config, const char *rest, struct image_words *list, struct err *err)
{
	if (check_room(config, 0, err) < 0)
		return -1;
	if (take_json(config, rest, list))
		return 0;
	*list = (struct image_words){ 0 };
	image_config_add_word(config, list, "/bin/sh");
	image_config_add_word(config, list, "-c");
	image_config_add_word(config, list, rest);
	return 0;
}

static int apply_cmd(struct image_config *config, const char *rest, struct err *err)
{
	return take_command(config, rest, &config->cmd, err);
}

static int apply_entrypoint(struct image_config *config, const char *rest, struct err *err)
{
	return take_command(config, rest, &config->entrypoint, err);
}

typedef void set_pair_fn(struct image_config *config, const char *name, const char *value);

static int expand_rest(const struct image_config *config, const char *rest, struct buf *out, struct err *err)
{
	return image_words_expand(&config->env, &rest, IMAGE_WORDS_ALL, out, err);
}

/* NAME VALUE TO THE END OF THE LINE: Docker's older form. */
static int take_one_pair(struct image_config *config, const char *rest, set_pair_fn *set, struct err *err)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT, value = BUF_INIT;
	size_t length = strcspn(rest, " \t");

	if (!rest[length])
		return err_set(err, ERR_INVALID, "'%.60s' must have a value", rest);
	if (image_words_expand(&config->env, &rest, IMAGE_WORDS_ONE, &name, err) < 0 ||
	    expand_rest(config, rest + strspn(rest, " \t"), &value, err) < 0)
		return -1;
	if (name.len == 0)
		return err_set(err, ERR_INVALID, "names can not be blank");
	set(config, buf_text(&name), buf_text(&value));
	return 0;
}

/* One NAME=VALUE off *at. The name is what stands before the first '=', expanded by itself. */
static int take_pair(struct image_config *config, const char **at, set_pair_fn *set, struct err *err)
{
	CLEANUP(buf_finip) struct buf raw = BUF_INIT, name = BUF_INIT, value = BUF_INIT;
	size_t length = strcspn(*at, "= \t");

	if ((*at)[length] != '=')
		return err_set(err, ERR_INVALID, "Syntax error - can't find = in \"%.*s\". Must be of the form: name=value",
			       (int)MIN(length, 60), *at);
	buf_add(&raw, *at, length);
	*at += length + 1;
	if (expand_rest(config, buf_text(&raw), &name, err) < 0 ||
	    image_words_expand(&config->env, at, IMAGE_WORDS_ONE, &value, err) < 0)
		return -1;
	if (name.len == 0)
		return err_set(err, ERR_INVALID, "names can not be blank");
	set(config, buf_text(&name), buf_text(&value));
	return 0;
}

static int take_pairs(struct image_config *config, const char *rest, set_pair_fn *set, const size_t *count, struct err *err)
{
	if (rest[strcspn(rest, "= \t")] != '=')
		return check_room(config, *count, err) < 0 ? -1 : take_one_pair(config, rest, set, err);
	while (*rest) {
		if (check_room(config, *count, err) < 0 || take_pair(config, &rest, set, err) < 0)
			return -1;
		rest += strspn(rest, " \t");
	}
	return 0;
}

static int apply_env(struct image_config *config, const char *rest, struct err *err)
{
	return take_pairs(config, rest, image_config_set_env, &config->env.count, err);
}

static int apply_label(struct image_config *config, const char *rest, struct err *err)
{
	return take_pairs(config, rest, image_config_set_label, &config->labels.count, err);
}

static int parse_port(const char *text, uint64_t *ret)
{
	return str_to_u64(text, ret) < 0 || *ret < 1 || *ret > 65535 ? -1 : 0;
}

/* PORT[-PORT][/PROTOCOL] */
static int expose(struct image_config *config, char *spec, struct err *err)
{
	char *protocol = strchr(spec, '/'), *last = strchr(spec, '-');
	uint64_t from, to;

	if (protocol)
		*protocol++ = '\0';
	if (last)
		*last++ = '\0';
	if (parse_port(spec, &from) < 0 || parse_port(last ? last : spec, &to) < 0 || to < from)
		return err_set(err, ERR_INVALID, "invalid port '%.60s%s%.60s': 1 to 65535, or a range of them", spec, last ? "-" : "", last ? last : "");
	if (!protocol)
		protocol = (char *)(uintptr_t)"tcp";
	if (!str_eq_nocase(protocol, "tcp") && !str_eq_nocase(protocol, "udp") && !str_eq_nocase(protocol, "sctp"))
		return err_set(err, ERR_INVALID, "invalid proto: %.60s", protocol);
	for (uint64_t port = from; port <= to; port++) {
		char text[32] = "";
		size_t n = 0;

		if (check_room(config, config->exposed_ports.count, err) < 0)
			return -1;
		for (const char *p = protocol; *p; p++)
			text[n++] = (char)tolower((unsigned char)*p);
		char *key = arena_printf(&config->arena, "%d/%s", (int)port, text);
		image_config_add_sorted(config, &config->exposed_ports, key);
	}
	return 0;
}

typedef int word_fn(struct image_config *config, char *word, struct err *err);

static int each_word(struct image_config *config, const char *rest, word_fn *fn, struct err *err)
{
	while (*rest) {
		CLEANUP(buf_finip) struct buf word = BUF_INIT;

		if (image_words_expand(&config->env, &rest, IMAGE_WORDS_ONE, &word, err) < 0)
			return -1;
		rest += strspn(rest, " \t");
		buf_reserve(&word, 1);
		word.data[word.len] = '\0';
		if (fn(config, word.data, err) < 0)
			return -1;
	}
	return 0;
}

static int apply_expose(struct image_config *config, const char *rest, struct err *err)
{
	return each_word(config, rest, expose, err);
}

static int add_volume(struct image_config *config, char *path, struct err *err)
{
	size_t start = strspn(path, " \t"), end = strlen(path);

	while (end > start && (path[end - 1] == ' ' || path[end - 1] == '\t'))
		path[--end] = '\0';
	if (!path[start])
		return err_set(err, ERR_INVALID, "VOLUME specified can not be an empty string");
	if (check_room(config, config->volumes.count, err) < 0)
		return -1;
	image_config_add_sorted(config, &config->volumes, path + start);
	return 0;
}

static int apply_volume(struct image_config *config, const char *rest, struct err *err)
{
	struct image_words list = { 0 };

	if (check_room(config, 0, err) < 0)
		return -1;
	if (!take_json(config, rest, &list))
		return each_word(config, rest, add_volume, err);
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(buf_finip) struct buf path = BUF_INIT;

		if (expand_rest(config, list.items[i], &path, err) < 0)
			return -1;
		buf_reserve(&path, 1);
		path.data[path.len] = '\0';
		if (add_volume(config, path.data, err) < 0)
			return -1;
	}
	return 0;
}

static int set_expanded(struct image_config *config, const char *rest, const char **to, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (check_room(config, 0, err) < 0 || expand_rest(config, rest, &text, err) < 0)
		return -1;
	*to = arena_strdup(&config->arena, buf_text(&text));
	return 0;
}

static int apply_user(struct image_config *config, const char *rest, struct err *err)
{
	return set_expanded(config, rest, &config->user, err);
}

static int apply_stopsignal(struct image_config *config, const char *rest, struct err *err)
{
	const char *signal;

	if (set_expanded(config, rest, &signal, err) < 0)
		return -1;
	if (signal_parse(signal) < 0)
		return err_set(err, ERR_INVALID, "invalid signal: %.60s", signal);
	config->stop_signal = signal;
	return 0;
}

/* Joins the pieces of base and path, without ".", ".." and empty ones; ".." of the root is the root. */
static char *clean_path(struct arena *arena, const char *base, const char *path)
{
	CLEANUP(strlist_finip) struct strlist pieces = str_split(arena_printf(arena, "%s/%s", base, path), '/');
	const char **kept = ARENA_ARRAY(arena, const char *, pieces.count + 1);
	char *out = arena_take(arena, strlen(base) + strlen(path) + 3);
	size_t count = 0;

	for (size_t i = 0; i < pieces.count; i++) {
		if (str_eq(pieces.items[i], "..") && count > 0)
			count--;
		else if (!str_is_empty(pieces.items[i]) && !str_eq(pieces.items[i], ".") && !str_eq(pieces.items[i], ".."))
			kept[count++] = pieces.items[i];
	}
	char *at = out;
	for (size_t i = 0; i < count; i++) {
		*at++ = '/';
		memcpy(at, kept[i], strlen(kept[i]));
		at += strlen(kept[i]);
	}
	return count ? out : arena_strdup(arena, "/");
}

static int apply_workdir(struct image_config *config, const char *rest, struct err *err)
{
	const char *path;

	if (set_expanded(config, rest, &path, err) < 0)
		return -1;
	if (!*path)
		return err_set(err, ERR_INVALID, "an empty path");
	config->working_dir = clean_path(&config->arena, *path == '/' ? "" : config->working_dir, path);
	return 0;
}

/* ---- HEALTHCHECK ------------------------------------------------------------------------------------------------------------ */

static int parse_health_time(const char *name, const char *text, nsec *ret, struct err *err)
{
	nsec time;

	if (units_parse_duration(text, &time, err) < 0)
		return -1;
	if (time != 0 && time < 1000 * 1000)
		return err_set(err, ERR_INVALID, "%s \"%s\" cannot be less than 1ms", name, text);
	*ret = time;
	return 0;
}

static int take_health_flag(struct image_health *health, const char *flag, struct err *err)
{
	const struct { const char *prefix, *name; nsec *to; } times[] = {
		{ "--interval=", "Interval", &health->interval },
		{ "--timeout=", "Timeout", &health->timeout },
		{ "--start-period=", "StartPeriod", &health->start_period },
		{ "--start-interval=", "StartInterval", &health->start_interval },
	};
	const char *retries = str_after(flag, "--retries=");
	uint64_t count;

	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		const char *text = str_after(flag, times[i].prefix);
		if (text)
			return parse_health_time(times[i].name, text, times[i].to, err);
	}
	if (!retries)
		return err_set(err, ERR_INVALID, "unknown flag: %.60s", flag);
	if (str_to_u64(retries, &count) < 0 || count > INT32_MAX)
		return err_set(err, ERR_INVALID, "--retries must be at least 1 (not %.60s)", retries);
	health->retries = (int64_t)count;
	return 0;
}

static int take_health_test(struct image_config *config, const char *type, const char *command, struct image_words *ret, struct err *err)
{
	struct image_words json = { 0 };

	if (str_eq_nocase(type, "NONE")) {
		if (*command)
			return err_set(err, ERR_INVALID, "HEALTHCHECK NONE takes no arguments");
		image_config_add_word(config, ret, "NONE");
		return 0;
	}
	if (!str_eq_nocase(type, "CMD"))
		return err_set(err, ERR_INVALID, "Unknown type \"%.60s\" in HEALTHCHECK (try CMD)", type);
	bool is_json = take_json(config, command, &json);
	if (!*command || (is_json && json.count == 0))
		return err_set(err, ERR_INVALID, "Missing command after HEALTHCHECK CMD");
	image_config_add_word(config, ret, is_json ? "CMD" : "CMD-SHELL");
	for (size_t i = 0; i < json.count; i++)
		image_config_add_word(config, ret, json.items[i]);
	if (!is_json)
		image_config_add_word(config, ret, command);
	return 0;
}

static int apply_healthcheck(struct image_config *config, const char *rest, struct err *err)
{
	struct image_health health = { 0 };
	char *word;

	if (check_room(config, 0, err) < 0)
		return -1;
	for (;; rest += strspn(rest, " \t")) {
		size_t length = strcspn(rest, " \t");
		word = arena_strndup(&config->arena, rest, length);
		rest += length;
		if (!str_starts(word, "--"))
			break;
		if (take_health_flag(&health, word, err) < 0)
			return -1;
	}
	if (take_health_test(config, word, rest + strspn(rest, " \t"), &health.test, err) < 0)
		return -1;
	config->health = health;
	return 0;
}
