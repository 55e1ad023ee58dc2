#include "model/log_settings.h"

#include "base/str.h"
#include "base/units.h"

static int check_driver(const char *name, struct err *err)
{
	static const char *const others[] = { "local", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "etwlogs" };

	if (str_is_empty(name) || str_eq(name, "json-file") || str_eq(name, "none"))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (str_eq(name, others[i]))
			return err_set(err, ERR_UNSUPPORTED, "log driver '%s' is not supported by swarmbox yet", name);
	return err_set(err, ERR_INVALID, "logger: no log driver named '%.100s' is registered", name);
}

static int read_max_size(const char *value, struct log_settings *ret, struct err *err)
{
	if (units_parse_size(value, &ret->max_bytes, err) < 0)
		return -1;
	return ret->max_bytes > 0 ? 0 : err_set(err, ERR_INVALID, "max-size must be a positive number");
}

static int read_max_file(const char *value, struct log_settings *ret, struct err *err)
{
	int64_t count;

	if (str_to_i64(value, &count) < 0)
		return err_set(err, ERR_INVALID, "strconv.Atoi: parsing \"%.100s\": invalid syntax", value);
	if (count < 1)
		return err_set(err, ERR_INVALID, "max-file cannot be less than 1");
	if (count > LOG_SETTINGS_FILES_MAX)
		return err_set(err, ERR_INVALID, "max-file cannot be more than %d", LOG_SETTINGS_FILES_MAX);
	ret->max_files = (int)count;
	return 0;
}

static bool is_off(const char *value)
{
	return str_is_empty(value) || str_eq_nocase(value, "false") || str_eq(value, "0") || str_eq_nocase(value, "f");
}

static int read_option(const struct str_pair *option, struct log_settings *ret, struct err *err)
{
	static const char *const others[] = { "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode", "max-buffer-size" };
	const char *value = option->value ? option->value : "";

	if (str_eq(option->key, "max-size"))
		return read_max_size(value, ret, err);
	if (str_eq(option->key, "max-file"))
		return read_max_file(value, ret, err);
	/* What says that a thing is not wanted, or is as it always is, asks for nothing. */
	if ((str_eq(option->key, "compress") && is_off(value)) || (str_eq(option->key, "mode") && str_eq(value, "blocking")))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (str_eq(option->key, others[i]))
			return err_set(err, ERR_UNSUPPORTED, "log opt '%s=%.100s' is not supported by swarmbox yet", option->key, value);
	return err_set(err, ERR_INVALID, "unknown log opt '%.100s' for json-file log driver", option->key ? option->key : "");
}

int log_settings_read(const struct log_driver *driver, struct log_settings *ret, struct err *err)
{
	*ret = (struct log_settings){ .max_files = 1 };
	if (!driver)
		return 0;
	if (check_driver(driver->name, err) < 0)
		return -1;
	ret->is_none = str_eq(driver->name, "none");
	for (size_t i = 0; i < driver->options.count && !ret->is_none; i++)
		if (read_option(&driver->options.items[i], ret, err) < 0)
			return -1;
	return 0;
}
