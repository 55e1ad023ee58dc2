#include "image/registry_hosts.h"

#include "test/unit/runner.h"

static const char *insecure(const char *text)
{
	static struct err err;
	struct registry_hosts hosts = { 0 };
	int rc = registry_hosts_add_insecure(&hosts, text, &err);

	registry_hosts_fini(&hosts);
	return rc < 0 ? err.text : "fine";
}

TEST(insecure_registries_are_checked_as_dockerd_does)
{
	EXPECT_STR(insecure("reg.example"), "fine");
	EXPECT_STR(insecure("reg.example:5000"), "fine");
	EXPECT_STR(insecure("10.0.0.0/8"), "fine");
	EXPECT_STR(insecure("[2001:db8::1]:5000"), "fine");
	EXPECT_STR(insecure("2001:db8::/32"), "fine");
	EXPECT_STR(insecure("http://reg.example:5000"), "fine");
	EXPECT_STR(insecure("ftp://reg.example"), "insecure registry ftp://reg.example should not contain '://'");
	EXPECT_STR(insecure("-reg"), "invalid index name (-reg). Cannot begin or end with a hyphen");
	EXPECT_STR(insecure("reg-"), "invalid index name (reg-). Cannot begin or end with a hyphen");
	EXPECT_STR(insecure("reg.example:99999"), "insecure registry reg.example:99999 is not valid: invalid port \"99999\"");
	EXPECT_STR(insecure("reg example"), "insecure registry reg example is not valid: invalid host \"reg example\"");
	EXPECT_STR(insecure(""), "insecure registry  is not valid: invalid host \"\"");
	EXPECT_STR(insecure("reg.example/x"), "insecure registry reg.example/x is not valid: invalid host \"reg.example/x\"");
	EXPECT_STR(insecure("10.0.0.0/99"), "insecure registry 10.0.0.0/99 is not valid: invalid host \"10.0.0.0/99\"");
}

static const char *mirror(const char *text)
{
	static struct err err;
	static char kept[600];
	struct registry_hosts hosts = { 0 };
	int rc = registry_hosts_add_mirror(&hosts, text, &err);

	str_copy(kept, sizeof(kept), rc < 0 ? err.text : hosts.mirrors.items[0]);
	registry_hosts_fini(&hosts);
	return kept;
}

TEST(mirrors_are_checked_as_dockerd_does)
{
	EXPECT_STR(mirror("https://mirror.example/"), "https://mirror.example");
	EXPECT_STR(mirror("http://mirror.example:5000/a/b/"), "http://mirror.example:5000/a/b");
	EXPECT_STR(mirror("mirror.example"), "invalid mirror: no scheme specified for \"mirror.example\": must use either 'https://' or 'http://'");
	EXPECT_STR(mirror("ftp://m.example"),
		   "invalid mirror: unsupported scheme \"ftp\" in \"ftp://m.example\": must use either 'https://' or 'http://'");
	EXPECT_STR(mirror("https://m.example?a"), "invalid mirror: query or fragment at end of the URI \"https://m.example?a\"");
	EXPECT_STR(mirror("https://m.example#a"), "invalid mirror: query or fragment at end of the URI \"https://m.example#a\"");
	EXPECT_STR(mirror("https://ann:secret@m.example/"), "invalid mirror: username/password not allowed in the URI of host \"m.example/\"");
	EXPECT_STR(mirror("https://"), "invalid mirror: \"https://\" is not a valid URI");
}

TEST(this_host_and_the_listed_ones_are_insecure)
{
	struct registry_hosts hosts = { 0 };
	struct ip address = ip4(10, 1, 2, 3);
	struct err err;

	EXPECT(!registry_hosts_needs_addresses(&hosts, "reg.example"));
	EXPECT(registry_hosts_add_insecure(&hosts, "reg.example:5000", &err) == 0);
	EXPECT(registry_hosts_add_insecure(&hosts, "10.0.0.0/8", &err) == 0);
	EXPECT(registry_hosts_is_insecure(&hosts, "localhost:5000", NULL, 0));
	EXPECT(registry_hosts_is_insecure(&hosts, "127.1.2.3", NULL, 0));
	EXPECT(registry_hosts_is_insecure(&hosts, "[::1]:5000", NULL, 0));
	EXPECT(registry_hosts_is_insecure(&hosts, "reg.example:5000", NULL, 0));
	EXPECT(registry_hosts_is_insecure(&hosts, "10.9.9.9:443", NULL, 0));
	EXPECT(!registry_hosts_is_insecure(&hosts, "reg.example", NULL, 0));
	EXPECT(!registry_hosts_is_insecure(&hosts, "11.9.9.9", NULL, 0));
	EXPECT(!registry_hosts_is_insecure(&hosts, "other.example", NULL, 0));
	EXPECT(registry_hosts_is_insecure(&hosts, "other.example", &address, 1));
	EXPECT(!registry_hosts_is_insecure(&hosts, "docker.io", &address, 1));
	EXPECT(registry_hosts_needs_addresses(&hosts, "other.example:1"));
	EXPECT(!registry_hosts_needs_addresses(&hosts, "reg.example:5000"));
	EXPECT(!registry_hosts_needs_addresses(&hosts, "11.9.9.9"));
	registry_hosts_fini(&hosts);
}

TEST(names_without_a_registry_ask_the_mirrors_first)
{
	struct registry_hosts hosts = { 0 };
	struct registry_endpoint plan[REGISTRY_ENDPOINTS_MAX];
	struct err err;

	EXPECT(registry_hosts_add_mirror(&hosts, "http://127.0.0.1:5000/", &err) == 0);
	EXPECT(registry_hosts_add_mirror(&hosts, "https://mirror.example", &err) == 0);
	EXPECT_INT(registry_hosts_plan(&hosts, "docker.io", false, plan), 3);
	EXPECT_STR(plan[0].base, "http://127.0.0.1:5000");
	EXPECT(plan[0].is_mirror && plan[0].is_insecure);
	EXPECT_STR(plan[1].base, "https://mirror.example");
	EXPECT(plan[1].is_mirror && !plan[1].is_insecure);
	EXPECT_STR(plan[2].base, "https://registry-1.docker.io");
	EXPECT(!plan[2].is_mirror && !plan[2].is_insecure);
	EXPECT_INT(registry_hosts_plan(&hosts, "reg.example:5000", false, plan), 1);
	EXPECT_STR(plan[0].base, "https://reg.example:5000");
	EXPECT(!plan[0].is_insecure);
	registry_hosts_fini(&hosts);
}

TEST(an_insecure_registry_is_asked_with_tls_first)
{
	struct registry_hosts hosts = { 0 };
	struct registry_endpoint plan[REGISTRY_ENDPOINTS_MAX];

	EXPECT_INT(registry_hosts_plan(&hosts, "localhost:5000", true, plan), 2);
	EXPECT_STR(plan[0].base, "https://localhost:5000");
	EXPECT(plan[0].is_insecure);
	EXPECT_STR(plan[1].base, "http://localhost:5000");
}
