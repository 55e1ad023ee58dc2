#include "base/signal_name.h"

#include <signal.h>
#include <strings.h>

#include "base/str.h"

/* Numbers as the kernel and Docker count: real-time signals from 34, whatever the libc keeps
 * for itself. */
enum { RT_MIN = 34, RT_MAX = 64 };

static const struct { int number; const char *name; } names[] = {
	{ SIGABRT, "SIGABRT" }, { SIGALRM, "SIGALRM" }, { SIGBUS, "SIGBUS" },
	{ SIGCHLD, "SIGCHLD" }, { SIGCONT, "SIGCONT" }, { SIGFPE, "SIGFPE" },
	{ SIGHUP, "SIGHUP" }, { SIGILL, "SIGILL" }, { SIGINT, "SIGINT" },
	{ SIGIO, "SIGIO" }, { SIGKILL, "SIGKILL" }, { SIGPIPE, "SIGPIPE" },
	{ SIGPROF, "SIGPROF" }, { SIGPWR, "SIGPWR" }, { SIGQUIT, "SIGQUIT" },
	{ SIGSEGV, "SIGSEGV" }, { SIGSTKFLT, "SIGSTKFLT" }, { SIGSTOP, "SIGSTOP" },
	{ SIGSYS, "SIGSYS" }, { SIGTERM, "SIGTERM" }, { SIGTRAP, "SIGTRAP" },
	{ SIGTSTP, "SIGTSTP" }, { SIGTTIN, "SIGTTIN" }, { SIGTTOU, "SIGTTOU" },
	{ SIGURG, "SIGURG" }, { SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" },
	{ SIGVTALRM, "SIGVTALRM" }, { SIGWINCH, "SIGWINCH" }, { SIGXCPU, "SIGXCPU" },
	{ SIGXFSZ, "SIGXFSZ" },
	/* other names of the same, never given back */
	{ SIGCHLD, "SIGCLD" }, { SIGABRT, "SIGIOT" }, { SIGIO, "SIGPOLL" },
};

static const char *const rt_names[RT_MAX - RT_MIN + 1] = {
	"SIGRTMIN", "SIGRTMIN+1", "SIGRTMIN+2", "SIGRTMIN+3", "SIGRTMIN+4", "SIGRTMIN+5",
	"SIGRTMIN+6", "SIGRTMIN+7", "SIGRTMIN+8", "SIGRTMIN+9", "SIGRTMIN+10", "SIGRTMIN+11",
	"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMAX-14", "SIGRTMAX-13",
	"SIGRTMAX-12", "SIGRTMAX-11", "SIGRTMAX-10", "SIGRTMAX-9", "SIGRTMAX-8", "SIGRTMAX-7",
	"SIGRTMAX-6", "SIGRTMAX-5", "SIGRTMAX-4", "SIGRTMAX-3", "SIGRTMAX-2", "SIGRTMAX-1",
	"SIGRTMAX",
};

/* "MIN", "MIN+3", "MAX-1": the part behind SIGRT. */
static int parse_realtime(const char *text)
{
	bool is_min = strncasecmp(text, "MIN", 3) == 0;
	uint64_t offset = 0;

	if (!is_min && strncasecmp(text, "MAX", 3) != 0)
		return -1;
	if (text[3] && (text[3] != (is_min ? '+' : '-') || str_to_u64(text + 4, &offset) < 0))
		return -1;
	if (offset > RT_MAX - RT_MIN)
		return -1;
	return is_min ? RT_MIN + (int)offset : RT_MAX - (int)offset;
}

int signal_parse(const char *text)
{
	uint64_t number;

	if (str_to_u64(text, &number) == 0)
		return number >= 1 && number <= RT_MAX ? (int)number : -1;
	if (str_is_empty(text))
		return -1;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncasecmp(text, "RT", 2) == 0)
		return parse_realtime(text + 2);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (str_eq_nocase(text, names[i].name + 3))
			return names[i].number;
	return -1;
}

const char *signal_name(int number)
{
	if (number >= RT_MIN && number <= RT_MAX)
		return rt_names[number - RT_MIN];
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (names[i].number == number)
			return names[i].name;
	return "unknown signal";
}
