/* GET /containers/x/json */
#include <stdio.h>
#include <stdlib.h>

#include "api/container_asked.h"
#include "api/container_shape.h"
#include "api/container_state.h"
#include "api/disk_usage.h"
#include "base/panic.h"
#include "base/str.h"

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

static void add_state(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	yyjson_mut_val *state = yyjson_mut_obj_add_obj(doc, object, "State");

	api_add_str(doc, state, "Status", container_state_name(container));
	yyjson_mut_obj_add_bool(doc, state, "Running", container_is_up(container));
	yyjson_mut_obj_add_bool(doc, state, "Paused", container->info.is_paused);
	yyjson_mut_obj_add_bool(doc, state, "Restarting", container->status == SOLO_RESTARTING);
	yyjson_mut_obj_add_bool(doc, state, "OOMKilled", container->oom_killed);
	yyjson_mut_obj_add_bool(doc, state, "Dead", container->status == SOLO_DEAD);
	yyjson_mut_obj_add_int(doc, state, "Pid", container->status == SOLO_RUNNING ? container->info.pid : 0);
	yyjson_mut_obj_add_int(doc, state, "ExitCode", container->exit_code);
	api_add_str(doc, state, "Error", container->error);
	api_add_stamp(doc, state, "StartedAt", container->started_wall);
	api_add_stamp(doc, state, "FinishedAt", container->finished_wall);
	add_health(doc, state, container->health);
}

static void add_asked(struct api *api, struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	struct container_config config;
	struct host_config host;
	const struct image *image;
	struct err gone;

	if (image_store_get(api->host.images, container->image_id, &image, &gone) < 0)
		image = NULL;
	container_asked(container, image ? &image->config : NULL, arena, &config, &host);
	yyjson_mut_obj_add_val(doc, object, "HostConfig", shape_to_json(&host_config_shape, &host, doc));
	yyjson_mut_obj_add_val(doc, object, "Config", shape_to_json(&container_config_shape, &config, doc));
}

/* {"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"81/udp":null}, and the address once more, where older scripts look for it. */
static void add_network_details(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *settings, const struct agent_container *container)
{
	static const char *const protocols[] = { [PROTOCOL_UNSET] = "tcp", [PROTOCOL_TCP] = "tcp", [PROTOCOL_UDP] = "udp", [PROTOCOL_SCTP] = "sctp" };
	yyjson_mut_val *ports = yyjson_mut_obj_add_obj(doc, settings, "Ports"), *bindings, *binding;
	const struct net_info net = net_describe(api->host.net);
	char text[IP_TEXT_SIZE], number[8];
	const char *exposed;

	for (size_t i = 0; i < container->port_count; i++) {
		const struct port_config *port = &container->ports[i];
		CLEANUP(str_freep) char *name = str_printf("%u/%s", (unsigned)port->target_port, protocols[port->protocol]);

		if (port->publish_mode != PUBLISH_HOST || !port->published_port)
			continue;
		bindings = yyjson_mut_obj_get(ports, name);
		if (!bindings) {
			bindings = yyjson_mut_arr(doc);
			yyjson_mut_obj_add(ports, yyjson_mut_strcpy(doc, name), bindings);
		}
		binding = yyjson_mut_arr_add_obj(doc, bindings);
		snprintf(number, sizeof number, "%u", (unsigned)port->published_port);
		api_add_str(doc, binding, "HostIp", port->host_ip.family ? ip_format(port->host_ip, text) : "0.0.0.0");
		api_add_str(doc, binding, "HostPort", number);
	}
	for (size_t i = 0; container_listens(container) && (exposed = container_exposed_at(api, container, i)); i++)
		if (!yyjson_mut_obj_get(ports, exposed))
			yyjson_mut_obj_add(ports, yyjson_mut_strcpy(doc, exposed), yyjson_mut_null(doc));
	api_add_str(doc, settings, "IPAddress", container->address.family ? ip_format(container->address, text) : "");
	yyjson_mut_obj_add_uint(doc, settings, "IPPrefixLen", container->address.family ? net.subnet.prefix : 0);
	api_add_str(doc, settings, "Gateway", container->address.family ? ip_format(net.gateway, text) : "");
}

/* usage: what it has written, when that was asked for; else NULL. */
static void answer(struct api *api, struct http_request *req, const char *name, const struct disk_usage *usage)
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
	if (usage)
		disk_usage_put_sizes(usage, 0, doc, root);
	api_add_str(doc, root, "Id", container.info.id);
	api_add_stamp(doc, root, "Created", container.created_wall);
	api_add_str(doc, root, "Path", container.spec->argv.items[0]);
	args = yyjson_mut_obj_add_arr(doc, root, "Args");
	for (size_t i = 1; i < container.spec->argv.count; i++)
		yyjson_mut_arr_add_strcpy(doc, args, container.spec->argv.items[i]);
	add_state(doc, root, &container);
	container_add_image_id(doc, root, "Image", container.image_id);
	api_add_str(doc, root, "LogPath", container.info.log_path);
	buf_printf(&text, "/%s", container.spec->name);
	api_add_str(doc, root, "Name", buf_text(&text));
	yyjson_mut_obj_add_uint(doc, root, "RestartCount", container.restarts);
	runtime_facts(api->host.runtime, &runtime);
	api_add_str(doc, root, "Driver", runtime.storage_driver);
	api_add_str(doc, root, "Platform", "linux");
	api_add_exec_ids(api, doc, root, container.info.id);
	add_asked(api, http_arena(req), doc, root, &container);
	container_add_mounts(doc, root, container.spec);
	container_add_networks(api, doc, root, &container);
	add_network_details(api, doc, yyjson_mut_obj_get(root, "NetworkSettings"), &container);
	api_reply_doc(req, 200, doc, root);
}

struct sized { struct api *api; struct http_request *req; };

static void size_known(void *arg, const struct disk_usage *usage)
{
	struct sized *sized = arg;
	bool is_container;

	answer(sized->api, sized->req, disk_usage_name(usage, 0, &is_container), usage);
	free(sized);
}

void api_container_inspect(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct disk_usage *usage;
	struct sized *sized;
	struct err err;

	if (!http_query_is_true(req, "size") || agent_find_container(api->host.agent, name, &container, &err) < 0) {
		answer(api, req, name, NULL);
		return;
	}
	usage = disk_usage_new(api);
	disk_usage_add_container(usage, &container);
	sized = NEW(struct sized);
	*sized = (struct sized){ api, req };
	if (disk_usage_measure(usage, size_known, sized))
		return;
	free(sized);
	http_reply_message(req, 503, DISK_USAGE_BUSY);
}
