#include "api/container_state.h"
#include "base/str.h"
#include "test/unit/runner.h"

#define SECONDS(n) ((nsec)(n) * 1000000000)

static const struct { struct runtime_info info; const char *name, *text; } rows[] = {
	{ { .state = RUNTIME_CREATING }, "created", "Created" },
	{ { .state = RUNTIME_CREATED }, "created", "Created" },
	{ { .state = RUNTIME_RUNNING, .started_wall = SECONDS(820) }, "running", "Up 3 minutes" },
	{ { .state = RUNTIME_RUNNING, .started_wall = SECONDS(2000) }, "running", "Up Less than a second" },
	{ { .state = RUNTIME_EXITED, .finished_wall = SECONDS(990), .exit_code = 1 }, "exited", "Exited (1) 10 seconds ago" },
	{ { .state = RUNTIME_EXITED, .finished_wall = SECONDS(2000), .exit_code = 137 }, "exited",
	  "Exited (137) Less than a second ago" },
	{ { .state = RUNTIME_REMOVING }, "removing", "Removal In Progress" },
};

TEST(container_state_speaks_dockers_words_and_a_clock_that_went_back_is_no_time)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;

		container_state_text(&rows[i].info, NULL, SECONDS(1000), &text);
		EXPECT_STR(container_state_name(&rows[i].info), rows[i].name);
		EXPECT_STR(buf_text(&text), rows[i].text);
	}
}

TEST(container_state_tells_health_while_the_container_runs)
{
	static const struct { enum health_status status; const char *text; } healths[] = {
		{ HEALTH_STARTING, "Up 3 minutes (health: starting)" }, { HEALTH_HEALTHY, "Up 3 minutes (healthy)" },
		{ HEALTH_UNHEALTHY, "Up 3 minutes (unhealthy)" },
	};

	for (size_t i = 0; i < sizeof healths / sizeof healths[0]; i++) {
		struct runtime_info info = { .state = RUNTIME_RUNNING, .started_wall = SECONDS(820) };
		struct health health = { .status = healths[i].status };
		CLEANUP(buf_finip) struct buf text = BUF_INIT;

		container_state_text(&info, &health, SECONDS(1000), &text);
		EXPECT_STR(buf_text(&text), healths[i].text);
	}
}
