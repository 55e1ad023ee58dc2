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

/* "  eth0: 1 2 …": received bytes, packets, errors, dropped and four more, then the same of what was sent */
enum { LINK_NUMBERS = 12 };

static bool take_link(const char *line, char *ret_name, size_t size, uint64_t ret[LINK_NUMBERS])
{
	const char *name = line + strspn(line, " "), *at;
	size_t length = strcspn(name, ": \n");

	if (length == 0 || length >= size || name[length] != ':')
		return false;
	memcpy(ret_name, name, length);
	ret_name[length] = '\0';
	at = name + length + 1;
	for (size_t i = 0; i < LINK_NUMBERS; i++) {
		char *end;

		at += strspn(at, " ");
		if (*at < '0' || *at > '9')
			return false;
		ret[i] = strtoull(at, &end, 10);
		at = end;
	}
	return true;
}

void stats_take_links(const char *net_dev, struct runtime_stats *ret)
{
	for (const char *line = net_dev; *line && ret->link_count < RUNTIME_STATS_MAX_LINKS; line = next_line(line)) {
		uint64_t n[LINK_NUMBERS];
		struct runtime_link link;

		if (!take_link(line, link.name, sizeof link.name, n) || strcmp(link.name, "lo") == 0)
			continue;
		link.rx_bytes = n[0];
		link.rx_packets = n[1];
		link.rx_errors = n[2];
		link.rx_dropped = n[3];
		link.tx_bytes = n[8];
		link.tx_packets = n[9];
		link.tx_errors = n[10];
		link.tx_dropped = n[11];
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
