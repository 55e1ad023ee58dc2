/* schedule_rank.h - which of the nodes that may take a task takes it: those that failed it less often lately, then those with fewer
 * tasks of the service, then with fewer tasks in all; then the oldest.
 *
 * A binary heap of candidates that is re-sorted at its top after each placing: a placing costs log(nodes), not nodes.
 */
#pragma once
#include "orchestrate/schedule_filter.h"

/* So many failures of one version on one node within so much time weigh before everything else. */
enum { RANK_FAILURES = 5, RANK_FAILURE_WINDOW_MS = 5 * 60 * 1000 };

struct candidate_node {
	struct filter_node at;
	uint64_t failures;              /* fewer than RANK_FAILURES count as none */
};
struct rank { struct candidate_node *items; size_t count; };

bool rank_before(const struct candidate_node *a, const struct candidate_node *b);
void rank_build(struct rank *rank);
/* The first of items got a task, or (leave) takes no more. */
void rank_sink_first(struct rank *rank);
void rank_drop_first(struct rank *rank);
