/* Every shape of the model by its bytes: the first byte picks the shape. What is accepted must survive being encoded, and be freed whole. */
#include "base/panic.h"
#include "test/unit/model/random_value.h"

enum { SHAPE_BYTES_MAX = 8192, SHAPES_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct shape *shapes[SHAPES_MAX];
static size_t shape_count;

static void take(void *arg, const struct shape *shape)
{
	(void)arg;
	check(shape_count < SHAPES_MAX && shape->size <= SHAPE_BYTES_MAX);
	shapes[shape_count++] = shape;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(max_align_t) char value[SHAPE_BYTES_MAX], other[SHAPE_BYTES_MAX];
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct err err;

	if (shape_count == 0)
		model_shapes_each(take, NULL);
	if (size == 0)
		return 0;
	const struct shape *shape = shapes[data[0] % shape_count];

	if (shape_decode(shape, reader_of(data + 1, size - 1), NULL, value, &err) == 0) {
		shape_encode(shape, value, &bytes);
		check(shape_decode(shape, reader_of(bytes.data, bytes.len), NULL, other, &err) == 0);
		check(shape_equal(shape, value, other));
		shape_fini(shape, other);
	}
	shape_fini(shape, value);
	return 0;
}
