/* container_user.c - users and groups of an image. */
#include "runtime/container_user.h"

#include <string.h>

#include "base/str.h"

/* Fields of one "a:b:c" line; points into the file's text. */
enum { FIELDS_MAX = 7 };
struct line { const char *fields[FIELDS_MAX]; size_t lengths[FIELDS_MAX]; size_t count; };

static const char *line_split(const char *text, struct line *line)
{
	line->count = 0;
	for (;;) {
		size_t length = strcspn(text, ":\n");

		if (line->count < FIELDS_MAX) {
			line->fields[line->count] = text;
			line->lengths[line->count++] = length;
		}
		text += length;
		if (*text != ':')
			return *text ? text + 1 : text;
		text++;
	}
}

static bool field_is(const struct line *line, size_t field, const char *text, size_t length)
{
	return field < line->count && line->lengths[field] == length && memcmp(line->fields[field], text, length) == 0;
}

static int number_parse(const char *text, size_t length, uint32_t *ret)
{
	uint64_t number = 0;

	if (!length || length > 10)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		number = number * 10 + (unsigned)(text[i] - '0');
	}
	if (number >= UINT32_MAX)        /* -1 means "leave it" to setuid */
		return -1;
	*ret = (uint32_t)number;
	return 0;
}

static int field_number(const struct line *line, size_t field, uint32_t *ret)
{
	return field < line->count ? number_parse(line->fields[field], line->lengths[field], ret) : -1;
}

static bool is_digits(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* A number is a number: an image must not make somebody else of user 1000 by giving root that name (CVE-2016-3697), nor of a user who has one that is too
 * large (CVE-2026-46680). */
static bool is_entry_of(const struct line *line, const char *name, size_t length)
{
	uint32_t wanted, number;

	if (field_number(line, 2, &number) < 0)
		return false;
	if (is_digits(name, length))
		return number_parse(name, length, &wanted) == 0 && number == wanted;
	return field_is(line, 0, name, length);
}

static bool find_passwd(const char *text, const char *name, size_t length, struct line *ret)
{
	struct line line;

	for (const char *at = text; *at;) {
		at = line_split(at, &line);
		if (is_entry_of(&line, name, length)) {
			*ret = line;
			return true;
		}
	}
	return false;
}

static int find_group(const char *text, const char *name, size_t length, gid_t *ret)
{
	struct line line;

	if (number_parse(name, length, ret) == 0)
		return 0;
	for (const char *at = text; *at;) {
		at = line_split(at, &line);
		if (is_entry_of(&line, name, length))
			return field_number(&line, 2, ret);
	}
	return -1;
}

static int add_group(struct container_user *user, gid_t gid, struct err *err)
{
	for (size_t i = 0; i < user->group_count; i++)
		if (user->groups[i] == gid)
			return 0;
	if (user->group_count == CONTAINER_USER_MAX_GROUPS)
		return err_set(err, ERR_EXHAUSTED, "user is in more than %d groups", CONTAINER_USER_MAX_GROUPS);
	user->groups[user->group_count++] = gid;
	return 0;
}

static bool lists_member(const struct line *line, const char *name, size_t length)
{
	const char *at = line->fields[3], *end = at + line->lengths[3];

	while (at < end) {
		size_t word = strcspn(at, ",:\n");

		if (word == length && memcmp(at, name, length) == 0)
			return true;
		at += word + 1;
	}
	return false;
}

static int add_groups_of(struct container_user *user, const char *group, const char *name, size_t length, struct err *err)
{
	struct line line;
	gid_t gid;

	for (const char *at = group; *at;) {
		at = line_split(at, &line);
		if (line.count >= 4 && lists_member(&line, name, length) && field_number(&line, 2, &gid) == 0 &&
		    add_group(user, gid, err) < 0)
			return -1;
	}
	return 0;
}

static int find_user_part(const char *name, size_t length, const char *passwd, struct arena *arena, struct container_user *user,
			  struct line *ret_line, struct err *err)
{
	if (find_passwd(passwd, name, length, ret_line)) {
		field_number(ret_line, 2, &user->uid);
		if (field_number(ret_line, 3, &user->gid) < 0)
			user->gid = 0;
		if (ret_line->count > 5 && ret_line->lengths[5])
			user->home = arena_strndup(arena, ret_line->fields[5], ret_line->lengths[5]);
		return 0;
	}
	ret_line->count = 0;
	if (number_parse(name, length, &user->uid) < 0)
		return err_set(err, ERR_INVALID, "unable to find user %.*s: no matching entries in passwd file", (int)length, name);
	return 0;
}

int container_user_find(const struct container_spec *spec, const char *passwd, const char *group, struct arena *arena,
			struct container_user *ret, struct err *err)
{
	const char *name = str_is_empty(spec->user) ? "0" : spec->user;
	const char *colon = strchr(name, ':');
	size_t length = colon ? (size_t)(colon - name) : strlen(name);
	struct container_user user = { .home = "/" };
	struct line line;

	if (!length) {
		name = "0";
		length = 1;
	}
	if (find_user_part(name, length, passwd, arena, &user, &line, err) < 0)
		return -1;
	if (colon && colon[1] && find_group(group, colon + 1, strlen(colon + 1), &user.gid) < 0)
		return err_set(err, ERR_INVALID, "unable to find group %s: no matching entries in group file", colon + 1);
	if (add_group(&user, user.gid, err) < 0)
		return -1;
	/* An explicit group stands alone; else the user is in all of his own. */
	if (!(colon && colon[1]) && line.count && add_groups_of(&user, group, line.fields[0], line.lengths[0], err) < 0)
		return -1;
	for (size_t i = 0; i < spec->groups.count; i++) {
		gid_t gid;

		if (find_group(group, spec->groups.items[i], strlen(spec->groups.items[i]), &gid) < 0)
			return err_set(err, ERR_INVALID, "unable to find group %s: no matching entries in group file",
				       spec->groups.items[i]);
		if (add_group(&user, gid, err) < 0)
			return -1;
	}
	*ret = user;
	return 0;
}

const char *container_user_name(const char *passwd, uid_t uid, struct arena *arena)
{
	struct line line;
	uint32_t number;

	for (const char *at = passwd; *at;) {
		at = line_split(at, &line);
		if (field_number(&line, 2, &number) == 0 && number == uid && line.lengths[0])
			return arena_strndup(arena, line.fields[0], line.lengths[0]);
	}
	return arena_printf(arena, "%u", uid);
}
