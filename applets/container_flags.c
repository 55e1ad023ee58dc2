#include "applets/container_flags.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/mount_flag.h"
#include "applets/service_flags.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/panic.h"
#include "base/units.h"
#include "os/file.h"

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

/* Trust in content that somebody signed is what we have not; to be told not to ask for it is no wish. */
static int take_no_trust(void *args UNUSED, const struct option *option, const char *value, struct err *err)
{
	return str_eq(value, "true") ? 0 : err_set(err, ERR_UNSUPPORTED, "--%s=false is not supported by swarmbox yet", option->name);
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
static int check_with(int (*parse)(const char *text, yyjson_mut_doc *doc, struct err *err), const char *value, struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	int result;

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	result = parse(value, doc, err);
	yyjson_mut_doc_free(doc);
	return result;
}

static int add_mount(const char *text, yyjson_mut_doc *doc, struct err *err)
{
	yyjson_mut_val *mount;

	if (mount_flag_parse(text, doc, &mount, err) < 0)
		return -1;
	yyjson_mut_arr_append(spec_array(doc, "HostConfig.Mounts"), mount);
	return 0;
}

static int check_mount(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(add_mount, value, err);
}

static int add_ulimit(const char *text, yyjson_mut_doc *doc, struct err *err)
{
	const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;
	CLEANUP(str_freep) char *soft_text = equals ? str_printf("%.*s", (int)(colon ? colon - equals - 1 : (long)strlen(equals + 1)), equals + 1) :
						      NULL;
	int64_t soft, hard;
	yyjson_mut_val *item;

	if (!equals || equals == text)
		return err_set(err, ERR_INVALID, "invalid ulimit argument: %s", text);
	if (str_to_i64(soft_text, &soft) < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", soft_text);
	hard = soft;
	if (colon && str_to_i64(colon + 1, &hard) < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", colon + 1);
	if (hard >= 0 && (soft > hard || soft < 0))
		return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard limit: %lld > %lld", (long long)soft,
			       (long long)hard);
	item = yyjson_mut_arr_add_obj(doc, spec_array(doc, "HostConfig.Ulimits"));
	yyjson_mut_obj_add_strncpy(doc, item, "Name", text, (size_t)(equals - text));
	yyjson_mut_obj_add_sint(doc, item, "Hard", hard);
	yyjson_mut_obj_add_sint(doc, item, "Soft", soft);
	return 0;
}

static int check_ulimit(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(add_ulimit, value, err);
}

static bool is_access(const char *text)
{
	return *text && text[strspn(text, "rwm")] == '\0';
}

/* "/dev/x[:/dev/y][:rwm]" */
static int add_device(const char *text, yyjson_mut_doc *doc, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist parts = str_split(text, ':');
	const char *path = parts.items[0], *access = "rwm";
	yyjson_mut_val *item;

	if (parts.count > 3 || !*parts.items[0])
		return err_set(err, ERR_INVALID, "invalid device specification: %s", text);
	if (parts.count > 1 && (parts.count == 3 || !is_access(parts.items[1])))
		path = parts.items[1];
	else if (parts.count > 1)
		access = parts.items[1];
	if (parts.count == 3)
		access = parts.items[2];
	if (!is_access(access))
		return err_set(err, ERR_INVALID, "invalid device specification: %s", text);
	item = yyjson_mut_arr_add_obj(doc, spec_array(doc, "HostConfig.Devices"));
	yyjson_mut_obj_add_strcpy(doc, item, "PathOnHost", parts.items[0]);
	yyjson_mut_obj_add_strcpy(doc, item, "PathInContainer", path);
	yyjson_mut_obj_add_strcpy(doc, item, "CgroupPermissions", access);
	return 0;
}

static int check_device(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	return check_with(add_device, value, err);
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
	OPT_SWITCH(0, "disable-content-trust", "Do not ask for signatures (default true)", take_no_trust),                             \
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

int container_flags_streams(const struct container_flags *flags, struct container_streams *ret, struct err *err)
{
	*ret = (struct container_streams){ 0 };
	if (flags->detach && flags->attach.count)
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both --attach and --detach");
	if (flags->detach)
		return 0;
	if (!flags->attach.count) {
		*ret = (struct container_streams){ flags->interactive, true, true };
		return 0;
	}
	for (size_t i = 0; i < flags->attach.count; i++) {
		ret->in |= str_eq_nocase(flags->attach.items[i], "stdin");
		ret->out |= str_eq_nocase(flags->attach.items[i], "stdout");
		ret->err |= str_eq_nocase(flags->attach.items[i], "stderr");
	}
	return 0;
}

static void set_str(yyjson_mut_doc *doc, const char *path, const char *value)
{
	if (value)
		spec_set_str(doc, path, value);
}

static void set_int(yyjson_mut_doc *doc, const char *path, const struct option_int *number)
{
	if (number->given)
		spec_set(doc, path, yyjson_mut_sint(doc, number->value));
}

static void set_bool(yyjson_mut_doc *doc, const char *path, bool value)
{
	if (value)
		spec_set(doc, path, yyjson_mut_bool(doc, true));
}

static void set_list(yyjson_mut_doc *doc, const char *path, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, path), list->items[i]);
}

/* "key=value", the value empty when there is none. */
static int put_pairs(yyjson_mut_doc *doc, const char *path, const struct strlist *pairs, bool needs_value, const char *flag, struct err *err)
{
	for (size_t i = 0; i < pairs->count; i++) {
		const char *pair = pairs->items[i], *equals = strchr(pair, '=');
		CLEANUP(str_freep) char *key = str_printf("%.*s", (int)(equals ? equals - pair : (long)strlen(pair)), pair);

		if (!*key || (needs_value && !equals))
			return err_set(err, ERR_INVALID, "invalid argument \"%s\" for --%s: expected KEY=VALUE", pair, flag);
		spec_put(doc, path, key, equals ? equals + 1 : "");
	}
	return 0;
}

static int set_environment(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist all = { 0 };

	for (size_t i = 0; i < flags->env_files.count; i++)
		if (words_env_file(flags->env_files.items[i], &all, err) < 0)
			return -1;
	for (size_t i = 0; i < flags->env.count; i++)
		words_env(flags->env.items[i], &all);
	set_list(doc, "Env", &all);
	return 0;
}

static int set_labels(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist all = { 0 };

	for (size_t i = 0; i < flags->label_files.count; i++)
		if (words_env_file(flags->label_files.items[i], &all, err) < 0)
			return -1;
	for (size_t i = 0; i < flags->labels.count; i++)
		strlist_add(&all, flags->labels.items[i]);
	return put_pairs(doc, "Labels", &all, false, "label", err);
}

/* "./x:/y" is meant against the working folder; "/y" alone is an anonymous volume. */
static void add_volume(yyjson_mut_doc *doc, const char *text)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT;

	if (!strchr(text, ':')) {
		yyjson_mut_obj_put(spec_object(doc, "Volumes"), yyjson_mut_strcpy(doc, text), yyjson_mut_obj(doc));
		return;
	}
	if (text[0] == '.') {
		size_t length = strcspn(text, ":");
		CLEANUP(str_freep) char *cwd = getcwd(NULL, 0);
		CLEANUP(str_freep) char *joined = str_printf("%s/%.*s", cwd ? cwd : "", (int)length, text);
		CLEANUP(str_freep) char *real = realpath(joined, NULL);

		buf_printf(&whole, "%s%s", real ? real : joined, text + length);
	} else {
		buf_add_str(&whole, text);
	}
	yyjson_mut_arr_add_strcpy(doc, spec_array(doc, "HostConfig.Binds"), buf_text(&whole));
}

