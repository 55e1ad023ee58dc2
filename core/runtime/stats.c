/* stats.c - parsing what the kernel counts. */
#include "runtime/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

void stats_take_host_cpu(const char *proc_stat, unsigned ticks_per_second, struct runtime_stats *ret)
{
	enum { FIELDS = 7 };     /* user nice system idle iowait irq softirq, as Docker adds them up */

	ret->host_cpu_ns = 0;
	ret->host_cpus = 0;
	for (const char *line = proc_stat; *line; line = next_line(line)) {
		if (!str_starts(line, "cpu"))
			continue;
		if (line[3] >= '0' && line[3] <= '9') {
			ret->host_cpus++;
			continue;
		}
		char *at = (char *)(uintptr_t)line + 3;

		for (int i = 0; i < FIELDS; i++)
			ret->host_cpu_ns += strtoull(at, &at, 10) * (1000000000u / ticks_per_second);
	}
}

void stats_take_links(const char *net_dev, struct runtime_stats *ret)
{
	for (const char *line = net_dev; *line && ret->link_count < RUNTIME_STATS_MAX_LINKS; line = next_line(line)) {
		struct runtime_link link;
		unsigned long long n[8];

		if (sscanf(line, " %15[^: \n]: %llu %llu %llu %llu %*u %*u %*u %*u %llu %llu %llu %llu", link.name, &n[0], &n[1], &n[2], &n[3], &n[4],
			   &n[5], &n[6], &n[7]) != 9 || strcmp(link.name, "lo") == 0)
			continue;
		link.rx_bytes = n[0];
		link.rx_packets = n[1];
		link.rx_errors = n[2];
		link.rx_dropped = n[3];
		link.tx_bytes = n[4];
		link.tx_packets = n[5];
		link.tx_errors = n[6];
		link.tx_dropped = n[7];
		ret->links[ret->link_count++] = link;
	}
}

/* "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
void stats_take_io(const char *io_stat, struct runtime_stats *ret)
{
	for (const char *word = io_stat; *word;) {
		size_t length = strcspn(word, " \n");
		const char *number = memchr(word, '=', length);

		if (number) {
			uint64_t value = strtoull(number + 1, NULL, 10);

			if (str_starts(word, "rbytes="))
				ret->read_bytes += value;
			else if (str_starts(word, "wbytes="))
				ret->write_bytes += value;
			else if (str_starts(word, "rios="))
				ret->reads += value;
			else if (str_starts(word, "wios="))
				ret->writes += value;
		}
		word += length;
		word += strspn(word, " \n");
	}
}
