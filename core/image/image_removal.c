/* What `rmi` does, decided as Docker decides it; declared in image_set.h. */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "image/image_set.h"

struct removal {
	const struct image_set *set;
	const struct image *image;
	const char *name;
	bool force;
	image_user_fn *find_user;
	void *arg;
	struct image_edit *edit;
	struct image_removals *removals;
	struct err *err;
};

void image_removals_fini(struct image_removals *removals)
{
	for (size_t i = 0; i < removals->count; i++)
		free(removals->items[i].text);
	free(removals->items);
	*removals = (struct image_removals){ 0 };
}

static void tell(struct removal *r, bool is_untagged, char *text, const char *id)
{
	r->removals->items = mem_resize(r->removals->items, r->removals->count + 1, sizeof(*r->removals->items));
	struct image_removed *item = &r->removals->items[r->removals->count++];
	*item = (struct image_removed){ .is_untagged = is_untagged, .text = text };
	str_copy(item->id, sizeof(item->id), id);
}

static void untag(struct removal *r, const char *tag)
{
	strlist_add(&r->edit->untag, tag);
	tell(r, true, str_dup(tag), r->image->id);
}

static bool has_user(const struct removal *r, bool running_only, char ret_container[65])
{
	return r->find_user && r->find_user(r->arg, r->image->id, running_only, ret_container);
}

/* Docker names a stack of layers by the digest of "CHAIN OF THOSE BELOW" and the layer (OCI image-spec, "Layer ChainID"). */
static void chain_ids(const struct image *image, char (*ret)[SHA256_HEX_SIZE])
{
	str_copy(ret[0], SHA256_HEX_SIZE, image->layers[0].diff_id);
	for (size_t i = 1; i < image->layer_count; i++) {
		CLEANUP(str_freep) char *both = str_printf("sha256:%s sha256:%s", ret[i - 1], image->layers[i].diff_id);

		sha256_hex(both, strlen(both), ret[i]);
	}
}

/* The first count layers of another image, which stays, are the same ones. */
static bool is_stack_shared(const struct removal *r, size_t count)
{
	for (size_t i = 0; i < r->set->count; i++) {
		const struct image *other = r->set->items[i];
		size_t same = 0;

		if (strlist_has(&r->edit->removes, other->id) || other->layer_count < count)
			continue;
		while (same < count && str_eq(other->layers[same].diff_id, r->image->layers[same].diff_id))
			same++;
		if (same == count)
			return true;
	}
	return false;
}

static void remove_whole(struct removal *r)
{
	char chains[IMAGE_CONFIG_MAX_LAYERS][SHA256_HEX_SIZE];

	strlist_add(&r->edit->removes, r->image->id);
	tell(r, false, str_printf("sha256:%s", r->image->id), r->image->id);
	chain_ids(r->image, chains);
	for (size_t n = r->image->layer_count; n > 0 && !is_stack_shared(r, n); n--)
		tell(r, false, str_printf("sha256:%s", chains[n - 1]), "");
}

static int refuse(const struct removal *r, bool can_be_forced, const char *why, const char *container)
{
	return err_set(r->err, ERR_CONFLICT, "conflict: unable to delete %.12s (%s) - %s%.12s", r->image->id,
		       can_be_forced ? "must be forced" : "cannot be forced", why, container);
}

static int check_users(const struct removal *r)
{
	char container[65];

	if (has_user(r, true, container))
		return refuse(r, false, "image is being used by running container ", container);
	if (!r->force && has_user(r, false, container))
		return refuse(r, true, "image is being used by stopped container ", container);
	return 0;
}

/* Given a name: it goes, and with the last one the image, unless a container still needs that. */
static int plan_by_name(struct removal *r, const char *tag)
{
	bool is_last = r->image->tags.count == 1;
	char container[65];
	struct err why;

	if (is_last && !r->force && has_user(r, false, container))
		return err_set(r->err, ERR_CONFLICT, "conflict: unable to remove repository reference \"%s\" (must force) - container %.12s "
			       "is using its referenced image %.12s", r->name, container, r->image->id);
	untag(r, tag);
	struct removal quiet = *r;
	quiet.err = &why;
	if (is_last && check_users(&quiet) == 0)
		remove_whole(r);
	return 0;
}

static int plan_by_id(struct removal *r)
{
	if (check_users(r) < 0)
		return -1;
	if (r->image->tags.count > 1 && !r->force)
		return refuse(r, true, "image is referenced in multiple repositories", "");
	for (size_t i = 0; i < r->image->tags.count; i++)
		untag(r, r->image->tags.items[i]);
	remove_whole(r);
	return 0;
}

void image_set_plan_prune(const struct image_set *set, image_wants_fn *wants, void *wants_arg, image_user_fn *find_user, void *arg,
			  struct image_edit *ret, struct image_removals *ret_removals)
{
	struct removal r = { .set = set, .find_user = find_user, .arg = arg, .edit = ret, .removals = ret_removals };
	char container[65];

	*ret = (struct image_edit){ 0 };
	*ret_removals = (struct image_removals){ 0 };
	for (size_t i = 0; i < set->count; i++) {
		r.image = set->items[i];
		if (r.image->is_builtin || has_user(&r, false, container) || !wants(wants_arg, r.image))
			continue;
		for (size_t n = 0; n < r.image->tags.count; n++)
			untag(&r, r.image->tags.items[n]);
		remove_whole(&r);
	}
}

int image_set_plan_removal(const struct image_set *set, const char *name, bool force, image_user_fn *find_user, void *arg,
			   struct image_edit *ret, struct image_removals *ret_removals, struct err *err)
{
	struct image *image;
	bool by_name;
	struct removal r = { .set = set, .name = name, .force = force, .find_user = find_user, .arg = arg,
			     .edit = ret, .removals = ret_removals, .err = err };

	*ret = (struct image_edit){ 0 };
	*ret_removals = (struct image_removals){ 0 };
	if (image_set_get(set, name, &image, &by_name, err) < 0)
		return -1;
	r.image = image;
	if (image->is_builtin)
		return refuse(&r, false, "it is built into swarmbox", "");
	if (!by_name)
		return plan_by_id(&r);
	char *tag = NULL;
	int result = image_set_check_tag(name, &tag, err);
	if (result == 0)
		result = plan_by_name(&r, tag);
	free(tag);
	return result;
}
