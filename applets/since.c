#include "applets/since.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/units.h"
#include "client/call.h"
#include "os/clock.h"

static void add_moment(nsec wall, struct buf *out)
{
	long long seconds = wall / 1000000000, rest = wall % 1000000000;

	buf_printf(out, "%lld", seconds);
	if (rest > 0)
		buf_printf(out, ".%09lld", rest);
}

static bool is_unix_time(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0)
		return false;
	if (text[digits] == '\0')
		return true;
	size_t rest = strspn(text + digits + 1, "0123456789");
	return text[digits] == '.' && rest > 0 && rest <= 9 && text[digits + 1 + rest] == '\0';
}

/* Without a zone the clock on the wall is meant. */
static int parse_local(const char *text, nsec *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
					     "%Y-%m-%d" };

	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		if (end && *end == '\0') {
			*ret = (nsec)mktime(&tm) * 1000000000;
			return 0;
		}
	}
	return -1;
}

int since_parse(const char *text, nsec now_wall, struct buf *out, struct err *err)
{
	struct err ignored = {0};
	nsec value;

	if (is_unix_time(text)) {
		buf_add_str(out, text);
		return 0;
	}
	if (units_parse_duration(text, &value, &ignored) == 0) {
		add_moment(now_wall - value, out);
		return 0;
	}
	if (stamp_parse(text, &value) == 0 && value != STAMP_ZERO) {
		add_moment(value, out);
		return 0;
	}
	if (parse_local(text, &value) == 0) {
		add_moment(value, out);
		return 0;
	}
	return err_set(err, ERR_INVALID, "invalid value for \"since\": failed to parse value as time "
		       "or duration: \"%s\"", text);
}

int since_add_query(struct buf *path, const char *name, const char *text, struct err *err)
{
	CLEANUP(buf_finip) struct buf moment = BUF_INIT;

	if (!text)
		return 0;
	if (since_parse(text, clock_wall_ns(), &moment, err) < 0)
		return -1;
	call_add_query(path, name, buf_text(&moment));
	return 0;
}
