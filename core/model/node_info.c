#include "model/node_info.h"

static const char *const roles[] = { "worker", "manager", NULL };
static const char *const availabilities[] = { "active", "pause", "drain", NULL };
static const char *const node_states[] = { "unknown", "down", "ready", "disconnected", NULL };
static const char *const reachabilities[] = { "unknown", "unreachable", "reachable", NULL };

static const struct field spec_fields[] = {
	F(1, STR, node_spec, name, "Name", 0),
	F(2, STR_MAP, node_spec, labels, "Labels", FIELD_ALWAYS),
	F_ENUM_SAID(3, node_spec, role, "Role", FIELD_ALWAYS, roles, "invalid Role:"),
	F_ENUM_SAID(4, node_spec, availability, "Availability", FIELD_ALWAYS, availabilities, "invalid Availability:"),
};
const struct shape node_spec_shape = SHAPE(node_spec, spec_fields);

static const struct field resources_fields[] = {
	F(1, I64, node_resources, nano_cpus, "NanoCPUs", 0),
	F(2, I64, node_resources, memory_bytes, "MemoryBytes", 0),
};
static const struct shape node_resources_shape = SHAPE(node_resources, resources_fields);

static const struct field plugin_fields[] = {
	F(1, STR, engine_plugin, type, "Type", 0),
	F(2, STR, engine_plugin, name, "Name", 0),
};
static const struct shape plugin_shape = SHAPE(engine_plugin, plugin_fields);

static const struct field engine_fields[] = {
	F(1, STR, engine, version, "EngineVersion", 0),
	F(2, STR_MAP, engine, labels, "Labels", 0),
	F_OF(3, LIST, engine, plugins, "Plugins", 0, plugin_shape),
};
static const struct shape engine_shape = SHAPE(engine, engine_fields);

static const struct field tls_fields[] = {
	F(1, STR, tls_info, trust_root, "TrustRoot", 0),
	F(2, STR, tls_info, issuer_subject, "CertIssuerSubject", 0),
	F(3, STR, tls_info, issuer_public_key, "CertIssuerPublicKey", 0),
};
const struct shape tls_info_shape = SHAPE(tls_info, tls_fields);

static const struct field description_fields[] = {
	F(1, STR, node_description, hostname, "Hostname", 0),
	F_OF(2, STRUCT, node_description, platform, "Platform", FIELD_ALWAYS, platform_shape),
	F_OF(3, STRUCT, node_description, resources, "Resources", FIELD_ALWAYS, node_resources_shape),
	F_OF(4, STRUCT, node_description, engine, "Engine", FIELD_ALWAYS, engine_shape),
	F_OF(5, STRUCT, node_description, tls, "TLSInfo", FIELD_ALWAYS, tls_info_shape),
	F(6, STR, node_description, clock, "Clock", FIELD_SINCE(2)),
};
const struct shape node_description_shape = SHAPE(node_description, description_fields);

static const struct field status_fields[] = {
	F_ENUM(1, node_status, state, "State", FIELD_ALWAYS, node_states),
	F(2, STR, node_status, message, "Message", 0),
	F(3, STR, node_status, address, "Addr", 0),
};
const struct shape node_status_shape = SHAPE(node_status, status_fields);

static const struct field manager_fields[] = {
	F(1, BOOL, manager_status, leader, "Leader", 0),
	F_ENUM(2, manager_status, reachability, "Reachability", FIELD_ALWAYS, reachabilities),
	F(3, STR, manager_status, address, "Addr", 0),
};
const struct shape manager_status_shape = SHAPE(manager_status, manager_fields);

static const struct field node_fields[] = {
	F_OF(NODE_SPEC, STRUCT, node, spec, "Spec", FIELD_ALWAYS | FIELD_SPEC, node_spec_shape),
	F_OF(NODE_DESCRIPTION, STRUCT, node, description, "Description", FIELD_ALWAYS, node_description_shape),
	F_OF(NODE_STATUS, STRUCT, node, status, "Status", FIELD_ALWAYS, node_status_shape),
	F_OF(NODE_MANAGER, OPTION, node, manager, "ManagerStatus", 0, manager_status_shape),
	F(NODE_STATUS_MS, I64, node, status_ms, "StatusTime", FIELD_HIDDEN),
};
const struct shape node_shape = SHAPE(node, node_fields);
