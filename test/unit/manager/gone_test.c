#include "manager/gone.h"

#include <stdio.h>

#include "base/str.h"
#include "test/unit/runner.h"

static struct gone gone;

static void note(enum kind kind, enum change_op op, const char *id, uint64_t index)
{
	struct state_event event = { .kind = kind, .op = op, .id = id };
	struct applied applied = { .events = &event, .event_count = 1 };

	gone_note(&gone, &applied, index);
}

TEST(what_is_gone_is_known_when_nothing_behind_that_entry_was_missed)
{
	gone_begin(&gone, 10);
	EXPECT_INT(gone_ask(&gone, "s", 10), GONE_NEVER);
	EXPECT_INT(gone_ask(&gone, "s", 9), GONE_UNKNOWN);
	note(KIND_SERVICE, CHANGE_REMOVE, "s", 11);
	EXPECT_INT(gone_ask(&gone, "s", 10), GONE_REMOVED);
	EXPECT_INT(gone_ask(&gone, "s", 9), GONE_REMOVED);
	EXPECT_INT(gone_ask(&gone, "t", 11), GONE_NEVER);
	gone_begin(&gone, 12);          /* a snapshot */
	EXPECT_INT(gone_ask(&gone, "s", 11), GONE_UNKNOWN);
	EXPECT_INT(gone_ask(&gone, "s", 12), GONE_NEVER);
}

TEST(only_the_removal_of_what_verbs_make_is_noted)
{
	static const enum kind kinds[] = { KIND_SERVICE, KIND_NODE, KIND_SECRET, KIND_CONFIG };

	gone_begin(&gone, 1);
	note(KIND_TASK, CHANGE_REMOVE, "t", 2);
	note(KIND_SERVICE, CHANGE_CREATE, "t", 3);
	note(KIND_SERVICE, CHANGE_UPDATE, "t", 4);
	EXPECT_INT(gone_ask(&gone, "t", 1), GONE_NEVER);
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		gone_begin(&gone, 1);
		note(kinds[i], CHANGE_REMOVE, "x", 2);
		EXPECT_INT(gone_ask(&gone, "x", 1), GONE_REMOVED);
	}
}

TEST(what_was_forgotten_for_want_of_room_is_not_known)
{
	char id[16];

	gone_begin(&gone, 100);
	for (int i = 0; i <= GONE_MAX; i++) {
		if (i == GONE_MAX)
			EXPECT_INT(gone_ask(&gone, "n", 100), GONE_NEVER);
		snprintf(id, sizeof id, "s%d", i);
		note(KIND_SERVICE, CHANGE_REMOVE, id, 200 + (uint64_t)i);
	}
	EXPECT_INT(gone_ask(&gone, "s0", 100), GONE_UNKNOWN);
	EXPECT_INT(gone_ask(&gone, "s0", 199), GONE_UNKNOWN);
	EXPECT_INT(gone_ask(&gone, "s1", 100), GONE_REMOVED);
	EXPECT_INT(gone_ask(&gone, "n", 199), GONE_UNKNOWN);
	EXPECT_INT(gone_ask(&gone, "n", 200), GONE_NEVER);
}
