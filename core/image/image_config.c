#include "image/image_config.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "model/json.h"

/* JSON of 1 MiB becomes at most 16 bytes of pointer or struct per two characters, and a NUL and padding per string. */
enum { ARENA_CEILING = 64 * 1024 * 1024, WORDS_MAX = 10000, HISTORY_MAX = 10000 };

static int parse_words(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err);
static int parse_keys(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err);
static int parse_text(struct image_config *c, yyjson_val *object, const char *key, const char **ret, struct err *err);
static int parse_run(struct image_config *c, yyjson_val *run, struct err *err);
static int parse_diff_ids(struct image_config *c, yyjson_val *root, struct err *err);
static int parse_history(struct image_config *c, yyjson_val *root, struct err *err);
static int parse_created(yyjson_val *object, nsec *ret, struct err *err);
static yyjson_mut_val *run_to_json(const struct image_config *c, yyjson_mut_doc *doc);

void image_config_init(struct image_config *config)
{
	*config = (struct image_config){ .created = STAMP_ZERO, .author = "", .comment = "", .architecture = "", .variant = "",
					 .os = "", .os_version = "", .user = "", .working_dir = "", .stop_signal = "" };
	arena_init(&config->arena, "image config", ARENA_CEILING);
}

void image_config_fini(struct image_config *config)
{
	arena_fini(&config->arena);
	*config = (struct image_config){ 0 };
}

static int parse_root(struct image_config *c, yyjson_val *root, struct err *err)
{
	if (!yyjson_is_obj(root))
		return err_set(err, ERR_INVALID, "image config: not a JSON object");
	if (parse_text(c, root, "author", &c->author, err) < 0 || parse_text(c, root, "comment", &c->comment, err) < 0 ||
	    parse_text(c, root, "architecture", &c->architecture, err) < 0 || parse_text(c, root, "variant", &c->variant, err) < 0 ||
	    parse_text(c, root, "os", &c->os, err) < 0 || parse_text(c, root, "os.version", &c->os_version, err) < 0 ||
	    parse_created(root, &c->created, err) < 0)
		return -1;
	yyjson_val *run = yyjson_obj_get(root, "config");
	if (run && !yyjson_is_null(run) && parse_run(c, run, err) < 0)
		return -1;
	if (parse_diff_ids(c, root, err) < 0)
		return -1;
	return parse_history(c, root, err);
}

int image_config_parse(const char *json, size_t bytes, struct image_config *ret, struct err *err)
{
	yyjson_read_err fault;

	if (bytes > IMAGE_CONFIG_MAX_BYTES)
		return err_set(err, ERR_INVALID, "image config: %zu bytes, more than %d", bytes, IMAGE_CONFIG_MAX_BYTES);
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)json, bytes, 0, NULL, &fault);
	if (!doc)
		return err_set(err, ERR_INVALID, "image config: byte %zu: %s", fault.pos, fault.msg);
	image_config_init(ret);
	int result = parse_root(ret, yyjson_doc_get_root(doc), err);
	yyjson_doc_free(doc);
	if (result < 0)
		image_config_fini(ret);
	return result;
}

int image_config_check_os(const struct image_config *config, struct err *err)
{
	if (str_is_empty(config->os) || str_eq(config->os, "linux"))
		return 0;
	err_set(err, ERR_UNSUPPORTED, "image operating system \"%.32s\" cannot be used on this platform", config->os);
	str_make_line(err->text);
	return -1;
}

static int wrong(const char *key, const char *wanted, struct err *err)
{
	return err_set(err, ERR_INVALID, "image config: %s: not %s", key, wanted);
}

/* A string without NUL, copied; what may be missing or null. */
static int parse_text(struct image_config *c, yyjson_val *object, const char *key, const char **ret, struct err *err)
{
	yyjson_val *value = yyjson_obj_get(object, key);

	if (!value || yyjson_is_null(value))
		return 0;
	if (!yyjson_is_str(value) || memchr(yyjson_get_str(value), 0, yyjson_get_len(value)))
		return wrong(key, "a string", err);
	*ret = arena_strdup(&c->arena, yyjson_get_str(value));
	return 0;
}

