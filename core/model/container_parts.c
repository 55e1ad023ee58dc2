#include "model/container_parts.h"

static const char *const mount_types[] = { "bind", "volume", "tmpfs", NULL };
static const char *const propagations[] = { "rprivate", "private", "rshared", "shared", "rslave", "slave", NULL };
static const char *const seccomp_modes[] = { "", "default", "unconfined", "custom", NULL };
static const char *const apparmor_modes[] = { "", "default", "disabled", NULL };

static const struct field bind_fields[] = {
	F_ENUM_SAID(1, bind_options, propagation, "Propagation", 0, propagations, "invalid MountPropagation:"),
	F(2, BOOL, bind_options, non_recursive, "NonRecursive", 0),
	F(3, BOOL, bind_options, create_mountpoint, "CreateMountpoint", 0),
	F(4, BOOL, bind_options, writable_below, "ReadOnlyNonRecursive", 0),
	F(5, BOOL, bind_options, readonly_below, "ReadOnlyForceRecursive", 0),
};
static const struct shape bind_shape = SHAPE(bind_options, bind_fields);

static const struct field volume_driver_fields[] = {
	F(1, STR, volume_driver, name, "Name", 0),
	F(2, STR_MAP, volume_driver, options, "Options", 0),
};
const struct shape volume_driver_shape = SHAPE(volume_driver, volume_driver_fields);

static const struct field volume_fields[] = {
	F(1, BOOL, volume_options, no_copy, "NoCopy", 0),
	F(2, STR_MAP, volume_options, labels, "Labels", 0),
	F(4, STR, volume_options, subpath, "Subpath", 0),
	F_OF(3, OPTION, volume_options, driver, "DriverConfig", 0, volume_driver_shape),
};
static const struct shape volume_shape = SHAPE(volume_options, volume_fields);

static const struct field tmpfs_fields[] = {
	F(1, I64, tmpfs_options, size_bytes, "SizeBytes", 0),
	F(2, U64, tmpfs_options, mode, "Mode", 0),
	F_REFUSED("Options"),
};
static const struct shape tmpfs_shape = SHAPE(tmpfs_options, tmpfs_fields);

static const struct field mount_fields[] = {
	F_ENUM_SAID(1, mount, type, "Type", FIELD_ALWAYS, mount_types, "invalid MountType:"),
	F(2, STR, mount, source, "Source", 0),
	F(3, STR, mount, target, "Target", 0),
	F(4, BOOL, mount, read_only, "ReadOnly", 0),
	F(5, STR, mount, consistency, "Consistency", 0),
	F_OF(6, OPTION, mount, bind, "BindOptions", 0, bind_shape),
	F_OF(7, OPTION, mount, volume, "VolumeOptions", 0, volume_shape),
	F_REFUSED("ImageOptions"),
	F_OF(8, OPTION, mount, tmpfs, "TmpfsOptions", 0, tmpfs_shape),
	F_REFUSED("ClusterOptions"),
};
const struct shape mount_shape = SHAPE(mount, mount_fields);

static const struct field health_fields[] = {
	F(1, STR_LIST, health_config, test, "Test", 0),
	F(2, I64, health_config, interval_ns, "Interval", 0),
	F(3, I64, health_config, timeout_ns, "Timeout", 0),
	F(4, I64, health_config, start_period_ns, "StartPeriod", 0),
	F(5, I64, health_config, start_interval_ns, "StartInterval", 0),
	F(6, I64, health_config, retries, "Retries", 0),
};
const struct shape health_config_shape = SHAPE(health_config, health_fields);

static const struct field ulimit_fields[] = {
	F(1, STR, ulimit, name, "Name", FIELD_ALWAYS),
	F(2, I64, ulimit, hard, "Hard", FIELD_ALWAYS),
	F(3, I64, ulimit, soft, "Soft", FIELD_ALWAYS),
};
const struct shape ulimit_shape = SHAPE(ulimit, ulimit_fields);

static const struct field dns_fields[] = {
	F(1, STR_LIST, dns_config, nameservers, "Nameservers", 0),
	F(2, STR_LIST, dns_config, search, "Search", 0),
	F(3, STR_LIST, dns_config, options, "Options", 0),
};
const struct shape dns_config_shape = SHAPE(dns_config, dns_fields);

static const struct field log_driver_fields[] = {
	F(1, STR, log_driver, name, "Name", 0),
	F(2, STR_MAP, log_driver, options, "Options", 0),
};
const struct shape log_driver_shape = SHAPE(log_driver, log_driver_fields);

static const struct field seccomp_fields[] = {
	F_ENUM(1, seccomp_options, mode, "Mode", 0, seccomp_modes),
	F(2, BYTES, seccomp_options, profile, "Profile", 0),
};
static const struct shape seccomp_shape = SHAPE(seccomp_options, seccomp_fields);

static const struct field apparmor_fields[] = { F_ENUM(1, apparmor_options, mode, "Mode", 0, apparmor_modes) };
static const struct shape apparmor_shape = SHAPE(apparmor_options, apparmor_fields);

static const struct field privileges_fields[] = {
	F_REFUSED("CredentialSpec"), F_REFUSED("SELinuxContext"),
	F_OF(1, OPTION, privileges, seccomp, "Seccomp", 0, seccomp_shape),
	F_OF(2, OPTION, privileges, apparmor, "AppArmor", 0, apparmor_shape),
	F(3, BOOL, privileges, no_new_privileges, "NoNewPrivileges", 0),
};
const struct shape privileges_shape = SHAPE(privileges, privileges_fields);
