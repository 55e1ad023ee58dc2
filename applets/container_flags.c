#include "applets/container_flags.h"

#include "applets/container_flag.h"
#include "applets/mount_flag.h"
#include "applets/registry_pull.h"
#include "base/units.h"

/* ---- values checked when they are read, so that a wrong one is answered as docker answers it ----------------------- */

typedef int number_fn(const char *text, int64_t *ret, struct err *err);

static int take_number(void *args, const struct option *option, const char *value, number_fn *parse, struct err *err)
{
	struct option_int *number = (void *)((char *)args + option->offset);

	if (parse(value, &number->value, err) < 0)
		return -1;
	number->given = true;
	return 0;
}

static int take_bytes(void *args, const struct option *option, const char *value, struct err *err)
{
	return take_number(args, option, value, units_parse_bytes, err);
}

static int parse_swap(const char *text, int64_t *ret, struct err *err)
{
	if (!str_eq(text, "-1"))
		return units_parse_bytes(text, ret, err);
	*ret = -1;
	return 0;
}

static int take_swap(void *args, const struct option *option, const char *value, struct err *err)
{
	return take_number(args, option, value, parse_swap, err);
}

static int take_cpus(void *args, const struct option *option, const char *value, struct err *err)
{
	return take_number(args, option, value, units_parse_cpus, err);
}

static int take_duration(void *args, const struct option *option, const char *value, struct err *err)
{
	return take_number(args, option, value, units_parse_duration, err);
}

static int take_init(void *args, const struct option *option UNUSED, const char *value, struct err *err UNUSED)
{
	struct container_flags *flags = args;

	flags->has_init = true;
	flags->init = str_eq(value, "true");
	return 0;
}

static int take_sig_proxy(void *args, const struct option *option UNUSED, const char *value, struct err *err UNUSED)
{
	((struct container_flags *)args)->no_sig_proxy = str_eq(value, "false");
	return 0;
}

static int check_stream(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	static const char *const streams[] = { "stdin", "stdout", "stderr" };

	for (size_t i = 0; i < ARRAY_COUNT(streams); i++)
		if (str_eq_nocase(streams[i], value))
			return 0;
	return err_set(err, ERR_INVALID, "valid streams are STDIN, STDOUT and STDERR");
}

/* Checked with a document to throw away. */
static int check_with(container_flag_fn *parse, const char *value, struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *ignored;
	int result = parse(value, doc, &ignored, err);

	yyjson_mut_doc_free(doc);
	return result;
}

static int check_mount(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(mount_flag_parse, value, err);
}

static int check_ulimit(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(container_flag_ulimit, value, err);
}

static int check_device(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(container_flag_device, value, err);
}

/* ---- the table ---------------------------------------------------------------------------------------------------- */

#define F struct container_flags
#define OPT_PARSED(field, letter, name, type, help, fn) \
	{ OPTION_TAKE, letter, name, type, help, OPTION_AT(F, field, struct option_int), fn, NULL }
#define OPT_CHECKED(field, letter, name, type, help, fn) \
	{ OPTION_LIST, letter, name, type, help, OPTION_AT(F, field, struct strlist), fn, NULL }
#define OPT_SWITCH(letter, name, help, fn) { OPTION_TAKE_BOOL, letter, name, "", help, 0, fn, NULL }

