#include "state/change.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"

/* Longer ids than any kind makes; refused when decoding. */
enum { ID_BYTES_MAX = 120 };

void change_list_init(struct change_list *list, struct arena *arena)
{
	*list = (struct change_list){ .arena = arena };
}

static struct change *append(struct change_list *list)
{
	if (list->count == list->size) {
		size_t size = list->size ? list->size * 2 : 16;
		struct change *items = ARENA_ARRAY(list->arena, struct change, size);
		if (list->count)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		list->size = size;
	}
	return &list->items[list->count++];
}

static void *add(struct change_list *list, enum kind kind, enum change_op op, const char *id, uint64_t mask)
{
	struct change *change = append(list);

	check(kind_shape(kind) && !str_is_empty(id));
	*change = (struct change){ .kind = kind, .op = op, .id = arena_strdup(list->arena, id), .mask = mask };
	if (op != CHANGE_REMOVE)
		change->value = arena_take(list->arena, kind_shape(kind)->size);
	return change->value;
}

void *change_create(struct change_list *list, enum kind kind, const char *id, uint64_t mask)
{
	return add(list, kind, CHANGE_CREATE, id, mask);
}

void *change_update(struct change_list *list, enum kind kind, const char *id, uint64_t mask)
{
	return add(list, kind, CHANGE_UPDATE, id, mask);
}

void change_remove(struct change_list *list, enum kind kind, const char *id)
{
	add(list, kind, CHANGE_REMOVE, id, 0);
}

void change_list_append(struct change_list *list, const struct change_list *more)
{
	check(list->arena == more->arena);
	for (size_t i = 0; i < more->count; i++)
		*append(list) = more->items[i];
}

void change_encode(const struct change *change, struct buf *out)
{
	const struct shape *shape = kind_shape(change->kind);

	put_varint(out, (uint64_t)change->kind);
	put_varint(out, (uint64_t)change->op);
	put_str(out, change->id);
	put_varint(out, change->mask);
	for (unsigned number = 1; number < 64; number++) {
		if (!(change->mask & FIELD_BIT(number)))
			continue;
		size_t begin = put_bytes_begin(out);
		field_encode(shape_field(shape, number), change->value, out);
		put_bytes_end(out, begin);
	}
}

uint64_t change_list_level(const struct change_list *list)
{
	unsigned level = 1;

	for (size_t i = 0; i < list->count; i++) {
		const struct change *change = &list->items[i];
		const struct shape *shape = kind_shape(change->kind);

		for (size_t k = 0; k < shape->count; k++)
			if (shape->fields[k].type != FIELD_REFUSED && change->mask & FIELD_BIT(shape->fields[k].number))
				level = MAX(level, field_level(&shape->fields[k], change->value));
	}
	return level;
}

void entry_head_encode(const struct entry_head *head, size_t count, struct buf *out)
{
	put_varint(out, head->format_level);
	put_u64(out, (uint64_t)head->now_ms);
	put_u64(out, (uint64_t)head->wall);
	put_varint(out, count);
}

void change_list_encode(const struct change_list *list, const struct entry_head *head, struct buf *out)
{
	entry_head_encode(head, list->count, out);
	for (size_t i = 0; i < list->count; i++)
		change_encode(&list->items[i], out);
}

static int decode_fields(struct reader *in, struct change *change, struct arena *arena, struct err *err)
{
	const struct shape *shape = kind_shape(change->kind);

	if (change->mask & 1)
		return err_set(err, ERR_INVALID, "entry: %s '%s' writes field 0", kind_name(change->kind), change->id);
	for (unsigned number = 1; number < 64; number++) {
		const struct field *field;
		const uint8_t *bytes;
		size_t size;

		if (!(change->mask & FIELD_BIT(number)))
			continue;
		field = shape_field(shape, number);
		if (!field)
			return err_set(err, ERR_UNSUPPORTED, "entry: %s field %u is unknown to this version of swarmbox",
				       kind_name(change->kind), number);
		bytes = get_bytes(in, &size);
		if (in->failed)
			return err_set(err, ERR_INVALID, "entry: %s '%s' is cut off", kind_name(change->kind), change->id);
		if (field_decode(shape, field, reader_of(bytes, size), arena, change->value, err) < 0)
			return err_wrap(err, "entry: %s '%s'", kind_name(change->kind), change->id);
	}
	return 0;
}

static int decode_change(struct reader *in, struct change_list *list, struct err *err)
{
	uint64_t kind = get_varint(in), op = get_varint(in);
	size_t id_size;
	const uint8_t *id = get_bytes(in, &id_size);
	uint64_t mask = get_varint(in);
	struct change *change;

	if (in->failed || id_size == 0 || id_size > ID_BYTES_MAX || memchr(id, 0, id_size))
		return err_set(err, ERR_INVALID, "entry: malformed change");
	if (kind == 0 || kind >= KIND_COUNT)
		return err_set(err, ERR_UNSUPPORTED, "entry: kind %llu is unknown to this version of swarmbox", (unsigned long long)kind);
	if (op < CHANGE_CREATE || op > CHANGE_REMOVE || (op == CHANGE_REMOVE && mask))
		return err_set(err, ERR_INVALID, "entry: malformed change of a %s", kind_name((enum kind)kind));
	change = append(list);
	*change = (struct change){ .kind = (enum kind)kind, .op = (enum change_op)op,
				   .id = arena_strndup(list->arena, (const char *)id, id_size), .mask = mask };
	if (op == CHANGE_REMOVE)
		return 0;
	change->value = arena_take(list->arena, kind_shape(change->kind)->size);
	return decode_fields(in, change, list->arena, err);
}

int change_list_decode(struct reader in, struct change_list *ret_list, struct entry_head *ret_head, struct err *err)
{
	uint64_t count;

	ret_head->format_level = get_varint(&in);
	ret_head->now_ms = (msec)get_u64(&in);
	ret_head->wall = (nsec)get_u64(&in);
	count = get_varint(&in);
	if (in.failed)
		return err_set(err, ERR_INVALID, "entry: cut off");
	if (ret_head->format_level > FORMAT_LEVEL)
		return err_set(err, ERR_UNSUPPORTED, "entry: format level %llu is newer than this version's %d",
			       (unsigned long long)ret_head->format_level, FORMAT_LEVEL);
	if (count > CHANGES_MAX)
		return err_set(err, ERR_INVALID, "entry: %llu changes, at most %d are allowed", (unsigned long long)count, CHANGES_MAX);
	for (uint64_t i = 0; i < count; i++)
		if (decode_change(&in, ret_list, err) < 0)
			return -1;
	if (in.at != in.end)
		return err_set(err, ERR_INVALID, "entry: %zu bytes too many", (size_t)(in.end - in.at));
	return 0;
}

bool change_writes_spec(const struct change *change)
{
	const struct shape *shape = kind_shape(change->kind);

	for (size_t i = 0; i < shape->count; i++)
		if ((shape->fields[i].flags & FIELD_SPEC) && (change->mask & FIELD_BIT(shape->fields[i].number)))
			return true;
	return false;
}
