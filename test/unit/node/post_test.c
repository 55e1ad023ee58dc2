#include "node/post.h"

#include "test/unit/runner.h"

static enum post_act next(enum post runs, bool certified, int wanted)
{
	return post_next((struct post_in){ .runs = runs, .is_certified_manager = certified, .wanted = wanted });
}

TEST(a_promotion_is_a_certificate_first_and_then_a_manager)
{
	EXPECT_INT(next(POST_WORKER, false, ROLE_WORKER), POST_REST);
	EXPECT_INT(next(POST_WORKER, false, ROLE_MANAGER), POST_RENEW);
	EXPECT_INT(next(POST_WORKER, true, ROLE_MANAGER), POST_RISE);
	EXPECT_INT(next(POST_MANAGER, true, ROLE_MANAGER), POST_REST);
}

TEST(a_demotion_goes_the_same_way_back)
{
	EXPECT_INT(next(POST_MANAGER, true, ROLE_WORKER), POST_RENEW);
	EXPECT_INT(next(POST_MANAGER, false, ROLE_WORKER), POST_STEP_DOWN);
	EXPECT_INT(next(POST_WORKER, false, ROLE_WORKER), POST_REST);
}

TEST(whoever_changes_his_mind_half_way_is_followed)
{
	EXPECT_INT(next(POST_WORKER, true, ROLE_WORKER), POST_RENEW);
	EXPECT_INT(next(POST_MANAGER, false, ROLE_MANAGER), POST_RENEW);
}

TEST(nothing_is_done_while_a_certificate_is_on_its_way_or_nothing_runs)
{
	EXPECT_INT(post_next((struct post_in){ .runs = POST_WORKER, .wanted = ROLE_MANAGER, .is_busy = true }), POST_REST);
	EXPECT_INT(next(POST_NONE, true, ROLE_MANAGER), POST_REST);
	EXPECT_INT(next(POST_NONE, false, ROLE_MANAGER), POST_REST);
}
