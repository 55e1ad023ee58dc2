/* When has a service converged, and what is said on the way: Docker's rules, on a clock of our
 * own. */
#include "client/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "client/screen.h"
#include "test/unit/runner.h"

static void note(void *arg, const char *id, const char *text, unsigned current, unsigned total)
{
	struct buf *said = arg;

	buf_printf(said, "%s: %s", id, text);
	if (total)
		buf_printf(said, "(%u/%u)", current, total);
	buf_add_char(said, '|');
}

struct run {
	struct progress *progress;
	struct buf said;
	struct err err;
};

static void run_init(struct run *run)
{
	*run = (struct run){0};
	run->progress = progress_new("web", note, &run->said);
}

static void run_fini(struct run *run)
{
	progress_free(run->progress);
	buf_fini(&run->said);
}

/* service: the inside of the object; tasks: "slot desired state" separated by commas, on node
 * n1. */
static int step(struct run *run, const char *service, const char *tasks, msec now)
{
	char *service_text = str_printf("{%s}", service);
	CLEANUP(buf_finip) struct buf list = BUF_INIT;
	struct strlist items = str_split(tasks, ',');

	buf_add_char(&list, '[');
	for (size_t i = 0; i < items.count && items.items[0][0]; i++) {
		struct strlist words = str_split(items.items[i], ' ');
		buf_printf(&list, "%s{\"ID\":\"t%zu\",\"Slot\":%s,\"NodeID\":\"%s\",\"DesiredState\":\"%s\","
			   "\"Status\":{\"State\":\"%s\",\"Err\":\"%s\"}}", i ? "," : "", i, words.items[0],
			   words.count > 4 ? words.items[4] : "n1", words.items[1], words.items[2],
			   words.count > 3 ? words.items[3] : "");
		strlist_fini(&words);
	}
	buf_add_char(&list, ']');
	strlist_fini(&items);

	static const char nodes[] = "[{\"ID\":\"n1\",\"Status\":{\"State\":\"ready\"}},"
				    "{\"ID\":\"n2\",\"Status\":{\"State\":\"down\"}}]";
	yyjson_doc *service_doc = yyjson_read(service_text, strlen(service_text), 0);
	yyjson_doc *task_doc = yyjson_read(list.data, list.len, 0);
	yyjson_doc *node_doc = yyjson_read(nodes, strlen(nodes), 0);
	EXPECT(service_doc && task_doc && node_doc);
	buf_clear(&run->said);
	int result = progress_step(run->progress, yyjson_doc_get_root(service_doc),
				   yyjson_doc_get_root(task_doc), yyjson_doc_get_root(node_doc), now,
				   &run->err);
	yyjson_doc_free(service_doc);
	yyjson_doc_free(task_doc);
	yyjson_doc_free(node_doc);
	free(service_text);
	return result;
}

#define TWO "\"Spec\":{\"Mode\":{\"Replicated\":{\"Replicas\":2}}}"

TEST(progress_waits_the_monitor_time_after_all_tasks_run)
{
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, TWO, "", 0), 0);
	EXPECT_STR(buf_text(&run.said), "overall progress: 0 out of 2 tasks|1/2:  |2/2:  |"
					"overall progress: 0 out of 2 tasks|");
	EXPECT_INT(step(&run, TWO, "1 running preparing,2 running running", 100), 0);
	EXPECT_STR(buf_text(&run.said), "1/2: preparing(6/9)|2/2: running  (9/9)|"
					"overall progress: 1 out of 2 tasks|");
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 200), 0);
	EXPECT(progress_is_converged(run.progress));
	EXPECT_STR(buf_text(&run.said), "1/2: running  (9/9)|2/2: running  (9/9)|"
					"overall progress: 2 out of 2 tasks|"
					"verify: Waiting 5 seconds to verify that tasks are stable...|");
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 5100), 0);
	EXPECT_STR(buf_text(&run.said), "verify: Waiting 1 seconds to verify that tasks are stable...|");
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 5200), 1);
	EXPECT_STR(buf_text(&run.said), "verify: Service web converged|");
	run_fini(&run);
}

TEST(progress_begins_anew_when_a_task_fails_while_it_waits)
{
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 0), 0);
	EXPECT_INT(step(&run, TWO, "1 running running,2 shutdown failed boom", 1000), 0);
	EXPECT(!progress_is_converged(run.progress));
	EXPECT(strstr(buf_text(&run.said), "verify: Detected task failure|") != NULL);
	EXPECT(strstr(buf_text(&run.said), "2/2: boom|") != NULL);
	EXPECT_INT(step(&run, TWO, "1 running running,2 shutdown failed boom,2 running running", 6000), 0);
	EXPECT(progress_is_converged(run.progress));
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 10999), 0);
	EXPECT_INT(step(&run, TWO, "1 running running,2 running running", 11000), 1);
	run_fini(&run);
}

