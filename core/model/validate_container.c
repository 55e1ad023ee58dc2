#include "model/validate_container.h"

#include <string.h>

#include "base/signal_name.h"
#include "base/str.h"
#include "model/image_ref.h"
#include "model/validate.h"
#include "model/validate_parts.h"
#include "model/volume_options.h"

#define REFUSED "rpc error: code = InvalidArgument desc = "
enum { HOSTNAME_MAX = 64 };     /* sethostname(2) */

static int check_image(const char *image, struct err *err)
{
	struct image_ref reference;
	struct err reason;

	if (str_is_empty(image))
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: image reference must be provided");
	if (image_ref_parse(image, &reference, &reason) < 0)
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: \"%.300s\" is not a valid repository/tag", image);
	return 0;
}

static int check_environment(const struct str_array *env, struct err *err)
{
	for (size_t i = 0; i < env->count; i++) {
		const char *entry = env->items[i];
		if (str_is_empty(entry) || entry[0] == '=')
			return err_set(err, ERR_INVALID, "invalid environment variable: %s", entry ? entry : "");
	}
	return 0;
}

static bool is_absolute(const char *path)
{
	return path && path[0] == '/';
}

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
static bool is_volume_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++) {
		char c = name[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && (i == 0 || !strchr("_.-", c)))
			return false;
	}
	return length > 1;
}

static const char *const type_names[] = { "bind", "volume", "tmpfs" };

static int refuse_mount(const struct mount *mount, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": %s", type_names[mount->type], why);
}

static int check_volume(const struct mount *mount, struct err *err)
{
	const struct volume_driver *driver = mount->volume ? mount->volume->driver : NULL;

	if (is_absolute(mount->source))
		return err_set(err, ERR_INVALID, REFUSED "invalid volume mount source, must not be an absolute path: %s",
			       mount->source);
	if (!str_is_empty(mount->source) && !is_volume_name(mount->source))
		return err_set(err, ERR_INVALID, "\"%.200s\" includes invalid characters for a local volume name, only "
			       "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
			       "absolute path", mount->source);
	if (driver && !str_is_empty(driver->name) && !str_eq(driver->name, "local"))
		return err_set(err, ERR_UNSUPPORTED, "volume driver '%.200s' is not supported by swarmbox yet", driver->name);
	if (mount->volume && !str_is_empty(mount->volume->subpath)) {
		if (str_is_empty(mount->source))
			return refuse_mount(mount, "must not set Subpath when using anonymous volumes", err);
		if (!path_is_local(mount->volume->subpath))
			return refuse_mount(mount, "subpath must be a relative path within the volume", err);
	}
	if (mount->read_only && str_is_empty(mount->source))
		return refuse_mount(mount, "must not set ReadOnly mode when using anonymous volumes", err);
	return driver ? volume_options_check(&driver->options, err) : 0;
}

static int check_bind(const struct mount *mount, struct err *err)
{
	if (!is_absolute(mount->source))
		return err_set(err, ERR_INVALID, REFUSED "invalid bind mount source, must be an absolute path: %s",
			       mount->source ? mount->source : "");
	if (!mount->bind)
		return 0;
	if (mount->bind->writable_below && !mount->read_only)
		return err_set(err, ERR_INVALID, "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive");
	if (mount->bind->readonly_below && !mount->read_only)
		return err_set(err, ERR_INVALID, "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive");
	if (mount->bind->writable_below && mount->bind->readonly_below)
		return err_set(err, ERR_INVALID, "mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive");
	return 0;
}

static int check_tmpfs(const struct mount *mount, struct err *err)
{
	if (!str_is_empty(mount->source))
		return err_set(err, ERR_INVALID, REFUSED "invalid tmpfs source, source must be empty");
	if (mount->tmpfs && mount->tmpfs->size_bytes < 0)
		return err_set(err, ERR_INVALID, REFUSED "invalid tmpfs size %lld: must not be negative",
			       (long long)mount->tmpfs->size_bytes);
	if (mount->tmpfs && mount->tmpfs->mode > 07777)
		return err_set(err, ERR_INVALID, REFUSED "invalid tmpfs mode 0%llo: must be at most 07777",
			       (unsigned long long)mount->tmpfs->mode);
	return 0;
}

static int check_foreign_options(const struct mount *mount, struct err *err)
{
	const char *foreign = NULL;

	if (mount->bind && mount->type != MOUNT_BIND)
		foreign = "BindOptions";
	else if (mount->volume && mount->type != MOUNT_VOLUME)
		foreign = "VolumeOptions";
	else if (mount->tmpfs && mount->type != MOUNT_TMPFS)
		foreign = "TmpfsOptions";
	if (!foreign)
		return 0;
	return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": field %s must not be specified",
		       type_names[mount->type], foreign);
}

static int check_mount(const struct mount *mount, struct err *err)
{
	if (!is_absolute(mount->target))
		return err_set(err, ERR_INVALID, REFUSED "invalid mount target, must be an absolute path: %s",
			       mount->target ? mount->target : "");
	if (check_foreign_options(mount, err) < 0)
		return -1;
	switch ((enum mount_type)mount->type) {
	case MOUNT_BIND:
		return check_bind(mount, err);
	case MOUNT_VOLUME:
		return check_volume(mount, err);
	case MOUNT_TMPFS:
		return check_tmpfs(mount, err);
	}
	return err_set(err, ERR_INVALID, REFUSED "invalid mount type");
}

