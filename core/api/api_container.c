#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/container_state.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/signals.h"

static const char *const filter_keys[] = {
	"ancestor", "before", "since", "exited", "expose", "publish", "health", "id", "is-task", "isolation", "label", "name", "network",
	"status", "volume", NULL
};

static void labels_of(const struct container_spec *spec, struct arena *arena, struct str_map *ret)
{
	ret->items = ARENA_ARRAY(arena, struct str_pair, spec->labels.count);
	ret->count = spec->labels.count;
	for (size_t i = 0; i < spec->labels.count; i++)
		ret->items[i] = (struct str_pair){ (char *)(uintptr_t)spec->labels.items[i].key, (char *)(uintptr_t)spec->labels.items[i].value };
}

static void add_labels(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	yyjson_mut_val *labels = yyjson_mut_obj_add_obj(doc, object, "Labels");

	for (size_t i = 0; i < spec->labels.count; i++)
		yyjson_mut_obj_add(labels, yyjson_mut_strcpy(doc, spec->labels.items[i].key),
				   yyjson_mut_strcpy(doc, spec->labels.items[i].value ? spec->labels.items[i].value : ""));
}

/* What Docker shows as COMMAND: the words with spaces between. */
static void add_command(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < spec->argv.count; i++)
		buf_printf(&out, "%s%s", i ? " " : "", spec->argv.items[i]);
	api_add_str(doc, object, "Command", buf_text(&out));
}

static void add_image_id(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *id)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	buf_printf(&out, "%s%s", str_is_empty(id) ? "" : "sha256:", id);
	api_add_str(doc, object, key, buf_text(&out));
}

static void add_ports(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	yyjson_mut_val *ports = yyjson_mut_obj_add_arr(doc, object, "Ports");

	for (size_t i = 0; i < container->port_count && container->info.state == RUNTIME_RUNNING; i++) {
		const struct port_config *port = &container->ports[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, ports);

		if (port->publish_mode == PUBLISH_HOST && port->published_port)
			api_add_str(doc, item, "IP", "0.0.0.0");
		yyjson_mut_obj_add_uint(doc, item, "PrivatePort", port->target_port);
		if (port->publish_mode == PUBLISH_HOST && port->published_port)
			yyjson_mut_obj_add_uint(doc, item, "PublicPort", port->published_port);
		api_add_str(doc, item, "Type", port->protocol == PROTOCOL_UDP ? "udp" : port->protocol == PROTOCOL_SCTP ? "sctp" : "tcp");
	}
}

static void add_mounts(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	static const char *const types[] = { [CONTAINER_BIND] = "bind", [CONTAINER_TMPFS] = "tmpfs", [CONTAINER_VOLUME] = "volume" };
	yyjson_mut_val *mounts = yyjson_mut_obj_add_arr(doc, object, "Mounts");

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct container_mount *mount = &spec->mounts[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, mounts);

		api_add_str(doc, item, "Type", types[mount->kind]);
		if (!str_is_empty(mount->name))
			api_add_str(doc, item, "Name", mount->name);
		api_add_str(doc, item, "Source", mount->source);
		api_add_str(doc, item, "Destination", mount->target);
		if (mount->kind == CONTAINER_VOLUME)
			api_add_str(doc, item, "Driver", "local");
		api_add_str(doc, item, "Mode", "");
		yyjson_mut_obj_add_bool(doc, item, "RW", !mount->is_readonly);
		api_add_str(doc, item, "Propagation", mount->kind == CONTAINER_BIND ? "rprivate" : "");
	}
}

static const char *network_mode(const struct container_spec *spec)
{
	switch (spec->network) {
	case CONTAINER_NET_OWN: return "bridge";
	case CONTAINER_NET_HOST: return "host";
	case CONTAINER_NET_NONE: return "none";
	}
	panic("container on network %d", spec->network);
}

