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
	loop_run_once(loop, 1000);
	kill(getpid(), SIGHUP);
	loop_run_once(loop, 1000);
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
	loop_run_once(loop, 1000);
	loop_run_once(loop, 0);
	EXPECT_INT(seen.count, 1);
	loop_free(loop);
}

TEST(signal_names_are_those_of_docker)
{
	static const struct { const char *text; int number; } good[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "sigterm", SIGTERM }, { "kill", SIGKILL }, { "15", 15 }, { "9", 9 },
		{ "64", 64 }, { "SIGUSR2", SIGUSR2 }, { "WINCH", SIGWINCH }, { "CLD", SIGCHLD }, { "IOT", SIGABRT },
		{ "POLL", SIGIO }, { "RTMIN", 34 }, { "RTMIN+3", 37 }, { "SIGRTMIN+15", 49 }, { "RTMAX", 64 }, { "RTMAX-14", 50 },
	};
	static const char *const bad[] = { "", "SIG", "0", "65", "-1", "+9", "TERMX", "XTERM", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMAX-31",
					   "RTMIN+", "RTMIN+x", "RT", "RTMID", "SIGSIGTERM", "15 ", NULL };

	for (size_t i = 0; i < ARRAY_COUNT(good); i++)
		EXPECT_INT(signal_parse(good[i].text), good[i].number);
	for (size_t i = 0; bad[i]; i++)
		if (signal_parse(bad[i]) != -1)
			EXPECT_STR(bad[i], "refused");
	EXPECT_INT(signal_parse(NULL), -1);
}

TEST(signal_numbers_and_names_go_both_ways)
{
	EXPECT_STR(signal_name(SIGTERM), "SIGTERM");
	EXPECT_STR(signal_name(SIGCHLD), "SIGCHLD");
	EXPECT_STR(signal_name(SIGABRT), "SIGABRT");
	EXPECT_STR(signal_name(34), "SIGRTMIN");
	EXPECT_STR(signal_name(37), "SIGRTMIN+3");
	EXPECT_STR(signal_name(50), "SIGRTMAX-14");
	EXPECT_STR(signal_name(64), "SIGRTMAX");
	EXPECT_STR(signal_name(0), "unknown signal");
	EXPECT_STR(signal_name(65), "unknown signal");
	EXPECT_STR(signal_name(33), "unknown signal");
	for (int number = 1; number <= 64; number++)
		if (number != 32 && number != 33)    /* kept by the libc, and by Docker without a name */
			EXPECT_INT(signal_parse(signal_name(number)), number);
}
