/* container_words.h - the words inside of a request for a container that are texts with a grammar of their own: binds, ports, hosts,
 * security options, restart policies.
 *
 * Pure, bounded by the texts. Errors are Docker's words; what Docker has and we do not is refused by its name.
 */
#pragma once
#include "model/container.h"

/* "/host:/target", "name:/target:ro,nocopy", "/target" (an anonymous volume). The result lives in the arena. */
int container_bind_parse(const char *text, struct arena *arena, struct mount *ret, struct err *err);

/* "80", "80/tcp" */
struct port_name { uint16_t port; int protocol; };       /* enum port_protocol */
int port_name_parse(const char *text, struct port_name *ret, struct err *err);
/* "" (any: 0, 0), "8080", "8080-8090" */
int port_range_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last, struct err *err);

/* What is to be published: from PortBindings, and from ExposedPorts with PublishAllPorts. first 0: any port. */
struct container_port { struct port_name name; uint16_t first, last; struct ip ip; };       /* family 0: on every address */
int container_ports(const struct container_config *config, const struct host_config *host, struct arena *arena,
		    struct container_port **ret, size_t *ret_count, struct err *err);

/* "name:address", "name=address" -> "address name", as hosts(5) has it. */
char *container_host_entry(const char *text, struct arena *arena, struct err *err);

struct security_words { bool no_new_privileges, has_no_seccomp; const char *seccomp_profile; };  /* the profile's JSON, in its option; or NULL */
int security_words_parse(const struct str_array *options, struct security_words *ret, struct err *err);

enum container_restart container_restart_parse(const char *name);        /* CONTAINER_RESTART_UNKNOWN for no such policy; "" is no */
