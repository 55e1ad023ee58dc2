#include "base/signal_name.h"

#include <signal.h>

#include "test/unit/runner.h"

TEST(signals_have_names_in_any_case_and_numbers)
{
	EXPECT_INT(signal_parse("SIGTERM"), SIGTERM);
	EXPECT_INT(signal_parse("term"), SIGTERM);
	EXPECT_INT(signal_parse("SigQuit"), SIGQUIT);
	EXPECT_INT(signal_parse("9"), SIGKILL);
	EXPECT_INT(signal_parse("64"), 64);
	EXPECT_INT(signal_parse("RTMIN"), 34);
	EXPECT_INT(signal_parse("SIGRTMIN+3"), 37);
	EXPECT_INT(signal_parse("rtmax-1"), 63);
}

TEST(what_is_no_signal_is_refused)
{
	const char *const wrong[] = { "", "SIG", "SIGFOO", "0", "65", "-9", "9x", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+", "R" };

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		EXPECT_INT(signal_parse(wrong[i]), -1);
	EXPECT_INT(signal_parse(0), -1);
}
