#include "depot/depot_find.h"

#include <stdlib.h>

#include "base/str.h"
#include "state/sum.h"

/* A manager that can be reached; NULL when the node is none (any more). */
static const struct node *manager_of(const struct view *view, const char *node_id)
{
	const struct node *node = view_node(view, node_id);

	return node && node->manager && !str_is_empty(node->manager->address) ? node : NULL;
}

/* What is asked for, whatever it runs on. ret_since: of the name. */
static bool is_it(const struct image_copy *copy, const struct image_ref *ref, const char *familiar, uint64_t *ret_since)
{
	const char *hex = str_after(ref->digest, "sha256:");
	const struct image_name *name;

	*ret_since = 0;
	if (ref->digest[0])
		return hex && image_copy_has_digest(copy, hex);
	name = image_copy_name(copy, familiar);
	if (name)
		*ret_since = name->since_ms;
	return name != NULL;
}

static int rank_of(const struct image_copy *copy, const struct image_platform *wants)
{
	struct image_platform has;
	struct err ignored;

	if (!wants)
		return 0;
	return !str_is_empty(copy->platform) && image_platform_parse(copy->platform, &has, &ignored) == 0 ? image_platform_rank(wants, &has) : -1;
}

static const struct image_copy *choose(const struct view *view, const struct depot_wish *wish, bool *ret_is_other)
{
	const struct image_copy *best = NULL;
	const struct view_object *object;
	char familiar[IMAGE_REF_TEXT_SIZE];
	uint64_t best_since = 0, since;
	int best_rank = 0;

	image_ref_format_familiar(wish->ref, familiar);
	*ret_is_other = false;
	for (size_t at = 0; (object = view_next(view, KIND_IMAGE_COPY, &at));) {
		const struct image_copy *copy = VIEW_VALUE(image_copy, object);
		int rank = rank_of(copy, wish->platform);

		if (!manager_of(view, copy->node_id) || str_eq(copy->node_id, wish->asker) || !is_it(copy, wish->ref, familiar, &since))
			continue;
		*ret_is_other |= rank < 0;
		if (rank >= 0 && (!best || since > best_since || (since == best_since && rank < best_rank))) {
			best = copy;
			best_since = since;
			best_rank = rank;
		}
	}
	return best;
}

struct source { const char *address; uint64_t order; };

static int compare(const void *a, const void *b)
{
	const struct source *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* The nearest first, then those that are there, each asker in an order of its own; last those that are believed to be down. */
static uint64_t order_of(const struct depot_wish *wish, const char *node_id, const struct node *node)
{
	CLEANUP(buf_finip) struct buf pair = BUF_INIT;

	if (str_eq(node_id, wish->nearest))
		return 0;
	buf_printf(&pair, "%s %s", wish->asker, node_id);
	return (sum_of(&pair) >> 2) + 1 + (node->status.state == NODE_READY ? 0 : 1ull << 62);
}

static void list_sources(const struct view *view, const struct depot_wish *wish, struct arena *arena, struct depot_found *ret)
{
	size_t count = view_count(view, KIND_IMAGE_COPY), n = 0;
	struct source *sources = ARENA_ARRAY(arena, struct source, count);
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_IMAGE_COPY, &at));) {
		const struct image_copy *copy = VIEW_VALUE(image_copy, object);
		const struct node *node = manager_of(view, copy->node_id);

		if (node && str_eq(copy->manifest, ret->copy->manifest) && !str_eq(copy->node_id, wish->asker))
			sources[n++] = (struct source){ node->manager->address, order_of(wish, copy->node_id, node) };
	}
	qsort(sources, n, sizeof *sources, compare);
	ret->sources.items = ARENA_ARRAY(arena, char *, n);
	for (; ret->sources.count < n; ret->sources.count++)
		ret->sources.items[ret->sources.count] = arena_strdup(arena, sources[ret->sources.count].address);
}

int depot_find(const struct view *view, const struct depot_wish *wish, struct arena *arena, struct depot_found *ret, struct err *err)
{
	const char *asked = str_after(wish->ref->digest, "sha256:"), *shown;
	char text[IMAGE_PLATFORM_TEXT_SIZE];
	bool is_other;

	*ret = (struct depot_found){ .copy = choose(view, wish, &is_other), .index = "" };
	if (!ret->copy)
		return is_other ? err_set(err, ERR_NOT_FOUND, "no matching manifest for %s in the manifest list entries",
					  image_platform_format(wish->platform, text)) : 0;
	shown = asked ? asked : ret->copy->digests.count ? ret->copy->digests.items[0] : "";
	if (!str_eq(shown, ret->copy->manifest))
		ret->index = arena_strdup(arena, shown);
	list_sources(view, wish, arena, ret);
	return 0;
}

bool depot_may_have(const struct view *view, const char *node_id, const struct image_ref *ref)
{
	const struct view_object *object;
	struct image_ref own;
	struct err ignored;

	for (object = view_tasks_of_node(view, node_id); object; object = object->next_of_node) {
		const struct task *task = VIEW_VALUE(task, object);
		const struct service_spec *spec = view_service_spec(view, task->service_id, task->spec_version);

		if (!spec || str_is_empty(spec->task.container.image) || image_ref_parse(spec->task.container.image, &own, &ignored) < 0)
			continue;
		image_ref_add_default_tag(&own);
		if (image_ref_is_same_repository(&own, ref) && str_eq(own.tag, ref->tag) && str_eq(own.digest, ref->digest))
			return true;
	}
	return false;
}

static void add_names(const struct image *image, struct arena *arena, struct image_copy *copy)
{
	copy->names.items = ARENA_ARRAY(arena, struct image_name, image->tags.count);
	for (size_t i = 0; i < MIN(image->tags.count, (size_t)IMAGE_COPY_NAMES_MAX); i++)
		copy->names.items[copy->names.count++].name = image->tags.items[i];
}

struct image_copy *depot_stock(const struct image_store *store, struct arena *arena, size_t *ret_count)
{
	struct image_copy *items = ARENA_ARRAY(arena, struct image_copy, image_store_count(store));

	*ret_count = 0;
	for (size_t i = 0; i < image_store_count(store); i++) {
		const struct image *image = image_store_at(store, i);
		struct image_copy *copy = &items[*ret_count];
		struct image_platform platform;
		char text[IMAGE_PLATFORM_TEXT_SIZE];

		if (!image->manifest[0] || image->is_going || !image->is_unpacked)
			continue;
		*copy = (struct image_copy){ .manifest = (char *)(uintptr_t)image->manifest, .manifest_bytes = (uint64_t)image->manifest_bytes,
					     .digests = { image->digests.items, image->digests.count },
					     .is_docker = image->is_docker_manifest, .is_pulled = image->repositories.count > 0 };
		if (image_platform_read(image->config.os, image->config.architecture, image->config.variant, &platform))
			copy->platform = arena_strdup(arena, image_platform_format(&platform, text));
		add_names(image, arena, copy);
		(*ret_count)++;
	}
	return items;
}
