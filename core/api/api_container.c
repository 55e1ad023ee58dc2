#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/container_shape.h"
#include "api/container_state.h"
#include "api/disk_usage.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/container_words.h"
#include "os/clock.h"
#include "os/signals.h"

static const char *const filter_keys[] = {
	"ancestor", "before", "since", "exited", "expose", "publish", "health", "id", "is-task", "isolation", "label", "name", "network",
	"status", "volume", NULL
};

/* What Docker shows as COMMAND: the words with spaces between, those with spaces inside in quotes. */
static void add_command(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < spec->argv.count; i++) {
		const char *quote = i && strchr(spec->argv.items[i], ' ') ? "'" : "";

		buf_printf(&out, "%s%s%s%s", i ? " " : "", quote, spec->argv.items[i], quote);
	}
	api_add_str(doc, object, "Command", buf_text(&out));
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool exited_matches(const struct filters *filters, const struct agent_container *container)
{
	char code[16];

	if (!filters_get(filters, "exited"))
		return true;
	snprintf(code, sizeof code, "%d", container->exit_code);
	return container->status == SOLO_EXITED && filters_exact(filters, "exited", code);
}

static bool volume_matches(const struct filters *filters, const struct container_spec *spec)
{
	if (!filters_get(filters, "volume"))
		return true;
	for (size_t i = 0; i < spec->mount_count; i++)
		if (!spec->mounts[i].is_hidden && (filters_exact(filters, "volume", spec->mounts[i].name) || filters_exact(filters, "volume", spec->mounts[i].target)))
			return true;
	return false;
}

/* "80", "80/udp", "80-90/tcp" */
static int port_filter_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last, int *ret_protocol, struct err *err)
{
	const char *slash = strchr(text, '/');
	CLEANUP(str_freep) char *range = str_printf("%.*s", (int)(slash ? slash - text : (long)strlen(text)), text);
	CLEANUP(str_freep) char *one = str_printf("1%s", slash ? slash : "");
	struct port_name name;

	if (port_name_parse(one, &name, err) < 0 || port_range_parse(range, ret_first, ret_last, err) < 0)
		return -1;
	*ret_protocol = name.protocol;
	return 0;
}

static bool port_matches(const struct str_array *values, uint64_t port, int protocol)
{
	uint16_t first, last;
	int wanted;
	struct err checked;

	for (size_t i = 0; i < values->count; i++)
		if (port_filter_parse(values->items[i], &first, &last, &wanted, &checked) == 0 && port >= first && port <= last &&
		    MAX(protocol, (int)PROTOCOL_TCP) == MAX(wanted, (int)PROTOCOL_TCP))
			return true;
	return false;
}

static bool expose_matches(struct api *api, const struct filters *filters, const struct agent_container *container)
{
	const struct str_array *values = filters_get(filters, "expose");
	struct port_name name;
	const char *text;
	struct err ignored;

	for (size_t i = 0; values && (text = container_exposed_at(api, container, i)); i++)
		if (port_name_parse(text, &name, &ignored) == 0 && port_matches(values, name.port, name.protocol))
			return true;
	return !values;
}

static bool publish_matches(const struct filters *filters, const struct agent_container *container)
{
	const struct str_array *values = filters_get(filters, "publish");

	for (size_t i = 0; values && i < container->port_count; i++)
		if (container->ports[i].publish_mode == PUBLISH_HOST &&
		    port_matches(values, container->ports[i].target_port, container->ports[i].protocol))
			return true;
	return !values;
}

static bool matches(struct api *api, const struct filters *filters, const struct agent_container *container, struct arena *arena)
{
	struct str_map labels;

	container_labels(container->spec, arena, &labels);
	return filters_prefix(filters, "id", container->info.id) && filters_contains(filters, "name", container->spec->name) &&
	       filters_labels(filters, "label", &labels) && filters_exact(filters, "status", container_state_name(container)) &&
	       (filters_exact(filters, "ancestor", container->spec->image) || filters_prefix(filters, "ancestor", container->image_id)) &&
	       filters_exact(filters, "is-task", str_is_empty(container->task_id) ? "false" : "true") &&
	       filters_exact(filters, "network", container_network_mode(container->spec)) &&
	       filters_exact(filters, "health", health_status_name(container->health ? container->health->status : HEALTH_NONE)) &&
	       exited_matches(filters, container) && volume_matches(filters, container->spec) &&
	       expose_matches(api, filters, container) && publish_matches(filters, container);
}

static int check_ports(const struct filters *filters, const char *key, struct err *err)
{
	const struct str_array *values = filters_get(filters, key);
	uint16_t first, last;
	int protocol;

	for (size_t i = 0; values && i < values->count; i++)
		if (port_filter_parse(values->items[i], &first, &last, &protocol, err) < 0)
			return err_set(err, ERR_INVALID, "invalid filter '%s=%.100s'", key, values->items[i]);
	return 0;
}

static int check_filters(const struct filters *filters, struct err *err)
{
	static const char *const states[] = { "created", "running", "paused", "restarting", "removing", "exited", "dead", NULL };
	const char *stranger = filters_stranger(filters, "status", states);
	const struct str_array *codes = filters_get(filters, "exited");
	int64_t code;

	if (stranger)
		return err_set(err, ERR_INVALID, "invalid filter 'status=%.100s'", stranger);
	for (size_t i = 0; codes && i < codes->count; i++)
		if (str_to_i64(codes->items[i], &code) < 0)
			return err_set(err, ERR_INVALID, "invalid filter 'exited=%.100s': strconv.Atoi: parsing \"%.100s\": invalid syntax",
				       codes->items[i], codes->items[i]);
	return check_ports(filters, "expose", err) < 0 || check_ports(filters, "publish", err) < 0 ? -1 : 0;
}