static void add_networks(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	yyjson_mut_val *settings = yyjson_mut_obj_add_obj(doc, object, "NetworkSettings");
	yyjson_mut_val *networks = yyjson_mut_obj_add_obj(doc, settings, "Networks"), *bridge;
	char text[IP_TEXT_SIZE];
	struct net_info net;

	if (!container->address.family)
		return;
	net = net_describe(api->host.net);
	bridge = yyjson_mut_obj_add_obj(doc, networks, "bridge");
	api_add_str(doc, bridge, "NetworkID", "");
	api_add_str(doc, bridge, "Gateway", ip_format(net.gateway, text));
	api_add_str(doc, bridge, "IPAddress", ip_format(container->address, text));
	yyjson_mut_obj_add_uint(doc, bridge, "IPPrefixLen", net.subnet.prefix);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool exited_matches(const struct filters *filters, const struct runtime_info *info)
{
	char code[16];

	if (!filters_get(filters, "exited"))
		return true;
	snprintf(code, sizeof code, "%d", info->exit_code);
	return info->state == RUNTIME_EXITED && filters_exact(filters, "exited", code);
}

static bool volume_matches(const struct filters *filters, const struct container_spec *spec)
{
	if (!filters_get(filters, "volume"))
		return true;
	for (size_t i = 0; i < spec->mount_count; i++)
		if (filters_exact(filters, "volume", spec->mounts[i].name) || filters_exact(filters, "volume", spec->mounts[i].target))
			return true;
	return false;
}

static bool matches(const struct filters *filters, const struct agent_container *container, struct arena *arena)
{
	struct str_map labels;

	labels_of(container->spec, arena, &labels);
	return filters_prefix(filters, "id", container->info.id) && filters_contains(filters, "name", container->spec->name) &&
	       filters_labels(filters, "label", &labels) && filters_exact(filters, "status", container_state_name(&container->info)) &&
	       (filters_exact(filters, "ancestor", container->spec->image) || filters_prefix(filters, "ancestor", container->image_id)) &&
	       filters_exact(filters, "is-task", str_is_empty(container->task_id) ? "false" : "true") &&
	       filters_exact(filters, "network", network_mode(container->spec)) && filters_exact(filters, "health", health_status_name(container->health ? container->health->status : HEALTH_NONE)) &&
	       exited_matches(filters, &container->info) && volume_matches(filters, container->spec);
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
	return 0;
}

static int refuse_filters(const struct filters *filters, struct err *err)
{
	static const char *const refused[] = { "before", "since", "expose", "publish", "isolation", NULL };

	for (size_t i = 0; refused[i]; i++)
		if (filters_get(filters, refused[i]))
			return err_set(err, ERR_UNSUPPORTED, "filter '%s' of containers is not supported by swarmbox yet", refused[i]);
	return 0;
}

yyjson_mut_val *shape_container(struct api *api, const char *id, unsigned with_sizes, yyjson_mut_doc *doc)
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
	add_image_id(doc, ret, "ImageID", container.image_id);
	add_command(doc, ret, container.spec);
	yyjson_mut_obj_add_int(doc, ret, "Created", container.info.created_wall / 1000000000);
	add_ports(doc, ret, &container);
	if (with_sizes) {
		yyjson_mut_obj_add_int(doc, ret, "SizeRw", 0);
		yyjson_mut_obj_add_int(doc, ret, "SizeRootFs", 0);
	}
	add_labels(doc, ret, container.spec);
	api_add_str(doc, ret, "State", container_state_name(&container.info));
	buf_clear(&text);
	container_state_text(&container.info, container.health, clock_wall_ns(), &text);
	api_add_str(doc, ret, "Status", buf_text(&text));
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, ret, "HostConfig"), "NetworkMode",
		    network_mode(container.spec));
	add_networks(api, doc, ret, &container);
	add_mounts(doc, ret, container.spec);
	return ret;
}

/* Newest first, as Docker lists them. */
static void reverse(struct strlist *ids)
{
	for (size_t i = 0, j = ids->count; i + 1 < j; i++) {
		char *kept = ids->items[i];
		ids->items[i] = ids->items[--j];
		ids->items[j] = kept;
	}
}

void api_container_list(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct strlist ids = { 0 };
	struct filters filters;
	bool all = http_query_is_true(req, "all");
	uint64_t limit = 0;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0 ||
	    refuse_filters(&filters, &err) < 0 || check_filters(&filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	if (!str_is_empty(http_query(req, "limit")) && str_to_u64(http_query(req, "limit"), &limit) < 0 &&
	    !str_starts(http_query(req, "limit"), "-")) {
		http_reply_message(req, 400, "invalid limit '%.40s': expected a number", http_query(req, "limit"));
		return;
	}
	all = all || limit || filters_get(&filters, "status") || filters_get(&filters, "exited");
	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container);)
		if ((all || container.info.state == RUNTIME_RUNNING) && matches(&filters, &container, http_arena(req)))
			strlist_add(&ids, container.info.id);
	reverse(&ids);
	while (limit && ids.count > limit)
		free(ids.items[--ids.count]);
	api_reply_list(api, req, &ids, shape_container, http_query_is_true(req, "size"));
}

