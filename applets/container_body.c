#include "applets/container_body.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/container_flag.h"
#include "applets/mount_flag.h"
#include "applets/publish_flag.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/panic.h"
#include "os/file.h"

int container_body_streams(const struct container_flags *flags, struct container_streams *ret, struct err *err)
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

static int add_values(yyjson_mut_doc *doc, const char *path, const struct strlist *texts, container_flag_fn *parse, struct err *err)
{
	yyjson_mut_val *value;

	for (size_t i = 0; i < texts->count; i++) {
		if (parse(texts->items[i], doc, &value, err) < 0)
			return -1;
		yyjson_mut_arr_append(spec_array(doc, path), value);
	}
	return 0;
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
	if (add_values(doc, "HostConfig.Mounts", &flags->mounts, mount_flag_parse, err) < 0)
		return -1;
	for (size_t i = 0; i < flags->tmpfs.count; i++) {
		const char *text = flags->tmpfs.items[i];
		size_t length = strcspn(text, ":");
		CLEANUP(str_freep) char *target = str_printf("%.*s", (int)length, text);

		spec_put(doc, "HostConfig.Tmpfs", target, text[length] ? text + length + 1 : "");
	}
	if (add_values(doc, "HostConfig.Devices", &flags->devices, container_flag_device, err) < 0)
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
		if (publish_flag_parse_exposed(flags->expose.items[i], doc, err) < 0)
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
	if (add_values(doc, "HostConfig.Ulimits", &flags->ulimits, container_flag_ulimit, err) < 0)
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

int container_body_update(const struct container_flags *flags, yyjson_mut_doc *doc, struct err *err)
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

int container_body_make(const struct container_flags *flags, const struct container_streams *streams, char *const *words,
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
