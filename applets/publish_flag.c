#include "applets/publish_flag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/ip.h"

enum { PORT_MAX = 65535 };

struct range { uint64_t first, last; };
struct publish { char ip[64], host[16], container[16]; const char *protocol; };

static int read_range(const char *text, struct range *ret)
{
	char copy[16];
	char *dash;

	if (!str_copy(copy, sizeof(copy), text) || !*copy)
		return -1;
	dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	if (str_to_u64(copy, &ret->first) < 0 || str_to_u64(dash ? dash + 1 : copy, &ret->last) < 0)
		return -1;
	return ret->first > PORT_MAX || ret->last > PORT_MAX || ret->last < ret->first ? -1 : 0;
}

static const char *protocol_of(const char *text)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (str_eq_nocase(known[i], text))
			return known[i];
	return NULL;
}

static void expose(yyjson_mut_doc *doc, const char *name)
{
	yyjson_mut_val *ports = spec_object(doc, "ExposedPorts");

	if (!yyjson_mut_obj_get(ports, name))
		yyjson_mut_obj_add(ports, yyjson_mut_strcpy(doc, name), yyjson_mut_obj(doc));
}

static void bind(yyjson_mut_doc *doc, const char *name, const char *ip, const char *host_port)
{
	yyjson_mut_val *all = spec_object(doc, "HostConfig.PortBindings"), *list = yyjson_mut_obj_get(all, name), *item;

	if (!list) {
		list = yyjson_mut_arr(doc);
		yyjson_mut_obj_add(all, yyjson_mut_strcpy(doc, name), list);
	}
	item = yyjson_mut_arr_add_obj(doc, list);
	yyjson_mut_obj_add_strcpy(doc, item, "HostIp", ip);
	yyjson_mut_obj_add_strcpy(doc, item, "HostPort", host_port);
}

static int check_ip(const char *ip, struct err *err)
{
	struct ip parsed;

	return !*ip || ip_parse(ip, &parsed) == 0 ? 0 : err_set(err, ERR_INVALID, "invalid IP address: %s", ip);
}

/* 8080-8082:80-82 pairs them off, 8080-8082:80 lets the daemon choose one. */
static int add(const struct publish *publish, yyjson_mut_doc *doc, struct err *err)
{
	struct range container, host = { 0 };

	if (!*publish->container)
		return err_set(err, ERR_INVALID, "no port specified: %s:%s:<empty>", publish->ip, publish->host);
	if (read_range(publish->container, &container) < 0 || container.first == 0)
		return err_set(err, ERR_INVALID, "invalid containerPort: %s", publish->container);
	if (*publish->host && read_range(publish->host, &host) < 0)
		return err_set(err, ERR_INVALID, "invalid hostPort: %s", publish->host);
	if (check_ip(publish->ip, err) < 0)
		return -1;
	if (*publish->host && container.last != container.first && container.last - container.first != host.last - host.first)
		return err_set(err, ERR_INVALID, "invalid ranges specified for container and host Ports: %s and %s", publish->container,
			       publish->host);
	for (uint64_t i = 0; i <= container.last - container.first; i++) {
		char name[24], port[24] = "";

		snprintf(name, sizeof(name), "%u/%s", (unsigned)(container.first + i), publish->protocol);
		if (*publish->host && container.last == container.first && host.last != host.first)
			snprintf(port, sizeof(port), "%u-%u", (unsigned)host.first, (unsigned)host.last);
		else if (*publish->host)
			snprintf(port, sizeof(port), "%u", (unsigned)(host.first + i));
		expose(doc, name);
		bind(doc, name, publish->ip, port);
	}
	return 0;
}

static int take_part(char *to, size_t size, const char *from, const char *to_end, const char *text, struct err *err)
{
	size_t length = (size_t)(to_end - from);

	if (length >= size)
		return err_set(err, ERR_INVALID, "invalid publish opts format (should be name=value but got '%.100s')", text);
	memcpy(to, from, length);
	to[length] = '\0';
	return 0;
}