static int parse_created(yyjson_val *object, nsec *ret, struct err *err)
{
	yyjson_val *value = yyjson_obj_get(object, "created");

	*ret = STAMP_ZERO;
	if (!value || yyjson_is_null(value))
		return 0;
	if (!yyjson_is_str(value) || stamp_parse(yyjson_get_str(value), ret) < 0)
		return wrong("created", "a time as of RFC 3339", err);
	return 0;
}

static bool is_plain_string(yyjson_val *value)
{
	return yyjson_is_str(value) && !memchr(yyjson_get_str(value), 0, yyjson_get_len(value));
}

static int parse_words(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(object, key), *item;
	size_t i, count;

	if (!list || yyjson_is_null(list))
		return 0;
	if (yyjson_is_str(list) && is_plain_string(list)) {      /* old images write a lone Entrypoint this way */
		image_config_add_word(c, ret, yyjson_get_str(list));
		return 0;
	}
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > WORDS_MAX)
		return wrong(key, "a list of at most 10000 strings", err);
	ret->size = yyjson_arr_size(list) + 1;
	ret->items = ARENA_ARRAY(&c->arena, const char *, ret->size);
	yyjson_arr_foreach(list, i, count, item) {
		if (!is_plain_string(item))
			return wrong(key, "a list of strings", err);
		ret->items[ret->count++] = arena_strdup(&c->arena, yyjson_get_str(item));
	}
	return 0;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go's map[string]struct{}: only the keys say something. */
static int parse_keys(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err)
{
	yyjson_val *map = yyjson_obj_get(object, key), *name, *value;
	size_t i, count;

	if (!map || yyjson_is_null(map))
		return 0;
	if (!yyjson_is_obj(map) || yyjson_obj_size(map) > WORDS_MAX)
		return wrong(key, "an object of at most 10000 names", err);
	ret->size = yyjson_obj_size(map) + 1;
	ret->items = ARENA_ARRAY(&c->arena, const char *, ret->size);
	yyjson_obj_foreach(map, i, count, name, value) {
		(void)value;
		if (!is_plain_string(name))
			return wrong(key, "an object", err);
		ret->items[ret->count++] = arena_strdup(&c->arena, yyjson_get_str(name));
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), compare_words);
	return 0;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct image_pair *)a)->name, ((const struct image_pair *)b)->name);
}

static int parse_labels(struct image_config *c, yyjson_val *run, struct err *err)
{
	yyjson_val *map = yyjson_obj_get(run, "Labels"), *name, *value;
	size_t i, count;

	if (!map || yyjson_is_null(map))
		return 0;
	if (!yyjson_is_obj(map) || yyjson_obj_size(map) > WORDS_MAX)
		return wrong("Labels", "an object of at most 10000 names", err);
	c->labels.size = yyjson_obj_size(map);
	c->labels.items = ARENA_ARRAY(&c->arena, struct image_pair, c->labels.size);
	yyjson_obj_foreach(map, i, count, name, value) {
		if (!is_plain_string(name) || !is_plain_string(value))
			return wrong("Labels", "an object of strings", err);
		c->labels.items[c->labels.count++] = (struct image_pair){
			arena_strdup(&c->arena, yyjson_get_str(name)), arena_strdup(&c->arena, yyjson_get_str(value)) };
	}
	qsort(c->labels.items, c->labels.count, sizeof(*c->labels.items), compare_pairs);
	return 0;
}

