/* prune.h - what all `prune` commands do: ask, POST, tell what went and how much room that gave.
 */
#pragma once
#include <yyjson.h>

#include "applets/cli.h"

struct prune {
	const char *warning;            /* what will go; asked for unless forced. A no ends it, quietly */
	const char *path;               /* "/volumes/prune" */
	const char *title;              /* "Deleted Volumes:" */
	const char *member;             /* of the answer, with the names: "VolumesDeleted" */
	void (*print)(yyjson_val *item);        /* of what is more than a name; NULL: a line each */
};
int prune_run(struct cli *cli, const struct prune *prune, const struct strlist *filters, bool force);
