#include <signal.h>

#include "base/signal_name.h"
#include "test/unit/runner.h"

TEST(signal_names_are_those_of_docker)
{
	static const struct { const char *text; int number; } good[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "SigQuit", SIGQUIT },
		{ "rtmax-1", 63 }, { "sigterm", SIGTERM }, { "kill", SIGKILL }, { "15", 15 },
		{ "9", 9 }, { "64", 64 }, { "SIGUSR2", SIGUSR2 }, { "WINCH", SIGWINCH },
		{ "CLD", SIGCHLD }, { "IOT", SIGABRT }, { "POLL", SIGIO }, { "RTMIN", 34 },
		{ "RTMIN+3", 37 }, { "SIGRTMIN+15", 49 }, { "RTMAX", 64 }, { "RTMAX-14", 50 },
	};
	static const char *const bad[] = {
		"", "SIG", "0", "65", "-1", "+9", "TERMX", "XTERM", "RTMIN+31", "RTMIN-1",
		"RTMAX+1", "RTMAX-31", "RTMIN+", "RTMIN+x", "RT", "RTMID", "SIGSIGTERM", "15 ",
		NULL,
	};

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
		/* Kept by the libc, and by Docker without a name. */
		if (number != 32 && number != 33)
			EXPECT_INT(signal_parse(signal_name(number)), number);
}
