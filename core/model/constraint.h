/* constraint.h - placement constraints: "node.labels.zone == east", "node.role != manager".
 *
 * Pure. The grammar is swarmkit's: one of == and !=, a key of two or more letters, digits and - _ . , a value without operators. No
 * globbing, no patterns: values are compared as they are, without case.
 */
#pragma once
#include "model/node_info.h"

struct constraint { const char *key, *value; bool is_negated; };
struct constraint_list { struct constraint *items; size_t count; };

/* Strings live in the arena. ERR_INVALID in swarmkit's words: "key '1a' is invalid", "constraint expected one operator from ==, !=". */
int constraint_parse(const struct str_array *texts, struct arena *arena, struct constraint_list *ret,
		     struct err *err);
/* All of them hold. A key that nobody knows holds nowhere; a label that is missing is "". */
bool constraint_match(const struct constraint_list *list, const char *node_id, const struct node *node);
