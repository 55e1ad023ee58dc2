#include "manager/roster.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "state/apply.h"
#include "test/unit/runner.h"

/* "A+ b- c": capital: the leader; +: reachable, -: not; no sign: a learner that is reachable. */
static void make(struct roster *roster, const char *text)
{
	struct strlist words = str_split(text, ' ');

	*roster = (struct roster){ 0 };
	for (size_t i = 0; i < words.count; i++) {
		struct roster_member *member = &roster->items[roster->count++];

		snprintf(member->node_id, sizeof member->node_id, "%c", words.items[i][0] | 32);
		member->raft_id = i + 1;
		member->is_leader = words.items[i][0] < 'a';
		member->votes = words.items[i][1] != 0;
		member->is_reachable = words.items[i][1] != '-';
	}
	strlist_fini(&words);
}

static const char *words_of(int (*fn)(const struct roster *, const char *, struct err *), const char *text, const char *node)
{
	static struct err err;
	struct roster roster;

	make(&roster, text);
	err = (struct err){ 0 };
	return fn(&roster, node, &err) < 0 ? err.text : "yes";
}

TEST(the_last_manager_cannot_be_demoted_nor_one_whose_loss_ends_the_quorum)
{
	const char *last = "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm";
	const char *quorum = "rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would result in a loss of "
			     "quorum";

	EXPECT_STR(words_of(roster_check_demote, "A+", "a"), last);
	EXPECT_STR(words_of(roster_check_demote, "A+ b", "a"), last);
	EXPECT_STR(words_of(roster_check_demote, "A+ b+", "b"), "yes");
	EXPECT_STR(words_of(roster_check_demote, "A+ b-", "b"), "yes");
	EXPECT_STR(words_of(roster_check_demote, "A+ b+ c-", "b"), quorum);
	EXPECT_STR(words_of(roster_check_demote, "A+ b+ c-", "c"), "yes");
	EXPECT_STR(words_of(roster_check_demote, "A+ b+ c+ d- e-", "b"), quorum);
	EXPECT_STR(words_of(roster_check_demote, "A+ b+ c+ d- e-", "d"), "yes");
	EXPECT_STR(words_of(roster_check_demote, "A+ b+", "x"), "yes");
}

TEST(leaving_is_refused_in_the_daemons_words_when_it_would_break_the_swarm)
{
	EXPECT_STR(words_of(roster_check_leave, "A+", "a"),
		   "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager erases all "
		   "current state of the swarm. Use `--force` to ignore this message. ");
	EXPECT_STR(words_of(roster_check_leave, "A+ b+ c-", "b"),
		   "You are attempting to leave the swarm on a node that is participating as a manager. Removing this node leaves 1 managers "
		   "out of 3. Without a Raft quorum your swarm will be inaccessible. The only way to restore a swarm that has lost consensus "
		   "is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.");
	EXPECT_STR(words_of(roster_check_leave, "A+ b+ c+", "b"), "yes");
	EXPECT_STR(words_of(roster_check_leave, "A+ b", "b"), "yes");
}

/* roles: "m" or "w" for each of a, b, c …; anything else: no such node */
static const char *next(const char *members, const char *roles)
{
	static char text[64];
	static const char *const acts[] = { "rest", "vote", "remove", "hand over" };
	struct view *view = view_new();
	struct change_list list;
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	const struct roster_member *member;
	struct roster roster;
	struct applied applied;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	for (int i = 0; roles[i]; i++) {
		char id[2] = { (char)('a' + i), 0 };

		if (roles[i] != 'm' && roles[i] != 'w')
			continue;
		((struct node *)change_create(&list, KIND_NODE, arena_strdup(&arena, id), FIELD_BIT(NODE_SPEC)))->spec.role =
			roles[i] == 'm' ? ROLE_MANAGER : ROLE_WORKER;
	}
	change_list_encode(&list, &(struct entry_head){ FORMAT_LEVEL, 1, 0 }, &bytes);
	EXPECT(state_apply(view, 1, 1, bytes.data, bytes.len, &applied, &err) == 0);
	applied_fini(&applied);
	make(&roster, members);
	snprintf(text, sizeof text, "%s", acts[roster_next(&roster, view, &member)]);
	if (member)
		snprintf(text + strlen(text), sizeof text - strlen(text), " %s", member->node_id);
	arena_fini(&arena);
	view_free(view);
	return text;
}

TEST(members_follow_roles_one_by_one_the_unwanted_first_and_the_leader_last)
{
	EXPECT_STR(next("A+ b+ c+", "mmm"), "rest");
	EXPECT_STR(next("A+ b", "mm"), "vote b");
	EXPECT_STR(next("A+ b c+", "mmw"), "remove c");
	EXPECT_STR(next("A+ b+ c+", "mm-"), "remove c");
	EXPECT_STR(next("A+ b+ c+", "wmw"), "remove c");
	EXPECT_STR(next("A+ b+", "wm"), "hand over a");
	EXPECT_STR(next("A+ b", "mw"), "remove b");
}

TEST(nobody_is_removed_whom_the_rest_cannot_spare)
{
	EXPECT_STR(next("A+", "w"), "rest");
	EXPECT_STR(next("A+ b+ c-", "mwm"), "rest");
	EXPECT_STR(next("A+ b+ c-", "mmw"), "remove c");
	EXPECT_STR(next("A+ b- c", "mmm"), "vote c");
}