static int set_places(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	for (size_t i = 0; i < flags->volumes.count; i++)
		add_volume(doc, flags->volumes.items[i]);
	for (size_t i = 0; i < flags->mounts.count; i++)
		if (add_mount(flags->mounts.items[i], doc, err) < 0)
			return -1;
	for (size_t i = 0; i < flags->tmpfs.count; i++) {
		const char *text = flags->tmpfs.items[i];
		size_t length = strcspn(text, ":");
		CLEANUP(str_freep) char *target = str_printf("%.*s", (int)length, text);

		spec_put(doc, "HostConfig.Tmpfs", target, text[length] ? text + length + 1 : "");
	}
	for (size_t i = 0; i < flags->devices.count; i++)
		if (add_device(flags->devices.items[i], doc, err) < 0)
			return -1;
	set_list(doc, "HostConfig.VolumesFrom", &flags->volumes_from);
	set_str(doc, "HostConfig.VolumeDriver", flags->volume_driver);
	return 0;
}

static int set_network(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	if (flags->networks.count > 1)
		return err_set(err, ERR_UNSUPPORTED, "a second --network is not supported by swarmbox yet");
	if (flags->networks.count && strchr(flags->networks.items[0], '='))
		return err_set(err, ERR_UNSUPPORTED, "--network with options (%s) is not supported by swarmbox yet", flags->networks.items[0]);
	if (flags->networks.count)
		spec_set_str(doc, "HostConfig.NetworkMode", flags->networks.items[0]);
	for (size_t i = 0; i < flags->publish.count; i++)
		if (publish_flag_parse(flags->publish.items[i], doc, err) < 0)
			return -1;
	for (size_t i = 0; i < flags->expose.count; i++)
		if (expose_flag_parse(flags->expose.items[i], doc, err) < 0)
			return -1;
	set_bool(doc, "HostConfig.PublishAllPorts", flags->publish_all);
	set_list(doc, "HostConfig.ExtraHosts", &flags->add_host);
	set_list(doc, "HostConfig.Dns", &flags->dns);
	set_list(doc, "HostConfig.DnsOptions", &flags->dns_option);
	set_list(doc, "HostConfig.DnsSearch", &flags->dns_search);
	return 0;
}

