/* container_flag.h - values of flags that `service` and `run` share: --ulimit, --host and --add-host,
 * --dns, --dns-search, --network; and --device of `run`.
 *
 * Pure. Wrong values are answered in docker's words.
 */
#pragma once
#include <yyjson.h>

#include "base/err.h"

/* How a value becomes an object of the API, also that of mount_flag.h. */
typedef int container_flag_fn(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret, struct err *err);

/* "nofile=1024", "nofile=1024:2048", "core=-1": Name, Hard, Soft. */
int container_flag_ulimit(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret,
			  struct err *err);
/* "/dev/x[:/dev/y][:rwm]": PathOnHost, PathInContainer, CgroupPermissions. */
int container_flag_device(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret, struct err *err);
/* "name:1.2.3.4", "name=::1", "name:[::1]", "name:host-gateway"; both parts on the heap. */
int container_flag_host(const char *text, char **ret_name, char **ret_address, struct err *err);
/* In its shortest form, on the heap. */
int container_flag_address(const char *text, char **ret, struct err *err);
/* A search domain without its last dot, or "." for none, on the heap. */
int container_flag_domain(const char *text, char **ret, struct err *err);
/* "host", "name=host,alias=db": Target, Aliases, DriverOpts. The id where the name is that of a
 * predefined network. */
int container_flag_network(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret,
			   struct err *err);
const char *container_flag_network_id(const char *name_or_id);
