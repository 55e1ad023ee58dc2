#include "model/container.h"

#include <string.h>

#include "base/str.h"

static const struct shape nothing_shape = { "nothing", 1, NULL, 0 };
static const struct field named_nothing_fields[] = {
	F(1, STR, named_nothing, name, "Name", 0),
	F_OF(2, STRUCT, named_nothing, unused, "Value", FIELD_ALWAYS, nothing_shape),
};
static const struct shape named_nothing_shape = SHAPE(named_nothing, named_nothing_fields);

static const struct field config_fields[] = {
	F(1, STR, container_config, hostname, "Hostname", FIELD_ALWAYS),
	F(2, STR, container_config, domainname, "Domainname", FIELD_ALWAYS),
	F(3, STR, container_config, user, "User", FIELD_ALWAYS),
	F(4, BOOL, container_config, attach_stdin, "AttachStdin", FIELD_ALWAYS),
	F(5, BOOL, container_config, attach_stdout, "AttachStdout", FIELD_ALWAYS),
	F(6, BOOL, container_config, attach_stderr, "AttachStderr", FIELD_ALWAYS),
	F_OF(7, MAP, container_config, exposed_ports, "ExposedPorts", 0, named_nothing_shape),
	F(8, BOOL, container_config, tty, "Tty", FIELD_ALWAYS),
	F(9, BOOL, container_config, open_stdin, "OpenStdin", FIELD_ALWAYS),
	F(10, BOOL, container_config, stdin_once, "StdinOnce", FIELD_ALWAYS),
	F(11, STR_LIST, container_config, env, "Env", FIELD_ALWAYS | FIELD_NULLABLE),
	F(12, STR_LIST, container_config, cmd, "Cmd", FIELD_ALWAYS | FIELD_NULLABLE),
	F_OF(13, OPTION, container_config, health, "Healthcheck", 0, health_config_shape),
	F_REFUSED("ArgsEscaped"),
	F(14, STR, container_config, image, "Image", FIELD_ALWAYS),
	F_OF(15, MAP, container_config, volumes, "Volumes", FIELD_ALWAYS | FIELD_NULLABLE, named_nothing_shape),
	F(16, STR, container_config, working_dir, "WorkingDir", FIELD_ALWAYS),
	F(17, STR_LIST, container_config, entrypoint, "Entrypoint", FIELD_ALWAYS | FIELD_NULLABLE),
	F_REFUSED("NetworkDisabled"), F_REFUSED("MacAddress"),
	F(18, STR_MAP, container_config, labels, "Labels", FIELD_ALWAYS),
	F(19, STR, container_config, stop_signal, "StopSignal", 0),
	F(20, OPT_I64, container_config, stop_timeout_s, "StopTimeout", 0),
};
const struct shape container_config_shape = SHAPE(container_config, config_fields);

static const struct field binding_fields[] = {
	F(1, STR, port_binding, host_ip, "HostIp", FIELD_ALWAYS),
	F(2, STR, port_binding, host_port, "HostPort", FIELD_ALWAYS),
};
static const struct shape binding_shape = SHAPE(port_binding, binding_fields);
static const struct field bindings_fields[] = {
	F(1, STR, port_bindings, port, "Port", 0),
	F_OF(2, LIST, port_bindings, bindings, "Bindings", FIELD_ALWAYS, binding_shape),
};
static const struct shape bindings_shape = SHAPE(port_bindings, bindings_fields);

static const struct field restart_fields[] = {
	F(1, STR, container_restart_policy, name, "Name", FIELD_ALWAYS),
	F(2, I64, container_restart_policy, max_retries, "MaximumRetryCount", FIELD_ALWAYS),
};
static const struct shape restart_shape = SHAPE(container_restart_policy, restart_fields);

static const struct field device_fields[] = {
	F(1, STR, device_mapping, host_path, "PathOnHost", FIELD_ALWAYS),
	F(2, STR, device_mapping, path, "PathInContainer", FIELD_ALWAYS),
	F(3, STR, device_mapping, permissions, "CgroupPermissions", FIELD_ALWAYS),
};
static const struct shape device_shape = SHAPE(device_mapping, device_fields);

static const struct field log_fields[] = {
	F(1, STR, log_driver, name, "Type", FIELD_ALWAYS),
	F(2, STR_MAP, log_driver, options, "Config", FIELD_ALWAYS),
};
static const struct shape log_shape = SHAPE(log_driver, log_fields);

