#include "dispatch/liveness.h"

#include "base/buf.h"
#include "base/str.h"
#include "test/unit/runner.h"

enum { LONG_AGO = -2 * BEATS_GRACE_MAX_MS };

/* What the caller would write: "n1 down, n2 unknown". */
static const char *told(struct liveness *live, msec now, char text[256])
{
	static const char *const names[] = { "ready", "ready", "ready", "unknown", "down" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	const struct live_node *node;

	liveness_tick(live, now);
	for (size_t at = 0; (node = liveness_next(live, &at));)
		buf_printf(&out, "%s%s %s", out.len ? ", " : "", node->id, names[node->state]);
	str_copy(text, 256, buf_text(&out));
	return text;
}

static void make(struct liveness *live, unsigned count)
{
	liveness_init(live);
	for (unsigned i = 1; i <= count; i++) {
		char id[8] = { 'n', (char)('0' + i), 0 };

		liveness_add(live, id, LIVE_MOVING, 0);
		liveness_held(live, id, "m1", 0);
	}
}

TEST(grace_is_three_seconds_or_four_times_the_longest_gap_of_ten_minutes)
{
	struct beats beats;
	msec now = 1000;

	beats_init(&beats, now);
	EXPECT_INT(beats_grace_ms(&beats), 3000);
	beats_add(&beats, now += 2000);
	EXPECT_INT(beats_grace_ms(&beats), 8000);
	EXPECT_INT(beats_deadline(&beats), now + 8000);
	for (int i = 0; i < 1300; i++)          /* eleven minutes */
		beats_add(&beats, now += 500);
	EXPECT_INT(beats_grace_ms(&beats), 3000);
	beats_add(&beats, now + 3600000);
	EXPECT_INT(beats_grace_ms(&beats), 60000);
	beats.fixed_ms = beats_parse_grace("1m30s");
	EXPECT_INT(beats_grace_ms(&beats), 90000);
	EXPECT_INT(beats_parse_grace("soon"), 0);
	EXPECT_INT(beats_parse_grace("-1s"), 0);
	EXPECT_INT(beats_parse_grace(NULL), 0);
}

TEST(a_silent_node_is_down_after_the_others_had_time_to_be_silent_too)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_silent(&live, "n3", "m1", LONG_AGO, 1000);
	EXPECT_INT(liveness_deadline(&live), 1000 + LIVENESS_SETTLE_MS);
	EXPECT_STR(told(&live, 1400, text), "");
	EXPECT_STR(told(&live, 1500, text), "n3 down");
	EXPECT_STR(told(&live, 1600, text), "");
	EXPECT_INT(liveness_deadline(&live), INT64_MAX);
	liveness_held(&live, "n3", "m2", 2000);
	EXPECT_STR(told(&live, 2000, text), "n3 ready");
	liveness_again(&live, "n3");
	EXPECT_STR(told(&live, 2000, text), "n3 ready");
	liveness_fini(&live);
}

TEST(only_the_holder_of_a_node_may_say_that_it_is_silent)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n1", "m2", 500);          /* it moved, and m1 hears nothing any more */
	liveness_silent(&live, "n1", "m1", LONG_AGO, 3000);
	EXPECT_STR(told(&live, 9000, text), "");
	liveness_left(&live, "n1", "m1", false, 9000);
	EXPECT_STR(told(&live, 9000, text), "");
	liveness_left(&live, "n1", "m2", false, 9000);
	EXPECT_STR(told(&live, 9000, text), "n1 down");
	liveness_fini(&live);
}

