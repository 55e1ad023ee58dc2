/* Texts of /proc and of cgroup files, in which a container's names, words and links stand. */
#include <stdlib.h>
#include <string.h>

#include "runtime/process_table.h"
#include "runtime/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_cells(const char *options, const struct process_facts *facts, const char *command, size_t bytes)
{
	struct process_row row = { .user = "somebody-else", .group = "others", .command = command, .command_bytes = bytes, .age_ms = 10,
				   .ticks_per_second = 100, .page_bytes = 4096, .started = { .tm_mday = 1 } };
	static const char every[] = "-o bsdtime,group,lstart,pri,sid,start,args,c,comm,etime,etimes,%cpu,%mem,gid,ni,nlwp,pgid,pid,ppid,rss,s,stat,"
				    "stime,time,tty,uid,user,vsz";
	const char *cells[PROCESS_COLUMNS_MAX];
	struct process_format format;
	struct arena arena;
	struct err err;

	arena_init(&arena, "fuzz", 4 << 20);
	if (process_format_parse(options, &arena, &format, &err) < 0 && process_format_parse(every, &arena, &format, &err) < 0)
		abort();
	if (format.count > PROCESS_COLUMNS_MAX)
		abort();
	process_cells(&format, facts, &row, &arena, cells);
	for (size_t i = 0; i < format.count; i++)
		for (const char *at = cells[i]; *at; at++)
			if ((unsigned char)*at < ' ')
				abort();         /* nothing that a terminal obeys */
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[1 << 16];
	struct runtime_stats stats = { .link_count = 0 };
	struct process_facts facts = { .pid = 1 };
	struct err err;

	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	stats_take_host_cpu(text, 100, &stats);
	stats_take_links(text, &stats);
	stats_take_io(text, &stats);
	if (stats.link_count > RUNTIME_STATS_MAX_LINKS)
		abort();
	process_facts_parse(text, text, &facts, &err);
	try_cells(text, &facts, (const char *)data, size);
	return 0;
}
