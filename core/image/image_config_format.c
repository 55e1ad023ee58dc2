/* An image's configuration as JSON, with its members always in the same order. */
#include <stdlib.h>
#include <yyjson.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "image/image_config.h"
#include "model/json.h"

static yyjson_mut_val *run_to_json(const struct image_config *c, yyjson_mut_doc *doc);

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