static const struct field host_fields[] = {
	F(1, STR_LIST, host_config, binds, "Binds", FIELD_ALWAYS | FIELD_NULLABLE),
	F(2, STR, host_config, cid_file, "ContainerIDFile", FIELD_ALWAYS),
	F_OF(3, STRUCT, host_config, log, "LogConfig", FIELD_ALWAYS, log_shape),
	F(4, STR, host_config, network_mode, "NetworkMode", FIELD_ALWAYS),
	F_OF(5, MAP, host_config, port_bindings, "PortBindings", FIELD_ALWAYS, bindings_shape),
	F_OF(6, STRUCT, host_config, restart, "RestartPolicy", FIELD_ALWAYS, restart_shape),
	F(7, BOOL, host_config, auto_remove, "AutoRemove", FIELD_ALWAYS),
	F(8, STR, host_config, volume_driver, "VolumeDriver", FIELD_ALWAYS),
	F(9, STR_LIST, host_config, volumes_from, "VolumesFrom", FIELD_ALWAYS | FIELD_NULLABLE),
	F_REFUSED("Annotations"),
	F(10, STR_LIST, host_config, cap_add, "CapAdd", FIELD_ALWAYS | FIELD_NULLABLE),
	F(11, STR_LIST, host_config, cap_drop, "CapDrop", FIELD_ALWAYS | FIELD_NULLABLE),
	F(12, STR, host_config, cgroupns_mode, "CgroupnsMode", FIELD_ALWAYS),
	F(13, STR_LIST, host_config, dns, "Dns", FIELD_ALWAYS),
	F(14, STR_LIST, host_config, dns_options, "DnsOptions", FIELD_ALWAYS),
	F(15, STR_LIST, host_config, dns_search, "DnsSearch", FIELD_ALWAYS),
	F(16, STR_LIST, host_config, extra_hosts, "ExtraHosts", FIELD_ALWAYS | FIELD_NULLABLE),
	F(17, STR_LIST, host_config, group_add, "GroupAdd", FIELD_ALWAYS | FIELD_NULLABLE),
	F(18, STR, host_config, ipc_mode, "IpcMode", FIELD_ALWAYS),
	F_REFUSED("Cgroup"), F_REFUSED("Links"),
	F(19, I64, host_config, oom_score_adj, "OomScoreAdj", FIELD_ALWAYS),
	F(20, STR, host_config, pid_mode, "PidMode", FIELD_ALWAYS),
	F(21, BOOL, host_config, privileged, "Privileged", FIELD_ALWAYS),
	F(22, BOOL, host_config, publish_all_ports, "PublishAllPorts", FIELD_ALWAYS),
	F(23, BOOL, host_config, readonly_rootfs, "ReadonlyRootfs", FIELD_ALWAYS),
	F(24, STR_LIST, host_config, security_opt, "SecurityOpt", FIELD_ALWAYS | FIELD_NULLABLE),
	F_REFUSED("StorageOpt"),
	F(25, STR_MAP, host_config, tmpfs, "Tmpfs", 0),
	F(26, STR, host_config, uts_mode, "UTSMode", FIELD_ALWAYS),
	F(27, STR, host_config, userns_mode, "UsernsMode", FIELD_ALWAYS),
	F(28, I64, host_config, shm_size_bytes, "ShmSize", FIELD_ALWAYS),
	F(29, STR_MAP, host_config, sysctls, "Sysctls", 0),
	F(30, STR, host_config, runtime, "Runtime", FIELD_ALWAYS),
	F(31, STR, host_config, isolation, "Isolation", FIELD_ALWAYS),
	F_REFUSED("CpuShares"),
	F(32, I64, host_config, memory_bytes, "Memory", FIELD_ALWAYS),
	F(33, I64, host_config, nano_cpus, "NanoCpus", FIELD_ALWAYS),
	F_REFUSED("CgroupParent"), F_REFUSED("BlkioWeight"), F_REFUSED("BlkioWeightDevice"), F_REFUSED("BlkioDeviceReadBps"),
	F_REFUSED("BlkioDeviceWriteBps"), F_REFUSED("BlkioDeviceReadIOps"), F_REFUSED("BlkioDeviceWriteIOps"),
	F(34, I64, host_config, cpu_period_us, "CpuPeriod", FIELD_ALWAYS),
	F(35, I64, host_config, cpu_quota_us, "CpuQuota", FIELD_ALWAYS),
	F_REFUSED("CpuRealtimePeriod"), F_REFUSED("CpuRealtimeRuntime"), F_REFUSED("CpusetCpus"), F_REFUSED("CpusetMems"),
	F_OF(36, LIST, host_config, devices, "Devices", FIELD_ALWAYS, device_shape),
	F_REFUSED("DeviceCgroupRules"), F_REFUSED("DeviceRequests"), F_REFUSED("KernelMemory"), F_REFUSED("KernelMemoryTCP"),
	F_REFUSED("MemoryReservation"),
	F(37, I64, host_config, memory_swap_bytes, "MemorySwap", FIELD_ALWAYS),
	F(38, OPT_I64, host_config, memory_swappiness, "MemorySwappiness", FIELD_ALWAYS),
	F_REFUSED("OomKillDisable"),
	F(39, OPT_I64, host_config, pids_limit, "PidsLimit", FIELD_ALWAYS),
	F_OF(40, LIST, host_config, ulimits, "Ulimits", FIELD_ALWAYS, ulimit_shape),
	F_REFUSED("CpuCount"), F_REFUSED("CpuPercent"), F_REFUSED("IOMaximumIOps"), F_REFUSED("IOMaximumBandwidth"),
	F_OF(41, LIST, host_config, mounts, "Mounts", 0, mount_shape),
	F(42, TRI, host_config, init, "Init", 0),
};
const struct shape host_config_shape = SHAPE(host_config, host_fields);

