#include "model/container_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { PORTS_MAX = 4096 };

/* ---- binds ------------------------------------------------------------------------------------------------------- */

static struct bind_options *bind_part(struct mount *mount, struct arena *arena)
{
	if (!mount->bind)
		mount->bind = ARENA_NEW(arena, struct bind_options);
	return mount->bind;
}

static int take_mode(const char *mode, struct arena *arena, struct mount *mount, struct err *err)
{
	static const struct { const char *name; enum propagation propagation; } propagations[] = {
		{ "rprivate", PROPAGATION_RPRIVATE }, { "private", PROPAGATION_PRIVATE }, { "rshared", PROPAGATION_RSHARED },
		{ "shared", PROPAGATION_SHARED }, { "rslave", PROPAGATION_RSLAVE }, { "slave", PROPAGATION_SLAVE },
	};

	if (str_eq(mode, "ro")) {
		mount->read_only = true;
		return 0;
	}
	/* z and Z relabel for SELinux, which no container of ours is confined by: as on any host without it, nothing is to be done. */
	if (str_eq(mode, "rw") || str_eq(mode, "z") || str_eq(mode, "Z"))
		return 0;
	if (str_eq(mode, "nocopy") && mount->type == MOUNT_VOLUME) {
		mount->volume = ARENA_NEW(arena, struct volume_options);
		mount->volume->no_copy = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_COUNT(propagations); i++)
		if (str_eq(mode, propagations[i].name) && mount->type == MOUNT_BIND) {
			bind_part(mount, arena)->propagation = (int)propagations[i].propagation;
			return 0;
		}
	return err_set(err, ERR_INVALID, "invalid mode: %.100s", mode);
}

/* No comma list may say the same twice, or both ro and rw; Docker refuses the whole list. */
static int take_modes(const char *modes, struct arena *arena, struct mount *mount, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist list = str_split(modes, ',');
	unsigned accesses = 0;

	for (size_t i = 0; i < list.count; i++) {
		accesses += str_eq(list.items[i], "ro") || str_eq(list.items[i], "rw");
		for (size_t j = 0; j < i; j++)
			if (str_eq(list.items[i], list.items[j]))
				return err_set(err, ERR_INVALID, "invalid mode: %.100s", modes);
		if (take_mode(list.items[i], arena, mount, err) < 0)
			return -1;
	}
	return accesses > 1 ? err_set(err, ERR_INVALID, "invalid mode: %.100s", modes) : 0;
}

