/* POST /containers/prune: what has ended is measured, then removed. Who is started meanwhile stays: removing it is refused then. */
#include <stdlib.h>

#include "api/api_internal.h"
#include "api/container_shape.h"
#include "api/disk_usage.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "os/clock.h"

/* Several removals, one answer. */
struct pruning { struct api *api; struct http_request *req; struct strlist removed; int64_t removed_bytes; size_t awaited; };
struct pruned { struct pruning *pruning; char *id; int64_t bytes; };

static void answer_pruning(struct pruning *pruning)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list = yyjson_mut_obj_add_arr(doc, root, "ContainersDeleted");

	for (size_t i = 0; i < pruning->removed.count; i++)
		yyjson_mut_arr_add_strcpy(doc, list, pruning->removed.items[i]);
	yyjson_mut_obj_add_uint(doc, root, "SpaceReclaimed", (uint64_t)pruning->removed_bytes);
	api_reply_doc(pruning->req, 200, doc, root);
	strlist_fini(&pruning->removed);
	free(pruning);
}

static void pruned_one(void *arg, const struct err *failure)
{
	struct pruned *one = arg;
	struct pruning *pruning = one->pruning;

	if (!failure) {
		strlist_add(&pruning->removed, one->id);
		pruning->removed_bytes += one->bytes;
	}
	free(one->id);
	free(one);
	if (--pruning->awaited == 0)
		answer_pruning(pruning);
}

/* "24h" ago, or a moment. */
static int parse_until(const char *text, nsec *ret, struct err *err)
{
	struct err ignored;
	int64_t ago;

	if (units_parse_duration(text, &ago, &ignored) == 0) {
		*ret = clock_wall_ns() - ago;
		return 0;
	}
	return api_parse_moment(text, ret) == 0 && *ret ? 0 : err_set(err, ERR_INVALID, "failed to parse value as time or duration: \"%.60s\"", text);
}

static bool is_prunable(const struct agent_container *container, const struct filters *filters, nsec until, struct arena *arena)
{
	const struct str_array *unwanted = filters_get(filters, "label!");
	struct str_map labels;

	container_labels(container->spec, arena, &labels);
	if (!container->row || (until && container->created_wall > until) || !filters_labels(filters, "label", &labels))
		return false;
	if (unwanted && filters_labels(filters, "label!", &labels))
		return false;
	return container->status == SOLO_CREATED || container->status == SOLO_EXITED || container->status == SOLO_DEAD;
}

static void measured(void *arg, const struct disk_usage *usage)
{
	struct pruning *pruning = arg;
	size_t count = disk_usage_count(usage);
	bool is_container;

	/* one more than there are, so that none of them is the last while others are still to be asked for */
	pruning->awaited = count + 1;
	for (size_t i = 0; i < count; i++) {
		struct pruned *one = NEW(struct pruned);

		*one = (struct pruned){ pruning, str_dup(disk_usage_name(usage, i, &is_container)), disk_usage_bytes(usage, i) };
		agent_remove_container(pruning->api->host.agent, one->id, false, false, pruned_one, one);
	}
	if (--pruning->awaited == 0)
		answer_pruning(pruning);
}

void api_container_prune(struct api *api, struct http_request *req, const char *name)
{
	static const char *const keys[] = { "until", "label", "label!", NULL };
	struct agent_container container;
	const struct str_array *untils;
	struct disk_usage *usage;
	struct pruning *pruning;
	struct filters filters;
	nsec until = 0;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), keys, http_arena(req), &filters, &err) < 0 ||
	    ((untils = filters_get(&filters, "until")) && untils->count > 1 &&
	     err_set(&err, ERR_INVALID, "more than one until filter specified") < 0) ||
	    (untils && untils->count && parse_until(untils->items[0], &until, &err) < 0)) {
		http_reply_error(req, &err);
		return;
	}
	usage = disk_usage_new(api);
	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container);)
		if (is_prunable(&container, &filters, until, http_arena(req)))
			disk_usage_add_container(usage, &container);
	pruning = NEW(struct pruning);
	*pruning = (struct pruning){ .api = api, .req = req };
	if (disk_usage_measure(usage, measured, pruning))
		return;
	free(pruning);
	http_reply_message(req, 503, DISK_USAGE_BUSY);
}
