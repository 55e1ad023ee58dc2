/* Sizes, CPUs and durations that people type: no crash, an error names its reason, and what was
 * understood is understood again when it is written out. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_duration(const char *text)
{
	CLEANUP(buf_finip) struct buf once = BUF_INIT;
	CLEANUP(buf_finip) struct buf twice = BUF_INIT;
	struct err err = {0};
	nsec value, again;

	if (units_parse_duration(text, &value, &err) < 0) {
		check(err.code == ERR_INVALID && err.text[0]);
		return;
	}
	units_format_duration(value, &once);
	check(units_parse_duration(buf_text(&once), &again, &err) == 0);
	/* Fractions are rounded as Go rounds. */
	check((uint64_t)again - (uint64_t)value + 1 <= 2);
	units_format_human_duration(value, &twice);
	check(twice.len > 0);
}

static void try_bytes(const char *text)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};
	int64_t value;

	if (units_parse_bytes(text, &value, &err) < 0) {
		check(err.code == ERR_INVALID && err.text[0]);
		return;
	}
	check(value >= 0);
	units_format_bytes(value, &out);
	units_format_size(value, &out);
	check(out.len >= 4);
}

static void try_cpus(const char *text)
{
	struct err err = {0};
	int64_t nano = -1;

	if (units_parse_cpus(text, &nano, &err) < 0)
		check(err.code == ERR_INVALID && err.text[0] && nano == -1);
	else
		check(nano >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = mem_new(count + 1, 1);

	if (count)
		memcpy(text, bytes, count);
	try_duration(text);
	try_bytes(text);
	try_cpus(text);
	free(text);
	return 0;
}
