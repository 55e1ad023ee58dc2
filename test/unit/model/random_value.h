/* random_value.h - a value of any shape, made by its descriptors: what tests of properties are fed with. */
#pragma once
#include "base/rng.h"
#include "model/fields.h"

/* for_json: only what JSON carries both ways; fields that are hidden or read-only stay empty. */
void random_value(const struct shape *shape, struct rng *rng, bool for_json, struct arena *arena, void *ret);

/* Every shape of the model that has a name outside of its file, ended by NULL, and, by way of their fields, all the others. */
extern const struct shape *const model_shapes[];
typedef void shape_fn(void *arg, const struct shape *shape);
void model_shapes_each(shape_fn *fn, void *arg);        /* each once */