/* ---- inspect ----------------------------------------------------------------------------------------------------- */

static void add_health(yyjson_mut_doc *doc, yyjson_mut_val *state, const struct health *health)
{
	yyjson_mut_val *object, *log;

	if (!health)
		return;
	object = yyjson_mut_obj_add_obj(doc, state, "Health");
	api_add_str(doc, object, "Status", health_status_name(health->status));
	yyjson_mut_obj_add_int(doc, object, "FailingStreak", health->streak);
	log = yyjson_mut_obj_add_arr(doc, object, "Log");
	for (unsigned i = 0; i < health->log_count; i++) {
		const struct health_result *result = &health->log[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, log);

		api_add_stamp(doc, item, "Start", result->start_wall);
		api_add_stamp(doc, item, "End", result->end_wall);
		yyjson_mut_obj_add_int(doc, item, "ExitCode", result->exit_code);
		api_add_str(doc, item, "Output", result->output);
	}
}

static void add_state(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct runtime_info *info, const struct health *health)
{
	yyjson_mut_val *state = yyjson_mut_obj_add_obj(doc, object, "State");

	api_add_str(doc, state, "Status", container_state_name(info));
	yyjson_mut_obj_add_bool(doc, state, "Running", info->state == RUNTIME_RUNNING);
	yyjson_mut_obj_add_false(doc, state, "Paused");
	yyjson_mut_obj_add_false(doc, state, "Restarting");
	yyjson_mut_obj_add_bool(doc, state, "OOMKilled", info->oom_killed);
	yyjson_mut_obj_add_false(doc, state, "Dead");
	yyjson_mut_obj_add_int(doc, state, "Pid", info->state == RUNTIME_RUNNING ? info->pid : 0);
	yyjson_mut_obj_add_int(doc, state, "ExitCode", info->exit_code);
	api_add_str(doc, state, "Error", info->error);
	api_add_stamp(doc, state, "StartedAt", info->started_wall);
	api_add_stamp(doc, state, "FinishedAt", info->finished_wall);
	add_health(doc, state, health);
}

static void add_strings(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct container_strings *list)
{
	yyjson_mut_val *array = yyjson_mut_obj_add_arr(doc, object, key);

	for (size_t i = 0; i < list->count; i++)
		yyjson_mut_arr_add_strcpy(doc, array, list->items[i]);
}

static void add_config(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec, const struct health_config *health)
{
	yyjson_mut_val *config = yyjson_mut_obj_add_obj(doc, object, "Config");
	CLEANUP(buf_finip) struct buf hostname = BUF_INIT;

	buf_printf(&hostname, "%.*s", str_is_empty(spec->hostname) ? 12 : 255, str_is_empty(spec->hostname) ? spec->id : spec->hostname);
	api_add_str(doc, config, "Hostname", buf_text(&hostname));
	api_add_str(doc, config, "Domainname", "");
	api_add_str(doc, config, "User", spec->user);
	yyjson_mut_obj_add_false(doc, config, "AttachStdin");
	yyjson_mut_obj_add_false(doc, config, "AttachStdout");
	yyjson_mut_obj_add_false(doc, config, "AttachStderr");
	yyjson_mut_obj_add_false(doc, config, "Tty");
	yyjson_mut_obj_add_false(doc, config, "OpenStdin");
	yyjson_mut_obj_add_false(doc, config, "StdinOnce");
	add_strings(doc, config, "Env", &spec->env);
	add_strings(doc, config, "Cmd", &spec->argv);
	api_add_str(doc, config, "Image", spec->image);
	if (health)
		yyjson_mut_obj_add_val(doc, config, "Healthcheck", shape_to_json(&health_config_shape, health, doc));
	yyjson_mut_obj_add_null(doc, config, "Volumes");
	api_add_str(doc, config, "WorkingDir", spec->cwd);
	yyjson_mut_obj_add_null(doc, config, "Entrypoint");
	add_labels(doc, config, spec);
	if (spec->stop_signal)
		api_add_str(doc, config, "StopSignal", signal_name(spec->stop_signal));
}

