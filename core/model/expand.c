#include "model/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"
#include "model/task.h"
#include "model/template.h"
#include "model/template_value.h"

/* Of one value, of all of a spec, of a payload; the kernel takes no longer value either. */
enum { VALUE_BYTES_MAX = 128 << 10, ALL_BYTES_MAX = 16 << 20, PAYLOAD_BYTES_MAX = 8 << 20 };

/* ---- what they are told ------------------------------------------------------------------------------------------ */

static yyjson_mut_val *add_struct(yyjson_mut_doc *doc, yyjson_mut_val *in, const char *name, const char *type)
{
	yyjson_mut_val *made = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_str(doc, made, TVAL_TYPE, type);
	if (in)
		yyjson_mut_obj_add_val(doc, in, name, made);
	return made;
}

static void add_text(yyjson_mut_doc *doc, yyjson_mut_val *in, const char *name, const char *value)
{
	yyjson_mut_obj_add_strcpy(doc, in, name, value ? value : "");
}

static yyjson_doc *describe(const struct expand_task *task, const char *type)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = add_struct(doc, NULL, NULL, type), *labels = yyjson_mut_obj(doc), *part;
	CLEANUP(buf_finip) struct buf name = BUF_INIT, slot = BUF_INIT;
	yyjson_doc *made;

	yyjson_mut_doc_set_root(doc, root);
	part = add_struct(doc, root, "Service", "struct { ID string; Name string; Labels map[string]string }");
	add_text(doc, part, "ID", task->service_id);
	add_text(doc, part, "Name", task->service_name);
	for (size_t i = 0; task->service_labels && i < task->service_labels->count; i++)
		add_text(doc, labels, task->service_labels->items[i].key, task->service_labels->items[i].value);
	yyjson_mut_obj_add_val(doc, part, "Labels", labels);

	part = add_struct(doc, root, "Node", "struct { ID string; Hostname string; Platform template.Platform }");
	add_text(doc, part, "ID", task->node_id);
	add_text(doc, part, "Hostname", task->hostname);
	part = add_struct(doc, part, "Platform", "template.Platform");
	add_text(doc, part, "Architecture", task->architecture);
	add_text(doc, part, "OS", task->os);

	part = add_struct(doc, root, "Task", "struct { ID string; Name string; Slot string }");
	task_name(task->service_name, task->slot, task->node_id, task->task_id, &name);
	buf_printf(&slot, "%llu", (unsigned long long)task->slot);
	add_text(doc, part, "ID", task->task_id);
	add_text(doc, part, "Name", buf_text(&name));
	add_text(doc, part, "Slot", task->slot ? buf_text(&slot) : task->node_id);

	made = yyjson_mut_doc_imut_copy(doc, NULL);
	yyjson_mut_doc_free(doc);
	check(made);
	return made;
}

/* ---- a spec ------------------------------------------------------------------------------------------------------ */

struct expanding { yyjson_val *data; struct arena *arena; struct err *err; };

static bool is_template(const char *text)
{
	return text && strstr(text, "{{");
}

/* In place of *text, or of what is behind its first skip characters. */
static int expand_text(struct expanding *e, char **text, size_t skip)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_finip) struct buf out = { .ceiling = VALUE_BYTES_MAX };

	if (!*text || !is_template(*text + skip))
		return 0;
	buf_add(&out, *text, skip);
	if (template_parse_as(TEMPLATE_SPEC, *text + skip, strlen(*text + skip), &template, e->err) < 0 ||
	    template_expand(template, e->data, NULL, &out, e->err) < 0)
		return -1;
	if (e->arena->total_bytes > ALL_BYTES_MAX)
		return err_set(e->err, ERR_INVALID, "template: expansion: what comes of all of them is too long");
	*text = arena_strdup(e->arena, buf_text(&out));
	return 0;
}

static const char *quoted(struct expanding *e, const char *text)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	tval_json(tval_of_string(text), &out);
	return arena_strdup(e->arena, buf_text(&out));
}

static int expand_env(struct expanding *e, struct str_array *env)
{
	char **items = ARENA_ARRAY(e->arena, char *, env->count);

	for (size_t i = 0; i < env->count; i++) {
		const char *value = env->items[i] ? strchr(env->items[i], '=') : NULL;

		items[i] = env->items[i];
		if (value && expand_text(e, &items[i], (size_t)(value + 1 - items[i])) < 0)
			return err_wrap(e->err, "expanding env failed: expanding env %.300s", quoted(e, env->items[i]));
	}
	env->items = items;
	return 0;
}

static int expand_map(struct expanding *e, struct str_map *map)
{
	struct str_pair *items = ARENA_ARRAY(e->arena, struct str_pair, map->count);

	for (size_t i = 0; i < map->count; i++) {
		items[i] = map->items[i];
		if (expand_text(e, &items[i].value, 0) < 0)
			return err_wrap(e->err, "expanding map entry %.100s=%.200s", quoted(e, items[i].key), quoted(e, items[i].value));
	}
	map->items = items;
	return 0;
}

