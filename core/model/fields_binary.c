/* The binary half of fields.h: what change lists, rows and assignments are made of. */
#include <string.h>

#include "base/str.h"
#include "model/fields_inside.h"

/* So that small negative numbers stay short. */
static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

void field_encode(const struct field *field, const void *object, struct buf *out)
{
	const void *m = field_cmember(field, object);

	if (field_is_empty(field, object))
		return;
	switch ((enum field_type)field->type) {
	case FIELD_STR:
		buf_add_str(out, *(char *const *)m);
		return;
	case FIELD_BYTES:
		buf_add(out, ((const struct bytes *)m)->items, ((const struct bytes *)m)->count);
		return;
	case FIELD_BOOL:
		put_u8(out, 1);
		return;
	case FIELD_TRI:
		put_u8(out, (uint8_t)*(const enum tri *)m);
		return;
	case FIELD_I64:
	case FIELD_STAMP:
		put_varint(out, zigzag(*(const int64_t *)m));
		return;
	case FIELD_OPT_I64:
		put_varint(out, zigzag(((const struct opt_i64 *)m)->value));
		return;
	case FIELD_U64:
		put_varint(out, *(const uint64_t *)m);
		return;
	case FIELD_F64: {
		uint64_t bits;
		memcpy(&bits, m, sizeof bits);
		put_u64(out, bits);
		return;
	}
	case FIELD_OPT_U64:
		put_varint(out, ((const struct opt_u64 *)m)->value);
		return;
	case FIELD_ENUM:
		put_varint(out, (uint64_t)*(const int *)m);
		return;
	case FIELD_STR_LIST: {
		const struct str_array *list = m;
		for (size_t i = 0; i < list->count; i++)
			put_str(out, list->items[i]);
		return;
	}
	case FIELD_STR_MAP: {
		const struct str_map *map = m;
		for (size_t i = 0; i < map->count; i++) {
			put_str(out, map->items[i].key);
			put_str(out, map->items[i].value);
		}
		return;
	}
	case FIELD_STRUCT:
		shape_encode(field->shape, m, out);
		return;
	case FIELD_OPTION:
		put_u8(out, 1);         /* an option that is there, though its struct is empty, must not vanish */
		shape_encode(field->shape, *(void *const *)m, out);
		return;
	case FIELD_LIST:
	case FIELD_MAP: {
		const struct any_array *list = m;
		for (size_t i = 0; i < list->count; i++) {
			size_t begin = put_bytes_begin(out);
			shape_encode(field->shape, (const char *)list->items + i * field->shape->size, out);
			put_bytes_end(out, begin);
		}
		return;
	}
	case FIELD_REFUSED:
		return;
	}
}

/* Tables stand in the order in which Docker prints, bytes in that of the numbers: a member that comes between two old ones moves none of them. */
static const struct field *field_after(const struct shape *shape, unsigned number)
{
	const struct field *next = NULL;

	for (size_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (field->number > number && (!next || field->number < next->number))
			next = field;
	}
	return next;
}

