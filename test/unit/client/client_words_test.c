#include <string.h>

#include "client/dig.h"
#include "client/inspect.h"
#include "client/natural.h"
#include "test/unit/runner.h"

TEST(natural_compare_reads_numbers)
{
	static const char *const sorted[] = { "", "a", "a.1", "a.2", "a.10", "a.10b", "a10", "b", "web", "web-2" };

	for (size_t i = 0; i + 1 < ARRAY_COUNT(sorted); i++) {
		EXPECT(natural_compare(sorted[i], sorted[i + 1]) < 0);
		EXPECT(natural_compare(sorted[i + 1], sorted[i]) > 0);
		EXPECT_INT(natural_compare(sorted[i], sorted[i]), 0);
	}
	EXPECT(natural_compare("a1", "a01") < 0 && natural_compare("a01b", "a1c") > 0 && natural_compare("a01", "a01") == 0);
	EXPECT(natural_compare("a99999999999999999999999", "a100000000000000000000000") < 0);
}

TEST(dig_reads_nothing_where_there_is_nothing)
{
	static const char text[] = "{\"a\":{\"b\":{\"c\":\"x\",\"n\":7,\"yes\":true,\"t\":\"2026-01-31T00:00:00Z\"}},"
				   "\"nil\":null}";
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	yyjson_val *root = yyjson_doc_get_root(doc);

	EXPECT_STR(dig_str(root, "a.b.c"), "x");
	EXPECT_STR(dig_str(root, "a.b.n"), "");
	EXPECT_STR(dig_str(root, "a.z.c"), "");
	EXPECT_STR(dig_str(NULL, "a"), "");
	EXPECT_INT(dig_int(root, "a.b.n"), 7);
	EXPECT_INT(dig_int(root, "a.b.c.d"), 0);
	EXPECT(dig_bool(root, "a.b.yes") && !dig_bool(root, "a.b.no"));
	EXPECT(dig(root, "nil") == NULL);
	EXPECT(dig(root, "") == root);
	EXPECT_INT(dig_time(root, "a.b.t"), 1769817600000000000);
	yyjson_doc_free(doc);
}

static void expect_inspect(const char *format, size_t count, const char *want)
{
	static const char text[] = "{\"ID\":\"x\",\"N\":[1]}";
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	yyjson_val *objects[] = { yyjson_doc_get_root(doc), yyjson_doc_get_root(doc) };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(inspect_print(objects, count, format, &out, &err), 0);
	EXPECT_STR(buf_text(&out), want);
	yyjson_doc_free(doc);
}

TEST(inspect_prints_an_array_or_a_template_each)
{
	expect_inspect(NULL, 0, "[]\n");
	expect_inspect(NULL, 1, "[\n    {\n        \"ID\": \"x\",\n        \"N\": [\n            1\n        ]\n    }\n]\n");
	expect_inspect("json", 2, "[{\"ID\":\"x\",\"N\":[1]},{\"ID\":\"x\",\"N\":[1]}]\n");
	expect_inspect("{{.ID}}\\t{{index .N 0}}", 1, "x\t1\n");
	expect_inspect("{{.ID}}", 0, "");
}
