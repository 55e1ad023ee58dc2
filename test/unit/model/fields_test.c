/* One struct with a member of each type: what each looks like in JSON and in bytes, and what is said about the wrong ones. */
#include "model/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "model/json.h"
#include "test/unit/runner.h"

struct leaf { char *name; int64_t n; };
struct all {
	char *str;
	bool flag;
	enum tri tri;
	int64_t i;
	uint64_t u;
	double f;
	struct opt_u64 ou;
	struct opt_i64 oi;
	nsec stamp;
	int word;
	struct str_array list;
	struct str_map map;
	struct leaf leaf, *option;
	ARRAY_OF(struct leaf) leaves;
	ARRAY_OF(struct leaf) by_name;
	char *hidden, *shown;
	struct str_array none, always;
};
static const char *const words[] = { "", "red", "blue", NULL };
static const struct field leaf_fields[] = { F(1, STR, leaf, name, "Name", 0), F(2, I64, leaf, n, "N", 0) };
static const struct shape leaf_shape = SHAPE(leaf, leaf_fields);
static const struct field all_fields[] = {
	F(1, STR, all, str, "Str", 0),
	F(2, BOOL, all, flag, "Flag", 0),
	F(3, TRI, all, tri, "Tri", 0),
	F(4, I64, all, i, "I", 0),
	F(5, U64, all, u, "U", 0),
	F(6, F64, all, f, "F", 0),
	F(7, OPT_U64, all, ou, "Ou", 0),
	F(8, OPT_I64, all, oi, "Oi", 0),
	F(9, STAMP, all, stamp, "Stamp", 0),
	F_ENUM(10, all, word, "Word", 0, words),
	F(11, STR_LIST, all, list, "List", 0),
	F(12, STR_MAP, all, map, "Map", 0),
	F_OF(13, STRUCT, all, leaf, "Leaf", 0, leaf_shape),
	F_OF(14, OPTION, all, option, "Option", 0, leaf_shape),
	F_OF(15, LIST, all, leaves, "Leaves", 0, leaf_shape),
	F_OF(16, MAP, all, by_name, "ByName", 0, leaf_shape),
	F(17, STR, all, hidden, "Hidden", FIELD_HIDDEN),
	F(18, STR, all, shown, "Shown", FIELD_READ_ONLY),
	F(19, STR_LIST, all, none, "None", FIELD_ALWAYS | FIELD_NULLABLE),
	F(20, STR_LIST, all, always, "Always", FIELD_ALWAYS),
	F_REFUSED("Refused"),
};
static const struct shape all_shape = SHAPE(all, all_fields);

static int read_all(const char *json, struct all *ret, struct err *err)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	int rc = shape_from_json(&all_shape, yyjson_doc_get_root(doc), NULL, ret, err);

	yyjson_doc_free(doc);
	return rc;
}

static void print_all(const struct all *all, struct buf *out)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	buf_clear(out);
	json_write(doc, shape_to_json(&all_shape, all, doc), 0, out);
}

static void becomes(const char *json, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = { 0 };
	struct all all;

	EXPECT_INT(read_all(json, &all, &err), 0);
	EXPECT_STR(err.text, "");
	print_all(&all, &out);
	EXPECT_STR(buf_text(&out), want);
	shape_fini(&all_shape, &all);
}

#define TAIL "\"None\":null,\"Always\":[]}"

TEST(fields_of_all_types_are_read_and_printed)
{
	static const char everything[] = "{\"Str\":\"caf\xc3\xa9\",\"Flag\":true,\"Tri\":false,\"I\":-9223372036854775808,\"U\":18446744073709551615,"
		"\"F\":0.25,\"Ou\":0,\"Oi\":-1,\"Stamp\":\"2023-11-14T22:13:20.5Z\",\"Word\":\"blue\",\"List\":[\"a\",\"\"],"
		"\"Map\":{\"a\":\"1\",\"b\":\"\"},\"Leaf\":{\"Name\":\"x\"},\"Option\":{},\"Leaves\":[{\"N\":1},{}],\"ByName\":{\"k\":7},"
		"\"None\":[\"n\"],\"Always\":[\"y\"]}";

	becomes(everything, everything);
	becomes("{}", "{" TAIL);
}