static int check_mounts(const struct container_spec_model *container, struct err *err)
{
	if (container->mounts.count > VALIDATE_LIST_MAX)
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: %zu mounts, at most %d are allowed",
			       container->mounts.count, VALIDATE_LIST_MAX);
	for (size_t i = 0; i < container->mounts.count; i++) {
		const struct mount *mount = &container->mounts.items[i];
		if (check_mount(mount, err) < 0)
			return -1;
		for (size_t other = 0; other < i; other++)
			if (str_eq(container->mounts.items[other].target, mount->target))
				return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: duplicate mount point: %s",
					       mount->target);
	}
	return 0;
}

static int check_hostname(const char *hostname, struct err *err)
{
	if (str_is_empty(hostname))
		return 0;
	if (strlen(hostname) > HOSTNAME_MAX)
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: hostname '%.100s' is longer than %d characters",
			       hostname, HOSTNAME_MAX);
	return 0;
}

static int check_hosts(const struct str_array *hosts, struct err *err)
{
	for (size_t i = 0; i < hosts->count; i++) {
		const char *line = hosts->items[i] ? hosts->items[i] : "";
		size_t blank = strspn(line, " \t"), length = strcspn(line + blank, " \t");
		char address[64] = "";

		if (length < sizeof address)
			memcpy(address, line + blank, length);
		if (validate_host_entry(address, line + blank + length, err) < 0)
			return -1;
	}
	return 0;
}

static int check_isolation(const struct container_spec_model *container, struct err *err)
{
	switch ((enum isolation)container->isolation) {
	case ISOLATION_DEFAULT: return 0;
	case ISOLATION_PROCESS: return err_set(err, ERR_UNSUPPORTED, "isolation 'process' is not supported by swarmbox yet");
	case ISOLATION_HYPERV: return err_set(err, ERR_UNSUPPORTED, "isolation 'hyperv' is not supported by swarmbox yet");
	}
	return err_set(err, ERR_INVALID, "invalid isolation on linux");
}

static int check_seccomp(const struct seccomp_options *seccomp, struct err *err)
{
	bool is_custom = seccomp && seccomp->mode == SECCOMP_CUSTOM;

	if (!seccomp || (!is_custom && !seccomp->profile.count))
		return 0;
	if (!is_custom || !seccomp->profile.count || seccomp->profile.count > SECCOMP_PROFILE_MAX_BYTES)
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: Privileges.Seccomp: Mode \"custom\" and a Profile of at most %d bytes go together",
			       SECCOMP_PROFILE_MAX_BYTES);
	return memchr(seccomp->profile.items, 0, seccomp->profile.count)
		       ? err_set(err, ERR_INVALID, REFUSED "ContainerSpec: Privileges.Seccomp: Profile is no JSON") : 0;
}

/* What the kernel is told about the container's processes. */
static int check_process(const struct container_spec_model *container, bool is_on_host_network, struct err *err)
{
	if (validate_groups(&container->groups, err) < 0 || validate_caps(&container->cap_add, &container->cap_drop, err) < 0 ||
	    validate_ulimits(container->ulimits.items, container->ulimits.count, err) < 0)
		return -1;
	if (validate_sysctls(&container->sysctls, is_on_host_network, err) < 0)
		return -1;
	if (check_seccomp(container->privileges ? container->privileges->seccomp : NULL, err) < 0)
		return -1;
	return validate_oom_score(container->oom_score_adj, err);
}

static int check_lists(const struct container_spec_model *container, struct err *err)
{
	const struct { const char *name; size_t count; } lists[] = {
		{ "Groups", container->groups.count }, { "Hosts", container->hosts.count }, { "Ulimits", container->ulimits.count },
		{ "CapabilityAdd", container->cap_add.count }, { "CapabilityDrop", container->cap_drop.count },
		{ "Sysctls", container->sysctls.count }, { "Secrets", container->secrets.count }, { "Configs", container->configs.count }, { "DNSConfig.Nameservers", container->dns.nameservers.count },
		{ "DNSConfig.Search", container->dns.search.count }, { "DNSConfig.Options", container->dns.options.count },
	};

	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		if (lists[i].count > VALIDATE_LIST_MAX)
			return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: %zu items in %s, at most %d are allowed", lists[i].count,
				       lists[i].name, VALIDATE_LIST_MAX);
	return 0;
}

int validate_container(const struct container_spec_model *container, bool is_on_host_network, struct err *err)
{
	if (check_lists(container, err) < 0)
		return -1;
	if (check_image(container->image, err) < 0 || check_environment(&container->env, err) < 0)
		return -1;
	if (check_hostname(container->hostname, err) < 0 || check_mounts(container, err) < 0)
		return -1;
	if (!str_is_empty(container->dir) && !is_absolute(container->dir))
		return err_set(err, ERR_INVALID, "the working directory '%.200s' is invalid, it needs to be an absolute path",
			       container->dir);
	if (!str_is_empty(container->stop_signal) && signal_parse(container->stop_signal) < 0)
		return err_set(err, ERR_INVALID, "invalid signal: %.100s", container->stop_signal);
	if (container->stop_grace_ns.value > INT64_MAX)
		return err_set(err, ERR_INVALID, REFUSED "ContainerSpec: StopGracePeriod cannot be negative");
	if (validate_health(container->health, REFUSED "ContainerSpec: ", "HealthConfig", err) < 0 ||
	    check_hosts(&container->hosts, err) < 0 || validate_dns(&container->dns, err) < 0)
		return -1;
	if (validate_secret_references(&container->secrets, false, err) < 0 ||
	    validate_secret_references(&container->configs, true, err) < 0)
		return -1;
	return check_isolation(container, err) < 0 ? -1 : check_process(container, is_on_host_network, err);
}
