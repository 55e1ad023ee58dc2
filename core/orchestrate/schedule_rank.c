#include "orchestrate/schedule_rank.h"

#include "base/panic.h"

static uint64_t penalty(const struct candidate_node *node)
{
	return node->failures >= RANK_FAILURES ? node->failures : 0;
}

bool rank_before(const struct candidate_node *a, const struct candidate_node *b)
{
	if (penalty(a) != penalty(b))
		return penalty(a) < penalty(b);
	if (a->at.of_service != b->at.of_service)
		return a->at.of_service < b->at.of_service;
	if (a->at.line->active != b->at.line->active)
		return a->at.line->active < b->at.line->active;
	return a->at.line->at < b->at.line->at;
}

static void sink(struct rank *rank, size_t at)
{
	for (;;) {
		size_t first = at, left = 2 * at + 1, right = left + 1;

		if (left < rank->count && rank_before(&rank->items[left], &rank->items[first]))
			first = left;
		if (right < rank->count && rank_before(&rank->items[right], &rank->items[first]))
			first = right;
		if (first == at)
			return;
		struct candidate_node other = rank->items[at];
		rank->items[at] = rank->items[first];
		rank->items[first] = other;
		at = first;
	}
}

void rank_build(struct rank *rank)
{
	for (size_t at = rank->count / 2; at-- > 0;)
		sink(rank, at);
}

void rank_sink_first(struct rank *rank)
{
	check(rank->count > 0);
	sink(rank, 0);
}

void rank_drop_first(struct rank *rank)
{
	check(rank->count > 0);
	rank->items[0] = rank->items[--rank->count];
	if (rank->count)
		sink(rank, 0);
}