/* "on-failure:3" */
static int set_restart(const struct container_flags *flags, const char *member, yyjson_mut_doc *doc, struct err *err)
{
	const char *colon = flags->restart ? strchr(flags->restart, ':') : NULL;
	uint64_t retries = 0;
	yyjson_mut_val *policy;

	if (!flags->restart)
		return 0;
	if (flags->rm && !str_eq(flags->restart, "no"))
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both --restart and --rm");
	if (colon == flags->restart)
		return err_set(err, ERR_INVALID, "invalid restart policy format: no policy provided before colon");
	if (colon && str_to_u64(colon + 1, &retries) < 0)
		return err_set(err, ERR_INVALID, "invalid restart policy format: maximum retry count must be an integer");
	policy = yyjson_mut_obj(doc);           /* spec_edit would fill in what a service's has */
	yyjson_mut_obj_add_strncpy(doc, policy, "Name", flags->restart, colon ? (size_t)(colon - flags->restart) : strlen(flags->restart));
	yyjson_mut_obj_add_uint(doc, policy, "MaximumRetryCount", retries);
	spec_set(doc, member, policy);
	return 0;
}

static int set_health(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	bool has_times = flags->health_interval.given || flags->health_timeout.given || flags->health_start_period.given ||
			 flags->health_start_interval.given || flags->health_retries.given;

	if (flags->no_healthcheck && (flags->health_cmd || has_times))
		return err_set(err, ERR_INVALID, "--no-healthcheck conflicts with --health-* options");
	if (flags->no_healthcheck) {
		yyjson_mut_arr_add_str(doc, spec_array(doc, "Healthcheck.Test"), "NONE");
	} else if (flags->health_cmd) {
		yyjson_mut_arr_add_str(doc, spec_array(doc, "Healthcheck.Test"), "CMD-SHELL");
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, "Healthcheck.Test"), flags->health_cmd);
	}
	set_int(doc, "Healthcheck.Interval", &flags->health_interval);
	set_int(doc, "Healthcheck.Timeout", &flags->health_timeout);
	set_int(doc, "Healthcheck.StartPeriod", &flags->health_start_period);
	set_int(doc, "Healthcheck.StartInterval", &flags->health_start_interval);
	set_int(doc, "Healthcheck.Retries", &flags->health_retries);
	return 0;
}

static int set_limits(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	set_int(doc, "HostConfig.Memory", &flags->memory);
	set_int(doc, "HostConfig.MemorySwap", &flags->memory_swap);
	set_int(doc, "HostConfig.NanoCpus", &flags->nano_cpus);
	set_int(doc, "HostConfig.CpuPeriod", &flags->cpu_period);
	set_int(doc, "HostConfig.CpuQuota", &flags->cpu_quota);
	set_int(doc, "HostConfig.PidsLimit", &flags->pids_limit);
	set_int(doc, "HostConfig.ShmSize", &flags->shm_size);
	set_int(doc, "HostConfig.OomScoreAdj", &flags->oom_score_adj);
	for (size_t i = 0; i < flags->ulimits.count; i++)
		if (add_ulimit(flags->ulimits.items[i], doc, err) < 0)
			return -1;
	return put_pairs(doc, "HostConfig.Sysctls", &flags->sysctl, true, "sysctl", err);
}

/* A profile is read here and sent whole, as docker's client does it. */
static int read_profile(const char *path, struct strlist *ret, struct err *err)
{
	enum { FILE_MAX = 1 << 20 };
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	yyjson_read_err bad;

	if (file_read(path, FILE_MAX, &text, err) < 0)
		return err_wrap(err, "opening seccomp profile (%s) failed", path);
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)buf_text(&text), text.len, 0, NULL, &bad);
	char *compact = doc ? yyjson_write(doc, 0, NULL) : NULL;

	yyjson_doc_free(doc);
	if (!compact)
		return err_set(err, ERR_INVALID, "compacting json for seccomp profile (%s) failed: %s at byte %zu", path, bad.msg, bad.pos);
	strlist_add_printf(ret, "seccomp=%s", compact);
	free(compact);
	return 0;
}

