/* What the state is made of, compared with the list that is kept beside this file for each format level. A manager that meets what it does not know
 * stops (model/fields.h), so nothing may come to the tables of model under a level that is already in use: raise FORMAT_LEVEL (state/change.h),
 * run this with UPDATE=1, which writes the new level's list and never an old one's, and read the difference. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "state/change.h"
#include "test/unit/runner.h"

static const char *const type_names[] = {
	[FIELD_STR] = "STR", [FIELD_BYTES] = "BYTES", [FIELD_BOOL] = "BOOL", [FIELD_TRI] = "TRI", [FIELD_I64] = "I64", [FIELD_U64] = "U64",
	[FIELD_F64] = "F64", [FIELD_OPT_U64] = "OPT_U64", [FIELD_OPT_I64] = "OPT_I64", [FIELD_STAMP] = "STAMP", [FIELD_ENUM] = "ENUM",
	[FIELD_STR_LIST] = "STR_LIST", [FIELD_STR_MAP] = "STR_MAP", [FIELD_STRUCT] = "STRUCT", [FIELD_OPTION] = "OPTION", [FIELD_LIST] = "LIST",
	[FIELD_MAP] = "MAP",
};

static void list_shape(const struct shape *shape, struct strlist *ret);

/* All that bytes and sums depend on; what JSON calls it is not among that. */
static void list_field(const struct shape *shape, const struct field *field, struct strlist *ret)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;

	buf_printf(&line, "%s %02u %s%s", shape->name, field->number, type_names[field->type], field->flags & FIELD_SPEC ? " spec" : "");
	if (field->shape)
		buf_printf(&line, " %s", field->shape->name);
	for (const char *const *name = field->names; name && *name; name++)
		buf_printf(&line, " \"%s\"", *name);
	if (field->flags >> FIELD_LEVEL_SHIFT)
		buf_printf(&line, " since %d", field->flags >> FIELD_LEVEL_SHIFT);
	if (strlist_has(ret, buf_text(&line)))
		return;
	strlist_add(ret, buf_text(&line));
	if (field->shape)
		list_shape(field->shape, ret);
}

static void list_shape(const struct shape *shape, struct strlist *ret)
{
	for (size_t i = 0; i < shape->count; i++)
		if (shape->fields[i].type != FIELD_REFUSED)
			list_field(shape, &shape->fields[i], ret);
}

static void list_state(struct strlist *ret)
{
	for (int kind = 1; kind < KIND_COUNT; kind++) {
		strlist_add_printf(ret, "kind %02d %s", kind, kind_shape((enum kind)kind)->name);
		list_shape(kind_shape((enum kind)kind), ret);
	}
	strlist_sort(ret);
}

static void path_of(int level, char ret[64])
{
	snprintf(ret, 64, "test/unit/state/format_level_%d", level);
}

/* Empty when there is no such file. */
static struct strlist read_level(int level)
{
	struct strlist lines = { 0 };
	char path[64], line[4096];
	FILE *file;

	path_of(level, path);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		strlist_add(&lines, line);
	}
	if (file)
		fclose(file);
	return lines;
}

static void write_level(int level, const struct strlist *lines)
{
	char path[64];

	path_of(level, path);
	FILE *file = fopen(path, "wxe");

	EXPECT(file != NULL);
	for (size_t i = 0; file && i < lines->count; i++)
		fprintf(file, "%s\n", lines->items[i]);
	if (file)
		fclose(file);
}

/* Values of an enum may be added behind the others. */
static bool is_kept(const char *old, const struct strlist *now)
{
	for (size_t i = 0; i < now->count; i++)
		if (str_eq(now->items[i], old) || (strstr(old, " ENUM") && str_starts(now->items[i], old)))
			return true;
	return false;
}

TEST(nothing_has_come_to_the_state_without_a_format_level)
{
	CLEANUP(strlist_finip) struct strlist now = { 0 };
	CLEANUP(strlist_finip) struct strlist kept = read_level(FORMAT_LEVEL);

	list_state(&now);
	if (!kept.count && getenv("UPDATE"))
		write_level(FORMAT_LEVEL, &now);
	if (!kept.count)
		kept = read_level(FORMAT_LEVEL);
	for (size_t i = 0; i < MAX(now.count, kept.count); i++)
		EXPECT_STR(i < now.count ? now.items[i] : "nothing", i < kept.count ? kept.items[i] : "nothing");
}

TEST(nothing_has_left_the_state_that_older_levels_had)
{
	CLEANUP(strlist_finip) struct strlist now = { 0 };

	list_state(&now);
	for (int level = 1; level < FORMAT_LEVEL; level++) {
		CLEANUP(strlist_finip) struct strlist old = read_level(level);

		EXPECT(old.count > 0);
		for (size_t i = 0; i < old.count; i++)
			EXPECT_STR(is_kept(old.items[i], &now) ? old.items[i] : "nothing", old.items[i]);
	}
}

TEST(what_is_new_in_a_format_level_says_so)
{
	for (int level = 2; level <= FORMAT_LEVEL; level++) {
		CLEANUP(strlist_finip) struct strlist older = read_level(level - 1);
		CLEANUP(strlist_finip) struct strlist lines = read_level(level);
		CLEANUP(str_freep) char *since = str_printf(" since %d", level);

		for (size_t i = 0; i < lines.count; i++)
			if (!strlist_has(&older, lines.items[i]) && !str_starts(lines.items[i], "kind ") && !strstr(lines.items[i], " ENUM "))
				EXPECT_STR(str_ends(lines.items[i], since) ? "" : lines.items[i], "");
	}
}