TEST(fields_that_are_empty_and_absent_are_one_thing)
{
	static const char *const texts[] = {
		"{}", "{\"Str\":\"\",\"Flag\":false,\"I\":0,\"U\":0,\"F\":0,\"Word\":\"\",\"List\":[],\"Map\":{},\"Leaf\":{},\"Leaves\":[],\"ByName\":{}}",
		"{\"Str\":null,\"Flag\":null,\"Tri\":null,\"I\":null,\"U\":null,\"F\":null,\"Ou\":null,\"Oi\":null,\"Stamp\":null,\"Word\":null,"
		"\"List\":null,\"Map\":null,\"Leaf\":null,\"Option\":null,\"Leaves\":null,\"ByName\":null,\"Refused\":null}",
		"{\"Leaf\":{\"Name\":\"\",\"N\":0,\"Other\":[1]},\"F\":0.0,\"I\":-0}",
	};
	struct all nothing = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
		struct err err = { 0 };
		struct all all;

		EXPECT_INT(read_all(texts[i], &all, &err), 0);
		EXPECT(shape_is_empty(&all_shape, &all) && shape_equal(&all_shape, &all, &nothing));
		shape_encode(&all_shape, &all, &bytes);
		EXPECT_INT(bytes.len, 0);
		shape_fini(&all_shape, &all);
	}
}

TEST(fields_are_found_in_any_case_and_unknown_ones_ignored)
{
	becomes("{\"str\":\"a\",\"UNKNOWN\":{\"Str\":[]},\"lEAF\":{\"n\":3}}", "{\"Str\":\"a\",\"Leaf\":{\"N\":3}," TAIL);
	becomes("{\"STR\":\"b\",\"Str\":\"a\"}", "{\"Str\":\"a\"," TAIL);
	becomes("{\"Map\":{\"k\":\"first\",\"K\":\"other\",\"a\":null,\"k\":\"last\"}}", "{\"Map\":{\"K\":\"other\",\"a\":\"\",\"k\":\"last\"}," TAIL);
	becomes("{\"ByName\":{\"b\":1,\"a\":2,\"b\":3}}", "{\"ByName\":{\"a\":2,\"b\":3}," TAIL);
	becomes("{\"F\":5e9,\"I\":5e9,\"U\":3.0}", "{\"I\":5000000000,\"U\":3,\"F\":5000000000," TAIL);
}

