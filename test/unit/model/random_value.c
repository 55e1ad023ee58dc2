#include "test/unit/model/random_value.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "model/cluster.h"
#include "model/container.h"
#include "model/node_info.h"
#include "model/registry_auth.h"
#include "model/service.h"
#include "model/task.h"

enum { DEPTH = 12, SHAPES_MAX = 256 };

const struct shape *const model_shapes[] = {
	&service_spec_shape, &service_shape, &service_version_shape, &task_shape, &slot_shape, &task_status_shape, &assignment_shape,
	&node_shape, &cluster_shape, &container_config_shape, &host_config_shape, &container_row_shape, &registry_auth_shape, NULL
};

static bool visit(const struct shape *shape, const struct shape **seen, size_t *count, shape_fn *fn, void *arg)
{
	for (size_t i = 0; i < *count; i++)
		if (seen[i] == shape)
			return false;
	check(*count < SHAPES_MAX);
	seen[(*count)++] = shape;
	fn(arg, shape);
	for (size_t i = 0; i < shape->count; i++)
		if (shape->fields[i].shape)
			visit(shape->fields[i].shape, seen, count, fn, arg);
	return true;
}

void model_shapes_each(shape_fn *fn, void *arg)
{
	const struct shape *seen[SHAPES_MAX];
	size_t count = 0;

	for (size_t i = 0; model_shapes[i]; i++)
		visit(model_shapes[i], seen, &count, fn, arg);
}

static char *random_text(struct rng *rng, struct arena *arena)
{
	static const char *const words[] = { "", "a", "web", "k=v", "\"\\/\n\t", "caf\xc3\xa9", "\xf0\x9f\x90\xb3", "null", "0", "<&>\x7f" };
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (uint64_t i = rng_below(rng, 4); i > 0; i--)
		buf_add_str(&text, words[rng_below(rng, ARRAY_COUNT(words))]);
	return arena_strdup(arena, buf_text(&text));
}

static uint64_t random_number(struct rng *rng)
{
	switch (rng_below(rng, 4)) {
	case 0: return 0;
	case 1: return rng_below(rng, 300);
	case 2: return UINT64_MAX - rng_below(rng, 2);
	default: return rng_next(rng);
	}
}

static double random_real(struct rng *rng)
{
	static const double reals[] = { 0, 0.5, -1.25, 1e300, 5e-324, 0.1, 3, -4e15 };

	return reals[rng_below(rng, ARRAY_COUNT(reals))];
}

static void fill(const struct shape *shape, struct rng *rng, bool for_json, struct arena *arena, unsigned depth, void *ret);

/* Keys as the reader leaves them: sorted, each once, none empty. */
static void random_map(struct rng *rng, struct arena *arena, struct str_map *ret)
{
	ret->count = rng_below(rng, 4);
	ret->items = ARENA_ARRAY(arena, struct str_pair, ret->count);
	for (size_t i = 0; i < ret->count; i++)
		ret->items[i] = (struct str_pair){ arena_printf(arena, "%zu%s", i, random_text(rng, arena)), random_text(rng, arena) };
}

static void random_list(const struct field *field, struct rng *rng, bool for_json, struct arena *arena, unsigned depth, struct any_array *ret)
{
	size_t size = field->shape->size;

	ret->count = depth < DEPTH ? rng_below(rng, 3) : 0;
	ret->items = ret->count ? arena_take_array(arena, ret->count, size) : NULL;
	for (size_t i = 0; i < ret->count; i++) {
		char *item = (char *)ret->items + i * size;

		fill(field->shape, rng, for_json, arena, depth + 1, item);
		if (field->type == FIELD_MAP)
			*(char **)(void *)(item + field->shape->fields[0].offset) = arena_printf(arena, "%zu", i);
	}
}

static void random_bytes(struct rng *rng, struct arena *arena, struct bytes *ret)
{
	ret->count = rng_below(rng, 10);
	ret->items = ARENA_ARRAY(arena, uint8_t, ret->count);
	for (size_t i = 0; i < ret->count; i++)
		ret->items[i] = (uint8_t)rng_below(rng, 256);
}

static int random_word(const struct field *field, struct rng *rng)
{
	size_t count = 0;

	while (field->names[count])
		count++;
	return (int)rng_below(rng, count);
}

static void fill_field(const struct field *field, struct rng *rng, bool for_json, struct arena *arena, unsigned depth, void *object)
{
	void *m = (char *)object + field->offset;

	switch ((enum field_type)field->type) {
	case FIELD_STR: *(char **)m = random_text(rng, arena); return;
	case FIELD_BYTES: random_bytes(rng, arena, m); return;
	case FIELD_BOOL: *(bool *)m = rng_below(rng, 2); return;
	case FIELD_TRI: *(enum tri *)m = (enum tri)rng_below(rng, 3); return;
	case FIELD_I64:
	case FIELD_U64: *(uint64_t *)m = random_number(rng); return;
	case FIELD_F64: *(double *)m = random_real(rng); return;
	case FIELD_OPT_U64:
		if (rng_below(rng, 2))
			*(struct opt_u64 *)m = (struct opt_u64){ true, random_number(rng) };
		return;
	case FIELD_OPT_I64:
		if (rng_below(rng, 2))
			*(struct opt_i64 *)m = (struct opt_i64){ true, (int64_t)random_number(rng) };
		return;
	case FIELD_STAMP: *(nsec *)m = 1 + (nsec)rng_below(rng, 4000000000000000000); return;
	case FIELD_ENUM: *(int *)m = random_word(field, rng); return;
	case FIELD_STR_LIST: {
		struct str_array *list = m;
		list->count = rng_below(rng, 4);
		list->items = ARENA_ARRAY(arena, char *, list->count);
		for (size_t i = 0; i < list->count; i++)
			list->items[i] = random_text(rng, arena);
		return;
	}
	case FIELD_STR_MAP: random_map(rng, arena, m); return;
	case FIELD_STRUCT: fill(field->shape, rng, for_json, arena, depth + 1, m); return;
	case FIELD_OPTION:
		if (depth < DEPTH && rng_below(rng, 2))
			fill(field->shape, rng, for_json, arena, depth + 1, *(void **)m = arena_take(arena, field->shape->size));
		return;
	case FIELD_LIST:
	case FIELD_MAP: random_list(field, rng, for_json, arena, depth, m); return;
	case FIELD_REFUSED: return;
	}
	panic("field %s: type %d", field->json, field->type);
}

static void fill(const struct shape *shape, struct rng *rng, bool for_json, struct arena *arena, unsigned depth, void *ret)
{
	memset(ret, 0, shape->size);
	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (for_json && (field->flags & (FIELD_HIDDEN | FIELD_READ_ONLY)))
			continue;
		/* a third stays empty; a map's key never is */
		if (rng_below(rng, 3) > 0)
			fill_field(field, rng, for_json, arena, depth, ret);
	}
}

void random_value(const struct shape *shape, struct rng *rng, bool for_json, struct arena *arena, void *ret)
{
	fill(shape, rng, for_json, arena, 0, ret);
}
