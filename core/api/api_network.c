/* The three networks every host has: bridge (ours), host, none. Their ids come from the engine's, so that they stay. With scope=swarm they
 * are what a service may name: the same three under the cluster's ids, found when asked for, never listed, as in Docker. */
#include <string.h>

#include "api/api_internal.h"
#include "base/sha256.h"
#include "base/str.h"
#include "model/predefined_network.h"

static const char *const filter_keys[] = { "dangling", "driver", "id", "label", "name", "scope", "type", NULL };

static void network_id(const struct api *api, enum predefined_network network, char ret_id[SHA256_HEX_SIZE])
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "%s/%s", api->host.facts->engine_id, predefined_network_name(network));
	sha256_hex(text.data, text.len, ret_id);
}

static void add_ipam(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, bool is_bridge)
{
	yyjson_mut_val *ipam = yyjson_mut_obj_add_obj(doc, object, "IPAM"), *config, *range;
	struct net_info net = net_describe(api->host.net);
	char text[CIDR_TEXT_SIZE];

	api_add_str(doc, ipam, "Driver", "default");
	yyjson_mut_obj_add_null(doc, ipam, "Options");
	if (!is_bridge || !net.subnet.ip.family) {
		yyjson_mut_obj_add_null(doc, ipam, "Config");
		return;
	}
	config = yyjson_mut_obj_add_arr(doc, ipam, "Config");
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

enum scope { SCOPE_LOCAL, SCOPE_SWARM };

static yyjson_mut_val *network_json(struct api *api, enum predefined_network network, enum scope scope, bool with_containers,
				    yyjson_mut_doc *doc)
{
	yyjson_mut_val *ret = yyjson_mut_obj(doc), *labels;
	bool is_bridge = network == PREDEFINED_BRIDGE && scope == SCOPE_LOCAL;
	char id[SHA256_HEX_SIZE];

	network_id(api, network, id);
	api_add_str(doc, ret, "Name", predefined_network_name(network));
	api_add_str(doc, ret, "Id", scope == SCOPE_SWARM ? predefined_network_id(network) : id);
	api_add_stamp(doc, ret, "Created", api->host.facts->started_wall);
	api_add_str(doc, ret, "Scope", scope == SCOPE_SWARM ? "swarm" : "local");
	api_add_str(doc, ret, "Driver", predefined_network_driver(network));
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
	labels = yyjson_mut_obj_add_obj(doc, ret, "Labels");
	if (scope == SCOPE_SWARM)
		api_add_str(doc, labels, "com.docker.swarm.predefined", "true");
	return ret;
}

static bool matches(const struct filters *filters, const struct api *api, enum predefined_network network)
{
	static const struct str_map no_labels;
	char id[SHA256_HEX_SIZE];

	network_id(api, network, id);
	return filters_contains(filters, "name", predefined_network_name(network)) && filters_contains(filters, "id", id) &&
	       filters_exact(filters, "driver", predefined_network_driver(network)) && filters_exact(filters, "scope", "local") &&
	       filters_exact(filters, "type", "builtin") && filters_labels(filters, "label", &no_labels) &&
	       (!filters_get(filters, "dangling") || filters_exact(filters, "dangling", "false"));
}

static int check_type(const struct filters *filters, struct err *err)
{
	static const char *const types[] = { "builtin", "custom", NULL };
	const char *stranger = filters_stranger(filters, "type", types);

	if (!stranger)
		return 0;
	return err_set(err, ERR_INVALID, "invalid filter: 'type'='%.100s'", stranger);
}

void api_network_list(struct api *api, struct http_request *req, const char *name)
{
	struct filters filters;
	yyjson_mut_doc *doc;
	yyjson_mut_val *list;
	struct err err;

	(void)name;
	if (filters_parse(http_query(req, "filters"), filter_keys, http_arena(req), &filters, &err) < 0 || check_type(&filters, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	list = yyjson_mut_arr(doc);
	for (unsigned i = 0; i < PREDEFINED_COUNT; i++)
		if (matches(&filters, api, i))
			yyjson_mut_arr_append(list, network_json(api, i, SCOPE_LOCAL, false, doc));
	api_reply_doc(req, 200, doc, list);
}

/* By name, by the id of this engine's or a unique start of it; -1 when there is none. */
static int find_local(const struct api *api, const char *name)
{
	int found = -1;

	for (unsigned i = 0; i < PREDEFINED_COUNT; i++) {
		char id[SHA256_HEX_SIZE];

		network_id(api, i, id);
		if (str_eq(predefined_network_name(i), name))
			return (int)i;
		if (*name && str_starts(id, name))
			found = found == -1 ? (int)i : -2;
	}
	return MAX(found, -1);
}

int api_network_find(const struct api *api, const char *name)
{
	int found = predefined_network_find(name);

	return found >= 0 ? found : find_local(api, name);
}

void api_network_inspect(struct api *api, struct http_request *req, const char *name)
{
	const char *scope = http_query(req, "scope");
	int local = str_eq(scope, "swarm") ? -1 : find_local(api, name);
	int swarm = str_eq(scope, "local") || local >= 0 ? -1 : predefined_network_find(name);
	yyjson_mut_doc *doc;

	if ((local < 0 && swarm < 0) || (!str_is_empty(scope) && !str_eq(scope, "local") && !str_eq(scope, "swarm"))) {
		http_reply_message(req, 404, "network %s not found", name);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	api_reply_doc(req, 200, doc, local >= 0 ? network_json(api, (enum predefined_network)local, SCOPE_LOCAL, true, doc)
						: network_json(api, (enum predefined_network)swarm, SCOPE_SWARM, true, doc));
}
