/* flat_yaml.h - a YAML mapping of names to words or lists of words, with the line each stands on: the agent's configuration file.
 *
 *   data-root: /srv/swarmbox
 *   label: [zone=a, disk=ssd]
 *
 * YAML 1.1 as libyaml reads it; anchors, nested mappings, several documents and repeated names are refused with their line. Pure.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct flat_item { char *name; struct strlist values; unsigned line; };
struct flat_yaml { struct flat_item *items; size_t count; };

enum { FLAT_YAML_BYTES_MAX = 1 << 20 };
/* Errors begin with "line N: ". */
int flat_yaml_parse(const char *text, size_t length, struct flat_yaml *ret, struct err *err);
void flat_yaml_fini(struct flat_yaml *yaml);