TEST(progress_counts_the_task_with_the_lowest_desired_state_of_a_slot)
{
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, TWO, "1 shutdown running,1 ready preparing,2 running running", 0), 0);
	EXPECT(strstr(buf_text(&run.said), "overall progress: 1 out of 2 tasks|") != NULL);
	/* on a node that is down nothing counts */
	EXPECT_INT(step(&run, TWO, "1 running running x n2,2 running running", 100), 0);
	EXPECT(!progress_is_converged(run.progress));
	run_fini(&run);
}

TEST(progress_of_a_global_service_waits_for_its_first_task)
{
	static const char global[] = "\"Spec\":{\"Mode\":{\"Global\":{}},\"UpdateConfig\":{\"Monitor\":"
				     "1000000000}}";
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, global, "", 0), 0);
	EXPECT_STR(buf_text(&run.said), "overall progress: waiting for new tasks|");
	EXPECT_INT(step(&run, global, "0 running starting", 100), 0);
	EXPECT_STR(buf_text(&run.said), "overall progress: 0 out of 1 tasks|n1: starting (8/9)|"
					"overall progress: 0 out of 1 tasks|");
	EXPECT_INT(step(&run, global, "0 running running", 200), 0);
	EXPECT_INT(step(&run, global, "0 running running", 1199), 0);
	EXPECT_INT(step(&run, global, "0 running running", 1200), 1);
	run_fini(&run);
}

TEST(progress_shows_no_bars_for_more_than_twenty_tasks)
{
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, "\"Spec\":{\"Mode\":{\"Replicated\":{\"Replicas\":21}}}",
			"1 running preparing", 0), 0);
	EXPECT_STR(buf_text(&run.said), "overall progress: 0 out of 21 tasks|overall progress: 0 out of 21 tasks|");
	run_fini(&run);
}

TEST(progress_ends_with_the_update)
{
	struct run run;

	run_init(&run);
	EXPECT_INT(step(&run, TWO ",\"UpdateStatus\":{\"State\":\"completed\"}", "", 0), 1);
	run_fini(&run);
	run_init(&run);
	EXPECT_INT(step(&run, TWO ",\"UpdateStatus\":{\"State\":\"completed\"}",
			"1 running running,2 running running", 0), 0);
	EXPECT_INT(step(&run, TWO ",\"UpdateStatus\":{\"State\":\"completed\"}",
			"1 running running,2 running running", 5000), 1);
	EXPECT_STR(buf_text(&run.said), "verify: Service web converged|");
	run_fini(&run);
	run_init(&run);
	EXPECT_INT(step(&run, TWO ",\"UpdateStatus\":{\"State\":\"paused\",\"Message\":\"why\"}", "", 0), -1);
	EXPECT_STR(run.err.text, "service update paused: why");
	run_fini(&run);
	run_init(&run);
	EXPECT_INT(step(&run, TWO ",\"UpdateStatus\":{\"State\":\"rollback_started\",\"Message\":\"why\"}", "", 0), 0);
	EXPECT_STR(buf_text(&run.said), "rollback: why|overall progress: rolling back update: 0 out of 2 tasks|"
					"1/2:  |2/2:  |overall progress: rolling back update: 0 out of 2 tasks|");
	run_fini(&run);
}

/* --- the screen --- */


static void read_all(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(out, bytes, (size_t)got);
}

static void draw(unsigned columns, struct buf *out)
{
	int ends[2];

	EXPECT_INT(pipe(ends), 0);
	struct screen *screen = screen_new(ends[1], columns);
	screen_line(screen, "a", "one", 0, 0);
	screen_line(screen, "b", "two", 3, 6);
	screen_line(screen, "a", "one", 0, 0);
	screen_line(screen, "a", "three", 0, 0);
	screen_free(screen);
	close(ends[1]);
	read_all(ends[0], out);
	close(ends[0]);
}

TEST(screen_writes_each_change_once_where_there_is_no_terminal)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	draw(0, &out);
	EXPECT_STR(buf_text(&out), "a: one\na: three\n");
}

TEST(screen_rewrites_lines_in_place_on_a_terminal)
{
	CLEANUP(buf_finip) struct buf narrow = BUF_INIT, wide = BUF_INIT;

	draw(80, &narrow);
	EXPECT_STR(buf_text(&narrow), "a: one\n\x1b[1A\x1b[2K\ra: one\r\x1b[1B"
				      "b: two\n\x1b[1A\x1b[2K\rb: two\r\x1b[1B"
				      "\x1b[2A\x1b[2K\ra: three\r\x1b[2B");
	draw(120, &wide);
	EXPECT(strstr(buf_text(&wide), "b: two [=========================>                         ] ") != NULL);
}
