#include "image/fetch_proxy.h"

#include "base/panic.h"
#include "test/unit/runner.h"

static const char *proxy(const char *no_proxy, const char *address)
{
	static struct buf out;
	static struct err err;
	static struct fetch_url url;
	struct fetch_proxies proxies = { "http://plain:1", "secure:2", no_proxy };

	buf_clear(&out);
	check(fetch_url_parse(address, &url, &err) == 0);
	return fetch_proxy_for(&proxies, &url, &out, &err) < 0 ? err.text : buf_text(&out);
}

TEST(each_scheme_has_its_proxy)
{
	EXPECT_STR(proxy(NULL, "http://reg.example/"), "http://plain:1");
	EXPECT_STR(proxy("", "https://reg.example/"), "http://secure:2");
}

TEST(this_host_needs_no_proxy)
{
	EXPECT_STR(proxy(NULL, "https://localhost:5000/"), "");
	EXPECT_STR(proxy(NULL, "https://127.1.2.3/"), "");
	EXPECT_STR(proxy(NULL, "http://[::1]:80/"), "");
	EXPECT_STR(proxy(NULL, "http://localhost.example/"), "http://plain:1");
}

TEST(no_proxy_knows_hosts_domains_ports_addresses_and_networks)
{
	EXPECT_STR(proxy("example.com", "https://example.com/"), "");
	EXPECT_STR(proxy("Example.com", "https://reg.example.com/"), "");
	EXPECT_STR(proxy("example.com", "https://badexample.com/"), "http://secure:2");
	EXPECT_STR(proxy(".example.com", "https://example.com/"), "http://secure:2");
	EXPECT_STR(proxy(".example.com", "https://reg.example.com/"), "");
	EXPECT_STR(proxy("*.example.com", "https://reg.example.com/"), "");
	EXPECT_STR(proxy("*.example.com", "https://example.com/"), "http://secure:2");
	EXPECT_STR(proxy("a, reg.example:5000 ,b", "https://reg.example:5000/"), "");
	EXPECT_STR(proxy("reg.example:5000", "https://reg.example/"), "http://secure:2");
	EXPECT_STR(proxy("10.0.0.0/8", "https://10.1.2.3/"), "");
	EXPECT_STR(proxy("10.0.0.0/8", "https://11.1.2.3/"), "http://secure:2");
	EXPECT_STR(proxy("10.1.2.3", "https://10.1.2.3/"), "");
	EXPECT_STR(proxy("2001:db8::/32", "https://[2001:db8::1]/"), "");
	EXPECT_STR(proxy("*", "https://reg.example/"), "");
	EXPECT_STR(proxy(",,", "https://reg.example/"), "http://secure:2");
}

TEST(a_proxy_that_is_none_is_refused_without_its_password)
{
	struct fetch_proxies proxies = { "gopher://ann:secret@p:1", "p p", "" };
	struct fetch_url url;
	struct buf out = BUF_INIT;
	struct err err;

	EXPECT(fetch_url_parse("http://reg.example/", &url, &err) == 0);
	EXPECT(fetch_proxy_for(&proxies, &url, &out, &err) < 0);
	EXPECT_STR(err.text, "HTTP_PROXY: invalid proxy address 'p:1'");
	EXPECT(fetch_url_parse("https://reg.example/", &url, &err) == 0);
	EXPECT(fetch_proxy_for(&proxies, &url, &out, &err) < 0);
	EXPECT_STR(err.text, "HTTPS_PROXY: invalid proxy address 'p p'");
}
