/* container_shape.h - the parts of a container's JSON that its list entry and its inspection share. */
#pragma once
#include "api/api_internal.h"

void container_labels(const struct container_spec *spec, struct arena *arena, struct str_map *ret);
void container_add_labels(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec);
void container_add_image_id(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *id);
/* Ports that it or its image exposes, "80/tcp"; NULL behind the last. */
const char *container_exposed_at(struct api *api, const struct agent_container *container, size_t at);
bool container_listens(const struct agent_container *container);         /* on a network of its own, while it runs */
void container_add_ports(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container);
void container_add_mounts(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct container_spec *spec);
const char *container_network_mode(const struct container_spec *spec);
void container_add_networks(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *object, const struct agent_container *container);
