#include "model/secret.h"

#include <limits.h>
#include <string.h>

#include "base/str.h"

#define REFUSED "rpc error: code = InvalidArgument desc = "

static const struct field driver_fields[] = {
	F(1, STR, template_driver, name, "Name", 0),
	F(2, STR_MAP, template_driver, options, "Options", 0),
};
static const struct shape driver_shape = SHAPE(template_driver, driver_fields);

static const struct field spec_fields[] = {
	F(1, STR, secret_spec, name, "Name", FIELD_ALWAYS),
	F(2, STR_MAP, secret_spec, labels, "Labels", FIELD_ALWAYS),
	F(3, BYTES, secret_spec, data, "Data", 0),
	F_REFUSED("Driver"),
	F_OF(4, OPTION, secret_spec, templating, "Templating", 0, driver_shape),
};
const struct shape secret_spec_shape = SHAPE(secret_spec, spec_fields);

static const struct field secret_fields[] = {
	F_OF(SECRET_SPEC, STRUCT, secret, spec, "Spec", FIELD_ALWAYS | FIELD_SPEC, secret_spec_shape),
	F(SECRET_SEALED, BYTES, secret, sealed, "Sealed", FIELD_HIDDEN),
};
const struct shape secret_shape = SHAPE(secret, secret_fields);

static const struct field target_fields[] = {
	F(1, STR, file_target, name, "Name", FIELD_ALWAYS),
	F(2, STR, file_target, uid, "UID", FIELD_ALWAYS),
	F(3, STR, file_target, gid, "GID", FIELD_ALWAYS),
	F(4, U64, file_target, mode, "Mode", FIELD_ALWAYS),
};
static const struct shape target_shape = SHAPE(file_target, target_fields);

static const struct field secret_reference_fields[] = {
	F_OF(1, OPTION, secret_reference, file, "File", 0, target_shape),
	F(2, STR, secret_reference, id, "SecretID", FIELD_ALWAYS),
	F(3, STR, secret_reference, name, "SecretName", FIELD_ALWAYS),
};
const struct shape secret_reference_shape = SHAPE(secret_reference, secret_reference_fields);

static const struct field config_reference_fields[] = {
	F_OF(1, OPTION, secret_reference, file, "File", 0, target_shape),
	F_REFUSED("Runtime"),
	F(2, STR, secret_reference, id, "ConfigID", FIELD_ALWAYS),
	F(3, STR, secret_reference, name, "ConfigName", FIELD_ALWAYS),
};
const struct shape config_reference_shape = SHAPE(secret_reference, config_reference_fields);

static const char *kind_of(bool is_config)
{
	return is_config ? "config" : "secret";
}

/* ---- what people make -------------------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$ */
static bool is_secret_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!is_alnum(name[i]) && !strchr("-_.", name[i]))
			return false;
	return length <= SECRET_NAME_MAX && is_alnum(name[0]) && is_alnum(name[length - 1]);
}

int validate_secret_spec(const struct secret_spec *spec, bool is_config, struct err *err)
{
	const size_t max = is_config ? CONFIG_BYTES_MAX : SECRET_BYTES_MAX;

	if (str_is_empty(spec->name))
		return err_set(err, ERR_INVALID, REFUSED "name must be provided");
	if (!is_secret_name(spec->name))
		return err_set(err, ERR_INVALID, REFUSED "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end "
			       "character must be [a-zA-Z0-9]");
	if (spec->templating && (!str_eq(spec->templating->name, "golang") || spec->templating->options.count))
		return err_set(err, ERR_INVALID, REFUSED "unrecognized template type: %.100s%s",
			       spec->templating->name ? spec->templating->name : "", spec->templating->options.count ? " with options" : "");
	if (spec->data.count < 1 || spec->data.count > max)
		return err_set(err, ERR_INVALID, REFUSED "%s data must be larger than 0 and less than %zu bytes", kind_of(is_config), max + 1);
	return 0;
}

/* ---- what containers ask for ------------------------------------------------------------------------------------- */

/* Appends the parts of a path; ".." takes one away, and is nothing at the top. */
static void add_parts(struct buf *path, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "/");

		if (length == 2 && strncmp(text, "..", 2) == 0) {
			while (path->len > 0 && path->data[--path->len] != '/')
				continue;
		} else if (length > 0 && !(length == 1 && *text == '.')) {
			buf_add_char(path, '/');
			buf_add(path, text, length);
		}
		text += length + (text[length] == '/');
	}
}

static void find_path(const struct secret_reference *reference, bool is_config, struct buf *out)
{
	if (!is_config && reference->file->name[0] != '/')
		add_parts(out, SECRET_FOLDER);
	add_parts(out, reference->file->name);
}

static bool has_path(const struct secret_reference *reference, bool is_config)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	find_path(reference, is_config, &path);
	return path.len > 0 && path.len < PATH_MAX;
}

static int check_reference(const struct secret_reference *reference, bool is_config, struct err *err)
{
	const char *kind = kind_of(is_config);
	uint32_t unused;

	if (str_is_empty(reference->id) || str_is_empty(reference->name))
		return err_set(err, ERR_INVALID, REFUSED "malformed %s reference", kind);
	if (!reference->file)
		return err_set(err, ERR_INVALID, REFUSED "malformed %s reference, no target provided", kind);
	if (str_is_empty(reference->file->name) || !has_path(reference, is_config))
		return err_set(err, ERR_INVALID, REFUSED "malformed file %s reference, invalid target file name provided", kind);
	if (secret_owner(reference->file->uid, &unused) < 0 || secret_owner(reference->file->gid, &unused) < 0)
		return err_set(err, ERR_INVALID, REFUSED "%s reference '%s': uid and gid must be numbers", kind, reference->name);
	if (reference->file->mode > 07777)
		return err_set(err, ERR_INVALID, REFUSED "%s reference '%s': mode must be at most 07777", kind, reference->name);
	return 0;
}

int validate_secret_references(const struct secret_references *references, bool is_config, struct err *err)
{
	for (size_t i = 0; i < references->count; i++) {
		const struct secret_reference *one = &references->items[i];

		if (check_reference(one, is_config, err) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (str_eq(references->items[k].file->name, one->file->name))
				return err_set(err, ERR_INVALID, REFUSED "%s references '%s' and '%s' have a conflicting target: '%s'",
					       kind_of(is_config), references->items[k].name, one->name, one->file->name);
	}
	return 0;
}

const char *secret_path(const struct secret_reference *reference, bool is_config, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	find_path(reference, is_config, &path);
	return arena_strndup(arena, buf_text(&path), path.len);
}

int secret_owner(const char *text, uint32_t *ret)
{
	uint64_t number = 0;

	if (!str_is_empty(text) && (str_to_u64(text, &number) < 0 || number >= UINT32_MAX))
		return -1;
	*ret = (uint32_t)number;
	return 0;
}
