#include "api/image_filter.h"

#include <stdio.h>

#include "base/str.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };
#define NOW (INT64_C(1700000000) * 1000000000)
#define HOUR (INT64_C(3600) * 1000000000)

/* "1 2 3" for those of three images that are let through: 1 is a:1 and b/c:2 of an hour ago, labels x=1 and y; 2 is dangling, of two hours
 * ago, label x=2; 3 is reg.io:5000/d/e:latest of three hours ago. Or the error. */
static const char *kept(const char *text, enum image_filter_use use)
{
	static char out[1100];
	static const struct { const char *tags[2], *labels[2]; } images[] = {
		{ { "a:1", "b/c:2" }, { "x=1", "y=" } }, { { NULL }, { "x=2" } }, { { "reg.io:5000/d/e:latest" }, { NULL } },
	};
	struct image_filter filter;
	struct arena arena;
	struct err err;
	size_t length = 0;

	out[0] = '\0';
	arena_init(&arena, "test", ARENA_MAX);
	if (image_filter_parse(text, use, NULL, NOW, &arena, &filter, &err) < 0) {
		str_copy(out, sizeof(out), err.text);
		arena_fini(&arena);
		return out;
	}
	for (size_t i = 0; i < ARRAY_COUNT(images); i++) {
		CLEANUP(strlist_finip) struct strlist shown = { 0 };
		struct image image = { 0 };

		image_config_init(&image.config);
		image.config.created = NOW - (int64_t)(i + 1) * HOUR;
		for (size_t n = 0; n < 2; n++) {
			if (images[i].tags[n])
				strlist_add(&image.tags, images[i].tags[n]);
			if (images[i].labels[n]) {
				struct strlist words = str_split(images[i].labels[n], '=');
				image_config_set_label(&image.config, words.items[0], words.items[1]);
				strlist_fini(&words);
			}
		}
		if (image_filter_holds(&filter, &image, &shown))
			length += (size_t)snprintf(out + length, sizeof(out) - length, "%s%zu%s", length ? " " : "", i + 1,
						   shown.count == 1 && i == 0 ? "'" : "");
		image_config_fini(&image.config);
		strlist_fini(&image.tags);
	}
	arena_fini(&arena);
	return out;
}

TEST(image_filter_lists_by_name_label_and_age)
{
	EXPECT_STR(kept(NULL, IMAGE_FILTER_LIST), "1 2 3");
	EXPECT_STR(kept("{\"dangling\":{\"true\":true}}", IMAGE_FILTER_LIST), "2");
	EXPECT_STR(kept("{\"dangling\":{\"false\":true}}", IMAGE_FILTER_LIST), "1 3");
	EXPECT_STR(kept("{\"reference\":{\"a\":true}}", IMAGE_FILTER_LIST), "1'");
	EXPECT_STR(kept("{\"reference\":{\"a:*\":true,\"*/c\":true}}", IMAGE_FILTER_LIST), "1");
	EXPECT_STR(kept("{\"reference\":{\"*\":true}}", IMAGE_FILTER_LIST), "1'");
	EXPECT_STR(kept("{\"reference\":{\"*/*/e\":true}}", IMAGE_FILTER_LIST), "3");
	EXPECT_STR(kept("{\"reference\":{\"?/?:?\":true}}", IMAGE_FILTER_LIST), "1'");
	EXPECT_STR(kept("{\"reference\":{\"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\":true}}", IMAGE_FILTER_LIST), "");
	EXPECT_STR(kept("{\"label\":{\"x\":true}}", IMAGE_FILTER_LIST), "1 2");
	EXPECT_STR(kept("{\"label\":{\"x=2\":true}}", IMAGE_FILTER_LIST), "2");
	EXPECT_STR(kept("{\"label\":{\"x\":true,\"y\":true}}", IMAGE_FILTER_LIST), "1");
	EXPECT_STR(kept("{\"until\":{\"90m\":true}}", IMAGE_FILTER_LIST), "2 3");
	EXPECT_STR(kept("{\"until\":{\"1699991000\":true}}", IMAGE_FILTER_LIST), "3");
	EXPECT_STR(kept("{\"label!\":{\"x\":true}}", IMAGE_FILTER_LIST), "invalid filter 'label!'");
}

TEST(image_filter_prunes_dangling_ones_unless_all_are_asked_for)
{
	EXPECT_STR(kept(NULL, IMAGE_FILTER_PRUNE), "2");
	EXPECT_STR(kept("{\"dangling\":{\"true\":true}}", IMAGE_FILTER_PRUNE), "2");
	EXPECT_STR(kept("{\"dangling\":{\"false\":true}}", IMAGE_FILTER_PRUNE), "1 2 3");
	EXPECT_STR(kept("{\"dangling\":{\"false\":true},\"label!\":{\"x=2\":true}}", IMAGE_FILTER_PRUNE), "1 3");
	EXPECT_STR(kept("{\"dangling\":{\"false\":true},\"label!\":{\"x\":true}}", IMAGE_FILTER_PRUNE), "3");
	EXPECT_STR(kept("{\"dangling\":{\"false\":true},\"until\":{\"2h30m\":true}}", IMAGE_FILTER_PRUNE), "3");
	EXPECT_STR(kept("{\"reference\":{\"a\":true}}", IMAGE_FILTER_PRUNE), "invalid filter 'reference'");
	EXPECT_STR(kept("{\"until\":{\"1h\":true,\"2h\":true}}", IMAGE_FILTER_PRUNE), "more than one until filter specified");
	EXPECT_STR(kept("{\"until\":{\"yesterday\":true}}", IMAGE_FILTER_PRUNE), "invalid filter 'until=yesterday': neither a duration nor a moment");
	EXPECT_STR(kept("{\"dangling\":{\"maybe\":true}}", IMAGE_FILTER_PRUNE), "invalid filter 'dangling=[maybe]'");
}

TEST(image_filter_finds_what_was_pulled_by_digest_by_its_repository)
{
	static const struct { const char *text; bool is_kept; } cases[] = {
		{ "{\"reference\":{\"reg.io:5000/d/e\":true}}", true },
		{ "{\"reference\":{\"*/d/e\":true}}", true },
		{ "{\"reference\":{\"reg.io:5000/d\":true}}", false },
		{ "{\"reference\":{\"reg.io:5000/d/e:latest\":true}}", false },
	};
	struct image image = { 0 };

	image_config_init(&image.config);
	strlist_add(&image.repositories, "reg.io:5000/d/e");
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(strlist_finip) struct strlist shown = { 0 };
		struct image_filter filter;
		struct arena arena;
		struct err err;

		arena_init(&arena, "test", ARENA_MAX);
		EXPECT_INT(image_filter_parse(cases[i].text, IMAGE_FILTER_LIST, NULL, NOW, &arena, &filter, &err), 0);
		EXPECT_INT(image_filter_holds(&filter, &image, &shown), cases[i].is_kept);
		EXPECT_INT(shown.count, 0);
		arena_fini(&arena);
	}
	image_config_fini(&image.config);
	strlist_fini(&image.repositories);
}
