#include "model/service.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const isolations[] = { "default", "process", "hyperv", NULL };
static const char *const conditions[] = { "", "none", "on-failure", "any", NULL };
static const char *const runtimes[] = { "", "container", NULL };
static const char *const orders[] = { "", "stop-first", "start-first", NULL };
static const char *const actions[] = { "", "pause", "continue", "rollback", NULL };
static const char *const endpoint_modes[] = { "", "vip", "dnsrr", NULL };
static const char *const protocols[] = { "", "tcp", "udp", "sctp", NULL };
static const char *const publish_modes[] = { "", "ingress", "host", NULL };
static const char *const update_states[] = { "", "updating", "paused", "completed", NULL };

static const struct field container_fields[] = {
	F(1, STR, container_spec_model, image, "Image", 0),
	F(2, STR_MAP, container_spec_model, labels, "Labels", 0),
	F(3, STR_LIST, container_spec_model, command, "Command", 0),
	F(4, STR_LIST, container_spec_model, args, "Args", 0),
	F(5, STR, container_spec_model, hostname, "Hostname", 0),
	F(6, STR_LIST, container_spec_model, env, "Env", 0),
	F(7, STR, container_spec_model, dir, "Dir", 0),
	F(8, STR, container_spec_model, user, "User", 0),
	F(15, STR_LIST, container_spec_model, groups, "Groups", 0),
	F_OF(16, OPTION, container_spec_model, privileges, "Privileges", 0, privileges_shape),
	F(9, TRI, container_spec_model, init, "Init", 0),
	F(10, STR, container_spec_model, stop_signal, "StopSignal", 0),
	F(17, BOOL, container_spec_model, tty, "TTY", 0),
	F(18, BOOL, container_spec_model, open_stdin, "OpenStdin", 0),
	F(19, BOOL, container_spec_model, read_only, "ReadOnly", 0),
	F_OF(11, LIST, container_spec_model, mounts, "Mounts", 0, mount_shape),
	F(12, OPT_U64, container_spec_model, stop_grace_ns, "StopGracePeriod", 0),
	F_OF(20, OPTION, container_spec_model, health, "Healthcheck", 0, health_config_shape),
	F(21, STR_LIST, container_spec_model, hosts, "Hosts", 0),
	F_OF(13, STRUCT, container_spec_model, dns, "DNSConfig", FIELD_ALWAYS, dns_config_shape),
	F_OF(28, LIST, container_spec_model, secrets, "Secrets", 0, secret_reference_shape),
	F_OF(29, LIST, container_spec_model, configs, "Configs", 0, config_reference_shape),
	F_ENUM(14, container_spec_model, isolation, "Isolation", FIELD_ALWAYS, isolations),
	F(22, STR_MAP, container_spec_model, sysctls, "Sysctls", 0),
	F(23, STR_LIST, container_spec_model, cap_add, "CapabilityAdd", 0),
	F(24, STR_LIST, container_spec_model, cap_drop, "CapabilityDrop", 0),
	F_OF(25, LIST, container_spec_model, ulimits, "Ulimits", 0, ulimit_shape),
	F(26, I64, container_spec_model, oom_score_adj, "OomScoreAdj", 0),
	F(27, STR, container_spec_model, registry_auth, "RegistryAuth", FIELD_HIDDEN),
};
const struct shape container_spec_model_shape = SHAPE(container_spec_model, container_fields);

static const struct field limits_fields[] = {
	F(1, I64, resource_limits, nano_cpus, "NanoCPUs", 0),
	F(2, I64, resource_limits, memory_bytes, "MemoryBytes", 0),
	F(3, I64, resource_limits, pids, "Pids", 0),
};
static const struct shape limits_shape = SHAPE(resource_limits, limits_fields);

static const struct field reservations_fields[] = {
	F(1, I64, resource_reservations, nano_cpus, "NanoCPUs", 0),
	F(2, I64, resource_reservations, memory_bytes, "MemoryBytes", 0),
	F_REFUSED("GenericResources"),
};
static const struct shape reservations_shape = SHAPE(resource_reservations, reservations_fields);

static const struct field resources_fields[] = {
	F_OF(1, STRUCT, resources, limits, "Limits", FIELD_ALWAYS, limits_shape),
	F_OF(2, STRUCT, resources, reservations, "Reservations", FIELD_ALWAYS, reservations_shape),
};
const struct shape resources_shape = SHAPE(resources, resources_fields);

