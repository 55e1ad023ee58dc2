#include "api/image_filter.h"

#include <string.h>

#include "api/api_internal.h"
#include "base/str.h"
#include "base/units.h"

static const char *const list_keys[] = { "before", "since", "dangling", "label", "reference", "until", NULL };
static const char *const prune_keys[] = { "dangling", "label", "label!", "until", NULL };

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void take_before(struct image_filter *filter, nsec created)
{
	filter->before = filter->has_before ? MIN(filter->before, created) : created;
	filter->has_before = true;
}

/* before=nginx, since=nginx: as of that image's creation. */
static int take_images(struct image_filter *filter, const struct image_store *images, const char *key, struct err *err)
{
	const struct str_array *values = filters_get(&filter->filters, key);
	const struct image *image;

	for (size_t i = 0; values && i < values->count; i++) {
		if (image_store_get(images, values->items[i], &image, err) < 0)
			return -1;
		if (str_eq(key, "before")) {
			take_before(filter, image->config.created);
			continue;
		}
		filter->since = filter->has_since ? MAX(filter->since, image->config.created) : image->config.created;
		filter->has_since = true;
	}
	return 0;
}

/* until=24h, or a moment. */
static int take_until(struct image_filter *filter, nsec now_wall, struct err *err)
{
	const struct str_array *values = filters_get(&filter->filters, "until");
	nsec span, moment;
	struct err ignored;

	if (!values)
		return 0;
	if (values->count > 1)
		return err_set(err, ERR_INVALID, "more than one until filter specified");
	if (units_parse_duration(values->items[0], &span, &ignored) == 0)
		moment = now_wall - span;
	else if (str_is_empty(values->items[0]) || api_parse_moment(values->items[0], &moment) < 0)
		return err_set(err, ERR_INVALID, "invalid filter 'until=%.100s': neither a duration nor a moment", values->items[0]);
	take_before(filter, moment);
	return 0;
}

int image_filter_parse(const char *text, enum image_filter_use use, const struct image_store *images, nsec now_wall, struct arena *arena,
		       struct image_filter *ret, struct err *err)
{
	*ret = (struct image_filter){ .use = use };
	if (filters_parse(text, use == IMAGE_FILTER_LIST ? list_keys : prune_keys, arena, &ret->filters, err) < 0 ||
	    filters_bool(&ret->filters, "dangling", use == IMAGE_FILTER_PRUNE, &ret->is_dangling, err) < 0 ||
	    take_images(ret, images, "before", err) < 0 || take_images(ret, images, "since", err) < 0)
		return -1;
	ret->has_dangling = filters_get(&ret->filters, "dangling") != NULL;
	if (use == IMAGE_FILTER_PRUNE)               /* dangling=false asks for all, not for those with a name */
		ret->has_dangling = ret->is_dangling;
	return take_until(ret, now_wall, err);
}

/* ---- matching ---------------------------------------------------------------------------------------------------- */

/* "nginx", "nginx:*", "*": docker's reference patterns, with * and ? inside one part of the name. Of several stars only the last one has to be tried
 * again: what the ones before it took was the least they could. */
static bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *tried = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			tried = text;
		} else if (*pattern == '?' ? *text != '/' : *pattern == *text) {
			pattern++;
			text++;
		} else if (star && *tried != '/') {
			pattern = star;
			text = ++tried;
		} else {
			return false;
		}
	}
	pattern += strspn(pattern, "*");
	return !*pattern;
}

static bool reference_matches(const struct str_array *values, const char *tag)
{
	const char *colon = strrchr(tag, ':');
	CLEANUP(str_freep) char *repository = str_printf("%.*s", (int)(colon ? colon - tag : (long)strlen(tag)), tag);

	for (size_t i = 0; i < values->count; i++)
		if (pattern_matches(values->items[i], tag) || pattern_matches(values->items[i], repository))
			return true;
	return false;
}

/* The names that were asked for, of an image that has others too; false when it has none of them. One that was pulled by digest goes by its
 * repository. */
static bool names_match(const struct filters *filters, const struct image *image, struct strlist *ret)
{
	const struct str_array *values = filters_get(filters, "reference");
	bool found = !values;

	for (size_t i = 0; i < image->tags.count; i++) {
		if (values && !reference_matches(values, image->tags.items[i]))
			continue;
		found = true;
		if (ret)
			strlist_add(ret, image->tags.items[i]);
	}
	for (size_t i = 0; i < image->repositories.count && image->tags.count == 0 && !found; i++)
		found = reference_matches(values, image->repositories.items[i]);
	return found;
}

/* "key" or "key=value". */
static bool has_label(const struct image_config *config, const char *wanted)
{
	size_t length = strcspn(wanted, "=");

	for (size_t i = 0; i < config->labels.count; i++) {
		const struct image_pair *label = &config->labels.items[i];

		if (strlen(label->name) == length && strncmp(label->name, wanted, length) == 0)
			return !wanted[length] || str_eq(label->value, wanted + length + 1);
	}
	return false;
}

static bool labels_match(const struct filters *filters, const struct image_config *config)
{
	const struct str_array *wanted = filters_get(filters, "label"), *unwanted = filters_get(filters, "label!");

	for (size_t i = 0; wanted && i < wanted->count; i++)
		if (!has_label(config, wanted->items[i]))
			return false;
	for (size_t i = 0; unwanted && i < unwanted->count; i++)
		if (has_label(config, unwanted->items[i]))
			return false;
	return true;
}

bool image_filter_holds(const struct image_filter *filter, const struct image *image, struct strlist *ret_tags)
{
	/* one that was pulled by its digest is shown as having no name, and yet nobody lost it */
	bool is_dangling = image->tags.count == 0 && (filter->use == IMAGE_FILTER_LIST || image->repositories.count == 0);

	if (filter->has_dangling && filter->is_dangling != is_dangling)
		return false;
	if ((filter->has_before && image->config.created >= filter->before) || (filter->has_since && image->config.created <= filter->since))
		return false;
	return labels_match(&filter->filters, &image->config) && names_match(&filter->filters, image, ret_tags);
}
