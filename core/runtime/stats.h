/* stats.h - the texts of kernel files that tell what a container uses, as numbers. Pure.
 *
 * Lines that are not understood are skipped: these files grow.
 */
#pragma once
#include "runtime/runtime.h"

/* /proc/stat: all processors together, and how many of them are online. */
void stats_take_host_cpu(const char *proc_stat, unsigned ticks_per_second, struct runtime_stats *ret);
/* /proc/<pid>/net/dev: adds links, without lo. */
void stats_take_links(const char *net_dev, struct runtime_stats *ret);
/* io.stat of cgroup v2: the sum over all devices. */
void stats_take_io(const char *io_stat, struct runtime_stats *ret);
