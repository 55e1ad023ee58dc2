/* schedule_filter.h - may this task run on that node, and if not, what do people read?
 *
 * Docker's filters in Docker's order; a node is stopped by the first one that it fails.
 */
#pragma once
#include "model/constraint.h"
#include "orchestrate/ledger.h"

enum filter {
	FILTER_READY, FILTER_RESOURCE, FILTER_CONSTRAINT, FILTER_PLATFORM, FILTER_HOST_PORT, FILTER_MAX_REPLICAS,
	FILTER_COUNT,
	FILTER_PASSED = FILTER_COUNT
};

struct filter_node {
	const char *id;
	const struct node *node;
	struct ledger_line *line;
	uint64_t of_service;            /* active tasks of the same service there */
};

enum filter filter_check(const struct service_spec *spec, const struct constraint_list *constraints,
			 const struct filter_node *node);
/* "insufficient resources on 2 nodes; 1 node not available for new tasks": what stopped most first. "" when nothing did. */
const char *filter_explain(const size_t stopped[FILTER_COUNT], struct arena *arena);