#define CREATE_OPTIONS                                                                                                                 \
	OPT_LIST(F, add_host, 0, "add-host", "list", "Name and address for the container's hosts file (host:ip)"),                      \
	OPT_CHECKED(attach, 'a', "attach", "list", "Attach to STDIN, STDOUT or STDERR", check_stream),                                 \
	OPT_LIST(F, cap_add, 0, "cap-add", "list", "Add Linux capabilities"),                                                          \
	OPT_LIST(F, cap_drop, 0, "cap-drop", "list", "Drop Linux capabilities"),                                                       \
	OPT_STRING(F, cgroupns, 0, "cgroupns", "string", "Cgroup namespace: only 'private' is there"),                                  \
	OPT_STRING(F, cidfile, 0, "cidfile", "string", "File to write the container's ID to"),                                         \
	OPT_INT(F, cpu_period, 0, "cpu-period", "Period of the CPU quota in microseconds"),                                            \
	OPT_INT(F, cpu_quota, 0, "cpu-quota", "Microseconds of CPU time in each period"),                                              \
	OPT_PARSED(nano_cpus, 0, "cpus", "decimal", "Processors it may use at most, such as 1.5", take_cpus),                          \
	OPT_CHECKED(devices, 0, "device", "list", "Device of the host, /dev/x[:/dev/y][:rwm]", check_device),                          \
	OPT_SWITCH(0, "disable-content-trust", "Do not ask for signatures (default true)", registry_pull_take_no_trust),                             \
	OPT_LIST(F, dns, 0, "dns", "list", "DNS server"),                                                                              \
	OPT_LIST(F, dns_option, 0, "dns-option", "list", "DNS option"),                                                                \
	OPT_LIST(F, dns_search, 0, "dns-search", "list", "DNS search domain"),                                                         \
	OPT_STRING(F, domainname, 0, "domainname", "string", "NIS domain name"),                                                       \
	OPT_STRING(F, entrypoint, 0, "entrypoint", "string", "Takes the place of the image's entrypoint"),                             \
	OPT_LIST(F, env, 'e', "env", "list", "Environment variable, NAME=VALUE or NAME"),                                              \
	OPT_LIST(F, env_files, 0, "env-file", "list", "File with environment variables, one a line"),                                  \
	OPT_LIST(F, expose, 0, "expose", "list", "Port or range that it listens at"),                                                  \
	OPT_LIST(F, group_add, 0, "group-add", "list", "One more group to be in"),                                                     \
	OPT_STRING(F, health_cmd, 0, "health-cmd", "string", "Command that checks its health"),                                        \
	OPT_PARSED(health_interval, 0, "health-interval", "duration", "Time between two checks (ms|s|m|h)", take_duration),            \
	OPT_INT(F, health_retries, 0, "health-retries", "Failures in a row that make it unhealthy"),                                   \
	OPT_PARSED(health_start_interval, 0, "health-start-interval", "duration", "Time between checks while it starts", take_duration), \
	OPT_PARSED(health_start_period, 0, "health-start-period", "duration", "Time to start in, failures do not count", take_duration), \
	OPT_PARSED(health_timeout, 0, "health-timeout", "duration", "Time one check may take", take_duration),                         \
	OPT_STRING(F, hostname, 'h', "hostname", "string", "Host name"),                                                               \
	OPT_SWITCH(0, "init", "Run an init that forwards signals and reaps processes", take_init),                                     \
	OPT_BOOL(F, interactive, 'i', "interactive", "Keep STDIN open even if not attached"),                                          \
	OPT_STRING(F, ipc, 0, "ipc", "string", "IPC namespace: only 'private' is there"),                                              \
	OPT_STRING(F, isolation, 0, "isolation", "string", "Isolation: only 'default' is there"),                                      \
	OPT_LIST(F, labels, 'l', "label", "list", "Label of the container"),                                                           \
	OPT_LIST(F, label_files, 0, "label-file", "list", "File with labels, one a line"),                                             \
	OPT_STRING(F, log_driver, 0, "log-driver", "string", "Log driver, json-file or none"),                                         \
	OPT_LIST(F, log_opt, 0, "log-opt", "list", "Option of the log driver"),                                                        \
	OPT_PARSED(memory, 'm', "memory", "bytes", "Memory it may use at most", take_bytes),                                           \
	OPT_PARSED(memory_swap, 0, "memory-swap", "bytes", "Memory and swap together; -1: unlimited swap", take_swap),                 \
	OPT_CHECKED(mounts, 0, "mount", "mount", "Mount: type=bind (or volume, tmpfs), source=, target=, readonly", check_mount),      \
	OPT_STRING(F, name, 0, "name", "string", "Name of the container"),                                                             \
	OPT_LIST(F, networks, 0, "network", "network", "Network: bridge, host or none"),                                               \
	OPT_LIST(F, networks, 0, "net", "network", NULL),                                                                              \
	OPT_BOOL(F, no_healthcheck, 0, "no-healthcheck", "No health checks, whatever the image says"),                                 \
	OPT_INT(F, oom_score_adj, 0, "oom-score-adj", "How ready the kernel is to kill it when memory is short (-1000 to 1000)"),      \
	OPT_INT(F, pids_limit, 0, "pids-limit", "Processes it may have at most (-1 for unlimited)"),                                   \
	OPT_STRING(F, platform, 0, "platform", "string", "Platform that the image must be for"),                                       \
	OPT_BOOL(F, privileged, 0, "privileged", "Give it all privileges on this host"),                                               \
	OPT_LIST(F, publish, 'p', "publish", "list", "Publish a port, [HOST:]CONTAINER[/udp]"),                                        \
	OPT_BOOL(F, publish_all, 'P', "publish-all", "Publish all exposed ports at free ones of the host"),                            \
	OPT_STRING(F, pull, 0, "pull", "string", "Pull the image (\"always\", \"missing\", \"never\") (default \"missing\")"),         \
	OPT_BOOL(F, quiet, 'q', "quiet", "Say nothing while pulling"),                                                                 \
	OPT_BOOL(F, read_only, 0, "read-only", "Mount its root read-only"),                                                            \
	OPT_STRING(F, restart, 0, "restart", "string",                                                                                 \
		   "When to start it again: no, on-failure[:max], always, unless-stopped (default \"no\")"),                           \
	OPT_BOOL(F, rm, 0, "rm", "Remove it and its anonymous volumes when it ends"),                                                  \
	OPT_STRING(F, runtime, 0, "runtime", "string", "Runtime: only swarmbox's own is there, by the name 'runc'"),                    \
	OPT_LIST(F, security_opt, 0, "security-opt", "list", "no-new-privileges, seccomp=FILE|unconfined"),                                 \
	OPT_PARSED(shm_size, 0, "shm-size", "bytes", "Size of /dev/shm", take_bytes),                                                  \
	OPT_STRING(F, stop_signal, 0, "stop-signal", "string", "Signal that asks it to end"),                                          \
	OPT_INT(F, stop_timeout, 0, "stop-timeout", "Seconds from that signal to the kill"),                                           \
	OPT_LIST(F, sysctl, 0, "sysctl", "list", "Kernel setting of its own"),                                                         \
	OPT_LIST(F, tmpfs, 0, "tmpfs", "list", "Mount a tmpfs folder"),                                                                \
	OPT_BOOL(F, tty, 't', "tty", "Give it a terminal"),                                                                            \
	OPT_CHECKED(ulimits, 0, "ulimit", "list", "Limit, NAME=SOFT[:HARD]", check_ulimit),                                            \
	OPT_STRING(F, user, 'u', "user", "string", "User or uid, and group or gid behind a colon"),                                    \
	OPT_STRING(F, userns, 0, "userns", "string", "User namespace: only 'host' is there"),                                          \
	OPT_LIST(F, volumes, 'v', "volume", "list", "Bind mount or volume, SOURCE:TARGET[:ro]"),                                       \
	OPT_STRING(F, volume_driver, 0, "volume-driver", "string", "Volume driver: only 'local' is there"),                            \
	OPT_LIST(F, volumes_from, 0, "volumes-from", "list", "Container whose volumes to mount"),                                      \
	OPT_STRING(F, workdir, 'w', "workdir", "string", "Folder to start in"),                                                        \
	OPT_UNSUPPORTED(0, "annotation"), OPT_UNSUPPORTED(0, "blkio-weight"), OPT_UNSUPPORTED(0, "blkio-weight-device"),               \
	OPT_UNSUPPORTED(0, "cgroup-parent"), OPT_UNSUPPORTED(0, "cpu-count"), OPT_UNSUPPORTED(0, "cpu-percent"),                       \
	OPT_UNSUPPORTED(0, "cpu-rt-period"), OPT_UNSUPPORTED(0, "cpu-rt-runtime"), OPT_UNSUPPORTED('c', "cpu-shares"),                 \
	OPT_UNSUPPORTED(0, "cpuset-cpus"), OPT_UNSUPPORTED(0, "cpuset-mems"), OPT_UNSUPPORTED(0, "device-cgroup-rule"),                \
	OPT_UNSUPPORTED(0, "device-read-bps"), OPT_UNSUPPORTED(0, "device-read-iops"), OPT_UNSUPPORTED(0, "device-write-bps"),         \
	OPT_UNSUPPORTED(0, "device-write-iops"), OPT_UNSUPPORTED(0, "gpus"), OPT_UNSUPPORTED(0, "io-maxbandwidth"),                    \
	OPT_UNSUPPORTED(0, "io-maxiops"), OPT_UNSUPPORTED(0, "ip"), OPT_UNSUPPORTED(0, "ip6"), OPT_UNSUPPORTED(0, "kernel-memory"),    \
	OPT_UNSUPPORTED(0, "link"), OPT_UNSUPPORTED(0, "link-local-ip"), OPT_UNSUPPORTED(0, "mac-address"),                            \
	OPT_UNSUPPORTED(0, "memory-reservation"), OPT_UNSUPPORTED(0, "memory-swappiness"), OPT_UNSUPPORTED(0, "network-alias"),        \
	OPT_UNSUPPORTED(0, "net-alias"), OPT_UNSUPPORTED(0, "oom-kill-disable"), OPT_UNSUPPORTED(0, "pid"),                            \
	OPT_UNSUPPORTED(0, "storage-opt"), OPT_UNSUPPORTED(0, "use-api-socket"), OPT_UNSUPPORTED(0, "uts")