static int parse_number(yyjson_val *object, const char *key, int64_t *ret, struct err *err)
{
	yyjson_val *value = yyjson_obj_get(object, key);

	if (!value || yyjson_is_null(value))
		return 0;
	if (!yyjson_is_int(value) || (yyjson_is_uint(value) && yyjson_get_uint(value) > INT64_MAX) || yyjson_get_sint(value) < 0)
		return wrong(key, "a number of 0 or more", err);
	*ret = yyjson_get_sint(value);
	return 0;
}

static int parse_health(struct image_config *c, yyjson_val *run, struct err *err)
{
	yyjson_val *health = yyjson_obj_get(run, "Healthcheck");

	if (!health || yyjson_is_null(health))
		return 0;
	if (!yyjson_is_obj(health))
		return wrong("Healthcheck", "an object", err);
	if (parse_words(c, health, "Test", &c->health.test, err) < 0 || parse_number(health, "Interval", &c->health.interval, err) < 0 ||
	    parse_number(health, "Timeout", &c->health.timeout, err) < 0 ||
	    parse_number(health, "StartPeriod", &c->health.start_period, err) < 0 ||
	    parse_number(health, "StartInterval", &c->health.start_interval, err) < 0)
		return -1;
	return parse_number(health, "Retries", &c->health.retries, err);
}

static int parse_run(struct image_config *c, yyjson_val *run, struct err *err)
{
	if (!yyjson_is_obj(run))
		return wrong("config", "an object", err);
	if (parse_text(c, run, "User", &c->user, err) < 0 || parse_text(c, run, "WorkingDir", &c->working_dir, err) < 0 ||
	    parse_text(c, run, "StopSignal", &c->stop_signal, err) < 0 || parse_words(c, run, "Env", &c->env, err) < 0 ||
	    parse_words(c, run, "Entrypoint", &c->entrypoint, err) < 0 || parse_words(c, run, "Cmd", &c->cmd, err) < 0 ||
	    parse_words(c, run, "Shell", &c->shell, err) < 0 || parse_words(c, run, "OnBuild", &c->on_build, err) < 0 ||
	    parse_keys(c, run, "ExposedPorts", &c->exposed_ports, err) < 0 || parse_keys(c, run, "Volumes", &c->volumes, err) < 0 ||
	    parse_labels(c, run, err) < 0)
		return -1;
	return parse_health(c, run, err);
}

static int parse_diff_ids(struct image_config *c, yyjson_val *root, struct err *err)
{
	yyjson_val *rootfs = yyjson_obj_get(root, "rootfs");

	if (!yyjson_is_obj(rootfs))
		return wrong("rootfs", "an object", err);
	if (parse_words(c, rootfs, "diff_ids", &c->diff_ids, err) < 0)
		return -1;
	if (c->diff_ids.count == 0 || c->diff_ids.count > IMAGE_CONFIG_MAX_LAYERS)
		return err_set(err, ERR_INVALID, "image config: diff_ids: %zu layers, not 1 to %d", c->diff_ids.count, IMAGE_CONFIG_MAX_LAYERS);
	for (size_t i = 0; i < c->diff_ids.count; i++) {
		const char *hex = str_after(c->diff_ids.items[i], "sha256:");
		if (!hex || strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
			return wrong("diff_ids", "a list of sha256 digests", err);
		c->diff_ids.items[i] = hex;
	}
	return 0;
}

static int parse_history(struct image_config *c, yyjson_val *root, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(root, "history"), *item;
	size_t i, count;

	if (!list || yyjson_is_null(list))
		return 0;
	if (!yyjson_is_arr(list) || yyjson_arr_size(list) > HISTORY_MAX)
		return wrong("history", "a list of at most 10000", err);
	c->history = ARENA_ARRAY(&c->arena, struct image_history, yyjson_arr_size(list));
	yyjson_arr_foreach(list, i, count, item) {
		struct image_history *h = &c->history[c->history_count];

		if (!yyjson_is_obj(item))
			return wrong("history", "a list of objects", err);
		*h = (struct image_history){ .created_by = "", .author = "", .comment = "" };
		h->is_empty_layer = yyjson_is_true(yyjson_obj_get(item, "empty_layer"));
		if (parse_created(item, &h->created, err) < 0 || parse_text(c, item, "created_by", &h->created_by, err) < 0 ||
		    parse_text(c, item, "author", &h->author, err) < 0 || parse_text(c, item, "comment", &h->comment, err) < 0)
			return -1;
		c->history_count++;
	}
	return 0;
}

/* ---- out -------------------------------------------------------------------------------------------------------------------- */

static void put_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
	if (!str_is_empty(text))
		yyjson_mut_obj_add_str(doc, object, key, text);
}

