#include "applets/port_flag.h"

#include <stdio.h>
#include <string.h>

#include "applets/words.h"

#define MAX_PORT 65535

struct range { uint64_t first, last; };

struct port {
	const char *protocol, *mode;
	uint64_t target, published;
};

static const char *const protocols[] = { "tcp", "udp", "sctp" };
static const char *const modes[] = { "ingress", "host" };

static const char *one_of(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(words[i], word))
			return words[i];
	return NULL;
}

static void add_port(yyjson_mut_doc *doc, yyjson_mut_val *array, const struct port *port)
{
	yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, array);

	yyjson_mut_obj_add_str(doc, object, "Protocol", port->protocol);
	yyjson_mut_obj_add_uint(doc, object, "TargetPort", port->target);
	if (port->published)
		yyjson_mut_obj_add_uint(doc, object, "PublishedPort", port->published);
	yyjson_mut_obj_add_str(doc, object, "PublishMode", port->mode);
}

/* --- key=value --- */

static int take_number(const char *what, const char *value, uint64_t *ret, struct err *err)
{
	if (str_to_u64(value, ret) < 0)
		return err_set(err, ERR_INVALID,
			       "invalid %s port (%s): value must be an integer: invalid syntax", what,
			       value);
	if (*ret > MAX_PORT)
		return err_set(err, ERR_INVALID,
			       "invalid %s port (%s): value must be an integer: value out of range", what,
			       value);
	return 0;
}

static int take_pair(const char *field, struct port *port, struct err *err)
{
	const char *equals = strchr(field, '=');
	char key[16] = "";

	if (!equals || equals == field)
		return err_set(err, ERR_INVALID, "invalid field: %s", field);
	if ((size_t)(equals - field) < sizeof(key))
		memcpy(key, field, (size_t)(equals - field));
	const char *value = equals + 1;

	if (str_eq_nocase(key, "target"))
		return take_number("target", value, &port->target, err);
	if (str_eq_nocase(key, "published"))
		return take_number("published", value, &port->published, err);
	if (str_eq_nocase(key, "protocol")) {
		port->protocol = one_of(protocols, ARRAY_COUNT(protocols), value);
		return port->protocol ? 0 : err_set(err, ERR_INVALID, "invalid protocol value '%s'", value);
	}
	if (str_eq_nocase(key, "mode")) {
		port->mode = one_of(modes, ARRAY_COUNT(modes), value);
		return port->mode ? 0 : err_set(err, ERR_INVALID, "invalid publish mode value (%s): must be "
						"either 'ingress' or 'host'", value);
	}
	return err_set(err, ERR_INVALID, "invalid field key: %.*s", (int)(equals - field), field);
}

static int parse_long(const char *text, yyjson_mut_doc *doc, yyjson_mut_val *array, struct err *err)
{
	struct strlist fields = {0};
	struct port port = { .protocol = "tcp", .mode = "ingress" };
	int result = words_csv(text, &fields, err);

	for (size_t i = 0; i < fields.count && result == 0; i++)
		result = take_pair(fields.items[i], &port, err);
	if (result == 0 && port.target == 0)
		result = err_set(err, ERR_INVALID, "missing mandatory field 'target'");
	if (result == 0)
		add_port(doc, array, &port);
	strlist_fini(&fields);
	return result;
}

/* --- [published:]target[/protocol] --- */

static int parse_range(const char *text, size_t length, struct range *ret)
{
	char copy[16] = "";

	if (length == 0 || length >= sizeof(copy))
		return -1;
	memcpy(copy, text, length);
	char *dash = strchr(copy, '-');
	if (dash)
		*dash = '\0';
	if (str_to_u64(copy, &ret->first) < 0 || str_to_u64(dash ? dash + 1 : copy, &ret->last) < 0)
		return -1;
	return ret->first > MAX_PORT || ret->last > MAX_PORT || ret->last < ret->first ? -1 : 0;
}

static int split_protocol(const char *text, size_t *ret_length, const char **ret_protocol,
			  struct err *err)
{
	const char *slash = strchr(text, '/');

	*ret_length = slash ? (size_t)(slash - text) : strlen(text);
	*ret_protocol = slash ? one_of(protocols, ARRAY_COUNT(protocols), slash + 1) : "tcp";
	if (!*ret_protocol)
		return err_set(err, ERR_INVALID, "invalid proto: %s", slash + 1);
	return 0;
}

static int parse_ranges(const char *text, size_t length, struct range *target,
			struct range *published, struct err *err)
{
	const char *colon = memchr(text, ':', length);
	const char *behind = colon ? colon + 1 : text;
	size_t behind_length = length - (size_t)(behind - text);

	if (memchr(behind, ':', behind_length))
		return err_set(err, ERR_INVALID, "hostip is not supported");
	if (behind_length == 0)
		return err_set(err, ERR_INVALID, "no port specified: %s<empty>", text);
	if (parse_range(behind, behind_length, target) < 0 || target->first == 0)
		return err_set(err, ERR_INVALID, "invalid containerPort: %.*s", (int)behind_length, behind);
	*published = (struct range){0};
	if (colon && colon > text && parse_range(text, (size_t)(colon - text), published) < 0)
		return err_set(err, ERR_INVALID, "invalid hostPort: %.*s", (int)(colon - text), text);
	return 0;
}

static int parse_short(const char *text, yyjson_mut_doc *doc, yyjson_mut_val *array, struct err *err)
{
	struct range target = {0}, published = {0};
	struct port port = { .mode = "ingress" };
	size_t length;

	if (split_protocol(text, &length, &port.protocol, err) < 0 ||
	    parse_ranges(text, length, &target, &published, err) < 0)
		return -1;
	uint64_t count = target.last - target.first, published_count = published.last - published.first;
	bool shares_target = count == 0;        /* 8000-8002:80: three doors into one room */
	if (published.first && published_count != count && !shares_target)
		return err_set(err, ERR_INVALID, "invalid ranges specified for container and host Ports: "
			       "%llu-%llu and %llu-%llu", (unsigned long long)target.first,
			       (unsigned long long)target.last, (unsigned long long)published.first,
			       (unsigned long long)published.last);
	for (uint64_t i = 0; i <= MAX(count, published_count); i++) {
		port.target = target.first + (shares_target ? 0 : i);
		port.published = published.first ? published.first + i : 0;
		add_port(doc, array, &port);
	}
	return 0;
}

int port_flag_parse(const char *text, yyjson_mut_doc *doc, yyjson_mut_val *array, struct err *err)
{
	return strchr(text, '=') ? parse_long(text, doc, array, err) :
				   parse_short(text, doc, array, err);
}

int port_flag_parse_target(const char *text, unsigned *ret_port, const char **ret_protocol,
			   struct err *err)
{
	struct range target = {0}, published = {0};
	size_t length;

	if (split_protocol(text, &length, ret_protocol, err) < 0 ||
	    parse_ranges(text, length, &target, &published, err) < 0)
		return -1;
	if (target.last != target.first)
		return err_set(err, ERR_INVALID, "invalid containerPort: %.*s", (int)length, text);
	*ret_port = (unsigned)target.first;
	return 0;
}