void shape_encode(const struct shape *shape, const void *value, struct buf *out)
{
	for (const struct field *field = field_after(shape, 0); field; field = field_after(shape, field->number)) {
		if (field_is_empty(field, value))
			continue;
		put_varint(out, field->number);
		size_t begin = put_bytes_begin(out);
		field_encode(field, value, out);
		put_bytes_end(out, begin);
	}
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int bad_payload(const struct shape *shape, const struct field *field, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s field %u (%s): malformed", shape->name, field->number, field->json);
}

static size_t count_items(struct reader in, bool in_pairs)
{
	size_t count = 0, size;

	while (in.at < in.end && !in.failed) {
		get_bytes(&in, &size);
		if (in_pairs)
			get_bytes(&in, &size);
		count++;
	}
	return in.failed ? SIZE_MAX : count;
}

/* NULL for an empty one; a NUL inside fails the reader, for every C function later on would cut the string there. */
static char *get_str(struct reader *in, struct arena *arena)
{
	size_t size;
	const uint8_t *bytes = get_bytes(in, &size);

	if (size && memchr(bytes, 0, size))
		in->failed = true;
	return size && !in->failed ? fields_strndup(arena, (const char *)bytes, size) : NULL;
}

static int decode_str_list(struct reader in, struct arena *arena, struct str_array *ret)
{
	size_t count = count_items(in, false);

	if (count == SIZE_MAX)
		return -1;
	ret->items = fields_take(arena, count, sizeof(char *));
	for (ret->count = 0; ret->count < count; ret->count++) {
		char *item = get_str(&in, arena);
		ret->items[ret->count] = item ? item : fields_strdup(arena, "");
	}
	return in.failed ? -1 : 0;
}

static int decode_str_map(struct reader in, struct arena *arena, struct str_map *ret)
{
	size_t count = count_items(in, true);

	if (count == SIZE_MAX)
		return -1;
	ret->items = fields_take(arena, count, sizeof(struct str_pair));
	for (ret->count = 0; ret->count < count; ret->count++) {
		ret->items[ret->count].key = get_str(&in, arena);
		ret->items[ret->count].value = get_str(&in, arena);
	}
	return in.failed ? -1 : 0;
}

static int decode_list(const struct field *field, struct reader in, struct arena *arena, struct any_array *ret, struct err *err)
{
	size_t count = count_items(in, false), size;

	if (count == SIZE_MAX)
		return err_set(err, ERR_INVALID, "%s: malformed list", field->json);
	ret->items = fields_take(arena, count, field->shape->size);
	while (ret->count < count) {            /* counted first: what is read of a broken one is freed with the list */
		const uint8_t *bytes = get_bytes(&in, &size);
		if (shape_decode(field->shape, reader_of(bytes, size), arena, (char *)ret->items + ret->count++ * field->shape->size, err) < 0)
			return -1;
	}
	return 0;
}

static size_t names_count(const char *const *names)
{
	size_t count = 0;

	while (names[count])
		count++;
	return count;
}

int field_decode(const struct shape *shape, const struct field *field, struct reader in, struct arena *arena,
		 void *ret_object, struct err *err)
{
	void *m = field_member(field, ret_object);
	size_t size = (size_t)(in.end - in.at);
	uint64_t v;

	if (size == 0)
		return 0;               /* empty */
	switch ((enum field_type)field->type) {
	case FIELD_STR:
		if (memchr(in.at, 0, size))
			return bad_payload(shape, field, err);
		*(char **)m = fields_strndup(arena, (const char *)in.at, size);
		return 0;
	case FIELD_BYTES:
		fields_copy_bytes(&(const struct bytes){ (uint8_t *)(uintptr_t)in.at, size }, arena, m);
		return 0;
	case FIELD_BOOL:
		if (get_u8(&in) != 1)
			return bad_payload(shape, field, err);
		*(bool *)m = true;
		break;
	case FIELD_TRI:
		v = get_u8(&in);
		if (v == TRI_UNSET || v > TRI_TRUE)
			return bad_payload(shape, field, err);
		*(enum tri *)m = (enum tri)v;
		break;
	case FIELD_I64:
	case FIELD_STAMP:
		*(int64_t *)m = unzigzag(get_varint(&in));
		break;
	case FIELD_OPT_I64:
		*(struct opt_i64 *)m = (struct opt_i64){ true, unzigzag(get_varint(&in)) };
		break;
	case FIELD_U64:
		*(uint64_t *)m = get_varint(&in);
		break;
	case FIELD_F64:
		v = get_u64(&in);
		memcpy(m, &v, sizeof v);
		break;
	case FIELD_OPT_U64:
		*(struct opt_u64 *)m = (struct opt_u64){ true, get_varint(&in) };
		break;
	case FIELD_ENUM:
		v = get_varint(&in);
		if (v >= names_count(field->names))
			return bad_payload(shape, field, err);
		*(int *)m = (int)v;
		break;
	case FIELD_STR_LIST:
		return decode_str_list(in, arena, m) < 0 ? bad_payload(shape, field, err) : 0;
	case FIELD_STR_MAP:
		return decode_str_map(in, arena, m) < 0 ? bad_payload(shape, field, err) : 0;
	case FIELD_STRUCT:
		return shape_decode(field->shape, in, arena, m, err);
	case FIELD_OPTION:
		if (get_u8(&in) != 1)
			return bad_payload(shape, field, err);
		*(void **)m = fields_take(arena, 1, field->shape->size);
		return shape_decode(field->shape, in, arena, *(void **)m, err);
	case FIELD_LIST:
	case FIELD_MAP:
		return decode_list(field, in, arena, m, err);
	case FIELD_REFUSED:
		return bad_payload(shape, field, err);
	}
	return in.failed || in.at != in.end ? bad_payload(shape, field, err) : 0;
}

int shape_decode(const struct shape *shape, struct reader in, struct arena *arena, void *ret, struct err *err)
{
	uint64_t last = 0;

	memset(ret, 0, shape->size);
	while (in.at < in.end) {
		uint64_t number = get_varint(&in);
		size_t size;
		const uint8_t *bytes = get_bytes(&in, &size);
		const struct field *field = in.failed || number > 63 ? NULL : shape_field(shape, (unsigned)number);

		if (in.failed)
			return err_set(err, ERR_INVALID, "%s: cut off", shape->name);
		if (!field)
			return err_set(err, ERR_UNSUPPORTED, "%s field %llu: unknown to this version of swarmbox", shape->name,
				       (unsigned long long)number);
		if (number <= last)     /* one order only, so that equal objects have equal bytes */
			return err_set(err, ERR_INVALID, "%s field %llu: out of order", shape->name, (unsigned long long)number);
		last = number;
		if (field_decode(shape, field, reader_of(bytes, size), arena, ret, err) < 0)
			return -1;
	}
	return 0;
}
