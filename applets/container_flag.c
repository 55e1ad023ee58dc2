#include "applets/container_flag.h"

#include <stdlib.h>
#include <string.h>

#include "applets/words.h"
#include "base/ip.h"
#include "base/panic.h"
#include "model/predefined_network.h"
#include "model/rlimit.h"
#include "model/validate_parts.h"

/* --- ulimit --- */

static int parse_limit(const char *text, size_t length, int64_t *ret, struct err *err)
{
	char *number = str_printf("%.*s", (int)length, text);
	int result = str_to_i64(number, ret);

	if (result < 0)
		err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax", number);
	free(number);
	return result;
}

static int check_limits(int64_t soft, int64_t hard, struct err *err)
{
	if (hard == -1 || (soft != -1 && soft <= hard))
		return 0;
	if (soft == -1)
		return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard "
			       "limit: soft: -1 (unlimited), hard: %lld", (long long)hard);
	return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard limit: "
		       "%lld > %lld", (long long)soft, (long long)hard);
}

int container_flag_ulimit(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret,
			  struct err *err)
{
	size_t name_length = strcspn(text, "=");
	int64_t soft, hard;

	if (!text[name_length])
		return err_set(err, ERR_INVALID, "invalid ulimit argument: %s", text);
	const char *limits = text + name_length + 1;
	size_t soft_length = strcspn(limits, ":");
	yyjson_mut_val *name = yyjson_mut_strncpy(doc, text, name_length);

	if (rlimit_find(yyjson_mut_get_str(name)) < 0)
		return err_set(err, ERR_INVALID, "invalid ulimit type: %s", yyjson_mut_get_str(name));
	if (limits[soft_length] && strchr(limits + soft_length + 1, ':'))
		return err_set(err, ERR_INVALID, "too many limit value arguments - %s, can only have up "
			       "to two, `soft[:hard]`", limits);
	if (parse_limit(limits, soft_length, &soft, err) < 0)
		return -1;
	hard = soft;
	if (limits[soft_length] && parse_limit(limits + soft_length + 1, strlen(limits) - soft_length - 1,
					       &hard, err) < 0)
		return -1;
	if (check_limits(soft, hard, err) < 0)
		return -1;
	*ret = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_val(doc, *ret, "Name", name);
	yyjson_mut_obj_add_sint(doc, *ret, "Hard", hard);
	yyjson_mut_obj_add_sint(doc, *ret, "Soft", soft);
	return 0;
}

/* --- devices --- */

static bool is_access(const char *text)
{
	return *text && text[strspn(text, "rwm")] == '\0';
}

int container_flag_device(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist parts = str_split(text, ':');
	const char *path = parts.items[0], *access = "rwm";

	if (parts.count > 3 || !*parts.items[0])
		return err_set(err, ERR_INVALID, "invalid device specification: %s", text);
	if (parts.count > 1 && (parts.count == 3 || !is_access(parts.items[1])))
		path = parts.items[1];
	else if (parts.count > 1)
		access = parts.items[1];
	if (parts.count == 3)
		access = parts.items[2];
	if (!is_access(access))
		return err_set(err, ERR_INVALID, "invalid device specification: %s", text);
	*ret = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_strcpy(doc, *ret, "PathOnHost", parts.items[0]);
	yyjson_mut_obj_add_strcpy(doc, *ret, "PathInContainer", path);
	yyjson_mut_obj_add_strcpy(doc, *ret, "CgroupPermissions", access);
	return 0;
}

/* --- addresses and names --- */

int container_flag_address(const char *text, char **ret, struct err *err)
{
	char *trimmed = str_printf("%s", text + strspn(text, " \t")), plain[IP_TEXT_SIZE];
	struct ip ip;

	trimmed[strcspn(trimmed, " \t")] = '\0';
	int result = ip_parse(trimmed, &ip);
	free(trimmed);
	if (result < 0)
		return err_set(err, ERR_INVALID, "IP address is not correctly formatted: %s", text);
	*ret = str_dup(ip_format(ip, plain));
	return 0;
}

