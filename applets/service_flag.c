#include "applets/service_flag.h"

#include <stdlib.h>
#include <string.h>

#include "applets/container_flag.h"
#include "applets/mount_flag.h"
#include "applets/port_flag.h"
#include "applets/reference_flag.h"
#include "applets/service_flags.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/buf.h"
#include "base/panic.h"
#include "base/units.h"
#include "model/image_ref.h"

/* --- one value --- */

static int number_of(enum service_flag_kind kind, const char *value, int64_t *ret, struct err *err)
{
	uint64_t number;

	switch (kind) {
	case FLAG_INT:
		if (str_to_i64(value, ret) < 0)
			return option_no_number(true, value, err);
		return 0;
	case FLAG_BYTES:
		return units_parse_bytes(value, ret, err);
	case FLAG_CPUS:
		return units_parse_cpus(value, ret, err);
	case FLAG_DURATION:
		return units_parse_duration(value, ret, err);
	case FLAG_PERIOD:
		if (units_parse_duration(value, ret, err) < 0)
			return -1;
		return *ret < 0 ? err_set(err, ERR_INVALID, "duration cannot be negative") : 0;
	default:
		if (str_to_u64(value, &number) < 0 || number > INT64_MAX)
			return option_no_number(false, value, err);
		*ret = (int64_t)number;
		return 0;
	}
}

/* Docker's own words are "process" and "hyperv", of Windows. */
static int set_isolation(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			 struct err *err)
{
	if (*value && !str_eq(value, "default"))
		return err_set(err, ERR_UNSUPPORTED, "isolation '%s' is not supported by swarmbox yet",
			       value);
	spec_set_str(doc, flag->path, value);
	return 0;
}

static int set_endpoint(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			struct err *err)
{
	if (!str_eq_nocase(value, "vip") && !str_eq_nocase(value, "dnsrr"))
		return err_set(err, ERR_INVALID, "invalid resolution mode: \"%s\"", value);
	spec_set_str(doc, flag->path, str_eq_nocase(value, "vip") ? "vip" : "dnsrr");
	return 0;
}

/* A line for the shell; an empty one leaves the check to the image. */
static void set_check(const struct service_flag *flag, const char *line, yyjson_mut_doc *doc)
{
	yyjson_mut_val *test = yyjson_mut_arr(doc);

	if (*line) {
		yyjson_mut_arr_add_str(doc, test, "CMD-SHELL");
		yyjson_mut_arr_add_strcpy(doc, test, line);
	}
	spec_set(doc, flag->path, test);
}

static int set_scalar(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
		      struct err *err)
{
	struct strlist words = {0};
	char image[IMAGE_REF_TEXT_SIZE];
	int64_t number = 0;

	switch (flag->kind) {
	case FLAG_STRING:
		spec_set_str(doc, flag->path, value);
		return 0;
	case FLAG_BOOL:
		spec_set(doc, flag->path, yyjson_mut_bool(doc, str_eq(value, "true")));
		return 0;
	case FLAG_ISOLATION:
		return set_isolation(flag, value, doc, err);
	case FLAG_ENDPOINT:
		return set_endpoint(flag, value, doc, err);
	case FLAG_CHECK:
		set_check(flag, value, doc);
		return 0;
	case FLAG_IMAGE:
		if (service_flags_image(value, image, sizeof(image), err) < 0)
			return -1;
		spec_set_str(doc, flag->path, image);
		return 0;
	case FLAG_WORDS:
		if (words_split(value, &words, err) < 0) {
			strlist_fini(&words);
			return -1;
		}
		spec_set(doc, flag->path, yyjson_mut_arr(doc));
		for (size_t i = 0; i < words.count; i++)
			yyjson_mut_arr_add_strcpy(doc, spec_array(doc, flag->path), words.items[i]);
		strlist_fini(&words);
		return 0;
	default:
		if (number_of(flag->kind, value, &number, err) < 0)
			return -1;
		spec_set(doc, flag->path, yyjson_mut_sint(doc, number));
		return 0;
	}
}

static bool has_same_key(yyjson_mut_val *element, const void *arg)
{
	const char *old = yyjson_mut_get_str(element), *fresh = arg;
	size_t length = strcspn(fresh, "=");

	return old && strncmp(old, fresh, length) == 0 && (old[length] == '=' || old[length] == '\0');
}

static bool has_name(yyjson_mut_val *element, const void *arg)
{
	return str_eq(yyjson_mut_get_str(yyjson_mut_obj_get(element, "Name")), arg);
}

static bool has_target(yyjson_mut_val *element, const void *arg)
{
	return str_eq(yyjson_mut_get_str(yyjson_mut_obj_get(element, "Target")), arg);
}

static bool is_text(yyjson_mut_val *element, const void *arg)
{
	return str_eq(yyjson_mut_get_str(element), arg);
}

