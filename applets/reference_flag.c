#include "applets/reference_flag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "applets/listing.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/str.h"
#include "client/dig.h"

#define SECRETS "TaskTemplate.ContainerSpec.Secrets"
#define CONFIGS "TaskTemplate.ContainerSpec.Configs"

struct reference { const char *source, *target, *uid, *gid; uint32_t mode; };

static const char *kind_of(bool is_config) { return is_config ? "config" : "secret"; }
static const char *name_key(bool is_config) { return is_config ? "ConfigName" : "SecretName"; }
static const char *id_key(bool is_config) { return is_config ? "ConfigID" : "SecretID"; }

/* As Go reads a number without being told its base: 0444, 0o444, 292, 0x124, 0b11. */
static int parse_mode(const char *value, uint32_t *ret, struct err *err)
{
	bool is_octal = str_starts(value, "0o"), is_binary = str_starts(value, "0b"), is_prefixed = is_octal || is_binary;
	unsigned long mode;
	char *end;

	errno = 0;
	mode = strtoul(value + 2 * is_prefixed, &end, is_octal ? 8 : is_binary ? 2 : 0);
	if (value[0] < '0' || value[0] > '9' || (is_prefixed && (value[2] < '0' || value[2] > '9')) || *end)
		return err_set(err, ERR_INVALID, "invalid mode specified: strconv.ParseUint: parsing \"%.100s\": invalid syntax", value);
	if (errno || mode > UINT32_MAX)
		return err_set(err, ERR_INVALID, "invalid mode specified: strconv.ParseUint: parsing \"%.100s\": value out of range", value);
	*ret = (uint32_t)mode;
	return 0;
}

static int parse_field(char *field, bool is_config, struct reference *ret, struct err *err)
{
	char *value = strchr(field, '=');

	if (!value || value == field)
		return err_set(err, ERR_INVALID, "invalid field '%.200s' must be a key=value pair", field);
	*value++ = '\0';
	if (str_eq_nocase(field, "source") || str_eq_nocase(field, "src"))
		ret->source = value;
	else if (str_eq_nocase(field, "target"))
		ret->target = value;
	else if (str_eq_nocase(field, "uid"))
		ret->uid = value;
	else if (str_eq_nocase(field, "gid"))
		ret->gid = value;
	else if (str_eq_nocase(field, "mode"))
		return parse_mode(value, &ret->mode, err);
	else
		return err_set(err, ERR_INVALID, "invalid field in %s request: %.200s", kind_of(is_config), field);
	return 0;
}

static int parse(struct strlist *fields, bool is_config, struct reference *ret, struct err *err)
{
	*ret = (struct reference){ .uid = "0", .gid = "0", .mode = 0444 };
	if (fields->count == 1 && !strchr(fields->items[0], '='))
		ret->source = fields->items[0];
	else
		for (size_t i = 0; i < fields->count; i++)
			if (parse_field(fields->items[i], is_config, ret, err) < 0)
				return -1;
	if (str_is_empty(ret->source))
		return err_set(err, ERR_INVALID, "source is required");
	if (str_is_empty(ret->target))
		ret->target = ret->source;
	return 0;
}

static const char *target_of(yyjson_mut_val *element)
{
	return yyjson_mut_get_str(yyjson_mut_obj_get(yyjson_mut_obj_get(element, "File"), "Name"));
}

/* Of those on this command line; what the service has already is the agent's to compare. */
static int check_target(yyjson_mut_val *array, bool is_config, const struct reference *reference, struct err *err)
{
	yyjson_mut_arr_iter iter;
	yyjson_mut_val *element;

	yyjson_mut_arr_iter_init(array, &iter);
	while ((element = yyjson_mut_arr_iter_next(&iter)))
		if (!yyjson_mut_obj_get(element, id_key(is_config)) && str_eq(target_of(element), reference->target))
			return err_set(err, ERR_INVALID, "duplicate %s target for %s not allowed", kind_of(is_config), reference->source);
	return 0;
}

int reference_flag_add(yyjson_mut_doc *doc, const char *path, bool is_config, const char *value, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist fields = { 0 };
	struct reference reference;
	yyjson_mut_val *array, *element, *file;

	if (words_csv(value, &fields, err) < 0 || parse(&fields, is_config, &reference, err) < 0)
		return -1;
	array = spec_array(doc, path);
	if (check_target(array, is_config, &reference, err) < 0)
		return -1;
	element = yyjson_mut_arr_add_obj(doc, array);
	file = yyjson_mut_obj_add_obj(doc, element, "File");
	yyjson_mut_obj_add_strcpy(doc, file, "Name", reference.target);
	yyjson_mut_obj_add_strcpy(doc, file, "UID", reference.uid);
	yyjson_mut_obj_add_strcpy(doc, file, "GID", reference.gid);
	yyjson_mut_obj_add_uint(doc, file, "Mode", reference.mode);
	yyjson_mut_obj_add_strcpy(doc, element, name_key(is_config), reference.source);
	return 0;
}

struct named { const char *key, *name; };

static bool has_name(yyjson_mut_val *element, const void *arg)
{
	const struct named *named = arg;
	return str_eq(yyjson_mut_get_str(yyjson_mut_obj_get(element, named->key)), named->name);
}

void reference_flag_remove(yyjson_mut_doc *doc, const char *path, bool is_config, const char *name)
{
	spec_filter(doc, path, has_name, &(struct named){ name_key(is_config), name });
}

/* NULL when no name of the list is it. */
static const char *find_id(yyjson_val *list, const char *name)
{
	yyjson_arr_iter iter;
	yyjson_val *item;

	yyjson_arr_iter_init(list, &iter);
	while ((item = yyjson_arr_iter_next(&iter)))
		if (str_eq(dig_str(item, "Spec.Name"), name))
			return dig_str(item, "ID");
	return NULL;
}

static int resolve_one(struct call *call, yyjson_mut_doc *doc, yyjson_mut_val *element, bool is_config, struct err *err)
{
	const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(element, name_key(is_config)));
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct strlist filters = { 0 };
	yyjson_doc *found = NULL;
	const char *id;
	int rc;

	buf_printf(&path, "/%ss", kind_of(is_config));
	listing_add_filter(&filters, "name", name);
	listing_add_filters(&filters, &path);
	strlist_fini(&filters);
	rc = call_get(call, &found, err, "%s", buf_text(&path));
	if (rc == 0 && (id = find_id(yyjson_doc_get_root(found), name)))
		yyjson_mut_obj_add_strcpy(doc, element, id_key(is_config), id);
	else if (rc == 0)
		rc = err_set(err, ERR_NOT_FOUND, "%s not found: %s", kind_of(is_config), name);
	yyjson_doc_free(found);
	return rc;
}

static int resolve(struct call *call, yyjson_mut_doc *doc, const char *path, bool is_config, struct err *err)
{
	yyjson_mut_arr_iter iter;
	yyjson_mut_val *element;

	yyjson_mut_arr_iter_init(spec_find(doc, path), &iter);
	while ((element = yyjson_mut_arr_iter_next(&iter)))
		if (!yyjson_mut_obj_get(element, id_key(is_config)) && resolve_one(call, doc, element, is_config, err) < 0)
			return -1;
	return 0;
}

int reference_flag_resolve(struct call *call, yyjson_mut_doc *doc, struct err *err)
{
	return resolve(call, doc, SECRETS, false, err) < 0 ? -1 : resolve(call, doc, CONFIGS, true, err);
}
