/* container_flags.h - the flags of `run` and `create`: one table, and the body of the create call that they make.
 *
 * Pure but for the files that --env-file and --label-file name, and the working folder that "-v ./x:/y" is meant against. What Docker has
 * and one host of ours cannot do is refused by its name.
 */
#pragma once
#include <yyjson.h>

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

/* Which streams the client wants: by -a, else output and, with -i, input; none with -d. */
struct container_streams { bool in, out, err; };
int container_flags_streams(const struct container_flags *flags, struct container_streams *ret, struct err *err);
/* The whole body; words[0] is the image, what follows is its command. */
int container_flags_body(const struct container_flags *flags, const struct container_streams *streams, char *const *words,
			 yyjson_mut_doc *doc, struct err *err);

/* The body of the update call. */
int container_flags_update(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err);

/* "[ip:][host:]container[/protocol]" with ranges, or published=,target=,protocol=: into ExposedPorts and HostConfig.PortBindings of doc. */
int publish_flag_parse(const char *text, yyjson_mut_doc *doc, struct err *err);
/* "80", "80-90/udp": into ExposedPorts. */
int expose_flag_parse(const char *text, yyjson_mut_doc *doc, struct err *err);
