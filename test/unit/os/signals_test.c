#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "os/signals.h"
#include "test/unit/runner.h"

struct seen { int numbers[8], count; struct signals *signals; bool frees; };

static void on_signal(void *arg, int number)
{
	struct seen *seen = arg;

	seen->numbers[seen->count++] = number;
	if (seen->frees)
		signals_free(seen->signals);
}

TEST(signals_come_through_the_loop)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };

	seen.signals = signals_new(loop, (int[]){ SIGTERM, SIGHUP }, 2, on_signal, &seen);
	kill(getpid(), SIGTERM);
	loop_run_once(loop, 60000);
	kill(getpid(), SIGHUP);
	loop_run_once(loop, 60000);
	EXPECT_INT(seen.count, 2);
	EXPECT_INT(seen.numbers[0], SIGTERM);
	EXPECT_INT(seen.numbers[1], SIGHUP);
	signals_free(seen.signals);
	signals_free(NULL);
	loop_free(loop);
}

TEST(signals_that_had_come_do_not_strike_after_the_end)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	sigset_t mask;

	seen.signals = signals_new(loop, (int[]){ SIGTERM }, 1, on_signal, &seen);
	kill(getpid(), SIGTERM);
	signals_free(seen.signals);
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	EXPECT(!sigismember(&mask, SIGTERM));
	EXPECT_INT(seen.count, 0);
	loop_free(loop);
}

TEST(signals_may_be_freed_by_their_callback)
{
	struct loop *loop = loop_new();
	struct seen seen = { .frees = true };

	seen.signals = signals_new(loop, (int[]){ SIGTERM, SIGHUP }, 2, on_signal, &seen);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGHUP);
	loop_run_once(loop, 60000);
	loop_run_once(loop, 0);
	EXPECT_INT(seen.count, 1);
	loop_free(loop);
}
