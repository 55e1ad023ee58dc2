/* filters.h - the `filters` parameter: {"label":{"a=b":true}} or, older, {"label":["a=b"]}.
 *
 * Values of one key are alternatives (labels must all hold), keys must all hold. Pure.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "model/fields.h"

struct filter { const char *key; struct str_array values; };
struct filters { struct filter *items; size_t count; };

/* text NULL, "" or null: no filters. ERR_INVALID for broken JSON and for a key that is not in allowed (ended by NULL): "invalid filter 'x'". */
int filters_parse(const char *text, const char *const *allowed, struct arena *arena, struct filters *ret, struct err *err);
const struct str_array *filters_get(const struct filters *filters, const char *key);    /* NULL when not given */
/* Not given, or one of its values equals / is the start of / stands in the text. */
bool filters_exact(const struct filters *filters, const char *key, const char *text);
bool filters_prefix(const struct filters *filters, const char *key, const char *text);
bool filters_contains(const struct filters *filters, const char *key, const char *text);
/* The same for names that count as equal whatever their case. */
bool filters_exact_nocase(const struct filters *filters, const char *key, const char *text);
bool filters_prefix_nocase(const struct filters *filters, const char *key, const char *text);
/* Every value "key" or "key=value" holds. */
bool filters_labels(const struct filters *filters, const char *key, const struct str_map *labels);
/* The first value that is none of the words (ended by NULL), or NULL: what it is called differs from list to list. */
const char *filters_stranger(const struct filters *filters, const char *key, const char *const *words);
/* The same for the lists of a cluster: "Invalid role filter: 'x'". */
int filters_words(const struct filters *filters, const char *key, const char *const *words, struct err *err);
/* A switch: given as true/1 or false/0. ERR_INVALID otherwise. */
int filters_bool(const struct filters *filters, const char *key, bool def, bool *ret, struct err *err);