static void put_words(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct image_words *words)
{
	if (!words->items)
		return;
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, key);
	for (size_t i = 0; i < words->count; i++)
		yyjson_mut_arr_add_str(doc, list, words->items[i]);
}

static void put_keys(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct image_words *words)
{
	if (words->count == 0)
		return;
	yyjson_mut_val *map = yyjson_mut_obj_add_obj(doc, object, key);
	for (size_t i = 0; i < words->count; i++)
		yyjson_mut_obj_add_obj(doc, map, words->items[i]);
}

static void put_stamp(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, nsec wall)
{
	char text[STAMP_TEXT_SIZE];

	if (wall != STAMP_ZERO)
		yyjson_mut_obj_add_strcpy(doc, object, key, stamp_format(wall, text));
}

static void put_number(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, int64_t number)
{
	if (number)
		yyjson_mut_obj_add_sint(doc, object, key, number);
}

static void put_health(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct image_health *health)
{
	if (health->test.count == 0 && !health->interval && !health->timeout && !health->start_period && !health->start_interval &&
	    !health->retries)
		return;
	yyjson_mut_val *out = yyjson_mut_obj_add_obj(doc, object, "Healthcheck");
	put_words(doc, out, "Test", &health->test);
	put_number(doc, out, "Interval", health->interval);
	put_number(doc, out, "Timeout", health->timeout);
	put_number(doc, out, "StartPeriod", health->start_period);
	put_number(doc, out, "StartInterval", health->start_interval);
	put_number(doc, out, "Retries", health->retries);
}

static yyjson_mut_val *run_to_json(const struct image_config *c, yyjson_mut_doc *doc)
{
	yyjson_mut_val *run = yyjson_mut_obj(doc);

	put_text(doc, run, "User", c->user);
	put_keys(doc, run, "ExposedPorts", &c->exposed_ports);
	put_words(doc, run, "Env", &c->env);
	put_words(doc, run, "Entrypoint", &c->entrypoint);
	put_words(doc, run, "Cmd", &c->cmd);
	put_health(doc, run, &c->health);
	put_keys(doc, run, "Volumes", &c->volumes);
	put_text(doc, run, "WorkingDir", c->working_dir);
	put_words(doc, run, "OnBuild", &c->on_build);
	if (c->labels.count) {
		yyjson_mut_val *labels = yyjson_mut_obj_add_obj(doc, run, "Labels");
		for (size_t i = 0; i < c->labels.count; i++)
			yyjson_mut_obj_add_str(doc, labels, c->labels.items[i].name, c->labels.items[i].value);
	}
	put_text(doc, run, "StopSignal", c->stop_signal);
	put_words(doc, run, "Shell", &c->shell);
	return run;
}

static void put_rootfs(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct image_config *c)
{
	yyjson_mut_val *rootfs = yyjson_mut_obj_add_obj(doc, root, "rootfs");
	yyjson_mut_val *ids;

	yyjson_mut_obj_add_str(doc, rootfs, "type", "layers");
	ids = yyjson_mut_obj_add_arr(doc, rootfs, "diff_ids");
	for (size_t i = 0; i < c->diff_ids.count; i++) {
		char digest[8 + SHA256_HEX_SIZE] = "sha256:";
		str_copy(digest + 7, sizeof(digest) - 7, c->diff_ids.items[i]);
		yyjson_mut_arr_add_strcpy(doc, ids, digest);
	}
}

