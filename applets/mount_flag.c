#include "applets/mount_flag.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/words.h"
#include "base/panic.h"
#include "base/units.h"

struct mount_flag {
	yyjson_mut_doc *doc;
	yyjson_mut_val *object, *bind, *volume, *tmpfs;
	bool read_only;
	const char *type, *propagation;
	const char *recursive;          /* NULL, "writable", "readonly" */
	struct err *err;
};

static yyjson_mut_val *part(struct mount_flag *m, yyjson_mut_val **part, const char *name)
{
	if (!*part) {
		*part = yyjson_mut_obj(m->doc);
		yyjson_mut_obj_add_val(m->doc, m->object, name, *part);
	}
	return *part;
}

static yyjson_mut_val *bind_part(struct mount_flag *m)
{
	return part(m, &m->bind, "BindOptions");
}

static yyjson_mut_val *volume_part(struct mount_flag *m)
{
	return part(m, &m->volume, "VolumeOptions");
}

static yyjson_mut_val *tmpfs_part(struct mount_flag *m)
{
	return part(m, &m->tmpfs, "TmpfsOptions");
}

static yyjson_mut_val *member(struct mount_flag *m, yyjson_mut_val *object, const char *name)
{
	yyjson_mut_val *found = yyjson_mut_obj_get(object, name);

	return found ? found : yyjson_mut_obj_add_obj(m->doc, object, name);
}

static int bad_value(struct mount_flag *m, const char *key, const char *value)
{
	return err_set(m->err, ERR_INVALID, "invalid value for %s: %s", key, value);
}

static int add_bool(struct mount_flag *m, yyjson_mut_val *object, const char *name, const char *key,
		    const char *value, bool *ret)
{
	bool yes = str_eq(value, "true") || str_eq(value, "1") || str_eq(value, "t");

	if (!yes && !str_eq(value, "false") && !str_eq(value, "0") && !str_eq(value, "f"))
		return bad_value(m, key, value);
	if (yes)
		yyjson_mut_obj_add_bool(m->doc, object, name, true);
	if (ret)
		*ret = yes;
	return 0;
}

static void add_pair(struct mount_flag *m, yyjson_mut_val *object, const char *pair)
{
	size_t length = strcspn(pair, "=");

	if (length > 0)
		yyjson_mut_obj_put(object, yyjson_mut_strncpy(m->doc, pair, length),
				   yyjson_mut_strcpy(m->doc, pair[length] ? pair + length + 1 : ""));
}

static int take_source(struct mount_flag *m, const char *value)
{
	char *cwd = value[0] == '.' ? getcwd(NULL, 0) : NULL;

	if (cwd) {
		char *joined = str_printf("%s/%s", cwd, value);
		char *real = realpath(joined, NULL);
		yyjson_mut_obj_add_strcpy(m->doc, m->object, "Source", real ? real : joined);
		free(real);
		free(joined);
		free(cwd);
	} else {
		yyjson_mut_obj_add_strcpy(m->doc, m->object, "Source", value);
	}
	return 0;
}

static int take_recursive(struct mount_flag *m, const char *value)
{
	if (str_eq(value, "enabled"))
		return 0;
	if (str_eq(value, "disabled")) {
		yyjson_mut_obj_add_bool(m->doc, bind_part(m), "NonRecursive", true);
		return 0;
	}
	if (str_eq(value, "writable") || str_eq(value, "readonly")) {
		yyjson_mut_obj_add_bool(m->doc, bind_part(m), str_eq(value, "writable") ?
					"ReadOnlyNonRecursive" : "ReadOnlyForceRecursive", true);
		m->recursive = str_eq(value, "writable") ? "writable" : "readonly";
		return 0;
	}
	return err_set(m->err, ERR_INVALID, "invalid value for bind-recursive: %s (must be \"enabled\", "
		       "\"disabled\", \"writable\", or \"readonly\")", value);
}

static int take_tmpfs_size(struct mount_flag *m, const char *value)
{
	struct err ignored = {0};
	int64_t bytes;

	if (units_parse_bytes(value, &bytes, &ignored) < 0)
		return bad_value(m, "tmpfs-size", value);
	yyjson_mut_obj_add_sint(m->doc, tmpfs_part(m), "SizeBytes", bytes);
	return 0;
}

static int take_tmpfs_mode(struct mount_flag *m, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (!*value || *end || value[0] == '-' || mode > UINT32_MAX)
		return bad_value(m, "tmpfs-mode", value);
	yyjson_mut_obj_add_uint(m->doc, tmpfs_part(m), "Mode", mode);
	return 0;
}

static int take_type(struct mount_flag *m, const char *value)
{
	static const char *const known[] = { "bind", "volume", "tmpfs" };
	static const char *const others[] = { "image", "cluster", "npipe" };

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (str_eq_nocase(known[i], value))
			m->type = known[i];
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (str_eq_nocase(others[i], value))
			return err_set(m->err, ERR_UNSUPPORTED,
				       "mount type '%s' is not supported by swarmbox yet", others[i]);
	if (!*value)
		return err_set(m->err, ERR_INVALID, "type is required");
	if (!str_eq_nocase(m->type, value))
		return err_set(m->err, ERR_INVALID, "invalid mount type '%s'", value);
	return 0;
}

