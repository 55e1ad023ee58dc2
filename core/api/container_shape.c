#include "api/container_shape.h"

#include <stdio.h>

#include "agent/task_container.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/container_words.h"

void container_labels(const struct container_spec *spec, struct arena *arena, struct str_map *ret)
{
	ret->items = ARENA_ARRAY(arena, struct str_pair, spec->labels.count);
	ret->count = 0;
	for (size_t i = 0; i < spec->labels.count; i++)
		if (!task_label_is_inner(spec->labels.items[i].key))
			ret->items[ret->count++] = (struct str_pair){ (char *)(uintptr_t)spec->labels.items[i].key,
								      (char *)(uintptr_t)spec->labels.items[i].value };
}

void container_add_labels(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	yyjson_mut_val *labels = yyjson_mut_obj_add_obj(doc, object, "Labels");

	for (size_t i = 0; i < spec->labels.count; i++)
		if (!task_label_is_inner(spec->labels.items[i].key))
			yyjson_mut_obj_add(labels, yyjson_mut_strcpy(doc, spec->labels.items[i].key),
					   yyjson_mut_strcpy(doc, spec->labels.items[i].value ? spec->labels.items[i].value : ""));
}

void container_add_image_id(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *id)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	buf_printf(&out, "%s%s", str_is_empty(id) ? "" : "sha256:", id);
	api_add_str(doc, object, key, buf_text(&out));
}

const char *container_exposed_at(struct api *api, const struct agent_container *container, size_t at)
{
	const struct image *image;
	struct err gone;

	if (container->row)
		return at < container->row->config.exposed_ports.count ? container->row->config.exposed_ports.items[at].name : NULL;
	if (image_store_get(api->host.images, container->image_id, &image, &gone) < 0)
		return NULL;
	return at < image->config.exposed_ports.count ? image->config.exposed_ports.items[at] : NULL;
}

bool container_listens(const struct agent_container *container)
{
	return container->status == SOLO_RUNNING && container->spec->network == CONTAINER_NET_OWN;
}

static const char *protocol_name(int protocol)
{
	return protocol == PROTOCOL_UDP ? "udp" : protocol == PROTOCOL_SCTP ? "sctp" : "tcp";
}

/* Its own Ports has it already. */
static bool is_listed(const struct agent_container *container, const struct port_name *name)
{
	for (size_t i = 0; i < container->port_count; i++)
		if (container->ports[i].target_port == name->port &&
		    str_eq(protocol_name(container->ports[i].protocol), protocol_name(name->protocol)))
			return true;
	return false;
}

static void add_exposed(const struct agent_container *container, const char *text, yyjson_mut_doc *doc, yyjson_mut_val *ports)
{
	struct port_name name;
	yyjson_mut_val *item;
	struct err ignored;

	if (port_name_parse(text, &name, &ignored) < 0 || is_listed(container, &name))
		return;
	item = yyjson_mut_arr_add_obj(doc, ports);
	yyjson_mut_obj_add_uint(doc, item, "PrivatePort", name.port);
	api_add_str(doc, item, "Type", protocol_name(name.protocol));
}

void container_add_ports(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	yyjson_mut_val *ports = yyjson_mut_obj_add_arr(doc, object, "Ports");
	const char *exposed;

	for (size_t i = 0; i < container->port_count && container->status == SOLO_RUNNING; i++) {
		const struct port_config *port = &container->ports[i];
		yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, ports);
		char ip[IP_TEXT_SIZE];

		if (port->publish_mode == PUBLISH_HOST && port->published_port)
			api_add_str(doc, item, "IP", port->host_ip.family ? ip_format(port->host_ip, ip) : "0.0.0.0");
		yyjson_mut_obj_add_uint(doc, item, "PrivatePort", port->target_port);
		if (port->publish_mode == PUBLISH_HOST && port->published_port)
			yyjson_mut_obj_add_uint(doc, item, "PublicPort", port->published_port);
		api_add_str(doc, item, "Type", protocol_name(port->protocol));
	}
	for (size_t i = 0; container_listens(container) && (exposed = container_exposed_at(api, container, i)); i++)
		add_exposed(container, exposed, doc, ports);
}

void container_add_mounts(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec)
{
	static const char *const types[] = { [CONTAINER_BIND] = "bind", [CONTAINER_TMPFS] = "tmpfs", [CONTAINER_VOLUME] = "volume" };
	yyjson_mut_val *mounts = yyjson_mut_obj_add_arr(doc, object, "Mounts");

	for (size_t i = 0; i < spec->mount_count; i++) {
		const struct container_mount *mount = &spec->mounts[i];
		yyjson_mut_val *item;

		if (mount->is_hidden)
			continue;
		item = yyjson_mut_arr_add_obj(doc, mounts);

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

const char *container_network_mode(const struct container_spec *spec)
{
	switch (spec->network) {
	case CONTAINER_NET_OWN: return "bridge";
	case CONTAINER_NET_HOST: return "host";
	case CONTAINER_NET_NONE: return "none";
	}
	panic("container on network %d", spec->network);
}

void container_add_networks(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container)
{
	yyjson_mut_val *settings = yyjson_mut_obj_add_obj(doc, object, "NetworkSettings");
	yyjson_mut_val *networks = yyjson_mut_obj_add_obj(doc, settings, "Networks"), *bridge;
	char text[IP_TEXT_SIZE];
	struct net_info net;

	if (container->spec->network != CONTAINER_NET_OWN) {
		api_add_str(doc, yyjson_mut_obj_add_obj(doc, networks, container_network_mode(container->spec)), "NetworkID", "");
		return;
	}
	if (!container->address.family)
		return;
	net = net_describe(api->host.net);
	bridge = yyjson_mut_obj_add_obj(doc, networks, "bridge");
	api_add_str(doc, bridge, "NetworkID", "");
	api_add_str(doc, bridge, "Gateway", ip_format(net.gateway, text));
	api_add_str(doc, bridge, "IPAddress", ip_format(container->address, text));
	yyjson_mut_obj_add_uint(doc, bridge, "IPPrefixLen", net.subnet.prefix);
}
