#include "applets/caps_flag.h"

#include <stdlib.h>

static char *normal(const char *name)
{
	while (*name == ' ')
		name++;
	char *upper = str_dup(name);
	size_t length = 0;

	for (; upper[length]; length++)
		if (upper[length] >= 'a' && upper[length] <= 'z')
			upper[length] = (char)(upper[length] - 32);
	while (length > 0 && upper[length - 1] == ' ')
		upper[--length] = '\0';
	if (str_eq(upper, "ALL") || str_eq(upper, "RESET") || str_starts(upper, "CAP_"))
		return upper;
	char *whole = str_printf("CAP_%s", upper);
	free(upper);
	return whole;
}

static void put(struct strlist *set, const char *name)
{
	char *whole = normal(name);

	if (!strlist_has(set, whole))
		strlist_add(set, whole);
	free(whole);
}

static bool drop_name(struct strlist *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (str_eq(set->items[i], name)) {
			free(set->items[i]);
			set->items[i] = set->items[--set->count];
			set->items[set->count] = NULL;
			return true;
		}
	return false;
}

static struct strlist set_of(const struct strlist *words)
{
	struct strlist set = {0};

	for (size_t i = 0; i < words->count; i++)
		put(&set, words->items[i]);
	return set;
}

static struct strlist set_in(yyjson_mut_val *container, const char *member)
{
	yyjson_mut_val *array = yyjson_mut_obj_get(container, member), *item;
	struct strlist set = {0};
	yyjson_mut_arr_iter iter;

	yyjson_mut_arr_iter_init(array, &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter)))
		if (yyjson_mut_is_str(item))
			put(&set, yyjson_mut_get_str(item));
	return set;
}

/* ALL stands for everything beside it. */
static void reduce(struct strlist *set)
{
	if (strlist_has(set, "ALL")) {
		strlist_fini(set);
		strlist_add(set, "ALL");
	}
}

static void store(struct strlist *set, yyjson_mut_doc *doc, yyjson_mut_val *container,
		  const char *member)
{
	yyjson_mut_obj_remove_key(container, member);
	reduce(set);
	if (set->count > 0) {
		yyjson_mut_val *array = yyjson_mut_obj_add_arr(doc, container, member);
		strlist_sort(set);
		for (size_t i = 0; i < set->count; i++)
			yyjson_mut_arr_add_strcpy(doc, array, set->items[i]);
	}
	strlist_fini(set);
}

void caps_flag_create(const struct strlist *add, const struct strlist *drop, yyjson_mut_doc *doc,
		      yyjson_mut_val *container)
{
	struct strlist added = set_of(add), dropped = set_of(drop);

	drop_name(&added, "RESET");
	drop_name(&dropped, "RESET");
	reduce(&added);
	reduce(&dropped);
	for (size_t i = 0; i < added.count; i++)
		drop_name(&dropped, added.items[i]);
	store(&added, doc, container, "CapabilityAdd");
	store(&dropped, doc, container, "CapabilityDrop");
}

void caps_flag_update(const struct strlist *add, const struct strlist *drop, yyjson_mut_doc *doc,
		      yyjson_mut_val *container)
{
	struct strlist added = set_in(container, "CapabilityAdd");
	struct strlist dropped = set_in(container, "CapabilityDrop");
	struct strlist to_add = set_of(add), to_drop = set_of(drop);

	if (drop_name(&to_add, "RESET"))
		strlist_fini(&added);
	if (drop_name(&to_drop, "RESET"))
		strlist_fini(&dropped);
	for (size_t i = 0; i < to_drop.count; i++)
		if (!strlist_has(&to_add, to_drop.items[i]) && !drop_name(&added, to_drop.items[i]))
			put(&dropped, to_drop.items[i]);
	for (size_t i = 0; i < to_add.count; i++)
		if (!drop_name(&dropped, to_add.items[i]))
			put(&added, to_add.items[i]);
	strlist_fini(&to_add);
	strlist_fini(&to_drop);
	store(&added, doc, container, "CapabilityAdd");
	store(&dropped, doc, container, "CapabilityDrop");
}
