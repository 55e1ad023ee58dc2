#include <string.h>

#include "base/str.h"
#include "pki/join_token.h"
#include "pki/renewal.h"
#include "pki/unlock_key.h"
#include "test/unit/runner.h"

#define DIGEST "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcd"
#define SECRET "0123456789abcdefghijklmno"

TEST(join_tokens_have_swarm_s_shape_and_differ)
{
	char a[JOIN_TOKEN_SIZE], b[JOIN_TOKEN_SIZE], digest[CA_DIGEST_SIZE];
	struct err err;

	join_token_new(DIGEST, a);
	join_token_new(DIGEST, b);
	EXPECT(str_starts(a, "SWMTKN-1-" DIGEST "-"));
	EXPECT_INT(strlen(a), strlen("SWMTKN-1-") + 50 + 1 + 25);
	EXPECT(!str_eq(a, b));
	EXPECT_INT(join_token_parse(a, digest, &err), 0);
	EXPECT_STR(digest, DIGEST);
	EXPECT(join_token_matches(a, a) && !join_token_matches(a, b));
}

TEST(join_tokens_are_read_strictly)
{
	static const char *const wrong[] = {
		"", "SWMTKN", "SWMTKN-1-", "SWMTKN-1-" DIGEST, "SWMTKN-1-" DIGEST "-", "SWMTKN-1-" DIGEST "-" SECRET "x", "SWMTKN-1-" DIGEST "x-" SECRET,
		"SWMTKN-2-" DIGEST "-" SECRET, "SWMTKN-2-1-" DIGEST "-" SECRET, " SWMTKN-1-" DIGEST "-" SECRET, "SWMTKN-1-" DIGEST "-" SECRET "\n",
		"swmtkn-1-" DIGEST "-" SECRET, "SWMTKN-1-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd-" SECRET, "SWMTKN-1-" DIGEST "--" SECRET,
	};
	char digest[CA_DIGEST_SIZE];
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		EXPECT_INT(join_token_parse(wrong[i], digest, &err), -1);
		EXPECT_INT(err.code, ERR_INVALID);
		EXPECT_STR(err.text, "invalid join token");
	}
	EXPECT_INT(join_token_parse("SWMTKN-1-" DIGEST "-" SECRET, digest, &err), 0);
	EXPECT(!join_token_matches("", "") && !join_token_matches("", "x") && !join_token_matches("xy", "x"));
	EXPECT(!join_token_matches(NULL, "x") && !join_token_matches("x", NULL));
}

TEST(unlock_keys_are_docker_s_and_come_back)
{
	struct seal_key key, again;
	char text[UNLOCK_KEY_SIZE];
	struct err err;

	seal_key_new(&key);
	unlock_key_format(&key, text);
	EXPECT(str_starts(text, "SWMKEY-1-"));
	EXPECT_INT(strlen(text), strlen("SWMKEY-1-") + 43);
	EXPECT_INT(unlock_key_parse(text, &again, &err), 0);
	EXPECT(memcmp(&key, &again, sizeof(key)) == 0);
	text[strlen(text) - 4] = '\0';
	EXPECT_INT(unlock_key_parse(text, &again, &err), -1);
	EXPECT_INT(unlock_key_parse("", &again, &err), -1);
	EXPECT_INT(unlock_key_parse("SWMKEY-1-", &again, &err), -1);
	EXPECT_INT(unlock_key_parse("SWMKEY-1-%%%%", &again, &err), -1);
	EXPECT_STR(err.text, "invalid unlock key: it looks like SWMKEY-1-<43 letters and digits>");
}

TEST(renewal_comes_between_half_and_four_fifths_of_a_life)
{
	const nsec day = 86400000000000;
	const struct cert_facts facts = { .not_before = 100 * day, .not_after = 190 * day }, over = { .not_before = day, .not_after = day };
	nsec least = INT64_MAX, most = 0;
	struct rng rng;

	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		nsec at = renewal_at(&facts, &rng);
		least = MIN(least, at);
		most = MAX(most, at);
	}
	EXPECT(least >= 145 * day && least < 146 * day);
	EXPECT(most > 171 * day && most <= 172 * day);
	EXPECT(renewal_at(&over, &rng) >= day);
}

TEST(renewal_is_tried_again_ever_more_rarely)
{
	static const struct { unsigned failures; msec least, most; } cases[] = {
		{ 1, 2500, 5000 }, { 2, 5000, 10000 }, { 5, 40000, 80000 }, { 11, 1800000, 3600000 }, { 4000000000u, 1800000, 3600000 },
	};
	struct rng rng;

	rng_seed(&rng, 1);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		for (int j = 0; j < 100; j++) {
			msec delay = renewal_retry_ms(cases[i].failures, &rng);
			EXPECT(delay >= cases[i].least && delay <= cases[i].most);
		}
}

TEST(renewal_is_waited_for_from_a_second_to_a_day)
{
	const nsec now = 1000000000000000000, second = 1000000000, year = 365 * 86400 * second;

	EXPECT_INT(renewal_wait_ms(now + 90 * second, now), 90000);
	EXPECT_INT(renewal_wait_ms(now, now), 1000);
	EXPECT_INT(renewal_wait_ms(now - year, now), 1000);
	EXPECT_INT(renewal_wait_ms(now + 1, now), 1000);
	EXPECT_INT(renewal_wait_ms(now + year, now), 86400000);
	EXPECT_INT(renewal_wait_ms(now, 0), 86400000);          /* a calendar that nobody has told yet */
	EXPECT_INT(renewal_wait_ms(-year, now), 1000);
}
