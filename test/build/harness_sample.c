/* harness_sample.c - tests of which most must fail: the test of the test runner.
 * test/build/run counts them; nothing else compiles this file. It says how long the one with a daemon may take (HANGS_S), and
 * what is unique on this host (TAG).
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/unit/runner.h"

TEST(sample_passes)
{
	EXPECT(1 + 1 == 2);
	EXPECT_STR("a", "a");
	EXPECT_STR(NULL, NULL);
	EXPECT_INT(3, 3);
}

TEST(sample_tells_all_that_is_wrong)
{
	EXPECT(1 + 1 == 3);
	EXPECT_STR("got this", "want this");
	EXPECT_STR(NULL, "");
	EXPECT_INT(-1, 7);
}

TEST(sample_crashes)
{
	abort();
}

TEST(sample_ends_early)
{
	_exit(3);
}

TEST_TIMEOUT(sample_hangs, 1)
{
	pause();
}

/* The runner must not wait for the grandchild, nor leave it behind. */
TEST(sample_leaves_a_child)
{
	if (fork() == 0) {
		execlp("sleep", "sleep", "86399." TAG, (char *)NULL);
		_exit(1);
	}
}

/* Neither what has made itself a session of its own, nor what the hung test has made, is left. */
TEST_TIMEOUT(sample_hangs_with_a_daemon_and_a_folder, HANGS_S)
{
	char folder[] = "/tmp/sample-" TAG "-XXXXXX", command[128];

	runner_folder(folder);
	snprintf(command, sizeof command, "mkdir %s/sub && { mount -t tmpfs sample %s/sub || true; }", folder, folder);
	EXPECT(system(command) == 0);
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			execlp("sleep", "sleep", "86398." TAG, (char *)NULL);
		_exit(0);
	}
	pause();
}