TEST(a_manager_that_was_out_of_sight_itself_does_not_say_who_is_dead)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_silent(&live, "n1", "m1", 8000, 10000);        /* the wire of m1 was bad: n1 may be on its way to another one */
	liveness_silent(&live, "n2", "m1", 7000, 10000);        /* m1 was in sight all the while */
	EXPECT_STR(told(&live, 10000 + LIVENESS_SETTLE_MS, text), "n2 down");
	EXPECT_STR(told(&live, 9999 + LIVENESS_MOVE_MS, text), "");
	liveness_silent(&live, "n1", "m1", 8000, 10500);        /* that does not make it any longer */
	EXPECT_STR(told(&live, 10000 + LIVENESS_MOVE_MS, text), "n1 down");
	liveness_set_grace(&live, "n3", 6000);
	liveness_silent(&live, "n3", "m1", 26000, 31000);       /* G says what "all the while" is */
	EXPECT_STR(told(&live, 31000 + LIVENESS_SETTLE_MS, text), "");
	liveness_held(&live, "n3", "m2", 32000);
	EXPECT_STR(told(&live, 31000 + LIVENESS_MOVE_MS, text), "");
	liveness_fini(&live);
}

TEST(a_node_has_twice_its_grace_to_turn_up_when_that_is_long)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_set_grace(&live, "n1", 20000);
	liveness_set_grace(&live, "n2", 1000);
	liveness_set_grace(&live, "nobody", 1000);
	liveness_manager_lost(&live, "m1", 1000);
	for (unsigned i = 3; i <= 5; i++)
		liveness_held(&live, (char[]){ 'n', (char)('0' + i), 0 }, "m2", 2000);
	EXPECT_STR(told(&live, 999 + LIVENESS_MOVE_MS, text), "");
	EXPECT_STR(told(&live, 1000 + LIVENESS_MOVE_MS, text), "n2 down");
	EXPECT_STR(told(&live, 40999, text), "");
	EXPECT_STR(told(&live, 41000, text), "n1 down");
	liveness_fini(&live);
}

TEST(of_two_managers_that_hold_a_node_both_must_have_lost_it)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n1", "m2", 500);
	liveness_held(&live, "n1", "m1", 600);          /* m1 tells a new leader of a session that is over in truth */
	liveness_silent(&live, "n1", "m1", LONG_AGO, 3000);
	EXPECT_STR(told(&live, 9000, text), "");
	liveness_held(&live, "n1", "m3", 9000);
	liveness_manager_lost(&live, "m3", 9100);
	EXPECT_STR(told(&live, 30000, text), "");
	liveness_silent(&live, "n1", "m2", LONG_AGO, 30000);
	EXPECT_STR(told(&live, 31000, text), "n1 down");
	liveness_fini(&live);
}

/* A new leader is told of sessions in any order, and of three the one that is over in truth may be told of last. */
TEST(of_three_managers_that_hold_a_node_all_must_have_lost_it)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n1", "m2", 500);
	liveness_held(&live, "n1", "m3", 600);
	liveness_silent(&live, "n1", "m3", LONG_AGO, 3000);
	liveness_silent(&live, "n1", "m2", LONG_AGO, 3100);
	EXPECT_STR(told(&live, 9000, text), "");
	EXPECT(liveness_is_held_by(&live, "n1", "m1") && !liveness_is_held_by(&live, "n1", "m2") && !liveness_is_held_by(&live, "nobody", "m1"));
	liveness_silent(&live, "n1", "m1", LONG_AGO, 10000);
	EXPECT_STR(told(&live, 10000 + LIVENESS_SETTLE_MS, text), "n1 down");
	liveness_fini(&live);
}

/* It was at m1, which is lost; what m2 had of it was older. */
TEST(a_node_whose_holder_is_lost_has_the_time_to_turn_up_though_another_one_says_that_it_is_silent)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n1", "m2", 500);
	liveness_held(&live, "n1", "m1", 600);
	for (unsigned i = 2; i <= 5; i++)
		liveness_held(&live, (char[]){ 'n', (char)('0' + i), 0 }, "m2", 600);
	liveness_manager_lost(&live, "m1", 1000);
	liveness_silent(&live, "n1", "m2", LONG_AGO, 2000);
	EXPECT_STR(told(&live, 999 + LIVENESS_MOVE_MS, text), "");
	EXPECT_STR(told(&live, 1000 + LIVENESS_MOVE_MS, text), "n1 down");
	liveness_held(&live, "n2", "m3", 20000);
	liveness_manager_lost(&live, "m3", 21000);
	liveness_silent(&live, "n2", "m2", LONG_AGO, 22000);
	liveness_held(&live, "n2", "m1", 23000);                /* found, … */
	EXPECT_STR(told(&live, 23000, text), "");
	liveness_silent(&live, "n2", "m1", LONG_AGO, 26000);    /* … and lost again */
	EXPECT_STR(told(&live, 26000 + LIVENESS_SETTLE_MS, text), "n2 down");
	liveness_fini(&live);
}