static int set_security(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist all = { 0 };

	for (size_t i = 0; i < flags->security_opt.count; i++) {
		const char *option = flags->security_opt.items[i];
		bool is_seccomp = str_starts(option, "seccomp=") || str_starts(option, "seccomp:");

		if (!is_seccomp || str_eq(option + 8, "unconfined") || str_eq(option + 8, "builtin") || !option[8])
			strlist_add(&all, option);
		else if (read_profile(option + 8, &all, err) < 0)
			return -1;
	}
	set_list(doc, "HostConfig.SecurityOpt", &all);
	return 0;
}

static int set_rights(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	set_list(doc, "HostConfig.CapAdd", &flags->cap_add);
	set_list(doc, "HostConfig.CapDrop", &flags->cap_drop);
	set_list(doc, "HostConfig.GroupAdd", &flags->group_add);
	set_bool(doc, "HostConfig.Privileged", flags->privileged);
	set_bool(doc, "HostConfig.ReadonlyRootfs", flags->read_only);
	set_str(doc, "HostConfig.CgroupnsMode", flags->cgroupns);
	set_str(doc, "HostConfig.IpcMode", flags->ipc);
	set_str(doc, "HostConfig.UsernsMode", flags->userns);
	set_str(doc, "HostConfig.Runtime", flags->runtime);
	set_str(doc, "HostConfig.Isolation", flags->isolation);
	set_str(doc, "HostConfig.LogConfig.Type", flags->log_driver);
	if (set_security(flags, doc, err) < 0)
		return -1;
	return put_pairs(doc, "HostConfig.LogConfig.Config", &flags->log_opt, true, "log-opt", err);
}

static void set_process(const struct container_flags *flags, const struct container_streams *streams, char *const *words, yyjson_mut_doc *doc)
{
	set_str(doc, "Hostname", flags->hostname);
	set_str(doc, "Domainname", flags->domainname);
	set_str(doc, "User", flags->user);
	set_str(doc, "WorkingDir", flags->workdir);
	set_str(doc, "StopSignal", flags->stop_signal);
	set_int(doc, "StopTimeout", &flags->stop_timeout);
	set_bool(doc, "AttachStdin", streams->in);
	set_bool(doc, "AttachStdout", streams->out);
	set_bool(doc, "AttachStderr", streams->err);
	set_bool(doc, "Tty", flags->tty);
	set_bool(doc, "OpenStdin", flags->interactive);
	set_bool(doc, "StdinOnce", flags->interactive && streams->in);
	if (flags->has_init)
		spec_set(doc, "HostConfig.Init", yyjson_mut_bool(doc, flags->init));
	if (flags->entrypoint)
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, "Entrypoint"), flags->entrypoint);
	for (char *const *word = words + 1; *word; word++)
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, "Cmd"), *word);
	spec_set_str(doc, "Image", words[0]);
	set_bool(doc, "HostConfig.AutoRemove", flags->rm);
	set_str(doc, "HostConfig.ContainerIDFile", flags->cidfile);
}

int container_flags_update(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	set_int(doc, "Memory", &flags->memory);
	set_int(doc, "MemorySwap", &flags->memory_swap);
	set_int(doc, "NanoCpus", &flags->nano_cpus);
	set_int(doc, "CpuPeriod", &flags->cpu_period);
	set_int(doc, "CpuQuota", &flags->cpu_quota);
	set_int(doc, "PidsLimit", &flags->pids_limit);
	if (set_restart(flags, "RestartPolicy", doc, err) < 0)
		return -1;
	return yyjson_mut_obj_size(yyjson_mut_doc_get_root(doc)) ? 0 :
	       err_set(err, ERR_INVALID, "you must provide one or more flags when using this command");
}

int container_flags_body(const struct container_flags *flags, const struct container_streams *streams, char *const *words,
			 yyjson_mut_doc *doc, struct err *err)
{
	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	set_process(flags, streams, words, doc);
	if (set_environment(flags, doc, err) < 0 || set_labels(flags, doc, err) < 0 || set_places(flags, doc, err) < 0 ||
	    set_network(flags, doc, err) < 0 || set_restart(flags, "HostConfig.RestartPolicy", doc, err) < 0 || set_health(flags, doc, err) < 0 ||
	    set_limits(flags, doc, err) < 0)
		return -1;
	return set_rights(flags, doc, err);
}