static const struct field restart_fields[] = {
	F_ENUM_SAID(1, restart_policy, condition, "Condition", 0, conditions, "invalid RestartCondition:"),
	F_SAID(2, OPT_U64, restart_policy, delay_ns, "Delay", 0,
	       "rpc error: code = InvalidArgument desc = TaskSpec: restart-delay cannot be negative"),
	F(3, OPT_U64, restart_policy, max_attempts, "MaxAttempts", 0),
	F_SAID(4, OPT_U64, restart_policy, window_ns, "Window", 0,
	       "rpc error: code = InvalidArgument desc = TaskSpec: restart-window cannot be negative"),
};
const struct shape restart_policy_shape = SHAPE(restart_policy, restart_fields);

static const struct field platform_fields[] = {
	F(1, STR, platform, architecture, "Architecture", 0),
	F(2, STR, platform, os, "OS", 0),
};
const struct shape platform_shape = SHAPE(platform, platform_fields);

static const struct field placement_fields[] = {
	F(1, STR_LIST, placement, constraints, "Constraints", 0),
	F_REFUSED("Preferences"),
	F(2, U64, placement, max_replicas, "MaxReplicas", 0),
	F_OF(3, LIST, placement, platforms, "Platforms", 0, platform_shape),
};
const struct shape placement_shape = SHAPE(placement, placement_fields);

static const struct field network_fields[] = {
	F(1, STR, network_attachment, target, "Target", 0),
	F(2, STR_LIST, network_attachment, aliases, "Aliases", 0),
	F(3, STR_MAP, network_attachment, driver_options, "DriverOpts", 0),
};
static const struct shape network_shape = SHAPE(network_attachment, network_fields);

static const struct field task_spec_fields[] = {
	F_REFUSED("PluginSpec"),
	F_OF(1, STRUCT, task_spec, container, "ContainerSpec", FIELD_ALWAYS, container_spec_model_shape),
	F_REFUSED("NetworkAttachmentSpec"),
	F_OF(2, STRUCT, task_spec, resources, "Resources", FIELD_ALWAYS, resources_shape),
	F_OF(3, OPTION, task_spec, restart, "RestartPolicy", 0, restart_policy_shape),
	F_OF(4, STRUCT, task_spec, placement, "Placement", FIELD_ALWAYS, placement_shape),
	F_OF(7, LIST, task_spec, networks, "Networks", 0, network_shape),
	F_OF(8, OPTION, task_spec, log, "LogDriver", 0, log_driver_shape),
	F(5, U64, task_spec, force_update, "ForceUpdate", FIELD_ALWAYS),
	F_ENUM(6, task_spec, runtime, "Runtime", 0, runtimes),
};
const struct shape task_spec_shape = SHAPE(task_spec, task_spec_fields);

static const struct field update_fields[] = {
	F(1, U64, update_config, parallelism, "Parallelism", FIELD_ALWAYS),
	F(2, I64, update_config, delay_ns, "Delay", 0),
	F_ENUM_SAID(3, update_config, failure_action, "FailureAction", 0, actions, "unrecognized update failure action"),
	F(4, I64, update_config, monitor_ns, "Monitor", 0),
	F(5, F64, update_config, max_failure_ratio, "MaxFailureRatio", FIELD_ALWAYS),
	F_ENUM_SAID(6, update_config, order, "Order", FIELD_ALWAYS, orders, "unrecognized update order"),
};
const struct shape update_config_shape = SHAPE(update_config, update_fields);

static const struct field port_fields[] = {
	F(1, STR, port_config, name, "Name", 0),
	F_ENUM(2, port_config, protocol, "Protocol", 0, protocols),
	F(3, U64, port_config, target_port, "TargetPort", 0),
	F(4, U64, port_config, published_port, "PublishedPort", 0),
	F_ENUM(5, port_config, publish_mode, "PublishMode", 0, publish_modes),
};
const struct shape port_config_shape = SHAPE(port_config, port_fields);

static const struct field endpoint_fields[] = {
	F_ENUM(1, endpoint_spec, mode, "Mode", 0, endpoint_modes),
	F_OF(2, LIST, endpoint_spec, ports, "Ports", 0, port_config_shape),
};
const struct shape endpoint_spec_shape = SHAPE(endpoint_spec, endpoint_fields);

