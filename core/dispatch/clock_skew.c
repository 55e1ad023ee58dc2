#include "dispatch/clock_skew.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"

static const nsec worth_telling = 60000000000;

bool clock_skew_tell(nsec clock, nsec reference, struct buf *out)
{
	bool is_ahead = clock > reference;
	nsec skew;

	if (clock <= 0 || reference <= 0)
		return false;
	skew = is_ahead ? clock - reference : reference - clock;
	if (skew < worth_telling)
		return false;
	buf_add_str(out, "is ");
	units_format_human_duration(skew, out);
	buf_add_str(out, is_ahead ? " ahead of" : " behind");
	return true;
}

char *clock_skew_sentence(nsec clock, nsec swarm_clock)
{
	CLEANUP(buf_finip) struct buf skew = BUF_INIT;

	return clock_skew_tell(clock, swarm_clock, &skew) ? str_printf("its clock %s the swarm's", buf_text(&skew)) : NULL;
}

static int compare(const void *a, const void *b)
{
	nsec x = *(const nsec *)a, y = *(const nsec *)b;

	return x < y ? -1 : x > y;
}

nsec clock_skew_middle(nsec *ahead, size_t count)
{
	check(count > 0);
	qsort(ahead, count, sizeof ahead[0], compare);
	nsec low = ahead[(count - 1) / 2], high = ahead[count / 2];
	return high > -low ? low : high;
}