struct port_key { unsigned target; const char *protocol; };

static bool is_port(yyjson_mut_val *element, const void *arg)
{
	const struct port_key *key = arg;
	const char *protocol = yyjson_mut_get_str(yyjson_mut_obj_get(element, "Protocol"));

	return yyjson_mut_get_uint(yyjson_mut_obj_get(element, "TargetPort")) == key->target &&
	       str_eq(protocol ? protocol : "tcp", key->protocol);
}

static void add_env(yyjson_mut_doc *doc, const char *path, const char *word)
{
	spec_filter(doc, path, has_same_key, word);
	yyjson_mut_arr_add_strcpy(doc, spec_array(doc, path), word);
}

static int add_map(yyjson_mut_doc *doc, const char *path, const char *pair, struct err *err)
{
	size_t length = strcspn(pair, "=");
	char *key = str_printf("%.*s", (int)length, pair);
	int result = 0;

	if (length == 0 || strpbrk(key, " \t"))
		result = err_set(err, ERR_INVALID, length ? "label '%s' contains whitespaces" :
							    "invalid label '%s': empty name",
				 length ? key : pair);
	else
		spec_put(doc, path, key, pair[length] ? pair + length + 1 : "");
	str_freep(&key);
	return result;
}

/* Two of the same command line at one place are the agent's to refuse. */
static int add_mount(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *mount;

	if (mount_flag_parse(value, doc, &mount, err) < 0)
		return -1;
	yyjson_mut_arr_append(spec_array(doc, path), mount);
	return 0;
}

static bool is_same_port(yyjson_mut_val *element, const void *arg)
{
	return yyjson_mut_equals(element, (yyjson_mut_val *)arg);
}

static int add_ports(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *fresh = yyjson_mut_arr(doc), *port;

	if (port_flag_parse(value, doc, fresh, err) < 0)
		return -1;
	while ((port = yyjson_mut_arr_remove_first(fresh))) {
		spec_filter(doc, path, is_same_port, port);
		yyjson_mut_arr_append(spec_array(doc, path), port);
	}
	return 0;
}

/* Keeps the order; what is there already is not added again. */
static void add_once(yyjson_mut_doc *doc, const char *path, const char *text)
{
	yyjson_mut_val *array = spec_array(doc, path), *item;
	yyjson_mut_arr_iter iter;

	yyjson_mut_arr_iter_init(array, &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter)))
		if (is_text(item, text))
			return;
	yyjson_mut_arr_add_strcpy(doc, array, text);
}

static int add_parsed(yyjson_mut_doc *doc, const char *path, const char *value,
		      int (*parse)(const char *, char **, struct err *), struct err *err)
{
	char *parsed;

	if (parse(value, &parsed, err) < 0)
		return -1;
	add_once(doc, path, parsed);
	free(parsed);
	return 0;
}

static void add_pair(yyjson_mut_doc *doc, const char *path, const char *pair)
{
	char *key = str_printf("%.*s", (int)strcspn(pair, "="), pair);

	spec_put(doc, path, key, *(pair + strlen(key)) ? pair + strlen(key) + 1 : "");
	free(key);
}

/* As in hosts(5): the address first. */
static int add_host(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	char *name, *address;

	if (container_flag_host(value, &name, &address, err) < 0)
		return -1;
	char *line = str_printf("%s %s", address, name);
	add_once(doc, path, line);
	free(line);
	free(name);
	free(address);
	return 0;
}

static int add_ulimit(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *limit, *array, *item;
	yyjson_mut_arr_iter iter;
	size_t at = 0;

	if (container_flag_ulimit(value, doc, &limit, err) < 0)
		return -1;
	const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(limit, "Name"));
	spec_filter(doc, path, has_name, name);
	array = spec_array(doc, path);
	yyjson_mut_arr_iter_init(array, &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter)))
		at += strcmp(yyjson_mut_get_str(yyjson_mut_obj_get(item, "Name")), name) < 0;
	yyjson_mut_arr_insert(array, limit, at);
	return 0;
}

static int add_network(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *network, *item;
	yyjson_mut_arr_iter iter;

	if (container_flag_network(value, doc, &network, err) < 0)
		return -1;
	const char *target = yyjson_mut_get_str(yyjson_mut_obj_get(network, "Target"));
	yyjson_mut_arr_iter_init(spec_array(doc, path), &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter)))
		if (has_target(item, target))
			return err_set(err, ERR_INVALID, "service is already attached to network %s",
				       value);
	yyjson_mut_arr_append(spec_array(doc, path), network);
	return 0;
}

static int add_to_list(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
		       struct err *err)
{
	struct strlist words = {0};