/* When the container was made that "before" or "since" names. */
static int moment_of(struct api *api, const struct filters *filters, const char *key, nsec otherwise, nsec *ret, struct err *err)
{
	const struct str_array *values = filters_get(filters, key);
	struct agent_container container;

	*ret = otherwise;
	if (!values || !values->count)
		return 0;
	if (agent_find_container(api->host.agent, values->items[0], &container, err) < 0)
		return -1;
	*ret = container.created_wall;
	return 0;
}

static int refuse_filters(const struct filters *filters, struct err *err)
{
	static const char *const refused[] = { "isolation", NULL };

	for (size_t i = 0; refused[i]; i++)
		if (filters_get(filters, refused[i]))
			return err_set(err, ERR_UNSUPPORTED, "filter '%s' of containers is not supported by swarmbox yet", refused[i]);
	return 0;
}

yyjson_mut_val *shape_container(struct api *api, const char *id, unsigned flags UNUSED, yyjson_mut_doc *doc)
{
	struct agent_container container;
	yyjson_mut_val *ret, *names;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	if (agent_find_container(api->host.agent, id, &container, &err) < 0)
		return NULL;
	ret = yyjson_mut_obj(doc);
	api_add_str(doc, ret, "Id", id);
	names = yyjson_mut_obj_add_arr(doc, ret, "Names");
	buf_printf(&text, "/%s", container.spec->name);
	yyjson_mut_arr_add_strcpy(doc, names, buf_text(&text));
	api_add_str(doc, ret, "Image", container.spec->image);
	container_add_image_id(doc, ret, "ImageID", container.image_id);
	add_command(doc, ret, container.spec);
	yyjson_mut_obj_add_int(doc, ret, "Created", container.created_wall / 1000000000);
	container_add_ports(api, doc, ret, &container);
	container_add_labels(doc, ret, container.spec);
	api_add_str(doc, ret, "State", container_state_name(&container));
	buf_clear(&text);
	container_state_text(&container, clock_wall_ns(), &text);
	api_add_str(doc, ret, "Status", buf_text(&text));
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, ret, "HostConfig"), "NetworkMode",
		    container_network_mode(container.spec));
	container_add_networks(api, doc, ret, &container);
	container_add_mounts(doc, ret, container.spec);
	return ret;
}

/* ---- with their sizes -------------------------------------------------------------------------------------------- */

struct sized_list { struct api *api; struct http_request *req; };

static void sizes_known(void *arg, const struct disk_usage *usage)
{
	struct sized_list *list = arg;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_arr(doc), *item;
	bool is_container;

	for (size_t i = 0; i < disk_usage_count(usage); i++) {
		if (!(item = shape_container(list->api, disk_usage_name(usage, i, &is_container), 0, doc)))
			continue;
		disk_usage_put_sizes(usage, i, doc, item);
		yyjson_mut_arr_append(root, item);
	}
	api_reply_doc(list->req, 200, doc, root);
	free(list);
}

static void list_with_sizes(struct api *api, struct http_request *req, struct strlist *ids)
{
	struct disk_usage *usage = disk_usage_new(api);
	struct sized_list *list = NEW(struct sized_list);
	struct agent_container container;
	struct err err;

	*list = (struct sized_list){ api, req };
	for (size_t i = 0; i < ids->count; i++)
		if (agent_find_container(api->host.agent, ids->items[i], &container, &err) == 0)
			disk_usage_add_container(usage, &container);
	strlist_fini(ids);
	if (disk_usage_measure(usage, sizes_known, list))
		return;
	free(list);
	http_reply_message(req, 503, DISK_USAGE_BUSY);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* Newest first, as Docker lists them. */
struct listed { nsec created_wall; char *id; };

static int newest_first(const void *a, const void *b)
{
	nsec x = ((const struct listed *)a)->created_wall, y = ((const struct listed *)b)->created_wall;

	return x < y ? 1 : -(x > y);
}

void api_container_list(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct strlist ids = { 0 };
	struct listed *list;
	size_t count = 0;
	struct filters filters;
	bool all = http_query_is_true(req, "all");
	uint64_t limit = 0;
	nsec before, since;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0 ||
	    refuse_filters(&filters, &err) < 0 || check_filters(&filters, &err) < 0 ||
	    moment_of(api, &filters, "before", INT64_MAX, &before, &err) < 0 || moment_of(api, &filters, "since", INT64_MIN, &since, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	if (!str_is_empty(http_query(req, "limit")) && str_to_u64(http_query(req, "limit"), &limit) < 0 &&
	    !str_starts(http_query(req, "limit"), "-")) {
		http_reply_message(req, 400, "invalid limit '%.40s': expected a number", http_query(req, "limit"));
		return;
	}
	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container);)
		count++;
	list = ARENA_ARRAY(http_arena(req), struct listed, count);
	count = 0;
	all = all || limit || filters_get(&filters, "status") || filters_get(&filters, "exited");
	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container);)
		if ((all || container_is_up(&container)) && container.created_wall > since && container.created_wall < before &&
		    matches(api, &filters, &container, http_arena(req)))
			list[count++] = (struct listed){ container.created_wall, arena_strdup(http_arena(req), container.info.id) };
	if (count)
		qsort(list, count, sizeof *list, newest_first);
	for (size_t i = 0; i < count && (!limit || i < limit); i++)
		strlist_add(&ids, list[i].id);
	if (http_query_is_true(req, "size"))
		list_with_sizes(api, req, &ids);
	else
		api_reply_list(api, req, &ids, shape_container, 0);
}
