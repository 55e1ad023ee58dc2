/* host_facts_io.h - what this host says of itself: names, kernel, resources. */
#pragma once
#include "api/api.h"
#include "base/arena.h"
#include "model/node_info.h"

#define ENGINE_VERSION "28.2.2"         /* the Docker release whose API we speak: clients compare it */

/* Strings live in the arena. */
void host_facts(struct arena *arena, struct api_facts *ret);
void host_description(const struct api_facts *facts, struct arena *arena, struct node_description *ret);
