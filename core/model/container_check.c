/* container_request_check: the whole request, before anything is made. Order as people would read it: what they run, how, where. */
#include <string.h>

#include "base/signal_name.h"
#include "base/str.h"
#include "model/container_words.h"
#include "model/log_settings.h"
#include "model/validate_parts.h"

enum { MEMORY_MIN_BYTES = 6 << 20, NAME_MAX_LENGTH = 255, CHECK_ARENA_MAX = 64 << 20 };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int container_name_check(const char *name, struct err *err)
{
	bool is_good = is_alnum(name[0]) && name[1];

	for (const char *c = name; *c && is_good; c++)
		is_good = is_alnum(*c) || strchr("_.-", *c);
	if (!is_good)
		return err_set(err, ERR_INVALID, "Invalid container name (%.100s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	if (strlen(name) > NAME_MAX_LENGTH)
		return err_set(err, ERR_INVALID, "Invalid container name (%.40s…), at most %d characters are allowed", name, NAME_MAX_LENGTH);
	return 0;
}

/* A member whose only values that we have are these; others are Docker's, and refused. */
static int only(const char *member, const char *value, const char *const *known, struct err *err)
{
	if (str_is_empty(value))
		return 0;
	for (; *known; known++)
		if (str_eq(*known, value))
			return 0;
	return err_set(err, ERR_UNSUPPORTED, "%s '%.100s' is not supported by swarmbox yet", member, value);
}

static int check_modes(const struct host_config *host, struct err *err)
{
	static const char *const none[] = { NULL }, *const private[] = { "private", NULL }, *const of_host[] = { "host", NULL },
		*const local[] = { "local", NULL }, *const usual[] = { "default", NULL }, *const runtimes[] = { "runc", NULL };

	if (only("HostConfig.PidMode", host->pid_mode, none, err) < 0 || only("HostConfig.IpcMode", host->ipc_mode, private, err) < 0 ||
	    only("HostConfig.UTSMode", host->uts_mode, none, err) < 0 || only("HostConfig.CgroupnsMode", host->cgroupns_mode, private, err) < 0 ||
	    only("HostConfig.VolumeDriver", host->volume_driver, local, err) < 0 || only("HostConfig.Isolation", host->isolation, usual, err) < 0 ||
	    only("HostConfig.Runtime", host->runtime, runtimes, err) < 0)
		return -1;
	return only("HostConfig.UsernsMode", host->userns_mode, of_host, err);  /* user ids of the host are what we have */
}

static int check_network(const struct container_request *request, struct err *err)
{
	const struct host_config *host = &request->host;

	if (str_starts(host->network_mode ? host->network_mode : "", "container:"))
		return err_set(err, ERR_UNSUPPORTED, "HostConfig.NetworkMode '%.100s' is not supported by swarmbox yet", host->network_mode);
	if (!str_is_empty(host->network_mode) && !str_eq(host->network_mode, "default") && predefined_network_find(host->network_mode) < 0)
		return err_set(err, ERR_INVALID, "network %.100s not found", host->network_mode)   /* not 404: clients would pull the image */;
	if (container_network_of(host) == PREDEFINED_HOST && !str_is_empty(request->config.hostname))
		return err_set(err, ERR_INVALID, "conflicting options: hostname and the network mode");
	return 0;
}

enum predefined_network container_network_of(const struct host_config *host)
{
	int found = str_is_empty(host->network_mode) ? -1 : predefined_network_find(host->network_mode);