static void add_host_config(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	yyjson_mut_val *host = yyjson_mut_obj_add_obj(doc, object, "HostConfig");

	api_add_str(doc, yyjson_mut_obj_add_obj(doc, host, "LogConfig"), "Type",
		    spec->log_driver == CONTAINER_LOG_NONE ? "none" : "json-file");
	api_add_str(doc, host, "NetworkMode", network_mode(spec));
	yyjson_mut_obj_add_int(doc, host, "Memory", spec->memory_bytes);
	yyjson_mut_obj_add_int(doc, host, "NanoCpus", spec->nano_cpus);
	yyjson_mut_obj_add_int(doc, host, "PidsLimit", spec->pids_limit);
	yyjson_mut_obj_add_bool(doc, host, "ReadonlyRootfs", spec->is_root_readonly);
	yyjson_mut_obj_add_false(doc, host, "Privileged");
}

void api_container_inspect(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct runtime_facts runtime;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root, *args;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	api_add_str(doc, root, "Id", container.info.id);
	api_add_stamp(doc, root, "Created", container.info.created_wall);
	api_add_str(doc, root, "Path", container.spec->argv.items[0]);
	args = yyjson_mut_obj_add_arr(doc, root, "Args");
	for (size_t i = 1; i < container.spec->argv.count; i++)
		yyjson_mut_arr_add_strcpy(doc, args, container.spec->argv.items[i]);
	add_state(doc, root, &container.info, container.health);
	add_image_id(doc, root, "Image", container.image_id);
	api_add_str(doc, root, "LogPath", container.info.log_path);
	buf_printf(&text, "/%s", container.spec->name);
	api_add_str(doc, root, "Name", buf_text(&text));
	yyjson_mut_obj_add_int(doc, root, "RestartCount", 0);
	runtime_facts(api->host.runtime, &runtime);
	api_add_str(doc, root, "Driver", runtime.storage_driver);
	api_add_str(doc, root, "Platform", "linux");
	add_host_config(doc, root, container.spec);
	add_mounts(doc, root, container.spec);
	add_config(doc, root, container.spec, container.health_config);
	add_networks(api, doc, root, &container);
	api_reply_doc(req, 200, doc, root);
}

/* ---- acts -------------------------------------------------------------------------------------------------------- */

static void done(void *arg, const struct err *failure)
{
	if (failure)
		http_reply_error(arg, failure);
	else
		http_reply_empty(arg, 204);
}

void api_container_kill(struct api *api, struct http_request *req, const char *name)
{
	const char *text = http_query(req, "signal");
	int number = signal_parse(str_is_empty(text) ? "KILL" : text);
	struct agent_container container;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0) {
		err_wrap(&err, "cannot kill container: %s", name);
		http_reply_error(req, &err);
		return;
	}
	if (number <= 0) {
		bool is_number = text[strspn(text, "0123456789")] == 0;
		http_reply_message(req, 400, "cannot kill container: %s: %s%.40s", name,
				   is_number ? "the linux daemon does not support signal " : "invalid signal: ", text);
		return;
	}
	if (container.info.state != RUNTIME_RUNNING) {
		http_reply_message(req, 409, "cannot kill container: %s: container %s is not running", name, container.info.id);
		return;
	}
	if (runtime_signal(api->host.runtime, container.info.id, number, &err) < 0)
		http_reply_error(req, &err);
	else
		http_reply_empty(req, 204);
}

void api_container_stop(struct api *api, struct http_request *req, const char *name)
{
	const char *grace = http_query(req, "t"), *text = http_query(req, "signal");
	int number = str_is_empty(text) ? 0 : signal_parse(text);
	struct agent_container container;
	int64_t seconds = -1;
	struct err err;

	if (!str_is_empty(grace) && (str_to_i64(grace, &seconds) < 0 || seconds > INT32_MAX)) {
		http_reply_message(req, 400, "invalid timeout '%.40s': expected seconds", grace);
		return;
	}
	if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else if (number < 0)
		http_reply_message(req, 400, "cannot stop container: %s: invalid signal: %.40s", name, text);
	else if (container.info.state != RUNTIME_RUNNING)
		http_reply_empty(req, 304);
	else
		agent_stop_container(api->host.agent, container.info.id, number, seconds < 0 ? -1 : seconds * 1000, done, req);
}

void api_container_remove(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else
		agent_remove_container(api->host.agent, container.info.id, http_query_is_true(req, "force"), done, req);
}
