#include "api/filters.h"
#include "base/str.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };
static const char *const allowed[] = { "id", "name", "label", "dangling", NULL };

struct bench { struct arena arena; struct filters filters; struct err err; int rc; };

static struct bench parsed(const char *text)
{
	struct bench b = { 0 };

	arena_init(&b.arena, "test", ARENA_MAX);
	b.rc = filters_parse(text, allowed, &b.arena, &b.filters, &b.err);
	return b;
}

static void bench_fini(struct bench *b)
{
	arena_fini(&b->arena);
}

TEST(filters_are_read_in_both_forms)
{
	static const char *const texts[] = { "{\"name\":[\"web\",\"db\"]}", "{\"name\":{\"web\":true,\"db\":false}}" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct bench b = parsed(texts[i]);
		const struct str_array *names = filters_get(&b.filters, "name");

		EXPECT_INT(b.rc, 0);
		EXPECT(names && names->count == 2 && str_eq(names->items[0], "web") && str_eq(names->items[1], "db"));
		EXPECT(!filters_get(&b.filters, "id"));
		bench_fini(&b);
	}
}

TEST(filters_of_nothing_let_everything_through)
{
	static const char *const texts[] = { NULL, "", "{}", "{\"name\":{}}", "{\"name\":[]}", "null" };

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct bench b = parsed(texts[i]);

		EXPECT_INT(b.rc, 0);
		EXPECT(filters_exact(&b.filters, "name", "x") && filters_prefix(&b.filters, "name", NULL));
		bench_fini(&b);
	}
}

TEST(filters_refuse_unknown_keys_and_broken_json)
{
	static const char *const broken[] = { "{", "[]", "1", "\"name\"", "{\"name\":1}", "{\"name\":[1]}", "{\"name\":{\"a\":1}}", "{\"name\":null}", "{}x" };
	struct bench b = parsed("{\"color\":[\"red\"]}");

	EXPECT_INT(b.rc, -1);
	EXPECT_INT(b.err.code, ERR_INVALID);
	EXPECT_STR(b.err.text, "invalid filter 'color'");
	bench_fini(&b);
	for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
		b = parsed(broken[i]);
		EXPECT_INT(b.rc, -1);
		EXPECT_INT(b.err.code, ERR_INVALID);
		bench_fini(&b);
	}
}

TEST(filters_compare_whole_starts_and_parts)
{
	struct bench b = parsed("{\"name\":[\"eb\",\"db\"]}");

	EXPECT(filters_exact(&b.filters, "name", "db") && !filters_exact(&b.filters, "name", "db2"));
	EXPECT(filters_prefix(&b.filters, "name", "db2") && !filters_prefix(&b.filters, "name", "web"));
	EXPECT(!filters_prefix(&b.filters, "name", "DB2") && filters_prefix_nocase(&b.filters, "name", "DB2") && !filters_prefix_nocase(&b.filters, "name", "d"));
	EXPECT(filters_exact_nocase(&b.filters, "name", "DB") && !filters_exact_nocase(&b.filters, "name", "DB2"));
	EXPECT(filters_contains(&b.filters, "name", "web") && !filters_contains(&b.filters, "name", "wed"));
	EXPECT(!filters_exact(&b.filters, "name", NULL));
	bench_fini(&b);
}

TEST(filters_labels_must_all_hold)
{
	static char a[] = "a", one[] = "1", ab[] = "ab", equation[] = "x=y";
	struct str_pair pairs[] = { { a, one }, { ab, equation } };
	const struct str_map labels = { pairs, ARRAY_COUNT(pairs) };
	static const struct { const char *text; bool want; } rows[] = {
		{ "{\"label\":[\"a\"]}", true }, { "{\"label\":[\"a=1\"]}", true }, { "{\"label\":[\"a=1\",\"ab=x=y\"]}", true },
		{ "{\"label\":[\"a=2\"]}", false }, { "{\"label\":[\"a=\"]}", false }, { "{\"label\":[\"a\",\"b\"]}", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct bench b = parsed(rows[i].text);

		EXPECT_INT(filters_labels(&b.filters, "label", &labels), rows[i].want);
		bench_fini(&b);
	}
}

TEST(filters_bool_reads_a_switch_and_refuses_the_rest)
{
	struct bench b = parsed("{\"dangling\":[\"TRUE\"]}");
	bool value = false;

	EXPECT_INT(filters_bool(&b.filters, "dangling", false, &value, &b.err), 0);
	EXPECT(value);
	EXPECT_INT(filters_bool(&b.filters, "id", true, &value, &b.err), 0);
	EXPECT(value);
	bench_fini(&b);
	b = parsed("{\"dangling\":[\"0\"]}");
	EXPECT_INT(filters_bool(&b.filters, "dangling", true, &value, &b.err), 0);
	EXPECT(!value);
	bench_fini(&b);
	b = parsed("{\"dangling\":[\"maybe\"]}");
	EXPECT_INT(filters_bool(&b.filters, "dangling", true, &value, &b.err), -1);
	EXPECT_STR(b.err.text, "invalid filter 'dangling=[maybe]'");
	bench_fini(&b);
}

TEST(filters_words_names_the_first_value_that_is_no_word_of_the_list)
{
	static const char *const words[] = { "worker", "manager", NULL };
	struct bench b = parsed("{\"id\":[\"manager\",\"worker\"]}");

	EXPECT_INT(filters_words(&b.filters, "id", words, &b.err), 0);
	EXPECT_INT(filters_words(&b.filters, "label", words, &b.err), 0);
	EXPECT_STR(filters_stranger(&b.filters, "id", words), NULL);
	bench_fini(&b);
	b = parsed("{\"id\":[\"manager\",\"chief\"]}");
	EXPECT_STR(filters_stranger(&b.filters, "id", words), "chief");
	EXPECT_INT(filters_words(&b.filters, "id", words, &b.err), -1);
	EXPECT_STR(b.err.text, "Invalid id filter: 'chief'");
	bench_fini(&b);
}
