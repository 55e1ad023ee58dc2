/* Moments as text from strangers: what is understood is written and understood again the same. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_moment(nsec wall)
{
	char text[STAMP_TEXT_SIZE];
	nsec again;

	check(stamp_parse(stamp_format(wall, text), &again) == 0 && again == wall);
	check(stamp_parse(stamp_format_fixed(wall, text), &again) == 0 && again == wall);
	check(strlen(text) == 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char *text = mem_new(count + 1, 1);
	nsec wall;

	if (count)
		memcpy(text, bytes, count);
	if (stamp_parse(text, &wall) == 0)
		try_moment(wall);
	if (count >= sizeof(wall)) {
		memcpy(&wall, bytes, sizeof(wall));
		try_moment(wall);
	}
	free(text);
	return 0;
}
