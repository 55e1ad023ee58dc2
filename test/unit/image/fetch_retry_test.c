#include "image/fetch_retry.h"

#include "test/unit/runner.h"

static bool next(struct fetch_retry *retry, enum fetch_patience patience, enum fetch_fault fault, msec *ret)
{
	return fetch_retry_next(retry, patience, fault, false, 0, UINT64_MAX, ret);
}

TEST(a_transfer_is_patient_and_waits_longer_each_time)
{
	struct fetch_retry retry = { 0 };
	msec delay, total = 0;

	for (int i = 0; i < FETCH_TRIES - 1; i++) {
		EXPECT(fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_UNREACHABLE, false, 0, (uint64_t)(FETCH_DELAY_MS << i) / 4, &delay));
		EXPECT_INT(delay, FETCH_DELAY_MS << i);
		total += delay;
	}
	EXPECT(total > 15000);
	EXPECT(!next(&retry, FETCH_TRANSFER, FETCH_UNREACHABLE, &delay));
}

TEST(bytes_make_a_transfer_patient_again_but_not_for_ever)
{
	struct fetch_retry retry = { 0 };
	int tries = 0;
	msec delay;

	while (fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_BROKEN, true, 0, 0, &delay)) {
		EXPECT(delay <= FETCH_DELAY_MS);
		tries++;
	}
	EXPECT_INT(tries, FETCH_TOTAL_TRIES - 1);
}

TEST(a_question_is_answered_soon)
{
	struct fetch_retry retry = { 0 };
	msec delay;

	EXPECT(!next(&retry, FETCH_QUESTION, FETCH_UNREACHABLE, &delay));
	retry = (struct fetch_retry){ 0 };
	EXPECT(next(&retry, FETCH_QUESTION, FETCH_BROKEN, &delay));
	EXPECT(next(&retry, FETCH_QUESTION, FETCH_BUSY, &delay));
	EXPECT(!next(&retry, FETCH_QUESTION, FETCH_BUSY, &delay));
}

TEST(what_is_refused_is_not_asked_again)
{
	struct fetch_retry retry = { 0 };
	msec delay;

	EXPECT(!next(&retry, FETCH_TRANSFER, FETCH_REFUSED, &delay));
	EXPECT(!next(&retry, FETCH_TRANSFER, FETCH_UNTRUSTED, &delay));
	EXPECT_INT(fetch_fault_of_status(404), FETCH_REFUSED);
	EXPECT_INT(fetch_fault_of_status(403), FETCH_REFUSED);
	EXPECT_INT(fetch_fault_of_status(429), FETCH_BUSY);
	EXPECT_INT(fetch_fault_of_status(503), FETCH_BUSY);
}

TEST(a_registry_may_ask_for_more_time_within_reason)
{
	struct fetch_retry retry = { 0 };
	msec delay;

	EXPECT(fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_BUSY, false, 20, 0, &delay));
	EXPECT_INT(delay, 20000);
	EXPECT(!fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_BUSY, false, 3600, 0, &delay));
}

TEST(the_dice_move_a_delay_by_a_quarter_at_most)
{
	for (uint64_t dice = 0; dice < 2000; dice += 7) {
		struct fetch_retry retry = { 0 };
		msec delay;

		EXPECT(fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_BROKEN, false, 0, dice, &delay));
		EXPECT(delay >= FETCH_DELAY_MS * 3 / 4 && delay <= FETCH_DELAY_MS * 5 / 4);
	}
}

TEST(a_transfer_can_be_told_to_be_less_patient)
{
	struct fetch_retry retry = { .base_ms = 20 };
	msec delay = 0;

	for (int i = 0; i < 3; i++)
		EXPECT(fetch_retry_next(&retry, FETCH_TRANSFER, FETCH_BROKEN, false, 0, 20, &delay));
	EXPECT_INT(delay, 80);
}
