/* map.h - string -> pointer. The map copies its keys and never owns its values.
 *
 * Iteration order is the order of insertion with removed entries left out (an update keeps its place), so that everything built on a
 * map is the same on every machine and in every run. Hash-flooding costs an attacker his own time only: the hash is keyed.
 */
#pragma once
#include "base/base.h"

struct map;
struct map *map_new(void);
void map_free(struct map *map);                          /* NULL is welcome; values are the owner's */
void map_freep(struct map **map);
void *map_get(const struct map *map, const char *key);   /* NULL when absent */
void *map_put(struct map *map, const char *key, void *value);   /* the value it replaced, or NULL; value is not NULL */
void *map_remove(struct map *map, const char *key);      /* the value removed, or NULL */
size_t map_count(const struct map *map);
/* for (size_t at = 0; map_next(map, &at, &key, &value); ) …  Removing the entry just given is allowed while iterating; adding is not. */
bool map_next(const struct map *map, size_t *at, const char **ret_key, void **ret_value);
