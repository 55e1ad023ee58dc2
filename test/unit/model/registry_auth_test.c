#include "model/registry_auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static const char *refusal(const char *json)
{
	static struct err err;
	struct registry_auth auth;

	if (registry_auth_parse(json, strlen(json), &auth, &err) == 0) {
		registry_auth_fini(&auth);
		return "fine";
	}
	return err.text;
}

TEST(credentials_survive_the_header_and_come_back)
{
	struct registry_auth auth = { .username = str_dup("ann"), .password = str_dup("p\"ss?>\xc3\xbc"), .server = str_dup("reg.example") };
	struct registry_auth again;
	struct buf header = BUF_INIT;
	struct err err;

	registry_auth_encode(&auth, &header);
	EXPECT(!strpbrk(buf_text(&header), "+/"));
	EXPECT(registry_auth_decode(buf_text(&header), &again, &err) == 0);
	EXPECT_STR(again.username, "ann");
	EXPECT_STR(again.password, "p\"ss?>\xc3\xbc");
	EXPECT_STR(again.server, "reg.example");
	registry_auth_fini(&auth);
	registry_auth_fini(&again);
	buf_fini(&header);
}

TEST(nobody_is_an_empty_header_and_an_empty_object)
{
	static const char *const nobodies[] = { NULL, "", "e30=", "e30", "bnVsbA==", "eyJzZXJ2ZXJhZGRyZXNzIjoieCJ9" };
	struct registry_auth auth;
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(nobodies); i++) {
		EXPECT(registry_auth_decode(nobodies[i], &auth, &err) == 0);
		EXPECT(registry_auth_is_empty(&auth));
		registry_auth_fini(&auth);
	}
}

TEST(a_broken_header_is_refused_in_one_line)
{
	struct registry_auth auth;
	struct err err;

	EXPECT(registry_auth_decode("***", &auth, &err) < 0);
	EXPECT_STR(err.text, "invalid X-Registry-Auth header: must be a valid base64url-encoded string");
	EXPECT(registry_auth_decode("W10=", &auth, &err) < 0);
	EXPECT_STR(err.text, "invalid X-Registry-Auth header: credentials: not a JSON object");
}

TEST(auth_stands_for_name_and_password)
{
	static const char json[] = "{\"auth\":\"YW5uOnNlYzpyZXQ=\",\"email\":\"x\"}";
	struct registry_auth auth;
	struct err err;

	EXPECT(registry_auth_parse(json, sizeof(json) - 1, &auth, &err) == 0);
	EXPECT_STR(auth.username, "ann");
	EXPECT_STR(auth.password, "sec:ret");
	registry_auth_fini(&auth);
	EXPECT_STR(refusal("{\"auth\":\"YW5u\"}"), "credentials: 'auth' is not base64 of name:password");
	EXPECT_STR(refusal("{\"auth\":\"***\"}"), "credentials: 'auth' is not base64 of name:password");
	EXPECT_STR(refusal("{\"username\":3}"), "invalid JSON: username must be a string");
	EXPECT_STR(refusal("{"), "credentials: no JSON");
	EXPECT_STR(refusal("{\"username\":\"\",\"password\":\"\",\"auth\":\"YW5uOnA=\"}"), "fine");
}

static const char *domain_of(const char *server)
{
	static char text[100];
	char *domain = registry_auth_domain(server);

	str_copy(text, sizeof(text), domain);
	free(domain);
	return text;
}

TEST(a_server_has_one_name_however_it_is_written)
{
	EXPECT_STR(domain_of(NULL), "docker.io");
	EXPECT_STR(domain_of(""), "docker.io");
	EXPECT_STR(domain_of(REGISTRY_HUB_KEY), "docker.io");
	EXPECT_STR(domain_of("registry-1.docker.io"), "docker.io");
	EXPECT_STR(domain_of("https://reg.example:5000/v2/"), "reg.example:5000");
	EXPECT_STR(domain_of("http://reg.example"), "reg.example");
	EXPECT_STR(domain_of("reg.example/x"), "reg.example");
	EXPECT_STR(registry_auth_key("docker.io"), REGISTRY_HUB_KEY);
	EXPECT_STR(registry_auth_key("reg.example:5000"), "reg.example:5000");
}
