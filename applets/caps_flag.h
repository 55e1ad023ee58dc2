/* caps_flag.h - what --cap-add and --cap-drop make of a specification.
 *
 * Pure. Names are kept as docker keeps them: upper case, with CAP_, sorted, each once. ALL takes the
 * place of all others; RESET, of an update, empties the list it stands in before the rest is added.
 */
#pragma once
#include <yyjson.h>

#include "base/str.h"

/* Sets CapabilityAdd and CapabilityDrop of the object. What is added is not dropped. */
void caps_flag_create(const struct strlist *add, const struct strlist *drop, yyjson_mut_doc *doc,
		      yyjson_mut_val *container);
/* Against what the object has: adding a capability that is dropped only ends that, and the other way
 * about; the second time it is really added. */
void caps_flag_update(const struct strlist *add, const struct strlist *drop, yyjson_mut_doc *doc,
		      yyjson_mut_val *container);
