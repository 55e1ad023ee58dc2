/* An image's configuration out of its JSON; what is not as the specification has it is named by its field. */
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "base/str.h"
#include "base/units.h"
#include "image/image_config.h"

enum { WORDS_MAX = 10000, HISTORY_MAX = 10000 };

static int parse_words(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err);
static int parse_keys(struct image_config *c, yyjson_val *object, const char *key, struct image_words *ret, struct err *err);
static int parse_text(struct image_config *c, yyjson_val *object, const char *key, const char **ret, struct err *err);
static int parse_run(struct image_config *c, yyjson_val *run, struct err *err);
static int parse_diff_ids(struct image_config *c, yyjson_val *root, struct err *err);
static int parse_history(struct image_config *c, yyjson_val *root, struct err *err);
static int parse_created(yyjson_val *object, nsec *ret, struct err *err);

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
