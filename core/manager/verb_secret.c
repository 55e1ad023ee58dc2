#include "manager/verb_secret.h"

#include "base/str.h"

#define REFUSED "rpc error: code = InvalidArgument desc = "

static enum kind kind_of(const struct verb *verb)
{
	return verb->is_config ? KIND_CONFIG : KIND_SECRET;
}

static int none(const struct verb *verb, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "rpc error: code = NotFound desc = %s %s not found%s", kind_name(kind_of(verb)), verb->id,
		       verb_doubt(verb));
}

int verb_secret_create(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	enum kind kind = kind_of(verb);
	int was_made = verb_was_made(verb, scene, err);
	struct secret *made;

	if (was_made)
		return MIN(was_made, 0);
	if (overlay_by_name(scene->overlay, kind, verb->secret.name))
		return err_set(err, ERR_CONFLICT, "rpc error: code = AlreadyExists desc = %s %s already exists", kind_name(kind),
			       verb->secret.name);
	made = change_create(out, kind, verb->id, FIELD_BIT(SECRET_SPEC) | FIELD_BIT(SECRET_SEALED));
	shape_copy(&secret_spec_shape, &verb->secret, out->arena, &made->spec);
	made->sealed.items = arena_take_array(out->arena, verb->sealed.count, 1);
	made->sealed.count = verb->sealed.count;
	for (size_t i = 0; i < verb->sealed.count; i++)
		made->sealed.items[i] = verb->sealed.items[i];
	return 0;
}

/* Labels, and nothing else. */
int verb_secret_update(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	enum kind kind = kind_of(verb);
	const struct secret *old = overlay_find(scene->overlay, kind, verb->id);
	struct secret_spec wanted;
	struct secret *changed;

	if (!old)
		return none(verb, err);
	wanted = old->spec;
	wanted.labels = verb->secret.labels;
	if (verb_was_done(verb, scene->overlay, kind, &secret_spec_shape, &old->spec, &wanted))
		return 0;
	if (verb_version_in_sequence(verb, scene->overlay, kind, err) < 0)
		return -1;
	if (!str_eq(old->spec.name, verb->secret.name))
		return err_set(err, ERR_INVALID, REFUSED "only updates to Labels are allowed");
	changed = change_update(out, kind, verb->id, FIELD_BIT(SECRET_SPEC));
	shape_copy(&secret_spec_shape, &wanted, out->arena, &changed->spec);
	return 0;
}

static bool refers_to(const struct secret_references *references, const char *id)
{
	for (size_t i = 0; i < references->count; i++)
		if (str_eq(references->items[i].id, id))
			return true;
	return false;
}

/* Names of the services whose spec refers to it. */
static size_t find_users(const struct verb *verb, const struct overlay *overlay, struct buf *ret_names)
{
	const char *id;
	size_t count = 0;

	for (size_t at = 0; overlay_next(overlay, KIND_SERVICE, &at, &id);) {
		const struct service_spec *spec = overlay_current_spec(overlay, id);
		const struct container_spec_model *container = spec ? &spec->task.container : NULL;

		if (!container || !refers_to(verb->is_config ? &container->configs : &container->secrets, verb->id))
			continue;
		buf_printf(ret_names, "%s%s", count++ ? ", " : "", spec->name);
	}
	return count;
}

int verb_secret_remove(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	CLEANUP(buf_finip) struct buf names = BUF_INIT;
	const struct secret *old = overlay_find(scene->overlay, kind_of(verb), verb->id);
	size_t users;

	if (!old)
		return verb->is_repeat ? 0 : none(verb, err);
	users = find_users(verb, scene->overlay, &names);
	if (users > 0)
		return err_set(err, ERR_INVALID, REFUSED "%s '%s' is in use by the following service%s: %.800s", kind_name(kind_of(verb)),
			       old->spec.name, users > 1 ? "s" : "", buf_text(&names));
	change_remove(out, kind_of(verb), verb->id);
	return 0;
}

static int check_references(const struct overlay *overlay, enum kind kind, const struct secret_references *references, struct err *err)
{
	CLEANUP(buf_finip) struct buf missing = BUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < references->count; i++) {
		const struct secret_reference *one = &references->items[i];
		const struct secret *found = overlay_find(overlay, kind, one->id);

		if (!found || !str_eq(found->spec.name, one->name))
			buf_printf(&missing, "%s%s", count++ ? ", " : "", one->name);
	}
	if (count == 0)
		return 0;
	return err_set(err, ERR_INVALID, REFUSED "%s%s not found: %.800s", kind_name(kind), count > 1 ? "s" : "", buf_text(&missing));
}

int secrets_check(const struct overlay *overlay, const struct container_spec_model *container, struct err *err)
{
	if (check_references(overlay, KIND_SECRET, &container->secrets, err) < 0)
		return -1;
	return check_references(overlay, KIND_CONFIG, &container->configs, err);
}