/* The port is what stands behind the last colon, the host's what stands before that; the rest is an address, perhaps in brackets. */
static int read_short(const char *text, struct publish *ret, struct err *err)
{
	const char *slash = strchr(text, '/'), *end = slash ? slash : text + strlen(text);
	const char *last = end, *before;

	ret->protocol = slash ? protocol_of(slash + 1) : "tcp";
	if (!ret->protocol)
		return err_set(err, ERR_INVALID, "invalid proto: %s", slash + 1);
	while (last > text && last[-1] != ':')
		last--;
	if (take_part(ret->container, sizeof(ret->container), last, end, text, err) < 0 || last == text)
		return last == text ? 0 : -1;
	for (before = --last; before > text && before[-1] != ':'; before--)
		;
	if (take_part(ret->host, sizeof(ret->host), before, last, text, err) < 0 || before == text)
		return before == text ? 0 : -1;
	before--;
	if (*text == '[' && before > text && before[-1] == ']')
		return take_part(ret->ip, sizeof(ret->ip), text + 1, before - 1, text, err);
	return take_part(ret->ip, sizeof(ret->ip), text, before, text, err);
}

static int take_pair(const char *pair, struct publish *ret, struct err *err)
{
	const char *equals = strchr(pair, '='), *value = equals ? equals + 1 : "";
	size_t length = equals ? (size_t)(equals - pair) : strlen(pair);

	if (equals && length == 6 && memcmp(pair, "target", 6) == 0)
		return str_copy(ret->container, sizeof(ret->container), value) ? 0 :
		       err_set(err, ERR_INVALID, "invalid containerPort: %s", value);
	if (equals && length == 9 && memcmp(pair, "published", 9) == 0)
		return str_copy(ret->host, sizeof(ret->host), value) ? 0 : err_set(err, ERR_INVALID, "invalid hostPort: %s", value);
	if (equals && length == 8 && memcmp(pair, "protocol", 8) == 0) {
		ret->protocol = protocol_of(value);
		return ret->protocol ? 0 : err_set(err, ERR_INVALID, "invalid proto: %s", value);
	}
	return err_set(err, ERR_INVALID, "invalid publish opts format (should be name=value but got '%s')", pair);
}

int publish_flag_parse(const char *text, yyjson_mut_doc *doc, struct err *err)
{
	struct publish publish = { .protocol = "tcp" };
	CLEANUP(strlist_finip) struct strlist fields = { 0 };

	if (!strchr(text, '='))
		return read_short(text, &publish, err) < 0 ? -1 : add(&publish, doc, err);
	if (words_csv(text, &fields, err) < 0)
		return -1;
	for (size_t i = 0; i < fields.count; i++)
		if (take_pair(fields.items[i], &publish, err) < 0)
			return -1;
	return add(&publish, doc, err);
}

int publish_flag_parse_exposed(const char *text, yyjson_mut_doc *doc, struct err *err)
{
	const char *slash = strchr(text, '/'), *protocol = slash ? protocol_of(slash + 1) : "tcp";
	char number[16] = "";
	struct range range;

	if (strchr(text, ':'))
		return err_set(err, ERR_INVALID, "invalid port format for --expose: %s", text);
	if (!protocol)
		return err_set(err, ERR_INVALID, "invalid range format for --expose: %s, error: invalid proto: %s", text, slash + 1);
	if (take_part(number, sizeof(number), text, slash ? slash : text + strlen(text), text, err) < 0 || read_range(number, &range) < 0 ||
	    range.first == 0)
		return err_set(err, ERR_INVALID, "invalid range format for --expose: %s, error: invalid port", text);
	for (uint64_t port = range.first; port <= range.last; port++) {
		char name[24];

		snprintf(name, sizeof(name), "%u/%s", (unsigned)port, protocol);
		expose(doc, name);
	}
	return 0;
}
