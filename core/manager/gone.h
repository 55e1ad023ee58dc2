/* gone.h - what was removed lately, so that the making of it, brought once more, is known to have been done.
 *
 * Pure, and not part of the state: each manager notes it from what it applies. It may know too little (it began later, or has become a
 * snapshot), and then it says so. Services, nodes, secrets and configs: what verbs make, under ids that nobody makes twice.
 */
#pragma once
#include "base/id.h"
#include "state/apply.h"

enum { GONE_MAX = 2048 };
struct gone {
	uint64_t since;                 /* every removal behind this entry is known */
	uint64_t count;                 /* ever noted: the last GONE_MAX of them are kept */
	struct gone_item { char id[ID_SIZE]; uint64_t index; } items[GONE_MAX];
};
/* Nothing is known of what was removed up to that entry. */
void gone_begin(struct gone *gone, uint64_t index);
void gone_note(struct gone *gone, const struct applied *applied, uint64_t index);

enum gone_word { GONE_NEVER, GONE_REMOVED, GONE_UNKNOWN };
/* Was this, which is not there now, made and removed behind entry `since`? */
enum gone_word gone_ask(const struct gone *gone, const char *id, uint64_t since);
