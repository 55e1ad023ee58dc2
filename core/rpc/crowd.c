#include "rpc/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

static struct ip place_of(struct ip ip)
{
	if (ip.family == 6)
		memset(ip.bytes + 8, 0, sizeof(ip.bytes) - 8);
	return ip;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip));
}

struct fullest { struct ip place; size_t count; };

/* Of places with as many, the one that sorts first. */
static struct fullest find_fullest(struct ip *places, size_t count)
{
	struct fullest best = { .count = 0 };

	qsort(places, count, sizeof(*places), compare);
	for (size_t begin = 0, end; begin < count; begin = end) {
		for (end = begin; end < count && ip_eq(places[end], places[begin]); end++)
			continue;
		if (end - begin > best.count)
			best = (struct fullest){ places[begin], end - begin };
	}
	return best;
}

static size_t count_of(const struct ip *guests, size_t count, struct ip place)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += ip_eq(place_of(guests[i]), place);
	return found;
}

size_t crowd_gives_way(const struct ip *guests, size_t count, struct ip newcomer)
{
	struct ip *places = NEW_ARRAY(struct ip, MAX(count, (size_t)1));
	size_t oldest = 0;

	for (size_t i = 0; i < count; i++)
		places[i] = place_of(guests[i]);
	struct fullest fullest = find_fullest(places, count);
	free(places);
	/* alone among loners: the oldest of all, for a node that means well is through in milliseconds */
	if (fullest.count > 1 && count_of(guests, count, place_of(newcomer)) >= fullest.count)
		return count;
	if (fullest.count <= 1)
		return count ? 0 : count;
	while (!ip_eq(place_of(guests[oldest]), fullest.place))
		oldest++;
	return oldest;
}
