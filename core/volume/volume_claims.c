/* Which containers are made with which volumes. Declared in volumes_io.h. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "volume/volumes_internal.h"

void volumes_claim(struct volumes *volumes, const char *name, const char *user)
{
	struct strlist *users;

	if (str_is_empty(name))
		return;
	users = map_get(volumes->claims, name);
	if (!users) {
		users = NEW(struct strlist);
		map_put(volumes->claims, name, users);
	}
	if (!strlist_has(users, user))
		strlist_add(users, user);
}

bool volume_drop_user(struct strlist *users, const char *user)
{
	for (size_t i = 0; i < users->count; i++)
		if (str_eq(users->items[i], user)) {
			free(users->items[i]);
			users->items[i] = users->items[--users->count];
			users->items[users->count] = NULL;
			return true;
		}
	return false;
}

static void forget(struct volumes *volumes, const char *name, struct strlist *users)
{
	strlist_fini(users);
	free(users);
	map_remove(volumes->claims, name);
}

void volumes_disclaim(struct volumes *volumes, const char *user)
{
	const char *name;
	void *users;

	for (size_t at = 0; map_next(volumes->claims, &at, &name, &users);)
		if (volume_drop_user(users, user) && !((struct strlist *)users)->count)
			forget(volumes, name, users);
}

const struct strlist *volumes_claims(const struct volumes *volumes, const char *name)
{
	static const struct strlist nobody;
	const struct strlist *users = map_get(volumes->claims, name);

	return users ? users : &nobody;
}

void volume_claims_close(struct volumes *volumes)
{
	const char *name;
	void *users;

	for (size_t at = 0; map_next(volumes->claims, &at, &name, &users);)
		forget(volumes, name, users);
	map_free(volumes->claims);
}
