/* container_flags.h - the flags of `run`, `create` and `container update`: what each is called, takes and is checked for.
 *
 * Pure. What Docker has and one host of ours cannot do is refused by its name. What the flags make of a call: container_body.h.
 */
#pragma once
#include "applets/option.h"

struct container_flags {
	struct strlist add_host, attach, cap_add, cap_drop, devices, dns, dns_option, dns_search, env, env_files, expose, group_add, labels,
		label_files, log_opt, mounts, networks, publish, security_opt, sysctl, tmpfs, ulimits, volumes, volumes_from;
	const char *cgroupns, *cidfile, *domainname, *entrypoint, *health_cmd, *hostname, *ipc, *isolation, *log_driver, *name, *platform, *pull,
		*restart, *runtime, *stop_signal, *user, *userns, *volume_driver, *workdir;
	struct option_int cpu_period, cpu_quota, nano_cpus, health_interval, health_retries, health_start_interval, health_start_period,
		health_timeout, memory, memory_swap, oom_score_adj, pids_limit, shm_size, stop_timeout;
	bool init, has_init, interactive, no_healthcheck, privileged, publish_all, quiet, read_only, rm, tty;
	/* run alone */
	bool detach, no_sig_proxy;
	const char *detach_keys;
};
extern const struct option container_run_options[], container_create_options[], container_update_options[];