static const struct field volume_fields[] = {
	F(1, STR, container_volume, target, "Target", 0),
	F(2, STR, container_volume, name, "Name", 0),
};
static const struct shape volume_shape = SHAPE(container_volume, volume_fields);

static const struct field row_fields[] = {
	F(1, STR, container_row, id, "Id", 0),
	F(2, STR, container_row, name, "Name", 0),
	F(3, STR, container_row, image_id, "ImageId", 0),
	F(4, STR_LIST, container_row, layers, "Layers", 0),
	F(5, STAMP, container_row, created_wall, "Created", 0),
	F_OF(6, STRUCT, container_row, config, "Config", 0, container_config_shape),
	F_OF(7, STRUCT, container_row, host, "HostConfig", 0, host_config_shape),
	F(8, U64, container_row, console_rows, "Rows", 0),
	F(9, U64, container_row, console_columns, "Columns", 0),
	F_OF(10, LIST, container_row, volumes, "Volumes", 0, volume_shape),
	F_OF(11, LIST, container_row, ports, "Ports", 0, port_config_shape),
	F(12, BOOL, container_row, was_started, "WasStarted", 0),
	F(13, BOOL, container_row, is_stopped, "IsStopped", 0),
	F(14, BOOL, container_row, is_removing, "IsRemoving", 0),
	F(15, BOOL, container_row, removes_volumes, "RemovesVolumes", 0),
	F(16, BOOL, container_row, is_running, "IsRunning", 0),
	F(17, U64, container_row, restarts, "RestartCount", 0),
	F(18, I64, container_row, exit_code, "ExitCode", 0),
	F(19, BOOL, container_row, oom_killed, "OOMKilled", 0),
	F(20, STR, container_row, error, "Error", 0),
	F(21, STAMP, container_row, started_wall, "StartedAt", 0),
	F(22, STAMP, container_row, finished_wall, "FinishedAt", 0),
	F_OF(23, LIST, container_row, inherited, "VolumesFrom", 0, mount_shape),
};
const struct shape container_row_shape = SHAPE(container_row, row_fields);

/* ---- the create call's body -------------------------------------------------------------------------------------- */

/* The members of NetworkingConfig that would ask for something; what only an inspected container has is ignored. */
struct endpoint { char *network; char unused; };
static const struct field endpoint_settings_fields[] = {
	F_REFUSED("IPAMConfig"), F_REFUSED("Links"), F_REFUSED("Aliases"), F_REFUSED("MacAddress"), F_REFUSED("DriverOpts"),
	F_REFUSED("GwPriority"),
};
static const struct shape endpoint_settings_shape = { "endpoint", 1, endpoint_settings_fields, ARRAY_COUNT(endpoint_settings_fields) };
static const struct field endpoint_fields[] = {
	F(1, STR, endpoint, network, "Network", 0),
	F_OF(2, STRUCT, endpoint, unused, "Settings", 0, endpoint_settings_shape),
};
static const struct shape endpoint_shape = SHAPE(endpoint, endpoint_fields);