TEST(fields_of_the_wrong_type_are_named_by_their_path)
{
	static const struct { const char *json, *text; } cases[] = {
		{ "{\"Str\":1}", "Str must be a string" }, { "{\"Str\":\"a\\u0000b\"}", "Str must be a string" },
		{ "{\"Flag\":1}", "Flag must be true or false" }, { "{\"Tri\":\"true\"}", "Tri must be true or false" },
		{ "{\"I\":\"1\"}", "I must be a whole number" }, { "{\"I\":1.5}", "I must be a whole number" },
		{ "{\"I\":9223372036854775808}", "I must be a whole number" }, { "{\"I\":1e300}", "I must be a whole number" },
		{ "{\"U\":-1}", "U must be a whole number of at least 0" }, { "{\"U\":-1.0}", "U must be a whole number of at least 0" },
		{ "{\"U\":true}", "U must be a whole number of at least 0" }, { "{\"F\":\"1\"}", "F must be a number" },
		{ "{\"Ou\":-1}", "Ou must be a whole number of at least 0" }, { "{\"Oi\":{}}", "Oi must be a whole number" },
		{ "{\"Stamp\":0}", "Stamp must be an RFC 3339 time" }, { "{\"Stamp\":\"yesterday\"}", "Stamp must be an RFC 3339 time" },
		{ "{\"Word\":\"green\"}", "Word must be one of red, blue" }, { "{\"Word\":\"Red\"}", "Word must be one of red, blue" },
		{ "{\"Word\":1}", "Word must be a string" },
		{ "{\"List\":{}}", "List must be a list of strings" }, { "{\"List\":[\"a\",1]}", "List must be a list of strings" },
		{ "{\"List\":[null]}", "List must be a list of strings" }, { "{\"Map\":[]}", "Map must be an object of strings" },
		{ "{\"Map\":{\"a\":1}}", "Map must be an object of strings" }, { "{\"Map\":{\"a\\u0000\":\"\"}}", "Map must be an object of strings" },
		{ "{\"Leaf\":[]}", "Leaf must be an object" }, { "{\"Leaf\":{\"N\":\"x\"}}", "Leaf.N must be a whole number" },
		{ "{\"Option\":{\"Name\":[]}}", "Option.Name must be a string" }, { "{\"Leaves\":{}}", "Leaves must be a list" },
		{ "{\"Leaves\":[{},{\"Name\":4}]}", "Leaves.Name must be a string" }, { "{\"Leaves\":[[]]}", "Leaves must be an object" },
		{ "{\"ByName\":[]}", "ByName must be an object" }, { "{\"ByName\":{\"k\":\"x\"}}", "ByName.k must be a whole number" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(str_freep) char *want = str_printf("invalid JSON: %s", cases[i].text);
		struct err err = { 0 };
		struct all all;

		EXPECT_INT(read_all(cases[i].json, &all, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
		EXPECT_STR(err.text, want);
		shape_fini(&all_shape, &all);   /* what was read before the fault */
	}
}

TEST(fields_that_are_refused_may_be_there_as_long_as_they_say_nothing)
{
	static const char *const nothing[] = { "null", "false", "0", "0.0", "\"\"", "[]", "{}", "{\"a\":{\"b\":[]},\"c\":0}" };
	static const char *const something[] = { "true", "1", "-0.5", "\"x\"", "[0]", "{\"a\":{\"b\":1}}" };

	for (size_t i = 0; i < ARRAY_COUNT(nothing); i++) {
		CLEANUP(str_freep) char *json = str_printf("{\"Refused\":%s}", nothing[i]);
		becomes(json, "{" TAIL);
	}
	for (size_t i = 0; i < ARRAY_COUNT(something); i++) {
		CLEANUP(str_freep) char *json = str_printf("{\"reFused\":%s}", something[i]);
		struct err err = { 0 };
		struct all all;

		EXPECT_INT(read_all(json, &all, &err), -1);
		EXPECT_INT(err.code, ERR_UNSUPPORTED);
		EXPECT_STR(err.text, "Refused is not supported by swarmbox yet");
		shape_fini(&all_shape, &all);
	}
}

TEST(fields_that_are_hidden_or_read_only_do_not_come_in)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = { 0 };
	struct all all;

	EXPECT_INT(read_all("{\"Hidden\":\"h\",\"Shown\":\"s\"}", &all, &err), 0);
	EXPECT(!all.hidden && !all.shown);
	all.hidden = str_dup("secret");
	all.shown = str_dup("s");
	print_all(&all, &out);
	EXPECT_STR(buf_text(&out), "{\"Shown\":\"s\"," TAIL);
	buf_clear(&out);
	shape_encode(&all_shape, &all, &out);
	shape_fini(&all_shape, &all);
	EXPECT_INT(shape_decode(&all_shape, reader_of(out.data, out.len), NULL, &all, &err), 0);
	EXPECT_STR(all.hidden, "secret");
	shape_fini(&all_shape, &all);
}

TEST(fields_refuse_bytes_that_no_encoder_makes)
{
#define BYTES(text) (text), sizeof(text) - 1
	static const struct { const char *bytes; size_t count; const char *text; } cases[] = {
		{ BYTES("\x01"), "all: cut off" }, { BYTES("\x01\x02x"), "all: cut off" }, { BYTES("\x80"), "all: cut off" },
		{ BYTES("\x01\x03" "a\0b"), "all field 1 (Str): malformed" }, { BYTES("\x02\x01\x02"), "all field 2 (Flag): malformed" },
		{ BYTES("\x02\x02\x01\x01"), "all field 2 (Flag): malformed" }, { BYTES("\x03\x01\x00"), "all field 3 (Tri): malformed" },
		{ BYTES("\x03\x01\x03"), "all field 3 (Tri): malformed" }, { BYTES("\x05\x02\x80\x80"), "all field 5 (U): malformed" },
		{ BYTES("\x06\x07" "1234567"), "all field 6 (F): malformed" }, { BYTES("\x0a\x01\x03"), "all field 10 (Word): malformed" },
		{ BYTES("\x0b\x02\x02" "a"), "all field 11 (List): malformed" }, { BYTES("\x0b\x04\x03" "a\0b"), "all field 11 (List): malformed" },
		{ BYTES("\x0c\x02\x01" "k"), "all field 12 (Map): malformed" }, { BYTES("\x0c\x04\x01\0\x01v"), "all field 12 (Map): malformed" },
		{ BYTES("\x0e\x01\x02"), "all field 14 (Option): malformed" }, { BYTES("\x0d\x03\x03\x01x"), "leaf field 3: unknown to this version of swarmbox" },
		{ BYTES("\x05\x01\x01\x04\x01\x01"), "all field 4: out of order" }, { BYTES("\x05\x01\x01\x05\x01\x01"), "all field 5: out of order" },
		{ BYTES("\x00\x00"), "all field 0: unknown to this version of swarmbox" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = { 0 };
		struct all all;

		EXPECT_INT(shape_decode(&all_shape, reader_of(cases[i].bytes, cases[i].count), NULL, &all, &err), -1);
		EXPECT_STR(err.text, cases[i].text);
		shape_fini(&all_shape, &all);
	}
}

TEST(fields_read_a_map_of_very_many_keys_in_no_time)
{
	CLEANUP(buf_finip) struct buf json = BUF_INIT;
	struct err err = { 0 };
	struct all all;

	buf_add_str(&json, "{\"Map\":{\"x\":\"\"");
	for (unsigned i = 0; i < 200000; i++)
		buf_printf(&json, ",\"%u\":\"%u\"", i * 7919 % 100003, i);     /* half of them twice */
	buf_add_str(&json, "}}");
	EXPECT_INT(read_all(buf_text(&json), &all, &err), 0);
	EXPECT_INT(all.map.count, 100004);
	EXPECT_STR(str_map_get(&all.map, "0"), "100003");
	shape_fini(&all_shape, &all);
}
