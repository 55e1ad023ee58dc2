#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "test/unit/runner.h"

TEST(err_carries_its_code_and_sentence)
{
	struct err err = { 0 };

	EXPECT_INT(err_set(&err, ERR_NOT_FOUND, "service %s not found", "web"), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_STR(err.text, "service web not found");
}

TEST(err_sys_adds_the_words_of_errno_and_keeps_it)
{
	struct err err = { 0 };

	errno = ENOENT;
	EXPECT_INT(err_sys(&err, "open '%s'", "/x"), -1);
	EXPECT_STR(err.text, "open '/x': No such file or directory");
	EXPECT_INT(err.code, ERR_IO);
	EXPECT_INT(errno, ENOENT);
}

TEST(err_wrap_puts_words_in_front_and_keeps_the_code)
{
	struct err err = { 0 };

	err_set(&err, ERR_DENIED, "not yours");
	EXPECT_INT(err_wrap(&err, "volume '%s'", "data"), -1);
	EXPECT_STR(err.text, "volume 'data': not yours");
	EXPECT_INT(err.code, ERR_DENIED);
}

TEST(err_may_quote_itself)
{
	struct err err = { 0 };

	err_set(&err, ERR_IO, "inner");
	err_set(&err, ERR_INVALID, "outer (%s)", err.text);
	EXPECT_STR(err.text, "outer (inner)");
	err_wrap(&err, "%s and", err.text);
	EXPECT_STR(err.text, "outer (inner) and: outer (inner)");
}

TEST(err_that_is_too_long_is_cut_between_characters)
{
	struct err err = { 0 };
	char text[2000];

	for (size_t start = 0; start < 3; start++) {
		for (size_t i = 0; i + 1 < sizeof(text); i++)
			text[i] = i < start ? 'a' : "\u20ac"[(i - start) % 3];
		text[sizeof(text) - 1] = '\0';
		err_set(&err, ERR_INVALID, "%s", text);
		EXPECT(strlen(err.text) > 1015);
		EXPECT(str_is_utf8(err.text, strlen(err.text)));
		err_wrap(&err, "object");
		EXPECT(strlen(err.text) > 1015);
		EXPECT(str_is_utf8(err.text, strlen(err.text)));
	}
}

TEST(err_without_a_place_to_go_is_still_a_failure)
{
	EXPECT_INT(err_set(NULL, ERR_IO, "x"), -1);
	EXPECT_INT(err_sys(NULL, "x"), -1);
	EXPECT_INT(err_wrap(NULL, "x"), -1);
}

TEST(err_codes_have_the_http_status_that_docker_gives)
{
	EXPECT_INT(err_http_status(ERR_INVALID), 400);
	EXPECT_INT(err_http_status(ERR_NOT_FOUND), 404);
	EXPECT_INT(err_http_status(ERR_CONFLICT), 409);
	EXPECT_INT(err_http_status(ERR_DENIED), 403);
	EXPECT_INT(err_http_status(ERR_EXHAUSTED), 503);
	EXPECT_INT(err_http_status(ERR_UNAVAILABLE), 503);
	EXPECT_INT(err_http_status(ERR_UNSUPPORTED), 501);
	EXPECT_INT(err_http_status(ERR_STALE), 500);
	EXPECT_INT(err_http_status(ERR_IO), 500);
	EXPECT_INT(err_http_status((enum err_code)0), 500);
}