	return found < 0 ? PREDEFINED_BRIDGE : (enum predefined_network)found;
}

static int check_process(const struct container_config *config, struct err *err)
{
	if (!str_is_empty(config->stop_signal) && signal_parse(config->stop_signal) <= 0)
		return err_set(err, ERR_INVALID, "invalid signal: %.100s", config->stop_signal);
	if (!str_is_empty(config->working_dir) && config->working_dir[0] != '/')
		return err_set(err, ERR_INVALID, "the working directory '%.200s' is invalid, it needs to be an absolute path", config->working_dir);
	if (config->hostname && strlen(config->hostname) > 63)
		return err_set(err, ERR_INVALID, "invalid hostname: %.100s", config->hostname);
	if (config->domainname && strlen(config->domainname) > 64)
		return err_set(err, ERR_INVALID, "invalid domainname: %.100s", config->domainname);
	for (size_t i = 0; i < config->env.count; i++)
		if (!config->env.items[i][0] || config->env.items[i][0] == '=')
			return err_set(err, ERR_INVALID, "invalid environment variable: %.100s", config->env.items[i]);
	return config->health ? validate_health(config->health, "", "Healthcheck", err) : 0;
}

static int check_memory(const struct host_config *host, struct err *err)
{
	if (host->memory_bytes && host->memory_bytes < MEMORY_MIN_BYTES)
		return err_set(err, ERR_INVALID, "Minimum memory limit allowed is 6MB");
	if (host->memory_swap_bytes < -1)
		return err_set(err, ERR_INVALID, "invalid HostConfig.MemorySwap: %lld", (long long)host->memory_swap_bytes);
	if (host->memory_swap_bytes > 0 && host->memory_bytes == 0)
		return err_set(err, ERR_INVALID, "You should always set the Memory limit when using Memoryswap limit, see usage");
	if (host->memory_swap_bytes > 0 && host->memory_swap_bytes < host->memory_bytes)
		return err_set(err, ERR_INVALID, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (host->memory_swappiness.is_set && host->memory_swappiness.value != -1)
		return err_set(err, ERR_UNSUPPORTED, "HostConfig.MemorySwappiness is not supported by swarmbox yet");
	return host->shm_size_bytes < 0 ? err_set(err, ERR_INVALID, "SHM size can not be less than 0") : 0;
}

static int check_cpu(const struct host_config *host, struct err *err)
{
	if (host->nano_cpus < 0)
		return err_set(err, ERR_INVALID, "Range of CPUs is from 0.01: %lld is negative", (long long)host->nano_cpus);
	if (host->nano_cpus && host->cpu_period_us)
		return err_set(err, ERR_INVALID, "Conflicting options: Nano CPUs and CPU Period cannot both be set.");
	if (host->nano_cpus && host->cpu_quota_us)
		return err_set(err, ERR_INVALID, "Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
	if (host->cpu_period_us && (host->cpu_period_us < 1000 || host->cpu_period_us > 1000000))
		return err_set(err, ERR_INVALID, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
	if (host->cpu_quota_us > 0 && host->cpu_quota_us < 1000)
		return err_set(err, ERR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

static int check_lists(const struct container_request *request, struct err *err)
{
	const struct host_config *host = &request->host;
	const struct dns_config dns = { host->dns, host->dns_search, host->dns_options };
	bool is_on_host = container_network_of(host) == PREDEFINED_HOST;

	if (validate_ulimits(host->ulimits.items, host->ulimits.count, err) < 0 || validate_sysctls(&host->sysctls, is_on_host, err) < 0 ||
	    validate_caps(&host->cap_add, &host->cap_drop, err) < 0 || validate_dns(&dns, err) < 0 ||
	    validate_oom_score(host->oom_score_adj, err) < 0)
		return -1;
	return validate_groups(&host->group_add, err);
}

static int check_devices(const struct host_config *host, struct err *err)
{
	for (size_t i = 0; i < host->devices.count; i++) {
		const struct device_mapping *device = &host->devices.items[i];
		const char *access = device->permissions ? device->permissions : "";

		if (str_is_empty(device->host_path) || device->host_path[0] != '/')
			return err_set(err, ERR_INVALID, "error gathering device information while adding custom device \"%.100s\": not a path",
				       device->host_path ? device->host_path : "");
		if (device->path && device->path[0] != '/')
			return err_set(err, ERR_INVALID, "%.100s is not an absolute path", device->path);
		if (access[strspn(access, "rwm")])
			return err_set(err, ERR_INVALID, "invalid device mode: %.20s", access);
	}
	return 0;
}

int container_restart_check(const struct container_restart_policy *policy, struct err *err)
{
	enum container_restart restart = container_restart_parse(policy->name);

	if (restart == CONTAINER_RESTART_UNKNOWN)
		return err_set(err, ERR_INVALID, "invalid restart policy: unknown policy '%.100s'; use one of 'no', 'always', 'on-failure', or "
			       "'unless-stopped'", policy->name);
	if (policy->max_retries < 0)
		return err_set(err, ERR_INVALID, "invalid restart policy: maximum retry count cannot be negative");
	if (policy->max_retries && restart != CONTAINER_RESTART_ON_FAILURE)
		return err_set(err, ERR_INVALID, "invalid restart policy: maximum retry count can only be used with 'on-failure'");
	return 0;
}

static int check_life(const struct host_config *host, struct err *err)
{
	if (container_restart_check(&host->restart, err) < 0)
		return -1;
	if (host->auto_remove && container_restart_parse(host->restart.name) != CONTAINER_RESTART_NO)
		return err_set(err, ERR_INVALID, "can't create 'AutoRemove' container with restart policy");
	return 0;
}

/* Words that are parsed again when the container is planned: a wrong one must be found now. */
static int check_words(const struct container_request *request, struct arena *arena, struct err *err)
{
	const struct host_config *host = &request->host;
	struct container_port *ports;
	struct security_words security;
	struct log_settings log;
	size_t count;

	for (size_t i = 0; i < host->extra_hosts.count; i++) {
		char *entry = container_host_entry(host->extra_hosts.items[i], arena, err);
		char *names = entry ? strchr(entry, ' ') : NULL;

		if (!names)
			return -1;
		*names++ = '\0';
		if (validate_host_entry(entry, names, err) < 0)
			return -1;
	}
	if (log_settings_read(&host->log, &log, err) < 0 || security_words_parse(&host->security_opt, &security, err) < 0)
		return -1;
	return container_ports(&request->config, host, arena, &ports, &count, err);
}

static int add_target(struct str_array *targets, const char *target, const char *kind, struct err *err)
{
	if (str_is_empty(target) || target[0] != '/')
		return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": invalid mount path: '%.200s' mount path must be absolute", kind,
			       target ? target : "");
	if (str_array_has(targets, target))
		return err_set(err, ERR_INVALID, "Duplicate mount point: %.200s", target);
	targets->items[targets->count++] = (char *)(uintptr_t)target;
	return 0;
}

static int check_mount(const struct mount *mount, struct err *err)
{
	static const char *const kinds[] = { [MOUNT_BIND] = "bind", [MOUNT_VOLUME] = "volume", [MOUNT_TMPFS] = "tmpfs" };
	const char *kind = kinds[mount->type];

	if (mount->type == MOUNT_BIND && str_is_empty(mount->source))
		return err_set(err, ERR_INVALID, "invalid mount config for type \"bind\": field Source must not be empty");
	if (mount->type == MOUNT_BIND && mount->source[0] != '/')
		return err_set(err, ERR_INVALID, "invalid mount config for type \"bind\": invalid mount path: '%.200s' mount path must be absolute",
			       mount->source);
	if (mount->type == MOUNT_TMPFS && !str_is_empty(mount->source))
		return err_set(err, ERR_INVALID, "invalid mount config for type \"tmpfs\": field Source must not be specified");
	if (mount->target && mount->target[0] == '/' && mount->target[strspn(mount->target, "/")] == '\0')
		return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": invalid specification: destination can't be '/'", kind);
	if ((mount->bind && mount->type != MOUNT_BIND) || (mount->volume && mount->type != MOUNT_VOLUME) ||
	    (mount->tmpfs && mount->type != MOUNT_TMPFS))
		return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": field %s must not be specified", kind,
			       mount->bind && mount->type != MOUNT_BIND ? "BindOptions" :
			       mount->volume && mount->type != MOUNT_VOLUME ? "VolumeOptions" : "TmpfsOptions");
	if (mount->volume && mount->volume->subpath && (str_is_empty(mount->source) || !path_is_local(mount->volume->subpath)))
		return err_set(err, ERR_INVALID, "invalid mount config for type \"volume\": %s", str_is_empty(mount->source) ?
			       "must not set Subpath when using anonymous volumes" :
			       "subpath must be a relative path within the volume");
	return 0;
}

/* Every target once; a VOLUME that something is mounted on makes no volume of its own. */
static int check_mounts(const struct container_request *request, struct arena *arena, struct err *err)
{
	const struct host_config *host = &request->host;
	struct str_array targets = { ARENA_ARRAY(arena, char *, host->binds.count + host->mounts.count + host->tmpfs.count), 0 };

	for (size_t i = 0; i < host->binds.count; i++) {
		struct mount *mount = ARENA_NEW(arena, struct mount);

		if (container_bind_parse(host->binds.items[i], arena, mount, err) < 0 || add_target(&targets, mount->target, "bind", err) < 0)
			return -1;
	}
	for (size_t i = 0; i < host->mounts.count; i++)
		if (check_mount(&host->mounts.items[i], err) < 0 || add_target(&targets, host->mounts.items[i].target, "mount", err) < 0)
			return -1;
	for (size_t i = 0; i < host->tmpfs.count; i++)
		if (add_target(&targets, host->tmpfs.items[i].key, "tmpfs", err) < 0)
			return -1;
	for (size_t i = 0; i < request->config.volumes.count; i++)
		if (request->config.volumes.items[i].name[0] != '/')
			return err_set(err, ERR_INVALID, "invalid volume specification: '%.200s'", request->config.volumes.items[i].name);
	return 0;
}

int container_request_check(const struct container_request *request, struct err *err)
{
	struct arena arena;
	int rc;

	arena_init(&arena, "container check", CHECK_ARENA_MAX);
	rc = check_process(&request->config, err) < 0 || check_modes(&request->host, err) < 0 || check_network(request, err) < 0 ||
	     check_memory(&request->host, err) < 0 || check_cpu(&request->host, err) < 0 || check_lists(request, err) < 0 ||
	     check_devices(&request->host, err) < 0 || check_life(&request->host, err) < 0 || check_words(request, &arena, err) < 0 ||
	     check_mounts(request, &arena, err) < 0 ? -1 : 0;
	arena_fini(&arena);
	return rc;
}
