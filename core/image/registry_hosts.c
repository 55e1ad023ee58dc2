#include "image/registry_hosts.h"

#include <stdio.h>
#include <string.h>

#include "image/fetch_url.h"
#include "model/registry_auth.h"

#define HUB_HOST "registry-1.docker.io"

void registry_hosts_fini(struct registry_hosts *hosts)
{
	strlist_fini(&hosts->insecure);
	strlist_fini(&hosts->mirrors);
	hosts->net_count = 0;
}

static int refuse(struct err *err)
{
	err->code = ERR_INVALID;
	str_make_line(err->text);
	return -1;
}

/* ---- insecure registries ---------------------------------------------------------------------------------------------------- */

static bool is_host(const char *host)
{
	struct ip ip;
	size_t length = strlen(host);

	if (ip_parse(host, &ip) == 0)
		return true;
	return length && strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == length && host[0] != '.' &&
	       host[0] != '-' && host[length - 1] != '-' && !strstr(host, "..");
}

static int check_host(const char *text, struct err *err)
{
	char host[256];
	uint16_t port;
	const char *colon = strrchr(text, ':');

	if (text[0] == '-' || str_ends(text, "-"))
		return err_set(err, ERR_INVALID, "invalid index name (%.200s). Cannot begin or end with a hyphen", text);
	if (hostport_parse(text, 443, host, &port, NULL) == 0 && is_host(host))
		return 0;
	if (colon && colon != text && strchr(text, ':') == colon && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		return err_set(err, ERR_INVALID, "insecure registry %.200s is not valid: invalid port \"%.20s\"", text, colon + 1);
	return err_set(err, ERR_INVALID, "insecure registry %.200s is not valid: invalid host \"%.*s\"", text,
		       colon && strchr(text, ':') == colon ? (int)(colon - text) : 200, text);
}

int registry_hosts_add_insecure(struct registry_hosts *hosts, const char *text, struct err *err)
{
	const char *host = str_after(text, "https://");
	struct cidr net;

	if (hosts->insecure.count + hosts->net_count >= REGISTRY_HOSTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d insecure registries", REGISTRY_HOSTS_MAX);
	if (!host)
		host = str_after(text, "http://");
	if (!host && strstr(text, "://")) {
		err_set(err, ERR_INVALID, "insecure registry %.200s should not contain '://'", text);
		return refuse(err);
	}
	if (!host)
		host = text;
	if (cidr_parse(host, &net) == 0) {
		hosts->nets[hosts->net_count++] = net;
		return 0;
	}
	if (check_host(host, err) < 0)
		return refuse(err);
	if (!strlist_has(&hosts->insecure, host))
		strlist_add(&hosts->insecure, host);
	return 0;
}

static bool net_has(const struct registry_hosts *hosts, struct ip ip)
{
	if ((ip.family == 4 && ip.bytes[0] == 127) || ip_eq(ip, (struct ip){ 6, { [15] = 1 } }))
		return true;
	for (size_t i = 0; i < hosts->net_count; i++)
		if (cidr_has(hosts->nets[i], ip))
			return true;
	return false;
}

bool registry_hosts_is_insecure(const struct registry_hosts *hosts, const char *authority, const struct ip *addresses, size_t count)
{
	char host[256];
	uint16_t port;
	struct ip ip;

	if (str_eq(authority, REGISTRY_HUB) || hostport_parse(authority, 443, host, &port, NULL) < 0)
		return false;
	if (strlist_has(&hosts->insecure, authority) || str_eq_nocase(host, "localhost"))
		return true;
	if (ip_parse(host, &ip) == 0)
		return net_has(hosts, ip);
	for (size_t i = 0; i < count; i++)
		if (net_has(hosts, addresses[i]))
			return true;
	return false;
}

bool registry_hosts_needs_addresses(const struct registry_hosts *hosts, const char *authority)
{
	char host[256];
	uint16_t port;
	struct ip ip;

	return hosts->net_count && !str_eq(authority, REGISTRY_HUB) && hostport_parse(authority, 443, host, &port, NULL) == 0 &&
	       ip_parse(host, &ip) < 0 && !registry_hosts_is_insecure(hosts, authority, NULL, 0);
}

/* ---- mirrors ---------------------------------------------------------------------------------------------------------------- */

static int check_mirror(const char *text, struct err *err)
{
	const char *rest = strstr(text, "://");
	size_t scheme = rest ? (size_t)(rest - text) : 0;
	struct fetch_url url;

	if (!scheme)
		return err_set(err, ERR_INVALID, "invalid mirror: no scheme specified for \"%.200s\": must use either 'https://' or 'http://'",
			       text);
	if (!str_starts(text, "https://") && !str_starts(text, "http://"))
		return err_set(err, ERR_INVALID, "invalid mirror: unsupported scheme \"%.*s\" in \"%.200s\": must use either 'https://' or 'http://'",
			       (int)MIN(scheme, (size_t)20), text, text);
	if (strpbrk(text, "?#"))
		return err_set(err, ERR_INVALID, "invalid mirror: query or fragment at end of the URI \"%.200s\"", text);
	if (memchr(rest + 3, '@', strcspn(rest + 3, "/")))      /* the password is not shown */
		return err_set(err, ERR_INVALID, "invalid mirror: username/password not allowed in the URI of host \"%.200s\"",
			       strchr(rest + 3, '@') + 1);
	if (strlen(text) >= sizeof(((struct registry_endpoint *)0)->base) || fetch_url_parse(text, &url, err) < 0)
		return err_set(err, ERR_INVALID, "invalid mirror: \"%.200s\" is not a valid URI", text);
	return 0;
}

int registry_hosts_add_mirror(struct registry_hosts *hosts, const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (hosts->mirrors.count >= REGISTRY_HOSTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d registry mirrors", REGISTRY_HOSTS_MAX);
	if (check_mirror(text, err) < 0)
		return refuse(err);
	while (length && text[length - 1] == '/')
		length--;
	strlist_addn(&hosts->mirrors, text, length);
	return 0;
}

/* ---- the plan --------------------------------------------------------------------------------------------------------------- */

static size_t add(struct registry_endpoint *list, size_t count, bool is_mirror, bool is_insecure, const char *scheme, const char *rest)
{
	struct registry_endpoint *endpoint = &list[count];

	*endpoint = (struct registry_endpoint){ .is_mirror = is_mirror, .is_insecure = is_insecure };
	snprintf(endpoint->base, sizeof(endpoint->base), "%s%s", scheme, rest);
	return count + 1;
}

size_t registry_hosts_plan(const struct registry_hosts *hosts, const char *domain, bool is_insecure,
			   struct registry_endpoint ret[REGISTRY_ENDPOINTS_MAX])
{
	size_t count = 0;

	if (str_eq(domain, REGISTRY_HUB)) {
		for (size_t i = 0; i < hosts->mirrors.count; i++) {
			const char *mirror = hosts->mirrors.items[i], *rest = strstr(mirror, "://") + 3;
			char authority[sizeof(ret->base)];

			snprintf(authority, sizeof(authority), "%.*s", (int)strcspn(rest, "/"), rest);
			count = add(ret, count, true, registry_hosts_is_insecure(hosts, authority, NULL, 0), "", mirror);
		}
		return add(ret, count, false, false, "https://", HUB_HOST);
	}
	count = add(ret, count, false, is_insecure, "https://", domain);
	return is_insecure ? add(ret, count, false, true, "http://", domain) : count;
}