int container_bind_parse(const char *text, struct arena *arena, struct mount *ret, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist parts = str_split(text, ':');
	const char *target = parts.count > 1 ? parts.items[1] : parts.items[0];

	memset(ret, 0, sizeof *ret);
	if (parts.count > 3)
		return err_set(err, ERR_INVALID, "invalid volume specification: '%.200s'", text);
	for (size_t i = 0; i < parts.count; i++)
		if (!parts.items[i][0])
			return err_set(err, ERR_INVALID, "invalid volume specification: '%.200s': empty section between colons", text);
	if (target[0] != '/')
		return err_set(err, ERR_INVALID, "invalid volume specification: '%.200s': invalid mount config for type \"%s\": invalid mount "
			       "path: '%.200s' mount path must be absolute", text,
			       parts.count > 1 && parts.items[0][0] == '/' ? "bind" : "volume", target);
	if (target[strspn(target, "/")] == '\0')
		return err_set(err, ERR_INVALID, "invalid volume specification: '%.200s': invalid mount config for type \"%s\": invalid "
			       "specification: destination can't be '/'", text, parts.count > 1 && parts.items[0][0] == '/' ? "bind" : "volume");
	ret->target = arena_strdup(arena, target);
	ret->type = parts.count > 1 && parts.items[0][0] == '/' ? MOUNT_BIND : MOUNT_VOLUME;
	if (parts.count > 1)
		ret->source = arena_strdup(arena, parts.items[0]);
	if (ret->type == MOUNT_BIND)
		bind_part(ret, arena)->create_mountpoint = true;
	return parts.count == 3 ? take_modes(parts.items[2], arena, ret, err) : 0;
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static int port_number(const char *text, size_t length, uint16_t *ret)
{
	char copy[8] = "";
	uint64_t value;

	if (length == 0 || length >= sizeof copy)
		return -1;
	memcpy(copy, text, length);
	if (str_to_u64(copy, &value) < 0 || value > UINT16_MAX)
		return -1;
	*ret = (uint16_t)value;
	return 0;
}

int port_name_parse(const char *text, struct port_name *ret, struct err *err)
{
	const char *slash = strchr(text, '/'), *protocol = slash ? slash + 1 : "tcp";
	struct port_name name = { 0 };

	name.protocol = str_eq_nocase(protocol, "tcp") ? PROTOCOL_TCP : str_eq_nocase(protocol, "udp") ? PROTOCOL_UDP :
			str_eq_nocase(protocol, "sctp") ? PROTOCOL_SCTP : PROTOCOL_UNSET;
	if (name.protocol == PROTOCOL_UNSET)
		return err_set(err, ERR_INVALID, "invalid port specification: \"%.100s\": invalid proto: %.100s", text, protocol);
	if (port_number(text, slash ? (size_t)(slash - text) : strlen(text), &name.port) < 0 || name.port == 0)
		return err_set(err, ERR_INVALID, "invalid port specification: \"%.100s\"", text);
	*ret = name;
	return 0;
}

int port_range_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last, struct err *err)
{
	const char *dash = text ? strchr(text, '-') : NULL;
	uint16_t first = 0, last = 0;

	if (!str_is_empty(text)) {
		if (port_number(text, dash ? (size_t)(dash - text) : strlen(text), &first) < 0 ||
		    (dash && (port_number(dash + 1, strlen(dash + 1), &last) < 0 || last < first || first == 0)))
			return err_set(err, ERR_INVALID, "invalid port specification: \"%.100s\"", text);
	}
	*ret_first = first;
	*ret_last = dash ? last : first;
	return 0;
}

static int take_binding(const struct port_binding *binding, struct container_port *port, struct err *err)
{
	const char *ip = binding->host_ip;

	if (!str_is_empty(ip) && ip_parse(ip, &port->ip) < 0)
		return err_set(err, ERR_INVALID, "invalid IP address: %.100s", ip);
	if (port->ip.family == 6)
		return err_set(err, ERR_UNSUPPORTED, "publishing a port on an IPv6 address ('%.100s') is not supported by swarmbox yet: "
			       "its networks have IPv4 only", ip);
	if (port->ip.family && ip4_to_u32(port->ip) == 0)
		port->ip.family = 0;
	return port_range_parse(binding->host_port, &port->first, &port->last, err);
}

static bool is_bound(const struct container_port *ports, size_t count, const struct port_name *name)
{
	for (size_t i = 0; i < count; i++)
		if (ports[i].name.port == name->port && ports[i].name.protocol == name->protocol)
			return true;
	return false;
}

int container_ports(const struct container_config *config, const struct host_config *host, struct arena *arena,
		    struct container_port **ret, size_t *ret_count, struct err *err)
{
	size_t most = config->exposed_ports.count, count = 0;
	struct container_port *ports;

