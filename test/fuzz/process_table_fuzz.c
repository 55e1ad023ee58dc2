/* Texts of /proc and of cgroup files, in which a container's names, words and links stand. */
#include <stdlib.h>
#include <string.h>

#include "runtime/process_table.h"
#include "runtime/stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_cells(const struct process_facts *facts, const char *command, size_t bytes)
{
	struct process_row row = { .user = "somebody-else", .command = command, .command_bytes = bytes, .age_ms = 10, .ticks_per_second = 100,
				   .started = { .tm_mday = 1 } };
	const char *cells[RUNTIME_TOP_COLUMNS];
	struct arena arena;

	arena_init(&arena, "fuzz", 1 << 20);
	process_cells(facts, &row, &arena, cells);
	for (size_t i = 0; i < RUNTIME_TOP_COLUMNS; i++)
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
	try_cells(&facts, (const char *)data, size);
	return 0;
}
