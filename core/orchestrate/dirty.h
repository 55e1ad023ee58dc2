/* dirty.h - what a leader has to look at: queues of services and nodes, the times it set itself, and sums it keeps of nodes.
 *
 * Everything in it is derived from the view and from events, and dirty_add_all makes it anew; nothing here decides anything. A leader
 * calls dirty_add_all once when it begins, and again if a list that orchestrate returned was not applied; then dirty_add_events after
 * each applied entry.
 */
#pragma once
#include "state/apply.h"

struct dirty;
struct ledger;

struct dirty *dirty_new(void);
void dirty_free(struct dirty *dirty);                    /* NULL is welcome */
void dirty_add_events(struct dirty *dirty, const struct view *view, const struct applied *applied);  /* the view after it */
void dirty_add_all(struct dirty *dirty, const struct view *view);
bool dirty_is_empty(const struct dirty *dirty);
/* The earliest time that was set; INT64_MAX when there is none. */
msec dirty_next_ms(const struct dirty *dirty);

/* For the room itself. */
void dirty_add_service(struct dirty *dirty, const char *service_id);
void dirty_add_node(struct dirty *dirty, const char *node_id);
char *dirty_take_service(struct dirty *dirty, struct arena *arena);      /* the longest waiting; NULL when empty */
char *dirty_take_node(struct dirty *dirty, struct arena *arena);
/* Services whose time has come, and those that wait for room if some was freed, become dirty. */
void dirty_wake(struct dirty *dirty, msec now_ms);
void dirty_set_time(struct dirty *dirty, const char *service_id, msec at_ms);    /* INT64_MAX: none */
/* A service with tasks that found no node or no port: looked at again when anything is freed. */
void dirty_set_waiting(struct dirty *dirty, const char *service_id, bool is_waiting);
struct ledger *dirty_ledger(struct dirty *dirty);
