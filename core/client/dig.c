#include "client/dig.h"

#include <string.h>

#include "base/units.h"

yyjson_val *dig(yyjson_val *from, const char *path)
{
	while (from && *path) {
		size_t length = strcspn(path, ".");

		from = yyjson_obj_getn(from, path, length);
		path += length;
		path += *path == '.';
	}
	return yyjson_is_null(from) ? NULL : from;
}

const char *dig_str(yyjson_val *from, const char *path)
{
	const char *text = yyjson_get_str(dig(from, path));

	return text ? text : "";
}

int64_t dig_int(yyjson_val *from, const char *path)
{
	return yyjson_get_sint(dig(from, path));
}

bool dig_bool(yyjson_val *from, const char *path)
{
	return yyjson_get_bool(dig(from, path));
}

nsec dig_time(yyjson_val *from, const char *path)
{
	nsec wall;

	return stamp_parse(dig_str(from, path), &wall) < 0 ? STAMP_ZERO : wall;
}