struct networking { ARRAY_OF(struct endpoint) endpoints; };
static const struct field networking_fields[] = { F_OF(1, MAP, networking, endpoints, "EndpointsConfig", 0, endpoint_shape) };
static const struct shape networking_shape = SHAPE(networking, networking_fields);

/* Beside the members of Config, which stand at the top of the body. */
struct beside { struct host_config host; struct networking networking; };
static const struct field beside_fields[] = {
	F_OF(1, STRUCT, beside, host, "HostConfig", 0, host_config_shape),
	F_OF(2, STRUCT, beside, networking, "NetworkingConfig", 0, networking_shape),
};
static const struct shape beside_shape = SHAPE(beside, beside_fields);

static int take_networks(const struct networking *networking, struct arena *arena, struct host_config *host, struct err *err)
{
	const char *mode = str_is_empty(host->network_mode) ? "default" : host->network_mode;

	for (size_t i = 0; i < networking->endpoints.count; i++) {
		const char *name = networking->endpoints.items[i].network;

		if (str_eq(name, mode))
			continue;
		if (i == 0 && str_eq(mode, "default"))
			host->network_mode = arena_strdup(arena, mode = name);
		else
			return err_set(err, ERR_UNSUPPORTED, "a second network ('%s' beside '%s') is not supported by swarmbox yet", name, mode);
	}
	return 0;
}

/* [height, width] */
static int take_console_size(yyjson_val *host, struct container_request *ret, struct err *err)
{
	yyjson_val *size = yyjson_obj_get(host, "ConsoleSize");

	if (!size || yyjson_is_null(size))
		return 0;
	if (yyjson_arr_size(size) != 2 || !yyjson_is_uint(yyjson_arr_get(size, 0)) || !yyjson_is_uint(yyjson_arr_get(size, 1)) ||
	    yyjson_get_uint(yyjson_arr_get(size, 0)) > UINT16_MAX || yyjson_get_uint(yyjson_arr_get(size, 1)) > UINT16_MAX)
		return err_set(err, ERR_INVALID, "invalid JSON: HostConfig.ConsoleSize must be a height and a width");
	ret->console_rows = yyjson_get_uint(yyjson_arr_get(size, 0));
	ret->console_columns = yyjson_get_uint(yyjson_arr_get(size, 1));
	return 0;
}

/* Docker's own lists may come back from an inspected container; another one is a wish that we do not have, the empty one included. */
static int refuse_paths(yyjson_val *host, const char *name, const char *const *usual, size_t count, struct err *err)
{
	yyjson_val *list = yyjson_obj_get(host, name), *path;
	yyjson_arr_iter iter;
	size_t known = 0;

	if (!list || yyjson_is_null(list))
		return 0;
	yyjson_arr_iter_init(list, &iter);
	while ((path = yyjson_arr_iter_next(&iter)))
		for (size_t i = 0; i < count; i++)
			known += str_eq(usual[i], yyjson_get_str(path));
	if (yyjson_arr_size(list) == known && known > 0)
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "HostConfig.%s (security-opt systempaths) is not supported by swarmbox yet", name);
}

int container_request_from_json(yyjson_val *body, struct arena *arena, struct container_request *ret, struct err *err)
{
	static const char *const masked[] = {
		"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
	};
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };
	struct beside beside;
	yyjson_val *host = yyjson_obj_get(body, "HostConfig");

	memset(ret, 0, sizeof *ret);
	if (shape_from_json(&container_config_shape, body, arena, &ret->config, err) < 0 ||
	    shape_from_json(&beside_shape, body, arena, &beside, err) < 0 ||
	    take_networks(&beside.networking, arena, &beside.host, err) < 0 || take_console_size(host, ret, err) < 0 ||
	    refuse_paths(host, "MaskedPaths", masked, ARRAY_COUNT(masked), err) < 0 ||
	    refuse_paths(host, "ReadonlyPaths", readonly, ARRAY_COUNT(readonly), err) < 0)
		return -1;
	ret->host = beside.host;
	return 0;
}
