#include "client/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "test/unit/runner.h"

static const char *found(const char *json, const char *domain)
{
	static char text[300];
	struct registry_auth auth;
	char *helper;
	struct err err;

	if (credentials_find(json, strlen(json), domain, &auth, &helper, &err) < 0)
		return strcpy(text, err.text);
	snprintf(text, sizeof(text), "%s/%s/%s %s", auth.username ? auth.username : "", auth.password ? auth.password : "",
		 auth.identity_token ? auth.identity_token : "", helper);
	registry_auth_fini(&auth);
	free(helper);
	return text;
}

TEST(credentials_are_found_under_their_key_or_an_address_of_it)
{
	static const char file[] = "{\"auths\":{\"reg.example:5000\":{\"auth\":\"YW5uOnB3\"},\"https://old.example/v1/\":{\"auth\":\"Ym9iOng=\"},"
				   "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOg==\",\"identitytoken\":\"idt\"}}}";

	EXPECT_STR(found(file, "reg.example:5000"), "ann/pw/ ");
	EXPECT_STR(found(file, "old.example"), "bob/x/ ");
	EXPECT_STR(found(file, "docker.io"), "hub//idt ");
	EXPECT_STR(found(file, "reg.example"), "// ");
	EXPECT_STR(found("", "reg.example"), "// ");
}

TEST(a_credential_helper_is_named)
{
	static const char file[] = "{\"credsStore\":\"pass\",\"credHelpers\":{\"ecr.example\":\"ecr-login\"}}";

	EXPECT_STR(found(file, "reg.example"), "// pass");
	EXPECT_STR(found(file, "ecr.example"), "// ecr-login");
}

TEST(a_broken_config_file_is_refused_in_one_line)
{
	EXPECT_STR(found("[]", "x"), "config.json: no JSON object");
	EXPECT_STR(found("{", "x"), "config.json: no JSON object");
	EXPECT_STR(found("{\"auths\":{\"x\":{\"auth\":\"***\"}}}", "x"), "config.json: credentials: 'auth' is not base64 of name:password");
	EXPECT_STR(found("{\"auths\":{\"x\":7}}", "x"), "config.json: credentials: not a JSON object");
	EXPECT_STR(found("{\"auths\":7}", "x"), "// ");
}

TEST(a_login_keeps_what_else_is_in_the_file)
{
	static const char file[] = "{\"psFormat\":\"table\",\"auths\":{\"https://reg.example/v1/\":{\"auth\":\"Ym9iOng=\"},\"other\":{\"auth\":\"YTpi\"}}}";
	struct registry_auth auth = { .username = str_dup("ann"), .password = str_dup("pw") };
	struct buf out = BUF_INIT;
	struct err err;
	bool had;

	EXPECT(credentials_change(file, sizeof(file) - 1, "reg.example", &auth, &out, &had, &err) == 0);
	EXPECT(had);
	EXPECT(strstr(buf_text(&out), "\"psFormat\": \"table\"") && !strstr(buf_text(&out), "Ym9iOng="));
	EXPECT_STR(found(buf_text(&out), "reg.example"), "ann/pw/ ");
	EXPECT_STR(found(buf_text(&out), "other"), "a/b/ ");
	buf_clear(&out);
	EXPECT(credentials_change("", 0, "docker.io", &auth, &out, &had, &err) == 0);
	EXPECT(!had && strstr(buf_text(&out), REGISTRY_HUB_KEY));
	registry_auth_fini(&auth);
	buf_fini(&out);
}

TEST(a_logout_takes_every_spelling_away)
{
	static const char file[] = "{\"auths\":{\"reg.example\":{},\"https://reg.example/v1/\":{},\"other\":{\"auth\":\"YTpi\"}}}";
	struct buf out = BUF_INIT;
	struct err err;
	bool had;

	EXPECT(credentials_change(file, sizeof(file) - 1, "reg.example", NULL, &out, &had, &err) == 0);
	EXPECT(had && !strstr(buf_text(&out), "reg.example") && strstr(buf_text(&out), "other"));
	buf_fini(&out);
}

TEST(the_config_file_is_readable_to_its_owner_only)
{
	char dir[] = "/tmp/credentials-XXXXXX";
	struct registry_auth auth = { .username = str_dup("ann"), .password = str_dup("pw") }, again;
	char *path, *helper;
	struct stat st;
	struct err err;
	bool had;

	EXPECT(runner_folder(dir) != NULL);
	setenv("DOCKER_CONFIG", dir, 1);
	path = credentials_path();
	EXPECT(credentials_save("reg.example", &auth, &had, &err) == 0);
	EXPECT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	EXPECT(credentials_load("reg.example", &again, &helper, &err) == 0);
	EXPECT_STR(again.password, "pw");
	registry_auth_fini(&again);
	free(helper);
	EXPECT(credentials_save("reg.example", NULL, &had, &err) == 0 && had);
	EXPECT(credentials_save("reg.example", NULL, &had, &err) == 0 && !had);
	registry_auth_fini(&auth);
	EXPECT(dir_remove_tree(dir, &err) == 0);
	free(path);
}
