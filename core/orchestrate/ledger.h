/* ledger.h - what is taken of each node: reservations, host ports, number of active tasks.
 *
 * An index, not a memory: a line is computed from the node's tasks in the view when somebody looks, and forgotten as soon as an event
 * touches one of them. So a cluster of 10,000 nodes is not summed up for one new task, and nothing can drift. During a call of
 * orchestrate lines also carry what that call has placed; ledger_settle forgets those lines at its end.
 */
#pragma once
#include "state/view.h"

struct host_port { int protocol; uint64_t port; };
struct ledger_line {
	char *node_id;
	size_t at;                      /* position in the order of the view's nodes */
	bool is_known, is_changed;
	int64_t nano_cpus, memory_bytes;/* reserved by tasks that are assigned and not done */
	uint64_t active;                /* of those, how many are wanted */
	struct host_port *ports;
	size_t port_count, port_size;
};

struct ledger;
struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);
void ledger_forget(struct ledger *ledger, const char *node_id);
void ledger_forget_order(struct ledger *ledger);         /* nodes came or went */
void ledger_forget_all(struct ledger *ledger);
void ledger_settle(struct ledger *ledger);

/* Brings the order of lines up to date; to be called before the two below. Returns the number of nodes. */
size_t ledger_open(struct ledger *ledger, const struct view *view);
/* The at-th node in the view's order, or the one with this id (NULL when it is none of the view's). Computed, good until the next apply. */
struct ledger_line *ledger_at(struct ledger *ledger, const struct view *view, size_t at);
struct ledger_line *ledger_find(struct ledger *ledger, const struct view *view, const char *node_id);

/* Does a task in this state hold what it reserves? */
bool ledger_counts(const struct task *task);
void ledger_add(struct ledger *ledger, struct ledger_line *line, const struct service_spec *spec);
bool ledger_has_port(const struct ledger_line *line, const struct port_config *port);
/* A port that a task takes on its node and that is known before it starts. */
bool port_is_fixed_on_host(const struct port_config *port);