TEST(a_goodbye_that_comes_late_is_of_that_session_only)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n1", "m2", 500);                  /* its agent was restarted, and m1 told so later */
	liveness_away(&live, "n1", "m1", 1000);
	liveness_held(&live, "n2", "m2", 500);
	liveness_left(&live, "n2", "m1", true, 1000);
	EXPECT_STR(told(&live, 1000 + LIVENESS_MOVE_MS, text), "");
	liveness_silent(&live, "n1", "m2", LONG_AGO, 20000);    /* nobody else has it: m1 has spoken */
	EXPECT_STR(told(&live, 20000 + LIVENESS_SETTLE_MS, text), "n1 down");
	liveness_left(&live, "n2", "m2", false, 21000);
	EXPECT_STR(told(&live, 21000, text), "n2 down");
	liveness_fini(&live);
}

TEST(a_node_of_which_its_manager_speaks_no_more_has_the_time_to_turn_up)
{
	struct liveness live;
	struct map *held = map_new();
	char text[256];

	make(&live, 3);                                 /* all at m1 */
	liveness_held(&live, "n3", "m2", 0);
	liveness_silent(&live, "n3", "m1", LONG_AGO, 0);
	map_put(held, "n1", held);
	liveness_lost_but(&live, "m1", held, 1000);
	EXPECT_STR(told(&live, 15999, text), "");
	EXPECT_STR(told(&live, 16000 + LIVENESS_SETTLE_MS, text), "n2 down");
	map_free(held);
	liveness_fini(&live);
}

TEST(nodes_of_a_lost_manager_have_fifteen_seconds_to_turn_up)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_held(&live, "n4", "m2", 0);
	liveness_held(&live, "n5", "m2", 0);
	liveness_silent(&live, "n4", "m1", LONG_AGO, 500);        /* they have left m1 */
	liveness_silent(&live, "n5", "m1", LONG_AGO, 500);
	liveness_manager_lost(&live, "m2", 1000);
	liveness_held(&live, "n4", "m1", 2000);
	EXPECT_STR(told(&live, 15999, text), "");
	EXPECT_STR(told(&live, 16000, text), "n5 down");
	liveness_fini(&live);
}

TEST(a_new_leader_marks_nobody_down_before_nodes_had_time_to_turn_up)
{
	struct liveness live;
	char text[256];

	liveness_init(&live);
	liveness_add(&live, "n1", LIVE_MOVING, 100);
	liveness_add(&live, "n2", LIVE_MOVING, 100);
	liveness_add(&live, "n3", LIVE_DOWN, 100);
	EXPECT_INT(liveness_deadline(&live), 15100);
	EXPECT_STR(told(&live, 15099, text), "");
	liveness_held(&live, "n2", "m1", 15099);
	EXPECT_STR(told(&live, 15100, text), "n1 down");
	liveness_remove(&live, "n1");
	EXPECT_INT(liveness_deadline(&live), INT64_MAX);
	liveness_fini(&live);
}

TEST(a_node_that_has_just_joined_is_ready_when_it_is_held_and_down_when_it_never_comes)
{
	struct liveness live;
	char text[256];

	make(&live, 1);
	liveness_add(&live, "n2", LIVE_UNKNOWN, 0);
	liveness_add(&live, "n3", LIVE_UNKNOWN, 0);
	EXPECT_STR(told(&live, 10, text), "");
	liveness_held(&live, "n2", "m1", 20);
	EXPECT_STR(told(&live, 20, text), "n2 ready");
	EXPECT_STR(told(&live, 15000, text), "n3 down");
	liveness_fini(&live);
}

