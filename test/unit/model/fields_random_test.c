/* What holds for every shape of the model and every value of it: a few hundred values each, from a seed. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"
#include "test/unit/model/random_value.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 64 << 20, ROUNDS = 60, SHAPE_BYTES_MAX = 8192 };

struct round { struct rng rng; struct arena arena; const struct shape *shape; };
static _Alignas(max_align_t) char value[SHAPE_BYTES_MAX], other[SHAPE_BYTES_MAX];

static void each_value(const struct shape *shape, bool for_json, void (*property)(struct round *round))
{
	check(shape->size <= SHAPE_BYTES_MAX);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct round round = { .shape = shape };

		arena_init(&round.arena, "test", ARENA_MAX);
		rng_seed(&round.rng, seed);
		random_value(shape, &round.rng, for_json, &round.arena, value);
		property(&round);
		arena_fini(&round.arena);
	}
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static void survives_bytes(struct round *round)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, again = BUF_INIT;
	struct err err = { 0 };

	shape_encode(round->shape, value, &bytes);
	EXPECT_INT(shape_decode(round->shape, reader_of(bytes.data, bytes.len), &round->arena, other, &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT(shape_equal(round->shape, value, other));
	shape_encode(round->shape, other, &again);
	EXPECT(is_same(&bytes, &again));
	EXPECT_INT(shape_is_empty(round->shape, value), bytes.len == 0);
}

static void bytes_of(void *arg UNUSED, const struct shape *shape) { each_value(shape, false, survives_bytes); }

TEST(shapes_survive_bytes_and_equal_values_have_equal_bytes)
{
	model_shapes_each(bytes_of, NULL);
}

/* A start of the bytes is refused, or it is whole in itself: then it is just what its value is encoded to. On the heap nothing may leak. */
static void knows_a_cut(struct round *round)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	shape_encode(round->shape, value, &bytes);
	for (size_t cut = 0; cut < bytes.len; cut += 1 + bytes.len / 200) {
		CLEANUP(buf_finip) struct buf exact = BUF_INIT, again = BUF_INIT;
		struct err err = { 0 };

		buf_add(&exact, bytes.data, cut);               /* of this size, so that a read behind its end is seen */
		int rc = shape_decode(round->shape, reader_of(exact.data, exact.len), NULL, other, &err);

		EXPECT(rc == 0 || (err.code == ERR_INVALID && err.text[0]));
		if (rc == 0)
			shape_encode(round->shape, other, &again);
		EXPECT(rc < 0 || is_same(&exact, &again));
		shape_fini(round->shape, other);
		EXPECT(shape_is_empty(round->shape, other));
	}
}

static void cuts_of(void *arg UNUSED, const struct shape *shape) { each_value(shape, false, knows_a_cut); }

TEST_TIMEOUT(shapes_notice_when_their_bytes_are_cut, 600)
{
	model_shapes_each(cuts_of, NULL);
}

static void survives_noise(struct round *round)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, again = BUF_INIT;
	struct err err = { 0 };

	shape_encode(round->shape, value, &bytes);
	if (bytes.len == 0)
		return;
	for (int i = 0; i < 20; i++) {
		size_t at = rng_below(&round->rng, bytes.len);
		char before = bytes.data[at];

		bytes.data[at] = (char)rng_next(&round->rng);
		if (shape_decode(round->shape, reader_of(bytes.data, bytes.len), NULL, other, &err) == 0) {
			struct err ignored;
			static _Alignas(max_align_t) char third[SHAPE_BYTES_MAX];

			buf_clear(&again);
			shape_encode(round->shape, other, &again);
			EXPECT_INT(shape_decode(round->shape, reader_of(again.data, again.len), &round->arena, third, &ignored), 0);
			EXPECT(shape_equal(round->shape, other, third));
		}
		shape_fini(round->shape, other);
		bytes.data[at] = before;
	}
}

static void noise_of(void *arg UNUSED, const struct shape *shape) { each_value(shape, false, survives_noise); }

TEST_TIMEOUT(shapes_survive_bytes_that_are_wrong_somewhere, 600)
{
	model_shapes_each(noise_of, NULL);
}