static const struct field replicated_fields[] = { F(1, OPT_U64, replicated, replicas, "Replicas", 0) };
static const struct shape replicated_shape = SHAPE(replicated, replicated_fields);
static const struct shape global_shape = { "global_mode", sizeof(struct global_mode), NULL, 0 };

static const struct field mode_fields[] = {
	F_OF(1, OPTION, service_mode, replicated, "Replicated", 0, replicated_shape),
	F_OF(2, OPTION, service_mode, global, "Global", 0, global_shape),
	F_REFUSED("ReplicatedJob"), F_REFUSED("GlobalJob"),
};
static const struct shape mode_shape = SHAPE(service_mode, mode_fields);

static const struct field spec_fields[] = {
	F(1, STR, service_spec, name, "Name", 0),
	F(2, STR_MAP, service_spec, labels, "Labels", FIELD_ALWAYS),
	F_OF(3, STRUCT, service_spec, task, "TaskTemplate", FIELD_ALWAYS, task_spec_shape),
	F_OF(4, STRUCT, service_spec, mode, "Mode", FIELD_ALWAYS, mode_shape),
	F_OF(5, OPTION, service_spec, update, "UpdateConfig", 0, update_config_shape),
	F_OF(6, OPTION, service_spec, rollback, "RollbackConfig", 0, update_config_shape),
	F_REFUSED("Networks"),
	F_OF(7, STRUCT, service_spec, endpoint, "EndpointSpec", FIELD_ALWAYS, endpoint_spec_shape),
};
const struct shape service_spec_shape = SHAPE(service_spec, spec_fields);

static const struct field update_status_fields[] = {
	F_ENUM(1, update_status, state, "State", 0, update_states),
	F(2, STAMP, update_status, started_wall, "StartedAt", 0),
	F(3, STAMP, update_status, completed_wall, "CompletedAt", 0),
	F(4, STR, update_status, message, "Message", 0),
};
const struct shape update_status_shape = SHAPE(update_status, update_status_fields);

static const struct field service_fields[] = {
	F(SERVICE_SPEC_VERSION, U64, service, spec_version, "SpecVersion", FIELD_SPEC),
	F(SERVICE_PREVIOUS_VERSION, U64, service, previous_version, "PreviousVersion", 0),
	F(SERVICE_TEMPLATE_VERSION, U64, service, template_version, "TemplateVersion", 0),
	F_OF(SERVICE_PORTS, LIST, service, ports, "Ports", 0, port_config_shape),
	F_OF(SERVICE_UPDATE, STRUCT, service, update, "UpdateStatus", 0, update_status_shape),
};
const struct shape service_shape = SHAPE(service, service_fields);

static const struct field service_version_fields[] = {
	F(SERVICE_VERSION_SERVICE, STR, service_version, service_id, "ServiceID", 0),
	F(SERVICE_VERSION_NUMBER, U64, service_version, version, "Version", 0),
	F_OF(SERVICE_VERSION_SPEC, STRUCT, service_version, spec, "Spec", 0, service_spec_shape),
};
const struct shape service_version_shape = SHAPE(service_version, service_version_fields);

const char *service_version_id(const char *service_id, uint64_t version, char ret_id[SERVICE_VERSION_ID_SIZE])
{
	snprintf(ret_id, SERVICE_VERSION_ID_SIZE, "%s.%" PRIu64, service_id, version);
	return ret_id;
}

enum predefined_network service_network(const struct task_spec *task)
{
	int found = task->networks.count ? predefined_network_find(task->networks.items[0].target) : -1;

	return found < 0 ? PREDEFINED_BRIDGE : (enum predefined_network)found;
}

bool service_is_global(const struct service_spec *spec)
{
	return spec->mode.global != NULL;
}

uint64_t service_replicas(const struct service_spec *spec)
{
	if (service_is_global(spec))
		return 0;
	return spec->mode.replicated && spec->mode.replicated->replicas.is_set ? spec->mode.replicated->replicas.value : 1;
}

bool service_template_changed(const struct service_spec *old, const struct service_spec *new)
{
	struct task_spec task = new->task;

	task.placement = old->task.placement;
	return !shape_equal(&task_spec_shape, &old->task, &task) ||
	       !shape_equal(&endpoint_spec_shape, &old->endpoint, &new->endpoint);
}
