#include <math.h>

#include "base/str.h"
#include "model/json.h"
#include "test/unit/runner.h"

TEST(json_write_appends_the_text_and_nothing_else)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);

	yyjson_mut_obj_add_str(doc, root, "name", "caf\xc3\xa9 \"1\"\n");
	buf_add_str(&out, "data: ");
	json_write(doc, root, 0, &out);
	EXPECT_STR(buf_text(&out), "data: {\"name\":\"caf\xc3\xa9 \\\"1\\\"\\n\"}");
}

TEST(json_write_prints_what_is_no_text_as_go_does)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
		{ "caf\xc3", "\"caf\xef\xbf\xbd\"" },                        /* cut inside of a character */
		{ "\xe2\x82\xac \xe2\x82", "\"\xe2\x82\xac \xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" }, /* a surrogate */
		{ "\xf0\x9f\x90\xb3\x80", "\"\xf0\x9f\x90\xb3\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

		json_write(doc, yyjson_mut_str(doc, cases[i].in), 0, &out);
		EXPECT_STR(buf_text(&out), cases[i].out);
	}
}

TEST(json_write_mends_keys_and_depths_and_leaves_the_rest)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

	yyjson_mut_obj_add_str(doc, root, "k\xff", "whole");
	list = yyjson_mut_obj_add_arr(doc, root, "list");
	yyjson_mut_arr_add_strn(doc, list, "a\0b\xff", 4);
	yyjson_mut_arr_add_real(doc, list, INFINITY);
	yyjson_mut_arr_add_real(doc, list, 0.5);
	json_write(doc, root, 0, &out);
	EXPECT_STR(buf_text(&out), "{\"k\xef\xbf\xbd\":\"whole\",\"list\":[\"a\\u0000b\xef\xbf\xbd\",null,0.5]}");
}
