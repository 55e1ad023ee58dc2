#include "dispatch/node_session.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static char m1[] = "m1", m2[] = "m2", m3[] = "m3", a1[] = "10.0.0.1:2377", a2[] = "10.0.0.2:2377", a3[] = "10.0.0.3:2377";
static struct manager_at three[] = { { m1, a1 }, { m2, a2 }, { m3, a3 }, { m1, a2 } };

static const char *step(struct node_session *s, enum session_event event, uint64_t value, msec now, char text[160])
{
	static const char *const names[] = { "dial", "open", "beat", "report", "close", "timer" };
	struct session_out out;
	size_t length = 0;

	node_session_step(s, &(struct session_in){ event, value, now }, &out);
	text[0] = 0;
	for (unsigned i = 0; i < out.count; i++) {
		length += (size_t)snprintf(text + length, 160 - length, "%s%s", i ? " " : "", names[out.acts[i]]);
		if (out.acts[i] == SESSION_ACT_TIMER)
			length += (size_t)snprintf(text + length, 160 - length, "+%lld", (long long)(out.timer_ms ? out.timer_ms - now : -1));
	}
	return text;
}

static void make(struct node_session *s, const char *node, size_t managers)
{
	node_session_init(s, node, 7);
	EXPECT(node_session_set_managers(s, &(struct manager_ats){ three, managers }));
}

static void bring_up(struct node_session *s, msec now)
{
	char text[160];

	EXPECT_STR(step(s, SESSION_MANAGERS, 0, now, text), "dial timer+10000");
	EXPECT_STR(step(s, SESSION_CONNECTED, 0, now, text), "open");
	EXPECT_STR(step(s, SESSION_OPENED, 400, now, text), "report timer+400");
}

TEST(nodes_spread_over_managers_and_a_lost_manager_moves_only_its_own)
{
	unsigned of[3] = { 0 };
	struct node_session s;

	for (int i = 0; i < 900; i++) {
		char node[16], first[ID_SIZE], second[ID_SIZE];
		struct manager_at left[2];
		size_t count = 0;

		snprintf(node, sizeof node, "node%d", i);
		make(&s, node, 3);
		str_copy(first, sizeof first, s.managers[0].node_id);
		str_copy(second, sizeof second, s.managers[1].node_id);
		of[first[1] - '1']++;
		for (int m = 0; m < 3; m++)
			if (!str_eq(three[m].node_id, m2))
				left[count++] = three[m];
		node_session_set_managers(&s, &(struct manager_ats){ left, count });
		EXPECT_STR(s.managers[0].node_id, str_eq(first, m2) ? second : first);
	}
	for (int m = 0; m < 3; m++)
		EXPECT(of[m] > 250 && of[m] < 350);
}

TEST(a_list_with_doubles_or_without_addresses_is_cleaned_and_an_empty_one_is_not_taken)
{
	struct node_session s;
	struct manager_at nowhere = { m2, NULL };

	make(&s, "n", 4);
	EXPECT_INT(s.count, 3);
	EXPECT(!node_session_set_managers(&s, &(struct manager_ats){ three, 3 }));
	EXPECT(!node_session_set_managers(&s, &(struct manager_ats){ &nowhere, 1 }));
	EXPECT_INT(s.count, 3);
}

TEST(every_manager_is_tried_at_once_and_then_there_is_a_growing_pause)
{
	struct node_session s;
	char text[160];
	msec now = 1, most = 100;

	make(&s, "n", 3);
	EXPECT_STR(step(&s, SESSION_MANAGERS, 0, now, text), "dial timer+10000");
	for (int round = 0; round < 9; round++) {
		struct session_out out;

		EXPECT_STR(step(&s, SESSION_LOST, 0, now, text), "timer+0");
		EXPECT_STR(step(&s, SESSION_TIMER, 0, now, text), "dial timer+10000");
		EXPECT_STR(step(&s, SESSION_LOST, 0, now, text), "timer+0");
		EXPECT_STR(step(&s, SESSION_TIMER, 0, now, text), "dial timer+10000");
		node_session_step(&s, &(struct session_in){ SESSION_LOST, 0, now }, &out);
		EXPECT_INT(out.acts[0], SESSION_ACT_TIMER);
		EXPECT(out.timer_ms - now >= most / 2 && out.timer_ms - now <= most);
		most = MIN(most * 2, SESSION_BACKOFF_MAX_MS);
		now = out.timer_ms;
		EXPECT_STR(step(&s, SESSION_TIMER, 0, now, text), "dial timer+10000");
	}
}

TEST(a_manager_that_takes_too_long_is_left_for_the_next)
{
	struct node_session s;
	char text[160], first[ID_SIZE];

	make(&s, "n", 3);
	EXPECT_STR(step(&s, SESSION_MANAGERS, 0, 0, text), "dial timer+10000");
	str_copy(first, sizeof first, node_session_target(&s)->node_id);
	EXPECT_STR(step(&s, SESSION_CONNECTED, 0, 5, text), "open");
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 10000, text), "close timer+0");
	EXPECT_STR(step(&s, SESSION_OPENED, 500, 10000, text), "");             /* too late */
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 10000, text), "dial timer+10000");
	EXPECT(!str_eq(first, node_session_target(&s)->node_id));
}

