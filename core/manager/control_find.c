/* Finding things by what people type. */
#include "base/str.h"
#include "manager/control.h"

typedef bool name_fn(const struct view *view, const struct view_object *object, const char *name);

static bool service_has_name(const struct view *view, const struct view_object *object, const char *name)
{
	const struct service_spec *spec = view_current_spec(view, object);
	return spec && str_eq_nocase(spec->name, name);         /* names are unique without regard to case */
}

static bool node_has_name(const struct view *view, const struct view_object *object, const char *name)
{
	const struct node *node = object->value;

	(void)view;
	return str_eq_nocase(node->description.hostname, name) || (!str_is_empty(node->spec.name) && str_eq_nocase(node->spec.name, name));
}

static bool task_has_name(const struct view *view, const struct view_object *object, const char *name)
{
	const struct task *task = object->value;
	const struct service_spec *spec = view_service_spec(view, task->service_id, task->spec_version);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (!spec)
		return false;
	task_name(spec->name, task->slot, task->node_id, object->meta.id, &text);
	return str_eq(buf_text(&text), name);
}

static bool secret_has_name(const struct view *view, const struct view_object *object, const char *name)
{
	(void)view;
	return str_eq_nocase(VIEW_VALUE(secret, object)->spec.name, name);
}

static int find(const struct view *view, enum kind kind, name_fn *has_name, const char *reference, const struct view_object **ret,
		struct err *err)
{
	const struct view_object *object, *by_name = NULL, *by_prefix = NULL;
	size_t names = 0, prefixes = 0;

	if ((*ret = view_find(view, kind, reference)))
		return 0;
	for (size_t at = 0; (object = view_next(view, kind, &at));) {
		if (has_name(view, object, reference)) {
			by_name = object;
			names++;
		}
		if (!str_is_empty(reference) && str_starts(object->meta.id, reference)) {
			by_prefix = object;
			prefixes++;
		}
	}
	if (names > 1 || (names == 0 && prefixes > 1))
		return err_set(err, ERR_INVALID, "%s %s is ambiguous (%zu matches found)", kind_name(kind), reference,
			       names ? names : prefixes);
	*ret = by_name ? by_name : by_prefix;
	return *ret ? 0 : err_set(err, ERR_NOT_FOUND, "%s %s not found", kind_name(kind), reference);
}

int control_find_service(const struct view *view, const char *reference, const struct view_object **ret, struct err *err)
{
	return find(view, KIND_SERVICE, service_has_name, reference, ret, err);
}

int control_find_secret(const struct view *view, bool is_config, const char *reference, const struct view_object **ret, struct err *err)
{
	return find(view, is_config ? KIND_CONFIG : KIND_SECRET, secret_has_name, reference, ret, err);
}

int control_find_node(const struct view *view, const char *reference, const struct view_object **ret, struct err *err)
{
	return find(view, KIND_NODE, node_has_name, reference, ret, err);
}

int control_find_task(const struct view *view, const char *reference, const struct view_object **ret, struct err *err)
{
	return find(view, KIND_TASK, task_has_name, reference, ret, err);
}

int control_find_container(const struct view *view, const char *reference, const struct view_object **ret, struct err *err)
{
	const char *name = reference[0] == '/' ? reference + 1 : reference;
	const struct view_object *object, *by_prefix = NULL;
	size_t prefixes = 0;

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const char *id = VIEW_VALUE(task, object)->container_id;

		if (str_is_empty(id))
			continue;
		if (str_eq(id, reference) || (str_ends(name, object->meta.id) && task_has_name(view, object, name))) {
			*ret = object;
			return 0;
		}
		if (*reference && str_starts(id, reference)) {
			by_prefix = object;
			prefixes++;
		}
	}
	if (prefixes > 1)
		return err_set(err, ERR_INVALID, "Multiple IDs found with provided prefix: %s", reference);
	*ret = by_prefix;
	return by_prefix ? 0 : err_set(err, ERR_NOT_FOUND, "No such container: %s", reference);
}