static int take_key(struct mount_flag *m, const char *field, const char *key, const char *value)
{
	if (str_eq(key, "type"))
		return take_type(m, value);
	if (str_eq(key, "source") || str_eq(key, "src"))
		return take_source(m, value);
	if (str_eq(key, "target") || str_eq(key, "dst") || str_eq(key, "destination")) {
		yyjson_mut_obj_add_strcpy(m->doc, m->object, "Target", value);
		return 0;
	}
	if (str_eq(key, "readonly") || str_eq(key, "ro"))
		return add_bool(m, m->object, "ReadOnly", key, value, &m->read_only);
	if (str_eq(key, "consistency")) {
		yyjson_mut_obj_add_strcpy(m->doc, m->object, "Consistency", value);
		return 0;
	}
	if (str_eq(key, "bind-propagation")) {
		yyjson_mut_obj_add_strcpy(m->doc, bind_part(m), "Propagation", value);
		m->propagation = yyjson_mut_get_str(yyjson_mut_obj_get(m->bind, "Propagation"));
		return 0;
	}
	if (str_eq(key, "bind-nonrecursive"))
		return add_bool(m, bind_part(m), "NonRecursive", key, value, NULL);
	if (str_eq(key, "bind-recursive"))
		return take_recursive(m, value);
	if (str_eq(key, "volume-nocopy"))
		return add_bool(m, volume_part(m), "NoCopy", key, value, NULL);
	if (str_eq(key, "volume-label")) {
		add_pair(m, member(m, volume_part(m), "Labels"), value);
		return 0;
	}
	if (str_eq(key, "volume-driver")) {
		yyjson_mut_obj_add_strcpy(m->doc, member(m, volume_part(m), "DriverConfig"), "Name", value);
		return 0;
	}
	if (str_eq(key, "volume-opt")) {
		add_pair(m, member(m, member(m, volume_part(m), "DriverConfig"), "Options"), value);
		return 0;
	}
	if (str_eq(key, "tmpfs-size"))
		return take_tmpfs_size(m, value);
	if (str_eq(key, "tmpfs-mode"))
		return take_tmpfs_mode(m, value);
	if (str_eq(key, "volume-subpath")) {
		yyjson_mut_obj_add_strcpy(m->doc, volume_part(m), "Subpath", value);
		return 0;
	}
	if (str_eq(key, "image-subpath"))
		return err_set(m->err, ERR_UNSUPPORTED, "%s is not supported by swarmbox yet", key);
	return err_set(m->err, ERR_INVALID, "unexpected key '%s' in '%s'", key, field);
}

static int take_field(struct mount_flag *m, const char *field)
{
	static const char *const bare[] = { "readonly", "ro", "volume-nocopy", "bind-nonrecursive" };
	size_t length = strcspn(field, "=");
	char key[32] = "";

	if (length >= sizeof(key))
		return err_set(m->err, ERR_INVALID, "unexpected key '%.*s' in '%s'", (int)length, field, field);
	for (size_t i = 0; i < length; i++)
		key[i] = (char)(field[i] >= 'A' && field[i] <= 'Z' ? field[i] + 32 : field[i]);
	if (field[length] == '=')
		return take_key(m, field, key, field + length + 1);
	for (size_t i = 0; i < ARRAY_COUNT(bare); i++)
		if (str_eq(bare[i], key))
			return take_key(m, field, key, "true");
	return err_set(m->err, ERR_INVALID, "invalid field '%s' must be a key=value pair", field);
}

static int check_whole(struct mount_flag *m)
{
	const struct { yyjson_mut_val *part; const char *type; } parts[] = {
		{ m->volume, "volume" }, { m->bind, "bind" }, { m->tmpfs, "tmpfs" },
	};
	const char *target = yyjson_mut_get_str(yyjson_mut_obj_get(m->object, "Target"));

	if (str_is_empty(target))
		return err_set(m->err, ERR_INVALID, "target is required");
	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		if (parts[i].part && !str_eq(m->type, parts[i].type))
			return err_set(m->err, ERR_INVALID,
				       "cannot mix '%s-*' options with mount type '%s'", parts[i].type,
				       m->type);
	if (m->recursive && !m->read_only)
		return err_set(m->err, ERR_INVALID, "option 'bind-recursive=%s' requires 'readonly' to be "
			       "specified in conjunction", m->recursive);
	if (str_eq(m->recursive, "readonly") && !str_eq(m->propagation, "rprivate"))
		return err_set(m->err, ERR_INVALID, "option 'bind-recursive=readonly' requires "
			       "'bind-propagation=rprivate' to be specified in conjunction");
	return 0;
}

int mount_flag_parse(const char *text, yyjson_mut_doc *doc, yyjson_mut_val **ret, struct err *err)
{
	struct mount_flag m = { .doc = doc, .object = yyjson_mut_obj(doc), .type = "volume", .err = err };
	struct strlist fields = {0};
	int result = words_csv(text, &fields, err);

	for (size_t i = 0; i < fields.count && result == 0; i++)
		result = take_field(&m, fields.items[i]);
	strlist_fini(&fields);
	if (result < 0 || check_whole(&m) < 0)
		return -1;
	yyjson_mut_obj_add_str(doc, m.object, "Type", m.type);
	*ret = m.object;
	return 0;
}
