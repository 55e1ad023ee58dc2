#include "image/fetch_proxy.h"

#include <string.h>
#include <strings.h>

#include "base/ip.h"
#include "base/str.h"

/* ---- who is asked directly -------------------------------------------------------------------------------------------------- */

static bool is_this_host(const struct fetch_url *url)
{
	struct ip ip;

	if (str_eq(url->host, "localhost"))
		return true;
	return ip_parse(url->host, &ip) == 0 &&
	       ((ip.family == 4 && ip.bytes[0] == 127) || ip_eq(ip, (struct ip){ 6, { [15] = 1 } }));
}

/* "example.com" is itself and what is below, ".example.com" and "*.example.com" only what is below. */
static bool is_of_domain(const char *host, const char *domain)
{
	size_t length = strlen(host), want;
	bool is_below_only = domain[0] == '.' || str_starts(domain, "*.");

	domain += domain[0] == '*' ? 2 : domain[0] == '.' ? 1 : 0;
	want = strlen(domain);
	if (!want || length < want || strcasecmp(host + length - want, domain) != 0)
		return false;
	return length == want ? !is_below_only : host[length - want - 1] == '.';
}

static bool matches(const struct fetch_url *url, const char *item)
{
	struct cidr net;
	struct ip ip, own;
	uint16_t port;
	char host[256];
	bool is_address = ip_parse(url->host, &own) == 0;

	if (cidr_parse(item, &net) == 0)
		return is_address && cidr_has(net, own);
	if (hostport_parse(item, 0, host, &port, NULL) < 0 || (port && port != url->port))
		return false;
	if (ip_parse(host, &ip) == 0)
		return is_address && ip_eq(ip, own);
	return !is_address && is_of_domain(url->host, host);
}

static bool is_direct(const char *no_proxy, const struct fetch_url *url)
{
	struct strlist items;
	bool result = false;

	if (is_this_host(url))
		return true;
	if (str_is_empty(no_proxy) || strlen(no_proxy) > FETCH_NO_PROXY_SIZE)
		return false;
	items = str_split(no_proxy, ',');
	for (size_t i = 0; i < items.count && !result; i++) {
		char *item = items.items[i] + strspn(items.items[i], " \t");

		item[strcspn(item, " \t")] = '\0';
		result = *item && (str_eq(item, "*") || matches(url, item));
	}
	strlist_fini(&items);
	return result;
}

/* ---- the proxy -------------------------------------------------------------------------------------------------------------- */

static int refuse(const struct fetch_url *url, const char *text, struct err *err)
{
	const char *at = strrchr(text, '@');     /* what stands before is a password */

	err_set(err, ERR_INVALID, "%s: invalid proxy address '%.200s'", url->is_https ? "HTTPS_PROXY" : "HTTP_PROXY", at ? at + 1 : text);
	str_make_line(err->text);
	return -1;
}

int fetch_proxy_for(const struct fetch_proxies *proxies, const struct fetch_url *url, struct buf *out, struct err *err)
{
	static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };
	const char *text = url->is_https ? proxies->https : proxies->http;
	bool has_scheme = text && strstr(text, "://"), is_known = !has_scheme;

	if (str_is_empty(text) || is_direct(proxies->no_proxy, url))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		is_known = is_known || str_starts(text, schemes[i]);
	if (!is_known || strlen(text) >= FETCH_PROXY_SIZE || strpbrk(text, " \t\r\n"))
		return refuse(url, text, err);
	buf_printf(out, "%s%s", has_scheme ? "" : "http://", text);
	return 0;
}
