#include "image/image_config.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"

/* JSON of 1 MiB becomes at most 16 bytes of pointer or struct per two characters, and a NUL and padding per string. */
enum { ARENA_CEILING = 64 * 1024 * 1024 };

void image_config_init(struct image_config *config)
{
	*config = (struct image_config){ .created = STAMP_ZERO, .author = "", .comment = "", .architecture = "", .variant = "",
					 .os = "", .os_version = "", .user = "", .working_dir = "", .stop_signal = "" };
	arena_init(&config->arena, "image config", ARENA_CEILING);
}

void image_config_fini(struct image_config *config)
{
	arena_fini(&config->arena);
	*config = (struct image_config){ 0 };
}

int image_config_check_os(const struct image_config *config, struct err *err)
{
	if (str_is_empty(config->os) || str_eq(config->os, "linux"))
		return 0;
	err_set(err, ERR_UNSUPPORTED, "image operating system \"%.32s\" cannot be used on this platform", config->os);
	str_make_line(err->text);
	return -1;
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------- */

/* Room for one more and the NULL behind it. */
static void grow_words(struct image_config *config, struct image_words *list)
{
	if (list->count + 2 <= list->size)
		return;
	list->size = 2 * (list->count + 2);
	const char **items = ARENA_ARRAY(&config->arena, const char *, list->size);
	if (list->count)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
}

void image_config_add_word(struct image_config *config, struct image_words *list, const char *word)
{
	grow_words(config, list);
	list->items[list->count++] = arena_strdup(&config->arena, word);
}

void image_config_add_sorted(struct image_config *config, struct image_words *list, const char *word)
{
	size_t at = 0;

	while (at < list->count && strcmp(list->items[at], word) < 0)
		at++;
	if (at < list->count && str_eq(list->items[at], word))
		return;
	grow_words(config, list);
	memmove(&list->items[at + 1], &list->items[at], (list->count - at) * sizeof(*list->items));
	list->items[at] = arena_strdup(&config->arena, word);
	list->count++;
}

static void grow_pairs(struct image_config *config, struct image_pairs *pairs)
{
	if (pairs->count < pairs->size)
		return;
	pairs->size = 2 * (pairs->count + 1);
	struct image_pair *items = ARENA_ARRAY(&config->arena, struct image_pair, pairs->size);
	if (pairs->count)
		memcpy(items, pairs->items, pairs->count * sizeof(*items));
	pairs->items = items;
}

void image_config_set_label(struct image_config *config, const char *name, const char *value)
{
	struct image_pairs *labels = &config->labels;
	struct image_pair pair = { arena_strdup(&config->arena, name), arena_strdup(&config->arena, value) };
	size_t at = 0;

	while (at < labels->count && strcmp(labels->items[at].name, name) < 0)
		at++;
	if (at < labels->count && str_eq(labels->items[at].name, name)) {
		labels->items[at] = pair;
		return;
	}
	grow_pairs(config, labels);
	memmove(&labels->items[at + 1], &labels->items[at], (labels->count - at) * sizeof(pair));
	labels->items[at] = pair;
	labels->count++;
}

void image_config_set_env(struct image_config *config, const char *name, const char *value)
{
	char *line = arena_printf(&config->arena, "%s=%s", name, value);
	size_t prefix = strlen(name) + 1;

	for (size_t i = 0; i < config->env.count; i++) {
		if (strncmp(config->env.items[i], line, prefix) == 0) {
			config->env.items[i] = line;
			return;
		}
	}
	grow_words(config, &config->env);
	config->env.items[config->env.count++] = line;
}
