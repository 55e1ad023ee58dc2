#include "image/fetch_url.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"

static const char *text_of(const struct fetch_url *url)
{
	static struct buf text;

	buf_clear(&text);
	fetch_url_format(url, &text);
	return buf_text(&text);
}

static const char *read(const char *text)
{
	static struct fetch_url url;
	static struct err err;

	return fetch_url_parse(text, &url, &err) < 0 ? err.text : text_of(&url);
}

TEST(an_address_is_written_as_it_was_understood)
{
	EXPECT_STR(read("https://Reg.Example:443/v2/"), "https://reg.example/v2/");
	EXPECT_STR(read("HTTP://reg.example:5000"), "http://reg.example:5000/");
	EXPECT_STR(read("https://[::1]:5000/x?a=b&c=%20#frag"), "https://[::1]:5000/x?a=b&c=%20");
	EXPECT_STR(read("https://h?x=1"), "https://h/?x=1");
	EXPECT_STR(read("https://h/a b\xc3\xbc|"), "https://h/a%20b%C3%BC%7C");
	EXPECT_STR(read("http://h:443/"), "http://h:443/");
}

TEST(an_address_that_two_readers_could_understand_differently_is_refused)
{
	EXPECT_STR(read("https://good@evil/"), "address 'https://good@evil/': a user or password in it is not allowed");
	EXPECT_STR(read("https://good:pw@evil:1/"), "address 'https://good:pw@evil:1/': a user or password in it is not allowed");
	EXPECT_STR(read("https://good\\@evil/"), "https://good/%5C@evil/");
	EXPECT_STR(read("https://h h/"), "address 'https://h h/': no host name");
	EXPECT_STR(read("https://h%2fx/"), "address 'https://h%2fx/': no host name");
	EXPECT_STR(read("https:///x"), "address 'https:///x': no host name");
	EXPECT_STR(read("https://h:0/"), "address 'https://h:0/': no port");
	EXPECT_STR(read("https://h:99999/"), "address 'https://h:99999/': no host name");
	EXPECT_STR(read("https://[::1/"), "address 'https://[::1/': no host name");
	EXPECT_STR(read("https://[fe80::1%eth0]/"), "address 'https://[fe80::1%eth0]/': no host name");
	EXPECT_STR(read("https://h/\r\nHost: x"), "address 'https://h/??Host: x': a control character in it is not allowed");
	EXPECT_STR(read("ftp://h/"), "address 'ftp://h/': it must begin with https:// or http://");
	EXPECT_STR(read("file:///etc/passwd"), "address 'file:///etc/passwd': it must begin with https:// or http://");
	EXPECT_STR(read("h/x"), "address 'h/x': it must begin with https:// or http://");
}

TEST(an_address_has_a_longest_length)
{
	static char text[20000] = "https://h/";

	memset(text + strlen(text), 'a', FETCH_PATH_SIZE - 10);
	EXPECT_INT(strlen(read(text)), strlen(text));
	memset(text + strlen(text), 'a', 10);
	EXPECT(str_ends(read(text), "it is too long"));
}

static const char *followed(const char *from, const char *location)
{
	static struct fetch_url a, b;
	static struct err err;

	check(fetch_url_parse(from, &a, &err) == 0);
	return fetch_url_follow(&a, location, &b, &err) < 0 ? err.text : text_of(&b);
}

TEST(a_redirect_leads_where_a_browser_would_go)
{
	static const char from[] = "https://reg.example/v2/x/blobs/y?a=b";

	EXPECT_STR(followed(from, "https://cdn.example/z?sig=1"), "https://cdn.example/z?sig=1");
	EXPECT_STR(followed(from, "/z"), "https://reg.example/z");
	EXPECT_STR(followed(from, "z/w"), "https://reg.example/v2/x/blobs/z/w");
	EXPECT_STR(followed(from, "?c=d"), "https://reg.example/v2/x/blobs/y?c=d");
	EXPECT_STR(followed(from, "//cdn.example:8443/z"), "https://cdn.example:8443/z");
	EXPECT_STR(followed(from, "\\\\cdn.example/z"), "redirect: address 'https:\\\\cdn.example/z': it must begin with https:// or http://");
	EXPECT_STR(followed("http://reg.example/", "https://reg.example/"), "https://reg.example/");
	EXPECT_STR(followed("http://reg.example/", "http://other.example/"), "http://other.example/");
}

TEST(a_redirect_from_https_to_http_is_refused)
{
	EXPECT_STR(followed("https://reg.example/", "http://reg.example/x"), "redirect from https to plain http refused: http://reg.example");
	EXPECT_STR(followed("https://reg.example/", "HTTP://cdn.example:81/"), "redirect from https to plain http refused: http://cdn.example:81");
}

TEST(a_redirect_elsewhere_than_http_is_refused)
{
	EXPECT_STR(followed("https://reg.example/", ""), "a redirect that does not say where to");
	EXPECT_STR(followed("https://reg.example/", "file:///etc/shadow"), "address 'file:///etc/shadow': a redirect must lead to https:// or http://");
	EXPECT_STR(followed("https://reg.example/", "https://u:p@reg.example/"),
		   "redirect: address 'https://u:p@reg.example/': a user or password in it is not allowed");
}

static bool same(const char *a, const char *b)
{
	static struct fetch_url x, y;
	struct err err;

	check(fetch_url_parse(a, &x, &err) == 0 && fetch_url_parse(b, &y, &err) == 0);
	return fetch_url_is_same_origin(&x, &y);
}

TEST(credentials_belong_to_scheme_host_and_port)
{
	EXPECT(same("https://Reg.example/a", "https://reg.example:443/b"));
	EXPECT(!same("https://reg.example/", "https://reg.example:444/"));
	EXPECT(!same("https://reg.example/", "http://reg.example/"));
	EXPECT(!same("http://reg.example:443/", "https://reg.example/"));
	EXPECT(!same("https://reg.example/", "https://reg.example.evil/"));
	EXPECT(!same("https://reg.example/", "https://sub.reg.example/"));
}
