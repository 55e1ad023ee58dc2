#include "os/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/panic.h"

struct signals {
	struct watch *watch;
	int fd;
	sigset_t before;
	void (*fn)(void *arg, int number);
	void *arg;
};

static void on_signal(void *arg, unsigned events UNUSED)
{
	struct signals *signals = arg;
	struct signalfd_siginfo info;

	/* One per round: the callback may free us. */
	ssize_t got = read(signals->fd, &info, sizeof(info));
	if (got == sizeof(info))
		signals->fn(signals->arg, (int)info.ssi_signo);
	else
		check(got < 0 && (errno == EAGAIN || errno == EINTR));
}

struct signals *signals_new(struct loop *loop, const int *numbers, size_t count,
			    void (*fn)(void *arg, int number), void *arg)
{
	struct signals *signals = NEW(struct signals);
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		check(sigaddset(&set, numbers[i]) == 0);
	check(pthread_sigmask(SIG_BLOCK, &set, &signals->before) == 0);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		panic("no descriptor for signals: %s", strerror(errno));
	signals->fn = fn;
	signals->arg = arg;
	signals->watch = watch_new(loop, signals->fd, LOOP_READ, on_signal, signals);
	return signals;
}

void signals_free(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (!signals)
		return;
	/* What has come already must not strike when the mask opens. */
	while (read(signals->fd, &info, sizeof(info)) == sizeof(info))
		continue;
	watch_free(signals->watch);
	close(signals->fd);
	pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
	free(signals);
}
