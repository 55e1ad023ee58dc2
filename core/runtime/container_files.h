/* container_files.h - the texts of /etc/hosts, /etc/resolv.conf and the environment of a container. Pure. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "runtime/container_spec.h"

const char *container_files_hostname(const struct container_spec *spec, struct arena *arena);

/* localhost and the IPv6 groups, as Docker writes them, then the spec's own lines. */
void container_files_hosts(const struct container_spec *spec, struct buf *out);

/* With uses_host_dns the host's text, without servers on loopback (which is another one inside) unless the container shares the host's
 * network; what the spec names takes the place of what the host says, each of servers, search and options by itself. */
void container_files_resolv(const struct container_spec *spec, const char *host_text, struct buf *out);

/* The spec's environment behind PATH, HOSTNAME and, with a terminal, TERM as far as it has none, and HOME at its end; `more` (may be NULL) replaces
 * what has the same name, and is added otherwise. Ended by NULL. */
char *const *container_files_env(const struct container_spec *spec, const struct container_strings *more, bool has_tty, const char *home,
				 struct arena *arena);
