#include "image/registry_reply.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"

static struct registry_token token;

static const char *read_token(const char *json)
{
	static struct err err;

	return registry_token_parse(json, strlen(json), &token, &err) < 0 ? err.text : token.token;
}

TEST(a_token_comes_under_either_of_its_names)
{
	EXPECT_STR(read_token("{\"token\":\"abc.def-_~+/=\",\"expires_in\":300,\"issued_at\":\"x\"}"), "abc.def-_~+/=");
	EXPECT_INT(token.expires_in_s, 300);
	EXPECT_STR(read_token("{\"access_token\":\"xyz\",\"refresh_token\":\"r\"}"), "xyz");
	EXPECT_STR(token.refresh_token, "r");
	EXPECT_INT(token.expires_in_s, 60);
	EXPECT_STR(read_token("{\"token\":\"a\",\"expires_in\":1}"), "a");
	EXPECT_INT(token.expires_in_s, 60);
}

TEST(a_token_that_does_not_fit_a_header_is_refused)
{
	static const char refused[] = "the token server sent a token that is too long or no plain text";
	static char huge[REGISTRY_TOKEN_SIZE + 100] = "{\"token\":\"";

	EXPECT_STR(read_token("{\"token\":\"a\\r\\nX: y\"}"), refused);
	EXPECT_STR(read_token("{\"token\":\"a b\"}"), refused);
	EXPECT_STR(read_token("{\"token\":\"a\\u0000b\"}"), refused);
	EXPECT_STR(read_token("{\"token\":\"\\u00fc\"}"), refused);
	EXPECT_STR(read_token("{\"token\":\"a\",\"refresh_token\":\"\\n\"}"), refused);
	memset(huge + strlen(huge), 'a', REGISTRY_TOKEN_SIZE);
	strcat(huge, "\"}");
	EXPECT_STR(read_token(huge), refused);
}

TEST(a_reply_without_a_token_says_so)
{
	EXPECT_STR(read_token("{}"), "authorization server did not include a token in the response");
	EXPECT_STR(read_token("{\"token\":7}"), "authorization server did not include a token in the response");
	EXPECT_STR(read_token("<html>"), "unable to decode token response: no JSON");
	EXPECT_STR(read_token(""), "unable to decode token response: no JSON");
}

static const char *told(int status, const char *challenge_error, const char *body)
{
	static struct err err;
	struct registry_error error;
	struct image_ref ref;

	registry_error_read(status, challenge_error, body, strlen(body), &error);
	check(image_ref_parse("ann/web:1", &ref, &err) == 0);
	registry_error_tell(&error, &ref, "Get \"https://r/v2/\"", &err);
	return err.text;
}

TEST(a_registrys_error_is_told_in_dockers_words)
{
	EXPECT_STR(told(404, "", "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"Tag\":\"1\"}}]}"),
		   "manifest for ann/web:1 not found: manifest unknown: manifest unknown");
	EXPECT_STR(told(404, "", "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"\"}]}"),
		   "repository ann/web not found: name unknown: repository name not known to registry");
	EXPECT_STR(told(401, "insufficient_scope", ""),
		   "pull access denied for ann/web, repository does not exist or may require 'docker login': denied: requested access to the "
		   "resource is denied");
	EXPECT_STR(told(403, "", "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"}]}"),
		   "pull access denied for ann/web, repository does not exist or may require 'docker login': denied: no");
	EXPECT_STR(told(401, "", "{\"details\":\"incorrect username or password\"}"),
		   "Get \"https://r/v2/\": unauthorized: incorrect username or password");
	EXPECT_STR(told(401, "", "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"},{\"code\":\"X\"}]}"),
		   "Get \"https://r/v2/\": unauthorized: authentication required");
	EXPECT_STR(told(429, "", "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}"),
		   "Get \"https://r/v2/\": toomanyrequests: slow down");
}

TEST(an_answer_that_is_no_error_of_a_registry_is_told_by_its_status)
{
	EXPECT_STR(told(502, "", "<html>bad gateway</html>"), "Get \"https://r/v2/\": received unexpected HTTP status: 502 Bad Gateway");
	EXPECT_STR(told(404, "", ""), "Get \"https://r/v2/\": received unexpected HTTP status: 404 Not Found");
	EXPECT_STR(told(401, "", ""), "Get \"https://r/v2/\": unauthorized: authentication required");
	EXPECT_STR(told(500, "", "{\"errors\":[]}"), "Get \"https://r/v2/\": received unexpected HTTP status: 500 Internal Server Error");
	EXPECT_STR(told(500, "", "{\"errors\":[{\"code\":\"A\\nB\",\"message\":\"x\\u001b[2Jy\"}]}"), "Get \"https://r/v2/\": a?b: x?[2Jy");
	EXPECT_STR(told(599, "", "{\"errors\":{\"code\":\"A\"}}"), "Get \"https://r/v2/\": received unexpected HTTP status: 599 ");
}
