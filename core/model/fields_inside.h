/* fields_inside.h - for the files of fields.h: where a member is, and memory for what it holds, in the arena or, with NULL, on the heap. */
#pragma once
#include "model/fields.h"

static inline void *field_member(const struct field *field, void *object)
{
	return (char *)object + field->offset;
}

static inline const void *field_cmember(const struct field *field, const void *object)
{
	return (const char *)object + field->offset;
}

void *fields_take(struct arena *arena, size_t count, size_t size);                       /* zeroed; NULL when count is 0 */
char *fields_strdup(struct arena *arena, const char *s);                                 /* NULL for NULL */
char *fields_strndup(struct arena *arena, const char *s, size_t length);
void fields_copy_bytes(const struct bytes *from, struct arena *arena, struct bytes *to);
