/* Whether the view is current, asked of the log (raft.h, READ): one question for all that wait. Whoever comes while it is under way waits for the
 * next one, for the answer to this one may be older than what he was told elsewhere. */
#include <stdlib.h>

#include "base/panic.h"
#include "manager/manager_internal.h"

struct reading { struct list link; manager_read_fn *done; void *arg; };

static void answered(void *arg, uint64_t index, const struct err *err);

static void ask(struct manager *m)
{
	struct list *item;

	while ((item = list_take_first(&m->reads.waiting)))
		list_add_last(&m->reads.asked, item);
	m->reads.is_asking = true;
	replica_read(m->replica, answered, m);
}

static void tell_all(struct manager *m, struct list *readings)
{
	struct list *item;

	while ((item = list_take_first(readings))) {
		struct reading *reading = CONTAINER_OF(item, struct reading, link);

		reading->done(reading->arg, m->replica != NULL);
		free(reading);
	}
}

/* Perhaps while the manager is closed. A leader that went meanwhile may have a successor already: that one is asked, once. */
static void answered(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->reads.is_second = err && m->replica && manager_has_leader(m) && !m->reads.is_second;
	if (m->reads.is_second) {
		ask(m);
		return;
	}
	tell_all(m, &m->reads.asked);
	m->reads.is_asking = false;
	if (m->replica && !list_is_empty(&m->reads.waiting))
		ask(m);
}

bool manager_read(struct manager *m, manager_read_fn *done, void *arg)
{
	struct reading *reading;

	if (replica_status(m->replica).config->count <= 1 || manager_staleness(m))
		return false;
	reading = NEW(struct reading);
	reading->done = done;
	reading->arg = arg;
	list_add_last(&m->reads.waiting, &reading->link);
	if (!m->reads.is_asking)
		ask(m);
	return true;
}

void reads_open(struct manager *m)
{
	list_init(&m->reads.waiting);
	list_init(&m->reads.asked);
}

void reads_close(struct manager *m)
{
	tell_all(m, &m->reads.asked);
	tell_all(m, &m->reads.waiting);
}