const struct option container_create_options[] = { CREATE_OPTIONS, OPT_END };
const struct option container_run_options[] = {
	CREATE_OPTIONS,
	OPT_BOOL(F, detach, 'd', "detach", "Let it run in the background, print its ID"),
	OPT_STRING(F, detach_keys, 0, "detach-keys", "string", "Keys that leave it without ending it"),
	OPT_SWITCH(0, "sig-proxy", "Hand signals on to it (default true)", take_sig_proxy),
	OPT_END
};
const struct option container_update_options[] = {
	OPT_INT(F, cpu_period, 0, "cpu-period", "Period of the CPU quota in microseconds"),
	OPT_INT(F, cpu_quota, 0, "cpu-quota", "Microseconds of CPU time in each period"),
	OPT_PARSED(nano_cpus, 0, "cpus", "decimal", "Processors it may use at most, such as 1.5", take_cpus),
	OPT_PARSED(memory, 'm', "memory", "bytes", "Memory it may use at most", take_bytes),
	OPT_PARSED(memory_swap, 0, "memory-swap", "bytes", "Memory and swap together; -1: unlimited swap", take_swap),
	OPT_INT(F, pids_limit, 0, "pids-limit", "Processes it may have at most (-1 for unlimited)"),
	OPT_STRING(F, restart, 0, "restart", "string", "When to start it again: no, on-failure[:max], always, unless-stopped"),
	OPT_UNSUPPORTED(0, "blkio-weight"), OPT_UNSUPPORTED(0, "cpu-rt-period"), OPT_UNSUPPORTED(0, "cpu-rt-runtime"),
	OPT_UNSUPPORTED('c', "cpu-shares"), OPT_UNSUPPORTED(0, "cpuset-cpus"), OPT_UNSUPPORTED(0, "cpuset-mems"),
	OPT_UNSUPPORTED(0, "memory-reservation"),
	OPT_END
};
#undef F

/* ---- the body ----------------------------------------------------------------------------------------------------- */