static void refuses_unknown(void *arg UNUSED, const struct shape *shape)
{
	for (unsigned number = 1; number <= 64; number++) {
		CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
		CLEANUP(str_freep) char *want = str_printf("%s field %u: unknown to this version of swarmbox", shape->name, number);
		struct err err = { 0 };

		if (number < 64 && shape_field(shape, number))
			continue;
		put_varint(&bytes, number);
		put_str(&bytes, "x");
		EXPECT_INT(shape_decode(shape, reader_of(bytes.data, bytes.len), NULL, other, &err), -1);
		EXPECT_INT(err.code, ERR_UNSUPPORTED);
		EXPECT_STR(err.text, want);
	}
}

TEST(shapes_refuse_numbers_they_do_not_know)
{
	model_shapes_each(refuses_unknown, NULL);
}

/* ---- copies ------------------------------------------------------------------------------------------------------ */

static void is_copied(struct round *round)
{
	shape_copy(round->shape, value, NULL, other);
	EXPECT(shape_equal(round->shape, value, other));
	for (size_t i = 0; i < round->shape->count; i++) {
		const struct field *field = &round->shape->fields[i];

		EXPECT(field_equal(field, value, other));
		field_fini(field, other);
		EXPECT(field_is_empty(field, other));
		EXPECT_INT(field_equal(field, value, other), field_is_empty(field, value));
		field_copy(field, value, NULL, other);
		EXPECT(field_equal(field, value, other));
	}
	shape_fini(round->shape, other);
	EXPECT(shape_is_empty(round->shape, other));
	shape_fini(round->shape, other);                /* an empty one has nothing to free */
}

static void copies_of(void *arg UNUSED, const struct shape *shape) { each_value(shape, false, is_copied); }

TEST(shapes_are_copied_compared_and_freed_field_by_field)
{
	model_shapes_each(copies_of, NULL);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void survives_json(struct round *round)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, again = BUF_INIT;
	yyjson_mut_doc *out = yyjson_mut_doc_new(NULL);
	struct err err = { 0 };

	json_write(out, shape_to_json(round->shape, value, out), 0, &text);
	yyjson_doc *doc = yyjson_read(text.data, text.len, 0);
	int rc = shape_from_json(round->shape, yyjson_doc_get_root(doc), NULL, other, &err);

	EXPECT_INT(rc, 0);
	EXPECT_STR(err.text, "");
	EXPECT(shape_equal(round->shape, value, other));
	out = yyjson_mut_doc_new(NULL);
	json_write(out, shape_to_json(round->shape, other, out), 0, &again);
	EXPECT_STR(buf_text(&again), buf_text(&text));
	shape_fini(round->shape, other);
	yyjson_doc_free(doc);
}

static void json_of(void *arg UNUSED, const struct shape *shape) { each_value(shape, true, survives_json); }

TEST(shapes_survive_json)
{
	model_shapes_each(json_of, NULL);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static bool is_told(const struct field *field) { return !(field->flags & FIELD_HIDDEN); }

static void table_makes_sense(void *arg, const struct shape *shape)
{
	size_t *count = arg;
	uint64_t numbers = 0;

	(*count)++;
	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		bool has_shape = field->type == FIELD_STRUCT || field->type == FIELD_OPTION || field->type == FIELD_LIST || field->type == FIELD_MAP;
		bool ok = field->json && field->json[0] && has_shape == (field->shape != NULL) && (field->type == FIELD_ENUM) == (field->names != NULL);

		if (field->type == FIELD_REFUSED) {
			ok = ok && field->number == 0;
		} else {
			ok = ok && field->number >= 1 && field->number <= 63 && !(numbers & 1ull << field->number) && field->offset < shape->size;
			numbers |= 1ull << field->number;
		}
		for (size_t j = 0; ok && j < i; j++)
			ok = !is_told(field) || !is_told(&shape->fields[j]) || !str_eq_nocase(field->json, shape->fields[j].json);
		if (!ok)
			printf("%s: %s, number %u\n", shape->name, field->json, field->number);
		EXPECT(ok);
	}
}

TEST(tables_use_each_number_and_each_name_once)
{
	size_t count = 0;

	model_shapes_each(table_makes_sense, &count);
	EXPECT(count > 50);
}
