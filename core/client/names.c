#include "client/names.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "client/dig.h"

struct names {
	struct call *call;
	bool resolves;
	struct map *known;              /* id -> its name */
};

struct names *names_new(struct call *call, bool resolves)
{
	struct names *names = NEW(struct names);

	names->call = call;
	names->resolves = resolves;
	names->known = map_new();
	return names;
}

void names_free(struct names *names)
{
	const char *id;
	void *name;

	if (!names)
		return;
	for (size_t at = 0; map_next(names->known, &at, &id, &name);)
		free(name);
	map_free(names->known);
	free(names);
}

static char *ask(struct names *names, const char *path, const char *id)
{
	yyjson_doc *doc = NULL;
	struct err err = {0};

	if (!names->resolves || call_get(names->call, &doc, &err, "%s%s", path, id) < 0)
		return str_dup(id);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *name = dig_str(root, "Spec.Name");
	if (!*name)
		name = dig_str(root, "Description.Hostname");
	char *copy = str_dup(*name ? name : id);
	yyjson_doc_free(doc);
	return copy;
}

static const char *find(struct names *names, const char *path, const char *id)
{
	char *name = map_get(names->known, id);

	if (!*id)
		return "";
	if (!name) {
		name = ask(names, path, id);
		map_put(names->known, id, name);
	}
	return name;
}

const char *names_service(struct names *names, const char *id)
{
	return find(names, "/services/", id);
}

const char *names_node(struct names *names, const char *id)
{
	return find(names, "/nodes/", id);
}