static int expand_volume(struct expanding *e, struct volume_options **volume)
{
	struct volume_options *made = ARENA_NEW(e->arena, struct volume_options);

	*made = **volume;
	*volume = made;
	if (expand_map(e, &made->labels) < 0)
		return err_wrap(e->err, "expanding volume labels");
	if (!made->driver)
		return 0;
	struct volume_driver *driver = ARENA_NEW(e->arena, struct volume_driver);
	*driver = *made->driver;
	made->driver = driver;
	return expand_map(e, &driver->options) < 0 ? err_wrap(e->err, "expanding volume driver config") : 0;
}

static int expand_mounts(struct expanding *e, struct container_spec_model *ret)
{
	struct mount *items = ARENA_ARRAY(e->arena, struct mount, ret->mounts.count);

	for (size_t i = 0; i < ret->mounts.count; i++) {
		struct mount *mount = &items[i];

		*mount = ret->mounts.items[i];
		if (expand_text(e, &mount->source, 0) < 0)
			return err_wrap(e->err, "expanding mount source %.300s", quoted(e, mount->source));
		if (expand_text(e, &mount->target, 0) < 0)
			return err_wrap(e->err, "expanding mount target %.300s", quoted(e, mount->target));
		if (mount->volume && expand_volume(e, &mount->volume) < 0)
			return -1;
	}
	ret->mounts.items = items;
	return 0;
}

int expand_container(const struct expand_task *task, const struct container_spec_model *own, struct arena *arena,
		     struct container_spec_model *ret, struct err *err)
{
	yyjson_doc *doc;
	struct expanding e = { NULL, arena, err };
	int rc;

	*ret = *own;
	if (!expand_is_needed(own))
		return 0;
	doc = describe(task, "*template.Context");
	e.data = yyjson_doc_get_root(doc);
	rc = expand_env(&e, &ret->env);
	if (rc == 0 && (rc = expand_mounts(&e, ret)) < 0)
		err_wrap(err, "expanding mounts failed");
	if (rc == 0 && (rc = expand_text(&e, &ret->hostname, 0)) < 0)
		err_wrap(err, "expanding hostname failed");
	yyjson_doc_free(doc);
	return rc;
}

static bool has_templates(const struct str_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		if (is_template(map->items[i].value))
			return true;
	return false;
}

bool expand_is_needed(const struct container_spec_model *own)
{
	bool found = is_template(own->hostname);

	for (size_t i = 0; i < own->env.count; i++)
		found |= is_template(own->env.items[i]);
	for (size_t i = 0; i < own->mounts.count; i++) {
		const struct mount *mount = &own->mounts.items[i];

		found |= is_template(mount->source) || is_template(mount->target) ||
			 (mount->volume && (has_templates(&mount->volume->labels) ||
					    (mount->volume->driver && has_templates(&mount->volume->driver->options))));
	}
	return found;
}

/* ---- a payload --------------------------------------------------------------------------------------------------- */

struct looking { const struct container_spec_model *own; expand_bytes_fn *get; void *arg; };

static const char *find_env(const struct str_array *env, const char *name, struct arena *arena)
{
	for (size_t i = 0; i < env->count; i++) {
		const char *value = str_after(env->items[i], name);

		if (value && *value == '=')
			return arena_strdup(arena, value + 1);
	}
	return "";
}

static int find(void *arg, const char *function, const char *name, struct arena *arena, const char **ret, struct err *err)
{
	const struct looking *looking = arg;
	bool is_config = str_eq(function, "config");
	const struct secret_references *references = is_config ? &looking->own->configs : &looking->own->secrets;
	size_t size;

	if (str_eq(function, "env")) {
		*ret = find_env(&looking->own->env, name, arena);
		return 0;
	}
	for (size_t i = 0; i < references->count; i++) {
		if (!str_eq(references->items[i].file->name, name))
			continue;
		if (looking->get(looking->arg, is_config, &references->items[i], arena, ret, &size, err) < 0)
			return -1;
		return strlen(*ret) == size ? 0 : err_set(err, ERR_INVALID, "%s target %.100s is no text: it has a zero byte", function, name);
	}
	return err_set(err, ERR_NOT_FOUND, "%s target %.100s not found", function, name);
}

int expand_payload(const struct expand_task *task, const struct container_spec_model *own, bool is_config, const void *bytes, size_t size,
		   expand_bytes_fn *get, void *arg, struct buf *out, struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;
	struct looking looking = { own, get, arg };
	const struct template_lookup lookup = { find, &looking };
	yyjson_doc *doc;
	int rc;

	if (template_parse_as(is_config ? TEMPLATE_PAYLOAD : TEMPLATE_SECRET, bytes, size, &template, err) < 0)
		return -1;
	out->ceiling = PAYLOAD_BYTES_MAX;
	doc = describe(task, "*template.PayloadContext");
	rc = template_expand(template, yyjson_doc_get_root(doc), &lookup, out, err);
	yyjson_doc_free(doc);
	return rc;
}