static void put_history(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct image_config *c)
{
	if (c->history_count == 0)
		return;
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, root, "history");
	for (size_t i = 0; i < c->history_count; i++) {
		const struct image_history *h = &c->history[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

		put_stamp(doc, item, "created", h->created);
		put_text(doc, item, "created_by", h->created_by);
		put_text(doc, item, "author", h->author);
		put_text(doc, item, "comment", h->comment);
		if (h->is_empty_layer)
			yyjson_mut_obj_add_bool(doc, item, "empty_layer", true);
	}
}

void image_config_format(const struct image_config *config, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	put_stamp(doc, root, "created", config->created);
	put_text(doc, root, "author", config->author);
	put_text(doc, root, "comment", config->comment);
	put_text(doc, root, "architecture", config->architecture);
	put_text(doc, root, "variant", config->variant);
	put_text(doc, root, "os", config->os);
	put_text(doc, root, "os.version", config->os_version);
	yyjson_mut_obj_add_val(doc, root, "config", run_to_json(config, doc));
	put_rootfs(doc, root, config);
	put_history(doc, root, config);
	json_write(doc, root, 0, out);
}

void image_config_format_run(const struct image_config *config, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	json_write(doc, run_to_json(config, doc), 0, out);
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------------- */

/* Room for one more and the NULL behind it. */
static void grow_words(struct image_config *config, struct image_words *list)
{
	if (list->count + 2 <= list->size)
		return;
	list->size = 2 * (list->count + 2);
	const char **items = ARENA_ARRAY(&config->arena, const char *, list->size);
	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
}

void image_config_add_word(struct image_config *config, struct image_words *list, const char *word)
{
	grow_words(config, list);
	list->items[list->count++] = arena_strdup(&config->arena, word);
}

void image_config_add_sorted(struct image_config *config, struct image_words *list, const char *word)
{
	size_t at = 0;

	while (at < list->count && strcmp(list->items[at], word) < 0)
		at++;
	if (at < list->count && str_eq(list->items[at], word))
		return;
	grow_words(config, list);
	memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof(*list->items));
	list->items[at] = arena_strdup(&config->arena, word);
	list->count++;
}

static void grow_pairs(struct image_config *config, struct image_pairs *pairs)
{
	if (pairs->count < pairs->size)
		return;
	pairs->size = 2 * (pairs->count + 1);
	struct image_pair *items = ARENA_ARRAY(&config->arena, struct image_pair, pairs->size);
	if (pairs->count)
		memcpy(items, pairs->items, pairs->count * sizeof(*items));
	pairs->items = items;
}

void image_config_set_label(struct image_config *config, const char *name, const char *value)
{
	struct image_pairs *labels = &config->labels;
	struct image_pair pair = { arena_strdup(&config->arena, name), arena_strdup(&config->arena, value) };
	size_t at = 0;

	while (at < labels->count && strcmp(labels->items[at].name, name) < 0)
		at++;
	if (at < labels->count && str_eq(labels->items[at].name, name)) {
		labels->items[at] = pair;
		return;
	}
	grow_pairs(config, labels);
	memmove(&labels->items[at + 1], &labels->items[at], (labels->count - at) * sizeof(pair));
	labels->items[at] = pair;
	labels->count++;
}

void image_config_set_env(struct image_config *config, const char *name, const char *value)
{
	char *line = arena_printf(&config->arena, "%s=%s", name, value);
	size_t prefix = strlen(name) + 1;

	for (size_t i = 0; i < config->env.count; i++) {
		if (strncmp(config->env.items[i], line, prefix) == 0) {
			config->env.items[i] = line;
			return;
		}
	}
	grow_words(config, &config->env);
	config->env.items[config->env.count++] = line;
}