	switch (flag->kind) {
	case FLAG_MAP:
		return add_map(doc, flag->path, value, err);
	case FLAG_ENV:
		if (value[0] == '=' || value[0] == '\0')
			return err_set(err, ERR_INVALID, "invalid environment variable: %s", value);
		words_env(value, &words);
		add_env(doc, flag->path, words.items[0]);
		strlist_fini(&words);
		return 0;
	case FLAG_PAIR:
		add_pair(doc, flag->path, value);
		return 0;
	case FLAG_ONCE:
		add_once(doc, flag->path, value);
		return 0;
	case FLAG_ADDRESS:
		return add_parsed(doc, flag->path, value, container_flag_address, err);
	case FLAG_DOMAIN:
		return add_parsed(doc, flag->path, value, container_flag_domain, err);
	case FLAG_HOST:
		return add_host(doc, flag->path, value, err);
	case FLAG_ULIMIT:
		return add_ulimit(doc, flag->path, value, err);
	case FLAG_NETWORK:
		return add_network(doc, flag->path, value, err);
	case FLAG_MOUNT:
		return add_mount(doc, flag->path, value, err);
	case FLAG_PORT:
		return add_ports(doc, flag->path, value, err);
	case FLAG_SECRET:
	case FLAG_CONFIG:
		return reference_flag_add(doc, flag->path, flag->kind == FLAG_CONFIG, value, err);
	default:
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, flag->path), value);
		return 0;
	}
}

/* "name" from every line, "name:address" from the lines of that address; a line without names goes. */
static void remove_host(yyjson_mut_doc *doc, const char *path, const char *value)
{
	size_t length = strcspn(value, ":");
	const char *address = value[length] ? value + length + 1 : "";
	yyjson_mut_val *array = spec_find(doc, path), *item, *kept = yyjson_mut_arr(doc);
	yyjson_mut_arr_iter iter;

	yyjson_mut_arr_iter_init(array, &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter))) {
		struct strlist words = {0};
		struct err ignored;
		const char *line = yyjson_mut_get_str(item);

		if (!line || words_split(line, &words, &ignored) < 0 || words.count == 0)
			continue;
		CLEANUP(buf_finip) struct buf left = BUF_INIT;
		bool is_meant = !*address || str_eq(words.items[0], address);
		for (size_t i = 1; i < words.count; i++)
			if (!is_meant || strlen(words.items[i]) != length ||
			    strncmp(words.items[i], value, length) != 0)
				buf_printf(&left, " %s", words.items[i]);
		if (left.len) {
			char *whole = str_printf("%s%s", words.items[0], buf_text(&left));
			yyjson_mut_arr_add_strcpy(doc, kept, whole);
			free(whole);
		}
		strlist_fini(&words);
	}
	if (array)
		spec_set(doc, path, kept);
}

static int remove_from_list(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			    struct err *err)
{
	struct port_key port;
	char *key;

	switch (flag->kind) {
	case FLAG_MAP:
		spec_remove(doc, flag->path, value);
		return 0;
	case FLAG_PAIR:
	case FLAG_ULIMIT:
		key = str_printf("%.*s", (int)strcspn(value, "="), value);
		if (flag->kind == FLAG_PAIR)
			spec_remove(doc, flag->path, key);
		else
			spec_filter(doc, flag->path, has_name, key);
		free(key);
		return 0;
	case FLAG_HOST:
		remove_host(doc, flag->path, value);
		return 0;
	case FLAG_NETWORK:
		spec_filter(doc, flag->path, has_target, container_flag_network_id(value));
		return 0;
	case FLAG_ENV:
		spec_filter(doc, flag->path, has_same_key, value);
		return 0;
	case FLAG_MOUNT:
		spec_filter(doc, flag->path, has_target, value);
		return 0;
	case FLAG_PORT:
		if (port_flag_parse_target(value, &port.target, &port.protocol, err) < 0)
			return -1;
		spec_filter(doc, flag->path, is_port, &port);
		return 0;
	case FLAG_SECRET:
	case FLAG_CONFIG:
		reference_flag_remove(doc, flag->path, flag->kind == FLAG_CONFIG, value);
		return 0;
	default:
		spec_filter(doc, flag->path, is_text, value);
		return 0;
	}
}

int service_flag_make_room(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			   struct err *err)
{
	yyjson_mut_val *mount;

	if (flag->kind != FLAG_MOUNT)
		return 0;
	if (mount_flag_parse(value, doc, &mount, err) < 0)
		return -1;
	spec_filter(doc, flag->path, has_target, yyjson_mut_get_str(yyjson_mut_obj_get(mount, "Target")));
	return 0;
}

int service_flag_apply(const struct service_flag *flag, char verb, const char *value,
		       yyjson_mut_doc *doc, struct err *err)
{
	if (verb == '=')
		return set_scalar(flag, value, doc, err);
	if (verb == '+')
		return add_to_list(flag, value, doc, err);
	return remove_from_list(flag, value, doc, err);
}
