/* shim_plan.c - the stored form of a shim's orders. */
#include "runtime/shim_plan.h"

#include <string.h>

#include "base/str.h"
#include "runtime/spec_json.h"

static const struct spec_field cgroup_fields[] = {
	{ .name = "dir", .kind = SPEC_TEXT, .at = offsetof(struct shim_cgroup, dir) },
	{ .name = "controllers", .kind = SPEC_TEXT, .at = offsetof(struct shim_cgroup, controllers) },
	{ .kind = SPEC_END }
};
static const struct spec_field plan_fields[] = {
	{ .name = "boot_id", .kind = SPEC_TEXT, .at = offsetof(struct shim_plan, boot_id) },
	{ .name = "dir", .kind = SPEC_TEXT, .at = offsetof(struct shim_plan, dir) },
	{ .name = "base", .kind = SPEC_TEXT, .at = offsetof(struct shim_plan, base) },
	{ .name = "uses_overlay", .kind = SPEC_BOOL, .at = offsetof(struct shim_plan, uses_overlay) },
	{ .name = "cgroup2_dir", .kind = SPEC_TEXT, .at = offsetof(struct shim_plan, cgroup2_dir) },
	{ .name = "is_cgroup2_unified", .kind = SPEC_BOOL, .at = offsetof(struct shim_plan, is_cgroup2_unified) },
	{ .name = "cgroups", .kind = SPEC_LIST, .at = offsetof(struct shim_plan, cgroups), .items = cgroup_fields,
	  .item_bytes = sizeof(struct shim_cgroup), .count_at = offsetof(struct shim_plan, cgroup_count) },
	{ .kind = SPEC_END }
};

int shim_plan_encode(const struct shim_plan *plan, struct buf *out, struct err *err)
{
	CLEANUP(spec_json_mut_freep) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_int(doc, root, "version", SHIM_PLAN_VERSION);
	yyjson_mut_obj_add_val(doc, root, "host", spec_fields_encode(doc, plan_fields, plan));
	yyjson_mut_obj_add_val(doc, root, "spec", spec_json_encode(doc, &plan->spec));
	if (spec_json_write(doc, "container spec", out, err) < 0)
		return -1;
	buf_add_char(out, '\n');
	return 0;
}

const char *shim_plan_end(const char *text)
{
	text += strcspn(text, "\n");
	return *text ? text + 1 : text;
}

int shim_plan_decode(const char *text, size_t length, struct arena *arena, struct shim_plan *ret, struct err *err)
{
	const char *newline = memchr(text, '\n', length);
	size_t line = newline ? (size_t)(newline - text) : length;
	CLEANUP(spec_json_freep) yyjson_doc *doc = spec_json_read(text, line, "container spec", err);
	struct shim_plan plan = { 0 };

	if (!doc)
		return -1;
	yyjson_val *root = yyjson_doc_get_root(doc);
	yyjson_val *version = yyjson_obj_get(root, "version");

	if (!yyjson_is_uint(version) || yyjson_get_uint(version) != SHIM_PLAN_VERSION)
		return err_set(err, ERR_UNSUPPORTED, "container spec: version %llu, this swarmbox knows only version %d",
			       (unsigned long long)yyjson_get_uint(version), SHIM_PLAN_VERSION);
	if (spec_fields_decode(yyjson_obj_get(root, "host"), plan_fields, "container spec", arena, &plan, err) < 0)
		return -1;
	if (str_is_empty(plan.boot_id) || str_is_empty(plan.dir) || str_is_empty(plan.base))
		return err_set(err, ERR_INVALID, "container spec: it does not say where the container lives");
	if (spec_json_decode(yyjson_obj_get(root, "spec"), arena, &plan.spec, err) < 0)
		return -1;
	*ret = plan;
	return 0;
}