TEST(when_most_nodes_vanish_at_once_nothing_is_replaced_for_a_minute)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_silent(&live, "n1", "m1", LONG_AGO, 1000);
	liveness_silent(&live, "n2", "m1", LONG_AGO, 1200);
	liveness_silent(&live, "n3", "m1", LONG_AGO, 1450);
	EXPECT_STR(told(&live, 1500, text), "n1 unknown");
	EXPECT_STR(told(&live, 2000, text), "n2 unknown, n3 unknown");
	liveness_held(&live, "n2", "m1", 5000);
	EXPECT_STR(told(&live, 5000, text), "n2 ready");
	EXPECT_STR(told(&live, 61499, text), "");
	EXPECT_STR(told(&live, 61500, text), "n1 down, n3 down");
	liveness_fini(&live);
}

TEST(two_of_three_are_no_mass_and_those_that_said_goodbye_do_not_count)
{
	struct liveness live;
	char text[256];

	make(&live, 3);
	liveness_silent(&live, "n1", "m1", LONG_AGO, 0);
	liveness_silent(&live, "n2", "m1", LONG_AGO, 0);
	EXPECT_STR(told(&live, 500, text), "n1 down, n2 down");
	liveness_fini(&live);
	make(&live, 4);
	liveness_left(&live, "n1", "m1", false, 0);
	liveness_silent(&live, "n2", "m1", LONG_AGO, 0);
	liveness_silent(&live, "n3", "m1", LONG_AGO, 0);
	EXPECT_STR(told(&live, 500, text), "n1 down, n2 down, n3 down");
	liveness_fini(&live);
}

TEST(nodes_that_went_a_moment_before_count_for_the_mass)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_silent(&live, "n1", "m1", LONG_AGO, 0);
	EXPECT_STR(told(&live, 500, text), "n1 down");
	liveness_silent(&live, "n2", "m1", LONG_AGO, 2000);
	liveness_silent(&live, "n3", "m1", LONG_AGO, 2100);
	EXPECT_STR(told(&live, 2600, text), "n2 unknown, n3 unknown");
	liveness_fini(&live);
}

TEST(an_agent_that_is_only_restarted_has_time_to_come_back)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	liveness_away(&live, "n1", "m2", 1000);         /* m2 does not hold it */
	EXPECT_INT(liveness_deadline(&live), INT64_MAX);
	liveness_away(&live, "n1", "m1", 1000);
	liveness_silent(&live, "n1", "m2", LONG_AGO, 2000);
	liveness_away(&live, "n2", "m1", 2000);
	EXPECT_STR(told(&live, 10000, text), "");
	liveness_held(&live, "n1", "m3", 10000);
	EXPECT_STR(told(&live, 1999 + LIVENESS_MOVE_MS, text), "");
	EXPECT_STR(told(&live, 2000 + LIVENESS_MOVE_MS, text), "n2 down");
	EXPECT_STR(told(&live, 10 * LIVENESS_MOVE_MS, text), "");
	liveness_fini(&live);
}

TEST(a_node_that_is_stopped_with_its_containers_is_down_at_once_and_no_loss)
{
	struct liveness live;
	char text[256];

	make(&live, 5);
	for (unsigned i = 1; i <= 3; i++) {
		char id[8] = { 'n', (char)('0' + i), 0 };

		liveness_left(&live, id, "m1", true, 1000);
		EXPECT(((struct live_node *)map_get(live.nodes, id))->has_stopped);
	}
	EXPECT_STR(told(&live, 1000, text), "n1 down, n2 down, n3 down");
	liveness_held(&live, "n1", "m1", 2000);
	EXPECT(!((struct live_node *)map_get(live.nodes, "n1"))->has_stopped);
	EXPECT_STR(told(&live, 2000, text), "n1 ready");
	liveness_fini(&live);
}