	for (size_t i = 0; i < host->port_bindings.count; i++)
		most += MAX(host->port_bindings.items[i].bindings.count, (size_t)1);
	if (most > PORTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d ports", PORTS_MAX);
	ports = ARENA_ARRAY(arena, struct container_port, most);
	for (size_t i = 0; i < host->port_bindings.count; i++) {
		const struct port_bindings *item = &host->port_bindings.items[i];
		struct port_name name;

		if (port_name_parse(item->port, &name, err) < 0)
			return -1;
		for (size_t j = 0; j < MAX(item->bindings.count, (size_t)1); j++) {
			static const struct port_binding any;

			ports[count].name = name;
			if (take_binding(item->bindings.count ? &item->bindings.items[j] : &any, &ports[count], err) < 0)
				return -1;
			count++;
		}
	}
	for (size_t i = 0; i < config->exposed_ports.count; i++) {
		struct port_name name;

		if (port_name_parse(config->exposed_ports.items[i].name, &name, err) < 0)
			return -1;
		if (host->publish_all_ports && !is_bound(ports, count, &name))
			ports[count++].name = name;
	}
	*ret = ports;
	*ret_count = count;
	return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

char *container_host_entry(const char *text, struct arena *arena, struct err *err)
{
	size_t length = strcspn(text, "=:");
	const char *address = text + length + (text[length] != '\0');

	if (length == 0 || !*address) {
		err_set(err, ERR_INVALID, "bad format for add-host: \"%.200s\"", text);
		return NULL;
	}
	if (address[0] == '[' && str_ends(address, "]"))
		return arena_printf(arena, "%.*s %.*s", (int)strlen(address) - 2, address + 1, (int)length, text);
	return arena_printf(arena, "%s %.*s", address, (int)length, text);
}

static int bad_option(const char *option, struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid --security-opt 2: \"%.200s\"", option);
}

static int take_security(const char *option, struct security_words *ret, struct err *err)
{
	size_t length = strcspn(option, "=:");
	const char *value = option[length] ? option + length + 1 : NULL;
	CLEANUP(str_freep) char *key = str_printf("%.*s", (int)MIN(length, (size_t)64), option);

	if (str_eq(key, "no-new-privileges")) {
		if (value && !str_eq(value, "true") && !str_eq(value, "false"))
			return bad_option(option, err);
		ret->no_new_privileges = !value || str_eq(value, "true");
		return 0;
	}
	if (!value)
		return str_eq(key, "disable") ? 0 : bad_option(option, err);
	if (str_eq(key, "seccomp")) {
		bool is_word = str_eq(value, "unconfined") || str_eq(value, "builtin");

		if (strlen(value) > SECCOMP_PROFILE_MAX_BYTES)
			return err_set(err, ERR_INVALID, "seccomp profile: larger than %d bytes", SECCOMP_PROFILE_MAX_BYTES);
		ret->has_no_seccomp = str_eq(value, "unconfined");
		ret->seccomp_profile = is_word ? NULL : value;
		return 0;
	}
	/* There is neither AppArmor nor SELinux around our containers: what switches them off holds already. */
	if ((str_eq(key, "apparmor") && str_eq(value, "unconfined")) || (str_eq(key, "label") && str_eq(value, "disable")))
		return 0;
	if (str_eq(key, "apparmor") || str_eq(key, "label") || str_eq(key, "systempaths") || str_eq(key, "writable-cgroups"))
		return err_set(err, ERR_UNSUPPORTED, "security-opt %s=%.100s is not supported by swarmbox yet", key, value);
	return bad_option(option, err);
}

int security_words_parse(const struct str_array *options, struct security_words *ret, struct err *err)
{
	*ret = (struct security_words){ 0 };
	for (size_t i = 0; i < options->count; i++)
		if (take_security(options->items[i], ret, err) < 0)
			return -1;
	return 0;
}

enum container_restart container_restart_parse(const char *name)
{
	static const char *const names[] = {
		[CONTAINER_RESTART_NO] = "no", [CONTAINER_RESTART_ON_FAILURE] = "on-failure", [CONTAINER_RESTART_ALWAYS] = "always",
		[CONTAINER_RESTART_UNLESS_STOPPED] = "unless-stopped",
	};

	if (str_is_empty(name))
		return CONTAINER_RESTART_NO;
	for (size_t i = CONTAINER_RESTART_NO; i < ARRAY_COUNT(names); i++)
		if (str_eq(names[i], name))
			return (enum container_restart)i;
	return CONTAINER_RESTART_UNKNOWN;
}
