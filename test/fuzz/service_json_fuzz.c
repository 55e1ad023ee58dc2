/* Service specs as clients send them: what is read and valid must survive being printed and read again. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "model/defaults.h"
#include "model/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_and_read(const struct service_spec *spec, struct arena *arena)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct service_spec again;
	yyjson_doc *read;
	struct err err;
	size_t length;
	char *text;

	yyjson_mut_doc_set_root(doc, shape_to_json(&service_spec_shape, spec, doc));
	text = yyjson_mut_write(doc, 0, &length);
	if (text) {
		read = yyjson_read(text, length, 0);
		check(read);
		check(shape_from_json(&service_spec_shape, yyjson_doc_get_root(read), arena, &again, &err) == 0);
		check(shape_equal(&service_spec_shape, spec, &again));
		yyjson_doc_free(read);
	}
	free(text);
	yyjson_mut_doc_free(doc);
}

static void store_and_load(const struct service_spec *spec, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct service_spec again;
	struct err err;

	shape_encode(&service_spec_shape, spec, &bytes);
	check(shape_decode(&service_spec_shape, reader_of(bytes.data, bytes.len), arena, &again, &err) == 0);
	check(shape_equal(&service_spec_shape, spec, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	yyjson_doc *doc = yyjson_read((const char *)data, size, 0);
	struct service_spec spec;
	struct arena arena;
	struct err err;

	if (!doc)
		return 0;
	arena_init(&arena, "fuzz", 256 << 20);
	if (shape_from_json(&service_spec_shape, yyjson_doc_get_root(doc), &arena, &spec, &err) == 0 &&
	    validate_service_spec(&spec, &err) == 0) {
		service_spec_normalize(&spec, &arena);
		print_and_read(&spec, &arena);
		store_and_load(&spec, &arena);
	}
	arena_fini(&arena);
	yyjson_doc_free(doc);
	return 0;
}
