/* clock.h - the only doors to the time of day. Pure rooms are handed times; they never ask. */
#pragma once
#include "base/base.h"

msec clock_boot_ms(void);        /* CLOCK_BOOTTIME: monotonic, goes on while suspended */
nsec clock_boot_ns(void);
nsec clock_wall_ns(void);        /* CLOCK_REALTIME: shown to people, decides nothing */
