/* container_parts.h - what a container is asked to be, in the pieces that a service's spec and a container of its own share.
 *
 * Members stand in the order in which Docker prints them. What no host of ours can do is listed as refused in the tables of
 * container_parts.c, so that it is an error that names the member instead of a silence.
 */
#pragma once
#include "model/fields.h"

enum mount_type { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };
enum propagation { PROPAGATION_RPRIVATE, PROPAGATION_PRIVATE, PROPAGATION_RSHARED, PROPAGATION_SHARED, PROPAGATION_RSLAVE, PROPAGATION_SLAVE };
struct bind_options {
	int propagation;
	bool non_recursive, create_mountpoint;
	bool writable_below;            /* of a read-only mount, what is mounted below it keeps its own mode */
	bool readonly_below;            /* of a read-only mount, all below it must be read-only too, or it is an error */
};
struct volume_driver { char *name; struct str_map options; };
struct volume_options {
	bool no_copy;
	struct str_map labels;
	char *subpath;                  /* below the volume's root; never leaves it */
	struct volume_driver *driver;
};
struct tmpfs_options { int64_t size_bytes; uint64_t mode; };
struct mount {
	int type;                       /* enum mount_type */
	char *source, *target;
	bool read_only;
	char *consistency;
	struct bind_options *bind;
	struct volume_options *volume;
	struct tmpfs_options *tmpfs;
};

/* 0 and an empty test mean "as the image has it"; where that has nothing either, health_settings.h knows Docker's values. */
struct health_config {
	struct str_array test;          /* {"NONE"}, {"CMD", …}, {"CMD-SHELL", line} */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	int64_t retries;
};

struct ulimit { char *name; int64_t hard, soft; };               /* -1: unlimited */
struct dns_config { struct str_array nameservers, search, options; };
struct log_driver { char *name; struct str_map options; };

enum seccomp_mode { SECCOMP_UNSET, SECCOMP_DEFAULT, SECCOMP_UNCONFINED, SECCOMP_CUSTOM };
enum { SECCOMP_PROFILE_MAX_BYTES = 64 * 1024 };          /* Docker's own has a fourth of that */
enum apparmor_mode { APPARMOR_UNSET, APPARMOR_DEFAULT, APPARMOR_DISABLED };
struct seccomp_options { int mode; struct bytes profile; };       /* of CUSTOM: Docker's JSON */
struct apparmor_options { int mode; };
struct privileges { struct seccomp_options *seccomp; struct apparmor_options *apparmor; bool no_new_privileges; };

extern const struct shape mount_shape, volume_driver_shape, health_config_shape, ulimit_shape, dns_config_shape, log_driver_shape,
	privileges_shape;
