#include "base/signal_name.h"

#include <signal.h>

#include "base/str.h"

/* The kernel's range of real-time signals: the C library keeps the first ones for itself and says so by moving its SIGRTMIN. Docker's
 * numbers are these. */
enum { REAL_TIME_FIRST = 34, REAL_TIME_LAST = 64 };

static const struct { const char *name; int number; } names[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL }, { "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT }, { "IOT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE },
	{ "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO }, { "POLL", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
	{ "RTMIN", REAL_TIME_FIRST }, { "RTMAX", REAL_TIME_LAST },
};

static bool starts_nocase(const char *text, const char *prefix)
{
	for (; *prefix; text++, prefix++)
		if ((*text & ~0x20) != *prefix)
			return false;
	return true;
}

/* RTMIN+3, RTMAX-2 */
static int parse_real_time(const char *text)
{
	bool from_first = starts_nocase(text, "RTMIN") && text[5] == '+';
	bool from_last = starts_nocase(text, "RTMAX") && text[5] == '-';
	uint64_t distance;

	if ((!from_first && !from_last) || str_to_u64(text + 6, &distance) < 0)
		return -1;
	if (distance > REAL_TIME_LAST - REAL_TIME_FIRST)
		return -1;
	return from_first ? REAL_TIME_FIRST + (int)distance : REAL_TIME_LAST - (int)distance;
}

int signal_parse(const char *text)
{
	uint64_t number;

	if (str_is_empty(text))
		return -1;
	if (str_to_u64(text, &number) == 0)
		return number >= 1 && number <= REAL_TIME_LAST ? (int)number : -1;
	if (starts_nocase(text, "SIG"))
		text += 3;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (str_eq_nocase(text, names[i].name))
			return names[i].number;
	return parse_real_time(text);
}