TEST(a_session_beats_and_a_proven_one_returns_to_its_favourite_unless_that_is_lost)
{
	struct node_session s;
	char text[160];

	make(&s, "n", 3);
	bring_up(&s, 0);
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 400, text), "beat timer+400");
	EXPECT_STR(step(&s, SESSION_LOST, 0, 500, text), "timer+0");
	EXPECT_INT(s.next, 1);                  /* short-lived: somebody else */
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 500, text), "dial timer+10000");
	EXPECT_STR(step(&s, SESSION_CONNECTED, 0, 500, text), "open");
	EXPECT_STR(step(&s, SESSION_OPENED, 0, 500, text), "report timer+500");
	EXPECT_STR(step(&s, SESSION_LOST, 0, 20000, text), "timer+0");
	EXPECT_INT(s.next, 0);
	step(&s, SESSION_TIMER, 0, 20000, text);
	step(&s, SESSION_CONNECTED, 0, 20000, text);
	EXPECT_STR(step(&s, SESSION_OPENED, 500, 20000, text), "report timer+500");
	EXPECT_STR(step(&s, SESSION_LOST, 0, 40000, text), "timer+0");
	EXPECT_INT(s.next, 1);
}

TEST(a_beat_is_waited_for_as_long_as_answers_take_of_late)
{
	struct node_session s;
	char text[160];
	msec now = 0;

	make(&s, "n", 3);
	bring_up(&s, now);
	EXPECT_INT(node_session_wait_ms(&s), SESSION_WAIT_MAX_MS);      /* nothing is known of it yet */
	for (int i = 0; i < 20; i++) {
		EXPECT_STR(step(&s, SESSION_TIMER, 0, now += 400, text), "beat timer+400");
		EXPECT_STR(step(&s, SESSION_BEATEN, 0, now + 5, text), "");
	}
	EXPECT_INT(node_session_wait_ms(&s), SESSION_WAIT_MIN_MS);
	step(&s, SESSION_TIMER, 0, now += 400, text);
	step(&s, SESSION_TIMER, 0, now + 400, text);
	EXPECT_STR(step(&s, SESSION_BEATEN, 0, now + 450, text), "");
	EXPECT_INT(node_session_wait_ms(&s), SESSION_WAIT_MAX_MS);
	EXPECT_STR(step(&s, SESSION_BEATEN, 0, now + 700, text), "");   /* 300 ms, of the second one */
	for (int i = 0; i < 3; i++) {
		EXPECT_STR(step(&s, SESSION_TIMER, 0, now += 400, text), "beat timer+400");
		EXPECT_STR(step(&s, SESSION_BEATEN, 0, now + 1, text), "");
	}
	EXPECT(node_session_wait_ms(&s) > SESSION_WAIT_MIN_MS && node_session_wait_ms(&s) < SESSION_WAIT_MAX_MS);
	EXPECT_STR(step(&s, SESSION_BEATEN, 0, now, text), "");         /* of a beat that nobody knows of */
}

TEST(a_missed_assignment_ends_the_session)
{
	struct node_session s;
	char text[160];

	make(&s, "n", 3);
	bring_up(&s, 0);
	EXPECT_STR(step(&s, SESSION_ASSIGNED, 1, 1, text), "");
	EXPECT_STR(step(&s, SESSION_ASSIGNED, 2, 1, text), "");
	EXPECT_STR(step(&s, SESSION_ASSIGNED, 4, 1, text), "close timer+0");
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 1, text), "dial timer+10000");
	EXPECT_STR(step(&s, SESSION_CONNECTED, 0, 1, text), "open");
	EXPECT_STR(step(&s, SESSION_ASSIGNED, 1, 1, text), "");                 /* a connection counts anew */
}

TEST(a_new_list_keeps_the_connection_and_a_stop_ends_everything)
{
	struct node_session s;
	struct manager_at shrunk[2];
	char text[160], target[ID_SIZE];
	size_t count = 0;

	make(&s, "n", 3);
	bring_up(&s, 0);
	str_copy(target, sizeof target, node_session_target(&s)->node_id);
	for (int m = 0; m < 3; m++)
		if (str_eq(three[m].node_id, target) || count == 0)
			shrunk[count++] = three[m];
	EXPECT(node_session_set_managers(&s, &(struct manager_ats){ shrunk, count }));
	EXPECT_STR(node_session_target(&s)->node_id, target);
	EXPECT_STR(step(&s, SESSION_MANAGERS, 0, 1, text), "");
	EXPECT_STR(step(&s, SESSION_STOP, 0, 2, text), "close timer+-1");
	EXPECT_STR(step(&s, SESSION_TIMER, 0, 3, text), "");
	EXPECT_STR(step(&s, SESSION_MANAGERS, 0, 3, text), "");
}
