#include "image/registry_challenge.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

/* "Bearer realm service scope error", one a line */
static const char *read(const char *value)
{
	static char text[8192];
	static struct registry_challenges list;
	size_t used = 0;

	list.count = 0;
	text[0] = '\0';
	registry_challenges_read(&list, value);
	for (size_t i = 0; i < list.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s|%s|%s|%s|%s", i ? "\n" : "",
					 list.items[i].scheme == REGISTRY_BASIC ? "Basic" : "Bearer", list.items[i].realm,
					 list.items[i].service, list.items[i].scope, list.items[i].error);
	return text;
}

TEST(the_usual_challenges_are_understood)
{
	EXPECT_STR(read("Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/x:pull\""),
		   "Bearer|https://auth.docker.io/token|registry.docker.io|repository:library/x:pull|");
	EXPECT_STR(read("Basic realm=\"Registry Realm\""), "Basic|Registry Realm|||");
	EXPECT_STR(read("Basic"), "Basic||||");
	EXPECT_STR(read("bearer REALM=https://a/token , Service = x"), "Bearer|https://a/token|x||");
	EXPECT_STR(read("Bearer realm=\"https://a/t\",error=\"insufficient_scope\""), "Bearer|https://a/t|||insufficient_scope");
	EXPECT_STR(read("Bearer realm=\"https://a/t\",scope=\"a:b:pull,push c:d:pull\""), "Bearer|https://a/t||a:b:pull,push c:d:pull|");
	EXPECT_STR(read("Basic realm=\"a \\\"quoted\\\" \\\\ name\""), "Basic|a \"quoted\" \\ name|||");
}

TEST(several_challenges_in_one_header_are_told_apart)
{
	EXPECT_STR(read("Basic realm=\"a, b\", Bearer realm=\"https://a/t\", service=\"s\""), "Basic|a, b|||\nBearer|https://a/t|s||");
	EXPECT_STR(read("Negotiate, Basic realm=\"x\""), "Basic|x|||");
	EXPECT_STR(read("Negotiate YII+/abc==, Bearer realm=\"https://a/t\""), "Bearer|https://a/t|||");
	EXPECT_STR(read("Digest qop=\"auth, auth-int\", realm=\"d\", nonce=\"Bearer\", Basic realm=\"x\""), "Basic|x|||");
}

TEST(a_challenge_that_makes_no_sense_is_left_out)
{
	EXPECT_STR(read(""), "");
	EXPECT_STR(read(",,, ,"), "");
	EXPECT_STR(read("Bearer"), "");
	EXPECT_STR(read("Bearer service=\"x\""), "");
	EXPECT_STR(read("Bearer realm=\"never closed"), "");
	EXPECT_STR(read("\"\\\x01 =,Basic realm=\"x\""), "Basic|x|||");       /* behind the comma a new one begins */
	EXPECT_STR(read("Bearer realm=\"a\tb\""), "");
	EXPECT_STR(read("Bearerrealm=\"https://a\""), "");
	EXPECT_STR(read("Basically realm=\"x\""), "");
}

TEST(a_challenge_is_bounded)
{
	static char text[9000] = "Bearer realm=\"";

	memset(text + strlen(text), 'a', 1023);
	strcat(text, "\"");
	EXPECT_INT(strlen(read(text)), strlen("Bearer||||") + 1023);
	memset(text + strlen("Bearer realm=\""), 'a', 1024);
	text[strlen("Bearer realm=\"") + 1024] = '"';
	EXPECT_STR(read(text), "");
	text[0] = '\0';
	for (int i = 0; i < 100; i++)
		strcat(text, "Basic realm=\"x\", ");
	EXPECT_INT(strlen(read(text)), REGISTRY_CHALLENGES_MAX * strlen("Basic|x|||\n") - 1);
}

static const char *picked(const char *value)
{
	static struct registry_challenges list;
	const struct registry_challenge *challenge;

	list.count = 0;
	registry_challenges_read(&list, value);
	challenge = registry_challenges_pick(&list);
	return challenge ? challenge->realm : NULL;
}

TEST(a_token_is_preferred_to_the_password)
{
	EXPECT_STR(picked("Basic realm=\"b\", Bearer realm=\"https://a/t\""), "https://a/t");
	EXPECT_STR(picked("Basic realm=\"b\", Basic realm=\"c\""), "b");
	EXPECT_STR(picked("Negotiate"), NULL);
}

static const char *token_url(const char *value, const char *scope, const char *account)
{
	static struct registry_challenges list;
	static struct buf out;

	list.count = 0;
	buf_clear(&out);
	registry_challenges_read(&list, value);
	registry_challenge_token_url(&list.items[0], scope, account, &out);
	return buf_text(&out);
}

TEST(a_token_is_asked_for_with_service_scope_and_account)
{
	EXPECT_STR(token_url("Bearer realm=\"https://a/t\",service=\"s v\"", "repository:x/y:pull", "ann&b=c"),
		   "https://a/t?service=s%20v&account=ann%26b%3Dc&scope=repository%3Ax%2Fy%3Apull");
	EXPECT_STR(token_url("Bearer realm=\"https://a/t?x=1\",scope=\"p:q:pull r:s:pull\"", "ignored", NULL),
		   "https://a/t?x=1&scope=p%3Aq%3Apull&scope=r%3As%3Apull");
	EXPECT_STR(token_url("Bearer realm=\"https://a/t\"", NULL, ""), "https://a/t");
}
