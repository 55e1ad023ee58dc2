/* The three networks every host has: bridge (ours), host, none. Their ids come from the engine's, so that they stay. */
#include <string.h>

#include "api/api_internal.h"
#include "base/sha256.h"
#include "base/str.h"

static const char *const filter_keys[] = { "dangling", "driver", "id", "label", "name", "scope", "type", NULL };
static const struct { const char *name, *driver; } networks[] = { { "bridge", "bridge" }, { "host", "host" }, { "none", "null" } };

static void network_id(const struct api *api, size_t at, char ret_id[SHA256_HEX_SIZE])
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "%s/%s", api->host.facts->engine_id, networks[at].name);
	sha256_hex(text.data, text.len, ret_id);
}

static void add_ipam(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, bool is_bridge)
{
	yyjson_mut_val *ipam = yyjson_mut_obj_add_obj(doc, object, "IPAM"), *config, *range;
	struct net_info net = net_describe(api->host.net);
	char text[CIDR_TEXT_SIZE];

	api_add_str(doc, ipam, "Driver", "default");
	yyjson_mut_obj_add_null(doc, ipam, "Options");
	config = yyjson_mut_obj_add_arr(doc, ipam, "Config");
	if (!is_bridge || !net.subnet.ip.family)
		return;
	range = yyjson_mut_arr_add_obj(doc, config);
	api_add_str(doc, range, "Subnet", cidr_format(net.subnet, text));
	api_add_str(doc, range, "Gateway", ip_format(net.gateway, text));
}

static const char *mac_of(struct api *api, const char *task_id, char ret_text[18])
{
	struct net_endpoint endpoint;

	ret_text[0] = 0;
	for (size_t at = 0; net_next(api->host.net, &at, &endpoint);)
		if (str_eq(endpoint.id, task_id))
			snprintf(ret_text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", endpoint.mac[0], endpoint.mac[1], endpoint.mac[2],
				 endpoint.mac[3], endpoint.mac[4], endpoint.mac[5]);
	return ret_text;
}

static void add_containers(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, bool is_bridge)
{
	yyjson_mut_val *containers = yyjson_mut_obj_add_obj(doc, object, "Containers");
	struct agent_container container;
	struct net_info net = net_describe(api->host.net);

	for (size_t at = 0; is_bridge && agent_next_container(api->host.agent, &at, &container);) {
		char text[CIDR_TEXT_SIZE], mac[18];
		yyjson_mut_val *item;

		if (!container.address.family)
			continue;
		item = yyjson_mut_obj(doc);
		yyjson_mut_obj_add(containers, yyjson_mut_strcpy(doc, container.info.id), item);
		api_add_str(doc, item, "Name", container.spec->name);
		api_add_str(doc, item, "EndpointID", "");
		api_add_str(doc, item, "MacAddress", mac_of(api, container.task_id, mac));
		api_add_str(doc, item, "IPv4Address", cidr_format((struct cidr){ container.address, net.subnet.prefix }, text));
		api_add_str(doc, item, "IPv6Address", "");
	}
}

static yyjson_mut_val *network_json(struct api *api, size_t at, bool with_containers, yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = yyjson_mut_obj(doc);
	bool is_bridge = str_eq(networks[at].name, "bridge");
	char id[SHA256_HEX_SIZE];

	network_id(api, at, id);
	api_add_str(doc, ret, "Name", networks[at].name);
	api_add_str(doc, ret, "Id", id);
	api_add_stamp(doc, ret, "Created", api->host.facts->started_wall);
	api_add_str(doc, ret, "Scope", "local");
	api_add_str(doc, ret, "Driver", networks[at].driver);
	yyjson_mut_obj_add_true(doc, ret, "EnableIPv4");
	yyjson_mut_obj_add_false(doc, ret, "EnableIPv6");
	add_ipam(api, doc, ret, is_bridge);
	yyjson_mut_obj_add_false(doc, ret, "Internal");
	yyjson_mut_obj_add_false(doc, ret, "Attachable");
	yyjson_mut_obj_add_false(doc, ret, "Ingress");
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, ret, "ConfigFrom"), "Network", "");
	yyjson_mut_obj_add_false(doc, ret, "ConfigOnly");
	add_containers(api, doc, ret, is_bridge && with_containers);
	yyjson_mut_obj_add_obj(doc, ret, "Options");
	yyjson_mut_obj_add_obj(doc, ret, "Labels");
	return ret;
}

static bool matches(const struct filters *filters, const struct api *api, size_t at)
{
	static const struct str_map no_labels;
	char id[SHA256_HEX_SIZE];

	network_id(api, at, id);
	return filters_contains(filters, "name", networks[at].name) && filters_contains(filters, "id", id) &&
	       filters_exact(filters, "driver", networks[at].driver) && filters_exact(filters, "scope", "local") &&
	       filters_exact(filters, "type", "builtin") && filters_labels(filters, "label", &no_labels) &&
	       (!filters_get(filters, "dangling") || filters_exact(filters, "dangling", "false"));
}

void api_network_list(struct api *api, struct http_request *req, const char *name)
{
	struct filters filters;
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	list = yyjson_mut_arr(doc);
	for (size_t i = 0; i < ARRAY_COUNT(networks); i++)
		if (matches(&filters, api, i))
			yyjson_mut_arr_append(list, network_json(api, i, false, doc));
	api_reply_doc(req, 200, doc, list);
}

void api_network_inspect(struct api *api, struct http_request *req, const char *name)
{
	const char *scope = http_query(req, "scope");
	size_t found = ARRAY_COUNT(networks);
	yyjson_mut_doc *doc;
	char id[SHA256_HEX_SIZE];

	for (size_t i = 0; i < ARRAY_COUNT(networks); i++) {
		network_id(api, i, id);
		if (str_eq(networks[i].name, name) || (*name && str_starts(id, name)))
			found = i;
	}
	if (found == ARRAY_COUNT(networks) || (!str_is_empty(scope) && !str_eq(scope, "local"))) {
		http_reply_message(req, 404, "network %s not found", name);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, network_json(api, found, true, doc));
}
