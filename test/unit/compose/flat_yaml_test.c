#include <string.h>

#include "compose/flat_yaml.h"
#include "test/unit/runner.h"

static int parse(const char *text, struct flat_yaml *ret, struct err *err)
{
	return flat_yaml_parse(text, strlen(text), ret, err);
}

TEST(flat_yaml_reads_words_and_lists_with_their_lines)
{
	struct flat_yaml yaml;
	struct err err = { 0 };

	EXPECT_INT(parse("# ours\ndata-root: /srv/x\nlabel: [zone=a, disk=ssd]\nlog-level: 'warn'\n", &yaml, &err), 0);
	EXPECT_INT(yaml.count, 3);
	EXPECT_STR(yaml.items[0].name, "data-root");
	EXPECT_STR(yaml.items[0].values.items[0], "/srv/x");
	EXPECT_INT(yaml.items[1].values.count, 2);
	EXPECT_STR(yaml.items[1].values.items[1], "disk=ssd");
	EXPECT_INT(yaml.items[1].line, 3);
	EXPECT_STR(yaml.items[2].values.items[0], "warn");
	flat_yaml_fini(&yaml);
}

TEST(flat_yaml_takes_an_empty_file)
{
	struct flat_yaml yaml;
	struct err err = { 0 };

	EXPECT_INT(parse("", &yaml, &err), 0);
	EXPECT_INT(yaml.count, 0);
	flat_yaml_fini(&yaml);
	EXPECT_INT(parse("# nothing\n", &yaml, &err), 0);
	flat_yaml_fini(&yaml);
}

TEST(flat_yaml_refuses_with_the_line)
{
	static const struct { const char *text, *error; } cases[] = {
		{ "a: 1\na: 2\n", "line 2: 'a' stands on line 1 already" },
		{ "a: 1\nb: {c: 1}\n", "line 2: expected a word or a list of words" },
		{ "a: [x, [y]]\n", "line 1: expected a word or a list of words" },
		{ "- a\n", "line 1: expected a name and a colon" },
		{ "a: 1\n---\nb: 2\n", "line 2: only one document is allowed" },
		{ "a: &x 1\n", "line 1: anchors are not allowed here" },
		{ "a: *x\n", "line 1: expected a word or a list of words" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct flat_yaml yaml;
		struct err err = { 0 };

		EXPECT_INT(parse(cases[i].text, &yaml, &err), -1);
		EXPECT_STR(err.text, cases[i].error);
	}
}

TEST(flat_yaml_refuses_broken_yaml_without_leaking)
{
	static const char *const texts[] = { "a: [", "a: \"", "\t- x", "a: b: c", "%", "a: [1, 2\nb: 3", "{a: 1", "a: 'x\n" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct flat_yaml yaml;
		struct err err = { 0 };

		EXPECT_INT(parse(texts[i], &yaml, &err), -1);
	}
}
