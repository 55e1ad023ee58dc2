#include "model/constraint.h"

#include "base/str.h"
#include "test/unit/runner.h"

static struct arena arena;

static const char *refusal_of(const char *text)
{
	static struct err err;
	char *items[] = { (char *)(uintptr_t)text };
	struct constraint_list list;

	arena_init(&arena, "test", 1 << 20);
	int rc = constraint_parse(&(struct str_array){ items, 1 }, &arena, &list, &err);
	arena_fini(&arena);
	return rc < 0 ? err.text : NULL;
}

static bool matches(const char *text, const struct node *node)
{
	char *items[] = { (char *)(uintptr_t)text };
	struct constraint_list list;
	struct err err;

	arena_init(&arena, "test", 1 << 20);
	EXPECT(constraint_parse(&(struct str_array){ items, 1 }, &arena, &list, &err) == 0);
	bool result = constraint_match(&list, "n1", node);
	arena_fini(&arena);
	return result;
}

TEST(constraint_needs_an_operator)
{
	const char *want = "constraint expected one operator from ==, !=";

	EXPECT_STR(refusal_of(""), want);
	EXPECT_STR(refusal_of(" "), want);
	EXPECT_STR(refusal_of("nodeabc"), want);
	EXPECT_STR(refusal_of("node ~ abc"), want);
	EXPECT_STR(refusal_of("node.role=manager"), want);
}

TEST(constraint_keys_are_words_of_two_characters_or_more)
{
	EXPECT_STR(refusal_of("1node==a2"), "key '1node' is invalid");
	EXPECT_STR(refusal_of("no de== node1"), "key 'no de' is invalid");
	EXPECT_STR(refusal_of("no*de==node1"), "key 'no*de' is invalid");
	EXPECT_STR(refusal_of("==node1"), "key '' is invalid");
	EXPECT_STR(refusal_of("n==x"), "key 'n' is invalid");
	EXPECT_STR(refusal_of("a!=b==c"), "key 'a!=b' is invalid");
	EXPECT_STR(refusal_of("\xc3\xa4\xc3\xa4==x"), "key '\xc3\xa4\xc3\xa4' is invalid");
	EXPECT_STR(refusal_of(" node == node1"), NULL);
	EXPECT_STR(refusal_of("NoDe==node1"), NULL);
	EXPECT_STR(refusal_of("_node==_node1"), NULL);
}

TEST(constraint_values_hold_no_future_operators)
{
	EXPECT_STR(refusal_of("node=="), "value '' is invalid");
	EXPECT_STR(refusal_of("node== "), "value '' is invalid");
	EXPECT_STR(refusal_of("node==a>b"), "value 'a>b' is invalid");
	EXPECT_STR(refusal_of("node==a=b"), "value 'a=b' is invalid");
	EXPECT_STR(refusal_of("node==[a-b]+c*(n|b)/"), NULL);
	EXPECT_STR(refusal_of("node==node 1"), NULL);
}

TEST(constraint_compares_whole_values_without_case)
{
	struct node node = { .description.hostname = (char[]){ "F.-$o" } };

	EXPECT(matches("node.hostname==f.-$O", &node));
	EXPECT(!matches("node.hostname==fa-$o", &node));
	EXPECT(!matches("node.hostname==f*", &node));
	EXPECT(matches("node.hostname!=f", &node));
	EXPECT(matches("NODE.HOSTNAME == f.-$o", &node));
	EXPECT(matches("node.id == N1", &node));
	EXPECT(!matches("node.id != n1", &node));
}

TEST(constraint_takes_a_missing_label_for_an_empty_one)
{
	struct str_pair pairs[] = { { (char[]){ "Zone" }, (char[]){ "east" } } };
	struct node node = { .spec.labels = { pairs, 1 }, .description.engine.labels = { pairs, 1 } };

	EXPECT(matches("node.labels.Zone==EAST", &node));
	EXPECT(!matches("node.labels.zone==east", &node));      /* a label's name has case */
	EXPECT(matches("node.labels.zone!=east", &node));
	EXPECT(matches("engine.labels.Zone==east", &node));
	EXPECT(!matches("engine.labels.rack==1", &node));
	EXPECT(!matches("node.labels.==east", &node));
	EXPECT(!matches("node.color!=red", &node));             /* unknown keys hold nowhere */
}

TEST(constraint_knows_addresses_and_subnets)
{
	struct node node = { .status.address = (char[]){ "10.1.2.3" } };

	EXPECT(matches("node.ip==10.1.2.3", &node));
	EXPECT(!matches("node.ip!=10.1.2.3", &node));
	EXPECT(matches("node.ip==10.1.0.0/16", &node));
	EXPECT(matches("node.ip!=10.2.0.0/16", &node));
	EXPECT(!matches("node.ip==10.2.0.0/16", &node));
	EXPECT(!matches("node.ip!=somewhere", &node));
	node.status.address = NULL;
	EXPECT(!matches("node.ip==10.1.0.0/16", &node));
	EXPECT(matches("node.ip!=10.1.2.3", &node));
}

TEST(constraint_asks_for_the_role_a_node_has)
{
	struct manager_status status = { .leader = true };
	struct node node = { .spec.role = ROLE_WORKER, .manager = &status,
			     .description.platform = { (char[]){ "x86_64" }, (char[]){ "linux" } } };

	EXPECT(matches("node.role==manager", &node));
	EXPECT(!matches("node.role==worker", &node));
	EXPECT(matches("node.platform.os==linux", &node));
	EXPECT(!matches("node.platform.arch==amd64", &node));   /* as reported, no aliases */
	EXPECT(matches("node.platform.arch==x86_64", &node));
}
