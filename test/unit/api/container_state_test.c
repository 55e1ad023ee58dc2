#include "api/container_state.h"
#include "base/str.h"
#include "test/unit/runner.h"

#define SECONDS(n) ((nsec)(n) * 1000000000)

static const struct { struct agent_container container; const char *name, *text; bool is_up; } rows[] = {
	{ { .status = SOLO_CREATED }, "created", "Created", false },
	{ { .status = SOLO_RUNNING, .started_wall = SECONDS(820) }, "running", "Up 3 minutes", true },
	{ { .status = SOLO_RUNNING, .started_wall = SECONDS(2000) }, "running", "Up Less than a second", true },
	{ { .status = SOLO_RUNNING, .started_wall = SECONDS(820), .info.is_paused = true }, "paused", "Up 3 minutes (Paused)", true },
	{ { .status = SOLO_RESTARTING, .finished_wall = SECONDS(990), .exit_code = 1 }, "restarting", "Restarting (1) 10 seconds ago", true },
	{ { .status = SOLO_EXITED, .finished_wall = SECONDS(990), .exit_code = 1 }, "exited", "Exited (1) 10 seconds ago", false },
	{ { .status = SOLO_EXITED, .finished_wall = SECONDS(2000), .exit_code = 137 }, "exited",
	  "Exited (137) Less than a second ago", false },
	{ { .status = SOLO_REMOVING }, "removing", "Removal In Progress", false },
	{ { .status = SOLO_DEAD }, "dead", "Dead", false },
};

TEST(container_state_speaks_dockers_words_and_a_clock_that_went_back_is_no_time)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;

		container_state_text(&rows[i].container, SECONDS(1000), &text);
		EXPECT_STR(container_state_name(&rows[i].container), rows[i].name);
		EXPECT_STR(buf_text(&text), rows[i].text);
		EXPECT(container_is_up(&rows[i].container) == rows[i].is_up);
	}
}

TEST(container_state_tells_health_while_the_container_runs)
{
	static const struct { enum health_status status; const char *text; } healths[] = {
		{ HEALTH_STARTING, "Up 3 minutes (health: starting)" }, { HEALTH_HEALTHY, "Up 3 minutes (healthy)" },
		{ HEALTH_UNHEALTHY, "Up 3 minutes (unhealthy)" },
	};

	for (size_t i = 0; i < sizeof healths / sizeof healths[0]; i++) {
		struct health health = { .status = healths[i].status };
		struct agent_container container = { .status = SOLO_RUNNING, .started_wall = SECONDS(820), .health = &health };
		CLEANUP(buf_finip) struct buf text = BUF_INIT;

		container_state_text(&container, SECONDS(1000), &text);
		EXPECT_STR(buf_text(&text), healths[i].text);
	}
}
