#include "model/validate_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/ip.h"
#include "base/str.h"
#include "model/caps.h"
#include "model/rlimit.h"
#include "model/sysctl_name.h"

static const int64_t shortest_ns = 1000000;

static int check_health_test(const struct str_array *test, struct err *err)
{
	const char *kind = test->count ? test->items[0] : NULL;

	if (!kind || str_eq(kind, "NONE"))
		return 0;
	if (!str_eq(kind, "CMD") && !str_eq(kind, "CMD-SHELL"))
		return err_set(err, ERR_INVALID, "Unknown healthcheck type '%.100s' (expected 'CMD')", kind);
	if (test->count < 2 || (str_eq(kind, "CMD") && str_is_empty(test->items[1])))
		return err_set(err, ERR_INVALID, "healthcheck has no command");
	return 0;
}

int validate_health(const struct health_config *health, const char *in_front, const char *member, struct err *err)
{
	if (!health)
		return 0;
	const struct { int64_t ns; const char *name; } times[] = {
		{ health->interval_ns, "Interval" }, { health->timeout_ns, "Timeout" },
		{ health->start_period_ns, "StartPeriod" }, { health->start_interval_ns, "StartInterval" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(times); i++)
		if (times[i].ns != 0 && times[i].ns < shortest_ns)
			return err_set(err, ERR_INVALID, "%s%s in %s cannot be less than 1ms", in_front, times[i].name, member);
	if (health->retries < 0)
		return err_set(err, ERR_INVALID, "%sRetries in %s cannot be negative", in_front, member);
	if (health->retries > INT32_MAX)
		return err_set(err, ERR_INVALID, "%sRetries in %s cannot be more than %d", in_front, member, INT32_MAX);
	return check_health_test(&health->test, err);
}

int validate_ulimits(const struct ulimit *items, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct ulimit *limit = &items[i];

		if (str_is_empty(limit->name) || rlimit_find(limit->name) < 0)
			return err_set(err, ERR_INVALID, "invalid ulimit type: %.100s", limit->name ? limit->name : "");
		if (limit->soft < -1 || limit->hard < -1)
			return err_set(err, ERR_INVALID, "invalid ulimit %s: a limit is -1 (unlimited), 0 or more", limit->name);
		if (limit->hard != -1 && limit->soft == -1)
			return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard limit: soft: -1 "
				       "(unlimited), hard: %" PRId64, limit->hard);
		if (limit->hard != -1 && limit->soft > limit->hard)
			return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard limit: %" PRId64
				       " > %" PRId64, limit->soft, limit->hard);
	}
	return 0;
}

int validate_sysctls(const struct str_map *sysctls, bool is_on_host_network, struct err *err)
{
	for (size_t i = 0; i < sysctls->count; i++)
		if (!sysctl_name_is_own(sysctls->items[i].key, is_on_host_network))
			return err_set(err, ERR_INVALID, "sysctl '%.200s' is not allowed", sysctls->items[i].key);
	return 0;
}

int validate_caps(const struct str_array *add, const struct str_array *drop, struct err *err)
{
	uint64_t ignored;

	return caps_adjust(0, add, drop, &ignored, err);
}

/* A word of resolv.conf: a line break in it would be a line of somebody else's making. */
static bool is_word(const char *text)
{
	if (str_is_empty(text))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

int validate_dns(const struct dns_config *dns, struct err *err)
{
	struct ip ip;

	for (size_t i = 0; i < dns->nameservers.count; i++)
		if (ip_parse(dns->nameservers.items[i], &ip) < 0)
			return err_set(err, ERR_INVALID, "IP address is not correctly formatted: %.100s", dns->nameservers.items[i]);
	for (size_t i = 0; i < dns->search.count; i++)
		if (!is_word(dns->search.items[i]) || strlen(dns->search.items[i]) > 255)
			return err_set(err, ERR_INVALID, "%.260s is not a valid domain", dns->search.items[i]);
	for (size_t i = 0; i < dns->options.count; i++)
		if (!is_word(dns->options.items[i]))
			return err_set(err, ERR_INVALID, "'%.200s' is not a valid DNS option", dns->options.items[i]);
	return 0;
}

int validate_oom_score(int64_t value, struct err *err)
{
	if (value < -1000 || value > 1000)
		return err_set(err, ERR_INVALID, "Invalid value %" PRId64 ", range for oom score adj is [-1000, 1000]", value);
	return 0;
}

int validate_groups(const struct str_array *groups, struct err *err)
{
	for (size_t i = 0; i < groups->count; i++)
		if (!is_word(groups->items[i]) || strchr(groups->items[i], ':'))
			return err_set(err, ERR_INVALID, "invalid group: '%.100s'", groups->items[i] ? groups->items[i] : "");
	return 0;
}

static bool is_names(const char *names)
{
	if (str_is_empty(names))
		return false;
	for (const char *at = names; *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f || *at == '#')
			return false;
	return names[strspn(names, " \t")] != '\0';
}

int validate_host_entry(const char *address, const char *names, struct err *err)
{
	struct ip ip;

	if (!is_names(names) || str_is_empty(address))
		return err_set(err, ERR_INVALID, "bad format for add-host: \"%.200s:%.100s\"", names ? names : "", address ? address : "");
	if (!str_eq(address, HOST_GATEWAY) && ip_parse(address, &ip) < 0)
		return err_set(err, ERR_INVALID, "invalid IP address in add-host: \"%.100s\"", address);
	return 0;
}

bool path_is_local(const char *path)
{
	if (str_is_empty(path) || path[0] == '/')
		return false;
	for (const char *at = path; *at;) {
		size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.')
			return false;
		at += length;
		at += *at == '/';
	}
	return true;
}
