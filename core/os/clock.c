#include "os/clock.h"

#include <time.h>

#include "base/panic.h"

static nsec read_clock(clockid_t clock)
{
	struct timespec now;

	check(clock_gettime(clock, &now) == 0);
	return (nsec)now.tv_sec * 1000000000 + now.tv_nsec;
}

msec clock_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME) / 1000000;
}

nsec clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

nsec clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}