/* "=" or else the first ":", for a name has no colon and an address may have several. */
int container_flag_host(const char *text, char **ret_name, char **ret_address, struct err *err)
{
	size_t length = strchr(text, '=') ? strcspn(text, "=") : strcspn(text, ":");
	const char *address = text[length] ? text + length + 1 : "";
	size_t address_length = strlen(address);

	if (length == 0 || !text[length] || memchr(text, ':', length))
		return err_set(err, ERR_INVALID, "bad format for add-host: \"%s\"", text);
	if (address_length > 2 && address[0] == '[' && address[address_length - 1] == ']') {
		address++;
		address_length -= 2;
	}
	char *name = str_printf("%.*s", (int)length, text);
	char *plain = str_printf("%.*s", (int)address_length, address);
	if (validate_host_entry(plain, name, err) < 0) {
		free(name);
		free(plain);
		return -1;
	}
	*ret_name = name;
	*ret_address = plain;
	return 0;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and inner dashes, dots between; a letter somewhere. */
static bool is_domain(const char *text, size_t length)
{
	bool has_letter = false;

	for (size_t i = 0; i < length; i++) {
		bool is_edge = i == 0 || i + 1 == length || text[i - 1] == '.' || text[i + 1] == '.';

		if (text[i] == '.' ? is_edge : !is_alnum(text[i]) && (text[i] != '-' || is_edge))
			return false;
		has_letter |= (text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z';
	}
	return has_letter && length < 255;
}

int container_flag_domain(const char *text, char **ret, struct err *err)
{
	const char *start = text + strspn(text, " ");
	size_t length = strcspn(start, " ");

	if (length == 1 && start[0] == '.') {
		*ret = str_dup(".");
		return 0;
	}
	if (length > 1 && start[length - 1] == '.')
		length--;
	if (!is_domain(start, length) || start[length + strspn(start + length, ". ")])
		return err_set(err, ERR_INVALID, "%s is not a valid domain", text);
	*ret = str_printf("%.*s", (int)length, start);
	return 0;
}

/* --- network --- */

const char *container_flag_network_id(const char *name_or_id)
{
	int found = predefined_network_find(name_or_id);

	return found < 0 ? name_or_id : predefined_network_id((enum predefined_network)found);
}

static int take_pair(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *pair, struct err *err)
{
	size_t length = strcspn(pair, "=");
	yyjson_mut_val *options = yyjson_mut_obj_get(object, "DriverOpts");

	if (length == 0 || !pair[length])
		return err_set(err, ERR_INVALID, "invalid key value pair format in driver options");
	if (!options)
		options = yyjson_mut_obj_add_obj(doc, object, "DriverOpts");
	yyjson_mut_obj_put(options, yyjson_mut_strncpy(doc, pair, length),
			   yyjson_mut_strcpy(doc, pair + length + 1));
	return 0;
}

static int take_network_field(const char *field, yyjson_mut_doc *doc, yyjson_mut_val *object,
			      struct err *err)
{
	const char *value;

	if ((value = str_after(field, "name="))) {
		yyjson_mut_obj_put(object, yyjson_mut_str(doc, "Target"),
				   yyjson_mut_strcpy(doc, container_flag_network_id(value)));
	} else if ((value = str_after(field, "alias="))) {
		yyjson_mut_val *aliases = yyjson_mut_obj_get(object, "Aliases");
		if (!aliases)
			aliases = yyjson_mut_obj_add_arr(doc, object, "Aliases");
		yyjson_mut_arr_add_strcpy(doc, aliases, value);
	} else if ((value = str_after(field, "driver-opt="))) {
		return take_pair(doc, object, value, err);
	} else {
		size_t length = strcspn(field, "=");
		if (length == 0 || !field[length])
			return err_set(err, ERR_INVALID, "invalid field %s", field);
		return err_set(err, ERR_INVALID, "invalid field key %.*s", (int)length, field);
	}
	return 0;
}

int container_flag_network(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret,
			   struct err *err)
{
	struct strlist fields = {0};
	int result = 0;

	*ret = yyjson_mut_obj(doc);
	if (!strchr(text, '=')) {
		yyjson_mut_obj_add_strcpy(doc, *ret, "Target", container_flag_network_id(text));
		return 0;
	}
	result = words_csv(text, &fields, err);
	for (size_t i = 0; i < fields.count && result == 0; i++)
		result = take_network_field(fields.items[i], doc, *ret, err);
	strlist_fini(&fields);
	if (result == 0 && str_is_empty(yyjson_mut_get_str(yyjson_mut_obj_get(*ret, "Target"))))
		return err_set(err, ERR_INVALID, "network name/id is not specified");
	return result;
}
